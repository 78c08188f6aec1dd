"""How a transfer ends: with the octets of a file, or with a reason why there are none."""

from dataclasses import dataclass

from secd.words import TransferFailure


@dataclass(frozen=True, slots=True)
class Received:
    """The file, as the server sent it. A file of no octets is a file."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no file.

    code -- the error number that the server sent (RFC 1350), 0 where it sent none.
    text -- the server's text, or ours where it sent none; one printable line.
    """

    failure: TransferFailure
    code: int
    text: str
