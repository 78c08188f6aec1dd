"""Rendered console lines against lines that real phones printed (tests/vectors/console)."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secd.trace import (
    EnvelopeRead,
    FetchEnded,
    FileApproved,
    FileRequested,
    FileVerified,
    ListInstalled,
    ServerLookedUp,
    Traced,
    TraceEvent,
    TransferFailed,
    TransferFinished,
    TransferRetransmitted,
    TransferStarted,
    TVSCacheFlushed,
)
from secd.words import FileKind, TransferFailure, Transport
from statusmsgs import ConsoleRenderer, console_tables

CONSOLE = Path(__file__).parent / "vectors" / "console"
PREFIX = re.compile(r"(\d+):? (?=[A-Z]{3} )")
CLOCK = re.compile(r"\b\d\d:\d\d:\d\d\.\d{6}\b")

CTL_PATH = "/tmp/CTLFile.tlv"  # noqa: S108 - a path on the phone
ITL_PATH = "/tmp/ITLFile.tlv"  # noqa: S108 - a path on the phone
HTTP, TFTP = Transport.HTTP, Transport.TFTP
CTL, ITL, PLAIN, SIGNED = FileKind.CTL, FileKind.ITL, FileKind.PLAIN, FileKind.SIGNED


def at(text: str) -> float:
    """Return the Unix time of a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def captured(name: str) -> dict[int, str]:
    """Return the lines of a capture by number; a line without one belongs to the line above."""
    lines: dict[int, str] = {}
    number = 0
    for line in (CONSOLE / name).read_text().splitlines():
        found = PREFIX.match(line)
        if found:
            number = int(found.group(1))
            lines[number] = line
        elif number:
            lines[number] += f"\n{line}"
    return lines


def bare(line: str) -> str:
    """Return a line without its number and its clock, which differ within one event."""
    return CLOCK.sub("", PREFIX.sub("", line, count=1), count=1)


def chosen(name: str, *spans: range | int) -> list[str]:
    """Return the bare lines with these numbers, in this order."""
    lines = captured(name)
    numbers = [n for span in spans for n in (span if isinstance(span, range) else [span])]
    return [bare(lines[number]) for number in numbers if number in lines]


def rendered(family: str, traced: Iterable[Traced]) -> list[str]:
    """Return the bare lines that the phone would print."""
    console = ConsoleRenderer(console_tables(), family)
    return [bare(line) for one in traced for line in console.render(one)]


def lookups(server: str, kind: FileKind) -> list[TraceEvent]:
    return [
        ServerLookedUp(0, server, "ADDRESS_NOT_CHECKED", False, kind),
        ServerLookedUp(1, "", "ADDRESS_NOT_CHECKED", False, kind),
    ]


# --- family A ---------------------------------------------------------------------------------

SEED_CTL = "CTLSEP0011215A1AE3.tlv"
SEED = "14.48.44.80"
SEED_EVENTS: dict[int, tuple[str, TraceEvent]] = {
    837: (
        "09:13:17.561856",
        FileRequested(SEED_CTL, CTL, True, False, CTL_PATH, 0, SEED, True),
    ),
    846: (
        "09:13:17.670439",
        TransferStarted(SEED_CTL, CTL, True, TFTP, SEED, 1, CTL_PATH, 0),
    ),
    847: ("09:13:17.685264", TransferFinished(SEED_CTL, CTL, True, TFTP, SEED, 4762)),
    877: ("09:13:17.925249", FileVerified(SEED_CTL, CTL, True, 296, "IN_CTL", "CN=token", "01")),
}


@pytest.mark.parametrize("number", SEED_EVENTS)
def test_the_four_lines_of_the_seed_guide_to_the_microsecond(number: int) -> None:
    clock, event = SEED_EVENTS[number]
    console = ConsoleRenderer(console_tables(), "a", first_sequence=number)
    lines = console.render(Traced(at(f"2011-10-05T{clock}"), 3, 27, event))
    assert lines == (captured("seed-ctl.log")[number],)


def test_banner_of_a_log_file() -> None:
    console = ConsoleRenderer(console_tables(), "a")
    head = (CONSOLE / "7942-no-ctl.log").read_text().splitlines()[:2]
    assert list(console.banner(at("2009-12-16T03:43:03"))) == head


def test_a_7942_without_ctl_fetches_a_dial_plan() -> None:
    server = "192.168.1.125"
    started = TransferStarted(
        "cisco_dialplan.xml", PLAIN, False, TFTP, server, 1, "/usr/cache/D", 550001
    )
    events: list[TraceEvent] = [
        FileApproved("cisco_dialplan.xml", False, False, PLAIN),
        started,
        TransferFinished("cisco_dialplan.xml", PLAIN, False, TFTP, server, 134),
    ]
    lines = rendered("a", (Traced(0.0, 1, 28, event) for event in events))
    assert lines == chosen("7942-no-ctl.log", range(531, 534))


