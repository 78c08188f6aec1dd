"""Staging and committing CTLs on the nodes of a cluster directory, for the CTL Providers.

A change comes in two steps, so that all nodes get a CTL or none does:

    stage    checks the CTL against the node, brings it to the disk beside the one that is there,
             and from the first node on holds the cluster's lock: no administrator comes between
    commit   one rename (for the publisher a journal of two): no octet needs to be written any more

What was staged and is not committed is dropped when its conversation ends. The lock is given up
with the last of them. Providers of one process share a `ProviderSite`. Who may ask is not decided
here.
"""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from firmware_sim.administration.commands import AUTOREGISTRATION_IN_MIXED_MODE
from firmware_sim.administration.directory import (
    ClusterBusy,
    Draft,
    ctl_name,
    find_node,
    holding,
    read_list,
)
from firmware_sim.administration.journal import Prepared, prepare
from firmware_sim.administration.serving import CurrentCallManager, CurrentCluster
from firmware_sim.cluster import CTL_FILE, Cluster, Credential, CTLKind, Node
from firmware_sim.ctl_provider.gate import Gate
from firmware_sim.ctl_provider.messages import CTL_LIMIT_BYTES, RefusalReason, SaveCTL
from secd.errors import MalformedFile, SecdError
from secd.text import text_of
from secd.trust import verifies_itself
from secd.trustlist import Function, TrustList, decode_trust_list_untrusted


class ProviderRefusal(SecdError):  # noqa: N818 - the name is the finding
    """A provider refuses a request. reason -- as the answer says it."""

    def __init__(self, reason: RefusalReason, text: str) -> None:
        self.reason = reason
        super().__init__(text)


@dataclass(slots=True)
class _Change:
    """A change that is being staged. hold -- gives up the cluster when it is closed."""

    transaction: bytes
    draft: Draft
    hold: ExitStack
    staged: dict[str, Prepared] = field(default_factory=dict)


