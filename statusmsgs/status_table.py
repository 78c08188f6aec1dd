"""The tables of status messages: their schema, read strictly from parsed TOML.

    [families.NAME]         web_kept, screen_kept   how many messages the phone keeps
    [families.NAME.forms]   line = "..."            how a message is shown; others by name
    [[entry]]   key, event, when, unless, families, text, sure, source

Every entry is shown, however sure: a phone always says something on these occasions, and the
table records how well its words are known.
"""

from collections.abc import Iterator, Mapping
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
    texts_of,
)
from statusmsgs.template import Template, parse_template

FAMILY_KEYS = frozenset({"web_kept", "screen_kept", "forms", "source"})
ENTRY_KEYS = OCCASION_KEYS | {"key", "families", "text", "sure", "source"}
FORM_PLACES = TIME_FIELDS | {"text"}


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One text of one family. key -- what it says, the same in every family."""

    where: str
    key: str
    occasion: Occasion
    text: Template
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class StatusFamily:
    """The status messages of phones of one kind. entries -- by event name, in file order."""

    name: str
    web_kept: int
    screen_kept: int
    forms: Mapping[str, Template]
    entries: Mapping[str, tuple[StatusEntry, ...]]

    def all_entries(self) -> Iterator[StatusEntry]:
        """Yield every entry."""
        for entries in self.entries.values():
            yield from entries


@dataclass(frozen=True, slots=True)
class StatusTable:
    """All families."""

    families: Mapping[str, StatusFamily]

    def family(self, name: str) -> StatusFamily:
        """Return a family; KeyError lists the known ones."""
        if name not in self.families:
            known = ", ".join(sorted(self.families))
            raise KeyError(f"no status family {name!r}; known: {known}")
        return self.families[name]


def parse_status_file(file: Table, where: str) -> StatusTable:
    """Read the file; `MalformedTable` names file, entry and rule."""
    refuse_unknown_keys(file, frozenset({"families", "entry"}), where)
    families = table_of(file, "families", where)
    entries = list(tables_of(file, "entry", where))
    for place, entry in entries:
        _check_entry(entry, frozenset(families), place)
    return StatusTable(
        {
            name: _parse_family(name, table_of(families, name, where), entries, where)
            for name in families
        }
    )


def _check_entry(entry: Table, families: frozenset[str], where: str) -> None:
    refuse_unknown_keys(entry, ENTRY_KEYS, where)
    require_source(entry, where)
    named = set(texts_of(entry, "families", where))
    if not named or not named <= families:
        raise MalformedTable(where, f"'families' must name some of {', '.join(sorted(families))}")


def _parse_family(
    name: str, table: Table, entries: list[tuple[str, Table]], file_where: str
) -> StatusFamily:
    where = f"{file_where}, family {name}"
    refuse_unknown_keys(table, FAMILY_KEYS, where)
    require_source(table, where)
    by_event: dict[str, list[StatusEntry]] = {}
    for place, entry in entries:
        if name in texts_of(entry, "families", place):
            message = _parse_entry(entry, place)
            by_event.setdefault(message.occasion.event, []).append(message)
    return StatusFamily(
        name=name,
        web_kept=number_of(table, "web_kept", where),
        screen_kept=number_of(table, "screen_kept", where),
        forms=_parse_forms(table_of(table, "forms", where), f"{where}, forms"),
        entries={event: tuple(found) for event, found in by_event.items()},
    )


def _parse_entry(entry: Table, where: str) -> StatusEntry:
    return StatusEntry(
        where=where,
        key=text_of(entry, "key", where),
        occasion=parse_occasion(entry, where),
        text=parse_template(text_of(entry, "text", where), where),
        certainty=parse_certainty(entry, "sure", where),
    )


def _parse_forms(table: Table, where: str) -> dict[str, Template]:
    forms = {name: parse_template(text_of(table, name, where), where) for name in table}
    if "line" not in forms:
        raise MalformedTable(where, "the form 'line' is missing")
    for name, form in forms.items():
        if not form.names <= FORM_PLACES:
            raise MalformedTable(f"{where} {name}", "a form names moments and text only")
    return forms
