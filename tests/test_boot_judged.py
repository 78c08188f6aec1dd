"""What the trace tells of a file's envelope, whoever wrote it."""

from dataclasses import replace

import pytest
from boot_support import CTL, boot, phone, shelf
from trust_lists import CCM, P1, SERVERS, TOKEN1, TOKENS, header_for, holds, make_ctl, make_list

from secd.boot.judged import acceptance_events, refusal_events
from secd.envelope import Header, Signer
from secd.trace import EnvelopeRead, FileRefused, FileVerified
from secd.trust import Accept, Reason, Refuse
from secd.words import FileKind

PLAIN_HEADER = header_for(TOKEN1)


def read(header: Header) -> EnvelopeRead:
    """Boot against a CTL with this header; the first thing read of it."""
    octets = make_list(TOKEN1, *TOKENS, *SERVERS, header=header)
    return boot(phone(P1), shelf({CTL: octets})).told(EnvelopeRead)[0]


def test_a_list_as_cucm_writes_it() -> None:
    event = read(PLAIN_HEADER)
    assert (event.version, event.newer_version) == ("1.2", True)
    assert event.header_length % 4 == 0


def test_padding_trails_and_its_place_is_told() -> None:
    """214535: "start of pad ('T' 0x0d) at TLV 15", then "skipping 1 trail bytes"."""
    names = ["CTLFile.tlv" + "x" * more for more in range(4)]
    told = [read(replace(PLAIN_HEADER, file_name=name.encode())) for name in names]
    assert sorted(event.trailing for event in told) == [0, 1, 2, 3]
    assert [event.pad_tlv for event in told] == [15 if event.trailing else 0 for event in told]


@pytest.mark.parametrize(
    ("version", "newer"), [((1, 0), False), ((1, 1), False), ((1, 2), True), ((2, 0), True)]
)
def test_which_versions_are_newer(version: tuple[int, int], newer: bool) -> None:
    assert read(replace(PLAIN_HEADER, version=version)).newer_version is newer


def test_unknown_tags_trail_with_their_own_octets() -> None:
    layout = (*PLAIN_HEADER.layout, (99, 0))
    event = read(replace(PLAIN_HEADER, unknown=(b"12345",), layout=layout))
    without = read(PLAIN_HEADER)
    assert without.trailing == 0
    assert (event.trailing, event.header_length) == (3 + 5, without.header_length + 3 + 5)
    assert event.pad_tlv == 0


def test_a_hostile_name_is_printed_escaped() -> None:
    signer = Signer(b"\x1b[2J\xff\r\n", TOKEN1.issuer, TOKEN1.serial)
    octets = make_list(TOKEN1, *TOKENS, header=replace(PLAIN_HEADER, signer=signer))
    (verified,) = boot(phone(P1), shelf({CTL: octets})).told(FileVerified)
    assert verified.signer_name == "\\x1b[2J\\xff\\r\\n"


def test_a_file_without_envelope_tells_nothing_of_one() -> None:
    assert acceptance_events("x", FileKind.PLAIN, Accept(Reason.PLAIN_ALLOWED)) == []
    refused = Refuse(Reason.UNSIGNED)
    (event,) = refusal_events("x", FileKind.SIGNED, "/usr/ram/x", refused)
    assert event == FileRefused(
        "x",
        "/usr/ram/x",
        FileKind.SIGNED,
        False,
        "UNSIGNED",
        "",
        "",
        "",
    )


def test_a_refused_list_tells_its_signer() -> None:
    octets = make_list(CCM, *TOKENS)
    done = boot(phone(P1, installed=holds(ctl=make_ctl(TOKEN1))), shelf({CTL: octets}))
    (event,) = done.told(FileRefused)
    assert (event.signer_name, event.signer_serial) == ("CN=CCM", CCM.serial.hex().upper())
    assert event.reason == Reason.TVS_NO_ANCHOR
    assert len(done.told(EnvelopeRead)) == 1
