"""The tables of `statusmsgs` held against the trace events and reasons that they speak of."""

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from textwrap import wrap

import pytest

from secd import trace
from secd.capf import Reason as CAPFReason
from secd.trace import ListsChange, ListsFailure, Traced, TraceEvent
from secd.trust import Reason
from secd.words import FileKind
from statusmsgs import (
    Certainty,
    ConsoleRenderer,
    StatusRenderer,
    capf_reasons,
    console_tables,
    explain_capf_reason,
    format_status,
    reasons,
    status_table,
)
from statusmsgs.events import facts_of
from statusmsgs.explain_table import REASON_FIELDS, REASON_PLACES
from statusmsgs.occasion import Occasion, Scalar
from statusmsgs.template import Template

EVENTS: dict[str, type[TraceEvent]] = {
    name: kind
    for name in trace.__all__
    if isinstance(kind := getattr(trace, name), type)
    and issubclass(kind, TraceEvent)
    and kind is not TraceEvent
}
TRACED_PLACES = {"task", "worker"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What all kinds of entries have in common. places -- what a text may name besides fields."""

    where: str
    occasion: Occasion
    text: Template
    places: frozenset[str]


def console_entries() -> Iterator[Entry]:
    for family in console_tables().families.values():
        for entry in family.all_entries():
            derived = {
                place
                for place, rule in family.derived.items()
                if rule.source_field in field_types(entry.occasion.event)
            }
            process = {"pid", "tid"} if entry.process else set()
            places = frozenset(TRACED_PLACES | derived | process)
            yield Entry(f"{entry.where} in {family.name}", entry.occasion, entry.text, places)


def explain_entries() -> Iterator[Entry]:
    for entries in console_tables().explain.entries.values():
        for entry in entries:
            has_reason = set(REASON_FIELDS) & set(field_types(entry.occasion.event))
            places = frozenset(REASON_PLACES if has_reason else ())
            yield Entry(entry.where, entry.occasion, entry.text, places)


def status_entries() -> Iterator[Entry]:
    for family in status_table().families.values():
        for entry in family.all_entries():
            where = f"{entry.where} in {family.name}"
            yield Entry(where, entry.occasion, entry.text, frozenset())


def field_types(event: str) -> dict[str, object]:
    kind = EVENTS[event]
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


ALL = [*console_entries(), *explain_entries(), *status_entries()]


def suits(value: Scalar, expected: object) -> bool:
    """Tell whether a field of this type can ever have this value."""
    if isinstance(expected, type) and issubclass(expected, Enum):
        return value in {member.value for member in expected}
    return type(value) is expected


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.where)
def test_events_conditions_and_places_exist(entry: Entry) -> None:
    known = field_types(entry.occasion.event)
    assert entry.occasion.fields <= set(known)
    assert entry.text.names <= set(known) | entry.places
    for condition in entry.occasion.when + entry.occasion.unless:
        for value in condition.values:
            assert suits(value, known[condition.field]), (condition.field, value)
            if condition.field in REASON_FIELDS:
                assert value in set(Reason)


def sample(event: str, entry: Entry) -> Traced:
    """Make an event on which the entry has to print."""
    forbidden = {c.field: c.values for c in entry.occasion.unless}
    values = {
        name: sample_value(kind, forbidden.get(name, ()))
        for name, kind in field_types(event).items()
    }
    for name in REASON_FIELDS:
        if name in values:
            values[name] = "IN_CTL"
    for condition in entry.occasion.when:
        expected = field_types(event)[condition.field]
        value = condition.values[0]
        values[condition.field] = (
            expected(value) if isinstance(expected, type) and issubclass(expected, Enum) else value
        )
    return Traced(1_600_000_000.5, 11, 22, EVENTS[event](**values))


def sample_value(kind: object, forbidden: tuple[Scalar, ...]) -> object:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(member for member in kind if member.value not in forbidden)
    if kind is bool:
        return False
    return {str: "some text", int: 7, float: 1.5}[typing.cast("type", kind)]


@pytest.mark.parametrize("family", console_tables().families)
def test_every_console_entry_can_be_printed(family: str) -> None:
    for entry in console_tables().families[family].all_entries():
        one = Entry(entry.where, entry.occasion, entry.text, frozenset())
        traced = sample(entry.occasion.event, one)
        assert entry.occasion.matches(facts_of(traced)), entry.where
        lines = ConsoleRenderer(console_tables(), family, explain=True).render(traced)
        assert lines, entry.where


@pytest.mark.parametrize("family", status_table().families)
def test_every_status_entry_can_be_shown(family: str) -> None:
    renderer = StatusRenderer(status_table(), family)
    for entry in renderer.family.all_entries():
        one = Entry(entry.where, entry.occasion, entry.text, frozenset())
        messages = renderer.render(sample(entry.occasion.event, one))
        keys = [message.key for message in messages]
        assert entry.key in keys, entry.where
        for message in messages:
            assert all(
                message.text in format_status(message, renderer.family, form)
                for form in renderer.family.forms
            )


def test_every_explanation_can_be_printed() -> None:
    for entry in explain_entries():
        console = ConsoleRenderer(console_tables(), "silent", explain=True)
        assert console.render(sample(entry.occasion.event, entry)), entry.where


@pytest.mark.parametrize("family", status_table().families)
def test_every_outcome_of_the_lists_has_one_message(family: str) -> None:
    renderer = StatusRenderer(status_table(), family)
    outcomes: list[TraceEvent] = [
        *(trace.TrustListsChanged(change) for change in ListsChange),
        *(trace.TrustListsFailed(failure) for failure in ListsFailure),
        trace.NoTrustListInstalled(),
        trace.ListMissing(FileKind.CTL, "CTLFile.tlv"),
    ]
    without_itl = {ListsChange.ITL_INSTALLED, ListsChange.BOTH_INSTALLED}
    for event in outcomes:
        impossible = (
            family == "7940"
            and isinstance(event, trace.TrustListsChanged)
            and event.change in without_itl
        )
        expected = 0 if impossible else 1
        assert len(renderer.render(Traced(0.0, 1, 0, event))) == expected, event


def test_nothing_of_ours_stands_among_a_phones_lines() -> None:
    certainties = {
        entry.certainty
        for family in console_tables().families.values()
        for entry in family.all_entries()
    }
    assert certainties == {Certainty.CAPTURED, Certainty.DOCUMENTED, Certainty.INFERRED}


def test_every_reason_has_a_text_and_no_text_lacks_its_reason() -> None:
    assert set(reasons().texts) == {reason.name for reason in Reason}


NO_REFUSAL = {
    *("FIRST_LIST", "IN_CTL", "IN_ITL", "TVS_VOUCHED", "ROLLBACK_ITL", "CHANNEL_AUTHENTICATED"),
    *("PLAIN_ALLOWED", "MANUAL_KEY", "PEER_LISTED", "CHAIN_TO_CA", "NO_CTL", "SERVER_IN_CTL"),
    *("ADDRESS_NOT_CHECKED", "IDENTICAL", "LIST_NOT_USED", "FIRMWARE_KEY"),
}


@pytest.mark.parametrize("reason", sorted(reasons().texts))
def test_texts_of_reasons_are_short_sentences_with_a_cure_where_one_is_needed(reason: str) -> None:
    text = reasons().explain(reason)
    assert text.meaning[0].isupper()
    assert text.meaning.endswith(".")
    assert len(wrap(text.meaning, 76)) <= 3
    assert len(wrap(text.cure, 76)) <= 5
    assert text.cure.count(". ") <= 2
    assert bool(text.cure) or reason in NO_REFUSAL


def test_a_reason_is_found_in_any_case() -> None:
    assert reasons().explain("identical") == reasons().explain("IDENTICAL")


def test_the_numbers_of_capf_have_texts_and_any_other_has_one_too() -> None:
    known = {str(int(reason)) for reason in CAPFReason}
    assert set(capf_reasons().texts) == known | {"UNKNOWN"}
    assert explain_capf_reason(9).meaning == "CAPF does not know the device"
    assert explain_capf_reason(42) == explain_capf_reason(255)
    assert explain_capf_reason(42).meaning == "its meaning is not known"
    for code in (7, 9, 42):  # those that refuse
        assert explain_capf_reason(code).cure.endswith(".")
    assert max(len(wrap(text.cure, 76)) for text in capf_reasons().texts.values()) <= 5


def test_field_types_are_those_that_a_table_can_compare() -> None:
    for event in EVENTS:
        for name, kind in field_types(event).items():
            assert not isinstance(kind, types.UnionType), (event, name)
