"""`firmware-sim utils`: the CTL without tokens, resets of lists, services."""

from pathlib import Path

import click

from firmware_sim.administration.commands import (
    AUTOREGISTRATION_IN_MIXED_MODE,
    Service,
    restart,
    set_mixed_mode,
    set_non_secure_mode,
    update_ctl,
)
from firmware_sim.administration.directory import drafting, read_cluster
from firmware_sim.administration.recovery import (
    read_recovery_key,
    recovery_signer,
    reset_ctl,
    reset_itl,
)
from firmware_sim.administration.texts import Text, text_of
from firmware_sim.cli.administration.common import (
    change,
    dir_option,
    node_option,
    now_seconds,
)
from firmware_sim.cli.pins import ask_password
from firmware_sim.cluster import Cluster
from secd.cli.inputs import read_file
from secd.errors import UnusableInput


@click.group()
def utils() -> None:
    """Run the cluster: CTL, resets of lists, services."""


@utils.group("ctl")
def utils_ctl() -> None:
    """Make the CTL without tokens; it is signed by the publisher."""


@utils_ctl.command("set-cluster")
@dir_option
@click.argument("mode", type=click.Choice(["mixed-mode", "non-secure-mode"]))
def utils_ctl_set_cluster(root: Path, mode: str) -> None:
    """Set the cluster's mode and write the CTL to every node.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    if mode == "mixed-mode":
        text = _mixed_mode_text(read_cluster(root))
        change(root, text, lambda draft: set_mixed_mode(draft, now_seconds()))
    else:
        text = text_of("set_non_secure_mode")
        change(root, text, lambda draft: set_non_secure_mode(draft, now_seconds()))


def _mixed_mode_text(cluster: Cluster) -> Text:
    if cluster.release < AUTOREGISTRATION_IN_MIXED_MODE:
        return text_of("set_mixed_mode")
    on = cluster.autoregistration
    return text_of("set_mixed_mode_autoregistration" if on else "set_mixed_mode_from_11_5")


@utils_ctl.command("update")
@dir_option
@click.argument("file", type=click.Choice(["CTLFile"]))
def utils_ctl_update(root: Path, file: str) -> None:  # noqa: ARG001 - CUCM wants it named
    """Make the CTL anew from the certificates there are, and write it to every node.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    change(root, text_of("update_ctl"), lambda draft: update_ctl(draft, now_seconds()))


@utils_ctl.command("reset")
@dir_option
@click.argument("key", type=click.Choice(["localkey"]))
def utils_ctl_reset(root: Path, key: str) -> None:  # noqa: ARG001 - CUCM wants it named
    """Make the CTL anew, signed by the publisher's CallManager instead of ITLRecovery (12.0 on).

    For phones that refuse the CTL. utils ctl update CTLFile rolls it back.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    change(root, text_of("reset_ctl"), lambda draft: reset_ctl(draft, now_seconds()))


@utils.group("itl")
def utils_itl() -> None:
    """Help phones that refuse the ITL."""


@utils_itl.group("reset")
def utils_itl_reset() -> None:
    """Let another key sign the ITL that all nodes serve."""


@utils_itl_reset.command("localkey")
@dir_option
def utils_itl_reset_localkey(root: Path) -> None:
    """Sign with the other key of this cluster that phones hold as SAST.

    That is ITLRecovery up to 11.5, the publisher's CallManager from 12.0 on. Served at once;
    when TFTP is restarted, the ITL has its usual signer again.

    Exit codes: 0 done, 1 declined, 2 unusable input.
    """
    change(
        root,
        _reset_text(read_cluster(root)),
        lambda draft: reset_itl(draft, recovery_signer(draft.cluster), now_seconds()),
    )


@utils_itl_reset.command("remotekey")
@dir_option
@click.argument("file", type=click.Path(path_type=Path))
def utils_itl_reset_remotekey(root: Path, file: Path) -> None:
    """Sign with an ITLRecovery key that was exported before (file get tftp ITLRecovery.p12).

    CUCM fetches it from a server by SFTP; here FILE is at hand. Its password is asked for.

    Exit codes: 0 done, 1 declined, 2 unusable input or a wrong password.
    """
    octets = read_file(file)
    signer = read_recovery_key(file, octets, ask_password(f"Password of {file}: "))
    change(
        root,
        _reset_text(read_cluster(root)),
        lambda draft: reset_itl(draft, signer, now_seconds()),
    )


def _reset_text(cluster: Cluster) -> Text:
    names = [node.name for node in cluster.nodes]
    transferred = [
        line for name in names for line in text_of("reset_itl_transferred", node=name).lines
    ]
    return text_of(
        "reset_itl",
        names="\n".join(names),
        count=str(len(names)),
        transferred="\n".join(transferred),
    )


@utils.group("service")
def utils_service() -> None:
    """Services of a node."""


@utils_service.command("restart")
@dir_option
@node_option
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
        restart(draft, service, node, now_seconds())
    for line in text_of(kind, service=service, node=node.name).lines:
        click.echo(line)
