"""`firmware-sim ctl`: the CTL Client, and who may log in to the CTL Providers."""

import os
import sys
from pathlib import Path

import click

from firmware_sim.administration.provider import write_administrator
from firmware_sim.cli.ctl_client import Choice, run_client
from firmware_sim.cli.pins import ask_new_password
from firmware_sim.ctl_client.plan import Action
from firmware_sim.ctl_provider.password import SALT_BYTES, make_administrator

_DEFAULT_USER = "CCMAdministrator"


@click.group()
def ctl() -> None:
    """Make CTL files with security tokens: the CTL Client, and the CTL Providers that it needs."""


@ctl.group()
def provider() -> None:
    """The CTL Providers of a cluster directory (`firmware-sim lab --ctl-provider-port`)."""


@provider.command("set-password")
@click.option(
    "--dir",
    "root",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The cluster's directory.",
)
@click.option(
    "--user", default=_DEFAULT_USER, show_default=True, metavar="NAME", help="The administrator."
)
def set_password(root: Path, user: str) -> None:
    """Say who may log in to the CTL Providers of a cluster; the password is asked for.

    Only a hash of it is kept, in DIR/ctl-provider.secret. A running lab follows.
    """
    password = ask_new_password(f"Password of {user}: ")
    write_administrator(root, make_administrator(user, password, os.urandom(SALT_BYTES)))
    click.echo(f"{user} may log in to the CTL Providers")


@ctl.command("client")
@click.argument("action", type=click.Choice([action.value for action in Action]))
@click.option(
    "--provider",
    required=True,
    metavar="HOST[:PORT]",
    help="The publisher's CTL Provider; port 2444 unless given, the same on every node.",
)
@click.option(
    "--user", default=_DEFAULT_USER, show_default=True, metavar="NAME", help="The administrator."
)
@click.option(
    "--token",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A token in a file; give it once for each.",
)
@click.option(
    "--pkcs11",
    "module",
    type=click.Path(path_type=Path),
    metavar="MODULE",
    help="All tokens of hardware, through the PKCS#11 library of their maker.",
)
@click.option(
    "--remove", multiple=True, metavar="NAME", help="A token that the CTL file shall lose."
)
@click.option(
    "--map",
    "mappings",
    multiple=True,
    metavar="LOGICAL=ACTUAL",
    help="Where a node really is: cucm-sub:2444=127.0.0.2:2444.",
)
def client(
    action: str,
    provider: str,
    user: str,
    files: tuple[Path, ...],
    module: Path | None,
    remove: tuple[str, ...],
    mappings: tuple[str, ...],
) -> None:
    """Set a cluster's mode, or update its CTL file, with security tokens.

    \b
      set-mixed-mode        makes the CTL file; before 11.5 autoregistration stops
      set-non-secure-mode   from mixed mode: servers lose their certificates
      update                makes the CTL file anew from the certificates there are

    Connects to every node of the cluster by its name. A first CTL file needs two tokens. To change
    one, one of its tokens is needed; tokens that it does not list are added. Password and PIN are
    asked for.

    Exit codes: 0 done, 1 refused, 2 unusable input, 3 a node is unreachable; except after 0
    nothing is written to any node, unless the output says which nodes have it.
    """
    choice = Choice(Action(action), provider, user, files, module, remove, mappings)
    sys.exit(run_client(choice))
