"""Whether a configuration or another file is used: rows C1 to C10 of the decision table."""

from dataclasses import replace

from secd.crypto import decrypt_cbc, digest_of, same_octets, unwrap_key
from secd.envelope import Encryption, SignedFile, decode_signed_file_untrusted, looks_signed
from secd.errors import DecryptionFailed, UnsupportedKey
from secd.trust.reasons import Reason
from secd.trust.signers import (
    find_matches,
    judge_voucher,
    refuse_algorithms,
    refuse_by_switches,
    verified_matches,
)
from secd.trust.values import Accept, Context, Evidence, Installed, Refuse, Verdict, Voucher
from secd.trustlist import Function
from secd.words import FileKind, Transport

_SIGNS_FILES = frozenset({int(Function.CCM_TFTP), int(Function.TFTP)})
_BLOCK = 16  # octets of an AES block


def signed_files_required(installed: Installed) -> bool:
    """Row C1: whether file names are asked for with `.sgn`.

    True when an installed list holds a CCM+TFTP or TFTP record with a certificate (security
    guides; the 7911 troubleshooting table names the missing certificate as the cause).
    """
    return any(
        record.function in _SIGNS_FILES and record.certificate
        for trust_list in (installed.ctl, installed.itl)
        if trust_list is not None
        for record in trust_list.records
    )


def decide_plain(installed: Installed, candidate: bytes) -> Verdict:
    """Judge a file that was asked for without `.sgn` (row C6)."""
    if signed_files_required(installed):
        return Refuse(
            Reason.UNSIGNED,
            Evidence("an installed list names a TFTP certificate, so only signed files count"),
        )
    return Accept(Reason.PLAIN_ALLOWED, payload=candidate)


def decide_signed(
    installed: Installed, candidate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> Verdict:
    """Judge a `.sgn` or `.enc.sgn` file (rows C2 to C5, C8, C10).

    Raises MalformedFile, SignatureInvalid, UnsupportedKey or DecryptionFailed, which the outer
    door turns into refusals.
    """
    if not looks_signed(candidate):
        return _decide_unsigned(candidate, context)
    file = decode_signed_file_untrusted(candidate)
    encryption = file.header.encryption
    if (encryption is not None) is not (context.kind is FileKind.ENCRYPTED):
        stands = "is encrypted" if encryption else "is not encrypted"
        return Refuse(Reason.MALFORMED, Evidence(f"the file {stands}, against its name", file))
    if encryption is None:
        return _decide_signer(installed, file, context, vouchers)
    if context.manual_key is not None and not context.model.security_by_default:
        # Row C10: old SIP phones with a key typed in ignore the signature altogether.
        payload = _decrypt(file.body, encryption, context.manual_key)
        return Accept(Reason.MANUAL_KEY, Evidence("", file), payload=payload)
    verdict = _decide_signer(installed, file, context, vouchers)
    if isinstance(verdict, Accept):
        return replace(verdict, payload=_decrypt_for(file.body, encryption, context))
    return verdict


def _decide_unsigned(candidate: bytes, context: Context) -> Verdict:
    if context.channel is Transport.HTTPS and Transport.HTTPS in context.model.transports:
        return Accept(Reason.CHANNEL_AUTHENTICATED, payload=candidate)
    return Refuse(Reason.UNSIGNED, Evidence("the file has no signed envelope"))


def _decide_signer(
    installed: Installed, file: SignedFile, context: Context, vouchers: tuple[Voucher, ...]
) -> Verdict:
    refusal = refuse_algorithms(file, context)
    if refusal is not None:
        return refusal
    kinds = (FileKind.CTL, FileKind.ITL) if context.model.security_by_default else (FileKind.CTL,)
    lists = [(kind, held) for kind in kinds if (held := installed.of(kind)) is not None]
    matches = find_matches(lists, file)
    allowed = [m for m in verified_matches(file, matches) if m.record.function in _SIGNS_FILES]
    if allowed:
        certificate = allowed[0].record.certificate or b""
        reason = Reason.IN_CTL if allowed[0].holder is FileKind.CTL else Reason.IN_ITL
        evidence = Evidence("", file, (allowed[0],))
    else:
        roles = context.model.switches.tvs_sgn_roles
        voucher = judge_voucher(installed, file, matches, context, vouchers, roles)
        if not isinstance(voucher, Voucher):
            return voucher
        certificate, reason = voucher.certificate, Reason.TVS_VOUCHED
        evidence = Evidence("", file, matches, voucher)
    refusal = refuse_by_switches(file, certificate, None, context)
    if refusal is not None:
        return refusal
    return Accept(reason, evidence, payload=file.body)


def _decrypt_for(body: bytes, encryption: Encryption, context: Context) -> bytes:
    if context.device_key is None:
        raise DecryptionFailed("the phone has no key to decrypt with")
    return _decrypt(body, encryption, unwrap_key(context.device_key, encryption.wrapped_key))


def _decrypt(body: bytes, encryption: Encryption, key: bytes) -> bytes:
    """Decrypt and check the digest of the plaintext; one failure for everything (row C8)."""
    plaintext = decrypt_cbc(key, encryption.initialisation_vector, body)
    padding = encryption.plaintext_padding
    plaintext = plaintext[: len(plaintext) - padding] if 1 <= padding <= _BLOCK else plaintext
    try:
        digest = digest_of(plaintext, encryption.plaintext_digest_number)
    except UnsupportedKey:
        raise DecryptionFailed("the file cannot be decrypted") from None
    if not same_octets(digest, encryption.plaintext_digest):
        raise DecryptionFailed("the file cannot be decrypted")
    return plaintext
