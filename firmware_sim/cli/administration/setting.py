"""`firmware-sim set`: certificates, enterprise parameter, names and addresses."""

from pathlib import Path

import click

from firmware_sim.administration.commands import Unit, import_trust, prepare_rollback, regenerate
from firmware_sim.administration.directory import Draft, find_node, read_cluster
from firmware_sim.administration.network import set_address, set_hostname
from firmware_sim.administration.texts import text_of
from firmware_sim.cli.administration.common import change, dir_option, node_option, now_seconds
from firmware_sim.cluster import FreshKeys, TrustStore
from secd.cli.inputs import read_certificate


@click.group("set")
def set_group() -> None:
    """Change a node or the cluster."""


@set_group.group("cert")
def set_cert() -> None:
    """Change certificates."""


@set_cert.command("regen")
@dir_option
@node_option
@click.argument("unit", type=click.Choice([unit.value for unit in Unit]))
def set_cert_regen(root: Path, name: str | None, unit: str) -> None:
    """Make a node's certificate anew; it is used when the service is restarted.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    wanted = Unit(unit)
    recovery = wanted is Unit.ITL_RECOVERY
    text = text_of("regenerate_itl_recovery" if recovery else "regenerate", unit=unit)
    change(
        root,
        text,
        lambda draft: regenerate(draft, wanted, draft.node(name), FreshKeys(), now_seconds()),
    )


@set_cert.command("import")
@dir_option
@click.argument("kind", type=click.Choice(["trust"]))
@click.argument(
    "store", type=click.Choice([store.value for store in TrustStore], case_sensitive=False)
)
@click.argument("file", type=click.Path(path_type=Path))
def set_cert_import(root: Path, kind: str, store: str, file: Path) -> None:  # noqa: ARG001 - CUCM wants it named
    """Upload a certificate (PEM or DER) that TVS shall vouch for.

    \b
    Phone-SAST-trust    it may sign trust lists: a token, a foreign CallManager
    CallManager-trust   it may sign configurations: a foreign CallManager

    CUCM asks for the certificate to be pasted; here it is a file.
    """
    wanted = TrustStore(store)
    certificate = read_certificate(file)
    text = text_of("import_trust", store=wanted.value)
    change(root, text, lambda draft: import_trust(draft, wanted, certificate))


@set_group.group("cluster")
def set_cluster() -> None:
    """Change the cluster's enterprise parameters."""


@set_cluster.command("rollback")
@dir_option
@click.argument("value", type=click.Choice(["True", "False"], case_sensitive=False))
def set_cluster_rollback(root: Path, value: str) -> None:
    """Set "Prepare Cluster for Rollback to Pre 8.0" (a page of CUCM, not a command there).

    It counts when TFTP is restarted. In mixed mode it locks phones that get a CTL from a signer
    they do not know: the CTL stays, and TVS is gone from the ITL (213407).

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    wanted = value == "True"
    kind = "rollback_off"
    if wanted:
        kind = "rollback_on" if read_cluster(root).ctl is None else "rollback_on_with_ctl"
    change(root, text_of(kind), lambda draft: prepare_rollback(draft, wanted))


@set_group.group("network")
def set_network() -> None:
    """Change a node's name or address."""


@set_network.command("hostname")
@dir_option
@node_option
@click.argument("new")
def set_network_hostname(root: Path, name: str | None, new: str) -> None:
    """Give a node another host name: its certificates are made anew, its services restarted.

    One node at a time, else no TVS is left that phones know. A cluster of one node: set cluster
    rollback True first.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """

    def do(draft: Draft) -> None:
        set_hostname(draft, draft.node(name), new, FreshKeys(), now_seconds())

    old = find_node(read_cluster(root), name).name
    text = text_of("set_network_hostname", old=old, new=new)
    change(root, text, do)


@set_network.command("ip")
@dir_option
@node_option
@click.argument("interface", type=click.Choice(["eth0"]))
@click.argument("address")
def set_network_ip(root: Path, name: str | None, interface: str, address: str) -> None:  # noqa: ARG001 - CUCM wants it named
    """Give a node another address: its certificates are made anew, its services restarted.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """

    def do(draft: Draft) -> None:
        set_address(draft, draft.node(name), address, FreshKeys(), now_seconds())

    old = find_node(read_cluster(root), name).name
    text = text_of("set_network_ip", old=old, new=address)
    change(root, text, do)
