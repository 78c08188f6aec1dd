"""What a CTL Client says, from `texts.toml`; nothing is worded in code."""

import tomllib
from dataclasses import asdict
from functools import cache
from importlib.resources import files

from firmware_sim.ctl_client.events import ClientEvent


@cache
def texts() -> dict[str, dict[str, str]]:
    """Return the table: text and source by name."""
    text = files("firmware_sim.ctl_client").joinpath("texts.toml").read_text(encoding="utf-8")
    table: dict[str, dict[str, str]] = tomllib.loads(text)
    return table


def say(name: str, /, **values: str | int) -> str:
    """Return a text with its values filled in."""
    return texts()[name]["text"].format(**values)


def tell(event: ClientEvent) -> str:
    """Return the line of an event."""
    return say(type(event).__name__, **asdict(event))
