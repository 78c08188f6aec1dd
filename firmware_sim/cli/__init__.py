"""What a person types: `firmware-sim lab`, `firmware-sim demo`."""

import sys

import click

from firmware_sim.cli.demo import demo
from firmware_sim.cli.lab import lab
from secd import __version__
from secd.errors import UnusableInput

UNUSABLE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="firmware-sim")
def commands() -> None:
    """Bring a cluster for phones to boot against, and the phones."""


commands.add_command(demo)
commands.add_command(lab)


def main() -> None:
    """Run the command line; what cannot be used is one line on standard error and exit 2."""
    try:
        commands()
    except UnusableInput as error:
        click.echo(f"firmware-sim: {error}", err=True)
        sys.exit(UNUSABLE)
