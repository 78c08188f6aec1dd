"""CAPF: small things that no other test noticed when mutation testing changed them."""

import pytest
from capf_phone import STATUS, UNDER_WAY, end, in_state, said

from secd.capf import (
    CLIENT_TRANSITIONS,
    SERVER_TRANSITIONS,
    ClientState,
    ClientStep,
    ServerState,
)
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
