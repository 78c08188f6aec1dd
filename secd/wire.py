"""Reading and writing big-endian octets within bounds.

`Reader` never reads past its end: every read says what it wanted, and at which octet of the
*file* it wanted it, so that an error can name the place.
"""

from secd.errors import MalformedFile


class Reader:
    """A cursor over `octets[start:end]` that refuses to leave them.

    octets -- the whole file, so that offsets in errors are offsets in the file.
    """

    __slots__ = ("_end", "_octets", "offset")

    def __init__(self, octets: bytes, start: int = 0, end: int | None = None) -> None:
        self._octets = octets
        self.offset = start
        self._end = len(octets) if end is None else end

    @property
    def remaining(self) -> int:
        """How many octets are left, in octets."""
        return self._end - self.offset

    def take(self, count: int, what: str) -> bytes:
        """Return the next `count` octets.

        Raises MalformedFile when fewer are left.
        """
        stop = self.offset + count
        if stop > self._end:
            raise MalformedFile(
                f"{what} needs {count} octets, only {self.remaining} are left", self.offset
            )
        octets = self._octets[self.offset : stop]
        self.offset = stop
        return octets

    def u8(self, what: str) -> int:
        """Return the next octet as a number."""
        return self.take(1, what)[0]

    def u16(self, what: str) -> int:
        """Return the next two octets as a number."""
        return int.from_bytes(self.take(2, what), "big")


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
