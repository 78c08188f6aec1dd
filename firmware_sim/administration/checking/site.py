"""What is checked, as values: a cluster, what its nodes run with, what phones hold."""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_sim.cluster import Cluster, Node
from secd.configuration import Configuration
from secd.models import Model
from secd.trust import Installed, Voucher
from secd.tvs import Question, TVSAnswer


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node and what it runs with.

    node -- as configured. disk_ctl -- CTLFile.tlv on its disk. ctl, itl -- what TFTP serves.
    tftp, callmanager, tvs, capf -- certificates (DER) that the services loaded; the first signs
    files, capf is None but for the publisher.
    configuration_of -- returns `SEP<MAC>.cnf.xml.sgn` of a device as TFTP serves it, None for
    one that the cluster does not know. tvs_answer -- what its TVS says now.
    """

    node: Node
    disk_ctl: bytes | None
    ctl: bytes | None
    itl: bytes
    tftp: bytes
    callmanager: bytes
    tvs: bytes
    capf: bytes | None
    configuration_of: Callable[[str], bytes | None]
    tvs_answer: Callable[[Question], TVSAnswer]


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster with its nodes, the publisher first. now_seconds -- Unix time of the check."""

    cluster: Cluster
    nodes: tuple[RunningNode, ...]
    now_seconds: float

    def find(self, server: str) -> RunningNode | None:
        """Return the node that a configuration names, by name or address."""
        for one in self.nodes:
            if server in (one.node.name, one.node.address):
                return one
        return None


@dataclass(frozen=True, slots=True)
class HeldPhone:
    """A phone's flash.

    configuration -- the last good one; it names the TVS servers. vouchers -- what TVS vouched for.
    """

    device: str
    model: Model
    installed: Installed
    configuration: Configuration | None
    vouchers: tuple[Voucher, ...] = ()
