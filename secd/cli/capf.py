"""`secd capf`: what any CAPF server has scheduled for a phone; `secd capf decode` beside it."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secd.boot import Identities
from secd.boot.enrolling import applicant_for
from secd.capf import Applicant, CAPFEnded, Message
from secd.capf.transcript import Speaker
from secd.cli.addresses import parse_server
from secd.cli.capf_decode import decode, message_as_json, message_as_text
from secd.cli.capf_outcome import DONE, Outcome, exit_code_of, reported, unreachable
from secd.cli.inputs import (
    Folder,
    parse_device,
    read_authentication_string,
    read_certificate,
    read_file,
)
from secd.cli.wording import wrapped
from secd.configuration import CAPFMode
from secd.errors import UnusableInput
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.identity import (
    LSC_FILE,
    MIC_FILE,
    LSCFile,
    load_from_flash,
    load_identity_untrusted,
)
from secd.trace import TraceEvent
from secd.trust import decide_pinned

if TYPE_CHECKING:
    from secd.net.capf import OnMessage

_PORT = 3804
_MODEL = "8861"  # offers every TLS that a CAPF server may speak, from 1.0 on
_MODES = {
    "lsc": CAPFMode.EXISTING_CERTIFICATE_LSC,
    "mic": CAPFMode.EXISTING_CERTIFICATE_MIC,
}


class _ServerOrDecode(click.Command):
    """A command whose first argument may be the word `decode`: then it is the other command."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """Make the context of this command or of `decode`."""
        if args[:1] == ["decode"]:
            return decode.make_context(f"{info_name} decode", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_ServerOrDecode)
@click.argument("server", metavar="HOST[:PORT]")
@click.argument("device")
@click.option(
    "--capf-certificate",
    required=True,
    type=click.Path(path_type=Path),
    help="The server's own certificate (PEM or DER), as CTL or ITL hold it.",
)
@click.option(
    "--state",
    required=True,
    type=Folder(),
    metavar="DIR",
    help="Where the LSC is kept (lsc.pem, with its key); made if it is not there.",
)
@click.option(
    "--mic",
    type=click.Path(path_type=Path),
    help="The phone's MIC and its key, in one PEM file; else mic.pem in DIR, if there.",
)
@click.option("--string-prompt", is_flag=True, help="Ask for the authentication string, hidden.")
@click.option(
    "--prove",
    type=click.Choice(tuple(_MODES)),
    help="Show a certificate: the LSC, or the MIC if there is none; or the MIC before the LSC.",
)
@click.option("--trace", is_flag=True, help="Print the messages as they pass.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text, one object a line.")
def capf(
    server: str,
    device: str,
    capf_certificate: Path,
    state: Path,
    mic: Path | None,
    string_prompt: bool,
    prove: str | None,
    trace: bool,
    as_json: bool,
) -> None:
    """Do what a CAPF server has scheduled for a phone.

    Install/Upgrade puts the new LSC in DIR once the server has confirmed it; Delete erases it;
    Troubleshoot shows the certificates. The server is known by its exact certificate; another one
    is refused inside the handshake.

    The server knows how the phone is to prove itself, and does not say: By Null String needs no
    option, By Authentication String needs --string-prompt (from a pipe, its first line), By
    Existing Certificate needs --prove.

    \b
      secd capf 10.1.1.5 SEP0011215A1AE3 --capf-certificate CAPF.pem --state phone1
      secd capf decode CONVERSATION.hex     (see secd capf decode --help)

    Exit codes: 0 done, or nothing scheduled, 1 refused by the server or by the phone, 2 unusable
    input, 3 unreachable, or the server did not come to an end (nothing has changed).
    """
    import trio

    from secd.net.capf import CAPFFailed

    host, port = parse_server(server, _PORT)
    name, pinned = parse_device(device), read_certificate(capf_certificate)
    given = None if mic is None else load_identity_untrusted(read_file(mic), str(mic))
    if string_prompt and prove:
        raise UnusableInput("--string-prompt and --prove are two ways to prove one thing")
    string = read_authentication_string(name) if string_prompt else ""
    with DirectoryFlash(state) as flash:
        lsc_file = LSCFile(flash)
        held = Identities(lsc_file.load(), given or load_from_flash(flash, MIC_FILE))
        applicant = _applicant(name, held, prove, string, state)
        say = _say_json if as_json else _say_text
        client = partial(_converse, host, port, applicant, lsc_file, pinned)
        try:
            ended = trio.run(client, say if trace else _say_nothing)
        except CAPFFailed as error:
            outcome = unreachable(str(error))
        else:
            outcome = _settle(ended, applicant, lsc_file, state)
    code = exit_code_of(outcome.outcome)
    text = outcome.text if code == DONE else "\n".join(wrapped(outcome.text))
    click.echo(json.dumps(outcome.as_json()) if as_json else text)
    sys.exit(code)


def _applicant(
    name: str, held: Identities, prove: str | None, string: str, state: Path
) -> Applicant:
    mode = CAPFMode.NULL_STRING if prove is None else _MODES[prove]
    applicant = applicant_for(name, held, mode, string)
    if applicant is None:
        raise UnusableInput(
            f"--prove {prove}: {state} holds neither {LSC_FILE} nor {MIC_FILE}, and there is "
            "no --mic"
        )
    return applicant


def _settle(ended: CAPFEnded, applicant: Applicant, lsc_file: LSCFile, state: Path) -> Outcome:
    """Do to the flash what the server has confirmed, and say what came of it."""
    if ended.install is not None:
        lsc_file.commit()
    if ended.erase:
        lsc_file.erase()
    return reported(ended, applicant, state / LSC_FILE)


async def _converse(
    host: str, port: int, applicant: Applicant, lsc_file: LSCFile, pinned: bytes, say: "OnMessage"
) -> CAPFEnded:
    from secd.net.capf import CAPFClient
    from secd.net.kernel import KernelNetwork
    from secd.net.keys import FreshKeys
    from secd.net.network import AddressBook

    client = CAPFClient(
        KernelNetwork(),
        AddressBook(),
        model_catalogue().find(_MODEL).tls,
        partial(decide_pinned, pinned=pinned),
        FreshKeys(),
        lsc_file,
        _ignore,
        say,
    )
    return await client.converse(host, port, applicant)


def _ignore(_: TraceEvent) -> None:
    """The messages and the outcome say it all."""


def _say_nothing(_: Message, __: bool) -> None:
    """Nobody wants to see the messages."""


def _say_text(message: Message, by_phone: bool) -> None:
    for line in message_as_text(message, Speaker.PHONE if by_phone else Speaker.SERVER):
        click.echo(line)


def _say_json(message: Message, by_phone: bool) -> None:
    speaker = Speaker.PHONE if by_phone else Speaker.SERVER
    click.echo(json.dumps({"message": message_as_json(message, speaker)}))
