"""TVS messages (TCP 2445): their values, and their octets in both directions.

Big endian. Sources: the exchange of a real 8861 and CUCM 10.5 printed in Cisco 213407, traces of
118699 and 118893, and conversations of the open tvsd and tvsc.

    offset  size  meaning
         0     1  0x57
         1     1  version, 1
         2     1  type: 1 CERT_VERIFICATION_REQ, 2 its RES, 3 QUERY_CERT_REQ, 4 its RES
         3     1  reserved: written 0, ignored when read (a real CUCM sent 0xf7)
         4     4  id, chosen by the client, echoed by the server
         8     2  length of what follows
        10     n  elements: tag (1), length (2), value

    tag  value
      1  device name: 0x01 and the text without NUL, CP-8861-SEPB000B4BA0AEE
      2  certificate, DER
      3  subject name, text and NUL
      4  issuer name, text and NUL (the tag's number is inferred from the lengths of 213407)
      5  serial, octets (the same)
      7  status: 0 found or valid, 1 not
      8  functions, one octet each
      9  lifetime, u32 seconds

The order of elements is free and kept; unknown ones are kept too, so that a message read and
written back is the same. What an answer is worth is not decided here.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from secd.errors import RemoteProtocolViolation
from secd.wire import read_elements_untrusted

_HEADER = struct.Struct(">BBBBIH")
_DISCRIMINATOR = 0x57
_VERSION = 1
HEADER_BYTES = _HEADER.size


class MessageType(IntEnum):
    """Message types, in the spelling of CUCM's traces (TVS_MSG_…)."""

    CERT_VERIFICATION_REQ = 1
    CERT_VERIFICATION_RES = 2
    QUERY_CERT_REQ = 3
    QUERY_CERT_RES = 4


class Tag(IntEnum):
    """Elements."""

    DEVICE_NAME = 1
    CERTIFICATE = 2
    SUBJECT = 3
    ISSUER = 4
    SERIAL = 5
    STATUS = 7
    FUNCTIONS = 8
    LIFETIME = 9


_TEXTS = frozenset({Tag.SUBJECT, Tag.ISSUER})
_SIZES = {int(Tag.STATUS): 1, int(Tag.LIFETIME): 4}


@dataclass(frozen=True, slots=True)
class Message:
    """One message. elements -- (tag, value as on the wire), in their order, no tag twice."""

    kind: int
    request_id: int
    elements: tuple[tuple[int, bytes], ...]
    reserved: int = 0

    def element(self, tag: int) -> bytes | None:
        """Return the value of an element, or None where the message has none."""
        return next((value for number, value in self.elements if number == tag), None)

    def text(self, tag: int) -> bytes | None:
        """Return a text without its NUL."""
        value = self.element(tag)
        return None if value is None else value.removesuffix(b"\0")

    def encode(self) -> bytes:
        """Return the octets. Raises struct.error for values that do not fit (a caller's bug)."""
        body = b"".join(struct.pack(">BH", tag, len(v)) + v for tag, v in self.elements)
        header = (_DISCRIMINATOR, _VERSION, self.kind, self.reserved, self.request_id, len(body))
        return _HEADER.pack(*header) + body


def message_length_untrusted(header: bytes) -> int:
    """Return the octets of the whole message whose first `HEADER_BYTES` octets these are.

    Raises RemoteProtocolViolation when they begin no message of this version.
    """
    discriminator, version, _, _, _, length = _HEADER.unpack(header)
    if discriminator != _DISCRIMINATOR or version != _VERSION:
        raise RemoteProtocolViolation(
            f"a TVS message begins with {_DISCRIMINATOR:#x} and version {_VERSION}, "
            f"not {discriminator:#x} and {version}"
        )
    return HEADER_BYTES + int(length)


def decode_message_untrusted(octets: bytes) -> Message:
    """Read one whole message. Raises RemoteProtocolViolation."""
    if len(octets) < HEADER_BYTES:
        raise RemoteProtocolViolation("a TVS message is shorter than its header")
    if message_length_untrusted(octets[:HEADER_BYTES]) != len(octets):
        raise RemoteProtocolViolation("the length of a TVS message is not that in its header")
    _, _, kind, reserved, request_id, _ = _HEADER.unpack_from(octets)
    elements = read_elements_untrusted(octets, HEADER_BYTES, "TVS", _SIZES)
    for tag, value in elements:
        if tag in _TEXTS and (not value or value.find(0) != len(value) - 1):
            raise RemoteProtocolViolation(f"the text of element {tag} must end at its only NUL")
    return Message(kind, request_id, elements, reserved)


class MessageBuffer:
    """Puts messages together from whatever pieces the stream delivers.

    limit_bytes -- a longer message is refused as soon as its header says so.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._octets = b""

    @property
    def is_empty(self) -> bool:
        """Whether no message has begun that is not whole yet."""
        return not self._octets

    def feed(self, octets: bytes) -> list[Message]:
        """Take octets and return the messages that they complete, in order.

        Raises RemoteProtocolViolation; the buffer is of no use afterwards.
        """
        self._octets += octets
        messages = []
        while len(self._octets) >= HEADER_BYTES:
            length = message_length_untrusted(self._octets[:HEADER_BYTES])
            if length > self._limit_bytes:
                raise RemoteProtocolViolation(
                    f"a TVS message of {length} octets; taken are at most {self._limit_bytes}"
                )
            if len(self._octets) < length:
                break
            messages.append(decode_message_untrusted(self._octets[:length]))
            self._octets = self._octets[length:]
        return messages
