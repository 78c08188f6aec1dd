"""A text with named places, checked once when its table is loaded.

Only plain names with an optional format are allowed between braces: no attributes, no indexes,
no positions. So a table cannot reach into objects, and a misspelt place is found at load time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from statusmsgs.errors import MalformedTable


@dataclass(frozen=True, slots=True)
class Template:
    """A text such as `Requesting {file_name} from {server}`. names -- its places."""

    text: str
    names: frozenset[str]

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the text with every place filled."""
        return self.text.format_map(values)


def parse_template(text: str, where: str) -> Template:
    """Check a text and find its places; `MalformedTable` says what is wrong with it."""
    try:
        places = [(name, conversion) for _, name, _, conversion in Formatter().parse(text)]
    except ValueError as error:
        raise MalformedTable(where, f"{text!r}: {error}") from None
    names = {name for name, _ in places if name is not None}
    odd = sorted(name for name in names if not name.isidentifier())
    if odd or any(conversion for _, conversion in places):
        raise MalformedTable(where, f"{text!r}: a place must be a plain name")
    return Template(text, frozenset(names))
