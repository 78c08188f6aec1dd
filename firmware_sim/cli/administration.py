"""`firmware-sim cluster`, `show`, `set`, `utils`: an administrator's commands on a cluster."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

import click

from firmware_sim.administration.commands import (
    Service,
    Unit,
    regenerate,
    restart,
    set_mixed_mode,
    set_non_secure_mode,
    update_ctl,
)
from firmware_sim.administration.directory import (
    Draft,
    create,
    drafting,
    find_node,
    read_cluster,
    read_list,
)
from firmware_sim.administration.texts import Text, text_of
from firmware_sim.cluster import (
    CTL_FILE,
    ITL_FILE,
    CertificateMaker,
    Credential,
    Device,
    FreshKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.cluster.fields import Fields
from firmware_sim.cluster.seed import DEVICE_NAME
from secd.certs import facts_of_untrusted
from secd.errors import MalformedFile, UnusableInput
from secd.trust import verifies_itself
from secd.trustlist import Form, decode_trust_list_untrusted, show_list, show_missing
from secd.trustlist.listing import show_unreadable
from secd.words import FileKind

_DECLINED = 1
_DEFAULT_NODES = ("cucm-pub=14.48.44.80", "cucm-sub=14.48.44.81")
_DEFAULT_RELEASE = "10.5(2)"
_dir_option = click.option(
    "--dir",
    "root",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The cluster's directory.",
)
_node_option = click.option(
    "--node", "name", metavar="NAME", help="The node; the publisher if not given."
)


@click.group()
def cluster() -> None:
    """Make a cluster that administrators' commands work on."""


@cluster.command("new")
@_dir_option
@click.option(
    "--node",
    "nodes",
    multiple=True,
    default=_DEFAULT_NODES,
    show_default=True,
    metavar="NAME=ADDRESS",
    help="A node; the first is the publisher.",
)
@click.option("--release", default=_DEFAULT_RELEASE, show_default=True, help="The release of CUCM.")
def cluster_new(root: Path, nodes: tuple[str, ...], release: str) -> None:
    """Make a cluster in an empty directory: certificates, ITLs, one 7961; not in mixed mode.

    \b
      firmware-sim cluster new --dir site
      firmware-sim lab --dir site
    """
    pairs = [_name_and_address(text) for text in nodes]
    if len({name for name, _ in pairs}) < len(pairs):
        raise UnusableInput("two nodes have the same name")
    maker = CertificateMaker(FreshKeys(), SystemRandom(), int(time.time()))
    made = [make_node(maker, name, address, _subject(name)) for name, address in pairs]
    new = make_cluster(maker, Release.parse(release), made[0], _subject(pairs[0][0]))
    new.nodes = made
    new.add_device(Device(DEVICE_NAME, "7961"))
    create(root, new)
    for node in made:
        click.echo(f"{node.name} ({node.address}): certificates made, services started")


def _name_and_address(text: str) -> tuple[str, str]:
    name, _, address = text.partition("=")
    fields = Fields({"address": address}, frozenset({"address"}), f"--node {text}: ")
    return name, fields.ip_address("address")


def _subject(name: str) -> Subject:
    return Subject(name, "AS", "Cisco", "RTP", "NC", "US")


@click.group()
def show() -> None:
    """Look at a node: its lists and certificates."""


@show.command("ctl")
@_dir_option
@_node_option
def show_ctl(root: Path, name: str | None) -> None:
    """List the CTL on a node's disk. Exit codes: 0 verified, 1 not there or not verified."""
    _show_file(root, name, CTL_FILE, FileKind.CTL)


@show.command("itl")
@_dir_option
@_node_option
def show_itl(root: Path, name: str | None) -> None:
    """List the ITL that a node's TFTP serves. Exit codes: 0 verified, 1 not."""
    _show_file(root, name, ITL_FILE, FileKind.ITL)


def _show_file(root: Path, name: str | None, file_name: str, kind: FileKind) -> None:
    octets = read_list(root, find_node(read_cluster(root), name), file_name)
    verified = False
    if octets is None:
        lines = show_missing(kind)
    else:
        try:
            trust_list = decode_trust_list_untrusted(octets)
        except MalformedFile:
            lines = show_unreadable(octets, kind, "(unknown)", Form.CUCM_10)
        else:
            verified = verifies_itself(trust_list)
            stamp = datetime.fromtimestamp(trust_list.header.timestamp or 0, UTC)
            modified = stamp.strftime("%a %b %d %H:%M:%S UTC %Y")
            lines = show_list(trust_list, kind, modified, verified=verified, form=Form.CUCM_10)
    for line in lines:
        click.echo(line)
    sys.exit(0 if verified else 1)


