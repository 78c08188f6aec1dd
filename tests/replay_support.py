"""Holds what an emulated phone prints against a capture, line by line, cause by cause.

A replay (tests/vectors/replays/*.toml) lists the captured lines in order, each with what it is:

    caused    by an event of this class, whose lines ours must be
    late      the same, printed by another process, so only after the event's lines before it
    ambient   by a process that is not imitated, or by accident
    gap       numbers that the source does not show; only here may ours say more

Lines are compared whole, but for numbers, times, ids, pointers, lengths and the numbers in names
that the phone makes itself. Whatever ours prints before the first and after the last caused line
is free.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from statusmsgs import TracedEvent

REPLAYS = Path(__file__).parent / "vectors" / "replays"
KINDS = ("caused", "late", "ambient", "gap")

_HEADS = (
    # family C: number, level, date, time, process and thread
    (re.compile(r"^\d{4,} ([A-Z]{3}) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d{6} "), r"# \1 "),
    (re.compile(r"^\d+: ([A-Z]{3}) \d\d:\d\d:\d\d\.\d{6} "), r"#: \1 "),  # family A
)
_MASKS = tuple(
    (re.compile(pattern), masked)
    for pattern, masked in (
        (r"\(\d+:\d+\) ", "(#:#) "),
        (r"dgetfile\(\d+\)-", "dgetfile(#)-"),
        (r"\[GT\d+\]", "[GT#]"),
        (r"TFTPD-pid = \d+", "TFTPD-pid = #"),
        (r"\bc:\d+ s:\d+", "c:# s:#"),
        (r"(\] ?)\[\d+\]$", r"\1[#]"),
        (r"(connDesc|srvr sock:) \d+", r"\1 #"),
        (r"0x[0-9a-f]{8}", "0x#"),
        (r"(bytes written : |len = |len ?: |Content-length: )\d+", r"\1#"),
        (r"receives \d+ bytes", "receives # bytes"),
        (r"skipping \d+ trail", "skipping # trail"),
        (r"(cert|key) len=\d+", r"\1 len=#"),
        (r"(?<=/tmp/cache/SK)-?\d+", "#"),
        (r"(?<=\.cnf\.xml)\.\d+", ".#"),  # a number that differs from download to download
    )
)


@dataclass(frozen=True, slots=True)
class CapturedLine:
    """One line of a replay. why -- see the module; of a gap, the numbers that are missing."""

    kind: str
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line of ours, with the place and the class of its event. text -- masked."""

    event_place: int
    event: str
    text: str


def load_replay(name: str) -> tuple[CapturedLine, ...]:
    """Return the lines of tests/vectors/replays/<name>.toml."""
    file = tomllib.loads((REPLAYS / f"{name}.toml").read_text(encoding="utf-8"))
    rows = cast("list[list[str]]", file["lines"])
    return tuple(CapturedLine(kind, why, text) for kind, why, text in rows)


def masked(line: str) -> str:
    """Return a line without what differs from phone to phone and run to run."""
    for pattern, text in (*_HEADS, *_MASKS):
        line = pattern.sub(text, line)
    return line


class PrintedLog:
    """Collects what a phone prints: `on_event` of `EmulatedPhone.boot`."""

    def __init__(self) -> None:
        self.lines: list[PrintedLine] = []
        self._events = 0

    def __call__(self, traced: TracedEvent, lines: tuple[str, ...]) -> None:
        self._events += 1
        name = type(traced.event).__name__
        self.lines += [PrintedLine(self._events, name, masked(line)) for line in lines]

    def since(self, part: str) -> "PrintedLog":
        """Return the log from the first line on in which `part` stands."""
        later = PrintedLog()
        start = next(n for n, line in enumerate(self.lines) if part in line.text)
        later.lines = self.lines[start:]
        return later

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def assert_replays(captured: Sequence[CapturedLine], log: PrintedLog) -> None:
    """Every caused line is printed, by the event that is named, in order, nothing between."""
    ours = _without_late(captured, log.lines)
    place, free = 0, True
    for line in captured:
        if line.kind == "gap":
            free = True
        elif line.kind == "caused":
            place = _place_of(line, ours, place, free) + 1
            free = False


def _place_of(line: CapturedLine, ours: list[PrintedLine], place: int, free: bool) -> int:
    wanted = (line.why, masked(line.text))
    rest = ours[place:] if free else ours[place : place + 1]
    for offset, one in enumerate(rest):
        if (one.event, one.text) == wanted:
            return place + offset
    near = [f"{one.event}: {one.text}" for one in ours[max(0, place - 3) : place + 4]]
    raise AssertionError("\n".join([f"not printed: {line.why}: {line.text}", "ours:", *near]))


def _without_late(
    captured: Sequence[CapturedLine], ours: Sequence[PrintedLine]
) -> list[PrintedLine]:
    """Take the late lines out: each must stand right below a line of the same event."""
    left = list(ours)
    for line in captured:
        if line.kind == "late":
            wanted = (line.why, masked(line.text))
            place = next((n for n, one in enumerate(left) if (one.event, one.text) == wanted), None)
            assert place, f"not printed: {line.why}: {line.text}"
            assert left[place].event_place == left[place - 1].event_place
            del left[place]
    return left


def counts(captured: Sequence[CapturedLine]) -> dict[str, int]:
    """Count the lines of each kind, those with none left out."""
    kinds = [line.kind for line in captured]
    return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}


def before(captured: Sequence[CapturedLine], event: str) -> tuple[CapturedLine, ...]:
    """Return the lines before the first that this event causes."""
    place = next(n for n, line in enumerate(captured) if line.why == event)
    return tuple(captured[:place])


def caused_by(captured: Sequence[CapturedLine], *events: str) -> list[str]:
    """Return the captured texts of these events, masked."""
    return [masked(line.text) for line in captured if line.why in events]


def ambient(captured: Sequence[CapturedLine]) -> Counter[str]:
    """Count the ambient lines by what they are."""
    return Counter(line.why for line in captured if line.kind == "ambient")
