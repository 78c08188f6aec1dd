"""What the CTL Provider of a node answers: who may log in, what is told, what is staged.

Each node's provider writes its own node's CTL, and the publisher's the cluster's mode too; how,
is decided by `staging`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.administration.directory import (
    ClusterBusy,
    drafting,
    find_node,
)
from firmware_sim.administration.staging import ProviderRefusal, ProviderSite
from firmware_sim.cluster import Credential
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
from secd.errors import UnusableInput

ADMINISTRATOR_FILE = "ctl-provider.secret"


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
                return HeldCTL(self._site.ctl(self._name))
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


def _fingerprint(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()
