"""The newest status messages that a phone keeps, oldest first.

How many is data of the family; how they survive a restart is the business of whoever keeps the
phone's flash, which is why the ring turns into plain tuples and back.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from statusmsgs.status import StatusMessage

Row = tuple[float, str, str]

_YEAR_10000 = 253_402_300_800  # Unix time; no line form can show more


@dataclass(frozen=True, slots=True)
class StatusRing:
    """At most `capacity` messages, oldest first; a value: `added` returns a new ring."""

    capacity: int
    messages: tuple[StatusMessage, ...] = ()

    def __post_init__(self) -> None:
        if self.capacity <= 0:
            raise ValueError(f"a ring must hold at least one message, not {self.capacity}")
        if len(self.messages) > self.capacity:
            raise ValueError(f"{len(self.messages)} messages in a ring of {self.capacity}")

    def added(self, messages: Iterable[StatusMessage]) -> "StatusRing":
        """Return a ring with these messages at its end and the oldest ones dropped."""
        kept = (*self.messages, *messages)[-self.capacity :]
        return StatusRing(self.capacity, kept)

    def newest(self, count: int) -> tuple[StatusMessage, ...]:
        """Return the newest messages, oldest first: what a page with room for `count` shows."""
        return self.messages[-count:] if count > 0 else ()

    def to_rows(self) -> tuple[Row, ...]:
        """Return (Unix time, text, key) for each message, oldest first."""
        return tuple((message.at_seconds, message.text, message.key) for message in self.messages)


def ring_from_rows(capacity: int, rows: Iterable[object]) -> StatusRing:
    """Rebuild a ring from what `to_rows` gave; ValueError names a row of another shape.

    More rows than the ring holds are no error: a family's number may have changed, so the newest
    stay.
    """
    return StatusRing(capacity).added(_message(row) for row in rows)


def _message(row: object) -> StatusMessage:
    match row:
        case (int() | float() as at_seconds, str() as text, str() as key) if (
            0 <= at_seconds < _YEAR_10000
        ):
            return StatusMessage(float(at_seconds), text, key)
    raise ValueError(f"not a stored status message: {row!r}")
