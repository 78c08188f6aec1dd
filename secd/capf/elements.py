"""The three elements that have an inside: wrapped certificates, SUDI data, SHA-512 signatures.

certificate (tag 4)        01, u16 length, 00 01, DER
                           (capfd, capfc and Jabber4Linux; what the two octets mean is unknown:
                           00 01 is written, anything is read; several items are allowed)
SUDI data (tag 16)         items of tag (1), length (2), value: 00 DER certificate,
                           01 signature with SHA-1, 03 signature with SHA-512
SHA-512 signature (tag 20) 03, u16 length, signature
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from secd.errors import RemoteProtocolViolation

_WRAPPED = 1
_KIND = b"\x00\x01"
_SUDI_CERTIFICATE, _SUDI_SHA1, _SHA512 = 0, 1, 3


@dataclass(frozen=True, slots=True)
class SUDI:
    """SUDI data: a DER certificate, and signatures by its key over session id and certificate."""

    certificate: bytes
    sha1_signature: bytes
    sha512_signature: bytes


def wrap_certificate(der: bytes) -> bytes:
    """Return the value of tag 4."""
    return _item(_WRAPPED, _KIND + der)


def unwrap_certificate_untrusted(value: bytes) -> bytes:
    """Return the DER octets of the first certificate in tag 4. Raises RemoteProtocolViolation."""
    for tag, inner in _items_untrusted(value, "the certificate"):
        if tag == _WRAPPED and len(inner) > len(_KIND):
            return inner[len(_KIND) :]
    raise RemoteProtocolViolation("the certificate of a CAPF message is empty")


def encode_sudi(sudi: SUDI) -> bytes:
    """Return the value of tag 16."""
    return (
        _item(_SUDI_CERTIFICATE, sudi.certificate)
        + _item(_SUDI_SHA1, sudi.sha1_signature)
        + _item(_SHA512, sudi.sha512_signature)
    )


def decode_sudi_untrusted(value: bytes) -> SUDI:
    """Read tag 16. Raises RemoteProtocolViolation, also for a missing item."""
    items = dict(_items_untrusted(value, "the SUDI data"))
    try:
        return SUDI(items[_SUDI_CERTIFICATE], items[_SUDI_SHA1], items[_SHA512])
    except KeyError as missing:
        raise RemoteProtocolViolation(f"the SUDI data lacks item {missing}") from None


def wrap_sha512_signature(signature: bytes) -> bytes:
    """Return the value of tag 20."""
    return _item(_SHA512, signature)


def unwrap_sha512_signature_untrusted(value: bytes) -> bytes:
    """Return the signature in tag 20. Raises RemoteProtocolViolation."""
    for tag, inner in _items_untrusted(value, "the signed data"):
        if tag == _SHA512:
            return inner
    raise RemoteProtocolViolation("the signed data holds no SHA-512 signature")


def _item(tag: int, value: bytes) -> bytes:
    return struct.pack(">BH", tag, len(value)) + value


def _items_untrusted(value: bytes, what: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(value):
        start = at + 3
        end = start + int.from_bytes(value[at + 1 : start], "big")
        if start > len(value) or end > len(value):
            raise RemoteProtocolViolation(f"an item inside {what} reaches past its end")
        yield value[at], value[start:end]
        at = end
