"""The packets of TFTP: octets to values and back (RFC 1350; option packets of RFC 2347).

Every packet starts with two octets that say what it is, and every number is big endian. A write
request (opcode 2) is not read: a phone never uploads, so for it the opcode is unknown.

Decided here: what a well-formed packet is. Not decided here: which block, option or peer is
welcome at which moment (`secd.tftp.transitions`, `secd.tftp.negotiation`).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from secd.errors import RemoteProtocolViolation, UnusableInput
from secd.text import ascii_of
from secd.wire import u16

REQUEST_LIMIT_BYTES: Final = 512  # RFC 2347: a request packet holds no more
TEXT_LIMIT_BYTES: Final = 512  # of an error's text: as much as a packet of RFC 1350 could hold
HEADER_BYTES: Final = 4  # opcode and block number before the octets of a DATA packet
DEFAULT_BLOCK_BYTES: Final = 512  # RFC 1350 section 2; what counts when no block size is agreed

_OCTETS = ("utf-8", "surrogateescape")  # any octets come back equal; print such text with ascii()


class Opcode(IntEnum):
    """The first two octets of a packet (RFC 1350 section 5; 6: RFC 2347)."""

    READ_REQUEST = 1
    DATA = 3
    ACKNOWLEDGEMENT = 4
    ERROR = 5
    OPTION_ACKNOWLEDGEMENT = 6


class ErrorCode(IntEnum):
    """The error numbers that this client knows (RFC 1350 appendix; 8: RFC 2347)."""

    NOT_DEFINED = 0
    FILE_NOT_FOUND = 1
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER_ID = 5
    OPTION_NEGOTIATION = 8


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A client wants a file.

    01 | file name | NUL | mode | NUL | (option | NUL | value | NUL)*      RFC 1350, RFC 2347

    mode and the names of options are lower case: both are case-insensitive. file_name may hold
    anything but NUL; octets that are not UTF-8 are lone surrogates.
    """

    file_name: str
    mode: str = "octet"
    options: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """Return the octets. Raises UnusableInput when no request can carry this name."""
        name = self.file_name
        if not name or "\0" in name:
            raise UnusableInput(f"TFTP cannot ask for a file named {name!a}: empty or with a NUL")
        octets = _encode_strings(Opcode.READ_REQUEST, (name, self.mode, *_flat(self.options)))
        if len(octets) > REQUEST_LIMIT_BYTES:
            raise UnusableInput(f"TFTP cannot ask for a file with a name of {len(name)} characters")
        return octets


