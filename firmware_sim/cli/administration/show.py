"""`firmware-sim show`: a node's lists and certificates."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from firmware_sim.administration.commands import Unit
from firmware_sim.administration.directory import find_node, read_cluster, read_list
from firmware_sim.cli.administration.common import dir_option, node_option, now_seconds
from firmware_sim.cluster import CTL_FILE, ITL_FILE
from secd.certs import facts_of_untrusted
from secd.errors import MalformedFile
from secd.trust import verifies_itself
from secd.trustlist import Form, decode_trust_list_untrusted, show_list, show_missing
from secd.trustlist.listing import show_unreadable
from secd.words import FileKind


@click.group()
def show() -> None:
    """Look at a node: its lists and certificates."""


@show.command("ctl")
@dir_option
@node_option
def show_ctl(root: Path, name: str | None) -> None:
    """List the CTL on a node's disk. Exit codes: 0 verified, 1 not there or not verified."""
    _show_file(root, name, CTL_FILE, FileKind.CTL)


@show.command("itl")
@dir_option
@node_option
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
            modified = _moment(trust_list.header.timestamp or 0)
            lines = show_list(trust_list, kind, modified, verified=verified, form=Form.CUCM_10)
    for line in lines:
        click.echo(line)
    sys.exit(0 if verified else 1)


@show.command("cert")
@dir_option
@node_option
def show_cert(root: Path, name: str | None) -> None:
    """List a node's certificates: serial number, name, validity (the form is ours).

    With those of the publisher come the certificates that were uploaded for TVS.
    """
    found = read_cluster(root)
    node = find_node(found, name)
    own = {Unit.CALLMANAGER: node.callmanager, Unit.TVS: node.tvs}
    if node is found.publisher:
        own |= {Unit.CAPF: found.capf, Unit.ITL_RECOVERY: found.itl_recovery}
    rows = [(f"{unit}.pem", credential.certificate) for unit, credential in own.items()]
    if node is found.publisher:
        rows += [(one.store.value, one.certificate) for one in found.trusted]
    for title, certificate in rows:
        for line in _certificate_lines(title, certificate):
            click.echo(line)


def _certificate_lines(title: str, certificate: bytes) -> list[str]:
    facts = facts_of_untrusted(certificate)
    expired = "  EXPIRED" if facts.not_after_seconds < now_seconds() else ""
    return [
        title,
        f"  serial number  {facts.serial.hex().upper()}",
        f"  common name    {facts.common_name}",
        f"  from           {_moment(facts.not_before_seconds)}",
        f"  to             {_moment(facts.not_after_seconds)}{expired}",
    ]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
