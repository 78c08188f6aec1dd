"""Signatures, digests and decryption: what succeeds, and how each failure shows."""

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from support import ENCRYPTED, PROPERTY, lab, vector

from secd.crypto import (
    MODULUS_BITS,
    MODULUS_CODES,
    Digest,
    decrypt_cbc,
    digest_of,
    encrypt_cbc,
    same_octets,
    sign_rsa,
    unwrap_key,
    verify_rsa,
)
from secd.envelope import Encryption, SignedFile, decode_signed_file_untrusted
from secd.errors import DecryptionFailed, SignatureInvalid, UnsupportedKey

MIC = lab("mic").key
CONFIGURATION = vector("SEP0011215A1AE3.cnf.xml")


def encrypted(name: str) -> tuple[SignedFile, Encryption]:
    file = decode_signed_file_untrusted(vector(name))
    assert file.header.encryption is not None
    return file, file.header.encryption


def plaintext_with(key: rsa.RSAPrivateKey, name: str) -> bytes:
    """Decrypt as row C8 of the decision table says, but for the comparison of the digest."""
    file, encryption = encrypted(name)
    unwrapped = unwrap_key(key, encryption.wrapped_key)
    filled = decrypt_cbc(unwrapped, encryption.initialisation_vector, file.body)
    return filled[: -encryption.plaintext_padding]


@pytest.mark.parametrize("name", ENCRYPTED)
def test_the_encrypted_configuration_is_the_plain_one(name: str) -> None:
    _, encryption = encrypted(name)
    plaintext = plaintext_with(lab("mic").key, name)
    digest = digest_of(plaintext, encryption.plaintext_digest_number)
    assert same_octets(digest, encryption.plaintext_digest)
    assert plaintext == CONFIGURATION


@pytest.mark.parametrize("name", ENCRYPTED)
def test_what_fills_the_last_block_is_cr(name: str) -> None:
    file, encryption = encrypted(name)
    key = unwrap_key(lab("mic").key, encryption.wrapped_key)
    filled = decrypt_cbc(key, encryption.initialisation_vector, file.body)
    assert filled == CONFIGURATION + b"\r" * encryption.plaintext_padding
    assert 1 <= encryption.plaintext_padding <= 16


@pytest.mark.parametrize("name", ENCRYPTED)
@pytest.mark.parametrize("wrong", ["ccm", "sast1024"])
def test_a_wrong_key_raises_nothing_and_ends_at_the_digest(name: str, wrong: str) -> None:
    _, encryption = encrypted(name)
    plaintext = plaintext_with(lab(wrong).key, name)
    digest = digest_of(plaintext, encryption.plaintext_digest_number)
    assert not same_octets(digest, encryption.plaintext_digest)


@PROPERTY
@given(st.one_of(st.binary(max_size=64), st.binary(min_size=256, max_size=256)))
def test_unwrapping_anything_gives_16_octets(wrapped: bytes) -> None:
    assert len(unwrap_key(MIC, wrapped)) == 16


@pytest.mark.parametrize("size", [0, 15, 17, 24, 32])
def test_a_wrapped_key_of_another_size_becomes_zeros(size: int) -> None:
    wrapped = MIC.public_key().encrypt(b"k" * size, padding.PKCS1v15())
    assert unwrap_key(MIC, wrapped) == bytes(16)


def test_unwrapping_gives_the_key_that_was_wrapped() -> None:
    wrapped = MIC.public_key().encrypt(b"0123456789abcdef", padding.PKCS1v15())
    assert unwrap_key(MIC, wrapped) == b"0123456789abcdef"


def test_cbc_against_the_published_vector() -> None:
    """NIST SP 800-38A, F.2.1: CBC-AES128, the first two blocks."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    iv = bytes(range(16))
    plaintext = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    ciphertext = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")
    assert encrypt_cbc(key, iv, plaintext) == ciphertext
    assert decrypt_cbc(key, iv, ciphertext) == plaintext


@pytest.mark.parametrize(
    ("key", "iv", "octets"),
    [(16, 16, 15), (16, 16, 17), (16, 15, 16), (16, 0, 16), (0, 16, 16), (15, 16, 16)],
)
def test_sizes_that_do_not_fit_are_one_failure(key: int, iv: int, octets: int) -> None:
    with pytest.raises(DecryptionFailed, match=r"^the file cannot be decrypted$"):
        decrypt_cbc(bytes(key), bytes(iv), bytes(octets))
    with pytest.raises(ValueError, match=r"key|IV|nonce|block|length"):
        encrypt_cbc(bytes(key), bytes(iv), bytes(octets))


@pytest.mark.parametrize(
    ("digest", "expected"),
    [
        (Digest.SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Digest.SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Digest.SHA512,
            (
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ),
        ),
    ],
)
def test_digests_against_the_published_values(digest: Digest, expected: str) -> None:
    """The one-block message "abc" of FIPS 180's examples."""
    assert digest_of(b"abc", digest).hex() == expected


@pytest.mark.parametrize("digest", [-1, 0, 4, 255])
def test_a_digest_number_that_is_unknown(digest: int) -> None:
    key = lab("sast1024").key
    with pytest.raises(UnsupportedKey, match=f"digest number {digest} is unknown"):
        digest_of(b"", digest)
    with pytest.raises(UnsupportedKey, match=f"digest number {digest} is unknown"):
        sign_rsa(key, b"", digest)
    with pytest.raises(UnsupportedKey, match=f"digest number {digest} is unknown"):
        verify_rsa(key.public_key(), bytes(128), b"", digest)


@pytest.mark.parametrize("digest", Digest)
def test_a_signature_holds_for_its_octets_its_key_and_its_digest_only(digest: Digest) -> None:
    key = lab("sast1024").key
    signature = sign_rsa(key, b"octets", digest)
    verify_rsa(key.public_key(), signature, b"octets", digest)
    other = Digest.SHA1 if digest is Digest.SHA512 else Digest.SHA512
    for args in (
        (key.public_key(), signature, b"Octets", digest),
        (key.public_key(), signature, b"octets", other),
        (lab("sast1").key.public_key(), signature, b"octets", digest),
    ):
        with pytest.raises(SignatureInvalid, match="does not match the octets"):
            verify_rsa(*args)


@pytest.mark.parametrize("size", [0, 1, 127, 129, 256])
def test_a_signature_of_any_length_is_just_invalid(size: int) -> None:
    with pytest.raises(SignatureInvalid):
        verify_rsa(lab("sast1024").key.public_key(), bytes(size), b"octets", Digest.SHA1)


def test_the_sizes_of_a_modulus_that_a_header_can_express() -> None:
    assert {MODULUS_CODES[bits]: bits for bits in (512, 1024, 2048, 4096)} == MODULUS_BITS
    assert 3072 not in MODULUS_CODES


def test_same_octets() -> None:
    assert same_octets(b"ab", b"ab")
    assert not same_octets(b"ab", b"abc")
