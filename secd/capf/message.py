"""CAPF messages (TCP 3804, inside TLS): their values, and their octets in both directions.

Big endian.

    offset  size  meaning
         0     1  0x55
         1     1  type (`MessageType`)
         2     4  session id: chosen by the server in its first message, echoed ever after
         6     2  length of what follows
         8     n  elements: tag (1), length (2), value

    tag  value
      1  reason, u8
      2  reason in words, text (?)
      3  which certificate, u8: 1 LSC, 2 MIC
      4  certificate, wrapped (`secd.capf.elements`)
      5  certificate id; nobody is known to send it
      6  signature with SHA-1 (`secd.capf.proof`)
      7  version, u8
      8  how the server wants the phone to prove itself, u8 as capfAuthMode
      9  public key, DER SubjectPublicKeyInfo
     10  size of an RSA key, u16 bits
     11  authentication string, text and NUL; a lone NUL where there is none
     12  when to come back; width and unit are unknown
     13  device name, text and NUL
     16  SUDI data (`secd.capf.elements`)
     17  kind of key, u8: 0 RSA, 1 EC
     18  curve, u8: 0 P-256, 1 P-384, 2 P-521
     19  digest, u8 (?)
     20  signature with SHA-512 (`secd.capf.elements`)

Sources: capfd and capfc of usecallmanager.nz, whose conversations are test vectors; Jabber4Linux
for what Cisco's own ends send. The order of elements is free and kept; unknown ones are kept too,
so that a message read and written back is the same. A message goes out in one write, hence in one
TLS record: phones stall on a header that comes alone (comment in capfd). What comes in may be cut
anywhere.
"""

import struct
from dataclasses import dataclass

from secd.capf.names import Tag
from secd.errors import RemoteProtocolViolation

_HEADER = struct.Struct(">BBIH")
_DISCRIMINATOR = 0x55
HEADER_BYTES = _HEADER.size
_SECRET = frozenset({int(Tag.PASSWORD)})
_SIZES = {
    int(Tag.REASON): 1,
    int(Tag.CERTIFICATE_TYPE): 1,
    int(Tag.VERSION): 1,
    int(Tag.AUTH_TYPE): 1,
    int(Tag.KEY_SIZE): 2,
    int(Tag.KEY_TYPE): 1,
    int(Tag.CURVE): 1,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message. elements -- (tag, value as on the wire), in their order, no tag twice."""

    kind: int
    session_id: int
    elements: tuple[tuple[int, bytes], ...] = ()

    def element(self, tag: int) -> bytes | None:
        """Return the value of an element, or None where the message has none."""
        return next((value for number, value in self.elements if number == tag), None)

    def number(self, tag: int) -> int | None:
        """Return the value of an element as a number, or None where the message has none."""
        value = self.element(tag)
        return None if value is None else int.from_bytes(value, "big")

    def text(self, tag: int) -> bytes | None:
        """Return a text without its NUL, of which at most one is taken off: peers send without."""
        value = self.element(tag)
        return None if value is None else value.removesuffix(b"\0")

    def encode(self) -> bytes:
        """Return the octets. Raises struct.error for values that do not fit (a caller's bug)."""
        body = b"".join(struct.pack(">BH", tag, len(v)) + v for tag, v in self.elements)
        return _HEADER.pack(_DISCRIMINATOR, self.kind, self.session_id, len(body)) + body

    def __repr__(self) -> str:
        """Show everything but the authentication string."""
        shown = ", ".join(
            f"({tag}, {'<secret>' if tag in _SECRET else repr(value)})"
            for tag, value in self.elements
        )
        return f"Message({self.kind}, {self.session_id}, [{shown}])"


def message_length_untrusted(header: bytes) -> int:
    """Return the octets of the whole message whose first `HEADER_BYTES` octets these are.

    Raises RemoteProtocolViolation when they begin no message.
    """
    discriminator, _, _, length = _HEADER.unpack(header)
    if discriminator != _DISCRIMINATOR:
        raise RemoteProtocolViolation(
            f"a CAPF message begins with {_DISCRIMINATOR:#04x}, not {discriminator:#04x}"
        )
    return HEADER_BYTES + int(length)


def decode_message_untrusted(octets: bytes) -> Message:
    """Read one whole message. Raises RemoteProtocolViolation."""
    if len(octets) < HEADER_BYTES:
        raise RemoteProtocolViolation("a CAPF message is shorter than its header")
    if message_length_untrusted(octets[:HEADER_BYTES]) != len(octets):
        raise RemoteProtocolViolation("the length of a CAPF message is not that in its header")
    _, kind, session_id, _ = _HEADER.unpack_from(octets)
    elements: dict[int, bytes] = {}
    at = HEADER_BYTES
    while at < len(octets):
        start = at + 3
        end = start + int.from_bytes(octets[at + 1 : start], "big")
        if start > len(octets) or end > len(octets):
            raise RemoteProtocolViolation(f"element {octets[at]} reaches past the message")
        tag, value = octets[at], octets[start:end]
        if tag in elements:
            raise RemoteProtocolViolation(f"element {tag} stands twice in a CAPF message")
        if _SIZES.get(tag, len(value)) != len(value):
            raise RemoteProtocolViolation(
                f"element {tag} has {len(value)} octets, not {_SIZES[tag]}"
            )
        elements[tag] = value
        at = end
    return Message(kind, session_id, tuple(elements.items()))


class MessageBuffer:
    """Puts messages together from whatever pieces the stream delivers.

    No message can be longer than its u16 length says, so what waits here is bounded.
    """

    def __init__(self) -> None:
        self._octets = b""

    @property
    def is_empty(self) -> bool:
        """Whether no message has begun that is not whole yet."""
        return not self._octets

    def feed(self, octets: bytes) -> None:
        """Take octets."""
        self._octets += octets

    def next_message_untrusted(self) -> Message | None:
        """Return the next whole message, None where there is none yet.

        Raises RemoteProtocolViolation; the buffer is of no use afterwards.
        """
        if len(self._octets) < HEADER_BYTES:
            return None
        length = message_length_untrusted(self._octets[:HEADER_BYTES])
        if len(self._octets) < length:
            return None
        octets, self._octets = self._octets[:length], self._octets[length:]
        return decode_message_untrusted(octets)
