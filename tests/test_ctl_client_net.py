"""CTL Client and CTL Providers over loopback: all nodes get a CTL or none, and who is to blame."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest
import trio
from ctl_support import (
    FIRST,
    NOW,
    PASSWORD,
    SECOND,
    USER,
    certificate,
    content,
    held,
    make_site,
    signed,
)

from firmware_sim.administration.directory import read_cluster
from firmware_sim.administration.provider import NodeProvider, Visit
from firmware_sim.administration.staging import ProviderSite
from firmware_sim.cluster import Credential
from firmware_sim.ctl_client.events import ClientEvent, CTLWrittenTo, NodeDiffers
from firmware_sim.ctl_client.facts import ClusterFacts
from firmware_sim.ctl_client.plan import Action, plan
from firmware_sim.ctl_provider.messages import (
    Answer,
    Commit,
    LoggedIn,
    Login,
    Refused,
    Request,
    SaveCTL,
)
from firmware_sim.net.ctl_client import (
    CTLClient,
    WriteOutcome,
)
from firmware_sim.net.ctl_connection import (
    ProviderRefused,
    ProviderUnreachable,
    certificate_shown,
)
from firmware_sim.net.ctl_provider_server import (
    PROVIDER_PROFILE,
    ProviderVisit,
    serve_ctl_provider,
)
from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tls import TLSServerSettings
from firmware_sim.server_events import (
    CTLProviderLoggedIn,
    ServerEvent,
)
from secd.errors import RemoteProtocolViolation
from secd.net.kernel import KernelNetwork
from secd.net.network import Address, AddressBook, Unreachable
from secd.net.tcp import KernelTCPStream
from secd.net.tls_context import TLSIdentity

PORT = 2444
TRANSACTION = bytes(16)
ANY = ("127.0.0.1", 0)


class NoNames(KernelNetwork):
    """A network whose resolver knows no name; the machine's own is not asked by a test."""

    async def open_tcp(self, remote: Address) -> KernelTCPStream:
        if remote[0] != "127.0.0.1":
            raise Unreachable(remote, "cannot resolve: Name or service not known")
        return await super().open_tcp(remote)


@dataclass
class _Watched:
    """A node's visit to which something happens before it answers a request."""

    visit: Visit
    before: Callable[[Request], None]
    after: Callable[[Request], None]

    def answer(self, request: Request) -> Answer:
        self.before(request)
        answer = self.visit.answer(request)
        self.after(request)
        return answer

    def close(self) -> None:
        self.visit.close()


@dataclass
class Node:
    """A node's provider that runs until it is killed."""

    provider: NodeProvider
    before: Callable[[Request], None]
    after: Callable[[Request], None]
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    port: int = 0
    dead: trio.Event = field(default_factory=trio.Event)

    async def die(self) -> None:
        """Be gone: nobody listens any more, and connections are closed."""
        self.scope.cancel()
        await self.dead.wait()

    def log_in(self, address: str, login: Login) -> LoggedIn | Refused:
        return self.provider.log_in(address, login)

    def visit(self) -> ProviderVisit:
        return _Watched(self.provider.visit(), self.before, self.after)

    def identity(self) -> Credential:
        return self.provider.identity()

    def shown(self) -> TLSIdentity:
        credential = self.identity()
        return TLSIdentity((credential.certificate,), credential.key)


