"""The few cryptographic operations the phone needs, with the library's exceptions made ours.

A wrong signature raises (`SignatureInvalid`): a forgotten return value must not become trust.
"""

import hashlib
import hmac
from enum import IntEnum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from secd.errors import DecryptionFailed, SignatureInvalid, UnsupportedKey


class Digest(IntEnum):
    """Digest numbers of header tags 8 and 26 and of record tag 12 (trust-list format, tag 8)."""

    SHA1 = 1
    SHA256 = 2
    SHA512 = 3


_HASHES: dict[int, hashes.HashAlgorithm] = {
    Digest.SHA1: hashes.SHA1(),
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA512: hashes.SHA512(),
}
_PKCS1 = padding.PKCS1v15()

# Tag 11, "modulus size": the only sizes a header can express (trust-list format, tag 11).
MODULUS_BITS = {0: 512, 1: 1024, 2: 2048, 3: 4096}
MODULUS_CODES = {bits: code for code, bits in MODULUS_BITS.items()}


def verify_rsa(key: rsa.RSAPublicKey, signature: bytes, octets: bytes, digest: int) -> None:
    """Check an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2) over `octets`.

    Raises SignatureInvalid when it is wrong, UnsupportedKey for a digest number unknown here.
    """
    algorithm = _HASHES.get(digest)
    if algorithm is None:
        raise UnsupportedKey(f"digest number {digest} is unknown")
    try:
        key.verify(signature, octets, _PKCS1, algorithm)
    except InvalidSignature:
        raise SignatureInvalid("the signature does not match the octets") from None


def sign_rsa(key: rsa.RSAPrivateKey, octets: bytes, digest: int) -> bytes:
    """Return the RSASSA-PKCS1-v1_5 signature of `octets`; the inverse of `verify_rsa`."""
    algorithm = _HASHES.get(digest)
    if algorithm is None:
        raise UnsupportedKey(f"digest number {digest} is unknown")
    return key.sign(octets, _PKCS1, algorithm)


def digest_of(octets: bytes, digest: int) -> bytes:
    """Return the digest of `octets`. Raises UnsupportedKey for an unknown digest number."""
    names = {Digest.SHA1: "sha1", Digest.SHA256: "sha256", Digest.SHA512: "sha512"}
    name = names.get(Digest(digest)) if digest in names else None
    if name is None:
        raise UnsupportedKey(f"digest number {digest} is unknown")
    return hashlib.new(name, octets, usedforsecurity=False).digest()


def same_octets(left: bytes, right: bytes) -> bool:
    """Compare secrets or digests in time that depends on their length only."""
    return hmac.compare_digest(left, right)


def unwrap_key(key: rsa.RSAPrivateKey, wrapped: bytes) -> bytes:
    """Unwrap an AES-128 key (RSAES-PKCS1-v1_5).

    A wrong padding does not show: the library returns pseudo-random octets (implicit rejection),
    and whatever is not 16 octets becomes a key that decrypts nothing. So every wrong key ends at
    the digest of the plaintext, in the same way.
    """
    try:
        unwrapped = key.decrypt(wrapped, _PKCS1)
    except ValueError:  # a wrapped key as long as no modulus: nothing secret is learnt from it
        unwrapped = b""
    return unwrapped if len(unwrapped) == 16 else bytes(16)


def decrypt_cbc(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Decrypt AES-128-CBC without removing any padding.

    Raises DecryptionFailed when sizes do not fit.
    """
    try:
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        return decryptor.update(octets) + decryptor.finalize()
    except (ValueError, UnsupportedAlgorithm):
        raise DecryptionFailed("the file cannot be decrypted") from None


def encrypt_cbc(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Encrypt whole blocks with AES-128-CBC. Raises ValueError for sizes that do not fit."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(octets) + encryptor.finalize()
