"""Renders what the lab's TFTP server does into the lines of a CUCM TFTP trace.

    [constants]    values of places that the lab has nothing of its own for
    [form]         line = "..."
    [[entry]]      event, fields, text, sure, source

An event is a name and its fields; `fields` lists what the entry expects, so that a server can be
held against the table. Lines of ours carry a mark in their text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from statusmsgs.certainty import Certainty, parse_certainty, require_source
from statusmsgs.clock import TIME_FIELDS, time_fields
from statusmsgs.errors import MalformedTable
from statusmsgs.events import printable
from statusmsgs.parsing import (
    Table,
    refuse_unknown_keys,
    table_of,
    tables_of,
    text_of,
    texts_of,
)
from statusmsgs.template import Template, parse_template

FILE_KEYS = frozenset({"constants", "form", "entry"})
ENTRY_KEYS = frozenset({"event", "fields", "text", "sure", "source"})


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One line. fields -- what the server must tell."""

    fields: frozenset[str]
    text: Template
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class ServerTraces:
    """The lines of a CUCM TFTP trace by the name of a server's event."""

    form: Template
    constants: Mapping[str, str]
    lines: Mapping[str, ServerLine]

    def render(self, event: str, fields: Mapping[str, str | int], at_seconds: float) -> str:
        """Return the line of an event; KeyError for an unknown event or a missing field."""
        values = {name: printable(value) for name, value in fields.items()}
        text = self.lines[event].text.fill(dict(self.constants) | values)
        return self.form.fill(dict(time_fields(at_seconds), text=text))


def parse_server_traces(file: Table, where: str) -> ServerTraces:
    """Read the file; `MalformedTable` names file, entry and rule."""
    refuse_unknown_keys(file, FILE_KEYS, where)
    constants = table_of(file, "constants", where)
    texts = {name: text_of(constants, name, f"{where}, constants") for name in constants}
    form = parse_template(text_of(table_of(file, "form", where), "line", where), f"{where}, form")
    if not form.names <= TIME_FIELDS | {"text"}:
        raise MalformedTable(f"{where}, form", "a form names moments and text only")
    lines: dict[str, ServerLine] = {}
    for place, entry in tables_of(file, "entry", where):
        event = text_of(entry, "event", place)
        if event in lines:
            raise MalformedTable(place, f"a second line for {event}")
        lines[event] = _parse_line(entry, frozenset(texts), place)
    return ServerTraces(form, texts, lines)


def _parse_line(entry: Table, constants: frozenset[str], where: str) -> ServerLine:
    refuse_unknown_keys(entry, ENTRY_KEYS, where)
    require_source(entry, where)
    fields = frozenset(texts_of(entry, "fields", where))
    text = parse_template(text_of(entry, "text", where), where)
    unknown = sorted(text.names - fields - constants)
    if unknown:
        raise MalformedTable(where, f"place {unknown[0]!r} is neither a field nor a constant")
    return ServerLine(fields, text, parse_certainty(entry, "sure", where))
