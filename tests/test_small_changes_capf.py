"""CAPF: small things that no other test noticed when mutation testing changed them."""

import pytest
from capf_phone import LSC, STATUS, UNDER_WAY, end, in_state, said

from secd.capf import (
    CLIENT_TRANSITIONS,
    SERVER_TRANSITIONS,
    CAPFServerSession,
    CertificateType,
    Claim,
    ClaimReceived,
    ClientState,
    ClientStep,
    Curve,
    Message,
    MessageType,
    Reason,
    ServerState,
    Tag,
    decode_message_untrusted,
)
from secd.capf.listing import show_elements
from secd.capf.names import KeyType
from secd.errors import RemoteProtocolViolation


@pytest.mark.parametrize("octets", [STATUS, end(0), STATUS[:3], b"\0"])
def test_whatever_follows_the_end_of_a_session_is_told_to_do_so(octets: bytes) -> None:
    phone = in_state(ClientState.ENDED)
    with pytest.raises(RemoteProtocolViolation, match="goes on after END_SESSION"):
        phone.hear(octets)
    assert phone.state is ClientState.FAILED


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_violation_ends_a_session_in_every_state_by_the_table_too(state: ClientState) -> None:
    """The diagram is drawn from the table; the session itself fails without looking."""
    assert CLIENT_TRANSITIONS[state][ClientStep.VIOLATION] is ClientState.FAILED
    phone = in_state(state)
    with pytest.raises(RemoteProtocolViolation):
        phone.hear(said(2))
    assert phone.state is ClientState.FAILED


# The phone's end once more, said by hand; END and VIOLATION are possible wherever anything is.
PHONE = """
AWAIT_AUTH_REQ        AUTHENTICATE  AWAIT_OPERATION
AWAIT_OPERATION       GENERATE      AWAIT_KEY
AWAIT_OPERATION       NO_KEY        AWAIT_END_SESSION
AWAIT_OPERATION       FETCH         AWAIT_OPERATION
AWAIT_OPERATION       DELETE        AWAIT_END_SESSION
AWAIT_OPERATION       AGREE         AWAIT_OPERATION
AWAIT_KEY             KEY_MADE      AWAIT_STORE_CERT_REQ
AWAIT_KEY             AGREE         AWAIT_KEY
AWAIT_STORE_CERT_REQ  STORE         AWAIT_STAGED
AWAIT_STORE_CERT_REQ  NO_STORE      AWAIT_END_SESSION
AWAIT_STORE_CERT_REQ  AGREE         AWAIT_STORE_CERT_REQ
AWAIT_STAGED          STAGED        AWAIT_END_SESSION
AWAIT_STAGED          AGREE         AWAIT_STAGED
AWAIT_END_SESSION     AGREE         AWAIT_END_SESSION
"""


def test_the_table_of_the_phones_end_is_what_it_should_be() -> None:
    expected = {tuple(line.split()) for line in PHONE.strip().splitlines()}
    for state in UNDER_WAY:
        expected |= {(state.name, "END", "ENDED"), (state.name, "VIOLATION", "FAILED")}
    found = {
        (state.name, step.name, following.name)
        for state, steps in CLIENT_TRANSITIONS.items()
        for step, following in steps.items()
    }
    assert found == expected


# The lab's end; END is possible wherever a session is under way.
SERVER = """
AWAIT_START            START                AWAIT_AUTH_RES
AWAIT_AUTH_RES         AUTH_RES             AWAIT_OPERATION
AWAIT_OPERATION        INSTALL              AWAIT_KEY_GEN_RES
AWAIT_OPERATION        FETCH                AWAIT_FETCH_CERT_RES
AWAIT_OPERATION        DELETE               AWAIT_DELETE_CERT_RES
AWAIT_KEY_GEN_RES      REQUEST_IN_PROGRESS  AWAIT_KEY_GEN_RES
AWAIT_KEY_GEN_RES      KEY_GEN_RES          AWAIT_CERTIFICATE
AWAIT_CERTIFICATE      STORE                AWAIT_STORE_CERT_RES
AWAIT_STORE_CERT_RES   STORE_CERT_RES       AWAIT_OPERATION
AWAIT_FETCH_CERT_RES   FETCH_CERT_RES       AWAIT_OPERATION
AWAIT_DELETE_CERT_RES  DELETE_CERT_RES      AWAIT_OPERATION
"""


def test_the_table_of_the_labs_end_is_what_it_should_be() -> None:
    expected = {tuple(line.split()) for line in SERVER.strip().splitlines()}
    idle = (ServerState.AWAIT_START, ServerState.ENDED)
    expected |= {(state.name, "END", "ENDED") for state in ServerState if state not in idle}
    found = {
        (state.name, step.name, following.name)
        for state, steps in SERVER_TRANSITIONS.items()
        for step, following in steps.items()
    }
    assert found == expected
    assert SERVER_TRANSITIONS[ServerState.ENDED] == {}


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
def test_versions_one_to_three_of_phones_are_taken(version: int) -> None:
    server = CAPFServerSession(7)
    server.start()
    octets = said(2, (Tag.VERSION, bytes([version])), (Tag.DEVICE_NAME, b"SEP1\0"))
    if version in (1, 2, 3):
        assert any(isinstance(each, ClaimReceived) for each in server.receive_octets(octets))
    else:
        with pytest.raises(RemoteProtocolViolation, match=f"version {version}, not 1 to 3"):
            server.receive_octets(octets)


