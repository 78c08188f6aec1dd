"""CAPF: small things that no other test noticed when mutation testing changed them."""

import pytest
from capf_phone import STATUS, UNDER_WAY, end, in_state, said

from secd.capf import CLIENT_TRANSITIONS, ClientState, ClientStep
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
