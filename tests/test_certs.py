"""What is read of certificates; odd ones are refused at the door, or read without a warning."""

import datetime
import hashlib
import shutil
import subprocess
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY, lab

from secd.certs import (
    certutils_name,
    cucm_name,
    facts_of_untrusted,
    load_certificate_untrusted,
    openssl_names_untrusted,
    pem_to_der_untrusted,
    rsa_key_of_untrusted,
    serial_octets,
)
from secd.errors import MalformedFile, UnsupportedKey

CCM = lab("ccm").der
_SERIAL = b"\x02\x11\x00\xa1"  # of ccm: 17 octets, the first only for the sign


def with_serial(serial: bytes) -> bytes:
    """Return ccm's certificate with another serial; its signature is wrong then."""
    at = CCM.index(_SERIAL)
    octets = bytearray(CCM[:at] + b"\x02" + bytes([len(serial)]) + serial + CCM[at + 19 :])
    for length_at in (2, 6):  # of the certificate and of its signed part
        length = int.from_bytes(octets[length_at : length_at + 2], "big") + len(serial) - 17
        octets[length_at : length_at + 2] = length.to_bytes(2, "big")
    return bytes(octets)


def of_version(version: int) -> bytes:
    return CCM.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01" + bytes([version]), 1)


def self_signed_ed25519() -> bytes:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "no common name")])
    day = datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day)
    return builder.sign(key, None).public_bytes(Encoding.DER)


def test_the_facts_of_a_certificate() -> None:
    facts = facts_of_untrusted(CCM)
    assert facts.der == CCM
    assert facts.subject == facts.issuer == "CN=CUCM-PUB;OU=Lab;O=Lab;L=RTP;ST=NC;C=US"
    assert facts.common_name == "CUCM-PUB"
    assert facts.serial.hex() == "a112b8c61d1006f0085e7930f87b3685"
    assert len(facts.public_key) == 270
    assert facts.signature == CCM[-256:]
    assert facts.not_before_seconds == 1795392000  # 2026-11-23 00:00:00 GMT
    assert facts.not_after_seconds == 2742163200  # 2056-11-23 00:00:00 GMT
    assert facts.sha1 == hashlib.sha1(CCM).digest()  # noqa: S324


def test_the_key_of_an_elliptic_curve_is_its_point() -> None:
    facts = facts_of_untrusted(lab("tftp-ec").der)
    assert facts.public_key[0] == 4
    assert len(facts.public_key) == 1 + 2 * 48


def test_a_name_in_cucms_and_in_certutils_spelling() -> None:
    name = lab("ccm").certificate.subject
    assert cucm_name(name) == "CN=CUCM-PUB;OU=Lab;O=Lab;L=RTP;ST=NC;C=US"
    assert certutils_name(name) == "CN=CUCM-PUB,O=Lab,OU=Lab,L=RTP,ST=NC,C=US"


