"""The sending side of a transfer, without I/O, and the door around tftpy's codec."""

import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.net.tftp_packets import (
    Acknowledgement,
    ClientError,
    Request,
    decode_untrusted,
    encode_error,
)
from firmware_sim.net.tftp_sender import Sender, Terms, agree
from secd.errors import RemoteProtocolViolation


def data(packet: bytes) -> tuple[int, bytes]:
    """Read a DATA packet by hand."""
    opcode, block = struct.unpack("!HH", packet[:4])
    assert opcode == 3
    return block, packet[4:]


def blocks(sender: Sender) -> list[tuple[int, bytes]]:
    return [data(packet) for packet in sender.window()]


class Receiver:
    """A client by the book (RFC 1350, RFC 7440): takes the next block, acknowledges the last."""

    def __init__(self, block_bytes: int) -> None:
        self.block_bytes = block_bytes
        self.file = b""
        self.last = 0
        self.done = False

    def take(self, packet: bytes) -> None:
        block, octets = data(packet)
        if block == (self.last + 1) & 0xFFFF and not self.done:
            self.last += 1
            self.file += octets
            self.done = len(octets) < self.block_bytes


@settings(deadline=None)
@given(
    st.binary(max_size=200),
    st.integers(min_value=8, max_value=64),
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=0, max_value=2**32),
)
def test_the_file_arrives_whatever_gets_lost_or_doubled(
    file: bytes,
    block_bytes: int,
    window: int,
    seed: int,
) -> None:
    sender, receiver = Sender(file, Terms(block_bytes, window)), Receiver(block_bytes)
    random = Random(seed)
    for _ in range(10_000):
        if sender.done:
            break
        for packet in sender.window():
            for _ in range(random.choice([0, 1, 1, 2])):
                receiver.take(packet)
        for _ in range(random.choice([0, 1, 2])):
            sender.receive_acknowledgement(receiver.last & 0xFFFF)
    assert sender.done
    assert receiver.file == file


@pytest.mark.parametrize("window", [1, 7])
def test_block_numbers_go_round(window: int) -> None:
    file = bytes(range(256)) * 2060  # 65,920 blocks of 8 octets, and an empty one
    sender, receiver = Sender(file, Terms(8, window)), Receiver(8)
    pieces: list[bytes] = []
    while not sender.done:
        for block, octets in blocks(sender):
            assert block == (receiver.last + 1) & 0xFFFF
            receiver.last += 1
            pieces.append(octets)
        sender.receive_acknowledgement(receiver.last & 0xFFFF)
    assert b"".join(pieces) == file
    assert receiver.last == 65_921


@pytest.mark.parametrize(
    ("size", "lengths"), [(0, [0]), (1, [1]), (511, [511]), (512, [512, 0]), (513, [512, 1])]
)
def test_the_last_block_is_short(size: int, lengths: list[int]) -> None:
    sender = Sender(bytes(size), Terms(512, 8))
    assert [len(octets) for _, octets in blocks(sender)] == lengths


def test_a_repeated_acknowledgement_is_not_answered_in_lock_step() -> None:
    sender = Sender(bytes(2000), Terms())
    assert sender.receive_acknowledgement(0) is False
    assert sender.receive_acknowledgement(1) is True
    assert sender.receive_acknowledgement(1) is False
    assert sender.receive_acknowledgement(0) is False
    assert sender.acknowledged == 1


def test_a_gap_in_a_window_is_filled_once() -> None:
    sender = Sender(bytes(5000), Terms(512, 4))
    assert [block for block, _ in blocks(sender)] == [1, 2, 3, 4]
    assert sender.receive_acknowledgement(2) is True
    assert [block for block, _ in blocks(sender)] == [3, 4, 5, 6]
    assert sender.receive_acknowledgement(2) is True
    assert sender.receive_acknowledgement(2) is False
    assert sender.receive_acknowledgement(6) is True
    assert sender.receive_acknowledgement(6) is True


