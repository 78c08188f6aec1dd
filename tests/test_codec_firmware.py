"""Firmware envelopes are read and named for what they are; no Cisco key says that they verify."""

from dataclasses import replace

import pytest
from support import SIGNED, vector
from test_codec_layouts import LIST_HEADER

from firmware_sim.cluster import PooledKeys
from firmware_sim.cluster.firmware import sign_firmware
from secd.envelope import (
    CUCM_LAYOUT,
    Component,
    Signer,
    components_of_untrusted,
    decode_signed_file_untrusted,
    encode_signed_file,
    pad,
)
from secd.envelope.firmware import MAX_LOADS_BYTES
from secd.errors import MalformedFile

SIGNER = Signer(
    b"CN=someSigner;OU=someOrgUnit;O=someOrg",
    b"CN=someCA;OU=someOrgUnit;O=someOrg",
    bytes.fromhex("1234567890abcdef"),
)
HEADER = pad(
    replace(
        LIST_HEADER,
        version=(1, 1),
        signer=SIGNER,
        file_name=b"SCCP41.8-5-2S.loads",
        timestamp=None,
        signer_version=None,
        layout=CUCM_LAYOUT[:-1],
    )
)
JAR = Component("jar41sccp.8-5-2TH1-9.sbn", ())
CNU = Component("cnu41.8-5-2TH1-9.sbn", ())


def test_a_firmware_envelope_is_read_and_known_by_its_placeholder() -> None:
    octets = encode_signed_file(HEADER, b"jar41sccp.8-5-2TH1-9.sbn\r\n")
    file = decode_signed_file_untrusted(octets)
    assert file.header == HEADER
    assert file.is_firmware
    assert components_of_untrusted(file.body) == (JAR,)


@pytest.mark.parametrize("name", SIGNED)
def test_other_signed_files_are_no_firmware(name: str) -> None:
    assert not decode_signed_file_untrusted(vector(name)).is_firmware


@pytest.mark.parametrize(
    "body",
    [
        b"jar41sccp.8-5-2TH1-9.sbn\r\ncnu41.8-5-2TH1-9.sbn\r\n",
        b"jar41sccp.8-5-2TH1-9.sbn\ncnu41.8-5-2TH1-9.sbn\n",
        b"jar41sccp.8-5-2TH1-9.sbn\ncnu41.8-5-2TH1-9.sbn",
        b"jar41sccp.8-5-2TH1-9.sbn  \r\n\r\n  cnu41.8-5-2TH1-9.sbn\t \r\n\n",
        b"# components\njar41sccp.8-5-2TH1-9.sbn\n#cnu41.sbn\ncnu41.8-5-2TH1-9.sbn\n#",
        b"#+ jar41sccp.8-5-2TH1-9.sbn\n#+cnu41.8-5-2TH1-9.sbn\r\n#+\r\n",
    ],
    ids=["crlf", "lf", "no final newline", "blanks", "comments", "plus"],
)
def test_every_form_of_line_names_its_component(body: bytes) -> None:
    assert components_of_untrusted(body) == (JAR, CNU)


def test_size_and_md5_are_handed_on_as_words() -> None:
    body = b"kern.sebn\t1234567  0123456789abcdef0123456789abcdef\r\n"
    details = ("1234567", "0123456789abcdef0123456789abcdef")
    assert components_of_untrusted(body) == (Component("kern.sebn", details),)


def test_an_empty_body_names_nothing() -> None:
    assert components_of_untrusted(b"") == ()


@pytest.mark.parametrize("line", [b"a\0b", b"a\rb", b"\xff.sbn", "ä.sbn".encode(), b"a\x1b[2Jb"])
def test_a_name_that_is_not_printable_ascii_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"line 2 of the \.loads body is not printable"):
        components_of_untrusted(b"fine.sbn\n" + line + b"\n")


def test_a_body_that_is_no_short_text_is_refused() -> None:
    assert components_of_untrusted(b"\n" * MAX_LOADS_BYTES) == ()
    with pytest.raises(MalformedFile, match="above 16384 octets"):
        components_of_untrusted(b"\n" * (MAX_LOADS_BYTES + 1))


# What others read off Cisco's own files, held against the lab's stand-ins: notes of a public study
# of firmware images (8831 10.3(1)SR7, 6901 9.3(1)SR3, 894x 9.4(2)SR2). Only octets, offsets and
# lengths are taken from it; the names of the 894x parts are inferred.
FIRST_OCTETS = bytes.fromhex("01000201010200 02019c 03005b 040027")
NAME_STARTS = 0x180


@pytest.mark.parametrize(
    ("name", "header_length"),
    [
        ("kern8831.10-3-1SR7-2-NA.sbn", None),
        ("APP6901SIP.9-3-1-SR3-1.zz.sgn", 416),
        ("KNL6901SIP.9-3-1-SR3-1.zz.sgn", 416),
        ("SIP894x.9-4-2SR2-2.bin1.sgn", 0x19C),
        # Its file is four octets longer than that of bin1: padding.
        ("SIP894x.9-4-2SR2-2.bin10.sgn", 0x19C + 4),
    ],
)
def test_the_labs_firmware_has_the_form_of_ciscos(name: str, header_length: int | None) -> None:
    octets = sign_firmware(name, b"body", PooledKeys().rsa(2048))
    assert octets[:8] + octets[10:16] == FIRST_OCTETS[:8] + FIRST_OCTETS[10:]
    assert octets[16:].startswith(b"CN=someSigner;")
    assert octets[NAME_STARTS:].startswith(name.encode() + b"\0")
    length = int.from_bytes(octets[8:10], "big")
    assert length == len(octets) - len(b"body")
    assert header_length in (None, length)
