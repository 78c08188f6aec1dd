"""What a person types: `firmware-sim lab`, `capf`, `token`, `demo`, administrators' commands, …"""

import click

from firmware_sim.cli.administration import check, cluster, file, set_group, show, utils
from firmware_sim.cli.capf import capf
from firmware_sim.cli.ctl import ctl
from firmware_sim.cli.demo import demo
from firmware_sim.cli.firmware import firmware
from firmware_sim.cli.lab import lab
from firmware_sim.cli.token import token
from secd import __version__
from secd.cli.running import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="firmware-sim")
def commands() -> None:
    """Bring a cluster for phones to boot against, and the phones."""


commands.add_command(capf)
commands.add_command(ctl)
commands.add_command(demo)
commands.add_command(firmware)
commands.add_command(lab)
commands.add_command(check)
commands.add_command(cluster)
commands.add_command(file)
commands.add_command(show)
commands.add_command(set_group)
commands.add_command(utils)
commands.add_command(token)


def main() -> None:
    """Run the command line."""
    run(commands, "firmware-sim")
