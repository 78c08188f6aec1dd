"""Builders for the tests of trust: identities, lists, signed files, phones, contexts.

Keys are made once per test session and are small (RSA 1024, as CUCM's were until 2015). The
models are built here and not loaded, so that these tests say what a switch does whatever the
data files say.
"""

import datetime
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from secd.certs import facts_of_untrusted
from secd.crypto import MODULUS_CODES, digest_of, encrypt_cbc, sign_rsa
from secd.envelope import (
    CERTUTILS_ENCRYPTED_LAYOUT,
    CUCM_LAYOUT,
    Encryption,
    Header,
    Signer,
    Tag,
    pad,
    sign,
)
from secd.models import (
    Destinations,
    Generation,
    Model,
    Switches,
    TFTPOptions,
    TLSProfile,
    TLSVersion,
)
from secd.trust import (
    Context,
    Installed,
    Voucher,
    VoucherOutcome,
)
from secd.trustlist import (
    CUCM_RECORD_LAYOUT,
    NO_CERTIFICATE_RECORD_LAYOUT,
    Function,
    Record,
    decode_trust_list_untrusted,
    encode_records,
)
from secd.words import FileKind, Transport

VECTORS = Path(__file__).parent / "vectors"
NOW = 1_600_000_000.0  # September 2020
MADE = 1_500_000_000  # when the lists of these tests were signed
PUBLISHER = "10.1.1.1"
SUBSCRIBER = "10.1.1.2"
SIGNED_NAME = "SEP0011215A1AE3.cnf.xml.sgn"
CONFIGURATION = b"<device><fullConfig>true</fullConfig></device>\n"
MANUAL_KEY = bytes(range(16))
_IV = bytes(range(16, 32))
_YEARS = {"valid": (2015, 2035), "expired": (2005, 2010)}

AnyKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, and its names and serial as CUCM writes them."""

    key: AnyKey
    certificate: bytes
    subject: bytes
    issuer: bytes
    serial: bytes

    @property
    def rsa_key(self) -> rsa.RSAPrivateKey:
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return self.key


@cache
def identity(name: str, *, curve: bool = False, years: str = "valid") -> Identity:
    """Return the one identity of this name: self-signed, as CUCM's are."""
    return issued(name, ec.generate_private_key(ec.SECP256R1()) if curve else rsa_key(), years)


@cache
def twin(name: str) -> Identity:
    """Return another key and certificate under the issuer and serial of `identity(name)`."""
    return issued(name, rsa_key())


