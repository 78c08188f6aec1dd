"""`firmware-sim lab`: a cluster on this machine, until stopped."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from firmware_sim.administration.directory import is_cluster_directory, read_cluster
from firmware_sim.administration.serving import CurrentTVS, ServedNode
from firmware_sim.cluster import (
    Cluster,
    ClusterFiles,
    FileSource,
    FreshKeys,
    Node,
    demo_cluster,
)
from firmware_sim.cluster.configuration import TVS_PORT
from firmware_sim.lab import is_lab, locked, read_lab, refuse_foreign, write_lab
from firmware_sim.server_events import ServerEvent
from firmware_sim.tvs import TVSDirectory
from secd.cli.inputs import Folder
from statusmsgs import server_traces

if TYPE_CHECKING:
    import trio

    from firmware_sim.net.tvs_server import TVSSource
    from secd.net.clock import Clock

_HOST = "127.0.0.1"
_HTTP_PORT = 6970
_DEFAULT_PORT = 6969  # 69 needs root


@click.command()
@click.option(
    "--dir",
    "directory",
    required=True,
    type=Folder(),
    metavar="DIR",
    help="Where the cluster lives; made if it is not there.",
)
@click.option(
    "--tftp-port",
    default=_DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="UDP port on 127.0.0.1; 0: any free one.",
)
@click.option(
    "--tvs-port",
    default=TVS_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="TCP port of TVS on 127.0.0.1; 0: any free one.",
)
@click.option(
    "--http-port",
    default=_HTTP_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="TCP port of HTTP provisioning on 127.0.0.1; 0: any free one.",
)
def lab(directory: Path, tftp_port: int, tvs_port: int, http_port: int) -> None:
    """Serve a cluster's TFTP, HTTP and TVS on this machine's loopback, until stopped (Ctrl-C).

    The first run makes the cluster of the page "IP Phone Security and CTL" with keys of its own:
    one node, two eTokens, mixed mode, one 7961. DIR/cluster.toml says what the cluster is and
    may be edited while the lab is stopped; DIR/tftp shows what it serves. Requests are traced
    in CUCM's words. A directory of `firmware-sim cluster new` is served as it is, one node on
    127.0.0.1, the next on 127.0.0.2, and follows what administrators do.

    \b
      firmware-sim lab --dir lab
    """
    with locked(directory):
        if is_cluster_directory(directory):
            _run(partial(_serve_nodes, directory, tftp_port, tvs_port, http_port))
            return
        if is_lab(directory):
            cluster = read_lab(directory, SystemRandom())
        else:
            refuse_foreign(directory)
            click.echo(f"making a new cluster in {directory} …")
            cluster = demo_cluster(FreshKeys(), SystemRandom())
        write_lab(cluster, directory)
        _run(partial(_serve, cluster, tftp_port, tvs_port, http_port))


def _run(serve: Callable[[], Awaitable[None]]) -> None:
    import trio

    try:
        trio.run(serve)
    except* KeyboardInterrupt:
        click.echo("stopped")


async def _serve(cluster: Cluster, tftp_port: int, tvs_port: int, http_port: int) -> None:
    import trio

    async with trio.open_nursery() as nursery:
        ports = (tftp_port, tvs_port, http_port)
        files, tvs = ClusterFiles(cluster), TVSDirectory(cluster)
        bound = await _start(nursery, _HOST, ports, files, tvs, cluster.publisher)
        for line in _greeting(cluster, *bound):
            click.echo(line)


async def _serve_nodes(directory: Path, tftp_port: int, tvs_port: int, http_port: int) -> None:
    """Serve a cluster directory, each node on a loopback address of its own."""
    import trio

    cluster, tvs = read_cluster(directory), CurrentTVS(directory)
    async with trio.open_nursery() as nursery:
        for number, node in enumerate(cluster.nodes, 1):
            host, ports = f"127.0.0.{number}", (tftp_port, tvs_port, http_port)
            files = ServedNode(directory, node.name)
            tftp, tvs_bound, http = await _start(nursery, host, ports, files, tvs, node)
            click.echo(
                f"serving {node.name} ({node.address}) on {host}: TFTP on UDP {tftp}, "
                f"HTTP and TVS on TCP {http}, {tvs_bound}"
            )


async def _start(
    nursery: "trio.Nursery",
    host: str,
    ports: tuple[int, int, int],
    files: FileSource,
    tvs: "TVSSource",
    node: Node,
) -> tuple[int, int, int]:
    """Start a node's TFTP, TVS and HTTP; return the ports bound."""
    from firmware_sim.net.http_server import serve_http
    from firmware_sim.net.kernel import KernelServerNetwork
    from firmware_sim.net.tcp import KernelTCPServerNetwork
    from firmware_sim.net.tftp_server import serve_tftp
    from firmware_sim.net.tls import LEGACY, TLSServerSettings
    from firmware_sim.net.tvs_server import serve_tvs
    from secd.net.clock import TrioClock
    from secd.net.tls_context import TLSIdentity

    on_event = partial(_print_event, TrioClock())
    tftp_port, tvs_port, http_port = ports
    tftp_address = await nursery.start(
        serve_tftp, KernelServerNetwork(), (host, tftp_port), files, on_event
    )
    settings = TLSServerSettings(LEGACY, TLSIdentity((node.tvs.certificate,), node.tvs.key))
    tvs_address = await nursery.start(
        serve_tvs, KernelTCPServerNetwork(), (host, tvs_port), settings, tvs, on_event
    )
    http_address = await nursery.start(
        serve_http, KernelTCPServerNetwork(), (host, http_port), files, on_event
    )
    return tftp_address[1], tvs_address[1], http_address[1]


def _greeting(cluster: Cluster, tftp_port: int, tvs_port: int, http_port: int) -> list[str]:
    address = cluster.publisher.address
    device = next(iter(cluster.devices.values()), None)
    ports = f"TFTP on UDP {tftp_port}, HTTP and TVS on TCP {http_port}, {tvs_port}"
    lines = [f"serving {cluster.publisher.name} ({address}) on {_HOST}: {ports}"]
    if device is not None:
        lines += [
            "boot a phone against it:",
            f"  secd boot {device.name} --model {device.model} --tftp {address} --state phone1 \\",
            f"    --map {address}={_HOST}:{tftp_port} \\",
            f"    --map {address}:{_HTTP_PORT}={_HOST}:{http_port} \\",
            f"    --map {address}:{TVS_PORT}={_HOST}:{tvs_port}",
        ]
    return lines


def _print_event(clock: "Clock", event: ServerEvent) -> None:
    click.echo(server_traces().render(type(event).__name__, asdict(event), clock.wall()))
