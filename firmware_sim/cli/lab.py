"""`firmware-sim lab`: a cluster on this machine, until stopped."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from firmware_sim.cluster import Cluster, ClusterFiles, FreshKeys, demo_cluster
from firmware_sim.cluster.configuration import TVS_PORT
from firmware_sim.lab import is_lab, locked, read_lab, refuse_foreign, write_lab
from firmware_sim.server_events import ServerEvent
from firmware_sim.tvs import TVSDirectory
from secd.cli.inputs import Folder
from statusmsgs import server_traces

if TYPE_CHECKING:
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
    in CUCM's words.

    \b
      firmware-sim lab --dir lab
    """
    import trio

    with locked(directory):
        if is_lab(directory):
            cluster = read_lab(directory, SystemRandom())
        else:
            refuse_foreign(directory)
            click.echo(f"making a new cluster in {directory} …")
            cluster = demo_cluster(FreshKeys(), SystemRandom())
        write_lab(cluster, directory)
        try:
            trio.run(_serve, cluster, tftp_port, tvs_port, http_port)
        except* KeyboardInterrupt:
            click.echo("stopped")


async def _serve(cluster: Cluster, tftp_port: int, tvs_port: int, http_port: int) -> None:
    import trio

    from firmware_sim.net.http_server import serve_http
    from firmware_sim.net.kernel import KernelServerNetwork
    from firmware_sim.net.tcp import KernelTCPServerNetwork
    from firmware_sim.net.tftp_server import serve_tftp
    from firmware_sim.net.tls import LEGACY, TLSServerSettings
    from firmware_sim.net.tvs_server import serve_tvs
    from secd.net.clock import TrioClock
    from secd.net.tls_context import TLSIdentity

    on_event = partial(_print_event, TrioClock())
    tvs = cluster.publisher.tvs
    async with trio.open_nursery() as nursery:
        tftp = await nursery.start(
            serve_tftp, KernelServerNetwork(), (_HOST, tftp_port), ClusterFiles(cluster), on_event
        )
        tvs_address = await nursery.start(
            serve_tvs,
            KernelTCPServerNetwork(),
            (_HOST, tvs_port),
            TLSServerSettings(LEGACY, TLSIdentity((tvs.certificate,), tvs.key)),
            TVSDirectory(cluster),
            on_event,
        )
        http = await nursery.start(
            serve_http,
            KernelTCPServerNetwork(),
            (_HOST, http_port),
            ClusterFiles(cluster),
            on_event,
        )
        for line in _greeting(cluster, tftp[1], tvs_address[1], http[1]):
            click.echo(line)


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
