"""Certificates of phones: LSCs as the cluster's CAPF issues them, MICs as a manufacturer does.

    LSC   subject CN=SEP<MAC> with the rest of the issuer's name, as the open capfd writes it, or
          serialNumber=PID:CP-8861 SN:…, C, O, OU, CN=CP-8861-SEP<MAC> as CUCM does (213407).
          Extensions as capfd's; no authority key identifier, as none of CUCM's has one.
    MIC   serialNumber=PID:CP-8861 SN:…, O=Cisco, CN=CP-8861-SEP<MAC>; ten years

The manufacturer is a stand-in of the lab's own, and its name says so. Serial numbers of devices are
made up from their MAC addresses.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware_sim.cluster.credentials import CertificateMaker, Credential, Subject
from firmware_sim.cluster.keys import KeySource
from secd.capf import Curve, ECKind, Identity, KeyKind, PrivateKey
from secd.certs import load_certificate_untrusted
from secd.errors import UnsupportedKey

LSC_VALIDITY: Final = timedelta(days=5 * 365)  # CUCM's default is five years (security guide)
MIC_VALIDITY: Final = timedelta(days=10 * 365)  # usecallmanager.nz
_MANUFACTURER: Final = Subject("Lab Manufacturing CA", "stand-in", "secd", "lab", "lab", "NZ")
_IPSEC_END_SYSTEM: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5")
_CURVES: Final[dict[int, type[ec.EllipticCurve]]] = {
    Curve.P256: ec.SECP256R1,
    Curve.P384: ec.SECP384R1,
    Curve.P521: ec.SECP521R1,
}


class LSCSubject(Enum):
    """How an LSC names its phone."""

    CUCM = "cucm"
    DEVICE_NAME = "device-name"


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """Which phone a certificate is for. name -- `SEP…`. model -- `8861`."""

    name: str
    model: str

    @property
    def common_name(self) -> str:
        """The common name that Cisco gives it."""
        return f"CP-{self._product}-{self.name}"

    @property
    def _product(self) -> str:
        """The model without the CP- that it may be spelled with."""
        return self.model.upper().removeprefix("CP-")

    @property
    def serial_number(self) -> str:
        """Product and serial number; the latter is made up."""
        return f"PID:CP-{self._product} SN:FCH{self.name[-8:]}"

    def is_called(self, common_name: str) -> bool:
        """Tell whether a certificate's common name is this phone's.

        The model in it does not count: MICs also say CP-7961G, CP-7961G-GE, ….
        """
        cisco = common_name.startswith("CP-") and common_name.endswith(f"-{self.name}")
        return cisco or common_name == self.name


def issue_lsc(
    capf: Credential,
    phone: PhoneFacts,
    public_key: bytes,
    style: LSCSubject,
    random: Random,
    now_seconds: float,
) -> bytes:
    """Return a new LSC (DER). public_key -- SubjectPublicKeyInfo, already checked."""
    key = load_der_public_key(public_key)
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise UnsupportedKey("an LSC has an RSA or an EC key")
    issuer = load_certificate_untrusted(capf.certificate).subject
    usages = [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        _IPSEC_END_SYSTEM,
    ]
    builder = (
        _builder(key, random, now_seconds, LSC_VALIDITY)
        .subject_name(_lsc_subject(issuer, phone, style))
        .issuer_name(issuer)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(phone.name)]), False
        )
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    return builder.sign(capf.key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_manufacturer(keys: KeySource, random: Random, now_seconds: int) -> Credential:
    """Return the authority that signs the lab's MICs."""
    return CertificateMaker(keys, random, now_seconds).self_signed(_MANUFACTURER)


def make_mic(
    manufacturer: Credential,
    phone: PhoneFacts,
    kind: KeyKind,
    keys: KeySource,
    random: Random,
    now_seconds: float,
) -> Identity:
    """Return a new MIC with its key."""
    key: PrivateKey
    if isinstance(kind, ECKind):
        key = ec.generate_private_key(_CURVES[kind.curve]())
    else:
        key = keys.rsa(kind.bits)
    subject = _name(
        (NameOID.SERIAL_NUMBER, phone.serial_number),
        (NameOID.ORGANIZATION_NAME, "Cisco"),
        (NameOID.COMMON_NAME, phone.common_name),
    )
    builder = (
        _builder(key.public_key(), random, now_seconds, MIC_VALIDITY)
        .subject_name(subject)
        .issuer_name(load_certificate_untrusted(manufacturer.certificate).subject)
    )
    signed = builder.sign(manufacturer.key, hashes.SHA256())
    return Identity(signed.public_bytes(Encoding.DER), key)


def _builder(
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    random: Random,
    now_seconds: float,
    validity: timedelta,
) -> x509.CertificateBuilder:
    """Return what LSC and MIC have in common: key, serial, validity, and what it is good for."""
    begin = datetime.fromtimestamp(int(now_seconds), UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(int.from_bytes(b"\x01" + random.randbytes(15), "big"))
        .not_valid_before(begin)
        .not_valid_after(begin + validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )


def _lsc_subject(issuer: x509.Name, phone: PhoneFacts, style: LSCSubject) -> x509.Name:
    if style is LSCSubject.DEVICE_NAME:
        return _name(
            (NameOID.COMMON_NAME, phone.name),
            *_copied(issuer, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME),
            *_copied(issuer, NameOID.LOCALITY_NAME, NameOID.STATE_OR_PROVINCE_NAME),
            *_copied(issuer, NameOID.COUNTRY_NAME),
        )
    return _name(
        (NameOID.SERIAL_NUMBER, phone.serial_number),
        *_copied(issuer, NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME),
        *_copied(issuer, NameOID.ORGANIZATIONAL_UNIT_NAME),
        (NameOID.COMMON_NAME, phone.common_name),
    )


def _copied(
    name: x509.Name, *oids: x509.ObjectIdentifier
) -> list[tuple[x509.ObjectIdentifier, str]]:
    return [(oid, str(part.value)) for oid in oids for part in name.get_attributes_for_oid(oid)]


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])
