"""What cannot be written, how headers are padded, and how files are signed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support import SIGNED, lab, vector
from test_codec_fields import HEADER, RECORD
from test_codec_layouts import LIST_HEADER

from secd.crypto import Digest, sign_rsa, verify_rsa
from secd.envelope import (
    Header,
    decode_header_untrusted,
    decode_signed_file_untrusted,
    encode_header,
    pad,
    sign,
)
from secd.errors import UnsupportedKey
from secd.trustlist import Record, encode_record
from secd.wire import text, u8, u16, u32


def placed(change: Callable[[list[tuple[int, int]]], object]) -> Header:
    layout = list(HEADER.layout)
    change(layout)
    return replace(HEADER, layout=tuple(layout))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (replace(HEADER, layout=()), "must begin with tags 1 and 2"),
        (placed(lambda layout: layout.insert(0, (13, 0))), "must begin with tags 1 and 2"),
        (placed(lambda layout: layout.insert(1, (13, 0))), "must begin with tags 1 and 2"),
        (placed(lambda layout: layout.append((1, 0))), "names tag 1, the header has no value"),
        (placed(lambda layout: layout.append((14, 0))), "names tag 14, the header has no value"),
        (placed(lambda layout: layout.append((99, 0))), "names tag 99, the header has no value"),
        (placed(lambda layout: layout.remove((14, 0))), r"leaves out tags \[14\]"),
        (placed(lambda layout: layout.remove((77, 0))), r"leaves out tags \[\] or unknown"),
        (placed(lambda layout: layout.append((3, 1))), "the layout ends inside tag 3"),
        (replace(HEADER, version=(1, 2, 3)), "tag 1 must have 2 octets, not 3"),  # type: ignore[arg-type]
        (replace(HEADER, version=(1, 256)), r"range\(0, 256\)"),
        (replace(HEADER, signer_version=(1,)), "tag 28 must have 2 octets, not 1"),  # type: ignore[arg-type]
        (replace(HEADER, file_name=b"a\0b"), "a text cannot hold a NUL"),
        (
            replace(HEADER, signer=replace(HEADER.signer, issuer=b"\0")),
            "a text cannot hold a NUL",
        ),
    ],
)
def test_a_header_that_cannot_be_written(header: Header, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_header(header)


@pytest.mark.parametrize(
    "header",
    [
        replace(HEADER, digest=256),
        replace(HEADER, digest=-1),
        replace(HEADER, timestamp=1 << 32),
        replace(HEADER, file_name=bytes(1).replace(b"\0", b"x") * 0x10000),
        replace(HEADER, unknown=(bytes(0xFFFF),)),
    ],
)
def test_a_header_whose_numbers_do_not_fit(header: Header) -> None:
    with pytest.raises(OverflowError):
        encode_header(header)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (replace(RECORD, layout=(1, *RECORD.layout)), "tag 1 .* is written first"),
        (replace(RECORD, layout=(*RECORD.layout, 2)), "names tag 2, the record has no value"),
        (replace(RECORD, layout=(*RECORD.layout, 99)), "names tag 99, the record has no value"),
        (replace(RECORD, layout=RECORD.layout[1:]), r"leaves out tags \[2\]"),
        (replace(RECORD, unknown=(b"", b"")), r"leaves out tags \[\] or unknown"),
        (replace(RECORD, dns_name=b"a\0"), "a text cannot hold a NUL"),
        (replace(RECORD, ip_address=bytes(5)), "tag 10 cannot have 5 octets"),
    ],
)
def test_a_record_that_cannot_be_written(record: Record, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_record(record)


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, function=0x10000),
        replace(RECORD, hash_digest=256),
        replace(RECORD, certificate=bytes(0x10000)),
        replace(RECORD, certificate=bytes(0xFFFF)),
    ],
)
def test_a_record_whose_numbers_do_not_fit(record: Record) -> None:
    with pytest.raises(OverflowError):
        encode_record(record)


@pytest.mark.parametrize("name", SIGNED)
def test_padding_is_put_back_where_it_was_taken_off(name: str) -> None:
    header = decode_signed_file_untrusted(vector(name)).header
    bare = replace(header, layout=tuple(entry for entry in header.layout if entry[0] != 13))
    assert pad(bare) == header
    assert pad(header) == header


@pytest.mark.parametrize("length", range(8))
def test_padding_fills_to_a_multiple_of_four(length: int) -> None:
    header = pad(replace(LIST_HEADER, file_name=b"x" * length))
    assert len(encode_header(header)) % 4 == 0
    assert 0 <= header.padding <= 3


def test_a_signature_of_the_wrong_length_is_not_written() -> None:
    with pytest.raises(ValueError, match="the signature has 128 octets, the header says 256"):
        sign(LIST_HEADER, b"", lambda _: bytes(128))


@pytest.mark.parametrize("code", [-1, 4, 255])
def test_a_modulus_code_that_is_none_cannot_be_signed_for(code: int) -> None:
    with pytest.raises(ValueError, match=f"modulus code {code} stands for no size"):
        sign(replace(LIST_HEADER, modulus_code=code), b"", lambda _: bytes(128))


def test_a_digest_that_is_unknown_cannot_be_signed_with() -> None:
    key = lab("sast1").key
    with pytest.raises(UnsupportedKey, match="digest number 4 is unknown"):
        sign(LIST_HEADER, b"", lambda octets: sign_rsa(key, octets, 4))


def test_signing_replaces_the_signature_and_nothing_else() -> None:
    header = replace(HEADER, digest=Digest.SHA256, signature=b"of another time")
    key = lab("ccm").key
    octets = sign(header, b"<device/>", lambda signed: sign_rsa(key, signed, Digest.SHA256))
    file = decode_signed_file_untrusted(octets)
    assert file.body == b"<device/>"
    assert replace(file.header, signature=header.signature) == header
    verify_rsa(key.public_key(), file.header.signature, file.signed_octets, Digest.SHA256)


def test_what_is_signed_does_not_depend_on_the_signature_before() -> None:
    seen: list[bytes] = []

    def remember(octets: bytes) -> bytes:
        seen.append(octets)
        return bytes(256)

    sign(LIST_HEADER, b"body", remember)
    sign(replace(LIST_HEADER, signature=b""), b"body", remember)
    assert seen[0] == seen[1]
    # Tag 2 counts the signature TLV, which is not there.
    assert int.from_bytes(seen[0][8:10], "big") == len(seen[0]) - len(b"body") + 3 + 256


def test_the_place_of_the_signature_is_where_its_tag_stands() -> None:
    octets = encode_header(LIST_HEADER)
    _, _, at = decode_header_untrusted(octets)
    assert octets[at : at + 3] == b"\x0c\x01\x00"


def test_numbers_and_texts_on_the_wire() -> None:
    assert u8(0xAB) == b"\xab"
    assert u16(0xABCD) == b"\xab\xcd"
    assert u32(0xABCDEF01) == b"\xab\xcd\xef\x01"
    assert text(b"SEP") == b"SEP\0"
    with pytest.raises(OverflowError):
        u16(-1)
