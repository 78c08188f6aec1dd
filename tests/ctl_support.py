"""What the tests of CTL Client and CTL Provider share: a directory, tokens, an administrator."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from token_support import NAME, OTHER, PIN, issued

from firmware_sim.administration.directory import create, read_cluster, read_list
from firmware_sim.administration.provider import write_administrator
from firmware_sim.cluster import (
    CTL_FILE,
    CertificateMaker,
    Cluster,
    Device,
    PooledKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.ctl_client.facts import ClusterFacts, NodeFacts
from firmware_sim.ctl_client.plan import Action, Plan, plan
from firmware_sim.ctl_provider.password import make_administrator
from firmware_sim.tokens import Attempts, Token, TokenState, WrongPIN
from secd.trustlist import TrustList, decode_trust_list_untrusted

MADE_AT, NOW = 1_400_000_000, 1_450_000_000
USER, PASSWORD = "CCMAdministrator", "not to be seen"
DEVICE = "SEP0011215A1AE3"
FIRST, SECOND, FOREIGN = NAME, OTHER, "ADN00000001"
RELEASE = Release(10, 5, 2)

__all__ = ["FIRST", "FOREIGN", "PIN", "SECOND", "issued"]


def new_cluster(nodes: int = 2, release: Release = RELEASE) -> Cluster:
    """Return a cluster whose nodes are cucm-0, cucm-1, …; made anew it is the same."""
    maker = CertificateMaker(PooledKeys(24), Random(5), MADE_AT, bits=1024)
    subjects = [Subject(f"cucm-{n}", "AS", "Cisco", "RTP", "NC", "US") for n in range(nodes)]
    made = [
        make_node(maker, one.common_name, f"10.0.0.{number}", one)
        for number, one in enumerate(subjects)
    ]
    cluster = make_cluster(maker, release, made[0], subjects[0])
    cluster.nodes = made
    cluster.autoregistration = True
    cluster.add_device(Device(DEVICE, "7961"))
    return cluster


def make_site(root: Path, nodes: int = 2) -> Path:
    """Write such a cluster, and who may log in to its providers."""
    create(root, new_cluster(nodes))
    write_administrator(root, make_administrator(USER, PASSWORD, bytes(16), n=2))
    return root


def facts(cluster: Cluster, *ctls: bytes | None) -> ClusterFacts:
    """Return what is collected of a cluster whose nodes hold these CTLs; without any: none."""
    held = ctls or (None,) * len(cluster.nodes)
    nodes = tuple(
        NodeFacts(node.name, node.address, node.callmanager, ctl, bytes(32))
        for node, ctl in zip(cluster.nodes, held, strict=True)
    )
    return ClusterFacts(
        cluster.release, cluster.mixed_mode, nodes, cluster.capf, cluster.itl_recovery
    )


def certificate(name: str) -> bytes:
    """Return a token's certificate."""
    return issued(name).credential.certificate


def signed(planned: object, name: str = FIRST, now_seconds: int = NOW) -> bytes:
    """Return the CTL of a plan, signed by a token."""
    assert isinstance(planned, Plan), planned
    return planned.make_ctl(now_seconds, issued(name).sign)


def ctl_of(cluster: Cluster, action: Action = Action.MIXED) -> bytes:
    """Return the first CTL of a cluster: by two tokens."""
    tokens = [certificate(FIRST), certificate(SECOND)]
    return signed(plan(facts(cluster), action, tokens, (), NOW))


def held(root: Path) -> list[bytes | None]:
    """Return the CTLs on the nodes of a directory."""
    return [read_list(root, node, CTL_FILE) for node in read_cluster(root).nodes]


def list_of(octets: bytes | None) -> TrustList:
    assert octets is not None
    return decode_trust_list_untrusted(octets)


def content(root: Path) -> dict[str, bytes]:
    """Everything in a directory."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@dataclass(slots=True)
class FakeToken:
    """A token that does as it is told. problem -- what signing ends in, whatever the PIN."""

    name: str
    problem: Exception | None = None
    left: int = 15
    asked: list[str] = field(default_factory=list)

    @property
    def certificate(self) -> bytes:
        return certificate(self.name)

    def attempts(self) -> Attempts:
        return Attempts(TokenState.READY if self.left == 15 else TokenState.LOW, self.left)

    def sign(self, octets: bytes, pin: str) -> bytes:
        self.asked.append(pin)
        if self.problem is not None:
            raise self.problem
        if pin != PIN:
            self.left -= 1
            raise WrongPIN(self.name, self.attempts())
        return issued(self.name).sign(octets)


_: type[Token] = FakeToken