@dataclass(frozen=True, slots=True)
class Data:
    """One block of the file.

    03 | block number, 2 | 0 to block size octets      RFC 1350; a short block is the last one
    """

    block: int
    octets: bytes

    def encode(self) -> bytes:
        """Return the octets."""
        return u16(Opcode.DATA) + u16(self.block) + self.octets


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Everything up to this block arrived.

    04 | block number, 2      RFC 1350; block 0 acknowledges options (RFC 2347)
    """

    block: int

    def encode(self) -> bytes:
        """Return the octets."""
        return u16(Opcode.ACKNOWLEDGEMENT) + u16(self.block)


@dataclass(frozen=True, slots=True)
class ErrorPacket:
    """The transfer is over, with an error.

    05 | error code, 2 | text | NUL      RFC 1350

    code -- kept as sent, known or not. text -- up to the first NUL or the end, at most
    TEXT_LIMIT_BYTES of it, one printable line: whatever is not printable ASCII is shown as \\xNN,
    because it goes into the phone's log.
    """

    code: int
    text: str

    def encode(self) -> bytes:
        """Return the octets."""
        return u16(Opcode.ERROR) + u16(self.code) + self.text.encode("ascii") + b"\0"


@dataclass(frozen=True, slots=True)
class OptionAcknowledgement:
    """The server accepts these options, with these values.

    06 | (option | NUL | value | NUL)*      RFC 2347; names are lower case here
    """

    options: tuple[tuple[str, str], ...]

    def encode(self) -> bytes:
        """Return the octets."""
        return _encode_strings(Opcode.OPTION_ACKNOWLEDGEMENT, _flat(self.options))


Packet = ReadRequest | Data | Acknowledgement | ErrorPacket | OptionAcknowledgement


def decode_packet_untrusted(octets: bytes) -> Packet:
    """Return the packet in one datagram.

    Raises RemoteProtocolViolation, which names the rule that is broken.
    """
    opcode = int.from_bytes(octets[:2], "big")
    if len(octets) < HEADER_BYTES and opcode != Opcode.OPTION_ACKNOWLEDGEMENT:
        raise RemoteProtocolViolation(f"a TFTP packet of {len(octets)} octets is cut short")
    if opcode == Opcode.DATA:
        return Data(octets[2] << 8 | octets[3], octets[HEADER_BYTES:])
    if opcode == Opcode.ACKNOWLEDGEMENT:
        return _decode_acknowledgement(octets)
    if opcode == Opcode.ERROR:
        return decode_error_untrusted(octets)
    if opcode == Opcode.OPTION_ACKNOWLEDGEMENT:
        return decode_option_acknowledgement_untrusted(octets)
    if opcode == Opcode.READ_REQUEST:
        return _decode_read_request(octets)
    raise RemoteProtocolViolation(f"TFTP opcode {opcode} is not known")


def decode_error_untrusted(octets: bytes) -> ErrorPacket:
    """Return the error in a datagram of at least HEADER_BYTES whose opcode is known.

    Lenient on purpose: servers forget the NUL and send texts of their own encoding, and the
    text is all that an administrator gets. Never raises.
    """
    text, _, _ = octets[HEADER_BYTES : HEADER_BYTES + TEXT_LIMIT_BYTES].partition(b"\0")
    return ErrorPacket(octets[2] << 8 | octets[3], ascii_of(text))


def decode_option_acknowledgement_untrusted(octets: bytes) -> OptionAcknowledgement:
    """Return the accepted options in a datagram whose opcode is known.

    Raises RemoteProtocolViolation when they are not pairs that each end with a NUL, or when one
    stands twice (RFC 2347 allows each once).
    """
    return OptionAcknowledgement(_pairs(_decode_strings(octets[2:])))


def _decode_acknowledgement(octets: bytes) -> Acknowledgement:
    if len(octets) != HEADER_BYTES:
        raise RemoteProtocolViolation("an acknowledgement is longer than its block number")
    return Acknowledgement(octets[2] << 8 | octets[3])


def _decode_read_request(octets: bytes) -> ReadRequest:
    strings = _decode_strings(octets[2:])
    if len(strings) < 2 or not strings[0]:
        raise RemoteProtocolViolation("a read request lacks its file name or its mode")
    return ReadRequest(strings[0], strings[1].lower(), _pairs(strings[2:]))


def _pairs(strings: list[str]) -> tuple[tuple[str, str], ...]:
    names = [name.lower() for name in strings[::2]]
    if len(strings) % 2:
        raise RemoteProtocolViolation("a TFTP option has no value")
    if len(set(names)) != len(names):
        raise RemoteProtocolViolation("a TFTP option stands twice")
    return tuple(zip(names, strings[1::2], strict=True))


def _decode_strings(octets: bytes) -> list[str]:
    if not octets:
        return []
    if octets[-1]:
        raise RemoteProtocolViolation("the last string of a TFTP packet does not end with a NUL")
    return [string.decode(*_OCTETS) for string in octets[:-1].split(b"\0")]


def _encode_strings(opcode: Opcode, strings: tuple[str, ...]) -> bytes:
    return u16(opcode) + b"".join(string.encode(*_OCTETS) + b"\0" for string in strings)


def _flat(options: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(string for option in options for string in option)