def test_a_name_with_unusual_parts() -> None:
    """CUCM's spelling has six parts and no more; a part may stand in a name twice."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "PL"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "TAC"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Second"),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "lab"),
            x509.NameAttribute(ObjectIdentifier("1.2.3.4"), "odd"),
        ]
    )
    assert cucm_name(name) == "OU=TAC;OU=Second;C=PL"
    assert certutils_name(name) == "C=PL,OU=TAC,OU=Second,DC=lab,1.2.3.4=odd"
    assert cucm_name(x509.Name([])) == certutils_name(x509.Name([])) == ""


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        (0, "00"),
        (1, "01"),
        (0x7F, "7f"),
        (0x80, "80"),
        (0xFF, "ff"),
        (0x100, "0100"),
        (0x8210CF, "8210cf"),
        (-1, "ff"),
        (-0x80, "80"),
        (-0x81, "ff7f"),
        (-0x8000, "8000"),
    ],
)
def test_a_serial_is_minimal_and_has_no_octet_for_the_sign(number: int, octets: str) -> None:
    assert serial_octets(number).hex() == octets


@pytest.mark.parametrize(
    ("serial", "octets"), [(b"\0", b"\0"), (b"\x80\x01", b"\x80\x01"), (b"\xff", b"\xff")]
)
def test_serials_that_are_not_positive_are_read_without_a_warning(
    serial: bytes, octets: bytes
) -> None:
    """Warnings are errors in these tests."""
    der = with_serial(serial)
    assert facts_of_untrusted(der).serial == octets
    assert rsa_key_of_untrusted(der) == lab("ccm").key.public_key()
    assert load_certificate_untrusted(der).version is x509.Version.v3


def test_a_country_that_is_no_two_letters_is_read_without_a_warning() -> None:
    der = CCM.replace(b"\x55\x04\x06\x13\x02US", b"\x55\x04\x0a\x13\x02US")
    der = der.replace(b"\x55\x04\x0a\x0c\x03Lab", b"\x55\x04\x06\x0c\x03Lab")
    assert facts_of_untrusted(der).subject == "CN=CUCM-PUB;OU=Lab;O=US;L=RTP;ST=NC;C=Lab"


@pytest.mark.parametrize(
    "der",
    [b"", b"\x30\x00", CCM[:-1], CCM + b"\0", of_version(5), with_serial(b"")],
    ids=["empty", "no fields", "truncated", "trailing", "version 6", "serial of no octets"],
)
def test_a_certificate_that_cannot_be_read(der: bytes) -> None:
    with pytest.raises(MalformedFile, match="the certificate cannot be read: "):
        load_certificate_untrusted(der)
    with pytest.raises(MalformedFile, match="the certificate cannot be read: "):
        facts_of_untrusted(der)
    with pytest.raises(UnsupportedKey, match="the signer's certificate cannot be read: "):
        rsa_key_of_untrusted(der)


def test_a_field_that_only_fails_when_it_is_read() -> None:
    """The library reads names late: this one holds a text that is not UTF-8."""
    der = CCM.replace(b"\x0c\x08CUCM-PUB", b"\x0c\x08CUCM\xffPUB")
    load_certificate_untrusted(der)
    with pytest.raises(MalformedFile, match="the certificate cannot be read: "):
        facts_of_untrusted(der)


def test_a_key_of_a_kind_that_no_list_holds() -> None:
    with pytest.raises(MalformedFile, match="the key is neither RSA nor EC"):
        facts_of_untrusted(self_signed_ed25519())


@pytest.mark.parametrize("der", [lab("tftp-ec").der, self_signed_ed25519()])
def test_a_key_that_no_signature_is_defined_for(der: bytes) -> None:
    with pytest.raises(UnsupportedKey, match="the signer's key is not RSA"):
        rsa_key_of_untrusted(der)


def test_a_name_without_a_common_name_has_none() -> None:
    name = lab("ccm").certificate.subject
    assert "CUCM-PUB" in certutils_name(name)
    der = CCM.replace(b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x04\x0c")  # CN becomes title
    assert facts_of_untrusted(der).common_name == ""


@pytest.mark.parametrize(
    ("was", "put", "name"),
    [
        (b"", b"", "/CN=CUCM-PUB/O=Lab/OU=Lab/L=RTP/ST=NC/C=US"),
        (b"CUCM-PUB", b"CUCM\xc3\xbcUB", r"/CN=CUCM\xC3\xBCUB/O=Lab/OU=Lab/L=RTP/ST=NC/C=US"),
        (b"CUCM-PUB", b"CUCM\nP\x7fB", r"/CN=CUCM\x0AP\x7FB/O=Lab/OU=Lab/L=RTP/ST=NC/C=US"),
        (b"\x55\x04\x03", b"\x55\x04\x0c", "/2.5.4.12=CUCM-PUB/O=Lab/OU=Lab/L=RTP/ST=NC/C=US"),
        (b"\x55\x04\x03", b"\x55\x04\x05", "/serialNumber=CUCM-PUB/O=Lab/OU=Lab/L=RTP/ST=NC/C=US"),
        (b"\x55\x04\x0a", b"\x55\x04\x06", "/CN=CUCM-PUB/C=Lab/OU=Lab/L=RTP/ST=NC/C=US"),
    ],
    ids=["plain", "no ASCII", "unprintable", "no short name", "serial number", "odd country"],
)
def test_names_as_openssl_prints_them(was: bytes, put: bytes, name: str) -> None:
    """The last one is read without a warning: warnings are errors in these tests."""
    assert openssl_names_untrusted(CCM.replace(was, put) if was else CCM) == (name, name)


@pytest.mark.interop
@pytest.mark.parametrize("put", [b"CUCM-PUB", b"CUCM\xc3\xbcUB", b"CUCM\nP\x7fB", b'X"\\-=,;@'])
def test_openssl_prints_the_same_name(put: bytes) -> None:
    """OpenSSL 3 also puts a backslash before `/` and `+` inside of a value; 1.0 did not (?)."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    der = CCM.replace(b"CUCM-PUB", put)
    command = [openssl, "x509", "-inform", "der", "-noout", "-subject", "-nameopt", "compat"]
    printed = subprocess.run(command, input=der, capture_output=True, check=True).stdout
    assert printed.decode() == f"subject={openssl_names_untrusted(der)[0]}\n"


@pytest.mark.parametrize("der", [b"", CCM.replace(b"CUCM-PUB", b"CUCM\xffPUB")])
def test_names_that_cannot_be_printed(der: bytes) -> None:
    with pytest.raises(MalformedFile, match="the certificate cannot be read: "):
        openssl_names_untrusted(der)


@PROPERTY
@given(st.integers(0, len(CCM) - 1), st.integers(0, 4), st.binary(max_size=4))
def test_a_damaged_certificate_is_read_or_refused(start: int, cut: int, put: bytes) -> None:
    der = CCM[:start] + put + CCM[start + cut :]
    try:
        facts = facts_of_untrusted(der)
    except MalformedFile:
        pass
    else:
        assert facts.der == der
    with suppress(UnsupportedKey):
        rsa_key_of_untrusted(der)


def test_a_pem_file_gives_the_octets_of_its_certificate() -> None:
    pem = load_certificate_untrusted(CCM).public_bytes(Encoding.PEM)
    assert pem_to_der_untrusted(b"a key may stand before it\n" + pem) == CCM


def test_a_pem_file_without_certificate_is_refused() -> None:
    with pytest.raises(MalformedFile, match="the certificate cannot be read"):
        pem_to_der_untrusted(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
