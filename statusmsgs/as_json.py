"""Trace events as JSON values: the same facts for programs, without any text of a phone."""

from dataclasses import is_dataclass
from typing import TypeAlias

from statusmsgs.events import TracedEvent, field_values

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None


def event_to_json(traced: TracedEvent) -> dict[str, JSON]:
    """Return class name, time, task, worker and fields of an event."""
    fields = {name: json_value(value) for name, value in field_values(traced.event).items()}
    return {
        "event": type(traced.event).__name__,
        "at_seconds": traced.at_seconds,
        "task": traced.task,
        "worker": traced.worker,
        "fields": fields,
    }


def json_value(value: object) -> JSON:
    """Return a field as JSON: octets in hex, sets sorted; TypeError for what has no JSON form."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.hex()
        case tuple() | list():
            return [json_value(item) for item in value]
        case frozenset():
            return [json_value(item) for item in sorted(value)]
    if is_dataclass(value):
        return {name: json_value(item) for name, item in field_values(value).items()}
    raise TypeError(f"no JSON form for {value!r}")