def test_a_7942_without_ctl_looks_its_servers_up() -> None:
    requested = FileRequested(
        "softkeys.xml", PLAIN, False, False, "/usr/cache/SK89032013", 550001, "192.168.1.125", False
    )
    events = [requested, *lookups("192.168.1.125", PLAIN)]
    lines = rendered("a", (Traced(0.0, 1, 0, event) for event in events))
    assert lines == chosen("7942-no-ctl.log", range(535, 545))


def test_for_the_ctl_itself_no_look_up_is_captured() -> None:
    requested, *others = (
        FileRequested(SEED_CTL, CTL, True, False, CTL_PATH, 0, SEED, False),
        *lookups(SEED, CTL),
        FileApproved(SEED_CTL, False, False, CTL),
    )
    lines = rendered("a", [Traced(0.0, 1, 0, requested)])
    assert lines == chosen("seed-ctl.log", 837)
    assert rendered("a", (Traced(0.0, 1, 0, event) for event in others)) == []


def test_a_signed_file_is_not_called_non_secure() -> None:
    approved = FileApproved("SEP0011215A1AE3.cnf.xml.sgn", True, False, SIGNED)
    assert rendered("a", [Traced(0.0, 1, 0, approved)]) == []


def test_a_7975_flushes_its_tvs_cache_after_a_ctl_only() -> None:
    flushed = TVSCacheFlushed(1, CTL)
    lines = rendered("a", [Traced(0.0, 1, 0, flushed)])
    assert lines == [bare(line) for line in captured("7975-tvs-flush.log").values()]
    assert len(lines) == 6
    assert rendered("a", [Traced(0.0, 1, 0, replace(flushed, kind=ITL))]) == []


# --- family C ---------------------------------------------------------------------------------

HOME = "192.168.7.200"
CTL_NAME, ITL_NAME = "CTLSEPC80084AA8743.tlv", "ITLSEPC80084AA8743.tlv"
ASKED: list[TraceEvent] = [
    FileRequested(CTL_NAME, CTL, True, False, CTL_PATH, 0, HOME, False),
    *lookups(HOME, CTL),
    FileApproved(CTL_NAME, False, False, CTL),
]
BY_TFTP = TransferStarted(CTL_NAME, CTL, True, TFTP, HOME, 1, CTL_PATH, 0)
NOT_FOUND: list[TraceEvent] = [
    TransferRetransmitted(CTL_NAME, 1),
    TransferFailed(
        CTL_NAME, CTL, True, TFTP, HOME, TransferFailure.FILE_NOT_FOUND, 1, "File not found"
    ),
    FetchEnded(CTL_NAME, CTL, False, TFTP, HOME, 2, "File not found"),
]


def by_a_7821(worker: int, *events: TraceEvent, task: int = 1850) -> list[Traced]:
    return [Traced(0.0, task, worker, event) for event in events]


def masked_date(lines: Iterable[str]) -> list[str]:
    return [re.sub(r"(Mar 09|Nov 29|Jan 01)", "", line, count=1) for line in lines]


def test_a_7821_without_a_ctl_on_the_server_by_tftp_alone() -> None:
    lines = rendered("c-12.1", by_a_7821(1862, *ASKED, BY_TFTP, *NOT_FOUND))
    expected = chosen("7821-ctl-missing.log", range(4849, 4868), range(4883, 4912))
    assert len(expected) == 24
    assert masked_date(lines) == masked_date(expected)


def test_a_7821_without_a_ctl_on_the_server_by_http_then_tftp() -> None:
    by_http = replace(BY_TFTP, transport=HTTP)
    unavailable = TransferFailed(
        CTL_NAME,
        CTL,
        True,
        HTTP,
        HOME,
        TransferFailure.ERROR,
        503,
        "HTTP/1.1 503 Service Unavailable",
    )
    traced = [
        *by_a_7821(1858, *ASKED, by_http, unavailable),
        *by_a_7821(1862, replace(BY_TFTP, fallback=True), *NOT_FOUND),
    ]
    expected = chosen("7821-ctl-missing.log", range(4849, 4912))
    assert len(expected) == 33
    assert masked_date(rendered("c-12.1", traced)) == masked_date(expected)


def test_a_7821_gets_its_itl_by_http() -> None:
    read = EnvelopeRead(ITL_NAME, ITL, "1.2", True, 296, 15, 1)
    transfer = by_a_7821(
        1886,
        FileRequested(ITL_NAME, ITL, True, False, ITL_PATH, 0, HOME, False),
        *lookups(HOME, ITL),
        FileApproved(ITL_NAME, False, False, ITL),
        TransferStarted(ITL_NAME, ITL, True, HTTP, HOME, 1, ITL_PATH, 0),
        TransferFinished(ITL_NAME, ITL, True, HTTP, HOME, 7879),
        FetchEnded(ITL_NAME, ITL, True, HTTP, HOME, 100, ""),
        task=1882,
    )
    judged = by_a_7821(
        0,
        read,
        FileVerified(ITL_NAME, ITL, True, 296, "TVS_VOUCHED", "CN=x", "01"),
        read,
        ListInstalled(ITL_NAME, ITL, False, 7879, "TVS_VOUCHED"),
        task=1887,
    )
    # The result line comes from a thread of its own; the TVS lines hold what no event knows.
    name = "7821-itl-by-tvs.log"
    expected = chosen(name, range(4899, 4925), 4929, 4933, range(4930, 4933), range(4939, 4945))
    assert masked_date(rendered("c-12.1", [*transfer, *judged])) == masked_date(expected)


