"""`show ctl` printed from lists that were built after CUCM's own listings, word for word.

A list is built from the values and lengths that a listing shows; what it does not show (keys,
certificates) is filled with as many octets. So the checksums and the certificates' hashes differ,
and nothing else may. Lengths of records, header and file are the encoder's own.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support import vector
from test_codec_fields import HEADER as FULL_HEADER
from test_codec_fields import RECORD as FULL_RECORD

from secd.envelope import CUCM_LAYOUT, Header, Signer, pad
from secd.trustlist import (
    CUCM_RECORD_LAYOUT,
    Form,
    Function,
    Record,
    decode_trust_list_untrusted,
    encode_trust_list,
    show_list,
    show_missing,
    show_unreadable,
)
from secd.words import FileKind

LISTINGS = {
    "seed-8.x": Form.CUCM_8,
    "118892-10.0.1": Form.CUCM_10,
    "118893-10.5.1": Form.CUCM_10,
}
FUNCTIONS = {
    "System Administrator Security Token": Function.SAST,
    "CCM+TFTP": Function.CCM_TFTP,
    "CAPF": Function.CAPF,
}
ROW = re.compile(r"(\d+) +([A-Z]+) +(\d+) *(.*)")
MODIFIED = "Fri Mar 06 21:56:07 CET 2015"


def listing(name: str) -> list[str]:
    return vector(f"listings/{name}").decode().splitlines()


def rows(lines: list[str]) -> dict[int, tuple[int, str]]:
    """Return the rows among the lines: tag -> length and value."""
    found = (ROW.fullmatch(line) for line in lines)
    return {int(row[1]): (int(row[3]), row[4]) for row in found if row}


def serial(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def built_header(lines: list[str]) -> Header:
    shown = rows(lines)
    cells = [line.split() for line in lines if re.fullmatch(r"([0-9a-f]{1,2} *){8}", line)]
    signature = bytes(int(cell, 16) for row in cells for cell in row)
    header = Header(
        version=(1, 2),
        signer=Signer(shown[4][1].encode(), shown[6][1].encode(), serial(shown[5][1])),
        digest=1,
        signature_algorithm=0,
        modulus_code=1,
        signature=signature or bytes(128),
        file_name=b"CTLFile.tlv",
        timestamp=0,
        layout=CUCM_LAYOUT,
    )
    return pad(header)


def built_record(lines: list[str]) -> Record:
    shown = rows(lines)

    def text(tag: int) -> bytes | None:
        return shown[tag][1].encode() if tag in shown else None

    def filler(tag: int) -> bytes | None:
        return b"\x55" * shown[tag][0] if tag in shown else None

    return Record(
        function=FUNCTIONS[shown[4][1]],
        dns_name=text(2),
        subject=text(3),
        issuer=text(5),
        serial=serial(shown[6][1]) if 6 in shown else None,
        public_key=filler(7),
        signature=filler(8),
        certificate=filler(9),
        ip_address=filler(10),
        layout=tuple(tag for tag in shown if tag != 1),
    )


def built(lines: list[str]) -> bytes:
    """Build a list that has the values and lengths of a listing."""
    starts = [at for at, line in enumerate(lines) if line.startswith("CTL Record")]
    records = [lines[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]
    header = built_header(lines[: starts[0]])
    return encode_trust_list(header, tuple(built_record(record) for record in records))


def masked(lines: list[str] | tuple[str, ...]) -> list[str]:
    """Hide what depends on octets that a listing does not show."""
    hidden = [re.sub(r"^[0-9a-f]{32,40}(?=\((MD5|SHA1)\)$)", "…", line) for line in lines]
    return [re.sub(r"([0-9A-F]{2} ){20}(?=\(SHA1 Hash HEX\))", "… ", line) for line in hidden]


def modified_in(lines: list[str]) -> str:
    line = next(line for line in lines if "last modified on" in line)
    return line.removeprefix("The CTL File was last modified on ")


@pytest.mark.parametrize("name", LISTINGS)
def test_a_list_built_after_a_listing_prints_that_listing(name: str) -> None:
    expected = listing(f"{name}.txt")
    printed = show_list(
        decode_trust_list_untrusted(built(expected)),
        FileKind.CTL,
        modified_in(expected),
        verified=True,
        form=LISTINGS[name],
    )
    assert masked(printed) == masked(expected)


@pytest.mark.parametrize("name", LISTINGS)
def test_the_restored_listing_has_the_words_of_the_page(name: str) -> None:
    """Line breaks and folded blanks were restored by hand; this holds the words against it."""
    page = " ".join(listing(f"{name}.page.txt")).replace("; ST=", ";ST=")
    assert " ".join(listing(f"{name}.txt")).split() == page.split()


@pytest.mark.parametrize("name", ["118892-10.0.1", "118893-10.5.1"])
def test_the_restored_columns_are_those_of_the_page(name: str) -> None:
    """The two later pages keep blanks, but where they break a line before a row's value."""
    page = vector(f"listings/{name}.page.txt").decode().replace("; ST=", ";ST=")
    restored = [line for line in listing(f"{name}.txt") if line not in page]
    cells = r"([0-9a-f]{1,2} *){8}"
    broken = r"(2 +DNSNAME|4 +FUNCTION|6 +SERIALNUMBER) +\d+ +\S+"
    assert [line for line in restored if not re.fullmatch(f"{cells}|{broken}", line)] == []


