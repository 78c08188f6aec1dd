"""Feeds the TFTP receiver datagrams, with the time as a number."""

import struct

from secd.models import TFTPOptions
from secd.tftp import Failed, Receiver, State
from secd.tftp.receiver import DALLY_SECONDS
from secd.words import TransferFailure

WELL_KNOWN = ("192.0.2.1", 69)
PEER = ("192.0.2.1", 40000)
OTHER_PORT = ("192.0.2.1", 40001)
OTHER_HOST = ("192.0.2.66", 40000)

NO_OPTIONS = TFTPOptions(0, 0, False, 0, 1.0, 3)
ALL_OPTIONS = TFTPOptions(16, 4, True, 5, 1.0, 3)
REQUEST = b"\0\1f\0octet\0"
FULL = b"x" * 512
WHOLE = b"x" * 64 + b"end"
A, F, B, D, E = State


def data(block: int, octets: bytes = FULL) -> bytes:
    return struct.pack(">HH", 3, block) + octets


def ack(block: int) -> bytes:
    return struct.pack(">HH", 4, block)


def error(code: int, text: bytes = b"") -> bytes:
    return struct.pack(">HH", 5, code) + text + b"\0"


def oack(*options: bytes) -> bytes:
    return b"\0\6" + b"".join(option + b"\0" for option in options)


UNKNOWN_ID = error(5, b"Unknown transfer ID")
FULL_DISK = error(3, b"Disk full or allocation exceeded")
ILLEGAL = error(4, b"Illegal TFTP operation")
BAD_OPTIONS = error(8, b"Options not acceptable")
AGREED = oack(b"blksize", b"16", b"windowsize", b"4")
OLD_AGREED = oack(b"windowsize", b"1")


def start(options: TFTPOptions = NO_OPTIONS, limit: int = 1200) -> Receiver:
    receiver = Receiver(WELL_KNOWN, "f", options, limit, 0.0)
    assert receiver.timer() == 1.0
    assert len(receiver.datagrams_to_send()) == 1
    return receiver


def sent(receiver: Receiver) -> list[bytes]:
    return [octets for octets, _ in receiver.datagrams_to_send()]


def feed(receiver: Receiver, *datagrams: bytes, now: float = 0.0) -> list[bytes]:
    for octets in datagrams:
        receiver.receive_datagram(octets, PEER, now)
    return sent(receiver)


def failure(receiver: Receiver) -> TransferFailure:
    assert isinstance(receiver.result, Failed)
    assert receiver.state is State.ENDED
    assert receiver.timer() is None
    return receiver.result.failure


def in_state(state: State) -> Receiver:
    """Return a receiver in `state`; with a window of 4 and blocks of 16 where options count."""
    receiver = start(ALL_OPTIONS, limit=100)
    if state is not State.AWAIT_ANSWER:
        feed(receiver, AGREED)
    if state in (State.AWAIT_BLOCK, State.DALLY, State.ENDED):
        feed(receiver, *(data(n, b"x" * 16) for n in (1, 2, 3, 4)))
    if state in (State.DALLY, State.ENDED):
        feed(receiver, data(5, b"end"))
    if state is State.ENDED:
        receiver.timer_fired(DALLY_SECONDS)
    assert receiver.state is state
    return receiver
