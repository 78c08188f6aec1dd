"""`firmware-sim lab`: a cluster on this machine, until stopped."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from firmware_sim.administration.directory import is_cluster_directory, read_cluster
from firmware_sim.administration.provider import NodeProvider, read_administrator
from firmware_sim.administration.serving import CurrentCAPF, CurrentTVS, ServedNode
from firmware_sim.administration.staging import ProviderSite
from firmware_sim.capf import CAPFOffice, LSCSubject
from firmware_sim.cluster import Cluster, ClusterFiles, FreshKeys, Node, demo_cluster
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
from secd.errors import UnusableInput
from statusmsgs import server_traces

if TYPE_CHECKING:
    from firmware_sim.capf.office import CAPFCluster
    from firmware_sim.capf.store import CAPFStore
    from firmware_sim.net.node import NodePorts
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
    "--ctl-provider-port",
    type=click.IntRange(0, 65535),
    help="TCP port of every node's CTL Provider (CUCM: 2444); off if not given.",
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
    ctl_provider_port: int | None,
    lsc_subject: str,
) -> None:
    """Serve a cluster's TFTP, HTTP, TVS and CAPF on this machine's loopback, until Ctrl-C.

    The first run makes the cluster of the page "IP Phone Security and CTL" with keys of its own:
    one node, two eTokens, mixed mode, one 7961. DIR/cluster.toml says what the cluster is and
    may be edited while the lab is stopped; DIR/tftp shows what it serves. Requests are traced
    in CUCM's words. What CAPF is to do is said by `firmware-sim capf`, also while the lab runs.
    A directory of `firmware-sim cluster new` is served as it is, one node on 127.0.0.1, the next
    on 127.0.0.2, and follows what administrators do.

    \b
      firmware-sim lab --dir lab
    """
    ports = _Ports(tftp_port, http_port, tvs_port, capf_port, ctl_provider_port)
    with locked(directory):
        if is_cluster_directory(directory):
            if ctl_provider_port is not None:
                read_administrator(directory)  # without one nobody could log in
            _run(partial(_serve_nodes, directory, ports, LSCSubject(lsc_subject)))
            return
        if ctl_provider_port is not None:
            raise UnusableInput(
                f"{directory}: the CTL Provider needs a cluster directory; "
                "firmware-sim cluster new makes one"
            )
        if is_lab(directory):
            cluster = read_lab(directory, SystemRandom())
        else:
            refuse_foreign(directory)
            click.echo(f"making a new cluster in {directory} …")
            cluster = demo_cluster(FreshKeys(), SystemRandom())
        write_state(cluster, directory)
        _run(partial(_serve, cluster, directory, ports, LSCSubject(lsc_subject)))


def _run(serve: Callable[[], Awaitable[None]]) -> None:
    import trio

    try:
        trio.run(serve)
    except* KeyboardInterrupt:
        click.echo("stopped")


@dataclass(frozen=True, slots=True)
class _Ports:
    tftp: int
    http: int
    tvs: int
    capf: int
    ctl_provider: int | None


async def _serve(cluster: Cluster, directory: Path, ports: _Ports, subject: LSCSubject) -> None:
    """Serve a lab's only node."""
    import trio

    from firmware_sim.net.node import NodePorts, NodeServices, start_node
    from secd.net.clock import TrioClock

    clock = TrioClock()
    with closing(capf_store(directory)) as store:
        office = _office(cluster, store, directory, clock, subject)
        office.adopt()
        files = ClusterFiles(cluster, device_now=office.device_now)
        # other files than the served ones: what is written here no phone has asked for
        write_files(ClusterFiles(cluster, device_now=office.device_now), directory / TFTP_FOLDER)
        services = NodeServices(
            files,
            TVSDirectory(cluster),
            lambda: cluster.publisher.tvs,
            office,
            lambda: cluster.capf,
        )
        wanted = NodePorts(ports.tftp, ports.http, ports.tvs, ports.capf)
        async with trio.open_nursery() as nursery:
            on_event = partial(_print_event, clock)
            bound = await start_node(nursery, _HOST, wanted, services, on_event)
            click.echo(_serving(cluster.publisher, _HOST, bound))
            for line in _boot_command(cluster, [(cluster.publisher, _HOST, bound)]):
                click.echo(line)


