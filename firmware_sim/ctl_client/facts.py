"""What a CTL Client collected from the providers of a cluster, in the form that lists need.

Certificates are read here, so that one that cannot be listed stops everything before a token is
asked for anything. What is made of them is decided in `plan`.
"""

import hashlib
from dataclasses import dataclass

from firmware_sim.cluster import ListedCertificate, Release, listed_certificate
from firmware_sim.ctl_provider.messages import Certificates, PublisherFacts
from secd.errors import MalformedFile, RemoteProtocolViolation, UnusableInput


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node. ctl -- on its disk; None: none. fingerprint -- SHA-256 of what its provider shows."""

    name: str
    address: str
    callmanager: ListedCertificate
    ctl: bytes | None
    fingerprint: bytes

    @property
    def base(self) -> bytes:
        """What a provider compares to see whether somebody else has written a CTL meanwhile."""
        return b"" if self.ctl is None else hashlib.sha256(self.ctl).digest()


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster. nodes -- the publisher first. mixed_mode -- before anything is changed, or after.

    Fits `firmware_sim.cluster.lists.ListedCluster`.
    """

    release: Release
    mixed_mode: bool
    nodes: tuple[NodeFacts, ...]
    capf: ListedCertificate
    itl_recovery: ListedCertificate

    @property
    def publisher(self) -> NodeFacts:
        """The first node."""
        return self.nodes[0]


def node_facts_untrusted(told: Certificates, ctl: bytes | None, fingerprint: bytes) -> NodeFacts:
    """Return what a node told of itself. Raises RemoteProtocolViolation."""
    callmanager = _listed_untrusted(told.callmanager, told.name, "CallManager")
    return NodeFacts(told.name, told.address, callmanager, ctl, fingerprint)


def cluster_facts_untrusted(
    publisher: Certificates, told: PublisherFacts, nodes: tuple[NodeFacts, ...]
) -> ClusterFacts:
    """Return a cluster from what its publisher told, and its nodes. RemoteProtocolViolation."""
    try:
        release = Release.parse(publisher.release)
    except UnusableInput as error:
        raise RemoteProtocolViolation(f"{publisher.name}: {error}") from None
    return ClusterFacts(
        release,
        publisher.mixed_mode,
        nodes,
        _listed_untrusted(told.capf, publisher.name, "CAPF"),
        _listed_untrusted(told.itl_recovery, publisher.name, "ITLRecovery"),
    )


def _listed_untrusted(der: bytes, node: str, unit: str) -> ListedCertificate:
    try:
        return listed_certificate(der)
    except MalformedFile as error:
        raise RemoteProtocolViolation(
            f"the {unit} certificate of {node} cannot be listed: {error}"
        ) from None
