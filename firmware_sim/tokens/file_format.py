"""What stands in the file of a soft token. Octets in, octets out.

    Soft eToken of firmware-sim, format 1
    Attempts left: 15
    SHA-256: 64 digits, over the two lines above and all that follows below
    -----BEGIN CERTIFICATE-----             other tools read these two and skip the lines above
    -----BEGIN ENCRYPTED PRIVATE KEY-----   PKCS#8 under the PIN (`pkcs8`); gone when locked

The digest finds damage, so that a key that was hit does not look like fifteen wrong PINs. It is no
protection against somebody who writes into the file: nor is the count, who can copy the file.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from firmware_sim.tokens.interface import ATTEMPTS
from firmware_sim.tokens.pkcs8 import check_key_untrusted
from secd.certs import pem_to_der_untrusted
from secd.errors import MalformedFile

LIMIT_BYTES: Final = 64 * 1024
_FORMAT: Final = 1
_BEGIN: Final = b"Soft eToken of firmware-sim, format "
_HEAD = re.compile(re.escape(_BEGIN) + rb"1\nAttempts left: (\d\d)\nSHA-256: ([0-9a-f]{64})\n")
_LINES: Final = rb"((?:[A-Za-z0-9+/=]{1,64}\n)+)"
_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\n" + _LINES + rb"-----END CERTIFICATE-----\n"
)
_KEY = re.compile(
    rb"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + _LINES + rb"-----END ENCRYPTED PRIVATE KEY-----\n"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says.

    left -- attempts, 0 to 15. certificate -- DER. key -- encrypted PKCS#8 (DER), None when locked.
    """

    left: int
    certificate: bytes
    key: bytes | None


def encode(contents: Contents) -> bytes:
    """Return the file."""
    body = _pem("CERTIFICATE", contents.certificate)
    if contents.key is not None:
        body += _pem("ENCRYPTED PRIVATE KEY", contents.key)
    return head(contents.left, body) + body


def head(left: int, body: bytes) -> bytes:
    """Return the three lines at the beginning; they always have the same length."""
    told = b"%s%d\nAttempts left: %02d\n" % (_BEGIN, _FORMAT, left)
    return told + b"SHA-256: %s\n" % hashlib.sha256(told + body).hexdigest().encode()


def decode_token_untrusted(octets: bytes) -> Contents:
    """Return what a file says. Raises MalformedFile.

    A file that says 0 is locked, whatever became of the key in it: its destruction may have been
    interrupted, and then the digest does not fit.
    """
    if not octets.startswith(_BEGIN):
        raise MalformedFile("is no token of firmware-sim: its first line is another")
    found = _HEAD.match(octets)
    if found is None:
        raise MalformedFile(
            "is damaged, or of a later format: its second and third line must be the count of "
            "attempts and a digest"
        )
    left, body = int(found[1]), octets[found.end() :]
    if left > ATTEMPTS:
        raise MalformedFile(f"is damaged: it says {left} attempts, and no token has so many")
    if left and head(left, body) != found[0]:
        raise MalformedFile("is damaged: the digest in its third line does not fit")
    certificate = _CERTIFICATE.match(body)
    if certificate is None:
        raise MalformedFile("is damaged: there is no certificate")
    der = pem_to_der_untrusted(certificate[0])
    return Contents(left, der, _key(body[certificate.end() :]) if left else None)


def body_of(octets: bytes) -> bytes:
    """Return what follows the head of a file that was decoded."""
    return octets[len(head(0, b"")) :]


def _key(pem: bytes) -> bytes:
    found = _KEY.fullmatch(pem)
    if found is None:
        raise MalformedFile("is damaged: there is no private key")
    try:
        der = base64.b64decode(found[1])
    except ValueError:
        raise MalformedFile("is damaged: its private key is no base64") from None
    check_key_untrusted(der)
    return der


def _pem(kind: str, der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]).encode()
