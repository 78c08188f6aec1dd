"""The phone's end of CAPF: every transition, every violation, and a line that is cut anywhere."""

from collections.abc import Callable

import pytest
from capf_support import (
    DEVICE,
    KINDS,
    STRING,
    Held,
    Job,
    converse,
    holder,
    issue,
    key_of,
    perform,
)
from capf_vectors import certificate, identity
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY

from secd.capf import (
    CLIENT_TRANSITIONS,
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    CertificateType,
    ClientState,
    ClientStep,
    Curve,
    ECKind,
    GenerateKey,
    Identity,
    KeyKind,
    Message,
    MessageTaken,
    MessageType,
    Operation,
    Reason,
    RSAKind,
    SendOctets,
    StageLSC,
    Tag,
    public_octets,
    unwrap_certificate_untrusted,
    wrap_certificate,
)
from secd.errors import RemoteProtocolViolation

EC = ECKind(Curve.P256)
NOBODY = Applicant(DEVICE)
LSC = holder(ECKind(Curve.P384))
OWNER = Applicant(DEVICE, lsc=LSC.certificate, mic=certificate("mic"))
ID = 7


def said(kind: int, *elements: tuple[int, bytes], session_id: int = ID) -> bytes:
    return Message(kind, session_id, elements).encode()


def reason(number: int) -> tuple[int, bytes]:
    return Tag.REASON, bytes([number])


AUTH_REQ = said(1, (7, b"\3"), (8, b"\0"))
KEY_GEN_REQ = said(3, (17, b"\1"), (18, b"\0"))
STORE = said(9, (3, b"\1"), (4, wrap_certificate(issue(public_octets(key_of(EC))))))
FETCH, DELETE = said(11), said(13)
STATUS, ABORT, LATER = said(18), said(20), said(16, (12, b"\0\x1e"))


def end(number: int) -> bytes:
    return said(15, reason(number))


UNDER_WAY = [s for s in ClientState if s not in (ClientState.ENDED, ClientState.FAILED)]


class Phone:
    """A session that is told what the server says, with what it then wants to do."""

    def __init__(self, applicant: Applicant = NOBODY) -> None:
        self.session = CAPFClientSession(applicant)
        self.sent: list[Message] = []
        self.asked: list[GenerateKey | StageLSC] = []

    def hear(self, *messages: bytes) -> "Phone":
        for octets in messages:
            for output in self.session.receive_octets(octets):
                if isinstance(output, SendOctets):
                    self.sent.append(output.message)
                elif isinstance(output, GenerateKey | StageLSC):
                    self.asked.append(output)
        return self

    def make_key(self) -> "Phone":
        for output in self.session.key_made(key_of(EC)):
            assert isinstance(output, SendOctets)
            self.sent.append(output.message)
        return self

    def stage(self, failure: str = "") -> "Phone":
        for output in self.session.staged(failure):
            assert isinstance(output, SendOctets)
            self.sent.append(output.message)
        return self

    @property
    def ended(self) -> CAPFEnded:
        assert self.session.ended is not None
        return self.session.ended

    @property
    def state(self) -> ClientState:
        return self.session.state


def in_state(state: ClientState) -> Phone:
    """A phone in a state, by the shortest way."""
    phone = Phone(OWNER)
    if state is ClientState.AWAIT_AUTH_REQ:
        return phone
    phone.hear(AUTH_REQ)
    match state:
        case ClientState.AWAIT_OPERATION:
            pass
        case ClientState.AWAIT_KEY:
            phone.hear(KEY_GEN_REQ)
        case ClientState.AWAIT_STORE_CERT_REQ:
            phone.hear(KEY_GEN_REQ).make_key()
        case ClientState.AWAIT_STAGED:
            phone.hear(KEY_GEN_REQ).make_key().hear(STORE)
        case ClientState.AWAIT_END_SESSION:
            phone.hear(DELETE)
        case ClientState.ENDED:
            phone.hear(end(0))
        case ClientState.FAILED:
            with pytest.raises(RemoteProtocolViolation):
                phone.hear(STORE)
    assert phone.state is state
    return phone