@pytest.mark.parametrize(
    ("name", "header", "records", "total"),
    [
        ("seed-8.x", 304, [1178, 1180, 1059, 991], 4712),
        ("118892-10.0.1", 304, [1186, 1186, 33, 1004, 33], 3746),
        ("118893-10.5.1", 336, [1156, 1156, 1138, 1161], 4947),
    ],
)
def test_the_lengths_of_the_published_lists(
    name: str, header: int, records: list[int], total: int
) -> None:
    octets = built(listing(f"{name}.txt"))
    assert decode_trust_list_untrusted(octets).file.header_length == header
    assert list(record_lengths(octets)) == records
    assert header + sum(records) == len(octets) == total


def record_lengths(octets: bytes) -> Iterator[int]:
    at = int.from_bytes(octets[8:10], "big")
    while at < len(octets):
        length = int.from_bytes(octets[at + 3 : at + 5], "big")
        yield length
        at += length


def test_the_lengths_after_the_key_grew_to_2048_bits() -> None:
    """118893 shows 6113 octets and records of 1675 after CallManager's key was made anew."""
    old = decode_trust_list_untrusted(built(listing("118893-10.5.1.txt")))
    header = pad(replace(old.header, modulus_code=2, signature=bytes(256)))
    records = tuple(
        replace(record, public_key=bytes(270), signature=bytes(256), certificate=bytes(955))
        if record.subject == header.signer.name
        else record
        for record in old.records
    )
    octets = encode_trust_list(header, records)
    assert header.padding == 3
    assert list(record_lengths(octets)) == [1675, 1675, 1138, 1161]
    assert len(octets) == 464 + 1675 + 1675 + 1138 + 1161 == 6113


def test_the_checksums_are_those_of_the_whole_file() -> None:
    lines = show("ITL-sha1.tlv")
    # md5sum and sha1sum of the vector
    assert lines[1:3] == (
        "7c863490517b30885138fb7d338a7d8d(MD5)",
        "1a62a43203a179cb0d26bbcebaa32805ce1c071c(SHA1)",
    )


def show(name: str, *, verified: bool = True, form: Form = Form.CUCM_10) -> tuple[str, ...]:
    trust_list = decode_trust_list_untrusted(vector(name))
    return show_list(trust_list, FileKind.ITL, MODIFIED, verified=verified, form=form)


