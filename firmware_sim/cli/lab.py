"""`firmware-sim lab`: a cluster on this machine, until stopped."""

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from firmware_sim.cluster import Cluster, ClusterFiles, FreshKeys, demo_cluster
from firmware_sim.lab import is_lab, read_lab, write_lab
from firmware_sim.server_events import ServerEvent
from statusmsgs import server_traces

if TYPE_CHECKING:
    from secd.net.clock import Clock

_DEFAULT_PORT = 6969  # 69 needs root


@click.command()
@click.option(
    "--dir",
    "directory",
    required=True,
    type=click.Path(path_type=Path),
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
def lab(directory: Path, tftp_port: int) -> None:
    """Serve a cluster by TFTP on this machine's loopback, until stopped (Ctrl-C).

    The first run makes the cluster of the page "IP Phone Security and CTL" with keys of its own:
    one node, two eTokens, mixed mode, one 7961. DIR/cluster.toml says what the cluster is and
    may be edited while the lab is stopped; DIR/tftp shows what it serves. Requests are traced
    in CUCM's words.

    \b
      firmware-sim lab --dir lab
    """
    import trio

    if is_lab(directory):
        cluster = read_lab(directory, SystemRandom())
    else:
        click.echo(f"making a new cluster in {directory} …")
        cluster = demo_cluster(FreshKeys(), SystemRandom())
    write_lab(cluster, directory)
    try:
        trio.run(partial(_serve, cluster, tftp_port))
    except KeyboardInterrupt:
        click.echo("stopped")
        sys.exit(0)


async def _serve(cluster: Cluster, port: int) -> None:
    import trio

    from firmware_sim.net.kernel import KernelServerNetwork
    from firmware_sim.net.tftp_server import serve_tftp
    from secd.net.clock import TrioClock

    async with trio.open_nursery() as nursery:
        host, bound = await nursery.start(
            serve_tftp,
            KernelServerNetwork(),
            ("127.0.0.1", port),
            ClusterFiles(cluster),
            partial(_print_event, TrioClock()),
        )
        for line in _greeting(cluster, host, bound):
            click.echo(line)


def _greeting(cluster: Cluster, host: str, port: int) -> list[str]:
    address = cluster.publisher.address
    device = next(iter(cluster.devices.values()), None)
    lines = [f"serving {cluster.publisher.name} ({address}) by TFTP on {host} port {port}"]
    if device is not None:
        lines += [
            "boot a phone against it:",
            f"  secd boot {device.name} --model {device.model} --tftp {address} \\",
            f"    --map {address}={host}:{port} --state phone1",
        ]
    return lines


def _print_event(clock: "Clock", event: ServerEvent) -> None:
    click.echo(server_traces().render(type(event).__name__, asdict(event), clock.wall()))
