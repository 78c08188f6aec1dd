"""TVS held against octets that this project did not write: tvsd with tvsc, a phone with CUCM."""

import re
from collections.abc import Iterator

import pytest
from support import VECTORS

from secd.tvs import (
    FOUND,
    HEADER_BYTES,
    NOT_FOUND,
    Message,
    MessageBuffer,
    MessageType,
    QueryCertificate,
    Tag,
    TVSAnswer,
    TVSClientSession,
    TVSServerSession,
    VerifyCertificate,
    decode_message_untrusted,
    wire_name,
)
from secd.tvs.message import message_length_untrusted

LIMIT = 16 * 1024


def octets_of(line: str) -> bytes:
    """The octets of a line, up to an ellipsis or a remark."""
    match = re.match(r"  ((?:[0-9a-f]{2} ?)+)(?:\.\.\.| *\[|$)", line)
    assert match is not None, line
    return bytes.fromhex(match[1])


def conversation(name: str) -> tuple[bytes, bytes]:
    """The question and the answer in a file of tests/vectors/tvs."""
    said = {"C->S": b"", "S->C": b""}
    speaker = ""
    for line in (VECTORS / "tvs" / name).read_text().splitlines():
        if line[:4] in said:
            speaker = line[:4]
        elif line and not line.lstrip().startswith("#"):
            said[speaker] += octets_of(line)
    assert all(said.values())
    return said["C->S"], said["S->C"]


# File, device as the client says, its model, and what its comment says of the answer.
CONVERSATIONS = [
    ("01-verify-known.hex", "7962", "SEP000000000001", (FOUND, {1, 7}, 3600)),
    ("02-verify-unknown.hex", "7962", "SEP000000000001", (NOT_FOUND, set(), 0)),
    ("03-verify-many-roles.hex", "8861", "SEP000000000002", (FOUND, {0, 2, 3, 4, 21}, 86_400)),
    ("04-verify-default-device.hex", "0000", "SEP000000000000", (FOUND, {1, 7}, 3600)),
]
NAMES = [name for name, *_ in CONVERSATIONS]
MESSAGES = [
    pytest.param(octets, id=f"{n[:2]}-{i}")
    for n in NAMES
    for i, octets in enumerate(conversation(n))
]


def answer_of(certificate: bytes, said: tuple[int, set[int], int]) -> TVSAnswer:
    status, functions, lifetime_seconds = said
    if status != FOUND:
        return TVSAnswer(status)
    return TVSAnswer(status, certificate, frozenset(functions), lifetime_seconds)


def certificate_in(octets: bytes) -> bytes:
    """The certificate of a question, found by hand: it follows 10 octets and a name of 3 + 24."""
    assert octets[37] == 2
    assert len(octets) == 40 + int.from_bytes(octets[38:40], "big")
    return octets[40:]


def test_no_conversation_is_forgotten() -> None:
    found = {path.name for path in (VECTORS / "tvs").glob("*.hex")}
    assert found == {*NAMES, "real-cucm-query-cert.hex"}


@pytest.mark.parametrize("octets", MESSAGES)
def test_a_message_read_and_written_is_the_same(octets: bytes) -> None:
    assert decode_message_untrusted(octets).encode() == octets
    assert [message.encode() for message in MessageBuffer(LIMIT).feed(octets)] == [octets]


@pytest.mark.parametrize("octets", MESSAGES)
def test_a_message_comes_out_with_its_last_octet(octets: bytes) -> None:
    buffer = MessageBuffer(LIMIT)
    for at in range(len(octets) - 1):
        assert buffer.feed(octets[at : at + 1]) == []
    assert [message.encode() for message in buffer.feed(octets[-1:])] == [octets]


def test_the_elements_of_an_answer() -> None:
    _, octets = conversation("01-verify-known.hex")
    elements = ((7, b"\0"), (8, b"\x01\x07"), (9, b"\0\0\x0e\x10"))
    assert decode_message_untrusted(octets) == Message(2, 1, elements)


@pytest.mark.parametrize(("name", "model", "device", "said"), CONVERSATIONS, ids=NAMES)
def test_our_client_says_what_tvsc_said_and_hears_what_tvsd_answered(
    name: str, model: str, device: str, said: tuple[int, set[int], int]
) -> None:
    asked, answered = conversation(name)
    certificate = certificate_in(asked)
    session = TVSClientSession(wire_name(model, device), first_request_id=1)
    assert session.ask(VerifyCertificate(certificate)) == asked
    for at in range(len(answered) - 1):
        assert session.receive_octets(answered[at : at + 1]) is None
    assert session.receive_octets(answered[-1:]) == answer_of(certificate, said)


@pytest.mark.parametrize(("name", "model", "device", "said"), CONVERSATIONS, ids=NAMES)
def test_our_server_hears_what_tvsc_asked_and_says_what_tvsd_said(
    name: str, model: str, device: str, said: tuple[int, set[int], int]
) -> None:
    asked, answered = conversation(name)
    certificate = certificate_in(asked)
    session = TVSServerSession()
    [request] = session.receive_octets(asked)
    assert request.request_id == 1
    assert request.device_name == f"CP-{model}-{device}".encode()
    assert request.question == VerifyCertificate(certificate)
    assert session.answer(request, answer_of(certificate, said)) == answered


