"""What the CTL Providers of a cluster directory do: tell, check, stage, commit. No network.

Each node's provider writes its own node's CTL, and the publisher's the cluster's mode too. A
change comes in two steps, so that all nodes get a CTL or none does:

    stage    checks the CTL against the node, brings it to the disk beside the one that is there,
             and from the first node on holds the cluster's lock: no administrator comes between
    commit   one rename (for the publisher a journal of two): no octet needs to be written any more

What was staged and is not committed is dropped when its conversation ends. The lock is given up
with the last of them. Providers of one process share a `ProviderSite`.
"""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from firmware_sim.administration.directory import (
    ClusterBusy,
    Draft,
    ctl_name,
    drafting,
    find_node,
    holding,
    read_list,
)
from firmware_sim.administration.journal import Prepared, prepare
from firmware_sim.administration.serving import CurrentCallManager, CurrentCluster
from firmware_sim.cluster import CTL_FILE, Cluster, Credential, CTLKind, Node
from firmware_sim.ctl_provider.gate import Gate
from firmware_sim.ctl_provider.messages import (
    Answer,
    Certificates,
    ClusterNode,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    ModeNoted,
    PublisherFacts,
    RefusalReason,
    Refused,
    Request,
    SaveCTL,
    SetMode,
)
from firmware_sim.ctl_provider.password import Administrator, parse_administrator
from secd.errors import MalformedFile, SecdError, UnusableInput
from secd.trust import verifies_itself
from secd.trustlist import Function, TrustList, decode_trust_list_untrusted

ADMINISTRATOR_FILE = "ctl-provider.secret"


class ProviderRefusal(SecdError):  # noqa: N818 - the name is the finding
    """A provider refuses a request. reason -- as the answer says it."""

    def __init__(self, reason: RefusalReason, text: str) -> None:
        self.reason = reason
        super().__init__(text)


def write_administrator(root: Path, administrator: Administrator) -> None:
    """Write who may log in to the providers. Raises UnusableInput."""
    with drafting(root) as draft:
        draft.files[ADMINISTRATOR_FILE] = administrator.encode()


def read_administrator(root: Path) -> Administrator:
    """Return who may log in to the providers. Raises UnusableInput."""
    path = root / ADMINISTRATOR_FILE
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        raise UnusableInput(
            "the CTL Provider has no administrator yet: "
            f"firmware-sim ctl provider set-password --dir {root}"
        ) from None
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror}") from None
    return parse_administrator(octets, str(path))


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

    def _check(self, cluster: Cluster, node: Node, request: SaveCTL, mixed: bool | None) -> None:
        held = read_list(self.root, node, CTL_FILE)
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
        if cluster.mixed_mode:
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


class Visit:
    """One conversation with a node's provider, after its login. name -- the node's."""

    def __init__(self, site: ProviderSite, name: str) -> None:
        self._site = site
        self._name = name
        self._mixed: bool | None = None
        self._transaction = b""

    def answer(self, request: Request) -> Answer:
        """Return the answer. RuntimeError for a login, which is judged by `log_in`."""
        try:
            return self._answer(request)
        except ProviderRefusal as refusal:
            return Refused(refusal.reason, str(refusal))
        except ClusterBusy as busy:
            return Refused(RefusalReason.BUSY, str(busy))
        except UnusableInput as problem:
            return Refused(RefusalReason.UNABLE, str(problem))

    def _answer(self, request: Request) -> Answer:
        match request:
            case Login():
                raise RuntimeError("a login is judged before")
            case GetCertificates():
                return self._certificates()
            case GetCTL():
                node = find_node(self._site.cluster(), self._name)
                return HeldCTL(read_list(self._site.root, node, CTL_FILE))
            case SetMode(mixed):
                self._require_publisher()
                self._mixed = mixed
                return ModeNoted()
            case SaveCTL():
                self._site.stage(self._name, request, self._mixed)
                self._transaction = request.transaction
                return CTLStaged()
            case Commit(transaction):
                self._site.commit(self._name, transaction)
                return Committed()

    def _require_publisher(self) -> None:
        publisher = self._site.cluster().publisher.name
        if self._name != publisher:
            raise ProviderRefusal(
                RefusalReason.NOT_ALLOWED, f"the mode is set on the publisher, {publisher}"
            )

    def _certificates(self) -> Certificates:
        site = self._site
        cluster = site.cluster()
        node = find_node(cluster, self._name)
        facts = None
        if node is cluster.publisher:
            nodes = tuple(
                ClusterNode(one.name, _fingerprint(site.shown(one.name).certificate))
                for one in cluster.nodes
            )
            facts = PublisherFacts(
                cluster.capf.certificate, cluster.itl_recovery.certificate, nodes
            )
        return Certificates(
            node.name,
            node.address,
            str(cluster.release),
            cluster.mixed_mode,
            node.callmanager.certificate,
            facts,
        )

    def close(self) -> None:
        """End the conversation: what was staged and not committed is dropped."""
        self._site.drop(self._name, self._transaction)


