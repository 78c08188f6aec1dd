"""`secd verify`: one decision, as a phone of some model would make it, with its reason."""

import json
import sys
import time
from pathlib import Path

import click

from secd.cli.inputs import kind_of_name, read_file, read_firmware_key, read_trust_list
from secd.cli.wording import (
    a_model,
    common_name,
    component_lines,
    components_of,
    explanation,
    function_text,
    holdings,
    serial_text,
)
from secd.files.data import model_catalogue
from secd.trust import (
    Accept,
    Context,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Unchanged,
    Verdict,
    decide,
)
from secd.words import FileKind

_ACCEPTED, _REFUSED, _MALFORMED, _UNDECIDED = 0, 1, 2, 4
_DEFAULT_MODEL = "8861"  # knows every digest and transport that any model knows
# The stored configuration is not at hand: that it names a TVS server is what most do.
_SOME_TVS = ("the TVS servers of the stored configuration",)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--ctl", type=click.Path(path_type=Path), help="The CTL file the phone holds.")
@click.option("--itl", type=click.Path(path_type=Path), help="The ITL file the phone holds.")
@click.option("--model", default=_DEFAULT_MODEL, show_default=True, help="Phone model.")
@click.option("--name", help="The name the phone asks for; the file's own if not given.")
@click.option("--tftp-address", default="", help="Address of the TFTP server (7940 and 7960).")
@click.option(
    "--firmware-key",
    type=click.Path(path_type=Path),
    help="FILE is firmware, signed with this key: certificate or public key, PEM or DER.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def verify(
    file: Path,
    ctl: Path | None,
    itl: Path | None,
    model: str,
    name: str | None,
    tftp_address: str,
    firmware_key: Path | None,
    as_json: bool,
) -> None:
    """Would a phone trust this file?

    Without --ctl and --itl it is the phone's first list, checked against itself. Firmware (.loads,
    .sbn, .sb2) is signed with a key of Cisco's that is not public: it is only read, unless you
    have the key.

    \b
      secd verify CTLFile.tlv --ctl old/CTLFile.tlv --itl old/ITLFile.tlv
      secd verify SEP0011215A1AE3.cnf.xml.sgn --itl ITLFile.tlv --model 7965
      secd verify SCCP41.9-3-1SR4-1S.loads --firmware-key key.pem --model 7961

    Exit codes: 0 accepted or unchanged, 1 refused, 2 malformed or unusable, 4 undecided: the
    phone would ask TVS, only the phone's own key can open the file, or the key of firmware is
    not there.
    """
    requested = name or file.name
    candidate = read_file(file)
    key = read_firmware_key(firmware_key)
    installed = Installed(read_trust_list(ctl, FileKind.CTL), read_trust_list(itl, FileKind.ITL))
    context = Context(
        model_catalogue().find(model),
        FileKind.FIRMWARE if key is not None else kind_of_name(requested),
        time.time(),
        requested_name=requested,
        server_address=tftp_address,
        tvs_servers=_SOME_TVS,
        firmware_key=key,
    )
    verdict = decide(installed, candidate, context)
    if as_json:
        click.echo(json.dumps(_as_json(verdict, context), indent=2))
    else:
        for line in _as_text(file, verdict, context, installed):
            click.echo(line)
    sys.exit(_exit_code(verdict))


def _exit_code(verdict: Verdict) -> int:
    match verdict:
        case Accept() | Unchanged():
            return _ACCEPTED
        case NeedsTVS():
            return _UNDECIDED
        case Refuse(reason=Reason.DECRYPT_FAILED | Reason.FIRMWARE_KEY_UNKNOWN):
            return _UNDECIDED
        case Refuse(reason=Reason.MALFORMED):
            return _MALFORMED
        case Refuse():
            return _REFUSED


def _word(verdict: Verdict) -> str:
    match verdict:
        case Accept():
            return "accepted"
        case Unchanged():
            return "unchanged"
        case NeedsTVS() | Refuse(reason=Reason.DECRYPT_FAILED | Reason.FIRMWARE_KEY_UNKNOWN):
            return "undecided"
        case Refuse():
            return "refused"


def _as_text(file: Path, verdict: Verdict, context: Context, installed: Installed) -> list[str]:
    phone = f"{a_model(context.model.name)} ({context.model.load})"
    lines = [f"{file}: {_word(verdict).upper()} by {phone}: {verdict.reason}"]
    evidence = verdict.evidence
    if evidence.detail:
        lines.append(f"  {evidence.detail}")
    if evidence.file is not None:
        signer = evidence.file.header.signer
        lines.append(f"  signed by   {serial_text(signer.serial):<32}  {common_name(signer.name)}")
    lines += [
        f"  matches     {match.holder} record {match.number}, "
        f"{function_text(match.record.function)}"
        for match in evidence.matches
    ]
    if verdict.reason is Reason.DECRYPT_FAILED:
        # This command has no phone's key: the signature is all that it can judge.
        return [*lines, "  the signer is trusted; the rest is encrypted to the phone"]
    if context.kind is FileKind.FIRMWARE:
        # The lists on the phone have no say in it.
        named = component_lines(context.requested_name, verdict)
        return [*lines, *named, *(f"  {line}" for line in explanation(verdict.reason))]
    if not isinstance(verdict, Accept | Unchanged):
        lines += ["  the phone holds", *(f"    {line}" for line in holdings(installed))]
    return lines + [f"  {line}" for line in explanation(verdict.reason)]


def _as_json(verdict: Verdict, context: Context) -> dict[str, object]:
    file = verdict.evidence.file
    signer = None if file is None else file.header.signer
    return {
        "decision": _word(verdict),
        "reason": verdict.reason.value,
        "detail": verdict.evidence.detail,
        "kind": context.kind.value,
        "model": context.model.name,
        "load": context.model.load,
        "is_list": context.kind in (FileKind.CTL, FileKind.ITL),
        "components": [c.name for c in components_of(context.requested_name, verdict)],
        "signer": None
        if signer is None
        else {
            "common_name": common_name(signer.name),
            "serial": serial_text(signer.serial),
            "issuer": common_name(signer.issuer),
        },
        "matches": [
            {
                "list": match.holder.value,
                "record": match.number,
                "function": match.record.function,
            }
            for match in verdict.evidence.matches
        ],
    }
