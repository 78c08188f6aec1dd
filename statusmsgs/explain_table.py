"""The table of our own explanations, printed only on demand and marked as ours.

    [marks]     inferred   how a line of a phone that no capture shows is marked
                ours_first, ours_next   how the first and the further lines of ours look
                width      columns that a line of ours may take
    [[entry]]   event, when, unless, text, sure, source

A text may name the fields of its event and, where the event has a `reason` or a `verdict`,
`meaning` and `cure`. An explanation whose filled text is empty prints nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from statusmsgs.certainty import Certainty, parse_certainty, require_source
from statusmsgs.clock import TIME_FIELDS
from statusmsgs.errors import MalformedTable
from statusmsgs.occasion import OCCASION_KEYS, Occasion, parse_occasion
from statusmsgs.parsing import (
    Table,
    number_of,
    refuse_unknown_keys,
    table_of,
    tables_of,
    text_of,
)
from statusmsgs.template import Template, parse_template

MARK_KEYS = frozenset({"inferred", "ours_first", "ours_next", "width"})
ENTRY_KEYS = OCCASION_KEYS | {"text", "sure", "source"}
REASON_FIELDS = ("reason", "verdict")
REASON_PLACES = frozenset({"meaning", "cure"})


@dataclass(frozen=True, slots=True)
class Marks:
    """How lines that no phone is known to print are told apart from real ones."""

    inferred: Template
    ours_first: Template
    ours_next: Template
    width: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """One text of ours."""

    where: str
    occasion: Occasion
    text: Template


@dataclass(frozen=True, slots=True)
class ExplainTable:
    """All of them, by event name, in file order."""

    marks: Marks
    entries: Mapping[str, tuple[Explanation, ...]]


def parse_explain_file(file: Table, where: str) -> ExplainTable:
    """Read the file; `MalformedTable` names file, entry and rule."""
    refuse_unknown_keys(file, frozenset({"marks", "entry"}), where)
    by_event: dict[str, list[Explanation]] = {}
    for place, entry in tables_of(file, "entry", where):
        explanation = _parse_entry(entry, place)
        by_event.setdefault(explanation.occasion.event, []).append(explanation)
    marks = _parse_marks(table_of(file, "marks", where), f"{where}, marks")
    return ExplainTable(marks, {event: tuple(found) for event, found in by_event.items()})


def _parse_marks(table: Table, where: str) -> Marks:
    refuse_unknown_keys(table, MARK_KEYS, where)
    return Marks(
        _mark(table, "inferred", frozenset({"line"}), where),
        _mark(table, "ours_first", TIME_FIELDS | {"text"}, where),
        _mark(table, "ours_next", TIME_FIELDS | {"text"}, where),
        number_of(table, "width", where),
    )


def _mark(table: Table, key: str, places: frozenset[str], where: str) -> Template:
    template = parse_template(text_of(table, key, where), f"{where}, {key}")
    if not template.names <= places:
        raise MalformedTable(f"{where}, {key}", f"places may be {', '.join(sorted(places))}")
    return template


def _parse_entry(entry: Table, where: str) -> Explanation:
    refuse_unknown_keys(entry, ENTRY_KEYS, where)
    require_source(entry, where)
    if parse_certainty(entry, "sure", where) is not Certainty.OURS:
        raise MalformedTable(where, "an explanation is always sure = 'ours'")
    text = parse_template(text_of(entry, "text", where), where)
    return Explanation(where, parse_occasion(entry, where), text)
