"""One node's servers: TFTP, HTTP and TVS, on the publisher CAPF, and the CTL Provider if wanted.

What they answer is decided by the sources. Decided here: each listens on a port of its own of the
node's address, and all share one listener of events.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import trio

from firmware_sim.cluster import Credential, FileSource
from firmware_sim.net.capf_server import CAPFSource, serve_capf
from firmware_sim.net.ctl_provider_server import (
    CONNECTION_LIMIT,
    PROVIDER_PROFILE,
    ProviderSource,
    serve_ctl_provider,
)
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
    """UDP port of TFTP, TCP ports of the others; 0: any free one. None: none."""

    tftp: int = 0
    http: int = 0
    tvs: int = 0
    capf: int | None = 0
    ctl_provider: int | None = None


class Identified(Protocol):
    """Somebody who shows a certificate, perhaps another one after a restart."""

    def __call__(self) -> Credential:
        """Return it."""
        ...


@dataclass(frozen=True, slots=True)
class NodeServices:
    """What a node answers from. …_identity -- what the services show."""

    files: FileSource
    tvs: TVSSource
    tvs_identity: Identified
    capf: CAPFSource | None = None
    capf_identity: Identified | None = None
    ctl_provider: ProviderSource | None = None


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
    bound = NodePorts(tftp[1], http[1], tvs[1], None)
    if services.capf is not None and services.capf_identity is not None and ports.capf is not None:
        capf = await nursery.start(
            serve_capf,
            network,
            (host, ports.capf),
            _settings(services.capf_identity),
            services.capf,
            on_event,
        )
        bound = replace(bound, capf=capf[1])
    if services.ctl_provider is None or ports.ctl_provider is None:
        return bound
    provider = await nursery.start(
        serve_ctl_provider,
        network,
        (host, ports.ctl_provider),
        replace(
            _settings(services.ctl_provider.identity),
            profile=PROVIDER_PROFILE,
            connection_limit=CONNECTION_LIMIT,
        ),
        services.ctl_provider,
        on_event,
    )
    return replace(bound, ctl_provider=provider[1])


def _settings(identity: Identified) -> TLSServerSettings:
    def shown() -> TLSIdentity:
        credential = identity()
        return TLSIdentity((credential.certificate,), credential.key)

    return TLSServerSettings(LEGACY, shown)
