"""Whatever the octets are: MalformedFile, or a value that is written back as the same octets."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import LISTS, PROPERTY, SIGNED, header_tlvs, record_tlvs, vector
from test_codec_fields import HEADER, RECORD
from test_codec_layouts import LIST_HEADER

from secd.envelope import decode_header_untrusted, decode_signed_file_untrusted, encode_header
from secd.errors import MalformedFile
from secd.trustlist import (
    decode_records_untrusted,
    decode_trust_list_untrusted,
    encode_record,
    encode_trust_list,
)

# A whole list in few octets, with every tag in it: the exhaustive tests take this one.
SMALL_HEADER = replace(
    HEADER,
    modulus_code=0,
    signature=bytes(64),
    encryption=replace(HEADER.encryption, wrapped_key=bytes(8)) if HEADER.encryption else None,
)
SMALL_RECORD = replace(RECORD, public_key=bytes(3), signature=b"\x03", certificate=b"\x30\x00")
SMALL = encode_trust_list(SMALL_HEADER, (SMALL_RECORD, replace(SMALL_RECORD, function=0)))


def refused_or_the_same(octets: bytes) -> bool:
    """Read a list; tell whether it was refused."""
    try:
        trust_list = decode_trust_list_untrusted(octets)
    except MalformedFile:
        return True
    assert encode_trust_list(trust_list.header, trust_list.records) == octets
    return False


def test_the_small_list_itself_is_read() -> None:
    assert not refused_or_the_same(SMALL)
    assert len(SMALL) < 700


@pytest.mark.parametrize("octets", [SMALL, vector("CTL-sast1024.tlv")], ids=["small", "vector"])
def test_truncation_at_every_octet(octets: bytes) -> None:
    header_length = int.from_bytes(octets[8:10], "big")
    read = [size for size in range(len(octets)) if not refused_or_the_same(octets[:size])]
    # Without a trailer a list ends after any of its records, or after none: the signature tells.
    first = header_length + int.from_bytes(octets[header_length + 3 : header_length + 5], "big")
    assert read == [header_length, first]


def test_every_flip_of_one_bit() -> None:
    refused = 0
    for bit in range(len(SMALL) * 8):
        octets = bytearray(SMALL)
        octets[bit // 8] ^= 1 << bit % 8
        refused += refused_or_the_same(bytes(octets))
    assert 0 < refused < len(SMALL) * 8


def lengths() -> Iterator[int]:
    """Return the offsets of all lengths of the small list: header, TLVs, records."""
    at = int.from_bytes(SMALL[8:10], "big")
    yield 8
    yield from (tlv.at + 1 for tlv in header_tlvs(SMALL))
    while at < len(SMALL):
        size = int.from_bytes(SMALL[at + 3 : at + 5], "big")
        yield at + 3
        yield from (at + tlv.at + 1 for tlv in record_tlvs(SMALL[at : at + size]))
        at += size


@pytest.mark.parametrize("offset", list(lengths()))
def test_every_length_one_off_and_at_its_extremes(offset: int) -> None:
    right = int.from_bytes(SMALL[offset : offset + 2], "big")
    for wrong in {right - 1, right + 1, 0, 1, 0x7FFF, 0xFFFF} - {right, -1}:
        octets = SMALL[:offset] + wrong.to_bytes(2, "big") + SMALL[offset + 2 :]
        refused_or_the_same(octets)


@pytest.mark.parametrize("name", [*LISTS, *SIGNED])
@PROPERTY
@given(data=st.data())
def test_a_vector_with_a_part_replaced(name: str, data: st.DataObject) -> None:
    octets = vector(name)
    start = data.draw(st.integers(0, min(len(octets), 1000)))
    cut = data.draw(st.integers(0, 8))
    refused_or_the_same(octets[:start] + data.draw(st.binary(max_size=8)) + octets[start + cut :])


tlv_octets = st.builds(
    lambda tag, value, lie: bytes([tag]) + (len(value) + lie).to_bytes(2, "big") + value,
    st.integers(0, 30),
    st.binary(max_size=6).map(lambda value: value + b"\0"),
    st.sampled_from([0, 0, 0, 0, -1, 1, 200]),
)


@PROPERTY
@given(st.lists(st.one_of(tlv_octets, st.just(b"\r")), max_size=30), st.integers(-1, 1))
def test_a_header_of_random_tlvs(tlvs: list[bytes], lie: int) -> None:
    rest = b"".join(tlvs)
    octets = b"\x01\x00\x02\x01\x02\x02\x00\x02" + (10 + len(rest) + lie).to_bytes(2, "big") + rest
    refused_or_the_same(octets)


@PROPERTY
@given(st.lists(tlv_octets, max_size=15), st.integers(-1, 1))
def test_a_record_of_random_tlvs(tlvs: list[bytes], lie: int) -> None:
    rest = b"".join(tlvs)
    record = b"\x01\x00\x02" + (5 + len(rest) + lie).to_bytes(2, "big") + rest
    refused_or_the_same(encode_header(SMALL_HEADER) + record)


@PROPERTY
@given(st.binary(max_size=200))
def test_random_octets(octets: bytes) -> None:
    assert refused_or_the_same(octets)
    assert refused_or_the_same(b"\x01\x00\x02\x01\x02\x02\x00\x02\x00" + octets)
    refused_or_the_same(encode_header(SMALL_HEADER) + octets)


def refuses(octets: bytes, check: str, offset: int | None) -> None:
    with pytest.raises(MalformedFile, match=check) as caught:
        decode_trust_list_untrusted(octets)
    assert caught.value.offset == offset


def test_an_empty_file_is_no_envelope() -> None:
    refuses(b"", "does not begin with tag 1", 0)


@pytest.mark.parametrize("size", range(5, 10))
def test_a_file_that_ends_in_its_first_ten_octets(size: int) -> None:
    refuses(SMALL[:size], r"tag 2 \(header length\) of two octets does not follow", 5)


@pytest.mark.parametrize("length", [0, 9, len(SMALL) + 1, 0xFFFF])
def test_a_header_length_that_lies(length: int) -> None:
    octets = SMALL[:8] + length.to_bytes(2, "big") + SMALL[10:]
    refuses(octets, f"the header length {length} does not fit into the file", 8)


@pytest.mark.parametrize("extra", [b"\0", b"\x01", b"\x01\x00\x02", b"\x01\x00\x02\x00", b"\r\r"])
def test_trailing_octets_are_no_record(extra: bytes) -> None:
    refuses(SMALL + extra, "record 3 does not begin with tag 1", len(SMALL))


@pytest.mark.parametrize("length", [0, 4, 6, 0xFFFF])
def test_a_record_length_that_lies(length: int) -> None:
    octets = SMALL + b"\x01\x00\x02" + length.to_bytes(2, "big")
    refuses(octets, "the length of record 3 does not fit", len(SMALL) + 3)


def header_with(tag: int, value: bytes) -> bytes:
    """Return the vector ITL-sha1's header with one more TLV at its end."""
    extra = bytes([tag]) + len(value).to_bytes(2, "big") + value
    octets = encode_header(LIST_HEADER) + extra
    return octets[:8] + len(octets).to_bytes(2, "big") + octets[10:]