# --- the table ------------------------------------------------------------------------------------

WEAK = said(3, (10, b"\x02\x00"), (17, b"\0"))
FOREIGN = said(9, (4, wrap_certificate(LSC.certificate)))
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


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 2, 7, 9, 255])
def test_an_lsc_is_installed_on_success_only(number: int) -> None:
    ended = in_state(ClientState.AWAIT_STAGED).stage().hear(end(number)).ended
    assert (ended.install is not None) is (number == 1)
    assert ended.done is (number == 1)
    assert ("took back" in ended.refused) is (number == 0)


@pytest.mark.parametrize("number", [0, 1, 2, 7, 9, 255])
def test_an_lsc_is_erased_on_success_only(number: int) -> None:
    phone = in_state(ClientState.AWAIT_END_SESSION)
    assert phone.sent[-1] == Message(14, ID, (reason(1),))
    ended = phone.hear(end(number)).ended
    assert (ended.erase, ended.done) == (number == 1, number == 1)


@pytest.mark.parametrize("number", [0, 1, 2, 7, 9, 255])
def test_an_end_without_any_operation(number: int) -> None:
    ended = in_state(ClientState.AWAIT_OPERATION).hear(end(number)).ended
    assert ended == CAPFEnded(Operation.NOTHING, number)
    assert ended.done is (number < 2)


@pytest.mark.parametrize(
    "state", [ClientState.AWAIT_KEY, ClientState.AWAIT_STORE_CERT_REQ, ClientState.AWAIT_STAGED]
)
def test_success_before_the_phone_has_said_that_it_keeps_the_lsc_is_none(
    state: ClientState,
) -> None:
    phone = in_state(state).hear(end(1))
    assert (phone.ended.install, phone.ended.done) == (None, False)
    # What was under way may still come in; nothing is said any more.
    sent = len(phone.sent)
    phone.make_key().stage()
    assert len(phone.sent) == sent


def test_an_end_without_a_reason_is_a_violation() -> None:
    phone = in_state(ClientState.AWAIT_OPERATION)
    with pytest.raises(RemoteProtocolViolation, match="gives no reason"):
        phone.hear(said(15))
    assert phone.state is ClientState.FAILED


@pytest.mark.parametrize("more", [b"\x55", end(1), b"HTTP/1.1 400"], ids=["one", "end", "HTTP"])
def test_nothing_may_follow_the_end(more: bytes) -> None:
    for apart in (False, True):
        phone = in_state(ClientState.AWAIT_OPERATION)
        with pytest.raises(RemoteProtocolViolation):
            phone.hear(*((end(0), more) if apart else (end(0) + more,)))
        assert phone.state is ClientState.FAILED


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_server_that_is_busy_changes_nothing(state: ClientState) -> None:
    ended = in_state(state).hear(LATER).ended
    assert (ended.reason, ended.install, ended.erase, ended.done) == (None, None, False, False)


@pytest.mark.parametrize(("message", "answer"), [(STATUS, 19), (ABORT, 21)])
def test_status_and_abort_are_answered_and_lead_nowhere(message: bytes, answer: int) -> None:
    for state in UNDER_WAY[1:]:
        phone = in_state(state).hear(message)
        assert phone.sent[-1] == Message(answer, ID, (reason(1),))
        assert phone.state is state


# --- showing and deleting -------------------------------------------------------------------------


def shown(applicant: Applicant, *which: int) -> Message:
    elements = [(Tag.CERTIFICATE_TYPE, bytes([kind])) for kind in which]
    return Phone(applicant).hear(AUTH_REQ, said(11, *elements)).sent[-1]


@pytest.mark.parametrize(
    ("which", "name"),
    [((), "lsc"), ((CertificateType.LSC,), "lsc"), ((CertificateType.MIC,), "mic")],
)
def test_each_certificate_is_shown_when_asked_for(which: tuple[int, ...], name: str) -> None:
    answer = shown(OWNER, *which)
    wrapped = answer.element(Tag.CERTIFICATE)
    assert answer.number(Tag.REASON) == 1
    assert wrapped is not None
    expected = LSC.certificate if name == "lsc" else certificate("mic")
    assert unwrap_certificate_untrusted(wrapped) == expected
    assert shown(NOBODY, *which) == Message(12, ID, (reason(7),))


