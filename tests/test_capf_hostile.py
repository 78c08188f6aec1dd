"""Whatever a peer of CAPF sends: RemoteProtocolViolation, or a message written back the same."""

import contextlib
import struct

import pytest
from capf_vectors import NAMES, conversation
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY

from secd.capf import (
    HEADER_BYTES,
    SUDI,
    Message,
    MessageBuffer,
    MessageType,
    Tag,
    decode_message_untrusted,
    decode_sudi_untrusted,
    encode_sudi,
    kind_of_untrusted,
    unwrap_certificate_untrusted,
    unwrap_sha512_signature_untrusted,
    wrap_certificate,
    wrap_sha512_signature,
)
from secd.errors import MalformedFile, RemoteProtocolViolation

HEADER = b"\x55\x02\0\0\0\x09"
SIZES = {1: 1, 3: 1, 7: 1, 8: 1, 10: 2, 17: 1, 18: 1}
# One message with every element that is known, in falling order, and two that nobody knows.
EVERYTHING = Message(
    99,
    0xFFFFFFFF,
    tuple((tag, bytes(SIZES.get(tag, 3))) for tag in (255, *sorted(Tag, reverse=True), 14)),
).encode()
RECORDED = [
    pytest.param(said.octets, id=f"{name}-{i}")
    for name in ("15-install-password-ok", "19-install-lsc-ec-sudi-mic")
    for i, said in enumerate(conversation(name))
]


def framed(body: bytes, header: bytes = HEADER) -> bytes:
    return header + struct.pack(">H", len(body)) + body


def element(tag: int, value: bytes) -> bytes:
    return bytes([tag]) + struct.pack(">H", len(value)) + value


def refused_or_the_same(octets: bytes) -> bool:
    """Read a message; tell whether it was refused."""
    try:
        read = decode_message_untrusted(octets)
    except RemoteProtocolViolation as error:
        offset = error.offset
    else:
        assert read.encode() == octets
        return False
    assert offset is not None
    assert 0 <= offset <= len(octets)
    return True


def test_everything_is_kept_in_its_order() -> None:
    read = decode_message_untrusted(EVERYTHING)
    assert (read.kind, read.session_id) == (99, 0xFFFFFFFF)
    assert [tag for tag, _ in read.elements] == [255, *sorted(Tag, reverse=True), 14]
    assert read.encode() == EVERYTHING


@pytest.mark.parametrize("kind", [0, *MessageType, 24, 255])
def test_every_type_is_read(kind: int) -> None:
    octets = framed(element(7, b"\3"), bytes([0x55, kind]) + bytes(4))
    assert decode_message_untrusted(octets) == Message(kind, 0, ((7, b"\3"),))
    assert not refused_or_the_same(octets)


def test_what_is_not_there_is_none() -> None:
    read = decode_message_untrusted(framed(b""))
    assert (read.element(1), read.number(1), read.text(13)) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "text"), [(b"a\0", b"a"), (b"a", b"a"), (b"a\0\0", b"a\0"), (b"\0", b""), (b"", b"")]
)
def test_one_nul_at_most_is_taken_off_a_text(value: bytes, text: bytes) -> None:
    assert Message(2, 1, ((13, value),)).text(13) == text


def test_a_number_is_big_endian() -> None:
    assert Message(3, 1, ((10, b"\x08\x00"),)).number(10) == 2048


@pytest.mark.parametrize("octets", [pytest.param(EVERYTHING, id="everything"), *RECORDED])
def test_a_message_cut_short_anywhere_is_refused(octets: bytes) -> None:
    assert not refused_or_the_same(octets)
    assert all(refused_or_the_same(octets[:size]) for size in range(len(octets)))


def test_a_body_cut_short_under_a_true_length_is_read_only_between_elements() -> None:
    between = {HEADER_BYTES}
    for _, value in decode_message_untrusted(EVERYTHING).elements:
        between.add(max(between) + 3 + len(value))
    read = {
        size
        for size in range(HEADER_BYTES, len(EVERYTHING) + 1)
        if not refused_or_the_same(framed(EVERYTHING[HEADER_BYTES:size], EVERYTHING[:6]))
    }
    assert read == between


def length_offsets(octets: bytes) -> list[int]:
    offsets, at = [6], HEADER_BYTES
    while at < len(octets):
        offsets.append(at + 1)
        at += 3 + int.from_bytes(octets[at + 1 : at + 3], "big")
    return offsets


