"""Octets to the model's words: by the naive decoder, and by RSA as RFC 8017 writes it.

Whether a key made a signature is computed with `pow`, so that not even the cryptography is shared
with `secd` (only the parsing of certificates is).
"""

import hashlib
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from fuzz.model import Claim, Key, Listed
from fuzz.naive import NaiveFile, NaiveRecord, read_file, read_list

_BITS = {0: 512, 1: 1024, 2: 2048, 3: 4096}
_DIGESTS = {1: "sha1", 2: "sha256", 3: "sha512"}
# DigestInfo in front of the digest: RFC 8017 section 9.2, note 1.
_PREFIXES = {
    1: bytes.fromhex("3021300906052b0e03021a05000414"),
    2: bytes.fromhex("3031300d060960864801650304020105000420"),
    3: bytes.fromhex("3051300d060960864801650304020305000440"),
}


@lru_cache(maxsize=512)
def claim_of_list(octets: bytes) -> Claim:
    """Read a trust list. Raises `fuzz.naive.Bad`."""
    file, records = read_list(octets)
    return _claim(file, tuple(_listed(record) for record in records))


@lru_cache(maxsize=512)
def claim_of_file(octets: bytes) -> Claim:
    """Read a `.sgn`. Raises `fuzz.naive.Bad`."""
    return _claim(read_file(octets), ())


@cache
def key_of(certificate: bytes) -> Key | None:
    """Return the RSA key of a certificate; None: there is none."""
    try:
        with warnings.catch_warnings(action="ignore"):
            key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    return numbers.n, numbers.e


@cache
def expiry_of(certificate: bytes) -> float | None:
    """Return the last second of a certificate; None: it cannot be read to its end."""
    try:
        with warnings.catch_warnings(action="ignore"):
            one = x509.load_der_x509_certificate(certificate)
            one.issuer.rfc4514_string()
            one.subject.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None
    return one.not_valid_after_utc.timestamp()


def _claim(file: NaiveFile, listed: tuple[Listed, ...]) -> Claim:
    values = file.values
    return Claim(
        octets=file.octets,
        signer=(values[6], values[5]),
        digest=values[8][0],
        algorithm=values[10][0],
        bits=_BITS.get(values[11][0]),
        made_with=_tester(file),
        listed=listed,
        body=file.body(),
        encrypted=18 in values,
        signed_at=int.from_bytes(values.get(15, b""), "big"),
        title=values.get(14, b""),
        signer_version=values.get(28, b""),
    )


def _tester(file: NaiveFile) -> Callable[[Key], bool]:
    digest, signature = file.values[8][0], file.values[12]
    if digest not in _DIGESTS:
        return lambda key: False  # noqa: ARG005
    hashed = hashlib.new(_DIGESTS[digest], file.signed_octets(), usedforsecurity=False).digest()
    info = _PREFIXES[digest] + hashed

    @cache
    def made_with(key: Key) -> bool:
        modulus, exponent = key
        size = (modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= modulus:
            return False
        opened = pow(number, exponent, modulus).to_bytes(size, "big")
        return opened == b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info

    return made_with


def _listed(record: NaiveRecord) -> Listed:
    values = record.values
    certificate = values.get(9, b"")
    return Listed(
        function=int.from_bytes(values[4], "big") if 4 in values else None,
        name=(values.get(5), values.get(6)),
        certificate=certificate,
        key=key_of(certificate) if certificate else None,
        expires=expiry_of(certificate) if certificate else None,
        address=str(ip_address(values[10])) if 10 in values else "",
        dns=values.get(2, b"").decode("utf-8", "replace"),
    )
