"""`firmware-sim cluster`: make a cluster's directory, put it into an archive, take it out."""

from pathlib import Path
from random import SystemRandom

import click

from firmware_sim.administration.backup import back_up, restore
from firmware_sim.administration.directory import check_nodes, create
from firmware_sim.cli.administration.common import dir_option, now_seconds
from firmware_sim.cluster import (
    CertificateMaker,
    Device,
    FreshKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.cluster.fields import Fields
from firmware_sim.cluster.seed import DEVICE_NAME

_DEFAULT_NODES = ("cucm-pub=14.48.44.80", "cucm-sub=14.48.44.81")
_DEFAULT_RELEASE = "10.5(2)"
_file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def cluster() -> None:
    """Make a cluster that administrators' commands work on; back it up, restore it."""


@cluster.command("new")
@dir_option
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
    check_nodes(pairs)
    maker = CertificateMaker(FreshKeys(), SystemRandom(), now_seconds())
    made = [make_node(maker, name, address, _subject(name)) for name, address in pairs]
    new = make_cluster(maker, Release.parse(release), made[0], _subject(pairs[0][0]))
    new.nodes = made
    new.add_device(Device(DEVICE_NAME, "7961"))
    create(root, new)
    for node in made:
        click.echo(f"{node.name} ({node.address}): certificates made, services started")


@cluster.command("backup")
@dir_option
@_file_argument
def cluster_backup(root: Path, file: Path) -> None:
    """Put the whole cluster into FILE, a tar archive with its keys in it: keep it safe (0600).

    FILE must not be there yet.
    """
    count = back_up(root, file)
    click.echo(f"{file}: {count} files")


@cluster.command("restore")
@dir_option
@_file_argument
def cluster_restore(root: Path, file: Path) -> None:
    """Make a cluster from FILE in an empty directory, all of it or nothing.

    Services run with what they ran with: a list that phones trust is served again.
    """
    count = restore(file, root)
    click.echo(f"{root}: {count} files; firmware-sim check --dir {root}")


def _name_and_address(text: str) -> tuple[str, str]:
    name, _, address = text.partition("=")
    fields = Fields({"address": address}, frozenset({"address"}), f"--node {text}: ")
    return name, fields.ip_address("address")


def _subject(name: str) -> Subject:
    return Subject(name, "AS", "Cisco", "RTP", "NC", "US")
