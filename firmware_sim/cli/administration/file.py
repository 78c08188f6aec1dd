"""`firmware-sim file`: the TFTP folder of a node."""

from datetime import UTC, datetime
from pathlib import Path

import click

from firmware_sim.administration.directory import drafting, find_node, read_cluster
from firmware_sim.administration.recovery import export_recovery_key
from firmware_sim.administration.texts import text_of
from firmware_sim.administration.tftp_files import TFTPFile, delete_file, list_files
from firmware_sim.cli.administration.common import (
    ask,
    dir_option,
    node_option,
)
from firmware_sim.cli.pins import ask_new_password
from firmware_sim.lab import write_secret
from secd.errors import UnusableInput

_tftp_argument = click.argument("where", type=click.Choice(["tftp"]))


@click.group()
def file() -> None:
    """Look into a node's TFTP folder, delete the CTL from it, export the recovery key."""


@file.command("list")
@dir_option
@node_option
@_tftp_argument
@click.argument("pattern")
@click.argument("detail", required=False, type=click.Choice(["detail"]))
def file_list(root: Path, name: str | None, where: str, pattern: str, detail: str | None) -> None:  # noqa: ARG001 - CUCM wants it named
    """List the files whose names match PATTERN, quoted: '*.tlv'.

    Exit codes: 0 listed, 2 unusable input.
    """
    files = list_files(root, find_node(read_cluster(root), name), pattern)
    for one in files:
        click.echo(one.name if detail is None else _detail(one))
    for line in text_of("list_files", count=str(len(files))).lines:
        click.echo(line)


def _detail(one: TFTPFile) -> str:
    """A line as in the seed guide: `31 Aug,2011 13:28:03 4,712 CTLFile.tlv` (columns ours)."""
    moment = datetime.fromtimestamp(one.changed_at_seconds, UTC).strftime("%d %b,%Y %H:%M:%S")
    return f"{moment} {one.size:>12,}  {one.name}"


@file.command("delete")
@dir_option
@node_option
@_tftp_argument
@click.argument("target", metavar="CTLFile.tlv")
@click.argument("noconfirm", required=False, type=click.Choice(["noconfirm"]))
def file_delete(
    root: Path,
    name: str | None,
    where: str,  # noqa: ARG001 - CUCM wants it named
    target: str,
    noconfirm: str | None,
) -> None:
    """Delete the CTL from a node; it is served until Cisco Tftp is restarted there.

    Every node has its own. Phones keep the CTL that they have.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    with drafting(root) as draft:
        node = draft.node(name)
        if noconfirm is None:
            ask(text_of("delete_file", file=target, found="", deleted=""))
        count = str(delete_file(draft, node, target))
    for line in text_of("delete_file", file=target, found=count, deleted=count).lines:
        click.echo(line)


@file.command("get")
@dir_option
@_tftp_argument
@click.argument("target", type=click.Choice(["ITLRecovery.p12"]))
@click.argument("destination", type=click.Path(path_type=Path), metavar="FILE")
def file_get(root: Path, where: str, target: str, destination: Path) -> None:  # noqa: ARG001 - CUCM wants it named
    """Export the ITLRecovery key with its certificate, encrypted with a password that you give.

    Do it while all is well: utils itl reset remotekey helps locked phones with it.

    Exit codes: 0 done, 2 unusable input.
    """
    if destination.exists():
        raise UnusableInput(f"{destination} is there already")
    octets = export_recovery_key(
        read_cluster(root), ask_new_password("Password to encrypt the key with: ")
    )
    write_secret(destination, octets)
    click.echo(f"{destination}: the ITLRecovery key; whoever has it can sign lists for your phones")
