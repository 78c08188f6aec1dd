"""Renders trace events into the lines that a phone of one family writes to its console log.

Decides only which entries match an event and in which order they stand; texts, forms, numbers of
processes and marks are data. Lines that no public source shows appear only with `explain`, and
are marked. Time is UTC, as it is in the captures.
"""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from statusmsgs.certainty import Certainty
from statusmsgs.clock import time_fields
from statusmsgs.console_table import ConsoleFamily, LineEntry, parse_console_file
from statusmsgs.errors import MalformedTable
from statusmsgs.events import EventFacts, TracedEvent, facts_of, printable
from statusmsgs.explain_table import REASON_FIELDS, ExplainTable, parse_explain_file
from statusmsgs.parsing import Table
from statusmsgs.reasons import ReasonTexts


@dataclass(frozen=True, slots=True)
class ConsoleTables:
    """The lines of every family, our explanations, and the texts of reasons. Shared by phones."""

    families: Mapping[str, ConsoleFamily]
    explain: ExplainTable
    reasons: ReasonTexts

    def family(self, name: str) -> ConsoleFamily:
        """Return a family; KeyError lists the known ones."""
        if name not in self.families:
            known = ", ".join(sorted(self.families))
            raise KeyError(f"no console family {name!r}; known: {known}")
        return self.families[name]


def parse_console_tables(
    files: Mapping[str, Table], explain_file: tuple[str, Table], reasons: ReasonTexts
) -> ConsoleTables:
    """Read the files of all families, by file name; a family may stand in one file only."""
    families: dict[str, ConsoleFamily] = {}
    for name, file in files.items():
        for family_name, family in parse_console_file(file, name).items():
            if family_name in families:
                raise MalformedTable(name, f"family {family_name!r} stands in another file too")
            families[family_name] = family
    explain_name, explain_table = explain_file
    return ConsoleTables(families, parse_explain_file(explain_table, explain_name), reasons)


class ConsoleRenderer:
    """The console log of one phone: it numbers the lines that it renders.

    family -- a name of `tables`. explain -- print inferred lines and ours too, marked.
    """

    def __init__(
        self,
        tables: ConsoleTables,
        family: str,
        explain: bool = False,
        first_sequence: int = 1,
    ) -> None:
        self._tables = tables
        self._family = tables.family(family)
        self._explain = explain
        self._sequence = first_sequence

    @property
    def next_sequence(self) -> int:
        """The number that the next line will have."""
        return self._sequence

    def banner(self, at_seconds: float) -> tuple[str, ...]:
        """Return the lines at the head of a log file that is opened at this moment."""
        values = time_fields(at_seconds)
        return tuple(template.fill(values) for template in self._family.banner)

    def render(self, traced: TracedEvent) -> tuple[str, ...]:
        """Return the lines of one event, in order; a line may contain a line break of its own."""
        entries = self._family.entries.get(type(traced.event).__name__, ())
        if not entries and not self._explain:  # most events print nothing
            return ()
        facts = facts_of(traced)
        lines = [
            self._line(entry, facts, traced.at_seconds)
            for entry in entries
            if (self._explain or entry.certainty.by_default) and entry.occasion.matches(facts)
        ]
        if self._explain:
            lines += self._explanations(facts, traced.at_seconds)
        return tuple(lines)

    def _line(self, entry: LineEntry, facts: EventFacts, at_seconds: float) -> str:
        values = self._values(facts)
        if entry.process is not None:
            process = entry.process
            values |= {
                "tag": process.tag.fill(values),
                "pid": process.pid.fill(values),
                "tid": process.tid.fill(values),
            }
        places = values | dict(time_fields(at_seconds))
        places |= {"sequence": self._sequence, "level": entry.level}
        places["text"] = entry.text.fill(values)
        self._sequence += 1
        line = entry.form.fill(places)
        if entry.certainty is Certainty.INFERRED:
            return self._tables.explain.marks.inferred.fill({"line": line})
        return line

    def _values(self, facts: EventFacts) -> dict[str, object]:
        values = {name: printable(value) for name, value in facts.values.items()}
        for place, rule in self._family.derived.items():
            if rule.source_field in values:
                values[place] = rule.value(values[rule.source_field])
        return values

    def _explanations(self, facts: EventFacts, at_seconds: float) -> Iterator[str]:
        for entry in self._tables.explain.entries.get(facts.name, ()):
            if entry.occasion.matches(facts):
                values = self._values(facts) | self._reason_values(facts)
                yield from self._wrapped(entry.text.fill(values), at_seconds)

    def _reason_values(self, facts: EventFacts) -> dict[str, object]:
        for field in REASON_FIELDS:
            reason = facts.values.get(field)
            if isinstance(reason, str) and reason:
                text = self._tables.reasons.explain(reason)
                return {"meaning": text.meaning, "cure": text.cure}
        return {"meaning": "", "cure": ""}

    def _wrapped(self, text: str, at_seconds: float) -> Iterator[str]:
        marks, moment = self._tables.explain.marks, dict(time_fields(at_seconds))
        room = marks.width - len(marks.ours_first.fill(moment | {"text": ""}))
        for number, part in enumerate(textwrap.wrap(text, room, break_on_hyphens=False)):
            mark = marks.ours_next if number else marks.ours_first
            yield mark.fill(moment | {"text": part})