@show.command("cert")
@_dir_option
@_node_option
def show_cert(root: Path, name: str | None) -> None:
    """List a node's certificates: serial number, name, validity (the form is ours)."""
    found = read_cluster(root)
    node = find_node(found, name)
    own = {Unit.CALLMANAGER: node.callmanager, Unit.TVS: node.tvs}
    if node is found.publisher:
        own |= {Unit.CAPF: found.capf, Unit.ITL_RECOVERY: found.itl_recovery}
    for unit, credential in own.items():
        for line in _certificate_lines(unit, credential):
            click.echo(line)


def _certificate_lines(unit: Unit, credential: Credential) -> list[str]:
    facts = facts_of_untrusted(credential.certificate)
    return [
        f"{unit}.pem",
        f"  serial number  {facts.serial.hex().upper()}",
        f"  common name    {facts.common_name}",
        f"  from           {_moment(facts.not_before_seconds)}",
        f"  to             {_moment(facts.not_after_seconds)}",
    ]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")


@click.group("set")
def set_group() -> None:
    """Change a node."""


@set_group.group("cert")
def set_cert() -> None:
    """Change a node's certificates."""


@set_cert.command("regen")
@_dir_option
@_node_option
@click.argument("unit", type=click.Choice([unit.value for unit in Unit]))
def set_cert_regen(root: Path, name: str | None, unit: str) -> None:
    """Make a node's certificate anew; it is used when the service is restarted.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    wanted = Unit(unit)
    recovery = wanted is Unit.ITL_RECOVERY
    text = text_of("regenerate_itl_recovery" if recovery else "regenerate", unit=unit)
    _change(
        root,
        text,
        lambda draft: regenerate(draft, wanted, draft.node(name), FreshKeys(), int(time.time())),
    )


@click.group()
def utils() -> None:
    """Run the cluster: CTL and services."""


@utils.group("ctl")
def utils_ctl() -> None:
    """Make the CTL without tokens; it is signed by the publisher."""


@utils_ctl.command("set-cluster")
@_dir_option
@click.argument("mode", type=click.Choice(["mixed-mode", "non-secure-mode"]))
def utils_ctl_set_cluster(root: Path, mode: str) -> None:
    """Set the cluster's mode and write the CTL to every node.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    if mode == "mixed-mode":
        _change(root, text_of("set_mixed_mode"), lambda d: set_mixed_mode(d, int(time.time())))
    else:
        _change(
            root, text_of("set_non_secure_mode"), lambda d: set_non_secure_mode(d, int(time.time()))
        )


@utils_ctl.command("update")
@_dir_option
@click.argument("file", type=click.Choice(["CTLFile"]))
def utils_ctl_update(root: Path, file: str) -> None:  # noqa: ARG001 - CUCM wants it named
    """Make the CTL anew from the certificates there are, and write it to every node.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    _change(root, text_of("update_ctl"), lambda draft: update_ctl(draft, int(time.time())))


@utils.group("service")
def utils_service() -> None:
    """Services of a node."""


@utils_service.command("restart")
@_dir_option
@_node_option
@click.argument("words", nargs=-1, required=True, metavar="SERVICE")
def utils_service_restart(root: Path, name: str | None, words: tuple[str, ...]) -> None:
    """Restart a service, which then loads what was changed.

    What TFTP serves changes only so; phones are told to reset only by CallManager.

    \b
    SERVICE   Cisco Tftp
              Cisco CallManager
              Cisco Trust Verification Service
              Cisco Certificate Authority Proxy Function
    """
    try:
        service = Service(" ".join(words))
    except ValueError:
        names = ", ".join(Service)
        raise UnusableInput(f"{' '.join(words)!a} is no service here: {names}") from None
    kind = "restart_callmanager" if service is Service.CALLMANAGER else "restart_other"
    with drafting(root) as draft:
        node = draft.node(name)
        restart(draft, service, node, int(time.time()))
    for line in text_of(kind, service=service, node=node.name).lines:
        click.echo(line)


def _change(root: Path, text: Text, do: Callable[[Draft], None]) -> None:
    """Ask, change, tell. Declined: nothing is changed, exit code 1."""
    with drafting(root) as draft:
        answer: str = click.prompt(text.question, prompt_suffix=" ")
        if answer.lower() not in ("y", "yes"):
            click.echo("nothing has been changed")
            sys.exit(_DECLINED)
        do(draft)
    for line in text.lines:
        click.echo(line)
