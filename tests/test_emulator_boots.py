"""Whole boots over the in-memory network, in virtual time, against the lab's TFTP server."""

from random import Random

import pytest
import trio
from boot_support import DEVICE
from emulator_world import CTL, ITL, SEED_LOG, SEED_TIME, SERVER, SIGNED, World, shape, texts
from trio.testing import MockClock
from trust_lists import STRANGER, switched, vouch

from firmware_sim.cluster.state import SecurityMode
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.story import make_stage
from secd.files.data import model_catalogue
from secd.models import Absent, Switches
from secd.net.clock import TrioClock
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
from secd.words import BootOutcome


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
