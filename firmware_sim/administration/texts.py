"""What CUCM asks and says, from `texts.toml`; nothing is worded in code."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Text:
    """question -- asked before anything is done; empty: none. lines -- said when it is done."""

    question: str
    lines: tuple[str, ...]


@cache
def _table() -> dict[str, dict[str, object]]:
    text = files("firmware_sim.administration").joinpath("texts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def text_of(name: str, /, **values: str) -> Text:
    """Return a text with its values filled in."""
    entry = _table()[name]
    lines = entry["lines"]
    if not isinstance(lines, list):
        raise TypeError(f"{name}: lines is no array")
    question = str(entry.get("question", ""))
    return Text(question.format(**values), tuple(str(line).format(**values) for line in lines))
