"""What holds logs against captures must be able to fail; and the replays must be whole."""

from dataclasses import replace
from pathlib import Path

import pytest
from replay_support import (
    KINDS,
    REPLAYS,
    CapturedLine,
    PrintedLine,
    PrintedLog,
    assert_replays,
    load_replay,
    masked,
)

from secd import trace

CAPTURED = (
    CapturedLine("caused", "FileRequested", "4849 NOT Mar 09 18:32:37.594689 (3:4) downd-first"),
    CapturedLine("ambient", "the Java side", "4850 NOT Mar 09 18:32:37.594689 (3:4) JAVA-x"),
    CapturedLine("caused", "FetchEnded", "4851 NOT Mar 09 18:32:37.594689 (3:4) downd-done"),
    CapturedLine("caused", "EnvelopeRead", "4852 NOT Mar 09 18:32:37.594689 (5:6) SECUREAPP-y"),
    CapturedLine("late", "FetchEnded", "4853 NOT Mar 09 18:32:37.594689 (3:4) downd-result"),
    CapturedLine("gap", "4854", ""),
    CapturedLine("caused", "FileVerified", "4855 NOT Mar 09 18:32:37.594689 (5:6) SECUREAPP-z"),
)
OTHER = PrintedLine(9, "FileApproved", "# NOT (#:#) downd-other")


def ours() -> list[PrintedLine]:
    rows = (
        (1, "FileRequested", "downd-first"),
        (2, "FetchEnded", "downd-done"),
        (2, "FetchEnded", "downd-result"),
        (3, "EnvelopeRead", "SECUREAPP-y"),
        (4, "FileVerified", "SECUREAPP-z"),
    )
    return [PrintedLine(place, event, f"# NOT (#:#) {text}") for place, event, text in rows]


def log_of(lines: list[PrintedLine]) -> PrintedLog:
    log = PrintedLog()
    log.lines = lines
    return log


@pytest.mark.parametrize("place", [None, 0, 4, 5])
def test_more_may_be_said_around_and_in_a_gap(place: int | None) -> None:
    lines = ours()
    if place is not None:
        lines.insert(place, OTHER)
    assert_replays(CAPTURED, log_of(lines))


@pytest.mark.parametrize("place", [1, 2, 3])
def test_more_may_not_be_said_elsewhere(place: int) -> None:
    lines = ours()
    lines.insert(place, OTHER)
    with pytest.raises(AssertionError):
        assert_replays(CAPTURED, log_of(lines))


@pytest.mark.parametrize("place", range(5))
def test_no_line_may_be_missing(place: int) -> None:
    lines = ours()
    del lines[place]
    with pytest.raises(AssertionError):
        assert_replays(CAPTURED, log_of(lines))


@pytest.mark.parametrize("place", range(4))
def test_no_two_lines_may_change_places(place: int) -> None:
    lines = ours()
    lines[place : place + 2] = lines[place + 1], lines[place]
    with pytest.raises(AssertionError):
        assert_replays(CAPTURED, log_of(lines))


@pytest.mark.parametrize("place", range(5))
def test_another_event_may_not_say_it(place: int) -> None:
    lines = ours()
    lines[place] = replace(lines[place], event="PhoneStarted", event_place=7)
    with pytest.raises(AssertionError):
        assert_replays(CAPTURED, log_of(lines))


@pytest.mark.parametrize("path", sorted(REPLAYS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_replay_leaves_no_number_out(path: Path) -> None:
    """Every line has a kind and a cause; where numbers are missing stands a gap, and only there."""
    captured = load_replay(path.stem)
    expected = 0
    for line in captured:
        assert line.kind in KINDS
        if line.kind == "gap":
            first, _, last = line.why.partition("-")
            assert int(first) == expected
            expected = int(last or first) + 1
            continue
        number = int(line.text.split(" ")[0].rstrip(":"))
        assert number == (expected or number)
        expected = number + 1
        if line.kind in ("caused", "late"):
            assert hasattr(trace, line.why)


MASKED = [
    (
        "3233 NOT Nov 29 06:33:59.033132 dgetfile(870)-GETXXTP [GT870][src=CTLSEP.tlv]",
        "# NOT dgetfile(#)-GETXXTP [GT#][src=CTLSEP.tlv]",
    ),
    (
        "5009: NOT 10:25:10.063483 SECD: clpSetupSsl: TCP connected, <192.168.136.6> c:14 s:15",
        "#: NOT SECD: clpSetupSsl: TCP connected, <192.168.136.6> c:# s:#",
    ),
    (
        "3289 INF Nov 29 06:33:59.396011 SECUREAPP-TCP connect() successful, [192.168.11.32] [11]",
        "# INF SECUREAPP-TCP connect() successful, [192.168.11.32] [#]",
    ),
]


@pytest.mark.parametrize(("line", "expected"), MASKED)
def test_names_addresses_and_levels_are_compared(line: str, expected: str) -> None:
    assert masked(line) == expected
