"""Re-boots leave no descriptors and no tasks; `python -m fuzz.storms.leaks` looks longer."""

import tracemalloc
from collections.abc import Iterator

import pytest

from fuzz.storms import leaks
from secd.tftp import receiver


@pytest.fixture(autouse=True)
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_hours_of_reboots_leave_nothing() -> None:
    # Python's lists of free objects are not full after so few boots: some 70 KiB.
    leaks.check(leaks.virtual_hours(30, warm_up=15), allowed_bytes_per_boot=4000)


def test_real_boots_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "DALLY_SECONDS", 0.05)
    leaks.check(leaks.real_boots(20, warm_up=15, settle=0.5), allowed_bytes_per_boot=4000)


def test_what_is_left_is_told() -> None:
    first = leaks.State(10, 4, 1000, 0)
    with pytest.raises(AssertionError, match="2 boots left 1 descriptors"):
        leaks.check(leaks.Rest(2, first, leaks.State(11, 4, 1000, 0)))
    with pytest.raises(AssertionError, match="2 boots left -1 tasks"):
        leaks.check(leaks.Rest(2, first, leaks.State(10, 3, 1000, 0)))
    with pytest.raises(AssertionError, match="each of 2 boots left 50 octets"):
        leaks.check(leaks.Rest(2, first, leaks.State(10, 4, 1100, 0)))