@dataclass
class World:
    """A cluster directory with its providers, and a client."""

    root: Path
    nodes: list[Node] = field(default_factory=list)
    told: list[ServerEvent] = field(default_factory=list)
    reported: list[ClientEvent] = field(default_factory=list)
    happens: dict[tuple[str, type[Request]], Callable[[], None]] = field(default_factory=dict)
    cut: set[tuple[str, type[Request]]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.site = ProviderSite(self.root, trio.current_time)

    async def until_dropped(self) -> None:
        """Wait until the providers have noticed that the client is gone."""
        with trio.fail_after(10):
            while self.site._change is not None:
                await trio.lowlevel.checkpoint()

    def book(self) -> AddressBook:
        return AddressBook(
            {(node.provider.name, PORT): ("127.0.0.1", node.port) for node in self.nodes}
        )

    def client(self, password: str = PASSWORD, book: AddressBook | None = None) -> CTLClient:
        return CTLClient(
            *(KernelNetwork(), book or self.book(), PORT, USER, password, self.reported.append)
        )

    def fingerprint(self) -> bytes:
        return sha256(read_cluster(self.root).publisher.callmanager.certificate).digest()

    async def collect(self) -> ClusterFacts:
        return await self.client().collect("cucm-0", self.fingerprint())

    async def write(
        self, cluster: ClusterFacts, action: Action = Action.MIXED, name: str = FIRST
    ) -> tuple[bytes, WriteOutcome]:
        tokens = [certificate(one) for one in (name, FIRST, SECOND)]
        planned = plan(cluster, action, [*dict.fromkeys(tokens)], (), NOW)
        ctl = signed(planned, name)
        mixed = {Action.MIXED: True, Action.NON_SECURE: False}.get(action)
        return ctl, await self.client().write(cluster, "cucm-0", ctl, mixed, TRANSACTION)


@asynccontextmanager
async def serving(root: Path, nodes: int = 2) -> AsyncIterator[World]:
    world = World(make_site(root, nodes))
    async with trio.open_nursery() as nursery:
        for node in read_cluster(world.root).nodes:
            await nursery.start(_serve, world, node.name)
        yield world
        nursery.cancel_scope.cancel()


async def _serve(world: World, name: str, task_status: trio.TaskStatus[None]) -> None:
    def before(request: Request) -> None:
        world.happens.get((name, type(request)), lambda: None)()

    def after(request: Request) -> None:
        if (name, type(request)) in world.cut:
            raise RemoteProtocolViolation("the line is cut before the answer")

    node = Node(NodeProvider(world.site, name), before, after)
    settings = TLSServerSettings(PROVIDER_PROFILE, node.shown)
    network = KernelTCPServerNetwork()
    with node.scope:
        async with trio.open_nursery() as nursery:
            serve = nursery.start(
                serve_ctl_provider, network, ANY, settings, node, world.told.append
            )
            node.port = (await serve)[1]
            world.nodes.append(node)
            task_status.started()
    node.dead.set()


async def test_two_nodes_get_a_ctl_and_the_mode(tmp_path: Path) -> None:
    async with serving(tmp_path / "site") as world:
        cluster = await world.collect()
        assert [node.ctl for node in cluster.nodes] == [None, None]
        ctl, outcome = await world.write(cluster)
        assert outcome == WriteOutcome(("cucm-1", "cucm-0"))
        assert held(world.root) == [ctl, ctl]
        assert read_cluster(world.root).mixed_mode
        again = await world.collect()
        assert [node.ctl for node in again.nodes] == [ctl, ctl]
        assert again.mixed_mode
        other, _ = await world.write(again, Action.NON_SECURE, SECOND)
        assert held(world.root) == [other, other]
        assert not read_cluster(world.root).mixed_mode
        written = [event.node for event in world.reported if isinstance(event, CTLWrittenTo)]
        assert written == ["cucm-1", "cucm-0"] * 2
        users = [event.user for event in world.told if isinstance(event, CTLProviderLoggedIn)]
        assert users == [USER] * 8


async def test_the_provider_is_who_it_should_be(tmp_path: Path) -> None:
    async with serving(tmp_path / "site") as world:
        network, book = KernelNetwork(), world.book()
        shown = await certificate_shown(network, book, "cucm-0", PORT)
        assert sha256(shown).digest() == world.fingerprint()
        with pytest.raises(ProviderRefused, match="cucm-0: shows another certificate"):
            await world.client().collect("cucm-0", bytes(32))
        other = read_cluster(world.root).nodes[1].callmanager.certificate
        with pytest.raises(ProviderRefused, match="cucm-1: cucm-1 is not the publisher"):
            await world.client().collect("cucm-1", sha256(other).digest())
        first, second = world.nodes
        crossed = AddressBook(
            {
                ("cucm-0", PORT): ("127.0.0.1", first.port),
                ("cucm-1", PORT): ("127.0.0.1", first.port),
            }
        )
        with pytest.raises(ProviderRefused, match="cucm-1: shows another certificate"):
            await world.client(book=crossed).collect("cucm-0", world.fingerprint())
        logins = [event for event in world.told if isinstance(event, CTLProviderLoggedIn)]
        assert len(logins) == 2  # those two publishers; nobody else was told the password
        assert second.port != first.port


async def test_a_node_that_cannot_be_had_stops_it_before_anything_is_written(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "site") as world:
        before = content(world.root)
        await world.nodes[1].die()
        with pytest.raises(ProviderUnreachable, match="cucm-1: nobody listens"):
            await world.collect()
        nowhere = AddressBook({("cucm-0", PORT): ("127.0.0.1", world.nodes[0].port)})
        client = replace(world.client(book=nowhere), network=NoNames())
        with pytest.raises(ProviderUnreachable, match="cucm-1: cannot resolve: Name or service"):
            await client.collect("cucm-0", world.fingerprint())
        assert content(world.root) == before


@pytest.mark.parametrize("dead", [0, 1, 2])
async def test_a_node_that_dies_between_collect_and_write(tmp_path: Path, dead: int) -> None:
    async with serving(tmp_path / "site", 3) as world:
        before = content(world.root)
        cluster = await world.collect()
        await world.nodes[dead].die()
        with pytest.raises(ProviderUnreachable, match=f"cucm-{dead}: nobody listens"):
            await world.write(cluster)
        await world.until_dropped()
        assert content(world.root) == before


@pytest.mark.parametrize("dead", [0, 1, 2])
async def test_a_node_that_dies_while_it_stages(tmp_path: Path, dead: int) -> None:
    async with serving(tmp_path / "site", 3) as world:
        before = content(world.root)
        cluster = await world.collect()
        world.happens[f"cucm-{dead}", SaveCTL] = world.nodes[dead].scope.cancel
        with pytest.raises(ProviderUnreachable, match=f"cucm-{dead}: SaveCTL"):
            await world.write(cluster)
        await world.until_dropped()
        assert content(world.root) == before
        assert not read_cluster(world.root).mixed_mode


async def test_a_full_disk_on_one_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path / "site", 3) as world:
        before = content(world.root)
        cluster = await world.collect()

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device", "nodes/cucm-2/CTLFile.tlv.new")

        def fill() -> None:
            monkeypatch.setattr("firmware_sim.administration.journal._write_beside", full)

        world.happens["cucm-2", SaveCTL] = fill
        with pytest.raises(ProviderRefused, match=r"cucm-2: .*No space left on device"):
            await world.write(cluster)
        await world.until_dropped()
        assert content(world.root) == before


