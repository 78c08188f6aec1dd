"""Whole boots over the in-memory network, in virtual time, against the lab's TFTP server."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import trio
from boot_support import DEVICE
from trio.testing import MockClock
from trust_lists import STRANGER, switched, vouch

from firmware_sim.cluster import ClusterFiles, PooledKeys, demo_cluster
from firmware_sim.cluster.seed import PUBLISHER_ADDRESS
from firmware_sim.cluster.state import Cluster, SecurityMode
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.server_events import ReadRequestReceived, ServerEvent
from firmware_sim.story import make_stage
from secd.errors import FlashUnusable
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash, Flash, MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Absent, Model, Switches
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.memory import Faults, MemoryNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.trace import (
    RetryScheduled,
    Traced,
    TransferFinished,
    TransferRetransmitted,
    TVSQueryEnded,
)
from secd.words import BootOutcome, FileKind

SEED_TIME = 1314811683.0
SEED_LOG = Path(__file__).parent / "vectors" / "console" / "seed-ctl.log"
SERVER = (PUBLISHER_ADDRESS, 69)
CTL, ITL, SIGNED = f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", f"{DEVICE}.cnf.xml.sgn"


def cluster() -> Cluster:
    return demo_cluster(PooledKeys(), Random(1))


@dataclass
class World:
    """A network with the cluster's server at its logical address, and one phone's flash."""

    network: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(Random(1)))
    files: ClusterFiles = field(default_factory=lambda: ClusterFiles(cluster()))
    flash: Flash = field(default_factory=MemoryFlash)
    served: list[ServerEvent] = field(default_factory=list)
    heard: list[Traced] = field(default_factory=list)

    async def serve(self, nursery: trio.Nursery) -> None:
        await nursery.start(serve_tftp, self.network, SERVER, self.files, self.served.append)

    def phone(self, model: str | Model = "7961", round_limit: int | None = 1) -> EmulatedPhone:
        found = model if isinstance(model, Model) else model_catalogue().find(model)
        store = PhoneStore(self.flash, DEVICE, found)
        return EmulatedPhone(DEVICE, found, store, (PUBLISHER_ADDRESS,), round_limit=round_limit)

    async def boot(self, model: str | Model = "7961", round_limit: int | None = 1) -> BootReport:
        surroundings = Surroundings(self.network, TrioClock(SEED_TIME), AddressBook())
        return await self.phone(model, round_limit).boot(
            surroundings, lambda traced, _: self.heard.append(traced)
        )

    @property
    def asked(self) -> list[str]:
        requests = (e for e in self.served if isinstance(e, ReadRequestReceived))
        return [event.file_name for event in requests]

    def contents(self) -> dict[str, bytes]:
        return {name: self.flash.read(name) or b"" for name in self.flash.names()}

    def trusted(self) -> dict[str, bytes]:
        """The files that decide what the phone trusts and does."""
        ours = ("CTLFile.tlv", "ITLFile.tlv", f"{DEVICE}.cnf.xml")
        return {name: octets for name, octets in self.contents().items() if name in ours}


def texts(report: BootReport) -> list[str]:
    """The console lines without number, level and time."""
    return [line.split(" ", 3)[3] for line in report.lines]


def shape(line: str) -> str:
    """A line without what is our keys' own: sizes and lengths."""
    return re.sub(r"(rcvd|length) <?\d+>?", r"\1 #", line)


