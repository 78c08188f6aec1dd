"""Whole boots with TVS, in memory and virtual time: rows L5, L6 and C3 of the decision table."""

from dataclasses import dataclass, field
from random import Random

import pytest
import trio
from boot_support import DEVICE
from trio.testing import MockClock
from trust_lists import switched

from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    ClusterFiles,
    CTLKind,
    Device,
    Node,
    PooledKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.cluster.lists import ctl_file, itl_file
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.server_events import (
    ServerEvent,
    TVSAnswerSent,
    TVSCertificateLookedUp,
    TVSConnectionAccepted,
    TVSConnectionFailed,
    TVSQuestionReceived,
)
from firmware_sim.tvs import Entry, TVSDirectory
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Switches, TVSFlush
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity
from secd.trace import (
    FileRefused,
    FileVerified,
    TLSPeerRefused,
    TraceEvent,
    TVSCacheFlushed,
    TVSQueryEnded,
    TVSServerAsked,
    TVSServerPassedOver,
)
from secd.trust import VoucherOutcome
from secd.words import BootOutcome, FileKind

MADE_AT_SECONDS = 1_400_000_000
BOOTED_AT_SECONDS = 1_400_100_000.0
DAY_SECONDS = 86_400
OLD, SUBSCRIBER, NEW = "10.1.1.1", "10.1.1.2", "10.2.2.2"
CTL, ITL, SIGNED = f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", f"{DEVICE}.cnf.xml.sgn"
BOTH = ("CTLFile.tlv", "ITLFile.tlv")
NEWER_PHONES = ["7961", "9971", "8861"]
TVS_KINDS: dict[type[ServerEvent], str] = {
    TVSConnectionAccepted: "accepted",
    TVSConnectionFailed: "failed",
    TVSQuestionReceived: "question",
    TVSCertificateLookedUp: "looked up",
    TVSAnswerSent: "answer",
}


def host(name: str) -> Subject:
    return Subject(name, "TAC", "Cisco", "Krakow", "Malopolska", "PL")


