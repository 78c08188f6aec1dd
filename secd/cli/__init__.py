"""What a person types: `secd boot`, `secd verify`, `secd show`, `secd tvs`,
`secd lsc`, `secd erase`, `secd capf`.

Exit codes are a contract, printed by each command's help. Commands that only read files start no
trio: `secd.net` is imported inside the command that needs it.
"""

import click

from secd import __version__
from secd.cli.boot import boot
from secd.cli.capf import capf
from secd.cli.erase import erase
from secd.cli.lsc import lsc
from secd.cli.running import run
from secd.cli.show import show
from secd.cli.tvs import tvs
from secd.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secd")
def commands() -> None:
    """Do what the security daemon of a Cisco IP phone does."""


commands.add_command(boot)
commands.add_command(verify)
commands.add_command(show)
commands.add_command(tvs)
commands.add_command(lsc)
commands.add_command(erase)
commands.add_command(capf)


def main() -> None:
    """Run the command line."""
    run(commands, "secd")
