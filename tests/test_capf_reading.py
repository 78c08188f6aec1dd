"""Messages and transcripts as people read them, and `secd capf decode`."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from capf_vectors import FOLDER, NAMES, conversation
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY
from test_capf_hostile import EVERYTHING, MESSAGES

from secd.capf import Message, Tag, decode_message_untrusted
from secd.capf.listing import message_name, show_elements, show_message
from secd.capf.transcript import Said, Speaker, read_transcript_untrusted
from secd.cli import commands
from secd.errors import MalformedFile, UnusableInput


def shown(*elements: tuple[int, bytes]) -> list[str]:
    return show_message(Message(2, 1, elements))[4:]


def decode(path: Path | str) -> Result:
    return CliRunner().invoke(commands, ["capf", "decode", str(path)])


# --- one message ----------------------------------------------------------------------------------


def test_a_block_begins_as_cucm_prints_it() -> None:
    assert show_message(Message(1, 15, ((7, b"\3"), (8, b"\0"))))[:4] == [
        "Protocol Discriminator: 55",
        "MsgType : CAPF_MSG_AUTH_REQ",
        "Session Id : 15",
        "Length : 8",
    ]
    assert message_name(99) == "99"


@pytest.mark.parametrize(
    ("tag", "value", "line"),
    [
        (1, b"\7", "Reason : 7 (invalid element)"),
        (1, b"\x0b", "Reason : 11"),
        (2, b"no \x1b[31mway\0", r"ReasonInfo : no \x1b[31mway"),
        (3, b"\2", "CertificateType : 2 (MIC)"),
        (6, b"ab", "SignedData : 2 octets"),
        (7, b"\3", "Version : 3"),
        (8, b"\4", "AuthType : 4 (existing certificate, MIC first)"),
        (10, b"\x08\0", "KeySize : 2048"),
        (11, b"\0", "Password : (none)"),
        (11, b"", "Password : (none)"),
        (11, b"12345\0", "Password : (not shown)"),
        (13, b"SEP000000000001\0", "DeviceName : SEP000000000001"),
        (17, b"\1", "KeyType : 1 (EC)"),
        (18, b"\2", "Curve : 2 (P-521)"),
        (19, b"\1", "DigestType : 1"),
        (20, b"\3\0\2ab", "Sha2SignedData : 5 octets"),
    ],
)
def test_an_element_is_one_line(tag: int, value: bytes, line: str) -> None:
    assert shown((tag, value)) == [line]


@pytest.mark.parametrize(
    ("tag", "label"),
    [
        (4, "Certificate"),
        (5, "CertificateId"),
        (9, "PublicKey"),
        (12, "RetryDelay"),
        (14, "Element 14"),
        (16, "SudiData"),
    ],
)
def test_what_nobody_can_read_stands_there_as_octets(tag: int, label: str) -> None:
    assert shown((tag, bytes(range(10)))) == [
        f"{label} :",
        "HEX_DUMP: Len = 10:",
        "00 01 02 03 04 05 06 07",
        "08 09",
    ]


def test_names_in_certificates_and_keys_are_read() -> None:
    blocks = [show_message(s.message) for s in conversation("19-install-lsc-ec-sudi-mic")]
    lines = [line for block in blocks for line in block]
    subject = "CN=SEP000000000001;OU=CAPF;O=Lab, serial "
    assert any(line.startswith(f"Certificate : {subject}") for line in lines)
    assert any(line.startswith("SudiData : CN=CP-0000-SEP000000000001;O=Lab") for line in lines)
    assert any(line.startswith("PublicKey : ") for line in lines)


def test_every_element_has_its_label() -> None:
    read = decode_message_untrusted(EVERYTHING)
    labels = {element.tag: element.label for element in show_elements(read)}
    assert len(set(labels.values())) == len(labels)
    assert [tag for tag, label in labels.items() if label.startswith("Element ")] == [255, 14]


@PROPERTY
@given(MESSAGES)
def test_every_message_can_be_shown_in_printable_lines(message: Message) -> None:
    lines = show_message(message)
    assert all(line.isprintable() for line in lines)
    secrets = [e for e in show_elements(message) if e.tag == Tag.PASSWORD]
    assert all(element.octets is None for element in secrets)


# --- transcripts ----------------------------------------------------------------------------------


def read(text: str) -> list[Said]:
    return list(read_transcript_untrusted(text))


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_conversation_is_read_and_decoded(name: str) -> None:
    path = FOLDER / f"{name}.hex"
    said = read(path.read_text())
    assert [(one.speaker is Speaker.PHONE, one.message) for one in said] == [
        (one.phone, one.message) for one in conversation(name)
    ]
    result = decode(path)
    assert result.exit_code == 0
    assert result.output.count("MsgType : CAPF_MSG_") == len(said)
    assert "123456" not in result.output.replace("SEP", "")


def test_plain_octets_are_messages_one_after_the_other() -> None:
    octets = b"".join(one.octets for one in conversation("15-install-password-ok"))
    for text in (octets.hex(), octets.hex(" ").upper(), "# all\n" + octets.hex(" ", -4) + " # end"):
        said = read(text)
        assert b"".join(one.message.encode() for one in said) == octets
        assert {one.speaker for one in said} == {Speaker.UNKNOWN}


def test_what_one_side_says_in_a_row_may_be_cut_anywhere() -> None:
    first, second, *_ = conversation("15-install-password-ok")
    a, b = first.octets.hex(), second.octets.hex()
    said = read(f"S->C header\n{a[:10]}\nS->C the rest\n{a[10:]}\nC->S\n{b}")
    assert [(one.speaker, one.offset) for one in said] == [
        (Speaker.SERVER, 0),
        (Speaker.PHONE, len(first.octets)),
    ]


GOOD = "55 01 00 00 00 01 00 04  07 00 01 03\n"
WRONG: dict[str, tuple[str, int | None, str]] = {
    "nothing": ("", None, "no octets"),
    "comments only": ("# nothing\nS->C 01\n", None, "no octets"),
    "no hexadecimal": (GOOD + "hello", 12, "line 2"),
    "half an octet": (GOOD + "5", 12, "line 2"),
    "half a header": (GOOD + "55 02 00", 15, "inside a header"),
    "a message too short": (GOOD[:-3], 11, "inside a message of 12"),
    "another discriminator": (GOOD + "57 01 02 00 00 00 00 01", 12, "0x57"),
    "a long version": (GOOD + "55 01 00 00 00 01 00 05 07 00 02 03 03", 20, "element 7 has 2"),
    "another side goes on": (f"S->C\n{GOOD[:15]}\nC->S\n{GOOD[15:]}", 5, "inside a header"),
}


@pytest.mark.parametrize(("text", "offset", "check"), WRONG.values(), ids=WRONG.keys())
def test_the_octet_that_is_wrong_is_named(
    text: str, offset: int | None, check: str, tmp_path: Path
) -> None:
    with pytest.raises(MalformedFile, match=check) as caught:
        read(text)
    assert caught.value.offset == offset
    path = tmp_path / "wrong.hex"
    path.write_text(text)
    result = decode(path)
    assert result.exit_code == 1
    place = "" if offset is None else f"octet {offset}: "
    assert f"secd: {path}: {place}" in result.stderr
    assert result.stderr.count("\n") == 1
    good = text.startswith(GOOD) and "line" not in check
    assert result.stdout.count("MsgType") == good


def test_a_file_that_is_not_there_is_unusable() -> None:
    assert isinstance(decode("nowhere.hex").exception, UnusableInput)


def test_the_word_decode_keeps_its_own_help() -> None:
    result = CliRunner().invoke(commands, ["capf", "decode", "--help"])
    assert (result.exit_code, "FILE.hex" in result.output) == (0, True)
    assert "Usage: commands capf decode [OPTIONS] FILE.hex" in result.output


def texts() -> Iterator[str]:
    text = (FOLDER / "15-install-password-ok.hex").read_text()
    for number in range(0, len(text), 97):
        yield text[:number]
        yield text[:number] + "S->C\n" + text[number:]
        yield text[:number] + "ff " + text[number:]


def test_damaged_transcripts_end_with_a_reason() -> None:
    for text in texts():
        with suppress(MalformedFile):
            read(text)


@PROPERTY
@given(st.one_of(st.text("0157abf \n#SC->\u2028é", max_size=80), st.binary().map(bytes.hex)))
def test_any_text_at_all(text: str) -> None:
    with suppress(MalformedFile):
        assert read(text)
