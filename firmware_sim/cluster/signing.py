"""Files in their envelopes as CUCM's TFTP service makes them: trust lists, `.sgn`, `.enc.sgn`.

Which key signs which file is decided by the callers.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from random import Random

from cryptography.hazmat.primitives.asymmetric import padding

from firmware_sim.cluster.credentials import Credential, ListedCertificate
from secd.certs import rsa_key_of_untrusted
from secd.crypto import MODULUS_CODES, Digest, digest_of, encrypt_cbc
from secd.envelope import (
    CERTUTILS_ENCRYPTED_LAYOUT,
    CUCM_LAYOUT,
    Encryption,
    Header,
    Signer,
    pad,
    sign,
)
from secd.errors import UnsupportedKey
from secd.trustlist import Record, encode_records

_LIST_VERSION = (1, 2)
_SIGNED_VERSION = (1, 0)
_ENCRYPTED_VERSION = (2, 0)
_BLOCK_BYTES = 16


def sign_list(
    name: str,
    records: tuple[Record, ...],
    signer: Credential,
    digest: Digest,
    signed_at_seconds: int,
) -> bytes:
    """Return a trust list. Raises UnsupportedKey for keys that a header cannot express."""
    return sign_list_elsewhere(
        name,
        records,
        signer,
        signer.key.key_size,
        digest,
        signed_at_seconds,
        lambda octets: signer.sign(octets, digest),
    )


def sign_list_elsewhere(
    name: str,
    records: tuple[Record, ...],
    signer: ListedCertificate,
    key_bits: int,
    digest: Digest,
    signed_at_seconds: int,
    make_signature: Callable[[bytes], bytes],
) -> bytes:
    """Return a trust list signed by a key that is somewhere else: in a token.

    key_bits -- of the signer's modulus. make_signature -- returns the signature of octets.
    Raises UnsupportedKey for keys that a header cannot express, and what make_signature raises.
    """
    header = _header(_LIST_VERSION, name, signer, key_bits, digest, signed_at_seconds)
    return sign(pad(header), encode_records(records), make_signature)


def sign_file(
    name: str, payload: bytes, signer: Credential, digest: Digest, signed_at_seconds: int
) -> bytes:
    """Return a `.sgn` file: `payload` in an envelope that carries `name`, the suffix included.

    Raises UnsupportedKey for keys that a header cannot express.
    """
    bits = signer.key.key_size
    header = _header(_SIGNED_VERSION, name, signer, bits, digest, signed_at_seconds)
    return _sign(header, payload, signer)


def encrypt_and_sign_file(
    name: str,
    payload: bytes,
    recipient: bytes,
    random: Random,
    signer: Credential,
    digest: Digest,
    signed_at_seconds: int,
) -> bytes:
    """Return an `.enc.sgn` file for the phone with the certificate `recipient` (DER).

    The AES key and the initialisation vector are new in every file. The envelope has the order of
    tags of certutils' enccnf: no file of CUCM's own has been published.
    Raises UnsupportedKey for a signer that a header cannot express and for a recipient without an
    RSA key.
    """
    aes_key, vector = random.randbytes(16), random.randbytes(16)
    missing = _BLOCK_BYTES - len(payload) % _BLOCK_BYTES
    wrapped, bits = _wrap(aes_key, recipient)
    encryption = Encryption(
        cipher=0,
        initialisation_vector=vector,
        plaintext_padding=missing,
        key_field_22=0,
        wrapped_key_bits=bits,
        key_field_24=1,
        wrapped_key=wrapped,
        plaintext_digest_number=digest,
        plaintext_digest=digest_of(payload, digest),
    )
    header = replace(
        _header(_ENCRYPTED_VERSION, name, signer, signer.key.key_size, digest, signed_at_seconds),
        encryption=encryption,
        layout=CERTUTILS_ENCRYPTED_LAYOUT,
    )
    return _sign(header, encrypt_cbc(aes_key, vector, payload + b"\r" * missing), signer)


def encryption_recipient(certificate: bytes | None) -> bytes | None:
    """Return a phone's certificate if files can be encrypted to it: if its key is RSA.

    What a file for an EC key looks like is not public.
    """
    if certificate is None:
        return None
    try:
        rsa_key_of_untrusted(certificate)
    except UnsupportedKey:
        return None
    return certificate


def certificate_hash(certificate: bytes) -> str:
    """Return what `certHash` of a configuration says: MD5 of the DER, lower-case hexadecimal."""
    return hashlib.md5(certificate, usedforsecurity=False).hexdigest()


def _header(
    version: tuple[int, int],
    name: str,
    signer: ListedCertificate,
    key_bits: int,
    digest: Digest,
    signed_at_seconds: int,
) -> Header:
    code = MODULUS_CODES.get(key_bits)
    if code is None:
        raise UnsupportedKey(f"a header cannot express a key of {key_bits} bits")
    return Header(
        version=version,
        signer=Signer(signer.subject, signer.issuer, signer.serial),
        digest=digest,
        signature_algorithm=0,
        modulus_code=code,
        signature=bytes(key_bits // 8),
        file_name=name.encode(),
        timestamp=signed_at_seconds,
        layout=CUCM_LAYOUT,
    )


def _sign(header: Header, body: bytes, signer: Credential) -> bytes:
    return sign(pad(header), body, lambda octets: signer.sign(octets, header.digest))


def _wrap(aes_key: bytes, recipient: bytes) -> tuple[bytes, int]:
    public_key = rsa_key_of_untrusted(recipient)
    return public_key.encrypt(aes_key, padding.PKCS1v15()), public_key.key_size
