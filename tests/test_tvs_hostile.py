"""Whatever a peer sends: RemoteProtocolViolation, or a message that is written back the same."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY
from test_tvs_vectors import MESSAGES, conversation, real_answer

from secd.errors import RemoteProtocolViolation
from secd.tvs import HEADER_BYTES, Message, MessageBuffer, Tag, decode_message_untrusted

LIMIT = 4096


def message(*elements: tuple[int, bytes], header: bytes = b"\x57\x01\x02\0\0\0\x03\xe9") -> bytes:
    """A message written by hand."""
    body = b"".join(bytes([tag]) + struct.pack(">H", len(v)) + v for tag, v in elements)
    return header + struct.pack(">H", len(body)) + body


# One message with every element, a reserved octet, and one element that nobody knows.
EVERYTHING = message(
    (6, b"?"),
    (9, bytes(4)),
    (8, b"\0\x15"),
    (7, b"\0"),
    (5, b"\0\x80"),
    (4, b"CN=b\0"),
    (3, b"CN=a\0"),
    (2, b"0\0"),
    (1, b"\x01CP-8861-SEPB000B4BA0AEE"),
    header=b"\x57\x01\xff\xf7\xff\xff\xff\xff",
)


def refused_or_the_same(octets: bytes) -> bool:
    """Read a message; tell whether it was refused."""
    try:
        read = decode_message_untrusted(octets)
    except RemoteProtocolViolation:
        return True
    assert read.encode() == octets
    return False


def test_any_order_unknown_elements_and_types_are_kept() -> None:
    read = decode_message_untrusted(EVERYTHING)
    assert (read.kind, read.reserved, read.request_id) == (255, 0xF7, 0xFFFFFFFF)
    assert [tag for tag, _ in read.elements] == [6, 9, 8, 7, 5, 4, 3, 2, 1]
    assert read.element(6) == b"?"
    assert (read.text(Tag.SUBJECT), read.text(Tag.ISSUER)) == (b"CN=a", b"CN=b")
    assert read.encode() == EVERYTHING


def test_an_element_that_is_not_there_is_none() -> None:
    read = decode_message_untrusted(message())
    assert read == Message(2, 1001, ())
    assert read.element(Tag.STATUS) is None
    assert read.text(Tag.SUBJECT) is None


@pytest.mark.parametrize("octets", [EVERYTHING, *MESSAGES])
def test_a_message_cut_short_anywhere_is_refused(octets: bytes) -> None:
    assert not refused_or_the_same(octets)
    assert all(refused_or_the_same(octets[:size]) for size in range(len(octets)))


@pytest.mark.parametrize("octets", [EVERYTHING, *MESSAGES])
def test_a_body_cut_short_under_a_true_length_is_read_only_between_elements(octets: bytes) -> None:
    whole = decode_message_untrusted(octets)
    between = {HEADER_BYTES}
    for _, value in whole.elements:
        between.add(max(between) + 3 + len(value))
    read = {
        size
        for size in range(HEADER_BYTES, len(octets) + 1)
        if not refused_or_the_same(
            octets[:8] + struct.pack(">H", size - HEADER_BYTES) + octets[HEADER_BYTES:size]
        )
    }
    assert read == between


def length_offsets(octets: bytes) -> list[int]:
    offsets, at = [8], HEADER_BYTES
    while at < len(octets):
        offsets.append(at + 1)
        at += 3 + int.from_bytes(octets[at + 1 : at + 3], "big")
    return offsets


@pytest.mark.parametrize("offset", length_offsets(EVERYTHING))
@pytest.mark.parametrize("lie", [-1, 1, 0xFFFF])
def test_no_length_may_lie(offset: int, lie: int) -> None:
    right = int.from_bytes(EVERYTHING[offset : offset + 2], "big")
    wrong = 0xFFFF if lie == 0xFFFF else right + lie
    lying = EVERYTHING[:offset] + struct.pack(">H", wrong) + EVERYTHING[offset + 2 :]
    assert refused_or_the_same(lying)


def test_every_flip_of_one_bit() -> None:
    refused = 0
    for bit in range(len(EVERYTHING) * 8):
        octets = bytearray(EVERYTHING)
        octets[bit // 8] ^= 1 << bit % 8
        refused += refused_or_the_same(bytes(octets))
    assert 0 < refused < len(EVERYTHING) * 8


BROKEN = {
    "nothing": b"",
    "nine octets": message()[:9],
    "another discriminator": message(header=b"\x56\x01\x02\0\0\0\0\x01"),
    "version 0": message(header=b"\x57\0\x02\0\0\0\0\x01"),
    "version 2": message(header=b"\x57\x02\x02\0\0\0\0\x01"),
    "an octet after it": message() + b"\0",
    "a tag and no length": b"\x57\x01\x02\0\0\0\0\x01\0\x01\x07",
    "half a length": b"\x57\x01\x02\0\0\0\0\x01\0\x02\x07\0",
    "an element twice": message((7, b"\0"), (7, b"\0")),
    "an unknown element twice": message((200, b""), (200, b"")),
    "no status inside": message((7, b"")),
    "two statuses inside": message((7, b"\0\0")),
    "a lifetime of 3 octets": message((9, bytes(3))),
    "a lifetime of 5 octets": message((9, bytes(5))),
    "a subject without its NUL": message((3, b"CN=a")),
    "a subject with two NULs": message((3, b"CN=a\0\0")),
    "a NUL within the issuer": message((4, b"CN=\0a\0")),
    "an empty subject": message((3, b"")),
    "an empty issuer": message((4, b"")),
}


@pytest.mark.parametrize("octets", BROKEN.values(), ids=BROKEN.keys())
def test_what_breaks_the_format_is_refused(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolViolation):
        decode_message_untrusted(octets)


@PROPERTY
@given(st.binary(max_size=200))
def test_garbage(octets: bytes) -> None:
    refused_or_the_same(octets)
    refused_or_the_same(EVERYTHING[:8] + struct.pack(">H", len(octets)) + octets)


ELEMENTS = st.dictionaries(st.sampled_from([1, 2, 5, 6, 8, 10, 255]), st.binary(max_size=40))


@PROPERTY
@given(
    st.builds(
        Message,
        st.integers(0, 255),
        st.integers(0, 2**32 - 1),
        ELEMENTS.map(lambda elements: tuple(elements.items())),
        st.integers(0, 255),
    )
)
def test_every_message_can_be_read_back(written: Message) -> None:
    assert decode_message_untrusted(written.encode()) == written


@PROPERTY
@given(st.data())
def test_however_a_stream_is_cut_the_same_messages_come_out(data: st.DataObject) -> None:
    stream = (
        EVERYTHING + message() + real_answer() + b"".join(conversation("02-verify-unknown.hex"))
    )
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    buffer = MessageBuffer(LIMIT)
    read = [
        one
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for one in buffer.feed(stream[begin:end])
    ]
    assert len(read) == 5
    assert b"".join(one.encode() for one in read) == stream


def test_a_buffer_takes_messages_up_to_its_limit() -> None:
    octets = message((2, bytes(LIMIT - HEADER_BYTES - 3)))
    assert len(octets) == LIMIT
    [read] = MessageBuffer(LIMIT).feed(octets)
    assert read.encode() == octets


def test_a_buffer_refuses_a_longer_message_at_its_header() -> None:
    header = message((2, bytes(LIMIT - HEADER_BYTES - 2)))[:HEADER_BYTES]
    buffer = MessageBuffer(LIMIT)
    assert buffer.feed(header[:-1]) == []
    with pytest.raises(RemoteProtocolViolation, match="4097 octets"):
        buffer.feed(header[-1:])


def test_a_buffer_refuses_what_begins_no_message() -> None:
    with pytest.raises(RemoteProtocolViolation, match="0x48"):
        MessageBuffer(LIMIT).feed(b"HTTP/1.1 400 Bad Request\r\n")
