"""The clock: one time with a date, real or virtual."""

import time

import pytest
import trio
from trio.testing import MockClock

from secd.net.clock import Clock, TrioClock


async def test_wall_is_epoch_plus_trios_time(mock_clock: MockClock) -> None:
    clock: Clock = TrioClock(1_200_000_000.0)
    start = clock.monotonic()
    assert clock.wall() == 1_200_000_000.0 + start
    mock_clock.jump(90.0)
    assert clock.monotonic() == start + 90.0 == trio.current_time()
    assert clock.wall() == 1_200_000_000.0 + start + 90.0


async def test_without_an_epoch_the_clock_starts_at_the_real_time() -> None:
    before = time.time()
    wall = TrioClock().wall()
    assert before - 1.0 < wall < time.time() + 1.0


def test_the_real_time_can_be_taken_inside_of_trio_only() -> None:
    with pytest.raises(RuntimeError):
        TrioClock()
    assert TrioClock(0.0).epoch == 0.0
