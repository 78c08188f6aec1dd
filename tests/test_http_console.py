"""What a 7821 prints while a file comes by HTTP, line by line (Cisco 214535)."""

import re
from pathlib import Path

import pytest

from secd.trace import (
    FetchEnded,
    FileApproved,
    FileRequested,
    HTTPHeaderReceived,
    ServerLookedUp,
    Traced,
    TraceEvent,
    TransferFinished,
    TransferStarted,
)
from secd.words import FileKind, Transport
from statusmsgs import ConsoleRenderer, console_tables

CONSOLE = Path(__file__).parent / "vectors" / "console"
HOME = "192.168.7.200"
HTTP = Transport.HTTP
CAPTURED_FIELDS = ("Cache-Control: no-store", "Content-type: */*")


def head(name: str, size_bytes: int) -> list[TraceEvent]:
    """Return the head of a CUCM's answer as the phone traces it."""
    lines = ("HTTP/1.1 200 OK", f"Content-length: {size_bytes}", *CAPTURED_FIELDS)
    return [HTTPHeaderReceived(name, 200, line) for line in lines]


def transfer(
    name: str, kind: FileKind, path: str, size_bytes: int, tail: list[TraceEvent]
) -> list[TraceEvent]:
    """Return all events of a file that comes by HTTP at once."""
    is_list, secure = kind.is_list, kind is FileKind.SIGNED
    return [
        FileRequested(name, kind, is_list, secure, path, 0, HOME, False),
        ServerLookedUp(0, HOME, "ADDRESS_NOT_CHECKED", False, kind),
        ServerLookedUp(1, "", "ADDRESS_NOT_CHECKED", False, kind),
        FileApproved(name, secure, False, kind),
        TransferStarted(name, kind, is_list, HTTP, HOME, 1, path, 0),
        *head(name, size_bytes),
        TransferFinished(name, kind, is_list, HTTP, HOME, size_bytes),
        *tail,
    ]


def essence(line: str) -> str:
    """Return a line without number and moment, which differ within one event."""
    return re.sub(r"^\d{4} ([A-Z]{3}) [A-Z][a-z]{2} \d\d [\d:.]{15} ", r"\1 ", line)


def rendered(events: list[TraceEvent], task: int, worker: int) -> list[str]:
    console = ConsoleRenderer(console_tables(), "c-12.1", first_sequence=4899)
    traced = [Traced(0.0, task, worker, event) for event in events]
    return [essence(line) for one in traced for line in console.render(one)]


def captured(file: str, first: int, last: int) -> list[str]:
    lines = (CONSOLE / file).read_text().splitlines()
    return [
        essence(line) for line in lines if line[:4].isdigit() and first <= int(line[:4]) <= last
    ]


def test_an_itl_comes_by_http() -> None:
    name, kind = "ITLSEPC80084AA8743.tlv", FileKind.ITL
    path = "/tmp/ITLFile.tlv"  # noqa: S108 - a path on the phone
    ended = FetchEnded(name, kind, True, HTTP, HOME, 100, "")
    lines = rendered(transfer(name, kind, path, 7879, [ended]), 1882, 1886)
    *lines, result = lines
    assert lines == captured("7821-itl-by-tvs.log", 4899, 4929)
    # Its own thread prints the result, somewhat later; it holds a line break.
    assert [result.splitlines()[0]] == captured("7821-itl-by-tvs.log", 4933, 4933)
    assert len(lines) == 21


def test_a_signed_file_comes_by_http() -> None:
    name = "SKb0ec918f-b9ee-994b-57ae-345883c1fde8.xml.sgn"
    path = "/tmp/cache/SK-2103396823"  # noqa: S108 - a path on the phone
    ended = FetchEnded(name, FileKind.SIGNED, True, HTTP, HOME, 100, "")
    lines = rendered(transfer(name, FileKind.SIGNED, path, 4137, [ended]), 1929, 1932)
    assert lines[:-1] == captured("7821-signed-file.log", 5105, 5135)
    assert len(lines) == 23


@pytest.mark.parametrize("status_code", [404, 503])
def test_headers_of_a_refusal_are_not_printed(status_code: int) -> None:
    line = HTTPHeaderReceived("x", status_code, f"HTTP/1.1 {status_code} x")
    assert rendered([line], 1, 2) == []


def test_loads_without_a_capture_print_headers_only_as_inferred() -> None:
    events = [Traced(0.0, 1, 2, event) for event in head("x", 1)]
    plain = ConsoleRenderer(console_tables(), "c-10.3")
    explained = ConsoleRenderer(console_tables(), "c-10.3", explain=True)
    assert [line for one in events for line in plain.render(one)] == []
    assert all("GHTTP-hdr->" in "".join(explained.render(one)) for one in events)
