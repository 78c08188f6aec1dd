"""The options of a read request: which are asked for, and what a server may answer.

Decided here: whether an answer stays within what was asked (RFC 2347: a server may only
acknowledge options of the request; RFC 2348, 2349, 7440: which values it may choose). Not decided
here: whether the announced size is welcome; that is the receiver's limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from secd.errors import RemoteProtocolViolation
from secd.models import TFTPOptions
from secd.tftp.packets import DEFAULT_BLOCK_BYTES

LEAST_BLOCK_BYTES: Final = 8  # RFC 2348: block sizes are 8 to 65464 octets
_LONGEST_NUMBER: Final = 20  # digits; longer ones are no sizes, and int() has a limit of its own

BLOCK_SIZE: Final = "blksize"  # RFC 2348
TRANSFER_SIZE: Final = "tsize"  # RFC 2349
TIMEOUT: Final = "timeout"  # RFC 2349
WINDOW_SIZE: Final = "windowsize"  # RFC 7440


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides go by.

    block_bytes, window_blocks -- RFC 2348, RFC 7440. transfer_size_bytes -- what the server
    announced, None where it did not. It is not held against the file afterwards: the short
    block ends a file, and a wrong announcement is no reason to lose it.
    """

    block_bytes: int = DEFAULT_BLOCK_BYTES
    window_blocks: int = 1
    transfer_size_bytes: int | None = None


def request_options(asked: TFTPOptions) -> tuple[tuple[str, str], ...]:
    """Return the options as they stand in the read request; () for the phones that send none."""
    options = [
        (BLOCK_SIZE, asked.block_bytes),
        (TIMEOUT, asked.timeout_option_seconds),
        (WINDOW_SIZE, asked.window_blocks),
    ]
    pairs = [(name, str(value)) for name, value in options if value]
    if asked.transfer_size:
        pairs.append((TRANSFER_SIZE, "0"))  # RFC 2349: 0 in a read request asks for the size
    return tuple(pairs)


def agree_untrusted(asked: TFTPOptions, answer: tuple[tuple[str, str], ...]) -> Agreement:
    """Return what counts once the server has acknowledged `answer` (names in lower case).

    An option left out of the answer is not agreed. Raises RemoteProtocolViolation for an option
    that was not asked for and for a value that the RFCs do not let the server choose.
    """
    requested = dict(request_options(asked))
    if not requested:
        raise RemoteProtocolViolation("options are acknowledged, none was asked for")
    accepted: dict[str, int] = {}
    for name, text in answer:
        if name not in requested:
            raise RemoteProtocolViolation(f"option {name!a} is acknowledged, not asked for")
        accepted[name] = _value(name, text, int(requested[name]))
    return Agreement(
        accepted.get(BLOCK_SIZE, DEFAULT_BLOCK_BYTES),
        accepted.get(WINDOW_SIZE, 1),
        accepted.get(TRANSFER_SIZE),
    )


# What a server may answer, given what was asked.
_ALLOWED: Final[dict[str, Callable[[int, int], bool]]] = {
    BLOCK_SIZE: lambda value, asked: LEAST_BLOCK_BYTES <= value <= asked,  # RFC 2348: or less
    WINDOW_SIZE: lambda value, asked: 1 <= value <= asked,  # RFC 7440: or less
    TIMEOUT: lambda value, asked: value == asked,  # RFC 2349: the same value or no option
    TRANSFER_SIZE: lambda value, asked: value >= asked,  # asked is 0: any size
}


def _value(name: str, text: str, asked: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise RemoteProtocolViolation(f"option {name} has the value {text[:40]!a}, not a number")
    value = int(text)
    if not _ALLOWED[name](value, asked):
        raise RemoteProtocolViolation(f"option {name} is {value}, asked for was {asked}")
    return value
