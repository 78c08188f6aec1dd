"""What this package sees of a trace event: its class name and its fields.

Nothing of `secd` is imported, so a text can only say what a field says. Texts that came from the
network are printed with every control character escaped: a server's error text must not be able
to write lines of its own into a log or to steer a terminal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Protocol


class TracedEvent(Protocol):
    """An event with its place in the stream, as `secd.trace.Traced` has it."""

    @property
    def at_seconds(self) -> float:
        """Wall clock, Unix time."""

    @property
    def task(self) -> int:
        """Number of the phone's thread that acts."""

    @property
    def worker(self) -> int:
        """Number of the process that transfers the file."""

    @property
    def event(self) -> object:
        """The event, a dataclass."""


_field_names: dict[type[object], tuple[str, ...]] = {}  # by event class; see _look_up_names


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The class name of an event and its fields, with `task` and `worker` beside them."""

    name: str
    values: Mapping[str, object]


def facts_of(traced: TracedEvent) -> EventFacts:
    """Return name and fields of a traced event; TypeError where it is no dataclass."""
    event = traced.event
    values = dict(field_values(event), task=traced.task, worker=traced.worker)
    return EventFacts(type(event).__name__, values)


def field_values(event: object) -> dict[str, object]:
    """Return the fields of a dataclass instance, enums as their plain values."""
    names = _field_names.get(type(event)) or _look_up_names(event)
    return {name: _plain(getattr(event, name)) for name in names}


def printable(value: object) -> object:
    """Return a text with every unprintable character escaped; other values unchanged."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in value
    )


def _look_up_names(event: object) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, and keep them: once per class, not per event."""
    if not is_dataclass(event):
        raise TypeError(f"an event must be a dataclass, not {event!r}")
    names = tuple(field.name for field in fields(event))
    _field_names[type(event)] = names
    return names


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
