"""One node's servers: TFTP, HTTP and TVS, and on the publisher CAPF.

What they answer is decided by the sources. Decided here: each listens on a port of its own of the
node's address, and all share one listener of events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import trio

from firmware_sim.cluster import Credential, FileSource
from firmware_sim.net.capf_server import CAPFSource, serve_capf
from firmware_sim.net.http_server import serve_http
from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import TVSSource, serve_tvs
from firmware_sim.server_events import ServerEvent
from secd.net.tls_context import TLSIdentity


@dataclass(frozen=True, slots=True)
class NodePorts:
    """UDP port of TFTP, TCP ports of the others; 0: any free one. capf -- None: none."""

    tftp: int = 0
    http: int = 0
    tvs: int = 0
    capf: int | None = 0


class Identified(Protocol):
    """Somebody who shows a certificate, perhaps another one after a restart."""

    def __call__(self) -> Credential:
        """Return it."""
        ...


@dataclass(frozen=True, slots=True)
class NodeServices:
    """What a node answers from. tvs_identity, capf_identity -- what the two show."""

    files: FileSource
    tvs: TVSSource
    tvs_identity: Identified
    capf: CAPFSource | None = None
    capf_identity: Identified | None = None


async def start_node(
    nursery: trio.Nursery,
    host: str,
    ports: NodePorts,
    services: NodeServices,
    on_event: Callable[[ServerEvent], None],
) -> NodePorts:
    """Start the servers in `nursery`; return the ports bound.

    Raises UnusableInput when one cannot listen.
    """
    network = KernelTCPServerNetwork()
    tftp = await nursery.start(
        serve_tftp, KernelServerNetwork(), (host, ports.tftp), services.files, on_event
    )
    http = await nursery.start(serve_http, network, (host, ports.http), services.files, on_event)
    tvs = await nursery.start(
        serve_tvs,
        network,
        (host, ports.tvs),
        _settings(services.tvs_identity),
        services.tvs,
        on_event,
    )
    if services.capf is None or services.capf_identity is None or ports.capf is None:
        return NodePorts(tftp[1], http[1], tvs[1], None)
    capf = await nursery.start(
        serve_capf,
        network,
        (host, ports.capf),
        _settings(services.capf_identity),
        services.capf,
        on_event,
    )
    return NodePorts(tftp[1], http[1], tvs[1], capf[1])


def _settings(identity: Identified) -> TLSServerSettings:
    def shown() -> TLSIdentity:
        credential = identity()
        return TLSIdentity((credential.certificate,), credential.key)

    return TLSServerSettings(LEGACY, shown)