# Cisco 213407: an 8861 with sip88xx.10-3-1-20 asks CUCM 10.5(2). What its traces print in words.
TRACED_SUBJECT = b"CN=ucm11pub.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU"
TRACED_ISSUER = b"CN=stormin-WIN2012-CA"
TRACED_SERIAL = bytes.fromhex("24000000179479B8F124AC3F3B000000000017")
TRACED_QUESTION = QueryCertificate(TRACED_SUBJECT, TRACED_ISSUER, TRACED_SERIAL)
TRACED_FUNCTIONS = frozenset({0, 3})  # {rolecount : 2}, {role : 0}, {role : 3}
REQUEST_BYTES, RESPONSE_BYTES = 153, 1480  # "bytes written : 153", "receives 1480 bytes of data"
CERTIFICATE_BYTES = 1451  # its element's printed length, 05 ab
NOT_PRINTED_OF_REQUEST = 47  # issuer and serial, at the end


def lines_of(direction: str) -> Iterator[str]:
    """The lines of hex in one direction of the published exchange."""
    speaker = ""
    for line in (VECTORS / "tvs" / "real-cucm-query-cert.hex").read_text().splitlines():
        if line.startswith(("C->S", "S->C")):
            speaker = line[:4]
        elif speaker == direction and line and not line.lstrip().startswith("#"):
            yield line


def published(direction: str) -> bytes:
    """The octets that Cisco printed: the beginning of a message."""
    return b"".join(octets_of(line) for line in lines_of(direction) if "[published" in line)


def reconstructed(direction: str) -> bytes:
    """The end of a message as the vector's author reconstructed it; [value published] is one."""
    return b"".join(
        octets_of(line)
        for line in lines_of(direction)
        if "[reconstructed" in line or "[value published" in line
    )


def real_answer() -> bytes:
    """The answer: printed are its beginning and its lifetime.

    Reconstructed: the certificate's octets after the first printed ones are filler here, the
    elements of functions and lifetime are put where their length fits.
    """
    beginning = published("S->C")
    end = reconstructed("S->C")
    return beginning + bytes(RESPONSE_BYTES - len(beginning) - len(end)) + end


def test_the_printed_headers_say_how_long_the_messages_were() -> None:
    assert message_length_untrusted(published("C->S")[:HEADER_BYTES]) == REQUEST_BYTES
    assert message_length_untrusted(published("S->C")[:HEADER_BYTES]) == RESPONSE_BYTES


@pytest.mark.parametrize("direction", ["C->S", "S->C"])
def test_the_printed_beginning_is_that_of_a_message(direction: str) -> None:
    assert len(published(direction)) > HEADER_BYTES
    assert MessageBuffer(LIMIT).feed(published(direction)) == []


def test_our_client_asks_as_the_real_phone_did() -> None:
    """Printed: the first 50 octets, and all values in words; inferred: tags 4 and 5."""
    octets = TVSClientSession(wire_name("8861", "SEPB000B4BA0AEE")).ask(TRACED_QUESTION)
    assert len(octets) == REQUEST_BYTES
    assert octets.startswith(published("C->S"))
    assert octets[-NOT_PRINTED_OF_REQUEST:] == reconstructed("C->S")
    assert int.from_bytes(octets[4:8], "big") == 0x3E9


def test_our_client_understands_the_real_answer() -> None:
    octets = real_answer()
    session = TVSClientSession(wire_name("8861", "SEPB000B4BA0AEE"))
    session.ask(TRACED_QUESTION)
    answer = session.receive_octets(octets)
    assert answer is not None
    assert answer.status == FOUND
    assert len(answer.certificate) == CERTIFICATE_BYTES
    assert octets[17:].startswith(answer.certificate)
    assert (answer.functions, answer.lifetime_seconds) == (TRACED_FUNCTIONS, 86_400)


def test_the_real_answer_keeps_its_strange_reserved_octet() -> None:
    message = decode_message_untrusted(real_answer())
    assert message.reserved == 0xF7
    assert message.kind == MessageType.QUERY_CERT_RES
    assert [tag for tag, _ in message.elements] == [
        Tag.STATUS,
        Tag.CERTIFICATE,
        Tag.FUNCTIONS,
        Tag.LIFETIME,
    ]
    assert message.encode() == real_answer()


def test_our_server_answers_as_the_real_one_did_but_for_the_reserved_octet() -> None:
    session = TVSServerSession()
    [request] = session.receive_octets(
        TVSClientSession(wire_name("8861", "SEPB000B4BA0AEE")).ask(TRACED_QUESTION)
    )
    assert request.question == TRACED_QUESTION
    assert request.device_name == b"CP-8861-SEPB000B4BA0AEE"
    real = real_answer()
    certificate = real[17 : 17 + CERTIFICATE_BYTES]
    answer = TVSAnswer(FOUND, certificate, TRACED_FUNCTIONS, 86_400)
    assert session.answer(request, answer) == real[:3] + b"\0" + real[4:]
