"""Both ends of a conversation with a CTL Provider: what may be asked when, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ctl_provider_messages import answers, requests

from firmware_sim.ctl_provider.codec import encode_message
from firmware_sim.ctl_provider.messages import (
    Answer,
    Certificates,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    ModeNoted,
    RefusalReason,
    Refused,
    Request,
    SaveCTL,
    SetMode,
)
from firmware_sim.ctl_provider.session import (
    CLIENT_TRANSITIONS,
    LOGIN_LIMIT,
    SERVER_TRANSITIONS,
    ClientSession,
    ClientState,
    ClientStep,
    ProviderSession,
    ServerState,
    ServerStep,
)
from secd.errors import RemoteProtocolViolation

LOGIN = Login("admin", "password")
SAVE, COMMIT = SaveCTL(bytes(16), b"", b"ctl"), Commit(bytes(16))
TOLD = Certificates("cucm", "10.0.0.1", "10.5(2)", False, b"der")
WRONG = Refused(RefusalReason.WRONG_LOGIN, "wrong")
NO = Refused(RefusalReason.BAD_CTL, "no")
GOOD: dict[type[Request], Answer] = {
    Login: LoggedIn(),
    GetCertificates: TOLD,
    GetCTL: HeldCTL(None),
    SetMode: ModeNoted(),
    SaveCTL: CTLStaged(),
    Commit: Committed(),
}


def at(state: ServerState) -> ProviderSession:
    """Return a provider in a state, brought there by what brings one there."""
    session = ProviderSession()
    if state is ServerState.AWAIT_LOGIN:
        return session
    say(session, LOGIN, LoggedIn())
    if state is ServerState.STAGED:
        say(session, SAVE, CTLStaged())
    if state is ServerState.ENDED:
        say(session, SAVE, NO)
    assert session.state is state
    return session


def say(session: ProviderSession, request: Request, answer: Answer) -> None:
    assert session.receive_octets(encode_message(request)) == request
    assert session.answer(answer) == encode_message(answer)


def test_the_way_of_a_change() -> None:
    session, client = ProviderSession(), ClientSession()
    for request in (LOGIN, GetCertificates(), GetCTL(), SetMode(True), SAVE, COMMIT):
        octets = client.ask(request)
        assert session.receive_octets(octets) == request
        assert client.receive_octets(session.answer(GOOD[type(request)])) == GOOD[type(request)]
    assert (session.state, client.state) == (ServerState.ENDED, ClientState.ENDED)


MAY: dict[ServerState, set[type[Request]]] = {
    ServerState.AWAIT_LOGIN: {Login},
    ServerState.READY: {GetCertificates, GetCTL, SetMode, SaveCTL},
    ServerState.STAGED: {Commit},
}


@given(st.sampled_from([*MAY]), requests)
def test_what_may_be_asked_when(state: ServerState, request: Request) -> None:
    session = at(state)
    if type(request) in MAY[state]:
        assert session.receive_octets(encode_message(request)) == request
        return
    with pytest.raises(RemoteProtocolViolation, match=f"may not be asked in {state.name}"):
        session.receive_octets(encode_message(request))
    assert session.state is ServerState.ENDED


SAID: list[Request] = [LOGIN, GetCertificates(), GetCTL(), SetMode(True), SAVE, COMMIT]
REFUSALS = [None, None, WRONG, NO]


@given(
    st.lists(st.tuples(st.sampled_from(SAID), st.sampled_from(REFUSALS)), max_size=8),
    st.integers(1, 60),
)
def test_no_order_of_messages_breaks_a_provider(
    talk: list[tuple[Request, Refused | None]], piece: int
) -> None:
    """Requests of anybody, each answered well or with a refusal: a commit follows a login."""
    session, logged_in, staged = ProviderSession(), False, False
    for request, refusal in talk:
        octets, met = encode_message(request), None
        pieces = [octets[start : start + piece] for start in range(0, len(octets), piece)]
        try:
            for one in pieces:
                met = session.receive_octets(one)
        except RemoteProtocolViolation:
            assert session.state is ServerState.ENDED
            return
        assert met == request
        assert logged_in or isinstance(request, Login)
        assert staged == isinstance(request, Commit)
        answer = refusal or GOOD[type(request)]
        session.answer(answer)
        logged_in |= isinstance(answer, LoggedIn)
        staged |= isinstance(answer, CTLStaged)
        if session.state is ServerState.ENDED:
            return


def test_three_wrong_logins_end_the_conversation() -> None:
    session = ProviderSession()
    for _ in range(LOGIN_LIMIT - 1):
        say(session, LOGIN, WRONG)
        assert session.state is ServerState.AWAIT_LOGIN
    say(session, LOGIN, WRONG)
    assert session.state is ServerState.ENDED


@pytest.mark.parametrize("request_", [LOGIN, SAVE], ids=["login", "save"])
def test_any_other_refusal_ends_it_at_once_on_both_sides(request_: Request) -> None:
    session = at(ServerState.AWAIT_LOGIN if request_ is LOGIN else ServerState.READY)
    say(session, request_, NO)
    client = ClientSession()
    client.ask(request_)
    assert client.receive_octets(encode_message(NO)) == NO
    assert (session.state, client.state) == (ServerState.ENDED, ClientState.ENDED)


def test_a_client_may_log_in_again() -> None:
    client = ClientSession()
    client.ask(LOGIN)
    assert client.receive_octets(encode_message(WRONG)) == WRONG
    client.ask(LOGIN)
    half = encode_message(LoggedIn())
    assert client.receive_octets(half[:3]) is None
    assert client.receive_octets(half[3:]) == LoggedIn()


@given(requests, answers)
def test_a_client_takes_only_answers_to_its_question(request: Request, answer: Answer) -> None:
    client = ClientSession()
    client.ask(request)
    if isinstance(answer, Refused) or type(answer) is type(GOOD[type(request)]):
        assert client.receive_octets(encode_message(answer)) == answer
        return
    with pytest.raises(RemoteProtocolViolation, match="was answered with"):
        client.receive_octets(encode_message(answer))
    assert client.state is ClientState.ENDED


def test_calls_in_the_wrong_order_are_bugs() -> None:
    session, client = at(ServerState.READY), ClientSession()
    with pytest.raises(RuntimeError, match="is no answer to None"):
        session.answer(LoggedIn())
    session = at(ServerState.READY)
    session.receive_octets(encode_message(GetCTL()))
    with pytest.raises(RuntimeError, match="takes no octets now"):
        session.receive_octets(b"")
    with pytest.raises(RuntimeError, match="LoggedIn is no answer to GetCTL"):
        session.answer(LoggedIn())
    with pytest.raises(RuntimeError, match="takes no octets now"):
        at(ServerState.ENDED).receive_octets(b"")
    with pytest.raises(RuntimeError, match="before it has asked"):
        client.receive_octets(b"")
    client.ask(LOGIN)
    with pytest.raises(RuntimeError, match="cannot meet ASKED in AWAIT_ANSWER"):
        client.ask(LOGIN)


def test_steps_that_a_state_does_not_know_are_bugs() -> None:
    for state, following in SERVER_TRANSITIONS.items():
        for step in set(ServerStep) - following.keys():
            session = at(state)
            with pytest.raises(RuntimeError, match=f"cannot meet {step.name}"):
                session._move(step)
    assert CLIENT_TRANSITIONS[ClientState.ENDED] == {}
    assert set(ClientStep) == {step for row in CLIENT_TRANSITIONS.values() for step in row}
