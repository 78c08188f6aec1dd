"""Any order and nesting of TLVs is read, kept and written back; what is unknown survives."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY, vector
from test_codec_fields import HEADER, RECORD

from secd.envelope import (
    CERTUTILS_ENCRYPTED_LAYOUT,
    CERTUTILS_LIST_LAYOUT,
    CERTUTILS_SIGNED_LAYOUT,
    CUCM_LAYOUT,
    Header,
    decode_header_untrusted,
    decode_signed_file_untrusted,
    encode_header,
)
from secd.errors import MalformedFile
from secd.trustlist import (
    CERTUTILS_RECORD_LAYOUT,
    CUCM_RECORD_LAYOUT,
    ETOKEN_RECORD_LAYOUT,
    NO_CERTIFICATE_RECORD_LAYOUT,
    Record,
    decode_records_untrusted,
    decode_trust_list_untrusted,
    encode_record,
)

LIST_HEADER = decode_trust_list_untrusted(vector("ITL-sha1.tlv")).header
WITHOUT_28 = replace(LIST_HEADER, signer_version=None)


def header_again(header: Header) -> Header:
    octets = encode_header(header)
    again, length, _ = decode_header_untrusted(octets)
    assert length == len(octets)
    assert encode_header(again) == octets
    return again


def record_again(record: Record) -> Record:
    (again,) = decode_records_untrusted(encode_record(record), 0)
    return again


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        (WITHOUT_28, CUCM_LAYOUT),
        (LIST_HEADER, CERTUTILS_LIST_LAYOUT),
        (WITHOUT_28, CERTUTILS_SIGNED_LAYOUT),
        (
            replace(HEADER, signer_version=None, unknown=()),
            (*CERTUTILS_ENCRYPTED_LAYOUT, (13, 0), (13, 0), (13, 0)),
        ),
        (replace(WITHOUT_28, timestamp=None), CUCM_LAYOUT[:-1]),  # firmware
    ],
)
def test_both_signers_orders_are_written_and_read(
    header: Header, layout: tuple[tuple[int, int], ...]
) -> None:
    placed = replace(header, layout=layout)
    assert header_again(placed) == placed


@pytest.mark.parametrize(
    ("record", "layout"),
    [
        (RECORD, CUCM_RECORD_LAYOUT),
        (replace(RECORD, signature=None), ETOKEN_RECORD_LAYOUT),
        (replace(RECORD, dns_name=None, ip_address=None), CERTUTILS_RECORD_LAYOUT),
    ],
)
def test_both_makers_orders_of_records(record: Record, layout: tuple[int, ...]) -> None:
    placed = replace(record, certificate_hash=None, hash_digest=None, unknown=(), layout=layout)
    assert record_again(placed) == placed


def test_a_record_without_a_certificate_has_33_octets() -> None:
    """As CUCM writes its servers after a return to non-secure mode (118892)."""
    record = Record(
        2,
        dns_name=b"10.48.47.153",
        ip_address=bytes([10, 48, 47, 153]),
        layout=NO_CERTIFICATE_RECORD_LAYOUT,
    )
    assert len(encode_record(record)) == 33
    assert record_again(record) == record


def test_a_record_of_nothing_but_its_length() -> None:
    assert record_again(Record(None)) == Record(None)
    assert len(encode_record(Record(None))) == 5


@PROPERTY
@given(st.permutations(range(2, 13)))
def test_any_order_of_a_records_tlvs(order: list[int]) -> None:
    record = replace(RECORD, unknown=(), layout=tuple(order))
    assert record_again(record) == record


@PROPERTY
@given(st.lists(st.tuples(st.sampled_from([0, *range(13, 256)]), st.binary(max_size=4))))
def test_unknown_tags_of_a_record_are_kept_even_twice(tlvs: list[tuple[int, bytes]]) -> None:
    layout = [*RECORD.layout[:-1], *(tag for tag, _ in tlvs)]
    record = replace(RECORD, unknown=tuple(value for _, value in tlvs), layout=tuple(layout))
    assert record_again(record) == record


@PROPERTY
@given(st.integers(0, 0xFFFF))
def test_any_function_is_kept(function: int) -> None:
    record = replace(RECORD, function=function)
    assert record_again(record).function == function


# Where CUCM's order is outside of containers; what stands inside is tried further below.
OUTSIDE = (2, 6, 11, 12, 13, 14)


@PROPERTY
@given(
    st.lists(
        st.tuples(
            st.sampled_from(OUTSIDE),
            st.sampled_from([0, *range(29, 256)]),
            st.binary(max_size=4),
        )
    )
)
def test_unknown_tags_of_a_header_are_kept_even_twice(tlvs: list[tuple[int, int, bytes]]) -> None:
    layout: list[tuple[int, int]] = list(CUCM_LAYOUT)
    in_order = sorted(tlvs, key=lambda tlv: tlv[0])
    for place, tag, _ in reversed(in_order):
        layout.insert(place, (tag, 0))
    unknown = tuple(value for _, _, value in in_order)
    header = replace(WITHOUT_28, unknown=unknown, layout=tuple(layout))
    assert header_again(header) == header


LEAVES = [entry for entry in HEADER.layout[2:] if entry[1] == 0 and entry[0] != 13]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Return any order of a header's TLVs, padding anywhere, in containers nested anyhow."""
    padding = [(13, 0)] * draw(st.integers(0, 4))
    layout: list[tuple[int, int]] = draw(st.permutations([*LEAVES, *padding]))
    for container in draw(st.lists(st.sampled_from([3, 7, 9, 16, 17, 21]), unique=True)):
        start = draw(st.integers(0, len(layout)))
        layout.insert(start, (container, draw(st.integers(0, len(layout) - start))))
    return ((1, 0), (2, 0), *layout)


