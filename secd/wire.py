"""Writing numbers and texts as the phones' formats have them: big endian, NUL at the end.

Reading is not here: each decoder counts octets itself, because a phone that boots reads the same
lists again and again, and because it knows best which place to name when something is wrong.
"""


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
