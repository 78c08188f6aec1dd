"""The sending side of one TFTP transfer, without I/O: what to send, and what an answer changes.

    block 0       the OACK packet, only where options were agreed (RFC 2347); always alone
    block 1 …     DATA; the last one is shorter than the block size, empty if it has to be

An acknowledgement that brings nothing new is not answered (else one duplicate on the way doubles
every later packet, the "sorcerer's apprentice" of RFC 1123 section 4.2.3.1). With a window one
repeated acknowledgement means a gap right behind it (RFC 7440 section 4): the window goes out
again, once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_sim.net.tftp_packets import encode_data, encode_option_acknowledgement

DEFAULT_BLOCK_BYTES = 512  # RFC 1350
_BLOCK_BYTES = range(8, 65465)  # RFC 2348
_TIMEOUT_SECONDS = range(1, 256)  # RFC 2349
_WINDOW_BLOCKS = range(1, 65536)  # RFC 7440
_LARGEST_WINDOW = 64  # the server may choose less than it is asked for (RFC 7440)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transfer goes by. answer -- the options to acknowledge; empty: no OACK.

    timeout_seconds -- as the client asked for; None: the server's own.
    """

    block_bytes: int = DEFAULT_BLOCK_BYTES
    window_blocks: int = 1
    timeout_seconds: int | None = None
    answer: tuple[tuple[str, str], ...] = ()


def agree(options: dict[str, str], file_bytes: int) -> Terms:
    """Return the terms for what a client asked (names in lower case).

    Options that are unknown or have values outside their RFC are left out of the answer, which is
    how a server declines them (RFC 2347).
    """
    block = _number(options.get("blksize"), _BLOCK_BYTES)
    timeout = _number(options.get("timeout"), _TIMEOUT_SECONDS)
    window = _number(options.get("windowsize"), _WINDOW_BLOCKS)
    window = None if window is None else min(window, _LARGEST_WINDOW)
    size = file_bytes if _number(options.get("tsize"), None) is not None else None
    values = {"blksize": block, "timeout": timeout, "windowsize": window, "tsize": size}
    answer = tuple((name, str(value)) for name, value in values.items() if value is not None)
    return Terms(block or DEFAULT_BLOCK_BYTES, window or 1, timeout, answer)


class Sender:
    """One transfer. acknowledged -- the last block that arrived; -1: not even the options."""

    __slots__ = ("_file", "_resent", "_terms", "acknowledged", "last_block")

    def __init__(self, file: bytes, terms: Terms) -> None:
        self._file = file
        self._terms = terms
        self._resent = False
        self.acknowledged = -1 if terms.answer else 0
        self.last_block = len(file) // terms.block_bytes + 1

    @property
    def done(self) -> bool:
        """True once the last block is acknowledged."""
        return self.acknowledged == self.last_block

    def window(self) -> Iterator[bytes]:
        """Yield the packets that are due now: those behind the last acknowledged block."""
        if self.acknowledged < 0:
            yield encode_option_acknowledgement(dict(self._terms.answer))
            return
        size = self._terms.block_bytes
        for block in range(self.acknowledged + 1, self._end()):
            yield encode_data(block & 0xFFFF, self._file[(block - 1) * size : block * size])

    def receive_acknowledgement(self, block: int) -> bool:
        """Take an acknowledgement (16 bits of a block number); True: send the window."""
        ahead = (block - self.acknowledged) & 0xFFFF
        if 0 < ahead < self._end() - self.acknowledged:
            self.acknowledged += ahead
            self._resent = False
            return not self.done
        if ahead == 0 and self._terms.window_blocks > 1 and not self._resent:
            self._resent = True
            return True
        return False

    def _end(self) -> int:
        """The number behind the last block that may be under way."""
        if self.acknowledged < 0:
            return 1
        return min(self.acknowledged + self._terms.window_blocks, self.last_block) + 1


def _number(text: str | None, allowed: range | None) -> int | None:
    """Read an option's value; None where it is absent, no number or not allowed."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= 20):
        return None
    number = int(text)
    return number if allowed is None or number in allowed else None
