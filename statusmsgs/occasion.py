"""When a text is printed: an event's class name and conditions over its fields.

`when` holds if every field named has (one of) the given value(s); `unless` forbids the text if
any field named has (one of) the given value(s). There is no other logic in the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from statusmsgs.errors import MalformedTable
from statusmsgs.events import EventFacts
from statusmsgs.parsing import Table, table_of, text_of

Scalar = str | int | bool
OCCASION_KEYS = frozenset({"event", "when", "unless"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A field and the values it is compared with."""

    field: str
    values: tuple[Scalar, ...]

    def holds(self, values: Mapping[str, object]) -> bool:
        """Tell whether the field has one of the values; True is not 1 here."""
        value = values[self.field]
        return any(
            value == candidate and isinstance(value, bool) == isinstance(candidate, bool)
            for candidate in self.values
        )


@dataclass(frozen=True, slots=True)
class Occasion:
    """One event under conditions."""

    event: str
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The event's fields that the conditions name."""
        return frozenset(condition.field for condition in self.when + self.unless)

    def matches(self, facts: EventFacts) -> bool:
        """Tell whether this is the occasion."""
        return (
            self.event == facts.name
            and all(condition.holds(facts.values) for condition in self.when)
            and not any(condition.holds(facts.values) for condition in self.unless)
        )


def parse_occasion(entry: Table, where: str) -> Occasion:
    """Read `event`, `when` and `unless` of an entry."""
    return Occasion(
        text_of(entry, "event", where),
        _conditions(table_of(entry, "when", where), f"{where}, when"),
        _conditions(table_of(entry, "unless", where), f"{where}, unless"),
    )


def _conditions(table: Table, where: str) -> tuple[Condition, ...]:
    return tuple(Condition(field, _values(value, where)) for field, value in table.items())


def _values(value: object, where: str) -> tuple[Scalar, ...]:
    candidates = value if isinstance(value, list) else [value]
    if not candidates or not all(isinstance(item, str | int) for item in candidates):
        raise MalformedTable(where, f"must be a text, number or truth, or a list, not {value!r}")
    return tuple(candidates)
