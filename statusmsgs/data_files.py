"""Reads the tables that are shipped inside this package: the only I/O of `statusmsgs`."""

import tomllib
from functools import cache
from importlib.resources import files

from statusmsgs.console import ConsoleTables, parse_console_tables
from statusmsgs.cucm import ServerTraces, parse_server_traces
from statusmsgs.parsing import Table
from statusmsgs.reasons import ReasonText, ReasonTexts, parse_reasons
from statusmsgs.status_table import StatusTable, parse_status_file

CONSOLE_PREFIX = "console-"


@cache
def console_tables() -> ConsoleTables:
    """Return the lines of every console family; parsed once, shared by all phones."""
    names = sorted(
        entry.name
        for entry in files("statusmsgs").joinpath("data").iterdir()
        if entry.name.startswith(CONSOLE_PREFIX)
    )
    console_files = {name: _read(name) for name in names}
    return parse_console_tables(console_files, ("explain.toml", _read("explain.toml")), reasons())


@cache
def status_table() -> StatusTable:
    """Return the status messages of every family."""
    return parse_status_file(_read("status.toml"), "status.toml")


@cache
def reasons() -> ReasonTexts:
    """Return what every reason means."""
    return parse_reasons(_read("reasons.toml"), "reasons.toml")


@cache
def capf_reasons() -> ReasonTexts:
    """Return what the numbers mean that CAPF ends a session with."""
    return parse_reasons(_read("capf-reasons.toml"), "capf-reasons.toml")


@cache
def server_traces() -> ServerTraces:
    """Return the lines of CUCM's TFTP service."""
    return parse_server_traces(_read("cucm-traces.toml"), "cucm-traces.toml")


def explain_reason(reason: str) -> ReasonText:
    """Return meaning and cure of a reason, in any case; KeyError where there is none."""
    return reasons().explain(reason)


def explain_capf_reason(code: int) -> ReasonText:
    """Return meaning and cure of a reason of END_SESSION; of any other number, that of UNKNOWN."""
    texts = capf_reasons().texts
    return texts.get(str(code), texts["UNKNOWN"])


def _read(name: str) -> Table:
    text = files("statusmsgs").joinpath("data").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)