async def test_a_node_that_dies_between_the_commits(tmp_path: Path) -> None:
    async with serving(tmp_path / "site", 4) as world:
        cluster = await world.collect()

        def die() -> None:
            world.nodes[2].scope.cancel()

        world.happens["cucm-2", Commit] = die
        ctl, outcome = await world.write(cluster)
        assert (outcome.written, outcome.missing, outcome.unknown) == (
            ("cucm-1",),
            ("cucm-0", "cucm-3"),
            ("cucm-2",),
        )
        assert outcome.why.startswith("cucm-2: Commit: ")
        # It had renamed before it died, and nobody heard of it: hence "unknown".
        assert held(world.root) == [None, ctl, ctl, None]
        assert not read_cluster(world.root).mixed_mode


async def test_a_commit_whose_answer_is_lost_is_found_out(tmp_path: Path) -> None:
    async with serving(tmp_path / "site") as world:
        cluster = await world.collect()
        world.cut.add(("cucm-1", Commit))
        ctl, outcome = await world.write(cluster)
        assert (outcome.written, outcome.missing) == (("cucm-1",), ("cucm-0",))
        assert outcome.why.startswith("cucm-1: Commit: ")
        assert held(world.root) == [None, ctl]


async def test_a_commit_that_fails_and_the_way_out(tmp_path: Path) -> None:
    async with serving(tmp_path / "site") as world:
        cluster = await world.collect()
        staged = world.root / "nodes/cucm-1/journal.new"
        world.happens["cucm-1", Commit] = staged.unlink
        _, outcome = await world.write(cluster)
        assert (outcome.written, outcome.missing) == ((), ("cucm-0", "cucm-1"))
        assert "cucm-1: " in outcome.why
        assert "a prepared change cannot be made: No such file" in outcome.why
        assert held(world.root) == [None, None]
        world.happens.clear()
        ctl, second = await world.write(await world.collect())
        assert second.why == ""
        assert held(world.root) == [ctl, ctl]


async def test_nodes_that_differ_are_told_and_made_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path / "site") as world:
        await world.write(await world.collect())
        (world.root / "nodes/cucm-1/CTLFile.tlv").unlink()
        cluster = await world.collect()
        assert [e.node for e in world.reported if isinstance(e, NodeDiffers)] == ["cucm-1"]
        ctl, outcome = await world.write(cluster, Action.UPDATE, SECOND)
        assert outcome.why == ""
        assert held(world.root) == [ctl, ctl]
