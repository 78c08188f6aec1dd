"""The one door through which files become trusted.

`decide` is computable without network, clock or disk: a table of cases, a fuzzer, a rehearsal of
ten thousand phones and the daemon on a board all ask this same function. Malformed octets and bad
signatures, which raise in the codecs and in `secd.crypto`, become refusals here and nowhere else.

Order: the server's address, the empty file, the identical file, then `secd.trust.lists`,
`secd.trust.files` or `secd.trust.firmware`.
"""

from dataclasses import replace

from secd.envelope import SignedFile, decode_signed_file_untrusted, looks_signed
from secd.errors import DecryptionFailed, MalformedFile, SignatureInvalid, UnsupportedKey
from secd.models import Absent
from secd.trust.files import decide_plain, decide_signed
from secd.trust.firmware import decide_firmware
from secd.trust.lists import decide_list
from secd.trust.reasons import Reason
from secd.trust.servers import decide_server
from secd.trust.values import (
    Accept,
    Context,
    Evidence,
    Installed,
    Refuse,
    Unchanged,
    Verdict,
    Voucher,
)
from secd.words import FileKind


def decide(
    installed: Installed,
    candidate: bytes,
    context: Context,
    vouchers: tuple[Voucher, ...] = (),
) -> Verdict:
    """Judge the octets of one file against what the phone holds.

    vouchers -- what TVS has said so far, cached or just asked. Never raises for whatever the
    candidate holds.
    """
    refused = _refuse_server(installed, context)
    if refused is not None:
        return refused
    try:
        return _decide_octets(installed, candidate, context, vouchers)
    except MalformedFile as error:
        return Refuse(Reason.MALFORMED, Evidence(str(error), _envelope(candidate)))
    except SignatureInvalid as error:
        return Refuse(Reason.SIGNATURE_INVALID, Evidence(str(error), _envelope(candidate)))
    except UnsupportedKey as error:
        return Refuse(Reason.KEY_UNSUPPORTED, Evidence(str(error), _envelope(candidate)))
    except DecryptionFailed as error:
        return Refuse(Reason.DECRYPT_FAILED, Evidence(str(error), _envelope(candidate)))


def decide_absent(installed: Installed, reason: Reason, context: Context) -> Accept | Unchanged:
    """Judge a file that did not come: EMPTY_FILE, FILE_NOT_FOUND or TRANSFER_FAILED.

    The installed list stays (rows L15 to L18): an unsigned answer must not remove trust. By the
    switches an empty or missing list erases it instead: an Accept without a list. A missing
    configuration (rows C7, C9) never does, nor what a server says that counts for nothing (S2).
    """
    if not context.kind.is_list or _refuse_server(installed, context) is not None:
        return Unchanged(reason)
    switches = context.model.switches
    erases = {Reason.EMPTY_FILE: switches.zero_length, Reason.FILE_NOT_FOUND: switches.not_found}
    held = installed.of(context.kind)
    if erases.get(reason) is Absent.ERASE and held is not None:
        return Accept(reason)
    return Unchanged(reason)


def _refuse_server(installed: Installed, context: Context) -> Refuse | None:
    if not context.server_address:
        return None
    server = decide_server(installed, context.server_address, context)
    return server if isinstance(server, Refuse) else None


def _decide_octets(
    installed: Installed, candidate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> Verdict:
    if not context.kind.is_list:
        if context.kind is FileKind.PLAIN:
            return decide_plain(installed, candidate)
        if context.kind is FileKind.FIRMWARE:
            return decide_firmware(candidate, context.firmware_key)
        return decide_signed(installed, candidate, context, vouchers)
    if context.kind is FileKind.ITL and not context.model.security_by_default:
        detail = f"a {context.model.name} has no ITL"
        return Refuse(Reason.LIST_NOT_USED, Evidence(detail))
    if not candidate:
        return decide_absent(installed, Reason.EMPTY_FILE, context)
    held = installed.of(context.kind)
    shortcut = context.model.switches.identical_shortcut
    if shortcut and held is not None and held.octets == candidate:
        return Unchanged(Reason.IDENTICAL, Evidence("", held.file))
    return decide_list(installed, candidate, context, vouchers)


def _envelope(candidate: bytes) -> SignedFile | None:
    """Return the candidate's envelope for the evidence, where it can be read at all."""
    if not looks_signed(candidate):
        return None
    try:
        return decode_signed_file_untrusted(candidate)
    except MalformedFile:
        return None


def installed_after(installed: Installed, accepted: Accept, kind: FileKind) -> Installed:
    """Return what the phone holds once an accepted file is written (or a list erased)."""
    match kind:
        case FileKind.CTL:
            return replace(installed, ctl=accepted.trust_list)
        case FileKind.ITL:
            return replace(installed, itl=accepted.trust_list)
        case _:
            return installed
