"""How a transfer ends, by whatever transport: with the octets of a file, or with a reason."""

from dataclasses import dataclass

from secd.words import TransferFailure


@dataclass(frozen=True, slots=True)
class Received:
    """The file, as the server sent it. A file of no octets is a file."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no file.

    code -- the number that the server sent: of a TFTP error (RFC 1350) or an HTTP status
    (RFC 9110 section 15); 0 where it sent none.
    text -- the server's text (with HTTP, its status line), or ours where it sent none; one
    printable line.
    """

    failure: TransferFailure
    code: int
    text: str
