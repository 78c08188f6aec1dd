"""Renders trace events into the status messages of one kind of phone."""

from dataclasses import dataclass

from statusmsgs.clock import time_fields
from statusmsgs.events import TracedEvent, facts_of, printable
from statusmsgs.status_table import StatusFamily, StatusTable


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """One status message. at_seconds -- Unix time. key -- what it says, in any family."""

    at_seconds: float
    text: str
    key: str


class StatusRenderer:
    """The status messages of one phone. family -- a name of the table."""

    def __init__(self, table: StatusTable, family: str) -> None:
        self.family = table.family(family)

    def render(self, traced: TracedEvent) -> tuple[StatusMessage, ...]:
        """Return the messages of one event; most events have none."""
        entries = self.family.entries.get(type(traced.event).__name__)
        if entries is None:
            return ()
        facts = facts_of(traced)
        values = {name: printable(value) for name, value in facts.values.items()}
        return tuple(
            StatusMessage(traced.at_seconds, entry.text.fill(values), entry.key)
            for entry in entries
            if entry.occasion.matches(facts)
        )


def format_status(message: StatusMessage, family: StatusFamily, form: str = "line") -> str:
    """Return a message with its time as the family shows it.

    form -- `line` for the screen; `web` and `xml` where the family's pages differ from it.
    KeyError where the family has no such form.
    """
    values = dict(time_fields(message.at_seconds), text=message.text)
    return family.forms[form].fill(values)
