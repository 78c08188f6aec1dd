"""A private key under a PIN: PKCS#8 (RFC 5958) with PBES2 (RFC 8018), as other tools read it.

    EncryptedPrivateKeyInfo
        PBES2
            PBKDF2   salt (16 octets; openssl: 8), iterations, HMAC-SHA-256
            AES-256-CBC   IV (16 octets)
        the PrivateKeyInfo, padded to whole blocks and encrypted

The library encrypts keys so too, but with 2048 iterations, which cannot be changed there.
"""

import os
import re
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from secd.errors import DecryptionFailed, MalformedFile

ITERATIONS: Final = 600_000  # OWASP's figure of 2023 for PBKDF2 with HMAC-SHA-256
_MOST_ITERATIONS: Final = 10_000_000  # seconds; a file that wants more wants to keep us busy
_BLOCK_BITS: Final = 128
_PBES2, _PBKDF2, _HMAC_SHA256, _AES256_CBC = (
    bytes.fromhex(oid)
    for oid in (
        "06092a864886f70d01050d",
        "06092a864886f70d01050c",
        "06082a864886f70d0209",
        "060960864801650304012a",
    )
)
_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_FORM = re.compile(
    rb".{2,8}"
    + re.escape(_PBES2)
    + rb"0.0."
    + re.escape(_PBKDF2)
    + rb"0.\x04(\x08.{8}|\x10.{16})\x02(\x01.|\x02..|\x03...|\x04....)0\x0c"
    + re.escape(_HMAC_SHA256)
    + rb"\x05\x000\x1d"
    + re.escape(_AES256_CBC)
    + rb"\x04\x10(.{16})\x04(?:\x81.|\x82..)(.+)",
    re.DOTALL,
)


def encrypt_key(key: rsa.RSAPrivateKey, pin: str, iterations: int = ITERATIONS) -> bytes:
    """Return a key under a PIN (DER)."""
    salt, iv = os.urandom(16), os.urandom(16)
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = _cipher(pin, salt, iterations, iv).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return _encode(salt, iterations, iv, sealed)


def check_key_untrusted(der: bytes) -> None:
    """Refuse what cannot be a key under a PIN. Raises MalformedFile."""
    _parse(der)


def decrypt_key(der: bytes, pin: str) -> rsa.RSAPrivateKey:
    """Return the key. Raises MalformedFile, and DecryptionFailed for a wrong PIN."""
    salt, iterations, iv, sealed = _parse(der)
    decryptor = _cipher(pin, salt, iterations, iv).decryptor()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    try:
        plain = unpadder.update(decryptor.update(sealed) + decryptor.finalize())
        key = load_der_private_key(plain + unpadder.finalize(), None)
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
    ):  # 1 of 256 wrong PINs leaves a right padding, and no key
        raise DecryptionFailed("the PIN does not open the key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise DecryptionFailed("the PIN does not open an RSA key")
    return key


def _cipher(pin: str, salt: bytes, iterations: int, iv: bytes) -> Cipher[modes.CBC]:
    kdf = PBKDF2HMAC(hashes.SHA256(), 32, salt, iterations)
    # surrogatepass: whatever a terminal gave is a PIN, though a wrong one.
    return Cipher(algorithms.AES(kdf.derive(pin.encode(errors="surrogatepass"))), modes.CBC(iv))


def _parse(der: bytes) -> tuple[bytes, int, bytes, bytes]:
    found = _FORM.fullmatch(der)
    if found is None:
        raise MalformedFile(
            "the private key is not under PBES2 with PBKDF2, HMAC-SHA-256 and AES-256-CBC"
        )
    sized_salt, sized_number, iv, sealed = found.groups()
    salt, iterations = sized_salt[1:], int.from_bytes(sized_number[1:], "big")
    # Encoded again it must be the same, or one of the lengths does not fit.
    if not 0 < iterations <= _MOST_ITERATIONS or _encode(salt, iterations, iv, sealed) != der:
        raise MalformedFile("the lengths or the iterations of the encrypted key do not fit")
    if len(sealed) * 8 % _BLOCK_BITS:
        raise MalformedFile("the encrypted key is not made of whole blocks")
    return salt, iterations, iv, sealed


def _encode(salt: bytes, iterations: int, iv: bytes, sealed: bytes) -> bytes:
    number = iterations.to_bytes(iterations.bit_length() // 8 + 1, "big")
    prf = _der(_SEQUENCE, _HMAC_SHA256 + b"\x05\x00")
    kdf = _der(_SEQUENCE, _der(_OCTETS, salt) + _der(_INTEGER, number) + prf)
    cipher = _der(_SEQUENCE, _AES256_CBC + _der(_OCTETS, iv))
    scheme = _der(_SEQUENCE, _der(_SEQUENCE, _PBKDF2 + kdf) + cipher)
    return _der(_SEQUENCE, _der(_SEQUENCE, _PBES2 + scheme) + _der(_OCTETS, sealed))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
