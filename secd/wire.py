"""Numbers, texts and elements as the phones' formats have them: big endian, NUL at the end.

Files are not read here: each decoder counts octets itself, because a phone that boots reads the
same lists again and again, and because it knows best which place to name when something is wrong.
Messages are: those of TVS and of CAPF have the same elements.
"""

from collections.abc import Mapping

from secd.errors import RemoteProtocolViolation


def u8(value: int) -> bytes:
    """Return one octet. Raises OverflowError outside 0..255 (a caller's bug)."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Return two octets, big endian. Raises OverflowError outside 0..65535."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Return four octets, big endian. Raises OverflowError outside 0..2**32-1."""
    return value.to_bytes(4, "big")


def text(octets: bytes) -> bytes:
    """Return a text and its final NUL. Raises ValueError for a text that has a NUL of its own."""
    if 0 in octets:
        raise ValueError("a text cannot hold a NUL")
    return octets + b"\0"


def read_elements_untrusted(
    message: bytes, begin: int, protocol: str, sizes: Mapping[int, int]
) -> tuple[tuple[int, bytes], ...]:
    """Return the elements of a message, (tag, value), in their order.

    Each is a tag (1), a length (2) and a value. begin -- the octet of the first. protocol -- its
    name, for errors. sizes -- the octets of those values whose length is fixed. Raises
    RemoteProtocolViolation for one that reaches past the message, stands twice or has a wrong size.
    """
    elements: dict[int, bytes] = {}
    at = begin
    while at < len(message):
        start = at + 3
        end = start + int.from_bytes(message[at + 1 : start], "big")
        if start > len(message) or end > len(message):
            raise RemoteProtocolViolation(f"element {message[at]} reaches past the message", at)
        tag, value = message[at], message[start:end]
        if tag in elements:
            raise RemoteProtocolViolation(f"element {tag} stands twice in a {protocol} message", at)
        if sizes.get(tag, len(value)) != len(value):
            rule = f"element {tag} has {len(value)} octets, not {sizes[tag]}"
            raise RemoteProtocolViolation(rule, at)
        elements[tag] = value
        at = end
    return tuple(elements.items())