@dataclass
class Site:
    """One cluster, its servers on the network, and what they saw."""

    address: str
    maker: CertificateMaker
    cluster: Cluster = field(init=False)
    directory: TVSDirectory = field(init=False)
    seen: list[ServerEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        subject = host(f"cucm-{self.address.replace('.', '-')}")
        node = make_node(self.maker, self.address, self.address, subject)
        self.cluster = make_cluster(self.maker, Release(10, 5, 2), node, subject)
        self.cluster.ctl, self.cluster.mixed_mode = CTLKind.TOKENLESS, True
        self.cluster.add_device(Device(DEVICE, "9971"))
        self.directory = TVSDirectory(self.cluster)

    async def serve(self, nursery: trio.Nursery, network: MemoryNetwork) -> None:
        files = ClusterFiles(self.cluster)
        await nursery.start(serve_tftp, network, (self.address, 69), files, self.seen.append)
        await self.serve_tvs(nursery, network)

    async def serve_tvs(self, nursery: trio.Nursery, network: MemoryNetwork) -> trio.CancelScope:
        """Serve TVS until the scope is cancelled, with the certificate of this moment."""
        tvs = self.cluster.publisher.tvs
        settings = TLSServerSettings(LEGACY, TLSIdentity((tvs.certificate,), tvs.key))

        async def serve(*, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
            async with trio.open_nursery() as inner:
                await inner.start(
                    serve_tvs,
                    network,
                    (self.address, 2445),
                    settings,
                    self.directory,
                    self.seen.append,
                )
                task_status.started(inner.cancel_scope)

        scope = await nursery.start(serve)
        assert isinstance(scope, trio.CancelScope)
        return scope

    def regenerate_callmanager(self) -> None:
        self.cluster.publisher.callmanager = self.maker.self_signed(host("cucm-new"))
        self.cluster.changed_at_seconds += 3600

    def keep_lists(self) -> None:
        """Serve the lists of this moment for good; what is signed later is the configuration."""
        ctl = ctl_file(self.cluster)
        assert ctl is not None
        itl = itl_file(self.cluster, self.cluster.publisher)
        self.cluster.overrides |= dict(zip(BOTH, (ctl, itl), strict=True))

    @property
    def tvs_events(self) -> list[ServerEvent]:
        return [event for event in self.seen if type(event) in TVS_KINDS]

    @property
    def tvs_kinds(self) -> list[str]:
        return [TVS_KINDS[type(event)] for event in self.tvs_events]

    @property
    def answers(self) -> list[tuple[int, str]]:
        """Status and functions of what TVS said."""
        sent = (event for event in self.seen if isinstance(event, TVSAnswerSent))
        return [(event.status, event.functions) for event in sent]


@dataclass
class World:
    """An old and a new cluster, both reachable, and one phone that can move between them."""

    model: str = "9971"
    switches: Switches | None = None
    network: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(Random(1)))
    flash: MemoryFlash = field(default_factory=MemoryFlash)
    book: dict[Address, Address] = field(default_factory=dict)
    old: Site = field(init=False)
    new: Site = field(init=False)

    def __post_init__(self) -> None:
        # One source of keys, so that the clusters are strangers to each other.
        maker = CertificateMaker(PooledKeys(16), Random(2), MADE_AT_SECONDS, bits=1024)
        self.old, self.new = Site(OLD, maker), Site(NEW, maker)

    @property
    def store(self) -> PhoneStore:
        model = model_catalogue().find(self.model)
        return PhoneStore(self.flash, DEVICE, model)

    async def boot(self, server: str = OLD) -> BootReport:
        model = model_catalogue().find(self.model)
        if self.switches is not None:
            model = switched(model, self.switches)
        phone = EmulatedPhone(DEVICE, model, self.store, (server,), round_limit=1)
        surroundings = Surroundings(
            self.network, TrioClock(BOOTED_AT_SECONDS), AddressBook(self.book)
        )
        return await phone.boot(surroundings, lambda _, __: None)

    def held(self) -> dict[str, bytes | None]:
        return {name: self.flash.read(name) for name in (*BOTH, f"{DEVICE}.cnf.xml")}


async def settled(world: World, nursery: trio.Nursery) -> World:
    """A world whose phone has booted at the old cluster."""
    await world.old.serve(nursery, world.network)
    await world.new.serve(nursery, world.network)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert world.old.tvs_events == []
    return world


def told(report: BootReport, *kinds: type[TraceEvent]) -> list[TraceEvent]:
    return [traced.event for traced in report.events if isinstance(traced.event, kinds)]


def outcomes(report: BootReport) -> list[tuple[str, str]]:
    """Which questions were asked, and what came of them."""
    events = (traced.event for traced in report.events)
    return [(e.file_name, e.outcome) for e in events if isinstance(e, TVSQueryEnded)]


def reasons(report: BootReport) -> list[tuple[str, str]]:
    """Files that were judged, and why they were accepted or refused."""
    events = (traced.event for traced in report.events)
    return [(e.file_name, e.reason) for e in events if isinstance(e, FileVerified | FileRefused)]


# --- CallManager.pem is regenerated -------------------------------------------------------------


@pytest.mark.parametrize("model", NEWER_PHONES)
async def test_row_l5_a_regenerated_callmanager_is_accepted_by_tvs(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(model), nursery)
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]  # the new CTL then knows the signer of the rest
    assert reasons(report)[0] == (CTL, "TVS_VOUCHED")
    assert world.old.answers == [(0, "0, 2")]
    assert world.old.tvs_kinds == ["accepted", "question", "looked up", "answer"]
    question, found = world.old.tvs_events[1:3]
    assert isinstance(question, TVSQuestionReceived)
    assert isinstance(found, TVSCertificateLookedUp)
    assert (question.message, question.device_name) == ("QUERY_CERT_REQ", f"CP-{model}-{DEVICE}")
    signer = world.old.cluster.publisher.callmanager
    assert found.unique_map_id == signer.serial.hex().upper() + signer.issuer.decode()
    assert world.held()["CTLFile.tlv"] == ctl_file(world.old.cluster)
    assert world.held()["ITLFile.tlv"] == itl_file(world.old.cluster, world.old.cluster.publisher)