def test_an_itl_says_itl_everywhere() -> None:
    text = "\n".join(show("ITL-sha1.tlv"))
    assert "CTL" not in text
    for sentence in (
        "The checksum value of the ITL file:",
        "Length of ITL file: 9451",
        "The ITL File was last modified on Fri Mar 06 21:56:07 CET 2015",
        "Parse ITL File",
        "ITL Record #:6",
        "This etoken was used to sign the ITL file.",
        "This etoken was not used to sign the ITL file.",
        "The ITL file was verified successfully.",
    ):
        assert sentence in text.splitlines()


def test_functions_that_no_listing_shows() -> None:
    lines = (*show("ITL-sha1.tlv"), *show("ITL-sha512-v1.1-ec.tlv"))
    for name in ("CCM", "TFTP", "TVS", "APP-SERVER"):
        assert f"4       FUNCTION        2       {name}" in lines


def test_a_list_that_does_not_verify_says_so_last() -> None:
    assert show("CTL-sast2-signs.tlv", verified=False)[-1] == (
        "Verification of the ITL File Failed"
    )


def test_rows_stand_in_the_order_of_the_file() -> None:
    lines = show("ITL-sha1.tlv", form=Form.CUCM_8)
    tags = [int(row[1]) for row in map(ROW.fullmatch, lines) if row]
    assert tags == [3, 4, 6, 5, *[1, 3, 5, 6, 4, 7, 8, 9] * 6]


def shown(header: Header, *records: Record) -> tuple[str, ...]:
    octets = encode_trust_list(header, records)
    trust_list = decode_trust_list_untrusted(octets)
    return show_list(trust_list, FileKind.CTL, MODIFIED, verified=True, form=Form.CUCM_10)


def test_tags_and_functions_that_are_unknown_have_a_row() -> None:
    lines = shown(FULL_HEADER, replace(FULL_RECORD, function=5))
    for row in (
        "16      UNKNOWN         2       306",
        "18      UNKNOWN         1       00",
        "28      SIGNERVERSION   2       1.1",
        "77      UNKNOWN         10      75:6E:68:65:61:72:64:20:6F:66",
        "4       FUNCTION        2       function 5",
        "11      CERTIFICATEHASH 20      " + ":".join(["00"] * 20),
        "12      HASHALGORITHM   1       01",
    ):
        assert row in lines


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        (b"a\nThis etoken was used", r"a\nThis etoken was used"),
        (b"a\x1b[2J\tb", r"a\x1b[2J\tb"),
        (b"M\xfcnchen", r"M\xfcnchen"),
        ("München".encode(), "München"),
        ("a\u2028b\u202eb".encode(), r"a\u2028b\u202eb"),
    ],
)
def test_a_name_cannot_forge_lines(name: bytes, printed: str) -> None:
    record = Record(4, subject=name, layout=(3, 4))
    (line,) = [line for line in shown(FULL_HEADER, record) if "SUBJECTNAME" in line]
    assert line == f"3       SUBJECTNAME     {len(name) + 1:<8}{printed}"


def test_no_ctl() -> None:
    page = listing("118892-no-ctl.page.txt")
    assert " ".join(show_missing(FileKind.CTL)) == " ".join(page)
    assert len(show_missing(FileKind.CTL)) == 3


def test_no_itl() -> None:
    assert show_missing(FileKind.ITL) == (
        "Length of ITL file: 0",
        "ITL File not found.",
        "Error parsing the ITL File.",
    )


def test_a_file_that_is_no_list() -> None:
    lines = show_unreadable(b"abc", FileKind.CTL, MODIFIED, Form.CUCM_10)
    assert lines == (
        "The checksum value of the CTL file:",
        "900150983cd24fb0d6963f7d28e17f72(MD5)",
        "a9993e364706816aba3e25717850c26c9cd0d89d(SHA1)",
        "",
        "Length of CTL file: 3",
        f"The CTL File was last modified on {MODIFIED}",
        "",
        "Error parsing the CTL File.",
    )


def test_cucms_own_layout_is_what_the_listings_show() -> None:
    records = decode_trust_list_untrusted(built(listing("118893-10.5.1.txt"))).records
    assert {record.layout for record in records} == {CUCM_RECORD_LAYOUT}