def properly_nested(layout: tuple[tuple[int, int], ...]) -> bool:
    """Tell whether every container ends before or together with the one around it."""
    ends: list[int] = []
    for index, (_, children) in enumerate(layout):
        while ends and index > ends[-1]:
            ends.pop()
        if ends and index + children > ends[-1]:
            return False
        if children:
            ends.append(index + children)
    return True


@PROPERTY
@given(layouts())
def test_any_order_and_nesting_is_read_or_refused(layout: tuple[tuple[int, int], ...]) -> None:
    header = replace(HEADER, layout=layout)
    octets = encode_header(header)
    if properly_nested(layout):
        assert header_again(header) == header
    else:
        with pytest.raises(MalformedFile, match=r"reaches past the container|ends inside"):
            decode_header_untrusted(octets)


def with_container(tag: int, size: int) -> bytes:
    """Return ITL-sha1's octets with another length in one of its containers."""
    octets = bytearray(vector("ITL-sha1.tlv"))
    at = octets.index(bytes([tag, 0]), 10)
    octets[at + 1 : at + 3] = size.to_bytes(2, "big")
    return bytes(octets)


@pytest.mark.parametrize(
    ("size", "check"),
    [
        (7, "tag 9 ends inside another tag"),
        (9, "tag 9 reaches past the container around it"),
        (3, "tag 9 ends inside another tag"),
        (0xFFFF, "tag 9 reaches past the end of the header"),
    ],
)
def test_a_container_that_cuts_a_tlv_is_refused(size: int, check: str) -> None:
    with pytest.raises(MalformedFile, match=check):
        decode_signed_file_untrusted(with_container(9, size))


@pytest.mark.parametrize("size", [0, 4, 8])
def test_a_container_that_ends_between_two_tlvs_is_read(size: int) -> None:
    """How much a container holds is kept and means nothing."""
    file = decode_signed_file_untrusted(with_container(9, size))
    assert encode_header(file.header) == with_container(9, size)[: file.header_length]


def test_names_that_are_not_utf_8_are_kept_as_octets() -> None:
    signer = replace(HEADER.signer, name=b"CN=M\xfcnchen", issuer=b"\xff")
    assert header_again(replace(HEADER, signer=signer)).signer == signer
    record = replace(RECORD, subject=b"CN=M\xfcnchen", issuer=b"\xff", dns_name=b"\x80")
    assert record_again(record) == record
