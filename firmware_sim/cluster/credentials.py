"""Certificates with their keys, as CUCM makes them and as trust lists write them.

A `ListedCertificate` is what a list says about a certificate. Usually the two agree
(`listed_certificate`); for tokens they do not (see `tokens`), and tests put in filler of exact
lengths. A `Credential` has the private key too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmware_sim.cluster.keys import KeySource
from secd.certs import facts_of_untrusted
from secd.crypto import sign_rsa

VALIDITY = timedelta(days=5 * 365)  # CUCM's self-signed certificates live five years (seed guide)


@dataclass(frozen=True, slots=True)
class ListedCertificate:
    """A certificate as trust lists write it.

    subject, issuer -- names without NUL. serial -- octets of record tag 6 and header tag 5.
    public_key -- record tag 7. signature -- record tag 8. certificate -- DER.
    """

    subject: bytes
    issuer: bytes
    serial: bytes
    public_key: bytes
    signature: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Credential(ListedCertificate):
    """A certificate as trust lists write it, and its private key."""

    key: rsa.RSAPrivateKey

    def sign(self, octets: bytes, digest: int) -> bytes:
        """Return the signature of `octets`. Raises UnsupportedKey for an unknown digest number.

        The same octets give the same signature (RSASSA-PKCS1-v1_5 has no randomness), so a file
        that did not change since the last request is not signed again.
        """
        return _signature(self.key, octets, digest)


@lru_cache(maxsize=256)
def _signature(key: rsa.RSAPrivateKey, octets: bytes, digest: int) -> bytes:
    return sign_rsa(key, octets, digest)


@dataclass(frozen=True, slots=True)
class Subject:
    """A name as CUCM asks for it when it is installed: common name, then the organisation's."""

    common_name: str
    organizational_unit: str
    organization: str
    locality: str
    state: str
    country: str

    def x509_name(self) -> x509.Name:
        """Return the name for a certificate, in the order in which lists write it."""
        parts = (
            (NameOID.COMMON_NAME, self.common_name),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, self.organizational_unit),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.LOCALITY_NAME, self.locality),
            (NameOID.STATE_OR_PROVINCE_NAME, self.state),
            (NameOID.COUNTRY_NAME, self.country),
        )
        return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


@dataclass(frozen=True, slots=True)
class CertificateMaker:
    """Makes certificates.

    keys -- where keys come from. random -- where serials come from. bits -- of the RSA modulus.
    serial_bytes -- 8 in listings of CUCM 8 (seed guide), 16 in those of 10 (118892, 118893).
    made_at_seconds -- begin of validity, Unix time.
    """

    keys: KeySource
    random: Random
    made_at_seconds: int
    bits: int = 2048
    serial_bytes: int = 16

    def self_signed(self, subject: Subject, serial: bytes | None = None) -> Credential:
        """Return a new self-signed credential; `serial` only where a certain one is wanted."""
        key = self.keys.rsa(self.bits)
        number = int.from_bytes(serial or self._serial(), "big")
        name = subject.x509_name()
        builder = certificate_builder(key.public_key(), number, self.made_at_seconds)
        signed = builder.subject_name(name).issuer_name(name).sign(key, hashes.SHA256())
        return credential_of(signed.public_bytes(Encoding.DER), key)

    def _serial(self) -> bytes:
        """Random octets, the first between 1 and 127: no published serial has its high bit set."""
        return bytes([self.random.randrange(1, 128)]) + self.random.randbytes(self.serial_bytes - 1)


def certificate_builder(
    key: rsa.RSAPublicKey, serial: int, made_at_seconds: int
) -> x509.CertificateBuilder:
    """Return the common part of all certificates here: key, serial and validity.

    They are signed with SHA-256: the library no longer makes SHA-1 certificates, and phones
    compare these certificates as octets without verifying what is inside.
    """
    begin = datetime.fromtimestamp(made_at_seconds, UTC)
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(begin + VALIDITY)
    )


def listed_certificate(der: bytes) -> ListedCertificate:
    """Return what a list writes about a certificate of CUCM. Raises MalformedFile."""
    facts = facts_of_untrusted(der)
    return ListedCertificate(
        subject=facts.subject.encode(),
        issuer=facts.issuer.encode(),
        serial=facts.serial,
        public_key=facts.public_key,
        signature=facts.signature,
        certificate=der,
    )


def credential_of(der: bytes, key: rsa.RSAPrivateKey) -> Credential:
    """Return a certificate of CUCM with its key. Raises MalformedFile."""
    return with_key(listed_certificate(der), key)


def with_key(listed: ListedCertificate, key: rsa.RSAPrivateKey) -> Credential:
    """Return a certificate with its key."""
    return Credential(
        listed.subject,
        listed.issuer,
        listed.serial,
        listed.public_key,
        listed.signature,
        listed.certificate,
        key,
    )