@pytest.mark.parametrize("offset", length_offsets(EVERYTHING))
@pytest.mark.parametrize("lie", [-1, 1, 0xFFFF])
def test_no_length_may_lie(offset: int, lie: int) -> None:
    right = int.from_bytes(EVERYTHING[offset : offset + 2], "big")
    wrong = 0xFFFF if lie == 0xFFFF else right + lie
    assert refused_or_the_same(
        EVERYTHING[:offset] + struct.pack(">H", wrong) + EVERYTHING[offset + 2 :]
    )


BROKEN: dict[str, tuple[bytes, int]] = {  # and the octet that is to blame
    "nothing": (b"", 0),
    "seven octets": (framed(b"")[:7], 7),
    "another discriminator": (framed(b"", b"\x57" + HEADER[1:]), 0),
    "an octet after it": (framed(b"") + b"\0", 6),
    "a tag and no length": (framed(b"\x0d"), 8),
    "half a length": (framed(b"\x0d\0"), 8),
    "an element too long": (framed(element(7, b"\3") + b"\x0d\0\2a"), 12),
    "an element twice": (framed(element(7, b"\3") * 2), 12),
    "an unknown element twice": (framed(element(99, b"") + element(99, b"")), 11),
    "no reason inside": (framed(element(1, b"")), 8),
    "two reasons inside": (framed(element(1, b"\1\1")), 8),
    "a key size of one octet": (framed(element(10, b"\x08")), 8),
}


@pytest.mark.parametrize(("octets", "offset"), BROKEN.values(), ids=BROKEN.keys())
def test_what_breaks_the_format_is_refused_with_the_octet(octets: bytes, offset: int) -> None:
    with pytest.raises(RemoteProtocolViolation) as caught:
        decode_message_untrusted(octets)
    assert caught.value.offset == offset


@PROPERTY
@given(st.binary(max_size=200))
def test_garbage(octets: bytes) -> None:
    refused_or_the_same(octets)
    refused_or_the_same(framed(octets))


def values(tag: int) -> st.SearchStrategy[tuple[int, bytes]]:
    size = SIZES.get(tag)
    octets = st.binary(max_size=40) if size is None else st.binary(min_size=size, max_size=size)
    return octets.map(lambda value: (tag, value))


MESSAGES = st.builds(
    Message,
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 255).flatmap(values), unique_by=lambda e: e[0], max_size=8).map(tuple),
)


@PROPERTY
@given(MESSAGES)
def test_every_message_can_be_read_back(written: Message) -> None:
    assert decode_message_untrusted(written.encode()) == written