async def _serve_nodes(directory: Path, ports: _Ports, subject: LSCSubject) -> None:
    """Serve a cluster directory, each node on a loopback address of its own."""
    import trio

    from firmware_sim.net.node import NodePorts, NodeServices, start_node
    from secd.net.clock import TrioClock

    clock = TrioClock()
    cluster, capf = read_cluster(directory), CurrentCAPF(directory, SystemRandom())
    with closing(capf_store(directory)) as store:
        office = _office(capf, store, directory, clock, subject)
        office.adopt()
        site = ProviderSite(directory, trio.current_time)
        served: list[tuple[Node, str, NodePorts]] = []
        async with trio.open_nursery() as nursery:
            for number, node in enumerate(cluster.nodes, 1):
                files = ServedNode(directory, node.name, office.device_now)
                tvs = CurrentTVS(directory, node.name)
                services = NodeServices(files, tvs, tvs.identity)
                wanted = NodePorts(ports.tftp, ports.http, ports.tvs, None, ports.ctl_provider)
                if ports.ctl_provider is not None:
                    services = replace(services, ctl_provider=NodeProvider(site, node.name))
                if node is cluster.publisher:
                    services = replace(services, capf=office, capf_identity=capf.identity)
                    wanted = replace(wanted, capf=ports.capf)
                host = f"127.0.0.{number}"
                on_event = partial(_print_event, clock)
                bound = await start_node(nursery, host, wanted, services, on_event)
                click.echo(_serving(node, host, bound))
                served.append((node, host, bound))
            for line in (*_boot_command(cluster, served), *_client_command(served)):
                click.echo(line)


def _office(
    cluster: "CAPFCluster",
    store: "CAPFStore",
    directory: Path,
    clock: "Clock",
    subject: LSCSubject,
) -> CAPFOffice:
    maker = manufacturer(directory, FreshKeys(), int(clock.wall()))
    keep = partial(keep_shown, directory)
    return CAPFOffice(cluster, store, (maker.certificate,), clock.wall, subject, keep)


def _serving(node: Node, host: str, ports: "NodePorts") -> str:
    found = {
        "HTTP": ports.http,
        "TVS": ports.tvs,
        "CAPF": ports.capf,
        "CTL Provider": ports.ctl_provider,
    }
    on_tcp = {name: str(port) for name, port in found.items() if port is not None}
    *names, last = on_tcp
    tcp = f"{', '.join(names)} and {last} on TCP {', '.join(on_tcp.values())}"
    return f"serving {node.name} ({node.address}) on {host}: TFTP on UDP {ports.tftp}, {tcp}"


def _boot_command(cluster: Cluster, served: Sequence[tuple[Node, str, "NodePorts"]]) -> list[str]:
    """Return how to boot the first device: every name and address of a node leads here."""
    device = next(iter(cluster.devices.values()), None)
    if device is None:
        return []
    maps = [
        f"    --map {logical}={actual}"
        for node, host, ports in served
        for name in dict.fromkeys((node.address, node.name))
        for logical, actual in _ways(name, host, ports)
    ]
    address = cluster.publisher.address
    lines = [
        f"  secd boot {device.name} --model {device.model} --tftp {address} --state phone1",
        *maps,
    ]
    return ["boot a phone against it:", *(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _client_command(served: Sequence[tuple[Node, str, "NodePorts"]]) -> list[str]:
    """Return how a CTL Client finds the providers: all at one port, so each name leads to its."""
    found = [(node.name, host, ports.ctl_provider) for node, host, ports in served]
    (_, host, port), *others = found
    if port is None:
        return []
    lines = [
        f"  firmware-sim ctl client set-mixed-mode --provider {host}:{port}",
        *(f"    --map {name}:{port}={where}:{at}" for name, where, at in others),
        "    --token FILE --token FILE",
    ]
    return ["make its CTL file with tokens:", *(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _ways(name: str, host: str, ports: "NodePorts") -> list[tuple[str, str]]:
    ways = [
        (name, f"{host}:{ports.tftp}"),
        (f"{name}:{_HTTP_PORT}", f"{host}:{ports.http}"),
        (f"{name}:{TVS_PORT}", f"{host}:{ports.tvs}"),
    ]
    if ports.capf is not None:
        ways.append((f"{name}:{CAPF_PORT}", f"{host}:{ports.capf}"))
    return ways


def _print_event(clock: "Clock", event: ServerEvent) -> None:
    click.echo(server_traces().render(type(event).__name__, asdict(event), clock.wall()))
