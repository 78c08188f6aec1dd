"""Power and disks fail at every call of a boot that touches the flash: old or new, whole, and on.

Each of the boots here is a whole one over the in-memory network on a directory; the calls of the
flash to the kernel fail one after the other (`fuzz.storms.power`).
"""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.net.tftp_server import serve_tftp
from fuzz.storms.power import Fault, PowerCut, failing
from fuzz.storms.site import (
    CONFIGURATION,
    CTL,
    ITL,
    SERVER,
    STATE,
    Shelf,
    boot,
    kept,
    store_on,
    versions,
)
from secd.errors import FlashUnusable
from secd.files.flash import DirectoryFlash
from secd.net.memory import MemoryNetwork
from secd.words import BootOutcome

BEFORE, AFTER = versions()
OLD, NEW = kept(BEFORE), kept(AFTER)


def boot_on(folder: Path, files: dict[str, bytes]) -> BootOutcome:
    """One boot of the phone whose flash is this directory, in virtual time."""

    async def run() -> BootOutcome:
        network = MemoryNetwork(Random(1))
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_tftp, network, (SERVER, 69), Shelf(files), lambda _: None)
            with DirectoryFlash(folder) as flash:
                report = await boot(flash, network)
            nursery.cancel_scope.cancel()
        return report.outcome

    try:
        return trio.run(run, clock=MockClock(autojump_threshold=0))
    except BaseExceptionGroup as group:
        (only,) = group.exceptions  # the nursery's only other task is the server
        raise only from None


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def calls_of_a_boot(folder: Path) -> list[str]:
    """The calls of an undisturbed update, in order."""
    with failing(Fault.BROKEN, None) as one:
        boot_on(folder, AFTER)
    return one.calls


def phone_with_old_lists(folder: Path) -> Path:
    assert boot_on(folder, BEFORE) is BootOutcome.BOOTED
    assert {name: contents(folder)[name] for name in OLD} == OLD
    return folder


def assert_whole(folder: Path) -> None:
    """Each file is an old or a new one, and together they make a phone's flash."""
    found = contents(folder)
    for name in (CTL, ITL, CONFIGURATION):
        assert found.get(name) in (OLD[name], NEW[name]), name
    with DirectoryFlash(folder) as flash:
        store_on(flash).load()


def test_both_versions_are_updates_of_each_other(tmp_path: Path) -> None:
    folder = phone_with_old_lists(tmp_path / "phone")
    assert boot_on(folder, AFTER) is BootOutcome.BOOTED
    assert all(OLD[name] != NEW[name] == contents(folder)[name] for name in NEW)
    assert boot_on(folder, BEFORE) is BootOutcome.BOOTED


@pytest.mark.parametrize("fault", Fault)
def test_whatever_fails_leaves_old_or_new_files_and_the_next_boot_works(
    tmp_path: Path, fault: Fault
) -> None:
    calls = calls_of_a_boot(phone_with_old_lists(tmp_path / "undisturbed"))
    assert {"open", "write", "fsync", "replace"} <= set(calls)
    assert len(calls) >= 40
    for at in range(len(calls)):
        folder = phone_with_old_lists(tmp_path / str(at))
        with failing(fault, at) as one:
            if fault in (Fault.FULL, Fault.BROKEN):
                with pytest.raises(FlashUnusable, match="cannot be written"):
                    boot_on(folder, AFTER)
            else:
                with suppress(PowerCut):
                    boot_on(folder, AFTER)
                assert one.dead
        assert_whole(folder)
        assert boot_on(folder, AFTER) is BootOutcome.BOOTED
        assert {name: contents(folder)[name] for name in NEW} == NEW
        assert not [name for name in contents(folder) if name.endswith(".new")]


def test_a_first_boot_that_fails_anywhere_is_done_again(tmp_path: Path) -> None:
    calls = calls_of_a_boot(tmp_path / "undisturbed")
    for at in range(len(calls)):
        folder = tmp_path / str(at)
        with failing(Fault.CUT_BEFORE, at), suppress(PowerCut):
            boot_on(folder, AFTER)
        found = contents(folder)
        assert all(found.get(name) in (None, NEW[name]) for name in NEW)
        assert boot_on(folder, AFTER) is BootOutcome.BOOTED
        assert {name: contents(folder)[name] for name in NEW} == NEW
        assert STATE in contents(folder)
