"""`secd boot`: one boot of one phone against a real TFTP server."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secd.cli.addresses import tftp_servers
from secd.cli.inputs import Folder, parse_device, read_firmware_key, read_mic
from secd.cli.summary import summarize
from secd.cli.wording import WIDTH
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.store import PhoneStore
from secd.trace import Traced
from statusmsgs import event_to_json, format_status, status_table

if TYPE_CHECKING:
    from secd.net.emulator import BootReport, EmulatedPhone
    from secd.net.network import AddressBook

_WATCHED_ROUNDS = 4  # a phone that retries for ever is watched for this many rounds


@click.command()
@click.argument("device")
@click.option("--model", required=True, help="Phone model, like 7961 or 8861.")
@click.option("--load", help="Firmware load; each model has a default.")
@click.option(
    "--tftp",
    "servers",
    multiple=True,
    required=True,
    metavar="HOST[:PORT]",
    help="TFTP server; give it twice for primary and secondary.",
)
@click.option(
    "--state",
    required=True,
    type=Folder(),
    metavar="DIR",
    help="The phone's flash; made if it is not there.",
)
@click.option(
    "--map",
    "mappings",
    multiple=True,
    metavar="LOGICAL=ACTUAL",
    help="Where an address really is: 14.48.44.80=127.0.0.1:6969.",
)
@click.option(
    "--firmware-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What firmware is signed with: certificate or public key, PEM or DER.",
)
@click.option(
    "--mic",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The phone's MIC, certificate and key (PEM); kept in its flash.",
)
@click.option("--ring-menu", is_flag=True, help="Open the menu of rings: ask for ring lists too.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON, one a line.")
@click.option("--explain", is_flag=True, help="Print lines of ours too, marked.")
def boot(
    device: str,
    model: str,
    load: str | None,
    servers: tuple[str, ...],
    state: Path,
    mappings: tuple[str, ...],
    firmware_key: Path | None,
    mic: Path | None,
    ring_menu: bool,
    as_json: bool,
    explain: bool,
) -> None:
    """Boot a phone once: trust lists, configuration, the files that it names, and CAPF.

    Prints the console log as it happens, then status messages and a summary. Where the
    configuration names another firmware load, its file list is read; with --firmware-key it is
    verified, and so are its components. No firmware is kept or run. Where the
    configuration asks for it, the phone gets its LSC from CAPF; with an authentication
    string it waits for `secd lsc update`.

    \b
      secd boot SEP0011215A1AE3 --model 7961 --tftp 10.1.1.5 --state phone1

    Exit codes: 0 booted, 1 a list or configuration was refused, 2 unusable input or flash,
    3 nothing could be fetched, or what the phone needs to start was not there (a
    server that the phone may not ask counts here).
    """
    import trio

    from secd.net.emulator import EmulatedPhone

    name = parse_device(device)
    found = model_catalogue().find(model, load)
    logical, book = tftp_servers(servers, mappings)
    key = read_firmware_key(firmware_key)
    with DirectoryFlash(state) as flash:
        store = PhoneStore(flash, name, found)
        if mic is not None:
            store.load()  # before anything is written: is this flash this phone's?
            store.save_mic(read_mic(mic, found))
        phone = EmulatedPhone(
            name, found, store, logical, explain, _WATCHED_ROUNDS, key, ring_menu=ring_menu
        )
        report = trio.run(_boot, phone, book, as_json)
    summary = summarize(report)
    if as_json:
        click.echo(json.dumps({"summary": summary.as_json()}))
    else:
        family = status_table().family(found.status_family)
        _print_section("Status messages", (format_status(m, family) for m in report.statuses))
        _print_section("Summary", summary.as_text(name, found))
    sys.exit(summary.exit_code)


async def _boot(phone: "EmulatedPhone", book: "AddressBook", as_json: bool) -> "BootReport":
    from secd.net.clock import TrioClock
    from secd.net.kernel import KernelNetwork
    from secd.net.phone import Surroundings

    def on_event(traced: Traced, lines: tuple[str, ...]) -> None:
        if as_json:
            click.echo(json.dumps(event_to_json(traced)))
        for line in () if as_json else lines:
            click.echo(line)

    return await phone.boot(Surroundings(KernelNetwork(), TrioClock(), book), on_event)


def _print_section(title: str, lines: Iterable[str]) -> None:
    rows = list(lines)
    click.echo(f"\n-- {title} {'-' * (WIDTH - 4 - len(title))}")
    for row in rows or ["(none)"]:
        click.echo(row)