@dataclass(frozen=True, slots=True)
class NodeProvider:
    """A node's provider. name -- the node's."""

    site: ProviderSite
    name: str

    def log_in(self, address: str, login: Login) -> LoggedIn | Refused:
        """Judge a login from an address."""
        return log_in(self.site, address, login)

    def visit(self) -> Visit:
        """Begin a conversation."""
        return Visit(self.site, self.name)

    def identity(self) -> Credential:
        """Return what it shows."""
        return self.site.shown(self.name)


def log_in(site: ProviderSite, address: str, login: Login) -> LoggedIn | Refused:
    """Judge a login from an address; the attempt counts before the password is looked at."""
    wait = site.gate.begin(address)
    if wait:
        return Refused(
            RefusalReason.TOO_MANY_LOGINS,
            f"too many wrong passwords from {address}; try again in {int(wait) + 1} s",
        )
    try:
        right = read_administrator(site.root).is_this(login.user, login.password)
    except UnusableInput as problem:
        return Refused(RefusalReason.UNABLE, str(problem))
    if not right:
        return Refused(RefusalReason.WRONG_LOGIN, "administrator name or password is wrong")
    site.gate.succeeded(address)
    return LoggedIn()


def _complaint(cluster: Cluster, node: Node, ctl: bytes, mixed: bool | None) -> str:
    """Return what is wrong with a CTL for a node; nothing: an empty text."""
    try:
        trust_list = decode_trust_list_untrusted(ctl)
    except MalformedFile as error:
        return f"what {node.name} got is no CTL: {error}"
    if not verifies_itself(trust_list):
        return f"the CTL for {node.name} is not signed by a SAST of its own"
    listed = _listed_nodes(trust_list)
    if listed.get(node.name, b"") not in (None, node.callmanager.certificate):
        return f"the CTL does not list the CallManager certificate that {node.name} has"
    if node is not cluster.publisher:
        return ""
    if [*listed] != [one.name for one in cluster.nodes]:
        return f"the CTL lists {', '.join(listed)}, not the nodes of the cluster"
    wants_certificates = cluster.mixed_mode if mixed is None else mixed
    if any((certificate is not None) != wants_certificates for certificate in listed.values()):
        return f"the CTL is not one of {'mixed' if wants_certificates else 'non-secure'} mode"
    capf = [one.certificate for one in trust_list.records if one.function == Function.CAPF]
    return "" if capf == [cluster.capf.certificate] else "the CTL lists another CAPF certificate"


def _listed_nodes(trust_list: TrustList) -> dict[str, bytes | None]:
    """Return the CallManager certificates of a list by the names of nodes."""
    return {
        (record.dns_name or b"").decode("utf-8", "replace"): record.certificate
        for record in trust_list.records
        if record.function == Function.CCM_TFTP
    }


def _journal_of(name: str) -> str:
    return f"nodes/{name}/journal"


def _fingerprint(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def _base_of(held: bytes | None) -> bytes:
    return b"" if held is None else _fingerprint(held)