def test_a_claim_without_anything_else_is_a_name() -> None:
    assert Claim(b"SEP1") == Claim(b"SEP1", b"", None, None, None)


def test_an_identity_does_not_show_its_key() -> None:
    assert "key" not in repr(LSC)


# What the numbers in elements mean, by the names of the elements in the messages' names.
NUMBERS = """
REASON            0  0 (no action)
REASON            1  1 (success)
REASON            5  5
REASON            7  7 (invalid element)
REASON            9  9 (unknown device)
CERTIFICATE_TYPE  0  0
CERTIFICATE_TYPE  1  1 (LSC)
CERTIFICATE_TYPE  2  2 (MIC)
VERSION           3  3
AUTH_TYPE         0  0 (none)
AUTH_TYPE         1  1 (authentication string)
AUTH_TYPE         2  2 (null string)
AUTH_TYPE         3  3 (existing certificate, LSC first)
AUTH_TYPE         4  4 (existing certificate, MIC first)
AUTH_TYPE         5  5
KEY_TYPE          0  0 (RSA)
KEY_TYPE          1  1 (EC)
KEY_TYPE          2  2
CURVE             0  0 (P-256)
CURVE             1  1 (P-384)
CURVE             2  2 (P-521)
CURVE             3  3
DIGEST_TYPE       1  1
"""


@pytest.mark.parametrize("line", NUMBERS.strip().splitlines())
def test_what_a_number_in_an_element_means(line: str) -> None:
    tag, number, text = line.split(maxsplit=2)
    (shown,) = show_elements(Message(1, 1, ((Tag[tag], bytes([int(number)])),)))
    assert shown.text == text


def test_of_an_authentication_string_only_that_there_is_one_is_told() -> None:
    for value, text in ((b"\0", "(none)"), (b"X\0", "(not shown)"), (b"\0X\0", "(not shown)")):
        (shown,) = show_elements(Message(1, 1, ((Tag.PASSWORD, value),)))
        assert (shown.text, shown.octets) == (text, None)


def test_an_element_that_nobody_can_read_says_nothing() -> None:
    (shown,) = show_elements(Message(1, 1, ((99, b"\1"),)))
    assert (shown.label, shown.text, shown.octets) == ("Element 99", "", b"\1")


SIZES = {
    **dict.fromkeys([Tag.REASON, Tag.CERTIFICATE_TYPE, Tag.VERSION, Tag.AUTH_TYPE], 1),
    **dict.fromkeys([Tag.KEY_TYPE, Tag.CURVE], 1),
    Tag.KEY_SIZE: 2,
}


@pytest.mark.parametrize("tag", Tag)
def test_numbers_have_their_size_and_other_elements_any(tag: Tag) -> None:
    for size in range(4):
        octets = Message(1, 1, ((tag, bytes(size)),)).encode()
        if SIZES.get(tag, size) == size:
            assert decode_message_untrusted(octets).element(tag) == bytes(size)
        else:
            with pytest.raises(RemoteProtocolViolation):
                decode_message_untrusted(octets)


# By hand from docs/capf.md: messages 1 to 23, elements, and what is asked for by number.
MESSAGES = """
AUTH_REQ AUTH_RES KEY_GEN_REQ KEY_GEN_RES ENCRYPT_RES ENCRYPT_REQ DECRYPT_REQ DECRYPT_RES
STORE_CERT_REQ STORE_CERT_RES FETCH_CERT_REQ FETCH_CERT_RES DELETE_CERT_REQ DELETE_CERT_RES
END_SESSION RETRY_LATER REQ_IN_PROGRESS STATUS_REQ STATUS_RES ABORT_REQ ABORT_RES
SIGN_CERT_REQ SIGN_CERT_RES
"""
ELEMENTS = """
REASON REASON_INFO CERTIFICATE_TYPE CERTIFICATE CERTIFICATE_ID SIGNED_DATA VERSION AUTH_TYPE
PUBLIC_KEY KEY_SIZE PASSWORD RETRY_DELAY DEVICE_NAME - - SUDI_DATA KEY_TYPE CURVE DIGEST_TYPE
SHA2_SIGNED_DATA
"""


def test_the_numbers_on_the_wire() -> None:
    assert {kind.name: int(kind) for kind in MessageType} == _numbered(MESSAGES)
    assert {tag.name: int(tag) for tag in Tag} == _numbered(ELEMENTS)
    assert [int(kind) for kind in (CertificateType.LSC, CertificateType.MIC)] == [1, 2]
    assert [int(kind) for kind in (KeyType.RSA, KeyType.EC)] == [0, 1]
    assert [int(curve) for curve in (Curve.P256, Curve.P384, Curve.P521)] == [0, 1, 2]
    reasons = (Reason.NO_ACTION, Reason.SUCCESS, Reason.INVALID, Reason.UNKNOWN_DEVICE)
    assert [int(reason) for reason in reasons] == [0, 1, 7, 9]


def _numbered(names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), start=1) if name != "-"}