async def test_what_tvs_vouched_for_is_forgotten_with_the_list_it_let_in(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert told(report, TVSCacheFlushed) == [
        TVSCacheFlushed(1, FileKind.CTL),
        TVSCacheFlushed(0, FileKind.ITL),
    ]
    assert world.store.load().vouchers == ()


@pytest.mark.parametrize("model", NEWER_PHONES)
async def test_row_c3_a_voucher_is_remembered_until_a_new_list_flushes_it(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(model), nursery)
    world.old.keep_lists()
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(SIGNED, "vouched")]
    assert reasons(report) == [(SIGNED, "TVS_VOUCHED")]
    [voucher] = world.store.load().vouchers
    signer = world.old.cluster.publisher.callmanager
    assert (voucher.issuer, voucher.serial) == (signer.issuer, signer.serial)
    assert voucher.certificate == signer.certificate
    assert (voucher.outcome, voucher.functions) == (VoucherOutcome.VOUCHED, frozenset({0, 2}))
    boots_end = BOOTED_AT_SECONDS + trio.current_time()
    assert 0 <= boots_end + DAY_SECONDS - voucher.until_seconds < 60

    # The next boot asks nobody, though nothing else has changed.
    report = await world.boot()
    assert outcomes(report) == []
    assert reasons(report) == [(SIGNED, "TVS_VOUCHED")]
    assert world.store.load().vouchers == (voucher,)

    # The new lists are let in by what is remembered, and flush it.
    world.old.cluster.overrides.clear()
    report = await world.boot()
    assert outcomes(report) == []
    assert reasons(report)[0] == (CTL, "TVS_VOUCHED")
    assert told(report, TVSCacheFlushed)[0] == TVSCacheFlushed(1, FileKind.CTL)
    assert world.store.load().vouchers == ()
    assert len(world.old.answers) == 1


async def test_a_voucher_whose_time_is_over_is_asked_for_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    world.old.keep_lists()
    world.old.regenerate_callmanager()
    await world.boot()
    await trio.sleep(DAY_SECONDS + 60)
    report = await world.boot()
    assert outcomes(report) == [(SIGNED, "vouched")]
    [voucher] = world.store.load().vouchers
    assert voucher.until_seconds > BOOTED_AT_SECONDS + 2 * DAY_SECONDS


async def test_an_answer_without_lifetime_vouches_for_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Also where the clock stands still between question and answer, as it does here."""
    world = await settled(World(), nursery)
    before = world.held()
    world.old.directory.lifetime_seconds = 0
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert world.old.answers == [(0, "0, 2")] * 3
    assert reasons(report) == [(name, "TVS_UNREACHABLE") for name in (CTL, ITL, SIGNED)]
    assert world.held() == before
    assert world.store.load().vouchers == ()


async def test_tvs_alone_is_regenerated_and_the_lists_follow(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Whoever regenerates one at a time locks no phone out."""
    world = World()
    await world.old.serve(nursery, world.network)
    await world.boot()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    world.old.cluster.changed_at_seconds += 3600
    report = await world.boot()
    assert outcomes(report) == []
    assert reasons(report)[0] == (CTL, "IN_CTL")
    assert world.held()["ITLFile.tlv"] == itl_file(world.old.cluster, world.old.cluster.publisher)


