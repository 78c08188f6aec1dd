"""The phone's end of CAPF: every transition, every violation, and a line that is cut anywhere."""

from collections.abc import Callable

import pytest
from capf_phone import (
    AUTH_REQ,
    DELETE,
    EC,
    FETCH,
    FOREIGN,
    ID,
    KEY_GEN_REQ,
    NOBODY,
    STATUS,
    STORE,
    UNDER_WAY,
    Phone,
    end,
    in_state,
    reason,
    said,
)
from capf_support import (
    DEVICE,
    KINDS,
    STRING,
    Job,
    converse,
    issue,
    key_of,
)

from secd.capf import (
    CLIENT_TRANSITIONS,
    Applicant,
    CAPFEnded,
    ClientState,
    ClientStep,
    GenerateKey,
    KeyKind,
    Message,
    MessageType,
    Operation,
    RSAKind,
    StageLSC,
    Tag,
    public_octets,
    wrap_certificate,
)
from secd.errors import RemoteProtocolViolation

WEAK = said(3, (10, b"\x02\x00"), (17, b"\0"))
STEPS: dict[ClientStep, Callable[[Phone], object]] = {
    ClientStep.AUTHENTICATE: lambda phone: phone.hear(AUTH_REQ),
    ClientStep.GENERATE: lambda phone: phone.hear(KEY_GEN_REQ),
    ClientStep.KEY_MADE: lambda phone: phone.make_key(),
    ClientStep.NO_KEY: lambda phone: phone.hear(WEAK),
    ClientStep.STORE: lambda phone: phone.hear(STORE),
    ClientStep.NO_STORE: lambda phone: phone.hear(FOREIGN),
    ClientStep.STAGED: lambda phone: phone.stage(),
    ClientStep.FETCH: lambda phone: phone.hear(FETCH),
    ClientStep.DELETE: lambda phone: phone.hear(DELETE),
    ClientStep.AGREE: lambda phone: phone.hear(STATUS),
    ClientStep.END: lambda phone: phone.hear(end(0)),
    ClientStep.VIOLATION: lambda phone: phone.hear(said(2)),
}
OURS = {ClientStep.KEY_MADE, ClientStep.STAGED}  # what a caller reports, not what a server says


@pytest.mark.parametrize("state", ClientState)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_in_every_state(state: ClientState, step: ClientStep) -> None:
    phone = in_state(state)
    if state is ClientState.FAILED and step not in OURS:
        with pytest.raises(RuntimeError):
            STEPS[step](phone)
        return
    if state is ClientState.ENDED and step in OURS:
        before = len(phone.sent)
        STEPS[step](phone)
        assert (phone.state, len(phone.sent)) == (ClientState.ENDED, before)
        return
    # A certificate before the key is made is for another key.
    table = CLIENT_TRANSITIONS[state]
    if step in table and step is not ClientStep.VIOLATION:
        STEPS[step](phone)
        assert phone.state is table[step]
    else:
        with pytest.raises(RemoteProtocolViolation):
            STEPS[step](phone)
        assert phone.state is (state if step in OURS else ClientState.FAILED)


def test_the_table_leads_everywhere_and_nowhere_else() -> None:
    reached = {following for steps in CLIENT_TRANSITIONS.values() for following in steps.values()}
    assert CLIENT_TRANSITIONS.keys() == set(ClientState)
    assert reached == set(ClientState) - {ClientState.AWAIT_AUTH_REQ}
    assert {step for steps in CLIENT_TRANSITIONS.values() for step in steps} == set(ClientStep)


@pytest.mark.parametrize("state", UNDER_WAY)
@pytest.mark.parametrize("kind", range(26))
def test_every_type_in_every_state_is_taken_or_a_violation(state: ClientState, kind: int) -> None:
    phone = in_state(state)
    try:
        phone.hear(said(kind, *(() if kind != 15 else (reason(1),))))
    except RemoteProtocolViolation:
        assert phone.state is ClientState.FAILED
    else:
        assert kind in (1, 3, 9, 11, 13, 15, 16, 18, 20)
        assert phone.state in CLIENT_TRANSITIONS[state].values()


# --- what the phone says --------------------------------------------------------------------------


def test_the_server_speaks_first() -> None:
    phone = Phone()
    assert phone.sent == []
    with pytest.raises(RemoteProtocolViolation):
        phone.session.key_made(key_of(EC))


def test_the_session_of_the_server_is_echoed() -> None:
    phone = Phone().hear(said(1, (7, b"\3"), session_id=0xCAFEF00D))
    assert phone.sent[0].session_id == 0xCAFEF00D


@pytest.mark.parametrize("message", [KEY_GEN_REQ, end(0), STATUS])
def test_another_session_is_a_violation(message: bytes) -> None:
    phone = Phone().hear(AUTH_REQ)
    with pytest.raises(RemoteProtocolViolation, match="session 8, this one is 7"):
        phone.hear(message[:5] + b"\x08" + message[6:])
    assert phone.state is ClientState.FAILED


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions_up_to_ours_are_taken_and_none_too(version: int) -> None:
    for elements in ([(7, bytes([version]))], []):
        phone = Phone().hear(said(1, *elements))
        assert phone.sent[0].number(Tag.VERSION) == 3


