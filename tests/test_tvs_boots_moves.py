"""A phone moves to another cluster and asks the TVS of the one it comes from."""

import pytest
import trio
from boot_support import DEVICE
from trio.testing import MockClock
from tvs_world import (
    BOTH,
    CTL,
    ITL,
    NEW,
    OLD,
    SIGNED,
    World,
    host,
    outcomes,
    reasons,
    settled,
    told,
)

from firmware_sim.cluster import (
    ClusterFiles,
)
from firmware_sim.cluster.lists import ctl_file, itl_file
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.tvs import Entry
from secd.net.emulator import BootReport
from secd.net.tls_context import TLSIdentity
from secd.trace import (
    TVSServerAsked,
    TVSServerPassedOver,
)
from secd.words import BootOutcome


@pytest.mark.parametrize("functions", [{0}, {0, 3}], ids=["{0}", "{0, 3}"])
async def test_a_moved_phone_asks_its_old_cluster_and_is_let_go(
    functions: set[int], nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    signer = world.new.cluster.publisher.callmanager
    world.old.directory.imported.append(Entry(signer, frozenset(functions)))
    report = await world.boot(NEW)
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]
    assert told(report, TVSServerAsked) == [TVSServerAsked(OLD, 2445)]
    assert world.old.answers == [(0, ", ".join(map(str, sorted(functions))))]
    assert world.new.tvs_events == []
    held = world.held()
    assert held["CTLFile.tlv"] == ctl_file(world.new.cluster)
    assert held["ITLFile.tlv"] == itl_file(world.new.cluster, world.new.cluster.publisher)
    assert NEW.encode() in (held[f"{DEVICE}.cnf.xml"] or b"")

    # From now on it asks the new one.
    world.new.regenerate_callmanager()
    report = await world.boot(NEW)
    assert told(report, TVSServerAsked) == [TVSServerAsked(NEW, 2445)]
    assert outcomes(report) == [(CTL, "vouched")]


async def test_a_file_signer_is_not_thereby_a_list_signer(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Imported as CallManager-trust only: TVS says {3}, and a list needs 0."""
    world = await settled(World(), nursery)
    signer = world.new.cluster.publisher.callmanager
    world.old.directory.imported.append(Entry(signer, frozenset({3})))
    before = world.held()
    report = await world.boot(NEW)
    assert reasons(report)[:2] == [(CTL, "TVS_ROLE_MISSING"), (ITL, "TVS_ROLE_MISSING")]
    held = world.held()
    assert {name: held[name] for name in BOTH} == {name: before[name] for name in BOTH}


async def refused_move(world: World, outcome: str, reason: str) -> BootReport:
    before = world.held()
    report = await world.boot(NEW)
    assert report.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    assert world.held() == before
    assert outcomes(report) == [(name, outcome) for name in (CTL, ITL, SIGNED)]
    assert reasons(report) == [(name, reason) for name in (CTL, ITL, SIGNED)]
    assert world.new.tvs_events == []
    assert world.store.load().vouchers == ()
    return report


async def test_a_moved_phone_whose_old_cluster_knows_nothing_stays(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    await refused_move(world, "denied", "TVS_DENIED")
    assert world.old.answers == [(1, "")] * 3


async def test_a_moved_phone_whose_old_cluster_is_off_stays(autojump_clock: MockClock) -> None:
    world = World()
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    async with trio.open_nursery() as second:
        await world.new.serve(second, world.network)
        report = await refused_move(world, "unreachable", "TVS_UNREACHABLE")
        assert (
            told(report, TVSServerPassedOver)
            == [TVSServerPassedOver(OLD, 2445, "nobody listens on this port")] * 3
        )
        second.cancel_scope.cancel()


async def test_a_moved_phone_whose_old_tvs_stands_in_no_itl_stays(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    signer = world.new.cluster.publisher.callmanager
    world.old.directory.imported.append(Entry(signer, frozenset({0, 3})))
    await world.old.serve(nursery, world.network)
    await world.new.serve(nursery, world.network)
    await refused_move(world, "unreachable", "TVS_UNREACHABLE")
    await trio.testing.wait_all_tasks_blocked()
    assert world.old.tvs_kinds == ["failed"] * 3


async def test_tvs_is_asked_where_the_address_book_leads(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The logical address is asked and printed; the address book says where it really is."""
    world = World(book={(OLD, 69): (OLD, 69), (OLD, 2445): ("127.0.0.1", 32445)})
    tvs = world.old.cluster.publisher.tvs
    settings = TLSServerSettings(LEGACY, TLSIdentity((tvs.certificate,), tvs.key))
    await nursery.start(
        serve_tvs,
        world.network,
        ("127.0.0.1", 32445),
        settings,
        world.old.directory,
        world.old.seen.append,
    )
    async with trio.open_nursery() as first:
        files = ClusterFiles(world.old.cluster)
        await first.start(serve_tftp, world.network, (OLD, 69), files, world.old.seen.append)
        await world.boot()
        world.old.regenerate_callmanager()
        report = await world.boot()
        first.cancel_scope.cancel()
    assert outcomes(report) == [(CTL, "vouched")]
    assert told(report, TVSServerAsked) == [TVSServerAsked(OLD, 2445)]
    assert not any("127.0.0.1" in line for line in report.lines)
