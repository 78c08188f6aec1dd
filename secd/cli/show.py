"""`secd show`: the listing of a trust list that CUCM's `show ctl` and `show itl` print."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from secd.cli.inputs import kind_of_name, read_file
from secd.errors import MalformedFile, UnusableInput
from secd.trust import verifies_itself
from secd.trustlist import TrustList, decode_trust_list_untrusted
from secd.trustlist.listing import Form, show_list
from secd.words import FileKind

_UNVERIFIED = 1


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """List a CTL or ITL file as CUCM does.

    The signature is checked with the signer's own record in the list, as CUCM checks it: that a
    list verifies says nothing about who trusts it (secd verify does). The date is the time of
    signing that the file carries.

    \b
      secd show CTLFile.tlv

    Exit codes: 0 listed and verified, 1 listed, but the signature is wrong, 2 malformed or
    unusable.
    """
    octets = read_file(file)
    try:
        trust_list = decode_trust_list_untrusted(octets)
    except MalformedFile as error:
        raise UnusableInput(f"{file}: not a trust list: {error}") from None
    verified = verifies_itself(trust_list)
    kind = _kind(file, trust_list)
    modified = _modified(file, trust_list)
    for line in show_list(trust_list, kind, modified, verified=verified, form=Form.CUCM_10):
        click.echo(line)
    sys.exit(0 if verified else _UNVERIFIED)


def _kind(file: Path, trust_list: TrustList) -> FileKind:
    """Return the kind by the file's name, else by the name in its header."""
    written = (trust_list.header.file_name or b"").decode("utf-8", "replace")
    for name in (file.name, written):
        try:
            return kind_of_name(name)
        except UnusableInput:
            continue
    raise UnusableInput(f"{file}: neither its name nor its header says whether it is CTL or ITL")


def _modified(file: Path, trust_list: TrustList) -> str:
    stamp = trust_list.header.timestamp
    moment = datetime.fromtimestamp(file.stat().st_mtime if stamp is None else stamp, UTC)
    return moment.strftime("%a %b %d %H:%M:%S UTC %Y")
