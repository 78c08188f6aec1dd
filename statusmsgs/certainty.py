"""How sure an entry is, and the rule of what is printed without being asked for."""

from enum import StrEnum

from statusmsgs.errors import MalformedTable
from statusmsgs.parsing import Table, text_of


class Certainty(StrEnum):
    """Where a text and its occasion come from."""

    CAPTURED = "captured"  # a phone printed it, and the capture is public
    DOCUMENTED = "documented"  # text and occasion stand in a public document
    INFERRED = "inferred"  # text or occasion by analogy
    OURS = "ours"  # no phone prints it

    @property
    def by_default(self) -> bool:
        """True for what is printed without `--explain`."""
        return self in (Certainty.CAPTURED, Certainty.DOCUMENTED)


def parse_certainty(table: Table, key: str, where: str) -> Certainty:
    """Read a certainty; `MalformedTable` for any other word."""
    word = text_of(table, key, where)
    try:
        return Certainty(word)
    except ValueError:
        words = ", ".join(Certainty)
        raise MalformedTable(where, f"{key!r} must be one of {words}, not {word!r}") from None


def require_source(table: Table, where: str) -> str:
    """Read `source`, which no entry may leave out or empty."""
    source = text_of(table, "source", where)
    if not source.strip():
        raise MalformedTable(where, "'source' must not be empty")
    return source