def issued(
    name: str,
    key: AnyKey,
    years: str = "valid",
    by: Identity | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> Identity:
    """Make a certificate for a key, self-signed or issued by another identity."""
    first, last = _YEARS[years]
    issuer = x509.load_der_x509_certificate(by.certificate).subject if by else _name(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(b"\x70" + name.encode()[:16], "big"))
        .not_valid_before(datetime.datetime(first, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(last, 1, 1, tzinfo=datetime.UTC))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(key if by is None else by.key, hashes.SHA256())
    return identity_of(certificate.public_bytes(Encoding.DER), key)


def identity_of(certificate: bytes, key: AnyKey) -> Identity:
    facts = facts_of_untrusted(certificate)
    return Identity(key, certificate, facts.subject.encode(), facts.issuer.encode(), facts.serial)


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - the size of old clusters


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


# Records and lists


def record(function: int, who: Identity, dns: str = "", address: str = "0.0.0.0") -> Record:  # noqa: S104
    """Return a record in CUCM's layout; tokens have an empty DNS name."""
    facts = facts_of_untrusted(who.certificate)
    return Record(
        function,
        dns_name=dns.encode(),
        subject=who.subject,
        issuer=who.issuer,
        serial=who.serial,
        public_key=facts.public_key,
        signature=facts.signature,
        certificate=who.certificate,
        ip_address=ip_address(address).packed,
        layout=CUCM_RECORD_LAYOUT,
    )


def bare_record(function: int, dns: str, address: str) -> Record:
    """Return a record as it is left after a return to non-secure mode (118892)."""
    packed = ip_address(address).packed
    return Record(
        function,
        dns_name=dns.encode(),
        ip_address=packed,
        layout=NO_CERTIFICATE_RECORD_LAYOUT,
    )


def without_certificate(full: Record) -> Record:
    """Return the record with everything but its certificate."""
    layout = tuple(tag for tag in full.layout if tag != 9)
    return replace(full, certificate=None, layout=layout)


def header_for(signer: Identity, file_name: str = "CTLFile.tlv") -> Header:
    """Return an unsigned header as CUCM writes it: version 1.2, SHA-1."""
    bits = signer.rsa_key.key_size
    return Header(
        version=(1, 2),
        signer=Signer(signer.subject, signer.issuer, signer.serial),
        digest=1,
        signature_algorithm=0,
        modulus_code=MODULUS_CODES[bits],
        signature=b"",
        file_name=file_name.encode(),
        timestamp=MADE,
        layout=CUCM_LAYOUT,
    )


def signed(header: Header, body: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """Pad the header and sign; the key need not be that of the signer in the header."""
    return sign(pad(header), body, lambda octets: sign_rsa(key, octets, header.digest))


def make_list(signer: Identity, *records: Record, header: Header | None = None) -> bytes:
    """Return a signed trust list; `header` replaces the ordinary one."""
    return signed(header or header_for(signer), encode_records(records), signer.rsa_key)


def with_signer_version(header: Header, version: tuple[int, int]) -> Header:
    layout = (*header.layout[:2], (int(Tag.SIGNER_VERSION), 0), *header.layout[2:])
    return replace(header, signer_version=version, layout=layout)


def holds(*, ctl: bytes | None = None, itl: bytes | None = None) -> Installed:
    """Return what a phone holds, from the octets in its flash."""
    return Installed(
        None if ctl is None else decode_trust_list_untrusted(ctl),
        None if itl is None else decode_trust_list_untrusted(itl),
    )


# Configurations


def make_sgn(signer: Identity, body: bytes = CONFIGURATION, digest: int = 1) -> bytes:
    header = replace(header_for(signer, SIGNED_NAME), version=(1, 0), digest=digest)
    return signed(header, body, signer.rsa_key)


def encryption_for(
    recipient: rsa.RSAPrivateKey, body: bytes = CONFIGURATION, key: bytes = MANUAL_KEY
) -> tuple[Encryption, bytes]:
    """Return header part and encrypted body, padded with CR as enccnf pads."""
    missing = 16 - len(body) % 16
    wrapped = recipient.public_key().encrypt(key, padding.PKCS1v15())
    encryption = Encryption(
        cipher=0,
        initialisation_vector=_IV,
        plaintext_padding=missing,
        key_field_22=0,
        wrapped_key_bits=recipient.key_size,
        key_field_24=1,
        wrapped_key=wrapped,
        plaintext_digest_number=1,
        plaintext_digest=digest_of(body, 1),
    )
    return encryption, encrypt_cbc(key, _IV, body + b"\r" * missing)


def make_enc_sgn(signer: Identity, encryption: Encryption, encrypted: bytes) -> bytes:
    header = replace(
        header_for(signer, "SEP0011215A1AE3.cnf.xml.enc.sgn"),
        version=(2, 0),
        encryption=encryption,
        layout=CERTUTILS_ENCRYPTED_LAYOUT,
    )
    return signed(header, encrypted, signer.rsa_key)


# Phones and contexts


def _model(name: str, generation: Generation, digests: frozenset[int]) -> Model:
    latest = generation is Generation.P3
    return Model(
        name=name,
        generation=generation,
        load="test",
        security_by_default=generation is not Generation.P0,
        protocols=("SCCP",),
        digests=digests,
        modulus_bits=frozenset({1024, 2048}),
        itl_limit_bytes=65536,
        size_limit_bytes=1 << 20,
        firmware_limit_bytes=1 << 24,
        printed_limit_bytes=0,
        secure_no_ctl_retries=None,
        retry_seconds=10.0,
        transports=(Transport.HTTPS, Transport.HTTP, Transport.TFTP)
        if latest
        else (Transport.TFTP,),
        tls=TLSProfile(TLSVersion.TLS_1_0, TLSVersion.TLS_1_0, ("AES128-SHA",)),
        tftp=TFTPOptions(0, 0, False, 0, 4.0, 5),
        destinations=Destinations("{name}", "{name}", "{name}", "{name}", "{name}"),
        console_family="A",
        status_family="A",
        worker_id=0,
        locale_archive="",
        ring_lists=("Ringlist.xml",),
        first_task_id=1,
    )


P0 = _model("7960", Generation.P0, frozenset({1}))
P1 = _model("7961", Generation.P1, frozenset({1}))
P2 = _model("8945", Generation.P2, frozenset({1, 3}))
P3 = _model("8861", Generation.P3, frozenset({1, 3}))
SBD = (P1, P2, P3)
ALL = (P0, P1, P2, P3)


def switched(model: Model, switches: Switches) -> Model:
    return replace(model, switches=switches)


def asking(model: Model, kind: FileKind) -> Context:
    """Return the context of a phone that has TVS servers in its stored configuration."""
    return Context(model, kind, NOW, tvs_servers=(PUBLISHER,))


# TVS


def vouch(
    who: Identity, *functions: int, certificate: bytes | None = None, until: float = NOW + 60
) -> Voucher:
    """Return TVS' voucher for a signer; `certificate` is what it returns instead of the true."""
    answered = who.certificate if certificate is None else certificate
    vouched = VoucherOutcome.VOUCHED
    return Voucher(who.issuer, who.serial, vouched, answered, frozenset(functions), until)


def no_voucher(who: Identity, outcome: VoucherOutcome) -> Voucher:
    return Voucher(who.issuer, who.serial, outcome)


# Vectors made by others (tests/vectors)


@cache
def vector(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


@cache
def vector_identity(name: str) -> Identity:
    """Return an identity of the vectors, named as certutils names it."""
    pem = vector(f"certs/{name}.pem")
    certificate = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    key = load_pem_private_key(pem, None)
    assert isinstance(key, AnyKey)
    return identity_of(certificate, key)


# The cast: one cluster (two tokens, its servers' certificates) and one stranger.

TOKEN1, TOKEN2 = identity("TOKEN1"), identity("TOKEN2")
CCM, CAPF, TVS = identity("CCM"), identity("CAPF"), identity("TVS")
TFTP, APP, RECOVERY = identity("TFTP"), identity("APP"), identity("RECOVERY")
STRANGER = identity("STRANGER")

TOKENS = (record(Function.SAST, TOKEN1), record(Function.SAST, TOKEN2))
SERVERS = (
    record(Function.CCM_TFTP, CCM, PUBLISHER, PUBLISHER),
    record(Function.CAPF, CAPF, PUBLISHER, PUBLISHER),
)
SAST_RECOVERY = record(Function.SAST, RECOVERY)
TVS_RECORD = record(Function.TVS, TVS, PUBLISHER, PUBLISHER)


def make_ctl(signer: Identity, *more: Record) -> bytes:
    """Return a CTL of the eToken era with its four records and perhaps more."""
    return make_list(signer, *TOKENS, *SERVERS, *more)


def make_itl(signer: Identity, *more: Record) -> bytes:
    """Return an ITL of CUCM 12: ITLRecovery as SAST, the servers, TVS; perhaps more."""
    header = header_for(signer, "ITLFile.tlv")
    return make_list(signer, SAST_RECOVERY, *SERVERS, TVS_RECORD, *more, header=header)


def make_empty_itl(signer: Identity, *more: Record) -> bytes:
    """Return the ITL of Prepare Cluster for Rollback to Pre 8.0: no TFTP and no TVS records."""
    capf = record(Function.CAPF, CAPF, PUBLISHER, PUBLISHER)
    header = header_for(signer, "ITLFile.tlv")
    return make_list(signer, SAST_RECOVERY, capf, *more, header=header)
