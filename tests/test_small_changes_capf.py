"""CAPF: small things that no other test noticed when mutation testing changed them."""

import pytest
from capf_phone import STATUS, end, in_state

from secd.capf import ClientState
from secd.errors import RemoteProtocolViolation


@pytest.mark.parametrize("octets", [STATUS, end(0), STATUS[:3], b"\0"])
def test_whatever_follows_the_end_of_a_session_is_told_to_do_so(octets: bytes) -> None:
    phone = in_state(ClientState.ENDED)
    with pytest.raises(RemoteProtocolViolation, match="goes on after END_SESSION"):
        phone.hear(octets)
    assert phone.state is ClientState.FAILED