@dataclass(slots=True)
class ProviderSite:
    """The providers of a cluster directory. clock -- seconds that only grow."""

    root: Path
    clock: Callable[[], float]
    gate: Gate = field(init=False)
    _cluster: CurrentCluster = field(init=False)
    _shown: dict[str, CurrentCallManager] = field(default_factory=dict)
    _change: _Change | None = None

    def __post_init__(self) -> None:
        self.gate = Gate(self.clock)
        self._cluster = CurrentCluster(self.root)

    def cluster(self) -> Cluster:
        """Return the cluster as it is configured now."""
        return self._cluster.now()

    def shown(self, name: str) -> Credential:
        """Return what a node's provider shows: what its CallManager runs with."""
        if name not in self._shown:
            self._shown[name] = CurrentCallManager(self.root, name)
        return self._shown[name].identity()

    def stage(self, name: str, request: SaveCTL, mixed: bool | None) -> None:
        """Stage a node's CTL; with it, on the publisher, the mode. None: the mode stays.

        Raises ProviderRefusal, ClusterBusy, UnusableInput.
        """
        change = self._begin(request.transaction)
        if name in change.staged:
            raise ProviderRefusal(RefusalReason.NOT_ALLOWED, f"{name} has staged a CTL already")
        try:
            node = change.draft.node(name)
            self._check(change.draft.cluster, node, request, mixed)
            change.staged[name] = prepare(
                self.root, self._changes(change.draft, node, request.ctl, mixed), _journal_of(name)
            )
        finally:
            self._end_if_empty(change)

    def _begin(self, transaction: bytes) -> _Change:
        if self._change is None:
            with ExitStack() as stack:
                draft = stack.enter_context(holding(self.root))
                self._change = _Change(transaction, draft, stack.pop_all())
        if self._change.transaction != transaction:
            raise ClusterBusy(f"{self.root}: another CTL Client is changing this cluster")
        return self._change

    def ctl(self, name: str) -> bytes | None:
        """Return the CTL on a node's disk; None for none, as which an empty file counts.

        Raises ProviderRefusal for one that no message carries, UnusableInput.
        """
        held = read_list(self.root, find_node(self.cluster(), name), CTL_FILE) or None
        if held is not None and len(held) > CTL_LIMIT_BYTES:
            raise ProviderRefusal(
                RefusalReason.UNABLE, f"the CTL of {name} has {len(held)} octets, no phone loads it"
            )
        return held

    def _check(self, cluster: Cluster, node: Node, request: SaveCTL, mixed: bool | None) -> None:
        held = self.ctl(node.name)
        if request.base != _base_of(held):
            raise ProviderRefusal(
                RefusalReason.CHANGED_MEANWHILE,
                f"the CTL of {node.name} was changed by somebody else; begin anew",
            )
        complaint = _complaint(cluster, node, request.ctl, mixed)
        if complaint:
            raise ProviderRefusal(RefusalReason.BAD_CTL, complaint)

    def _changes(
        self, draft: Draft, node: Node, ctl: bytes, mixed: bool | None
    ) -> dict[str, bytes | None]:
        if node is not draft.cluster.publisher:
            return {ctl_name(node): ctl}
        cluster = draft.cluster
        cluster.ctl = CTLKind.CTL_CLIENT
        if mixed is not None:
            cluster.mixed_mode = mixed
        if cluster.mixed_mode and cluster.release < AUTOREGISTRATION_IN_MIXED_MODE:
            cluster.autoregistration = False  # seed guide, step 4
        return {**draft.changes(), ctl_name(node): ctl}

    def commit(self, name: str, transaction: bytes) -> None:
        """Put what a node has staged into its place. Raises ProviderRefusal, UnusableInput."""
        change = self._change
        staged = None
        if change is not None and change.transaction == transaction:
            staged = change.staged.pop(name, None)
        if change is None or staged is None:
            raise ProviderRefusal(RefusalReason.NOT_ALLOWED, f"{name} has staged no such change")
        try:
            staged.commit()
        finally:
            self._end_if_empty(change)

    def drop(self, name: str, transaction: bytes) -> None:
        """Drop what a node has staged and not committed; without any, do nothing."""
        change = self._change
        if change is None or change.transaction != transaction:
            return
        staged = change.staged.pop(name, None)
        if staged is not None:
            staged.drop()
        self._end_if_empty(change)

    def _end_if_empty(self, change: _Change) -> None:
        if not change.staged:
            self._change = None
            change.hold.close()


def _complaint(cluster: Cluster, node: Node, ctl: bytes, mixed: bool | None) -> str:
    """Return what is wrong with a CTL for a node; nothing: an empty text."""
    try:
        trust_list = decode_trust_list_untrusted(ctl)
    except MalformedFile as error:
        return f"what {node.name} got is no CTL: {error}"
    if not verifies_itself(trust_list):
        return f"the CTL for {node.name} is not signed by a SAST of its own"
    listed = _listed_nodes(trust_list)
    own = [certificate for name, certificate in listed if name == node.name]
    if own not in ([None], [node.callmanager.certificate]):
        return f"the CTL does not list the CallManager certificate that {node.name} has"
    if node is not cluster.publisher:
        return ""
    names = [name for name, _ in listed]
    if names != [one.name for one in cluster.nodes]:
        return f"the CTL lists {', '.join(names)}, not the nodes of the cluster"
    wants_certificates = cluster.mixed_mode if mixed is None else mixed
    if any((certificate is not None) != wants_certificates for _, certificate in listed):
        return f"the CTL is not one of {'mixed' if wants_certificates else 'non-secure'} mode"
    capf = [one.certificate for one in trust_list.records if one.function == Function.CAPF]
    return "" if capf == [cluster.capf.certificate] else "the CTL lists another CAPF certificate"


def _listed_nodes(trust_list: TrustList) -> list[tuple[str, bytes | None]]:
    """Return the names of the nodes in a list and their CallManager certificates."""
    return [
        (text_of(record.dns_name or b""), record.certificate)
        for record in trust_list.records
        if record.function == Function.CCM_TFTP
    ]


def _journal_of(name: str) -> str:
    return f"nodes/{name}/journal"


def _base_of(held: bytes | None) -> bytes:
    return b"" if held is None else hashlib.sha256(held).digest()
