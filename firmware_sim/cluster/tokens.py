"""Soft eTokens: what signs a CTL, without the hardware.

A token here is its certificate, the texts that lists carry for it, and the power to sign. Its
password and the fifteen attempts are not here.

Lists write a token's names in another way than those of CUCM's certificates (118892):
lower case, the token's number padded with eight blanks inside quotes, and a last quote missing.
The serial's octets stand in the list in the reverse order of the certificate's. That is inferred:
reversed, the published ones look like those of a Windows certification authority, four random
octets and a counter of six (BD:A3:02:00:00:00:D8:88:64:1F is 1F6488D8 and 0x00000002A3BD).
"""

import re
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmware_sim.cluster.credentials import (
    CertificateMaker,
    Credential,
    ListedCertificate,
    certificate_builder,
    listed_certificate,
    with_key,
)
from secd.certs import facts_of_untrusted
from secd.crypto import Digest

TOKEN_BITS = 1024  # key length 140 in every published listing of a token
_CA_COMMON_NAME = "Cisco Manufacturing CA"
_ORGANIZATION = "Cisco Systems"
_BLANKS = " " * 8
LISTED_ISSUER = b"cn=Cisco Manufacturing CA;o=Cisco Systems"


@dataclass(frozen=True, slots=True)
class SoftToken:
    """A token. name -- as printed on it: `ADN4e31f914`. credential -- with the list's texts."""

    name: str
    credential: Credential

    def sign(self, octets: bytes) -> bytes:
        """Return the token's signature; tokens of that age know SHA-1 only."""
        return self.credential.sign(octets, Digest.SHA1)


@dataclass(slots=True)
class ManufacturingCA:
    """The lab's stand-in for the authority that issued Cisco's tokens; not Cisco's, of course.

    issued -- how many certificates it has issued: the counter in their serials.
    """

    maker: CertificateMaker
    key: rsa.RSAPrivateKey
    certificate: bytes
    issued: int = 0

    @classmethod
    def create(cls, maker: CertificateMaker) -> "ManufacturingCA":
        """Make the authority's key and certificate."""
        key = maker.keys.rsa(maker.bits)
        name = _name(_CA_COMMON_NAME)
        builder = (
            certificate_builder(key.public_key(), 1, maker.made_at_seconds)
            .subject_name(name)
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        signed = builder.sign(key, hashes.SHA256())
        return cls(maker, key, signed.public_bytes(Encoding.DER))

    def issue_token(self, name: str, listed_serial: bytes | None = None) -> SoftToken:
        """Return a new token; `listed_serial` (in the list's order) where a certain one is wanted.

        name -- `ADN` and eight hexadecimal digits.
        """
        self.issued += 1
        serial = self._serial() if listed_serial is None else listed_serial[::-1]
        key = self.maker.keys.rsa(TOKEN_BITS)
        builder = (
            certificate_builder(
                key.public_key(), int.from_bytes(serial, "big"), self.maker.made_at_seconds
            )
            .subject_name(_name(f"SAST-{name}{_BLANKS}", "IPCBU"))
            .issuer_name(_name(_CA_COMMON_NAME))
        )
        der = builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)
        return token_of(name, der, key)

    def _serial(self) -> bytes:
        """Ten octets: four random ones, the first between 16 and 127, then the counter."""
        random = self.maker.random
        return bytes([random.randrange(16, 128)]) + random.randbytes(3) + self.issued.to_bytes(6)


def token_of(name: str, der: bytes, key: rsa.RSAPrivateKey) -> SoftToken:
    """Return the token that a certificate and its key make. Raises MalformedFile."""
    return SoftToken(name, with_key(_in_token_style(name, listed_certificate(der)), key))


def listed_token(der: bytes) -> ListedCertificate:
    """Return what a list writes about a token's certificate. Raises MalformedFile.

    A certificate that is not named as Cisco's tokens are is written as CUCM writes its own.
    """
    plain = listed_certificate(der)
    name = token_name(der)
    return plain if name is None else _in_token_style(name, plain)


def token_name(der: bytes) -> str | None:
    """Return `ADN4e31f914` of a token's certificate, None for any other. Raises MalformedFile."""
    match = re.fullmatch(r"SAST-(\w{1,32}) *", facts_of_untrusted(der).common_name, re.ASCII)
    return None if match is None else match[1]


def _in_token_style(name: str, plain: ListedCertificate) -> ListedCertificate:
    return replace(
        plain,
        subject=f'cn="SAST-{name}{_BLANKS}";ou=IPCBU;o="{_ORGANIZATION}'.encode(),
        issuer=LISTED_ISSUER,
        serial=plain.serial[::-1],
    )


def _name(common_name: str, unit: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if unit is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION))
    return x509.Name(parts)