def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    sender = Sender(bytes(5000), Terms(512, 4))
    assert sender.receive_acknowledgement(5) is False
    assert sender.receive_acknowledgement(65535) is False
    assert sender.acknowledged == 0


def test_options_are_acknowledged_first_and_alone() -> None:
    sender = Sender(bytes(100), Terms(64, 4, None, (("blksize", "64"),)))
    assert list(sender.window()) == [b"\0\x06blksize\x0064\0"]
    assert sender.receive_acknowledgement(1) is False
    assert sender.receive_acknowledgement(0) is True
    assert [block for block, _ in blocks(sender)] == [1, 2]
    assert sender.receive_acknowledgement(2) is False
    assert sender.done


def test_only_what_is_asked_is_agreed() -> None:
    assert agree({}, 10) == Terms()
    assert agree({"multicast": ""}, 10) == Terms()
    assert agree({"tsize": "0"}, 10) == Terms(answer=(("tsize", "10"),))
    assert agree({"blksize": "1428"}, 10) == Terms(1428, answer=(("blksize", "1428"),))
    assert agree({"timeout": "3"}, 10) == Terms(timeout_seconds=3, answer=(("timeout", "3"),))


def test_a_large_window_becomes_a_smaller_one() -> None:
    terms = agree({"windowsize": "65535"}, 10)
    assert (terms.window_blocks, terms.answer) == (64, (("windowsize", "64"),))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("blksize", "7"),
        ("blksize", "65465"),
        ("blksize", "abc"),
        ("blksize", "-8"),
        ("blksize", " 512"),
        ("blksize", "5_1"),
        ("blksize", ""),
        ("blksize", "9" * 5000),
        ("blksize", "٥١٢"),
        ("timeout", "0"),
        ("timeout", "256"),
        ("windowsize", "0"),
        ("windowsize", "65536"),
        ("tsize", "-1"),
    ],
)
def test_values_outside_their_rfc_are_declined(option: str, value: str) -> None:
    assert agree({option: value}, 10) == Terms()


@given(st.binary(max_size=1100))
def test_any_octets_are_a_packet_or_a_violation(octets: bytes) -> None:
    try:
        decode_untrusted(octets)
    except RemoteProtocolViolation:
        return


NAMES = st.lists(st.sampled_from([b"a", b"octet", b"blksize", b"512", b"\xff", b""]), max_size=8)


@given(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7]), NAMES, st.binary(max_size=3))
def test_almost_packets_are_packets_or_violations(
    opcode: int, strings: list[bytes], rest: bytes
) -> None:
    try:
        decode_untrusted(struct.pack("!H", opcode) + b"\0".join(strings) + rest)
    except RemoteProtocolViolation:
        return


def test_what_clients_send_is_read() -> None:
    request = decode_untrusted(b"\0\x01SEP.cnf.xml\0OCTET\0BLKsize\x001428\0")
    assert request == Request(False, "SEP.cnf.xml", "octet", {"blksize": "1428"})
    assert decode_untrusted(b"\0\x02x\0octet\0") == Request(True, "x", "octet", {})
    assert decode_untrusted(b"\0\x04\x12\x34") == Acknowledgement(0x1234)
    assert decode_untrusted(b"\0\x05\0\x03full\0") == ClientError(3)
    assert decode_untrusted(b"\0\x03\0\x01data") is None
    assert decode_untrusted(b"\0\x06blksize\x001428\0") is None


def test_too_long_is_not_even_parsed() -> None:
    with pytest.raises(RemoteProtocolViolation, match="too long"):
        decode_untrusted(b"\0\x01" + b"a" * 1100)


def test_error_texts_are_bounded_ascii() -> None:
    packet = encode_error(0, "é\0" + "x" * 500)
    assert packet == b"\0\x05\0\0??" + b"x" * 254 + b"\0"
