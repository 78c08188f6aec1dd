"""Certificates as trust lists speak of them: names in CUCM's and certutils' spelling, serials.

A trust list never compares certificates by chain: it compares octets. So this module only reads
what lists, listings and messages need, and reads *every* such field inside one door, because the
library parses names lazily and would otherwise fail later, far from the cause.
"""

import hashlib
import warnings
from dataclasses import dataclass
from typing import ClassVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509.oid import NameOID

from secd.errors import MalformedFile, UnsupportedKey

# CUCM writes the components of a name in this order whatever the certificate's own order is
# (trust-list format section 2, read off genuine listings).
_CUCM_ORDER = (
    ("CN", NameOID.COMMON_NAME),
    ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("O", NameOID.ORGANIZATION_NAME),
    ("L", NameOID.LOCALITY_NAME),
    ("ST", NameOID.STATE_OR_PROVINCE_NAME),
    ("C", NameOID.COUNTRY_NAME),
)
_SHORT_NAMES = {oid: short for short, oid in _CUCM_ORDER}
_OPENSSL_NAMES = _SHORT_NAMES | {
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.DOMAIN_COMPONENT: "DC",
}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says, every field already read.

    subject, issuer -- names as CUCM writes them in trust lists, without the NUL.
    serial -- minimal unsigned big-endian octets.
    public_key -- record tag 7: PKCS#1 RSAPublicKey DER, or the uncompressed point of an EC key.
    signature -- record tag 8: the certificate's signature octets.
    not_before_seconds, not_after_seconds -- validity, Unix time.
    """

    der: bytes
    subject: str
    issuer: str
    common_name: str
    serial: bytes
    public_key: bytes
    signature: bytes
    not_before_seconds: float
    not_after_seconds: float

    @property
    def sha1(self) -> bytes:
        """The fingerprint that `show ctl` prints, 20 octets."""
        return hashlib.sha1(self.der, usedforsecurity=False).digest()


def load_certificate_untrusted(der: bytes) -> x509.Certificate:
    """Load one DER certificate.

    Raises MalformedFile for whatever the library dislikes about it (x509.InvalidVersion is not
    a ValueError, hence the list).
    """
    try:
        with _Quiet():
            return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as reason:
        raise MalformedFile(f"the certificate cannot be read: {_first_line(reason)}") from None


def pem_to_der_untrusted(pem: bytes) -> bytes:
    """Return the first certificate of a PEM file as DER. Raises MalformedFile."""
    try:
        with _Quiet():
            return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as reason:
        raise MalformedFile(f"the certificate cannot be read: {_first_line(reason)}") from None


def rsa_key_of_untrusted(der: bytes) -> rsa.RSAPublicKey:
    """Return the RSA public key inside a DER certificate.

    Raises UnsupportedKey when the certificate is unreadable or its key is of another kind:
    either way nothing can be verified with it.
    """
    try:
        with _Quiet():
            key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as reason:
        raise UnsupportedKey(
            f"the signer's certificate cannot be read: {_first_line(reason)}"
        ) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnsupportedKey("the signer's key is not RSA; no other signing is defined")
    return key


def pem_to_rsa_key_untrusted(pem: bytes) -> rsa.RSAPublicKey:
    """Return the RSA key of a PEM file that holds a public key. Raises MalformedFile."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as reason:
        raise MalformedFile(f"the public key cannot be read: {_first_line(reason)}") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise MalformedFile("the public key is not RSA")
    return key


def facts_of_untrusted(der: bytes) -> CertificateFacts:
    """Read every field that lists, listings and messages use.

    Raises MalformedFile when any of them cannot be read.
    """
    certificate = load_certificate_untrusted(der)
    try:
        with _Quiet():
            return CertificateFacts(
                der=der,
                subject=cucm_name(certificate.subject),
                issuer=cucm_name(certificate.issuer),
                common_name=_common_name(certificate.subject),
                serial=serial_octets(certificate.serial_number),
                public_key=_record_key(certificate.public_key()),
                signature=certificate.signature,
                not_before_seconds=certificate.not_valid_before_utc.timestamp(),
                not_after_seconds=certificate.not_valid_after_utc.timestamp(),
            )
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm) as reason:
        raise MalformedFile(f"the certificate cannot be read: {_first_line(reason)}") from None


def serial_octets(number: int) -> bytes:
    """Return a serial as lists write it: minimal unsigned big endian, no DER sign octet.

    Negative numbers (which real certificates have) are written as two's complement.
    """
    if number < 0:
        return number.to_bytes((8 + (number + 1).bit_length()) // 8, "big", signed=True)
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def cucm_name(name: x509.Name) -> str:
    """Return a name as CUCM writes it: `CN=…;OU=…;O=…;L=…;ST=…;C=…`, absent parts left out."""
    parts = [
        f"{short}={attribute.value!s}"
        for short, oid in _CUCM_ORDER
        for attribute in name.get_attributes_for_oid(oid)
    ]
    return ";".join(parts)


def certutils_name(name: x509.Name) -> str:
    """Return a name as certutils writes it: joined by commas, in the certificate's own order."""
    return ",".join(
        f"{_SHORT_NAMES.get(attribute.oid, attribute.rfc4514_attribute_name)}={attribute.value!s}"
        for attribute in name
    )


def openssl_names_untrusted(der: bytes) -> tuple[str, str]:
    """Return subject and issuer of a certificate as OpenSSL 1.0 prints them: `/C=…/O=…/CN=…`.

    The parts stand in the certificate's own order; octets that are no printable ASCII become
    `\\xHH`, kinds of parts without a short name here become numbers. Source: X509_NAME_oneline;
    Cisco 213407 shows it in a phone's log. Raises MalformedFile.
    """
    certificate = load_certificate_untrusted(der)
    try:
        with _Quiet():
            return _openssl_name(certificate.subject), _openssl_name(certificate.issuer)
    except (ValueError, TypeError) as reason:
        raise MalformedFile(f"the certificate cannot be read: {_first_line(reason)}") from None


def _openssl_name(name: x509.Name) -> str:
    return "".join(
        f"/{_OPENSSL_NAMES.get(part.oid, part.oid.dotted_string)}={_ascii(part.value)}"
        for part in name
    )


def _ascii(value: str | bytes) -> str:
    octets = value if isinstance(value, bytes) else value.encode()
    return "".join(chr(o) if 0x20 <= o <= 0x7E else f"\\x{o:02X}" for o in octets)


def _common_name(name: x509.Name) -> str:
    return next((str(part.value) for part in name.get_attributes_for_oid(NameOID.COMMON_NAME)), "")


def _record_key(key: object) -> bytes:
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    raise ValueError("the key is neither RSA nor EC")


class _Quiet:
    """Keep the library from warning.

    It warns of serials that are zero or negative and of countries that are no two letters: old
    phones' daily bread, and what strangers write must not appear on our standard error.
    This is `warnings.catch_warnings` without its copying, which was 3 µs of every decision.
    """

    __slots__ = ("_filters",)
    _SILENCE: ClassVar = [("ignore", None, Warning, None, 0)]

    def __enter__(self) -> None:
        self._filters = warnings.filters
        warnings.filters = self._SILENCE

    def __exit__(self, *_: object) -> None:
        warnings.filters = self._filters


def _first_line(reason: Exception) -> str:
    return (str(reason).splitlines() or [type(reason).__name__])[0]
