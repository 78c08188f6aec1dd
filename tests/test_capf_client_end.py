"""How a CAPF session of a phone ends, by the server or by a cut line; what it shows and erases."""

import pytest
from capf_phone import (
    ABORT,
    AUTH_REQ,
    FETCH,
    ID,
    LATER,
    LSC,
    NOBODY,
    OWNER,
    STATUS,
    UNDER_WAY,
    Phone,
    end,
    in_state,
    reason,
    said,
)
from capf_support import (
    DEVICE,
    Held,
    Job,
    converse,
    perform,
)
from capf_vectors import certificate, identity
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY

from secd.capf import (
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    CertificateType,
    ClientState,
    GenerateKey,
    Identity,
    Message,
    MessageTaken,
    Operation,
    Reason,
    SendOctets,
    StageLSC,
    Tag,
    unwrap_certificate_untrusted,
)
from secd.errors import RemoteProtocolViolation


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
