"""New nodes and new clusters, with the certificates that CUCM makes at installation."""

from dataclasses import replace

from firmware_sim.cluster.credentials import CertificateMaker, Subject
from firmware_sim.cluster.state import Cluster, Node, Release


def make_node(maker: CertificateMaker, name: str, address: str, subject: Subject) -> Node:
    """Return a node with new CallManager and TVS certificates, both named as its host.

    name, address -- see `Node`. subject -- its common name is the host's name.
    """
    return Node(name, address, maker.self_signed(subject), maker.self_signed(subject))


def make_cluster(
    maker: CertificateMaker,
    release: Release,
    publisher: Node,
    subject: Subject,
    capf_subject: Subject | None = None,
) -> Cluster:
    """Return a cluster of one node, not in mixed mode, without CTL, tokens and devices.

    subject -- the publisher's, from which the names of CAPF and ITLRecovery are made.
    capf_subject -- CAPF's own name, where it is not to be made.
    """
    return Cluster(
        nodes=[publisher],
        capf=maker.self_signed(capf_subject or _capf_subject(maker, subject)),
        itl_recovery=maker.self_signed(
            replace(subject, common_name=f"ITLRECOVERY_{subject.common_name}")
        ),
        release=release,
        random=maker.random,
        changed_at_seconds=maker.made_at_seconds,
    )


def _capf_subject(maker: CertificateMaker, subject: Subject) -> Subject:
    """`CN=CAPF-` and eight random hexadecimal digits (seed guide)."""
    return replace(subject, common_name=f"CAPF-{maker.random.getrandbits(32):08x}")