def test_a_7821_gets_a_signed_file() -> None:
    name = "SKb0ec918f-b9ee-994b-57ae-345883c1fde8.xml.sgn"
    path = "/tmp/cache/SK-2103396823"  # noqa: S108 - a path on the phone
    traced = by_a_7821(
        1932,
        FileRequested(name, SIGNED, False, True, path, 0, HOME, False),
        *lookups(HOME, SIGNED),
        FileApproved(name, True, False, SIGNED),
        TransferStarted(name, SIGNED, False, HTTP, HOME, 1, path, 0),
        task=1929,
    )
    expected = chosen("7821-signed-file.log", range(5105, 5131))
    assert len(expected) == 17
    assert masked_date(rendered("c-12.1", traced)) == masked_date(expected)


def test_number_date_and_time_of_family_c() -> None:
    console = ConsoleRenderer(console_tables(), "c-12.1", first_sequence=4849)
    traced = Traced(at("2019-03-09T18:32:37.594689"), 1850, 0, ASKED[0])
    first, second = console.render(traced)
    assert first == captured("7821-ctl-missing.log")[4849]
    assert second.startswith("4850 NOT Mar 09 18:32:37.594689 (339:1850) downd-In normal mode")
    early = ConsoleRenderer(console_tables(), "c-12.1", first_sequence=990)
    assert early.render(traced)[0].startswith("0990 NOT ")


def test_an_8861_with_10_3_has_no_process_numbers_and_other_words() -> None:
    name, path = "CTLSEPB000B4BA0AEE.tlv", CTL_PATH
    events: list[TraceEvent] = [
        FileVerified(name, CTL, True, 296, "TVS_VOUCHED", "CN=x", "01"),
        EnvelopeRead(name, CTL, "1.2", True, 296, 15, 1),
        ListInstalled(name, CTL, False, 4762, "TVS_VOUCHED"),
    ]
    itl_name = "ITLSEPB000B4BA0AEE.tlv"
    requests = [
        Traced(0.0, 870, 0, FileRequested(name, CTL, True, False, path, 0, "x", True)),
        Traced(0.0, 877, 0, FileRequested(itl_name, ITL, True, False, ITL_PATH, 0, "x", True)),
    ]
    judged = rendered("c-10.3", (Traced(0.0, 870, 0, event) for event in events))
    expected = chosen("8861-ctl.log", range(3333, 3340))
    assert masked_date(judged) == masked_date(expected)
    _fork, get_ctl, _mode, get_itl, mode = masked_date(rendered("c-10.3", requests))
    assert [get_ctl, get_itl, mode] == masked_date(chosen("8861-ctl.log", 3233, range(3344, 3346)))


# --- 8945 -------------------------------------------------------------------------------------


def on_an_8945(name: str, kind: FileKind) -> list[Traced]:
    server = "172.16.3.200"
    events: list[TraceEvent] = [
        FileRequested(name, kind, True, False, "x", 0, server, False),
        TransferStarted(name, kind, True, HTTP, server, 1, "x", 0),
        TransferFailed(
            name, kind, True, HTTP, server, TransferFailure.ERROR, 404, "HTTP/1.1 404 Not Found"
        ),
        TransferStarted(name, kind, True, TFTP, server, 1, "x", 0, fallback=True),
        TransferFailed(
            name, kind, True, TFTP, server, TransferFailure.FILE_NOT_FOUND, 1, "File not found"
        ),
        FetchEnded(name, kind, False, TFTP, server, 2, "File not found"),
    ]
    return [Traced(at("2018-04-05T16:04:06"), 1, 0, event) for event in events]


def test_an_8945_without_lists_on_the_server() -> None:
    console = ConsoleRenderer(console_tables(), "89xx")
    traced = [
        *on_an_8945("CTLSEP5067AE252265.tlv", CTL),
        *on_an_8945("ITLSEP5067AE252265.tlv", ITL)[:-1],
    ]
    lines = [line for one in traced for line in console.render(one)]
    # The phone leaves out a line end between two files; here each event has lines of its own.
    assert "".join(lines) == (CONSOLE / "8945-lists-missing.log").read_text().replace("\n", "")


@pytest.mark.parametrize("event", ASKED)
def test_a_phone_without_a_known_log_prints_nothing(event: TraceEvent) -> None:
    assert rendered("silent", [Traced(0.0, 1, 0, event)]) == []
