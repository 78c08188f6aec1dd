"""Finding a signer among records and checking that its key made the signature.

The header's issuer and serial are compared with the records' as octets. A record without a
certificate authorizes nobody. All records that match are considered, since one certificate may
stand in two with different functions; the signature is checked once per certificate.
"""

from collections.abc import Iterable

from secd.certs import facts_of_untrusted, rsa_key_of_untrusted
from secd.crypto import MODULUS_BITS, Digest, verify_rsa
from secd.envelope import SignedFile
from secd.errors import MalformedFile, SignatureInvalid, UnsupportedKey
from secd.trust.reasons import Reason
from secd.trust.values import (
    Context,
    Evidence,
    Installed,
    Match,
    NeedsTVS,
    Refuse,
    Voucher,
    VoucherOutcome,
)
from secd.trustlist import Function, TrustList
from secd.words import FileKind

_RSA_PKCS1 = 0  # header tag 10; no other signature algorithm is defined


def find_matches(
    lists: Iterable[tuple[FileKind, TrustList]], file: SignedFile
) -> tuple[Match, ...]:
    """Return the records that carry the signer's issuer and serial, and a certificate."""
    signer = file.header.signer
    return tuple(
        Match(holder, number, record)
        for holder, trust_list in lists
        for number, record in enumerate(trust_list.records, start=1)
        if record.serial == signer.serial and record.issuer == signer.issuer and record.certificate
    )


