"""Whether a phone may have what is scheduled for it: pure, from its claim and its record.

What counts (CUCM security guide; how a proof is made: `secd.capf.proof`):

    null string     the device name alone
    string          the authentication string, compared in constant time
    LSC, MIC        a certificate for this device, in its dates, from CAPF or from a manufacturer,
                    and both signatures by its key. Which of the two a phone shows depends on what
                    it has, which the server cannot know: either is taken.
    SUDI data       where it comes: likewise, bound to this session

The dates of the authorities themselves do not count: a lab's cluster is as old as its story.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from firmware_sim.capf.certificates import PhoneFacts
from firmware_sim.capf.records import CAPFRecord
from secd.capf import Claim, Reason, verify_data, verify_sudi
from secd.certs import facts_of_untrusted, load_certificate_untrusted
from secd.configuration import CAPFMode
from secd.crypto import same_octets
from secd.errors import MalformedFile, SecdError, SignatureInvalid, UnsupportedKey

# What the library raises for extensions that it does not like; it reads them when asked for.
_UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_CERTIFICATE_MODES = (CAPFMode.EXISTING_CERTIFICATE_LSC, CAPFMode.EXISTING_CERTIFICATE_MIC)


class CAPFDenied(SecdError):  # noqa: N818 - the name is the finding
    """A phone does not get what it came for.

    reason -- of END_SESSION. wrong_string -- whether this counts as an attempt.
    """

    def __init__(self, text: str, reason: int = Reason.INVALID, wrong_string: bool = False) -> None:
        self.reason = reason
        self.wrong_string = wrong_string
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a claim is judged by.

    phone -- who the device is. authorities -- certificates (DER) of CAPF and manufacturers.
    """

    phone: PhoneFacts
    session_id: int
    authorities: Sequence[bytes]
    now_seconds: float


def judge_claim(record: CAPFRecord, claim: Claim, inquiry: Inquiry) -> None:
    """Check everything that a phone says of itself. Raises CAPFDenied."""
    if not record.is_pending(inquiry.now_seconds):
        expired = record.has_expired(inquiry.now_seconds)
        raise CAPFDenied(
            "the operation has expired" if expired else "no operation is pending",
            Reason.NO_ACTION,
        )
    if record.authentication is CAPFMode.AUTHENTICATION_STRING:
        _judge_string(record, claim)
    if record.authentication in _CERTIFICATE_MODES:
        _judge_certificate(claim, inquiry)
    if claim.sudi is not None:
        _judge_subject_and_issuer(claim.sudi.certificate, "the SUDI certificate", inquiry)
        try:
            verify_sudi(inquiry.session_id, claim.sudi)
        except (SignatureInvalid, MalformedFile, UnsupportedKey) as error:
            raise CAPFDenied(f"the SUDI data is wrong: {error}") from None


def _judge_string(record: CAPFRecord, claim: Claim) -> None:
    if not record.string:
        raise CAPFDenied("no authentication string is set")
    if not same_octets(record.string.encode(), claim.string):
        raise CAPFDenied("the authentication string is wrong", wrong_string=True)


def _judge_certificate(claim: Claim, inquiry: Inquiry) -> None:
    if claim.certificate is None:
        raise CAPFDenied("the phone shows no certificate")
    if claim.signed is None:
        raise CAPFDenied("the phone does not prove that the certificate is its own")
    _judge_subject_and_issuer(claim.certificate, "the certificate", inquiry)
    try:
        verify_data(claim.device_name, claim.certificate, claim.signed)
    except (SignatureInvalid, MalformedFile, UnsupportedKey) as error:
        raise CAPFDenied(f"the proof is wrong: {error}") from None


def _judge_subject_and_issuer(der: bytes, what: str, inquiry: Inquiry) -> None:
    phone = inquiry.phone
    try:
        facts = facts_of_untrusted(der)
        certificate = load_certificate_untrusted(der)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        is_for_signing = _is_for_signing(certificate)
    except (MalformedFile, *_UNREADABLE) as error:
        raise CAPFDenied(f"{what} cannot be read: {error}") from None
    if len(names) != 1 or not phone.is_called(facts.common_name):
        raise CAPFDenied(f"{what} is not that of {phone.common_name}: {facts.subject}")
    if not facts.not_before_seconds <= inquiry.now_seconds <= facts.not_after_seconds:
        raise CAPFDenied(f"{what} is not valid now")
    if not is_for_signing:
        raise CAPFDenied(f"{what} is not one for signing, or an authority's")
    if not any(_issued(authority, certificate) for authority in inquiry.authorities):
        raise CAPFDenied(f"{what} was issued by nobody that is trusted here: {facts.issuer}")


def _is_for_signing(certificate: x509.Certificate) -> bool:
    """Tell whether key usage, where there is one, allows signing, and it is no authority's."""
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            return False
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return False
    return True


def _issued(authority: bytes, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(load_certificate_untrusted(authority))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
