"""`firmware-sim lab`: a cluster on this machine, until stopped."""

from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from firmware_sim.capf import CAPFOffice, LSCSubject
from firmware_sim.cluster import Cluster, ClusterFiles, FreshKeys, demo_cluster
from firmware_sim.cluster.configuration import CAPF_PORT, TVS_PORT
from firmware_sim.lab import (
    TFTP_FOLDER,
    capf_store,
    is_lab,
    keep_shown,
    locked,
    manufacturer,
    read_lab,
    refuse_foreign,
    write_files,
    write_state,
)
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
@click.option(
    "--capf-port",
    default=CAPF_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="TCP port of CAPF on 127.0.0.1; 0: any free one.",
)
@click.option(
    "--lsc-subject",
    default=LSCSubject.CUCM.value,
    show_default=True,
    type=click.Choice([style.value for style in LSCSubject]),
    help="LSCs name the phone as CUCM does (CN=CP-7961-SEP…) or as capfd does (CN=SEP…).",
)
def lab(
    directory: Path,
    tftp_port: int,
    tvs_port: int,
    http_port: int,
    capf_port: int,
    lsc_subject: str,
) -> None:
    """Serve a cluster's TFTP, HTTP, TVS and CAPF on this machine's loopback, until Ctrl-C.

    The first run makes the cluster of the page "IP Phone Security and CTL" with keys of its own:
    one node, two eTokens, mixed mode, one 7961. DIR/cluster.toml says what the cluster is and
    may be edited while the lab is stopped; DIR/tftp shows what it serves. Requests are traced
    in CUCM's words. What CAPF is to do is said by `firmware-sim capf`, also while the lab runs.

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
        write_state(cluster, directory)
        ports = _Ports(tftp_port, http_port, tvs_port, capf_port)
        try:
            trio.run(_serve, cluster, directory, ports, LSCSubject(lsc_subject))
        except* KeyboardInterrupt:
            click.echo("stopped")


@dataclass(frozen=True, slots=True)
class _Ports:
    tftp: int
    http: int
    tvs: int
    capf: int


async def _serve(cluster: Cluster, directory: Path, ports: _Ports, subject: LSCSubject) -> None:
    import trio

    from firmware_sim.net.capf_server import serve_capf
    from firmware_sim.net.http_server import serve_http
    from firmware_sim.net.kernel import KernelServerNetwork
    from firmware_sim.net.tcp import KernelTCPServerNetwork
    from firmware_sim.net.tftp_server import serve_tftp
    from firmware_sim.net.tls import LEGACY, TLSServerSettings
    from firmware_sim.net.tvs_server import serve_tvs
    from secd.net.clock import TrioClock
    from secd.net.tls_context import TLSIdentity

    clock = TrioClock()
    on_event = partial(_print_event, clock)
    tvs, capf = cluster.publisher.tvs, cluster.capf
    network = KernelTCPServerNetwork()
    maker = manufacturer(directory, FreshKeys(), int(clock.wall()))
    with closing(capf_store(directory)) as store:
        keep = partial(keep_shown, directory)
        office = CAPFOffice(cluster, store, (maker.certificate,), clock.wall, subject, keep)
        office.adopt()
        files = ClusterFiles(cluster, device_now=office.device_now)
        write_files(ClusterFiles(cluster, device_now=office.device_now), directory / TFTP_FOLDER)
        async with trio.open_nursery() as nursery:
            tftp = await nursery.start(
                serve_tftp, KernelServerNetwork(), (_HOST, ports.tftp), files, on_event
            )
            tvs_address = await nursery.start(
                serve_tvs,
                network,
                (_HOST, ports.tvs),
                TLSServerSettings(LEGACY, TLSIdentity((tvs.certificate,), tvs.key)),
                TVSDirectory(cluster),
                on_event,
            )
            capf_address = await nursery.start(
                serve_capf,
                network,
                (_HOST, ports.capf),
                TLSServerSettings(LEGACY, TLSIdentity((capf.certificate,), capf.key)),
                office,
                on_event,
            )
            http = await nursery.start(serve_http, network, (_HOST, ports.http), files, on_event)
            bound = _Ports(tftp[1], http[1], tvs_address[1], capf_address[1])
            for line in _greeting(cluster, bound):
                click.echo(line)


def _greeting(cluster: Cluster, ports: _Ports) -> list[str]:
    address = cluster.publisher.address
    device = next(iter(cluster.devices.values()), None)
    tcp = f"{ports.http}, {ports.tvs}, {ports.capf}"
    served = f"TFTP on UDP {ports.tftp}, HTTP, TVS and CAPF on TCP {tcp}"
    lines = [f"serving {cluster.publisher.name} ({address}) on {_HOST}: {served}"]
    if device is not None:
        lines += [
            "boot a phone against it:",
            f"  secd boot {device.name} --model {device.model} --tftp {address} --state phone1 \\",
            f"    --map {address}={_HOST}:{ports.tftp} \\",
            f"    --map {address}:{_HTTP_PORT}={_HOST}:{ports.http} \\",
            f"    --map {address}:{TVS_PORT}={_HOST}:{ports.tvs} \\",
            f"    --map {address}:{CAPF_PORT}={_HOST}:{ports.capf}",
        ]
    return lines


def _print_event(clock: "Clock", event: ServerEvent) -> None:
    click.echo(server_traces().render(type(event).__name__, asdict(event), clock.wall()))