TLVS_OF_ITL = {tlv.tag: tlv for tlv in header_tlvs(vector("ITL-sha1.tlv"))}


@pytest.mark.parametrize("tag", TLVS_OF_ITL)
def test_a_second_tlv_of_a_known_tag_in_the_header(tag: int) -> None:
    octets = header_with(tag, b"")
    refuses(octets, f"tag {tag} stands twice in the header", len(octets) - 3)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        *[(tag, b"") for tag in (18, 19, 20, 22, 23, 24, 26)],
        *[(18, b"12"), (19, bytes(15)), (19, bytes(17)), (20, b"1"), (26, b"12")],
    ],
)
def test_a_value_of_the_wrong_size_in_the_header(tag: int, value: bytes) -> None:
    octets = header_with(tag, value)
    refuses(octets, f"tag {tag} must have", len(octets) - 3 - len(value))


@pytest.mark.parametrize("tag", [18, 19, 20, 22, 23, 24, 25, 26, 27])
def test_an_encryption_part_that_lacks_a_tag(tag: int) -> None:
    octets = encode_header(HEADER)
    tlv = next(tlv for tlv in header_tlvs(octets) if tlv.tag == tag)
    renamed = octets[: tlv.at] + b"\x4e" + octets[tlv.at + 1 :]
    refuses(renamed, f"the encryption part of the header lacks tag {tag}", None)