def verified_matches(file: SignedFile, matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Return those matches whose certificate's key made the file's signature.

    Raises SignatureInvalid when a usable key was tried and none fits, UnsupportedKey when no
    key was usable. An empty result stands for no matches at all.
    """
    verdicts: dict[bytes, UnsupportedKey | SignatureInvalid | None] = {}
    for match in matches:
        certificate = match.record.certificate or b""
        if certificate not in verdicts:
            verdicts[certificate] = _try(file, certificate)
    good = tuple(m for m in matches if verdicts[m.record.certificate or b""] is None)
    if matches and not good:
        failures = [verdict for verdict in verdicts.values() if verdict is not None]
        raise next((f for f in failures if isinstance(f, SignatureInvalid)), failures[0])
    return good


def verifies_itself(trust_list: TrustList) -> bool:
    """Tell whether a list is signed by the key of one of its own records.

    That is what CUCM's `show ctl` checks. It is no decision to trust: a stranger's list verifies
    by itself too.
    """
    own = find_matches(((FileKind.CTL, trust_list),), trust_list.file)
    try:
        return bool(verified_matches(trust_list.file, own))
    except (SignatureInvalid, UnsupportedKey):
        return False


def check_signature(file: SignedFile, certificate: bytes) -> None:
    """Check that the key in a DER certificate made the file's signature.

    Raises SignatureInvalid or UnsupportedKey.
    """
    header = file.header
    key = rsa_key_of_untrusted(certificate)
    verify_rsa(key, header.signature, file.signed_octets, header.digest)


def refuse_algorithms(file: SignedFile, context: Context) -> Refuse | None:
    """Return the refusal of a digest or key that the load does not know (row L20)."""
    header = file.header
    if header.digest not in context.model.digests:
        known = ", ".join(_digest_name(number) for number in sorted(context.model.digests))
        return Refuse(
            Reason.DIGEST_UNSUPPORTED,
            Evidence(
                f"the file is signed with {_digest_name(header.digest)}; the load verifies {known}",
                file,
            ),
        )
    if header.signature_algorithm != _RSA_PKCS1:
        detail = f"signature algorithm {header.signature_algorithm} is not RSA"
        return Refuse(Reason.KEY_UNSUPPORTED, Evidence(detail, file))
    bits = MODULUS_BITS.get(header.modulus_code)
    if bits not in context.model.modulus_bits:
        size = f"{bits} bits" if bits else f"code {header.modulus_code}"
        detail = f"the load does not verify signatures of modulus size {size}"
        return Refuse(Reason.KEY_UNSUPPORTED, Evidence(detail, file))
    return None


def refuse_by_switches(
    file: SignedFile, certificate: bytes, installed: TrustList | None, context: Context
) -> Refuse | None:
    """Return the refusal by one of the three checks that no source says phones make (row L22)."""
    switches = context.model.switches
    if switches.check_dates:
        try:
            until = facts_of_untrusted(certificate).not_after_seconds
        except MalformedFile as error:
            return Refuse(Reason.KEY_UNSUPPORTED, Evidence(error.check, file))
        if context.now_seconds > until:
            return Refuse(
                Reason.SIGNER_EXPIRED, Evidence("the signer's certificate has expired", file)
            )
    if switches.check_timestamp and _signed_before(file, installed):
        return Refuse(
            Reason.OLDER_THAN_INSTALLED,
            Evidence("the file was signed before the installed one", file),
        )
    if switches.check_sgn_name and not context.kind.is_list:
        written = (file.header.file_name or b"").decode("utf-8", "backslashreplace")
        if written != context.requested_name:
            detail = f"the header names {written!r}, asked for was {context.requested_name!r}"
            return Refuse(Reason.NAME_MISMATCH, Evidence(detail, file))
    return None


def judge_voucher(
    installed: Installed,
    file: SignedFile,
    matches: tuple[Match, ...],
    context: Context,
    vouchers: tuple[Voucher, ...],
    functions: frozenset[int],
) -> Voucher | Refuse | NeedsTVS:
    """Let TVS decide about a signer that no list allows (rows L5, L6, C3).

    Returns the voucher that makes the file trusted, its signature already checked, or the
    decision. Raises SignatureInvalid or UnsupportedKey for the vouched certificate.
    """
    evidence = Evidence("", file, matches)
    blocked = tvs_is_out(installed, context)
    if blocked is not None:
        return Refuse(blocked[0], Evidence(blocked[1], file, matches))
    signer = file.header.signer
    voucher = current_voucher(vouchers, signer.issuer, signer.serial, context.now_seconds)
    if voucher is None:
        return NeedsTVS(Reason.SIGNER_UNKNOWN, evidence)
    refused = refuse_voucher(voucher, functions)
    if refused is not None:
        return Refuse(refused[0], Evidence(refused[1], file, matches, voucher))
    check_signature(file, voucher.certificate)
    return voucher


def tvs_is_out(installed: Installed, context: Context) -> tuple[Reason, str] | None:
    """Say why this phone cannot ask TVS at all, or None when it can."""
    if not context.model.security_by_default:
        return Reason.SIGNER_UNKNOWN, f"a {context.model.name} has no TVS to ask"
    if installed.itl is None:
        return Reason.TVS_NO_ANCHOR, "the phone holds no ITL, so it knows no TVS"
    records = installed.itl.records
    if not any(record.function == Function.TVS and record.certificate for record in records):
        return Reason.TVS_NO_ANCHOR, "the installed ITL holds no TVS certificate"
    if not context.tvs_servers:
        return Reason.TVS_NO_ANCHOR, "the stored configuration names no TVS server"
    return None


def current_voucher(
    vouchers: tuple[Voucher, ...], issuer: bytes, serial: bytes, now_seconds: float
) -> Voucher | None:
    """Return the voucher for this question that is still valid; failures never expire here."""
    for voucher in vouchers:
        if voucher.issuer == issuer and voucher.serial == serial:
            if voucher.outcome is not VoucherOutcome.VOUCHED:
                return voucher
            if now_seconds <= voucher.until_seconds:
                return voucher
    return None


def refuse_voucher(voucher: Voucher, functions: frozenset[int]) -> tuple[Reason, str] | None:
    """Say why a voucher does not help, or None when it does."""
    if voucher.outcome is VoucherOutcome.UNREACHABLE:
        return Reason.TVS_UNREACHABLE, "no TVS server of the stored configuration could be asked"
    if voucher.outcome is VoucherOutcome.DENIED:
        return Reason.TVS_DENIED, "TVS does not know the certificate"
    if not voucher.functions & functions:
        wanted = ", ".join(str(number) for number in sorted(functions))
        given = ", ".join(str(number) for number in sorted(voucher.functions)) or "none"
        return Reason.TVS_ROLE_MISSING, f"TVS gives functions {given}, needed is one of {wanted}"
    return None


def _try(file: SignedFile, certificate: bytes) -> UnsupportedKey | SignatureInvalid | None:
    try:
        check_signature(file, certificate)
    except (UnsupportedKey, SignatureInvalid) as failure:
        return failure
    return None


def _signed_before(file: SignedFile, installed: TrustList | None) -> bool:
    if installed is None:
        return False
    return (file.header.timestamp or 0) < (installed.header.timestamp or 0)


def _digest_name(number: int) -> str:
    names = {int(digest): digest.name for digest in Digest}
    return names.get(number, f"digest {number}")
