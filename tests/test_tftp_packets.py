"""The codec, against octets written by hand from RFC 1350 and RFC 2347."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secd.errors import RemoteProtocolViolation, UnusableInput
from secd.tftp import (
    Acknowledgement,
    Data,
    ErrorPacket,
    OptionAcknowledgement,
    Packet,
    ReadRequest,
    decode_packet_untrusted,
)

WELL_FORMED: dict[bytes, Packet] = {
    b"\0\1CTLSEP0011215A1AE3.tlv\0octet\0": ReadRequest("CTLSEP0011215A1AE3.tlv"),
    b"\0\1f\0netascii\0": ReadRequest("f", "netascii"),
    b"\0\1f\0octet\0blksize\x001428\0tsize\x000\0": ReadRequest(
        "f", options=(("blksize", "1428"), ("tsize", "0"))
    ),
    b"\0\1\xc3\xa9/\xff..\n\0octet\0": ReadRequest("é/\udcff..\n"),
    b"\0\3\0\1": Data(1, b""),
    b"\0\3\xff\xffabc": Data(65535, b"abc"),
    b"\0\4\x12\x34": Acknowledgement(0x1234),
    b"\0\5\0\1File not found\0": ErrorPacket(1, "File not found"),
    b"\0\5\x03\xe7\0": ErrorPacket(999, ""),
    b"\0\6": OptionAcknowledgement(()),
    b"\0\6blksize\x00512\0": OptionAcknowledgement((("blksize", "512"),)),
}


@pytest.mark.parametrize(("octets", "packet"), WELL_FORMED.items())
def test_octets_and_values_correspond(octets: bytes, packet: Packet) -> None:
    assert decode_packet_untrusted(octets) == packet
    assert packet.encode() == octets


def test_a_7940_asks_with_73_octets_on_the_wire() -> None:
    # Ethernet 14, IP 20, UDP 8, then the request: a public capture of a 7940 shows 73.
    request = ReadRequest("CTLSEP0011215A1AE3.tlv").encode()
    assert request == b"\0\1CTLSEP0011215A1AE3.tlv\0octet\0"
    assert 14 + 20 + 8 + len(request) == 73


def test_mode_and_option_names_are_case_insensitive() -> None:
    assert decode_packet_untrusted(b"\0\1F\0OcTeT\0BlkSize\x008\0") == ReadRequest(
        "F", "octet", (("blksize", "8"),)
    )
    assert decode_packet_untrusted(b"\0\6TSIZE\x00A\0") == OptionAcknowledgement((("tsize", "A"),))


LENIENT_ERRORS = {
    b"\0\5\0\0": ErrorPacket(0, ""),
    b"\0\5\0\2Access violation": ErrorPacket(2, "Access violation"),
    b"\0\5\0\0caf\xe9\0": ErrorPacket(0, "caf\\xe9"),
    b"\0\5\0\0one\ntwo\x1b[31m\0": ErrorPacket(0, "one\\x0atwo\\x1b[31m"),
    b"\0\5\0\0text\0rest\0": ErrorPacket(0, "text"),
    b"\0\5\0\0" + b"x" * 60000: ErrorPacket(0, "x" * 512),
}


@pytest.mark.parametrize(("octets", "packet"), LENIENT_ERRORS.items())
def test_a_sloppy_error_is_still_readable(octets: bytes, packet: ErrorPacket) -> None:
    assert decode_packet_untrusted(octets) == packet


MALFORMED = {
    b"": "cut short",
    b"\0": "cut short",
    b"\0\3\0": "cut short",
    b"\0\4\0": "cut short",
    b"\0\5\0": "cut short",
    b"\0\4\0\1x": "longer",
    b"\0\0\0\0": "opcode 0",
    b"\0\2f\0octet\0": "opcode 2",
    b"\1\3\0\1abc": "opcode 259",
    b"\0\1f\0octet": "does not end with a NUL",
    b"\0\1\0octet\0": "lacks",
    b"\0\1f\0\0blksize\0": "no value",
    b"\0\1ff\0": "lacks",
    b"\0\6blksize\0": "no value",
    b"\0\6blksize\x00512": "does not end with a NUL",
    b"\0\6tsize\x001\0TSIZE\x002\0": "twice",
}


@pytest.mark.parametrize(("octets", "finding"), MALFORMED.items())
def test_a_malformed_packet_is_named(octets: bytes, finding: str) -> None:
    with pytest.raises(RemoteProtocolViolation, match=finding):
        decode_packet_untrusted(octets)


@pytest.mark.parametrize("name", ["", "a\0octet\0", "x" * 504, "é" * 252])
def test_a_name_that_no_request_can_carry_is_refused(name: str) -> None:
    with pytest.raises(UnusableInput, match="cannot ask"):
        ReadRequest(name).encode()


def test_the_longest_name_fits() -> None:
    assert len(ReadRequest("x" * 503).encode()) == 512


@given(st.binary(max_size=64), st.integers(0, 7))
def test_anything_is_a_packet_or_a_violation(octets: bytes, opcode: int) -> None:
    for candidate in (octets, bytes([0, opcode]) + octets):
        try:
            packet = decode_packet_untrusted(candidate)
        except RemoteProtocolViolation:
            continue
        assert decode_packet_untrusted(packet.encode()) == packet


_text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20)
_options = st.dictionaries(_text.map(str.lower), _text, max_size=4).map(lambda d: tuple(d.items()))


@given(_text, _options)
def test_what_is_written_is_read(name: str, options: tuple[tuple[str, str], ...]) -> None:
    lower = {option.lower() for option, _ in options}
    if len(lower) == len(options) and all(option == option.lower() for option, _ in options):
        request = ReadRequest(name, options=options)
        assert decode_packet_untrusted(request.encode()) == request
