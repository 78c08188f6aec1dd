"""The octets of a conversation with a CTL Provider: frames and their elements.

Ours from the first octet: the protocol of Cisco's CTL Client and CTL Provider is not public
(docs/ctl-provider.md). Big endian.

    offset  size  meaning
         0     1  0xC2
         1     1  version, 1
         2     1  kind of the message, see `messages`
         3     1  0
         4     4  length of what follows
         8     n  elements: tag (1), length (4), value

A frame of another version, with a reserved octet that is not 0, or longer than `FRAME_LIMIT_BYTES`
is a violation. What elements mean is not decided here.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from secd.errors import RemoteProtocolViolation

_HEADER: Final = struct.Struct(">BBBBI")
_ELEMENT: Final = struct.Struct(">BI")
_DISCRIMINATOR: Final = 0xC2
_VERSION: Final = 1
HEADER_BYTES: Final = _HEADER.size
FRAME_LIMIT_BYTES: Final = 96 * 1024  # a CTL of 64 KB and more than all else


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. elements -- (tag, value), in their order; a tag may stand several times."""

    kind: int
    elements: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)  # a password, perhaps

    def encode(self) -> bytes:
        """Return the octets. Raises struct.error for values that do not fit (a caller's bug)."""
        body = b"".join(_ELEMENT.pack(tag, len(value)) + value for tag, value in self.elements)
        return _HEADER.pack(_DISCRIMINATOR, _VERSION, self.kind, 0, len(body)) + body


def frame_length_untrusted(header: bytes) -> int:
    """Return the octets of the whole frame whose first `HEADER_BYTES` octets these are.

    Raises RemoteProtocolViolation when they begin none.
    """
    discriminator, version, _, reserved, length = _HEADER.unpack(header)
    if (discriminator, version, reserved) != (_DISCRIMINATOR, _VERSION, 0):
        raise RemoteProtocolViolation(
            f"a message of the CTL Provider begins with {_DISCRIMINATOR:#x} and version {_VERSION},"
            f" not {discriminator:#x} and {version}",
            0,
        )
    whole = HEADER_BYTES + int(length)
    if whole > FRAME_LIMIT_BYTES:
        raise RemoteProtocolViolation(
            f"a message of {whole} octets; taken are at most {FRAME_LIMIT_BYTES}", 4
        )
    return whole


def decode_frame_untrusted(octets: bytes) -> Frame:
    """Read one whole frame. Raises RemoteProtocolViolation."""
    if len(octets) < HEADER_BYTES:
        raise RemoteProtocolViolation("a message is shorter than its header", 0)
    if frame_length_untrusted(octets[:HEADER_BYTES]) != len(octets):
        raise RemoteProtocolViolation("the length of a message is not that in its header", 4)
    elements = []
    at = HEADER_BYTES
    while at < len(octets):
        begin = at + _ELEMENT.size
        if begin > len(octets):
            raise RemoteProtocolViolation("an element ends before its length", at)
        tag, length = _ELEMENT.unpack_from(octets, at)
        if begin + length > len(octets):
            raise RemoteProtocolViolation(f"element {tag} reaches past the message", at)
        elements.append((tag, octets[begin : begin + length]))
        at = begin + length
    return Frame(octets[2], tuple(elements))


class FrameBuffer:
    """Puts one frame at a time together from whatever pieces the stream delivers."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> Frame | None:
        """Take octets; return the frame that they complete.

        Raises RemoteProtocolViolation, also for octets behind the frame: each side waits for the
        other's answer. The buffer is of no use afterwards.
        """
        self._octets += octets
        if len(self._octets) < HEADER_BYTES:
            return None
        length = frame_length_untrusted(self._octets[:HEADER_BYTES])
        if len(self._octets) < length:
            return None
        if len(self._octets) > length:
            raise RemoteProtocolViolation("a second message came before the answer", length)
        whole, self._octets = self._octets, b""
        return decode_frame_untrusted(whole)
