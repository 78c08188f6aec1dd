"""TFTP packets with tftpy as the codec, behind one door.

The lab's server speaks with another implementation than the phone's client (`secd.tftp`), so that
one mistake in one codec cannot hide in both. tftpy's packet classes are pure, but raise whatever
happens to them on bad octets; here that becomes RemoteProtocolViolation, and nothing else does.
"""

import logging
import struct
from dataclasses import dataclass
from typing import Final

from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import (
    TftpPacketACK,
    TftpPacketDAT,
    TftpPacketERR,
    TftpPacketOACK,
    TftpPacketRRQ,
    TftpPacketWRQ,
)
from tftpy.TftpShared import TftpException

from secd.errors import RemoteProtocolViolation

# tftpy writes a line at level ERROR for every error packet it reads, on stderr where nobody has
# configured logging. A phone that breaks off a transfer is no error of the lab.
logging.getLogger("tftpy").addHandler(logging.NullHandler())

NOT_DEFINED: Final = 0  # error codes of RFC 1350
FILE_NOT_FOUND: Final = 1
ACCESS_VIOLATION: Final = 2
ILLEGAL_OPERATION: Final = 4
UNKNOWN_TRANSFER: Final = 5

_LARGEST_PACKET_BYTES: Final = 1024  # a request has 512 at most (RFC 2347), the rest less
_ERROR_TEXT_BYTES: Final = 256
_FACTORY = TftpPacketFactory()
_RAISED = (
    TftpException,
    struct.error,
    ValueError,  # UnicodeDecodeError among them
    IndexError,
    KeyError,
    TypeError,
    AssertionError,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a transfer. write -- the client wants to send a file.

    mode -- lower case. options -- names in lower case; values as sent.
    """

    write: bool
    file_name: str
    mode: str
    options: dict[str, str]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The client has everything up to this block. block -- 16 bits of its number."""

    block: int


@dataclass(frozen=True, slots=True)
class ClientError:
    """The client ended the transfer."""

    code: int


def decode_untrusted(octets: bytes) -> Request | Acknowledgement | ClientError | None:
    """Read what a client may send; None for packets that only servers send.

    Raises RemoteProtocolViolation.
    """
    if len(octets) > _LARGEST_PACKET_BYTES:
        raise RemoteProtocolViolation(f"a client's packet of {len(octets)} octets is too long")
    try:
        packet = _FACTORY.parse(octets)
    except _RAISED as reason:
        raise RemoteProtocolViolation(
            f"tftpy cannot read the packet ({type(reason).__name__})"
        ) from None
    if isinstance(packet, TftpPacketACK):
        return Acknowledgement(packet.blocknumber)
    if isinstance(packet, TftpPacketRRQ | TftpPacketWRQ):
        options = {name.lower(): value for name, value in packet.options.items()}
        write = isinstance(packet, TftpPacketWRQ)
        return Request(write, packet.filename, packet.mode, options)
    if isinstance(packet, TftpPacketERR):
        return ClientError(packet.errorcode)
    return None


def encode_data(block: int, octets: bytes) -> bytes:
    """Return a DATA packet. block -- 16 bits."""
    packet = TftpPacketDAT()
    packet.blocknumber = block
    packet.data = octets
    return _encoded(packet)


def encode_option_acknowledgement(options: dict[str, str]) -> bytes:
    """Return an OACK packet."""
    packet = TftpPacketOACK()
    packet.options = options
    return _encoded(packet)


def encode_error(code: int, message: str) -> bytes:
    """Return an ERROR packet; whatever of the message is not ASCII becomes `?`."""
    packet = TftpPacketERR()
    packet.errorcode = code
    text = message.encode("ascii", "replace").replace(b"\0", b"?")[:_ERROR_TEXT_BYTES]
    packet.errmsgs = {code: text}
    return _encoded(packet)


def _encoded(
    packet: TftpPacketDAT | TftpPacketOACK | TftpPacketERR,
) -> bytes:
    octets: bytes = packet.encode().buffer
    return octets
