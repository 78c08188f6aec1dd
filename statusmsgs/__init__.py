"""Console lines and status messages of Cisco IP phones, rendered from trace events.

Every text is data with a source (`statusmsgs/data/*.toml`); no code builds one. The package knows
trace events by class name and field name only and imports nothing of `secd`. It decides nothing:
an event without an entry prints nothing, and no entry renders more than one event.
"""

from statusmsgs.as_json import JSON, event_to_json
from statusmsgs.certainty import Certainty
from statusmsgs.console import ConsoleRenderer, ConsoleTables, parse_console_tables
from statusmsgs.cucm import ServerTraces, parse_server_traces
from statusmsgs.data_files import (
    capf_reasons,
    console_tables,
    explain_capf_reason,
    explain_reason,
    reasons,
    server_traces,
    status_table,
)
from statusmsgs.errors import MalformedTable
from statusmsgs.events import TracedEvent
from statusmsgs.reasons import ReasonText, ReasonTexts, parse_reasons
from statusmsgs.ring import StatusRing, ring_from_rows
from statusmsgs.status import StatusMessage, StatusRenderer, format_status
from statusmsgs.status_table import StatusFamily, StatusTable, parse_status_file

__all__ = [
    "JSON",
    "Certainty",
    "ConsoleRenderer",
    "ConsoleTables",
    "MalformedTable",
    "ReasonText",
    "ReasonTexts",
    "ServerTraces",
    "StatusFamily",
    "StatusMessage",
    "StatusRenderer",
    "StatusRing",
    "StatusTable",
    "TracedEvent",
    "capf_reasons",
    "console_tables",
    "event_to_json",
    "explain_capf_reason",
    "explain_reason",
    "format_status",
    "parse_console_tables",
    "parse_reasons",
    "parse_server_traces",
    "parse_status_file",
    "reasons",
    "ring_from_rows",
    "server_traces",
    "status_table",
]