@pytest.mark.parametrize("tag", [4, 5, 6, 8, 10, 11, 12])
def test_a_header_that_lacks_a_tag(tag: int) -> None:
    octets = encode_header(LIST_HEADER)
    at = TLVS_OF_ITL[tag].at
    renamed = octets[:at] + b"\x4e" + octets[at + 1 :]
    refuses(renamed, rf"the header has no tag {tag} \(", None)


BAD_TEXTS = [b"", b"CN=x", b"CN=x\0CN=y\0", b"\0\0", b"\0CN=x"]


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_a_text_in_the_header_that_does_not_end_at_its_only_nul(text: bytes) -> None:
    without = replace(
        HEADER,
        file_name=None,
        layout=tuple(entry for entry in HEADER.layout if entry[0] != 14),
        unknown=(text, *HEADER.unknown),
    )
    octets = bytearray(
        encode_header(replace(without, layout=((1, 0), (2, 0), (99, 0), *without.layout[2:])))
    )
    octets[10] = 14
    refuses(bytes(octets), "the text of tag 14 must end at its only NUL", 10)


@pytest.mark.parametrize("text", BAD_TEXTS)
@pytest.mark.parametrize("tag", [2, 3, 5])
def test_a_text_in_a_record_that_does_not_end_at_its_only_nul(tag: int, text: bytes) -> None:
    octets = bytearray(
        encode_record(replace(RECORD, unknown=(text,), layout=(77, *RECORD.layout[:-1])))
    )
    octets[5] = tag
    with pytest.raises(MalformedFile, match=f"the text of tag {tag} must end at its only NUL"):
        decode_records_untrusted(bytes(octets), 0)


@pytest.mark.parametrize(("tag", "size"), [(4, 1), (4, 3), (10, 0), (10, 5), (12, 0), (12, 2)])
def test_a_value_of_the_wrong_size_in_a_record(tag: int, size: int) -> None:
    octets = b"\x01\x00\x02" + (8 + size).to_bytes(2, "big") + bytes([tag, 0, size]) + bytes(size)
    with pytest.raises(MalformedFile, match=f"tag {tag} cannot have {size} octets"):
        decode_records_untrusted(octets, 0)


@pytest.mark.parametrize("tag", range(2, 13))
def test_a_second_tlv_of_a_known_tag_in_a_record(tag: int) -> None:
    octets = bytearray(encode_record(replace(RECORD, unknown=(b"",))))
    octets[-3] = tag
    with pytest.raises(MalformedFile, match=f"tag {tag} stands twice in one record"):
        decode_records_untrusted(bytes(octets), 0)


def test_a_record_length_inside_a_record() -> None:
    octets = bytearray(encode_record(RECORD))
    octets[5] = 1
    with pytest.raises(MalformedFile, match="tag 1 \\(record length\\) stands inside a record"):
        decode_records_untrusted(bytes(octets), 0)


@pytest.mark.parametrize("size", [0, 127, 255, 257, 512])
def test_a_signature_of_another_size_than_the_modulus(size: int) -> None:
    octets = encode_header(replace(LIST_HEADER, signature=bytes(size)))
    at = TLVS_OF_ITL[12].at
    refuses(octets, f"the signature has {size * 8} bits, tag 11 says 2048", at)


def test_a_modulus_code_that_is_unknown_says_nothing_about_the_signature() -> None:
    """Reading such a file is possible; whether it can be verified is decided elsewhere."""
    header = replace(LIST_HEADER, modulus_code=4, signature=bytes(384))
    assert decode_header_untrusted(encode_header(header))[0] == header


def test_a_file_of_nothing_but_padding_is_read_in_one_pass() -> None:
    octets = b"\x01\x00\x02\x01\x02\x02\x00\x02\xff\xff" + b"\r" * (0xFFFF - 10)
    with pytest.raises(MalformedFile, match="the header has no tag 4"):
        decode_signed_file_untrusted(octets)