async def test_a_fresh_7961_boots_as_in_the_seed_guide(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    seed = [shape(line.split(" ", 3)[3]) for line in SEED_LOG.read_text().splitlines()]
    assert [shape(line) for line in texts(report)[:4]] == seed
    assert world.asked == [CTL, ITL, SIGNED]
    assert [message.text for message in report.statuses] == [
        "CTL and ITL installed",
        f"{DEVICE}.cnf.xml",
    ]
    answer = world.files.answer
    assert world.flash.read("CTLFile.tlv") == answer(DEVICE, CTL)
    assert world.flash.read("ITLFile.tlv") == answer(DEVICE, ITL)
    assert world.flash.read(f"{DEVICE}.cnf.xml") == answer(DEVICE, f"{DEVICE}.cnf.xml")
    assert tuple(world.heard) == report.events


async def test_what_the_report_says_is_what_the_flash_holds(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    report = await world.boot()
    kept = world.phone().store.load()
    assert kept.installed == report.installed
    assert report.before.ctl is None
    assert [(text, at) for at, text, _ in kept.statuses] == [
        (message.text, message.at_seconds) for message in report.statuses
    ]
    log = (world.flash.read("console.log") or b"").decode().splitlines()
    assert log[-len(report.lines) :] == list(report.lines)
    assert len(log) > len(report.lines)  # the banner of the family stands above


async def test_a_second_boot_changes_no_list_and_says_nothing_of_them(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    first = await world.boot()
    before = world.trusted()
    second = await world.boot()
    assert second.outcome is BootOutcome.BOOTED
    assert [message.text for message in second.statuses] == [f"{DEVICE}.cnf.xml"]
    assert world.trusted() == before
    assert second.before == first.installed == second.installed
    kept = world.phone().store.load().statuses
    assert [text for _, text, _ in kept][:2] == ["CTL and ITL installed", f"{DEVICE}.cnf.xml"]
    assert world.flash.names() >= {"console.log", "console.log.0"}


@pytest.mark.parametrize("seed", range(5))
async def test_one_datagram_in_five_gets_lost(
    seed: int, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World(MemoryNetwork(Random(seed), Faults(loss=0.2, delay_seconds=0.01)))
    await world.serve(nursery)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert world.flash.read("CTLFile.tlv") == world.files.answer(DEVICE, CTL)
    assert trio.current_time() > 1.0  # somebody waited for what got lost


async def test_retransmissions_are_told_when_they_happen(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World(MemoryNetwork(Random(1), Faults(loss=1.0)))
    await world.serve(nursery)
    report = await world.boot()
    options = model_catalogue().find("7961").tftp
    told = [traced for traced in report.events if isinstance(traced.event, TransferRetransmitted)]
    counts = [t.event.count for t in told if isinstance(t.event, TransferRetransmitted)]
    one_file = list(range(1, options.retransmissions + 1))
    assert counts == one_file * 3
    times = [traced.at_seconds - SEED_TIME for traced in told[:2]]
    assert times == pytest.approx([options.retransmit_seconds, 2 * options.retransmit_seconds])
    assert report.outcome is BootOutcome.NO_CONFIGURATION


@pytest.mark.parametrize("silent", [True, False])
async def test_a_dead_server_leaves_a_new_phone_with_nothing(
    silent: bool, autojump_clock: MockClock
) -> None:
    world = World()
    if silent:
        world.network.bind(SERVER)
    report = await world.boot()
    assert report.outcome is BootOutcome.NO_CONFIGURATION
    assert world.trusted() == {}
    assert [m.key for m in report.statuses] == ["xfer", "xfer", "none_inst", "xfer"]
    assert (trio.current_time() > 1.0) is silent


async def test_a_dead_server_leaves_what_a_phone_holds(autojump_clock: MockClock) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        await world.serve(nursery)
        await world.boot()
        nursery.cancel_scope.cancel()
    before = world.trusted()
    assert len(before) == 3
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    assert world.trusted() == before
    assert "Trust List Update Failed" in [message.text for message in report.statuses]


async def test_tvs_is_answered_as_unreachable(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    await world.boot()
    before = world.flash.read("CTLFile.tlv")
    world.files.cluster.tokens = [make_stage().stranger]
    report = await world.boot()
    asked = [t.event for t in report.events if isinstance(t.event, TVSQueryEnded)]
    assert [event.outcome for event in asked] == ["unreachable"]
    assert world.flash.read("CTLFile.tlv") == before
    assert report.outcome is BootOutcome.BOOTED


async def test_an_erased_list_is_erased_in_the_flash(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    await world.boot()
    world.files.cluster.overrides[CTL] = b""
    model = switched(model_catalogue().find("7961"), Switches(zero_length=Absent.ERASE))
    report = await world.boot(model)
    assert world.trusted().keys() == {"ITLFile.tlv", f"{DEVICE}.cnf.xml"}
    assert report.installed.ctl is None
    assert (await world.boot()).before == report.installed


async def test_a_new_list_makes_the_flash_forget_what_tvs_said(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    await world.serve(nursery)
    await world.boot()
    store = world.phone().store
    voucher = vouch(STRANGER, 3)
    store.save_state((voucher,), ())
    await world.boot()
    assert store.load().vouchers == (voucher,)
    world.files.cluster.signing_token = 1
    await world.boot()
    assert store.load().vouchers == ()


async def test_a_boot_that_is_cut_short_is_remembered(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Like a phone that loses power after its CTL came: the log and the messages stay."""
    world = World()
    await world.serve(nursery)
    surroundings = Surroundings(world.network, TrioClock(SEED_TIME), AddressBook())

    def pull_the_plug(traced: Traced, _: tuple[str, ...]) -> None:
        if isinstance(traced.event, TransferFinished):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await world.phone().boot(surroundings, pull_the_plug)
    log = world.flash.read("console.log")
    assert log is not None
    assert b"Finished --> rcvd" in log


@pytest.mark.parametrize("seed", range(5))
async def test_a_network_that_changes_octets_changes_no_trust(
    seed: int, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """What is held is what the server has, or nothing."""
    world = World(MemoryNetwork(Random(seed), Faults(corruption=0.1, duplication=0.1)))
    await world.serve(nursery)
    await world.boot()
    whole = {"CTLFile.tlv": CTL, "ITLFile.tlv": ITL}
    for name, octets in world.trusted().items():
        asked = whole.get(name)
        if asked is not None:
            assert octets == world.files.answer(DEVICE, asked)


async def test_a_secure_phone_without_ctl_waits_and_tries_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    secure = world.files.cluster.devices[DEVICE]
    secure.security_mode = SecurityMode.ENCRYPTED
    plain = world.files.answer(DEVICE, f"{DEVICE}.cnf.xml")
    assert isinstance(plain, bytes)
    world.files.cluster.overrides |= {CTL: b"", ITL: b"", f"{DEVICE}.cnf.xml": plain}
    await world.serve(nursery)
    report = await world.boot(round_limit=2)
    waits = [traced for traced in report.events if isinstance(traced.event, RetryScheduled)]
    assert len(waits) == 2
    pause = model_catalogue().find("7961").retry_seconds
    assert waits[1].at_seconds - waits[0].at_seconds == pytest.approx(pause, abs=1.0)
    assert world.asked == [CTL, ITL, f"{DEVICE}.cnf.xml"] * 3
    assert report.outcome is BootOutcome.NO_CTL_IN_SECURE_MODE


@pytest.mark.parametrize("model", ["7940", "7961", "7975", "8945", "9971", "7821", "8861"])
async def test_every_model_boots(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    world.files.cluster.devices[DEVICE].load = ""  # that of a 7961
    await world.serve(nursery)
    report = await world.boot(model)
    assert report.outcome is BootOutcome.BOOTED
    assert (report.installed.itl is None) is (model == "7940")
    assert world.asked == ([CTL, SIGNED] if model == "7940" else [CTL, ITL, SIGNED])


@pytest.mark.parametrize("model", ["7940", "7961"])
async def test_the_address_is_the_logical_one_wherever_the_server_is(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """An address book leads elsewhere; the CTL of a 7940 names what was configured."""
    world = World()
    actual = ("127.0.0.1", 54321)
    await nursery.start(serve_tftp, world.network, actual, world.files, world.served.append)
    book = AddressBook({SERVER: actual})
    surroundings = Surroundings(world.network, TrioClock(SEED_TIME), book)
    report = await world.phone(model).boot(surroundings, lambda _, __: None)
    assert report.outcome is BootOutcome.BOOTED
    assert not any("127.0.0.1" in line for line in report.lines)


# When things go wrong around the boot


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
