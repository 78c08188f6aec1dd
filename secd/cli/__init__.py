"""What a person types: `secd boot`, `secd verify`, `secd show`, `secd tvs`.

Exit codes are a contract, printed by each command's help. Commands that only read files start no
trio: `secd.net` is imported inside the command that needs it.
"""

import sys

import click

from secd import __version__
from secd.cli.boot import boot
from secd.cli.show import show
from secd.cli.tvs import tvs
from secd.cli.verify import verify
from secd.errors import UnusableInput

UNUSABLE = 2  # exit code: the input or the flash cannot be used


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secd")
def commands() -> None:
    """Do what the security daemon of a Cisco IP phone does."""


commands.add_command(boot)
commands.add_command(verify)
commands.add_command(show)
commands.add_command(tvs)


def main() -> None:
    """Run the command line; what cannot be used is one line on standard error and exit 2."""
    try:
        commands()
    except UnusableInput as error:
        click.echo(f"secd: {error}", err=True)
        sys.exit(UNUSABLE)
