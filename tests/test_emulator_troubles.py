"""When things go wrong around a boot: it is cut off, the flash fails or is another phone's."""

from pathlib import Path
from random import Random

import pytest
import trio
from boot_support import DEVICE
from emulator_world import CTL, ITL, World
from trio.testing import MockClock

from secd.errors import FlashUnusable
from secd.files.flash import DirectoryFlash, MemoryFlash
from secd.net.clock import TrioClock
from secd.net.memory import Faults, MemoryNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.words import BootOutcome, FileKind


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 5.0])
async def test_a_boot_that_is_cut_off_leaves_a_flash_that_boots(
    seconds: float, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World(MemoryNetwork(Random(1), Faults(delay_seconds=0.02)))
    await world.serve(nursery)
    with trio.move_on_after(seconds) as scope:
        await world.boot()
    assert scope.cancelled_caught is (seconds < 1.0)
    held = world.phone().store.load().installed
    for kind, name in ((FileKind.CTL, CTL), (FileKind.ITL, ITL)):
        found = held.of(kind)
        assert found is None or found.octets == world.files.answer(DEVICE, name)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert report.before == held


class WornOut(MemoryFlash):
    """A flash that writes no more after so many files."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def write(self, name: str, octets: bytes) -> None:
        if self.left == 0:
            raise FlashUnusable(f"{name}: worn out")
        self.left -= 1
        super().write(name, octets)


@pytest.mark.parametrize("writes", range(6))
async def test_a_flash_that_fails_ends_the_boot_with_a_clear_error(
    writes: int, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    flash = WornOut(writes)
    world = World(flash=flash)
    await world.serve(nursery)
    with pytest.raises(FlashUnusable, match="worn out"):
        await world.boot()
    assert len(world.contents()) == min(writes, 4)  # state, CTL, ITL, configuration; then state
    flash.left = 100
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED


async def test_another_phones_flash_is_not_touched_and_nothing_is_asked(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    await world.boot("7961")
    before, asked = world.contents(), len(world.asked)
    with pytest.raises(FlashUnusable, match="belongs to model '7961', not '7945'"):
        await world.boot("7945")
    assert world.contents() == before
    assert len(world.asked) == asked


async def test_a_boot_on_a_directory(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    with DirectoryFlash(tmp_path / "phone") as flash:
        world = World(flash=flash)
        await world.serve(nursery)
        assert (await world.boot()).outcome is BootOutcome.BOOTED
    names = {path.name for path in (tmp_path / "phone").iterdir()}
    lists = {"CTLFile.tlv", "ITLFile.tlv"}
    assert names == {*lists, f"{DEVICE}.cnf.xml", "state.toml", "console.log"}


async def test_two_runs_from_one_seed_are_the_same(autojump_clock: MockClock) -> None:
    async def run() -> tuple[str, ...]:
        world = World(MemoryNetwork(Random(7), Faults(loss=0.1, reordering=0.2, duplication=0.1)))
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            await world.serve(nursery)
            surroundings = Surroundings(world.network, TrioClock(-start), AddressBook())
            report = await world.phone().boot(surroundings, lambda _, __: None)
            nursery.cancel_scope.cancel()
        return report.lines

    assert await run() == await run()
