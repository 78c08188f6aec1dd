"""The CTL Client's side of TCP 2444: two rounds of connections, to every node of a cluster.

The first round collects; what is done with it is decided by `firmware_sim.ctl_client`. The second
stages the signed CTL on every node and commits only when all have it, the publisher last. A node
that cannot be had before the first commit: nothing is written anywhere.

Between the first commit and the last nothing can be undone. A commit is one rename on the node, so
only a node or a line that dies right then stops it; then every node is asked once more what it has.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import trio

from firmware_sim.ctl_client.events import (
    ClientEvent,
    CTLStagedOn,
    CTLWrittenTo,
    NodeAsked,
    NodeCollected,
    NodeDiffers,
)
from firmware_sim.ctl_client.facts import (
    ClusterFacts,
    NodeFacts,
    cluster_facts_untrusted,
    node_facts_untrusted,
)
from firmware_sim.ctl_provider.messages import (
    Answer,
    Certificates,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    ModeNoted,
    SaveCTL,
    SetMode,
)
from firmware_sim.net.ctl_connection import (
    Conversation,
    ProviderRefused,
    ProviderUnreachable,
    connect,
    pinned,
)
from secd.errors import RemoteProtocolViolation
from secd.net.network import AddressBook, Network

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 20.0  # a password, a full disk, a wrong login take their time
_READ_BYTES: Final = 16 * 1024
_Facts = TypeVar("_Facts")
_GoodAnswer = TypeVar("_GoodAnswer", bound=Answer)


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """How far the commits got, by names of nodes; `why` is empty where all have the CTL.

    missing -- those that hold their former CTL. unknown -- those that do not answer.
    """

    written: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class CTLClient:
    """A CTL Client and its administrator. port -- of every provider."""

    network: Network
    book: AddressBook
    port: int
    user: str
    password: str = field(repr=False)
    report: Callable[[ClientEvent], None]

    async def collect(self, host: str, fingerprint: bytes) -> ClusterFacts:
        """Ask the publisher at `host`, then every node of its list by its name.

        fingerprint -- SHA-256 of the certificate that the publisher's provider must show.
        Raises ProviderUnreachable, ProviderRefused.
        """
        told, ctl = await self._ask_node(host, host, fingerprint)
        facts = told.publisher
        if facts is None:
            raise ProviderRefused(f"{host}: {told.name} is not the publisher; name that one")
        publisher = _checked(lambda: node_facts_untrusted(told, ctl, fingerprint), host)
        self.report(NodeCollected(told.name, len(ctl or b"")))
        first, *others = facts.nodes
        if first.name != told.name:
            raise ProviderRefused(f"{host}: {told.name} is not the first of its own nodes")
        rest = [await self._collect_node(one.name, one.fingerprint, ctl) for one in others]
        nodes = (publisher, *rest)
        return _checked(lambda: cluster_facts_untrusted(told, facts, nodes), host)

    async def _collect_node(
        self, name: str, fingerprint: bytes, publishers_ctl: bytes | None
    ) -> NodeFacts:
        told, ctl = await self._ask_node(name, name, fingerprint)
        if told.name != name:
            raise ProviderRefused(f"{name}: answers as {told.name}")
        self.report(NodeCollected(name, len(ctl or b"")))
        if ctl != publishers_ctl:
            self.report(NodeDiffers(name))
        return _checked(lambda: node_facts_untrusted(told, ctl, fingerprint), name)

    async def _ask_node(
        self, name: str, host: str, fingerprint: bytes
    ) -> tuple[Certificates, bytes | None]:
        async with self._logged_in(name, host, fingerprint) as node:
            told = await node.ask(GetCertificates(), Certificates)
            return told, (await node.ask(GetCTL(), HeldCTL)).octets

    async def write(
        self,
        cluster: ClusterFacts,
        host: str,
        ctl: bytes,
        mixed: bool | None,
        transaction: bytes,
    ) -> WriteOutcome:
        """Write a CTL to every node, and set the mode on the publisher at `host`; None: keep it.

        Raises ProviderUnreachable and ProviderRefused while nothing is written anywhere.
        """
        publisher, *others = cluster.nodes
        written: list[str] = []
        async with AsyncExitStack() as stack:
            opened: list[Conversation] = []
            for node in (*others, publisher):
                where = host if node is publisher else node.name
                logged_in = self._logged_in(node.name, where, node.fingerprint)
                conversation = await stack.enter_async_context(logged_in)
                opened.append(conversation)
                if node is publisher and mixed is not None:
                    await conversation.ask(SetMode(mixed), ModeNoted)
                await conversation.ask(SaveCTL(transaction, node.base, ctl), CTLStaged)
                self.report(CTLStagedOn(node.name))
            for conversation in opened:
                try:
                    await conversation.ask(Commit(transaction), Committed)
                except (ProviderUnreachable, ProviderRefused) as failure:
                    why = str(failure)
                    break
                written.append(conversation.name)
                self.report(CTLWrittenTo(conversation.name))
            else:
                return WriteOutcome(tuple(written))
        return await self._look_again(cluster, host, ctl, WriteOutcome(tuple(written), why=why))

    async def _look_again(
        self, cluster: ClusterFacts, host: str, ctl: bytes, outcome: WriteOutcome
    ) -> WriteOutcome:
        """Ask those nodes that have not confirmed the CTL what they hold."""
        held: dict[str, list[str]] = {"written": [], "missing": [], "unknown": []}
        for node in cluster.nodes:
            if node.name in outcome.written:
                continue
            where = host if node is cluster.publisher else node.name
            try:
                _, found = await self._ask_node(node.name, where, node.fingerprint)
            except (ProviderUnreachable, ProviderRefused):
                held["unknown"].append(node.name)
            else:
                held["written" if found == ctl else "missing"].append(node.name)
        return replace(
            outcome,
            written=(*outcome.written, *held["written"]),
            missing=tuple(held["missing"]),
            unknown=tuple(held["unknown"]),
        )

    @asynccontextmanager
    async def _logged_in(
        self, name: str, host: str, fingerprint: bytes
    ) -> AsyncIterator[Conversation]:
        self.report(NodeAsked(name, host, self.port))
        stream = await connect(
            self.network, self.book, name, (host, self.port), pinned(fingerprint)
        )
        try:
            conversation = Conversation(name, stream)
            await conversation.ask(Login(self.user, self.password), LoggedIn)
            yield conversation
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()


def _checked(read: Callable[[], _Facts], node: str) -> _Facts:
    """Return facts that a node told; what cannot be read is a refusal of ours."""
    try:
        return read()
    except RemoteProtocolViolation as error:
        raise ProviderRefused(f"{node}: {error}") from None
