"""`secd lsc`: what stands under Security > LSC on the phone: show it, update it, delete it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secd.cli.capf_outcome import exit_code_of
from secd.cli.certificates import certificate_lines, enrolment_sentence
from secd.cli.inputs import Folder, existing_flash, read_authentication_string
from secd.cli.wording import wrapped
from secd.configuration import CAPFMode
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.store import PhoneStore, owner_of
from secd.trace import Traced
from statusmsgs import event_to_json, format_status, status_table

if TYPE_CHECKING:
    from secd.net.emulator import EmulatedPhone, UpdateReport
    from secd.net.network import AddressBook

_state = click.option(
    "--state", required=True, type=Folder(), metavar="DIR", help="The phone's flash."
)


@click.group()
def lsc() -> None:
    """Show, update or delete a phone's LSC."""


@lsc.command()
@_state
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def show(state: Path, as_json: bool) -> None:
    """Say whether LSC and MIC are installed, and what is in them.

    Exit codes: 0 an LSC is installed, 1 none is, 2 unusable flash.
    """
    with DirectoryFlash(existing_flash(state)) as flash:
        owner = owner_of(flash)
        model = model_catalogue().find(owner.model, owner.load)
        held = PhoneStore(flash, owner.device, model).load().identities
    lines = certificate_lines(held)
    installed = held.lsc is not None
    if as_json:
        click.echo(json.dumps({"lsc_installed": installed, "certificates": lines}))
    else:
        click.echo("\n".join(lines))
    sys.exit(0 if installed else 1)


@lsc.command()
@_state
@click.option(
    "--map",
    "mappings",
    multiple=True,
    metavar="LOGICAL=ACTUAL",
    help="Where an address really is: 14.48.44.80:3804=127.0.0.1:33804.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON, one a line.")
@click.option("--explain", is_flag=True, help="Print lines of ours too, marked.")
def update(state: Path, mappings: tuple[str, ...], as_json: bool, explain: bool) -> None:
    """Press Update: turn to the CAPF servers of the phone's configuration.

    Where the configuration wants an authentication string, it is asked for here; it is not kept.

    \b
      secd lsc update --state phone1

    Exit codes: 0 done or nothing scheduled, 1 refused, 2 unusable input or flash, 3 no CAPF
    server could be reached.
    """
    import trio

    from secd.net.emulator import EmulatedPhone
    from secd.net.network import AddressBook

    book = AddressBook.from_mappings_untrusted(mappings)
    with DirectoryFlash(existing_flash(state)) as flash:
        owner = owner_of(flash)
        model = model_catalogue().find(owner.model, owner.load)
        store = PhoneStore(flash, owner.device, model)
        configuration = store.load().configuration
        mode = None if configuration is None else configuration.capf_auth_mode
        wanted = mode == CAPFMode.AUTHENTICATION_STRING
        string = read_authentication_string(owner.device) if wanted else ""
        phone = EmulatedPhone(owner.device, model, store, (), explain)
        report = trio.run(_update, phone, book, as_json, string)
    family = status_table().family(model.status_family)
    for message in () if as_json else report.statuses:
        click.echo(format_status(message, family))
    for line in () if as_json else certificate_lines(report.identities):
        click.echo(line)
    sys.exit(exit_code_of(report.outcome))


async def _update(
    phone: "EmulatedPhone", book: "AddressBook", as_json: bool, string: str
) -> "UpdateReport":
    from secd.net.clock import TrioClock
    from secd.net.kernel import KernelNetwork
    from secd.net.phone import Surroundings

    def on_event(traced: Traced, lines: tuple[str, ...]) -> None:
        if as_json:
            click.echo(json.dumps(event_to_json(traced)))
            return
        for line in lines:
            click.echo(line)
        sentence = enrolment_sentence(traced.event)
        for line in [] if sentence is None else wrapped(f"LSC: {sentence}"):
            click.echo(line)

    return await phone.update_lsc(
        Surroundings(KernelNetwork(), TrioClock(), book), on_event, string
    )


@lsc.command()
@_state
def delete(state: Path) -> None:
    """Erase the LSC from the phone's flash, as on its security menu; CAPF is not asked.

    Exit codes: 0 erased or none there, 2 unusable flash.
    """
    with DirectoryFlash(existing_flash(state)) as flash:
        owner = owner_of(flash)
        store = PhoneStore(flash, owner.device, model_catalogue().find(owner.model, owner.load))
        held = store.load().identities.lsc
        store.lsc.erase()
    click.echo("LSC  Not Installed" if held else "LSC  Not Installed (there was none)")