@pytest.mark.parametrize("version", [0, 4, 255])
def test_other_versions_are_a_violation(version: int) -> None:
    with pytest.raises(RemoteProtocolViolation, match=f"version {version}"):
        Phone().hear(said(1, (7, bytes([version]))))


def test_a_string_is_said_and_never_shown() -> None:
    applicant = Applicant(DEVICE, STRING)
    phone = Phone(applicant).hear(AUTH_REQ)
    assert phone.sent[0].text(Tag.PASSWORD) == STRING.encode()
    assert STRING not in repr(applicant)
    assert STRING not in repr(phone.sent)


def test_a_key_that_nobody_can_make_is_refused() -> None:
    for elements, told in (
        ([(10, b"\x02\x00")], "key size 512"),
        ([(10, b"\x08\x01"), (17, b"\0")], "key type 0, key size 2049"),
        ([(17, b"\0")], "key type 0"),
        ([(17, b"\1")], "key type 1"),
        ([(17, b"\1"), (18, b"\3")], "key type 1, curve 3"),
        ([(17, b"\2"), (10, b"\x08\x00")], "key type 2, key size 2048"),
        ([], "nothing"),
    ):
        phone = Phone().hear(AUTH_REQ, said(3, *elements))
        assert phone.sent[1:] == [Message(4, ID, (reason(7),))]
        ended = phone.hear(end(7)).ended
        assert not ended.done
        assert ended.refused == f"no key can be made as asked: {told}"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_key_is_certified_and_installed(kind: KeyKind) -> None:
    held = converse(Job(kind=kind), NOBODY)
    assert held.kinds == [1, 2, 3, 17, 4, 9, 10, 15]
    assert held.ended is not None
    assert held.ended.done
    assert held.ended.install == held.staged[0]
    assert held.staged[0].key is key_of(kind)


def test_rsa_without_a_key_type_is_what_cucm_asks_for() -> None:
    phone = Phone().hear(AUTH_REQ, said(3, (10, b"\x08\x00")))
    assert phone.asked == [GenerateKey(RSAKind(2048))]


# --- storing --------------------------------------------------------------------------------------


def test_an_lsc_is_staged_before_the_phone_says_so() -> None:
    phone = in_state(ClientState.AWAIT_STORE_CERT_REQ).hear(STORE)
    [_, stage] = phone.asked
    assert isinstance(stage, StageLSC)
    assert phone.sent[-1].kind == MessageType.KEY_GEN_RES
    phone.stage()
    assert phone.sent[-1] == Message(10, ID, (reason(1),))
    assert phone.hear(end(1)).ended == CAPFEnded(Operation.INSTALL, 1, stage.lsc)


def test_an_lsc_that_cannot_be_kept_is_refused() -> None:
    held = converse(Job(), NOBODY, refuse_stage="the disk is full")
    assert held.said[-2][1] == Message(10, 1, (reason(7),))
    assert held.ended == CAPFEnded(Operation.INSTALL, 7, refused="the disk is full")
    assert not held.ended.done


STORED_WRONG = {
    "for another key": (FOREIGN, "not for the key just made"),
    "no certificate": (said(9, (3, b"\1")), "not for the key just made"),
    "not a certificate": (said(9, (4, wrap_certificate(b"0\3abc"))), "not for the key just made"),
    "a MIC": (said(9, (3, b"\2"), *Message(9, 0, ()).elements), "of type 2"),
}


@pytest.mark.parametrize(("message", "text"), STORED_WRONG.values(), ids=STORED_WRONG.keys())
@pytest.mark.parametrize("number", [1, 7])
def test_a_certificate_that_is_not_ours_is_refused_whatever_the_server_says(
    message: bytes, text: str, number: int
) -> None:
    phone = in_state(ClientState.AWAIT_STORE_CERT_REQ).hear(message)
    assert phone.sent[-1] == Message(10, ID, (reason(7),))
    ended = phone.hear(end(number)).ended
    assert text in ended.refused
    assert (ended.install, ended.done) == (None, False)


def test_a_certificate_of_our_key_as_a_mic_is_refused() -> None:
    wrapped = wrap_certificate(issue(public_octets(key_of(EC))))
    phone = in_state(ClientState.AWAIT_STORE_CERT_REQ).hear(said(9, (3, b"\2"), (4, wrapped)))
    assert phone.sent[-1] == Message(10, ID, (reason(7),))


@pytest.mark.parametrize("value", [b"", b"\1\0\2\0\1", b"\1\0\xff"])
def test_a_certificate_that_is_wrapped_wrong_is_a_violation(value: bytes) -> None:
    with pytest.raises(RemoteProtocolViolation):
        in_state(ClientState.AWAIT_STORE_CERT_REQ).hear(said(9, (4, value)))
