"""`firmware-sim firmware`: files of a firmware load for a lab, under a key of our own."""

import time
from pathlib import Path

import click

from firmware_sim.cluster import FreshKeys
from firmware_sim.lab import is_lab, locked, refuse_foreign, write_firmware
from secd.cli.inputs import Folder


@click.command()
@click.argument("load")
@click.option(
    "--dir",
    "directory",
    required=True,
    type=Folder(),
    metavar="DIR",
    help="The lab's directory; made if it is not there.",
)
def firmware(load: str, directory: Path) -> None:
    """Make stand-ins for the files of a firmware LOAD, which the lab then serves.

    LOAD.loads names three components; all are in Cisco's envelope, signed with a key of the lab's
    own, since Cisco's is not public, and hold filler. The lab has to be stopped. A phone asks for
    them when its configuration names the load, and verifies them when it is given the key:

    \b
      firmware-sim firmware SCCP41.9-3-1SR4-1S --dir lab
      (in lab/cluster.toml, under [[device]]: load = "SCCP41.9-3-1SR4-1S")
      firmware-sim lab --dir lab
      secd boot … --firmware-key lab/keys/firmware.pem
    """
    with locked(directory):
        if not is_lab(directory):
            refuse_foreign(directory)
        path = write_firmware(directory, load, FreshKeys(), int(time.time()))
    click.echo(f"{directory}/common/{load}.loads and its components are there")
    click.echo(f'a device asks for them once it has load = "{load}" in {directory}/cluster.toml')
    click.echo(f"secd boot verifies them with --firmware-key {path}")
