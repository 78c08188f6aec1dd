"""The clock seam: what time it is, for log lines and certificates, and how much has passed.

A phone's clock is its own: a log replayed from 2009 shows 2009, and a test runs in virtual time.
"""

import time
from dataclasses import dataclass, field
from typing import Protocol

import trio


class Clock(Protocol):
    """Two readings of one time."""

    def wall(self) -> float:
        """Return the time of day as Unix time, in seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever count up, from an arbitrary start."""
        ...


def _epoch_of_now() -> float:
    return time.time() - trio.current_time()


@dataclass(frozen=True, slots=True)
class TrioClock:
    """Trio's time, real or virtual (`trio.testing.MockClock`), with a date.

    epoch -- the Unix time at which trio's time was 0. Without one, the clock shows the real time
    of the moment it is made in (and raises RuntimeError when that is outside of trio); from then
    on only trio's time counts, so that setting the machine's clock does not jump a phone's log.
    """

    epoch: float = field(default_factory=_epoch_of_now)

    def wall(self) -> float:
        """Return the time of day as Unix time, in seconds."""
        return self.epoch + trio.current_time()

    def monotonic(self) -> float:
        """Return trio's time, in seconds."""
        return trio.current_time()
