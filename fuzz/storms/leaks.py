"""Re-boots without rest: `python -m fuzz.storms.leaks`.

24 virtual hours: a phone boots every minute over the in-memory network; every ten minutes the
cluster renews certificates or goes back, now and then its server is silent. And 2,000 boots on
real sockets and a real directory. Afterwards descriptors, tasks and memory are where they were
after the first boots (those fill caches: tables, models, lists of free objects).
"""

import argparse
import gc
import json
import os
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import trio
from trio.testing import MockClock

from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from fuzz.storms.site import SERVER, Shelf, boot, versions
from secd.files.flash import DirectoryFlash, MemoryFlash
from secd.net.kernel import KernelNetwork
from secd.net.memory import MemoryNetwork
from secd.net.network import AddressBook
from secd.words import BootOutcome

WORK = Path(".fuzz")
DAY_MINUTES = 24 * 60
REAL_BOOTS = 2000
# A leak of one object per boot is above it: the smallest has 48 octets with its place in a list.
ALLOWED_BYTES_PER_BOOT = 32
_WARM_UP = 400  # Python's own lists of free objects are full by then: some 70 KiB
_RENEWED_EVERY = 10
_SILENT_EVERY = 97


@dataclass(frozen=True, slots=True)
class State:
    """What could leak. bytes -- of Python's allocator. resident -- of the process, from /proc."""

    descriptors: int
    tasks: int
    bytes: int
    resident: int


@dataclass(frozen=True, slots=True)
class Rest:
    """The state after the first boots, and after all."""

    boots: int
    first: State
    last: State

    @property
    def bytes_per_boot(self) -> float:
        """Memory that a boot left behind."""
        return (self.last.bytes - self.first.bytes) / self.boots


def measure() -> State:
    """Look at this process; everything that can be freed is freed first."""
    for _ in range(3):
        gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return State(
        len(list(Path("/proc/self/fd").iterdir())),
        trio.lowlevel.current_statistics().tasks_living,
        tracemalloc.get_traced_memory()[0],
        pages * os.sysconf("SC_PAGESIZE"),
    )


async def _compare(
    once: Callable[[int], Awaitable[None]], warm_up: int, boots: int, settle: float
) -> Rest:
    """Measure, boot, and measure again. settle -- seconds until dallying transfers have ended."""
    for number in range(warm_up):
        await once(number)
    await trio.sleep(settle)
    first = measure()
    for number in range(warm_up, warm_up + boots):
        await once(number)
    await trio.sleep(settle)
    return Rest(boots, first, measure())


def virtual_hours(minutes: int, warm_up: int = _WARM_UP) -> Rest:
    """Boot every virtual minute for so long."""

    async def run() -> Rest:
        network, flash = MemoryNetwork(Random(1)), MemoryFlash()  # noqa: S311 - repeatable
        shelf = Shelf(versions()[0])

        async def once(number: int) -> None:
            begun = trio.current_time()
            shelf.files = versions()[number // _RENEWED_EVERY % 2]
            if number % _SILENT_EVERY:
                report = await boot(flash, network)
                if report.outcome is not BootOutcome.BOOTED:
                    raise AssertionError(f"boot {number} ended with {report.outcome}")
            else:
                report = await boot(flash, MemoryNetwork(Random(number)))  # noqa: S311
            await trio.sleep_until(begun + 60)

        async with trio.open_nursery() as nursery:
            await nursery.start(serve_tftp, network, (SERVER, 69), shelf, lambda _: None)
            rest = await _compare(once, warm_up, minutes, 60)
            nursery.cancel_scope.cancel()
        return rest

    return trio.run(run, clock=MockClock(autojump_threshold=0))


def real_boots(boots: int, warm_up: int = _WARM_UP, settle: float = 8.0) -> Rest:
    """Boot so often over loopback, the flash a directory that is opened each time."""

    async def run(folder: Path) -> Rest:
        shelf = Shelf(versions()[0])
        network = KernelNetwork()
        async with trio.open_nursery() as nursery:
            host = ("127.0.0.1", 0)
            address = await nursery.start(
                serve_tftp, KernelServerNetwork(), host, shelf, lambda _: None
            )
            book = AddressBook({(SERVER, 69): address})

            async def once(number: int) -> None:
                shelf.files = versions()[number // _RENEWED_EVERY % 2]
                with DirectoryFlash(folder) as flash:
                    report = await boot(flash, network, book)
                if report.outcome is not BootOutcome.BOOTED:
                    raise AssertionError(f"boot {number} ended with {report.outcome}")

            rest = await _compare(once, warm_up, boots, settle)
            nursery.cancel_scope.cancel()
        return rest

    with TemporaryDirectory() as folder:
        return trio.run(run, Path(folder) / "phone")


def check(rest: Rest, allowed_bytes_per_boot: float = ALLOWED_BYTES_PER_BOOT) -> None:
    """Raise AssertionError for what did not come back."""
    for name in ("descriptors", "tasks"):
        before, after = getattr(rest.first, name), getattr(rest.last, name)
        if after != before:
            raise AssertionError(f"{rest.boots} boots left {after - before} {name}")
    if rest.bytes_per_boot > allowed_bytes_per_boot:
        raise AssertionError(f"each of {rest.boots} boots left {rest.bytes_per_boot:.0f} octets")


def main() -> int:
    """Boot for a day and 2,000 times really."""
    parser = argparse.ArgumentParser(description="Re-boots without rest.")
    parser.add_argument("--minutes", type=int, default=DAY_MINUTES, help="virtual (default a day)")
    parser.add_argument("--boots", type=int, default=REAL_BOOTS, help="real (default 2000)")
    given = parser.parse_args()
    tracemalloc.start()
    rests = {"virtual": virtual_hours(given.minutes), "real": real_boots(given.boots)}
    for name, rest in rests.items():
        first, last = rest.first, rest.last
        print(f"{name}: {rest.boots} boots, descriptors {first.descriptors} -> {last.descriptors},")
        print(f"  tasks {first.tasks} -> {last.tasks}, {rest.bytes_per_boot:.1f} octets a boot,")
        print(f"  resident {first.resident >> 10} -> {last.resident >> 10} KiB", flush=True)
        check(rest)
    WORK.mkdir(exist_ok=True)
    results = {name: asdict(rest) for name, rest in rests.items()}
    (WORK / "leaks.json").write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
