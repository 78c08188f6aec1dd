"""Proofs of phones: signed data and SUDI data by keys of every kind, and whose key one is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from capf_support import DEVICE, KINDS, holder, issue, key_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY

from secd.capf import (
    SUDI,
    Curve,
    ECKind,
    Identity,
    RSAKind,
    SignedData,
    certifies,
    public_octets,
    sign_data,
    sign_sudi,
    verify_data,
    verify_sudi,
)
from secd.errors import MalformedFile, SignatureInvalid, UnsupportedKey

ID = 7
EC = ECKind(Curve.P256)


PROVING = [holder(kind) for kind in KINDS]


def flipped(octets: bytes, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[bit // 8 % len(octets)] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("holding", PROVING, ids=map(str, KINDS))
def test_each_kind_of_key_proves_its_phone(holding: Identity) -> None:
    signed = sign_data(holding, DEVICE.encode())
    verify_data(DEVICE.encode(), holding.certificate, signed)
    sudi = sign_sudi(holding, ID)
    verify_sudi(ID, sudi)
    for hostile in (
        replace(signed, sha1_signature=signed.sha512_signature),
        replace(signed, sha512_signature=signed.sha1_signature),
        SignedData(b"", b""),
        SignedData(signed.sha1_signature[:-1], signed.sha512_signature),
        SignedData(signed.sha1_signature, signed.sha512_signature + b"\0"),
    ):
        with pytest.raises(SignatureInvalid):
            verify_data(DEVICE.encode(), holding.certificate, hostile)
    for name in (b"SEP0011215A1AE4", DEVICE.encode() + b"\0", b""):
        with pytest.raises(SignatureInvalid):
            verify_data(name, holding.certificate, signed)
    for number in (0, ID + 1, int.from_bytes(ID.to_bytes(4, "little"), "big")):
        with pytest.raises(SignatureInvalid):
            verify_sudi(number, sudi)


@PROPERTY
@given(st.sampled_from([PROVING[0], PROVING[4], PROVING[5], PROVING[6]]), st.integers(0, 4095))
def test_a_flipped_bit_in_a_proof_is_seen(holding: Identity, bit: int) -> None:
    name = DEVICE.encode()
    signed, sudi = sign_data(holding, name), sign_sudi(holding, ID)
    for hostile in (
        replace(signed, sha1_signature=flipped(signed.sha1_signature, bit)),
        replace(signed, sha512_signature=flipped(signed.sha512_signature, bit)),
    ):
        with pytest.raises(SignatureInvalid):
            verify_data(name, holding.certificate, hostile)
    for both in (
        replace(sudi, sha1_signature=flipped(sudi.sha1_signature, bit)),
        replace(sudi, sha512_signature=flipped(sudi.sha512_signature, bit)),
    ):
        with pytest.raises(SignatureInvalid):
            verify_sudi(ID, both)


@PROPERTY
@given(st.integers(0, 8 * 600))
def test_a_flipped_bit_in_the_certificate_is_seen(bit: int) -> None:
    holding = PROVING[4]
    signed = sign_data(holding, DEVICE.encode())
    hostile = flipped(holding.certificate, bit)
    with pytest.raises((SignatureInvalid, MalformedFile, UnsupportedKey)):
        verify_data(DEVICE.encode(), hostile, signed)


def test_an_rsa_proof_is_the_bare_digest_in_a_whole_block() -> None:
    """What capfd lets pass: another padding, and a DigestInfo around the digest."""
    holding = PROVING[1]
    assert isinstance(holding.key, rsa.RSAPrivateKey)
    octets = DEVICE.encode() + b"\0" + holding.certificate
    usual = [
        holding.key.sign(octets, padding.PKCS1v15(), h) for h in (hashes.SHA1(), hashes.SHA512())
    ]
    with pytest.raises(SignatureInvalid):
        verify_data(DEVICE.encode(), holding.certificate, SignedData(*usual))
    # A block whose padding is not FF: only its last octets are right.
    signed = sign_data(holding, DEVICE.encode())
    numbers = holding.key.private_numbers()
    modulus, exponent = numbers.public_numbers.n, numbers.d
    block = pow(int.from_bytes(signed.sha1_signature, "big"), 65537, modulus).to_bytes(256, "big")
    assert block[:3] == b"\0\1\xff"
    loose = b"\0\1" + b"\xfe" * 20 + block[22:]
    forged = pow(int.from_bytes(loose, "big"), exponent, modulus).to_bytes(256, "big")
    with pytest.raises(SignatureInvalid):
        verify_data(DEVICE.encode(), holding.certificate, replace(signed, sha1_signature=forged))


def test_the_proof_of_another_certificate_is_none() -> None:
    one, other = PROVING[4], PROVING[5]
    with pytest.raises(SignatureInvalid):
        verify_data(DEVICE.encode(), other.certificate, sign_data(one, DEVICE.encode()))


def test_a_key_too_small_for_its_digest_cannot_sign() -> None:
    class Tiny:
        key_size = 512

        def sign(self, *_: object) -> bytes:
            raise ValueError

    with pytest.raises(UnsupportedKey, match="512 bits"):
        sign_data(Identity(b"", Tiny()), b"SEP")  # type: ignore[arg-type] # no library makes such a key


def test_what_is_no_certificate_proves_nothing() -> None:
    with pytest.raises(MalformedFile):
        verify_data(b"SEP", b"0\0", SignedData(b"", b""))
    with pytest.raises(MalformedFile):
        verify_sudi(1, SUDI(b"", b"", b""))


def test_a_certificate_with_another_kind_of_key_proves_nothing() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE)])
    day = datetime(2026, 11, 24, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, day, day)
    der = builder.sign(key, None).public_bytes(Encoding.DER)
    with pytest.raises(UnsupportedKey, match="neither RSA nor EC"):
        verify_data(b"SEP", der, SignedData(b"", b""))
    assert not certifies(der, public_octets(key_of(EC)))


def test_a_certificate_is_for_one_key() -> None:
    octets = public_octets(key_of(EC))
    assert certifies(issue(octets), octets)
    assert not certifies(issue(octets), octets[:-1])
    assert not certifies(b"0\0", octets)


def test_kinds_of_keys_have_names() -> None:
    assert [str(kind) for kind in (RSAKind(2048), EC, ECKind(9))] == [
        "RSA 2048",
        "EC P-256",
        "EC 9",
    ]