async def test_operation_4_both_regenerated_together_lock_the_phone_out(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    before = world.held()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    world.old.regenerate_callmanager()
    await world.old.serve(nursery, world.network)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    assert world.held() == before
    assert outcomes(report) == [(name, "unreachable") for name in (CTL, ITL, SIGNED)]
    assert reasons(report) == [(name, "TVS_UNREACHABLE") for name in (CTL, ITL, SIGNED)]
    assert len(told(report, TLSPeerRefused)) == 3
    await trio.testing.wait_all_tasks_blocked()
    assert world.old.tvs_kinds == ["failed"] * 3  # alerts; nothing was ever asked
    assert "Trust List update failed" in [message.text for message in report.statuses]


# --- several TVS servers --------------------------------------------------------------------------


def with_subscriber(world: World) -> Node:
    """Add a node, which is the second TVS server of every configuration."""
    cluster = world.old.cluster
    node = make_node(world.old.maker, SUBSCRIBER, SUBSCRIBER, host("cucm-sub"))
    cluster.nodes.append(node)
    return node


async def serve_subscriber(world: World, node: Node, nursery: trio.Nursery) -> list[ServerEvent]:
    seen: list[ServerEvent] = []
    settings = TLSServerSettings(LEGACY, TLSIdentity((node.tvs.certificate,), node.tvs.key))
    where = (SUBSCRIBER, 2445)
    source = world.old.directory
    await nursery.start(serve_tvs, world.network, where, settings, source, seen.append)
    return seen


@pytest.mark.parametrize("silent", [False, True], ids=["off", "silent"])
async def test_the_second_server_is_asked_when_the_first_is_dead(
    silent: bool, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    node = with_subscriber(world)
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    world.old.regenerate_callmanager()
    files = ClusterFiles(world.old.cluster)
    await nursery.start(serve_tftp, world.network, (OLD, 69), files, world.old.seen.append)
    seen = await serve_subscriber(world, node, nursery)
    if silent:
        world.network.listen((OLD, 2445))  # accepts nobody
    begun = trio.current_time()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]
    text = "no answer within 10 s" if silent else "nobody listens on this port"
    assert told(report, TVSServerAsked, TVSServerPassedOver) == [
        TVSServerAsked(OLD, 2445),
        TVSServerPassedOver(OLD, 2445, text),
        TVSServerAsked(SUBSCRIBER, 2445),
    ]
    waited = trio.current_time() - begun
    assert waited >= 10 if silent else waited < 10
    assert [type(event) for event in seen][-1] is TVSAnswerSent


async def test_a_denial_of_the_first_server_is_final(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    node = with_subscriber(world)
    await settled(world, nursery)
    seen = await serve_subscriber(world, node, nursery)
    report = await world.boot(NEW)
    assert outcomes(report) == [(name, "denied") for name in (CTL, ITL, SIGNED)]
    assert told(report, TVSServerPassedOver) == []
    assert seen == []


async def test_a_server_with_a_wrong_certificate_is_passed_over(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The publisher's TVS was renewed behind the phone's back; the subscriber's was not."""
    world = World()
    node = with_subscriber(world)
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    world.old.regenerate_callmanager()
    await world.old.serve(nursery, world.network)
    seen = await serve_subscriber(world, node, nursery)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]
    [passed] = told(report, TVSServerPassedOver)
    assert isinstance(passed, TVSServerPassedOver)
    assert passed.text.startswith("the peer's certificate is refused: PEER_NOT_LISTED")
    assert world.old.tvs_kinds == ["failed"]
    assert [type(event) for event in seen][-1] is TVSAnswerSent


# --- row L6, and phones without TVS -------------------------------------------------------------


async def test_row_l6_a_7940_refuses_and_connects_to_nobody(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World("7940"), nursery)
    before = world.held()
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    assert world.held() == before
    assert reasons(report) == [(CTL, "SIGNER_UNKNOWN"), (SIGNED, "SIGNER_UNKNOWN")]
    assert world.old.tvs_events == []


async def test_a_phone_that_holds_no_configuration_has_nobody_to_ask(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    world.flash.erase(f"{DEVICE}.cnf.xml")
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert reasons(report)[:2] == [(CTL, "TVS_NO_ANCHOR"), (ITL, "TVS_NO_ANCHOR")]
    assert world.old.tvs_events == []


# --- the phone moves to another cluster ---------------------------------------------------------


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


# --- switches -----------------------------------------------------------------------------------


async def test_with_the_flush_of_the_ctl_only_a_new_itl_leaves_the_cache(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World(switches=Switches(tvs_flush=TVSFlush.CTL))
    world.old.cluster.ctl, world.old.cluster.mixed_mode = None, False
    await settled(world, nursery)
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert outcomes(report) == [(ITL, "vouched")]
    assert told(report, TVSCacheFlushed) == []
    assert len(world.store.load().vouchers) == 1


async def test_a_denial_that_is_remembered_is_asked_for_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(switches=Switches(tvs_negative_cache=True)), nursery)
    report = await world.boot(NEW)
    assert outcomes(report) == [(CTL, "denied")]
    assert reasons(report) == [(name, "TVS_DENIED") for name in (CTL, ITL, SIGNED)]
    [kept] = world.store.load().vouchers
    assert kept.outcome is VoucherOutcome.DENIED
    assert outcomes(await world.boot(NEW)) == []