@PROPERTY
@given(MESSAGES.map(Message.encode), st.data())
def test_a_flipped_bit_is_refused_or_kept(octets: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(octets) * 8 - 1))
    flipped = bytearray(octets)
    flipped[bit // 8] ^= 1 << bit % 8
    refused_or_the_same(bytes(flipped))


@PROPERTY
@given(st.lists(MESSAGES, max_size=4), st.data())
def test_however_a_stream_is_cut_the_same_messages_come_out(
    messages: list[Message], data: st.DataObject
) -> None:
    stream = b"".join(message.encode() for message in messages)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    buffer, read = MessageBuffer(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer.feed(stream[begin:end])
        while (message := buffer.next_message_untrusted()) is not None:
            read.append(message)
    assert read == messages
    assert buffer.is_empty


def test_a_buffer_refuses_what_begins_no_message_at_its_header() -> None:
    buffer = MessageBuffer()
    buffer.feed(b"HTTP/1.")
    assert buffer.next_message_untrusted() is None
    buffer.feed(b"1")
    with pytest.raises(RemoteProtocolViolation, match="0x48"):
        buffer.next_message_untrusted()


# --- elements with an inside ----------------------------------------------------------------------

DER = b"0\3abc"
WRAPPED = b"\1\0\7\0\1" + DER
SUDI_DATA = b"\0\0\5" + DER + b"\1\0\2ab" + b"\3\0\2cd"


def test_a_certificate_is_wrapped_as_capfd_does() -> None:
    assert wrap_certificate(DER) == WRAPPED
    assert unwrap_certificate_untrusted(WRAPPED) == DER


@pytest.mark.parametrize(
    "value",
    [
        WRAPPED.replace(b"\0\1", b"\0\2"),  # another kind of certificate
        b"\7\0\1x" + WRAPPED,
        b"\1\0\2\0\1" + WRAPPED,  # an item without a certificate in front
        WRAPPED + WRAPPED.replace(DER, b"0\3xyz"),
    ],
)
def test_the_first_certificate_counts(value: bytes) -> None:
    assert unwrap_certificate_untrusted(value) == DER


@pytest.mark.parametrize(
    "value",
    [b"", b"\1", b"\1\0\2\0\1", WRAPPED[:-1], WRAPPED + b"\1", WRAPPED + b"\1\0\1", b"\7\0\1x"],
)
def test_what_wraps_no_certificate_is_refused(value: bytes) -> None:
    with pytest.raises(RemoteProtocolViolation):
        unwrap_certificate_untrusted(value)


def test_sudi_data_are_read_in_any_order_and_unknown_items_passed_over() -> None:
    sudi = SUDI(DER, b"ab", b"cd")
    assert encode_sudi(sudi) == SUDI_DATA
    assert decode_sudi_untrusted(SUDI_DATA) == sudi
    assert decode_sudi_untrusted(b"\3\0\2cd\2\0\0\1\0\2ab\0\0\5" + DER) == sudi


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\0\0\5" + DER + b"\1\0\2ab", "lacks item 3"),
        (b"\0\0\5" + DER + b"\3\0\2cd", "lacks item 1"),
        (b"\1\0\2ab\3\0\2cd", "lacks item 0"),
        (b"", "lacks item 0"),
        (SUDI_DATA + b"\1\0\0", "an item stands twice"),
        (SUDI_DATA[:-1], "past its end"),
        (SUDI_DATA + b"\1\0", "past its end"),
    ],
)
def test_sudi_data_that_lack_or_repeat_an_item_are_refused(value: bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolViolation, match=text):
        decode_sudi_untrusted(value)


@pytest.mark.parametrize("value", [b"", b"\1\0\2ab", b"\3\0\2a", b"\3\0\1a\3", b"\3"])
def test_what_holds_no_sha512_signature_is_refused(value: bytes) -> None:
    with pytest.raises(RemoteProtocolViolation):
        unwrap_sha512_signature_untrusted(value)


def test_a_sha512_signature_may_stand_beside_others() -> None:
    assert unwrap_sha512_signature_untrusted(b"\1\0\1x" + wrap_sha512_signature(b"ab")) == b"ab"


@PROPERTY
@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80))
def test_insides_are_read_back(a: bytes, b: bytes, c: bytes) -> None:
    assert decode_sudi_untrusted(encode_sudi(SUDI(a, b, c))) == SUDI(a, b, c)
    assert unwrap_sha512_signature_untrusted(wrap_sha512_signature(a)) == a
    if a:
        assert unwrap_certificate_untrusted(wrap_certificate(a)) == a


@PROPERTY
@given(st.binary(max_size=80))
def test_insides_of_garbage(octets: bytes) -> None:
    for read in (
        unwrap_certificate_untrusted,
        decode_sudi_untrusted,
        unwrap_sha512_signature_untrusted,
    ):
        with contextlib.suppress(RemoteProtocolViolation):
            read(octets)


PUBLIC = next(
    value
    for said in conversation("08-install-ec-p256-null")
    if (value := said.message.element(Tag.PUBLIC_KEY)) is not None
)


@PROPERTY
@given(st.binary(max_size=120), st.integers(0, len(PUBLIC) * 8 - 1))
def test_a_public_key_of_garbage_is_no_key(octets: bytes, bit: int) -> None:
    flipped = bytearray(PUBLIC)
    flipped[bit // 8] ^= 1 << bit % 8
    for hostile in (octets, bytes(flipped), PUBLIC + octets):
        with contextlib.suppress(MalformedFile):
            kind_of_untrusted(hostile)


def test_nothing_but_the_recorded_conversations_is_missing() -> None:
    """Types 5 to 8, 16 and 18 to 23 stand in no conversation, so the tests here make them up."""
    met = {said.message.kind for name in NAMES for said in conversation(name)}
    assert {kind for kind in MessageType if kind not in met} == {5, 6, 7, 8, 16, *range(18, 24)}