def test_a_certificate_of_a_strange_type_is_not_there() -> None:
    assert shown(OWNER, 3) == Message(12, ID, (reason(7),))


def test_one_certificate_after_the_other() -> None:
    job = Job("fetch", also_mic=True)
    held = converse(job, OWNER)
    assert job.shown == [LSC.certificate, certificate("mic")]
    assert held.ended == CAPFEnded(Operation.FETCH, 0)


def test_there_is_nothing_to_delete() -> None:
    held = converse(Job("delete"), NOBODY)
    assert held.said[-2][1] == Message(14, 1, (reason(7),))
    assert held.ended == CAPFEnded(Operation.DELETE, 7)


# --- cut ------------------------------------------------------------------------------------------


def test_a_line_cut_at_any_octet_of_a_conversation_installs_nothing() -> None:
    """The server's octets come one by one; after each the line may end."""
    held = converse(Job(), NOBODY)
    heard = [message.encode() for by_phone, message in held.said if not by_phone]
    for whole, part in ((n, size) for n, octets in enumerate(heard) for size in range(len(octets))):
        phone, done = CAPFClientSession(NOBODY), Held()
        for octets in (*heard[:whole], heard[whole][:part]):
            perform(phone, phone.receive_octets(octets), done)
        assert phone.ended is None
        with pytest.raises(RemoteProtocolViolation, match="before END_SESSION"):
            phone.receive_eof()
        assert phone.ended is None
        assert phone.state is ClientState.FAILED
        assert len(done.staged) == (whole == len(heard) - 1)


def test_octet_by_octet_it_is_the_same_conversation() -> None:
    stream = b"".join(
        message.encode() for by_phone, message in converse(Job(), NOBODY).said if not by_phone
    )
    phone, done, sent = CAPFClientSession(NOBODY), Held(), []
    for octet in stream:
        sent += perform(phone, phone.receive_octets(bytes([octet])), done)
    assert [message.kind for message in sent] == [2, 17, 4, 10]
    assert phone.ended is not None
    assert phone.ended.install == done.staged[0]


@PROPERTY
@given(
    st.binary(max_size=120),
    st.sampled_from(range(26)),
    st.sampled_from(UNDER_WAY),
)
def test_a_phone_meets_garbage(octets: bytes, kind: int, state: ClientState) -> None:
    body = said(kind)[:6] + len(octets).to_bytes(2, "big") + octets
    for heard in (octets, body):
        phone = in_state(state)
        try:
            outputs = phone.session.receive_octets(heard)
        except RemoteProtocolViolation:
            assert phone.state is ClientState.FAILED
            continue
        assert phone.session.ended is None or phone.ended.install is None
        assert all(
            isinstance(output, MessageTaken | SendOctets | GenerateKey | StageLSC | CAPFEnded)
            for output in outputs
        )


def test_the_proof_of_a_phone_stands_where_capfc_has_it() -> None:
    lsc, mic = identity("lsc-rsa"), identity("mic")
    phone = Phone(Applicant(DEVICE, proof=lsc, sudi=mic)).hear(AUTH_REQ)
    assert [tag for tag, _ in phone.sent[0].elements] == [1, 4, 6, 7, 11, 13, 16, 20]
    phone = Phone(Applicant(DEVICE, proof=Identity(lsc.certificate, lsc.key))).hear(AUTH_REQ)
    assert [tag for tag, _ in phone.sent[0].elements] == [1, 4, 6, 7, 11, 13, 20]


@pytest.mark.parametrize("number", [Reason.NO_ACTION, Reason.SUCCESS])
def test_a_fetch_may_end_either_way(number: int) -> None:
    ended = Phone(OWNER).hear(AUTH_REQ, FETCH, end(number)).ended
    assert ended.done
