"""The tables of console lines: their schema, read strictly from parsed TOML.

A file holds one or more families (what one line of firmware loads prints) and entries:

    [families.NAME]                 banner = [...]      lines at the head of a log file
    [families.NAME.forms]           line = "..."        how a line is built; others by name
    [families.NAME.processes.KEY]   tag, pid, tid       who prints; pid and tid are templates
    [derived.PLACE]                 from, without       a field without one of these endings
                                    from, names, otherwise   … or its name in a table
    [[entry]]   event, when, unless, families, level, process, form, text, sure, source

`sure` is one word, or a table with a word per family where the families of a file differ.
Which lines exist is decided by the files; nothing here knows a phone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from statusmsgs.certainty import Certainty, parse_certainty, require_source
from statusmsgs.clock import TIME_FIELDS
from statusmsgs.errors import MalformedTable
from statusmsgs.occasion import OCCASION_KEYS, Occasion, parse_occasion
from statusmsgs.parsing import (
    Table,
    refuse_unknown_keys,
    table_of,
    tables_of,
    text_of,
    texts_of,
)
from statusmsgs.template import Template, parse_template

FILE_KEYS = frozenset({"families", "derived", "entry"})
FAMILY_KEYS = frozenset({"banner", "forms", "processes", "source"})
DERIVED_KEYS = frozenset({"from", "without", "names", "otherwise", "source"})
PROCESS_KEYS = frozenset({"tag", "pid", "tid"})
ENTRY_KEYS = OCCASION_KEYS | {"families", "level", "process", "form", "text", "sure", "source"}
PROCESS_PLACES = frozenset({"tag", "pid", "tid"})
LINE_PLACES = TIME_FIELDS | PROCESS_PLACES | {"sequence", "level", "text"}
TRACED_PLACES = frozenset({"task", "worker"})


@dataclass(frozen=True, slots=True)
class Process:
    """A process that prints: its tag, and its pid and tid as templates over task and worker."""

    tag: Template
    pid: Template
    tid: Template


@dataclass(frozen=True, slots=True)
class Derived:
    """A place filled with another field: less one of these endings, or its name in a table.

    endings -- the first that fits is cut off. names -- by the field's value as text; where there
    are any, a value without a name becomes `otherwise`.
    """

    source_field: str
    endings: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""

    def value(self, value: object) -> str:
        """Return what the place is filled with."""
        text = str(value)
        if self.names:
            return self.names.get(text, self.otherwise)
        for ending in self.endings:
            if text.endswith(ending):
                return text.removesuffix(ending)
        return text


@dataclass(frozen=True, slots=True)
class LineEntry:
    """One line of one family. where -- file and entry, for messages."""

    where: str
    occasion: Occasion
    level: str
    process: Process | None
    form: Template
    text: Template
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class ConsoleFamily:
    """What the phones of one family print. entries -- by event name, in file order."""

    name: str
    banner: tuple[Template, ...]
    derived: Mapping[str, Derived]
    entries: Mapping[str, tuple[LineEntry, ...]]

    def all_entries(self) -> Iterator[LineEntry]:
        """Yield every entry."""
        for entries in self.entries.values():
            yield from entries


def parse_console_file(file: Table, where: str) -> dict[str, ConsoleFamily]:
    """Read one file; `MalformedTable` names file, entry and rule."""
    refuse_unknown_keys(file, FILE_KEYS, where)
    families = table_of(file, "families", where)
    derived = _parse_derived(table_of(file, "derived", where), f"{where}, derived")
    entries = list(tables_of(file, "entry", where))
    for place, entry in entries:
        _check_entry(entry, frozenset(families), place)
    return {
        name: _parse_family(name, table_of(families, name, where), derived, entries, where)
        for name in families
    }


def _check_entry(entry: Table, families: frozenset[str], where: str) -> None:
    refuse_unknown_keys(entry, ENTRY_KEYS, where)
    require_source(entry, where)
    unknown = set(texts_of(entry, "families", where)) - families
    if unknown:
        raise MalformedTable(where, f"unknown family {min(unknown)!r}")


def _parse_derived(table: Table, where: str) -> dict[str, Derived]:
    return {
        place: _parse_one_derived(table_of(table, place, where), f"{where} {place}")
        for place in table
    }


def _parse_one_derived(rule: Table, where: str) -> Derived:
    refuse_unknown_keys(rule, DERIVED_KEYS, where)
    if ("names" in rule) != ("otherwise" in rule) or ("names" in rule) == ("without" in rule):
        raise MalformedTable(where, "needs 'without', or 'names' and 'otherwise'")
    names = table_of(rule, "names", where)
    return Derived(
        source_field=text_of(rule, "from", where),
        endings=texts_of(rule, "without", where),
        names={value: text_of(names, value, where) for value in names},
        otherwise=text_of(rule, "otherwise", where, default=""),
    )


def _parse_family(
    name: str,
    table: Table,
    derived: Mapping[str, Derived],
    entries: list[tuple[str, Table]],
    file_where: str,
) -> ConsoleFamily:
    where = f"{file_where}, family {name}"
    refuse_unknown_keys(table, FAMILY_KEYS, where)
    require_source(table, where)
    banner = tuple(
        _template(text, TIME_FIELDS, f"{where}, banner")
        for text in texts_of(table, "banner", where)
    )
    forms = _parse_forms(table_of(table, "forms", where), f"{where}, forms")
    processes = _parse_processes(table_of(table, "processes", where), f"{where}, processes")
    by_event: dict[str, list[LineEntry]] = {}
    for place, entry in entries:
        if name in (texts_of(entry, "families", place) or (name,)):
            line = _parse_entry(entry, name, forms, processes, place)
            by_event.setdefault(line.occasion.event, []).append(line)
    frozen = {event: tuple(lines) for event, lines in by_event.items()}
    return ConsoleFamily(name, banner, derived, frozen)


def _parse_forms(table: Table, where: str) -> dict[str, Template]:
    return {name: _template(text_of(table, name, where), LINE_PLACES, where) for name in table}


def _parse_processes(table: Table, where: str) -> dict[str, Process]:
    processes = {}
    for name in table:
        process = table_of(table, name, where)
        place = f"{where} {name}"
        refuse_unknown_keys(process, PROCESS_KEYS, place)
        tag, pid, tid = (
            _template(text_of(process, key, place, default=""), TRACED_PLACES, place)
            for key in ("tag", "pid", "tid")
        )
        processes[name] = Process(tag, pid, tid)
    return processes


def _parse_entry(
    entry: Table,
    family: str,
    forms: Mapping[str, Template],
    processes: Mapping[str, Process],
    where: str,
) -> LineEntry:
    form_name = text_of(entry, "form", where, default="line")
    process_name = text_of(entry, "process", where, default="")
    if form_name not in forms:
        raise MalformedTable(where, f"family {family} has no form {form_name!r}")
    if process_name and process_name not in processes:
        raise MalformedTable(where, f"family {family} has no process {process_name!r}")
    line = LineEntry(
        where=where,
        occasion=parse_occasion(entry, where),
        level=text_of(entry, "level", where, default=""),
        process=processes[process_name] if process_name else None,
        form=forms[form_name],
        text=parse_template(text_of(entry, "text", where), where),
        certainty=_certainty(entry, family, where),
    )
    _check_form(line, where)
    return line


def _check_form(line: LineEntry, where: str) -> None:
    """Refuse a line whose form names a level or a process that the entry does not give."""
    if ("level" in line.form.names) != bool(line.level):
        raise MalformedTable(where, "'level' must be given exactly where the form prints it")
    prints_process = PROCESS_PLACES & (line.form.names | line.text.names)
    if bool(prints_process) != (line.process is not None):
        raise MalformedTable(where, "'process' must be given exactly where the form prints it")


def _certainty(entry: Table, family: str, where: str) -> Certainty:
    if isinstance(entry.get("sure"), dict):
        return parse_certainty(table_of(entry, "sure", where), family, f"{where}, sure")
    return parse_certainty(entry, "sure", where)


def _template(text: str, places: frozenset[str], where: str) -> Template:
    template = parse_template(text, where)
    unknown = sorted(template.names - places)
    if unknown:
        raise MalformedTable(where, f"{text!r}: unknown place {unknown[0]!r}")
    return template
