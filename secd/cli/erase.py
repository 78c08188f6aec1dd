"""`secd erase`: what Settings > Security Configuration > Trust List > Erase does at the phone."""

import time
from pathlib import Path

import click

from secd.cli.inputs import Folder, existing_flash
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.store import PhoneStore, owner_of
from secd.words import FileKind
from statusmsgs import format_status, status_table

_WHAT = {
    "ctl": (FileKind.CTL,),
    "itl": (FileKind.ITL,),
    "both": (FileKind.CTL, FileKind.ITL),
}


@click.command()
@click.argument("what", type=click.Choice(list(_WHAT)))
@click.option("--state", required=True, type=Folder(), metavar="DIR", help="The phone's flash.")
def erase(what: str, state: Path) -> None:
    """Erase the CTL, the ITL or both at the phone, as one does by hand to one that is locked.

    What TVS vouched for goes with them; the configuration, LSC and MIC stay. The phone takes the
    next list that it is given on trust.

    \b
      secd erase ctl --state phone1

    Exit codes: 0 the phone holds none of it now, 2 unusable flash.
    """
    from secd.net.emulator import EmulatedPhone

    with DirectoryFlash(existing_flash(state)) as flash:
        owner = owner_of(flash)
        model = model_catalogue().find(owner.model, owner.load)
        phone = EmulatedPhone(owner.device, model, PhoneStore(flash, owner.device, model), ())
        report = phone.erase_lists(_WHAT[what], time.time())
    family = status_table().family(model.status_family)
    for message in report.statuses:
        click.echo(format_status(message, family))
    for kind in _WHAT[what]:
        was_there = "erased" if kind in report.kinds else "there was none"
        click.echo(f"{owner.device} {kind}: {was_there}")
