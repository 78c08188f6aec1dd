"""Two clusters with TVS in memory, and a phone that can move between them: for whole boots."""

from dataclasses import dataclass, field
from random import Random

import trio
from boot_support import DEVICE
from trust_lists import switched

from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    ClusterFiles,
    CTLKind,
    Device,
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
from firmware_sim.tvs import TVSDirectory
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Switches
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity
from secd.trace import (
    FileRefused,
    FileVerified,
    TraceEvent,
    TVSQueryEnded,
)
from secd.words import BootOutcome

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
