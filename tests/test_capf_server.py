"""The server's end of CAPF, and what proves a phone: every transition, every flipped bit."""

from collections.abc import Callable

import pytest
from capf_phone import reason, said
from capf_support import DEVICE, KINDS, STRING, Job, converse, holder, key_of
from capf_vectors import certificate, conversation, identity
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY, lab

from secd.capf import (
    SERVER_TRANSITIONS,
    Applicant,
    CAPFEnded,
    CAPFServerSession,
    CertificateType,
    Claim,
    ClaimReceived,
    Curve,
    Deleted,
    ECKind,
    Fetched,
    Identity,
    KeyKind,
    KeyReceived,
    KeyRefused,
    Message,
    MessageMet,
    Operation,
    Reason,
    ServerState,
    ServerStep,
    SignedData,
    Stored,
    Tag,
    kind_of_untrusted,
    public_octets,
    verify_sudi,
    wrap_certificate,
    wrap_sha512_signature,
)
from secd.capf.keys import elements_of, kind_asked
from secd.errors import MalformedFile, RemoteProtocolViolation, SignatureInvalid

ID = 7
EC = ECKind(Curve.P256)
NAME = (13, DEVICE.encode() + b"\0")
AUTH_RES = said(2, reason(1), (7, b"\3"), (11, b"\0"), NAME)
KEY_GEN_RES = said(4, (9, public_octets(key_of(EC))))


def in_state(state: ServerState) -> CAPFServerSession:
    """A session in a state, by the shortest way."""
    session = CAPFServerSession(ID)
    if state is ServerState.AWAIT_START:
        return session
    session.start()
    if state is ServerState.AWAIT_AUTH_RES:
        return session
    session.receive_octets(AUTH_RES)
    match state:
        case ServerState.AWAIT_OPERATION:
            pass
        case ServerState.AWAIT_KEY_GEN_RES:
            session.install(EC)
        case ServerState.AWAIT_CERTIFICATE:
            session.install(EC)
            session.receive_octets(KEY_GEN_RES)
        case ServerState.AWAIT_STORE_CERT_RES:
            session.install(EC)
            session.receive_octets(KEY_GEN_RES)
            session.store(b"0\0")
        case ServerState.AWAIT_FETCH_CERT_RES:
            session.fetch()
        case ServerState.AWAIT_DELETE_CERT_RES:
            session.delete()
        case ServerState.ENDED:
            session.end(0)
    assert session.state is state
    return session


HEARD: dict[ServerStep, bytes] = {
    ServerStep.AUTH_RES: AUTH_RES,
    ServerStep.REQUEST_IN_PROGRESS: said(17),
    ServerStep.KEY_GEN_RES: KEY_GEN_RES,
    ServerStep.STORE_CERT_RES: said(10, reason(1)),
    ServerStep.FETCH_CERT_RES: said(12, reason(7)),
    ServerStep.DELETE_CERT_RES: said(14, reason(1)),
}
SPOKEN: dict[ServerStep, Callable[[CAPFServerSession], Message]] = {
    ServerStep.START: lambda session: session.start(),
    ServerStep.INSTALL: lambda session: session.install(EC),
    ServerStep.FETCH: lambda session: session.fetch(),
    ServerStep.DELETE: lambda session: session.delete(),
    ServerStep.STORE: lambda session: session.store(b"0\0"),
    ServerStep.END: lambda session: session.end(0),
}


@pytest.mark.parametrize("state", ServerState)
@pytest.mark.parametrize("step", HEARD)
def test_what_a_phone_says_out_of_place_is_its_fault(state: ServerState, step: ServerStep) -> None:
    session = in_state(state)
    following = SERVER_TRANSITIONS[state].get(step)
    if following is None:
        with pytest.raises(RemoteProtocolViolation, match=f"{step.value} came in {state.value}"):
            session.receive_octets(HEARD[step])
        assert session.state is state
        return
    [met, *_] = session.receive_octets(HEARD[step])
    assert isinstance(met, MessageMet)
    assert met.state is state
    assert session.state is following


@pytest.mark.parametrize("state", ServerState)
@pytest.mark.parametrize("step", SPOKEN)
def test_what_a_server_says_out_of_place_is_a_bug(state: ServerState, step: ServerStep) -> None:
    session = in_state(state)
    following = SERVER_TRANSITIONS[state].get(step)
    if following is None:
        with pytest.raises(RuntimeError, match=f"cannot do {step.name} in {state.name}"):
            SPOKEN[step](session)
        assert session.state is state
        return
    assert SPOKEN[step](session).session_id == ID
    assert session.state is following


def test_the_table_leads_everywhere_and_nowhere_else() -> None:
    reached = {following for steps in SERVER_TRANSITIONS.values() for following in steps.values()}
    assert SERVER_TRANSITIONS.keys() == set(ServerState)
    assert reached == set(ServerState) - {ServerState.AWAIT_START}
    assert {step for steps in SERVER_TRANSITIONS.values() for step in steps} == set(ServerStep)
    assert HEARD.keys() | SPOKEN.keys() == set(ServerStep)


@pytest.mark.parametrize("kind", [0, 1, 3, 5, 6, 7, 8, 9, 11, 13, 15, 16, *range(18, 26), 255])
def test_other_types_are_taken_nowhere(kind: int) -> None:
    for state in ServerState:
        with pytest.raises(RemoteProtocolViolation, match=f"type {kind}"):
            in_state(state).receive_octets(said(kind))


@pytest.mark.parametrize("step", HEARD)
def test_another_session_is_a_violation(step: ServerStep) -> None:
    states = [state for state, steps in SERVER_TRANSITIONS.items() if step in steps]
    octets = HEARD[step]
    for state in states:
        with pytest.raises(RemoteProtocolViolation, match="session 8, this one is 7"):
            in_state(state).receive_octets(octets[:5] + b"\x08" + octets[6:])


def test_in_progress_may_come_any_number_of_times() -> None:
    session = in_state(ServerState.AWAIT_KEY_GEN_RES)
    outputs = session.receive_octets(said(17) * 3 + KEY_GEN_RES)
    assert [type(output) for output in outputs] == [MessageMet] * 4 + [KeyReceived]


# --- claims ---------------------------------------------------------------------------------------


def claim_of(*elements: tuple[int, bytes]) -> Claim:
    [_, claimed] = in_state(ServerState.AWAIT_AUTH_RES).receive_octets(said(2, *elements))
    assert isinstance(claimed, ClaimReceived)
    return claimed.claim


def test_a_claim_in_any_order_and_with_strange_elements() -> None:
    claim = claim_of((99, b"?"), NAME, (11, STRING.encode() + b"\0"), (7, b"\2"))
    assert claim == Claim(DEVICE.encode(), STRING.encode())
    assert STRING not in repr(claim)


@pytest.mark.parametrize("string", [[], [(11, b"\0")], [(11, b"")]])
def test_no_string_is_an_empty_one(string: list[tuple[int, bytes]]) -> None:
    assert claim_of(NAME, *string).string == b""


@pytest.mark.parametrize("name", [[], [(13, b"")], [(13, b"\0")]])
def test_a_phone_without_a_name_is_a_violation(name: list[tuple[int, bytes]]) -> None:
    with pytest.raises(RemoteProtocolViolation, match="names no device"):
        claim_of((7, b"\3"), *name)


@pytest.mark.parametrize("version", [0, 4, 255])
def test_a_phone_of_another_version_is_a_violation(version: int) -> None:
    with pytest.raises(RemoteProtocolViolation, match=f"version {version}"):
        claim_of(NAME, (7, bytes([version])))


def test_one_signature_alone_is_none() -> None:
    both = ((6, b"a"), (20, wrap_sha512_signature(b"b")))
    assert claim_of(NAME, *both).signed == SignedData(b"a", b"b")
    for one in both:
        assert claim_of(NAME, one).signed is None


@pytest.mark.parametrize(
    "broken",
    [
        (4, b"\1\0\2\0\1"),
        (16, b"\0\0\1x\1\0\1x"),
        (16, b"\0\0\1x\3\0\1x"),
        (20, b"\1\0\1x"),
    ],
    ids=["certificate", "SUDI without SHA-512", "SUDI without SHA-1", "signature"],
)
def test_what_lacks_its_inside_is_a_violation(broken: tuple[int, bytes]) -> None:
    with pytest.raises(RemoteProtocolViolation):
        claim_of(NAME, (6, b"a"), broken)


# --- what the phone reports -----------------------------------------------------------------------


def test_a_phone_that_cannot_make_a_key_says_so() -> None:
    for elements, number in (((reason(7),), 7), ((), None)):
        session = in_state(ServerState.AWAIT_KEY_GEN_RES)
        assert session.receive_octets(said(4, *elements))[1:] == [KeyRefused(number)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_kind_of_a_key_is_read(kind: KeyKind) -> None:
    session = in_state(ServerState.AWAIT_KEY_GEN_RES)
    octets = public_octets(key_of(kind))
    assert session.receive_octets(said(4, (9, octets)))[1:] == [KeyReceived(octets, kind)]
    asked = Message(3, 1, elements_of(kind))
    assert kind_asked(asked) == kind


def other_keys() -> list[bytes]:
    keys = (ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate())
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [key.public_key().public_bytes(*form) for key in keys]


@pytest.mark.parametrize(
    "octets", [b"", b"0", *other_keys()], ids=["empty", "cut", "another curve", "Ed25519"]
)
def test_another_key_is_a_violation(octets: bytes) -> None:
    session = in_state(ServerState.AWAIT_KEY_GEN_RES)
    with pytest.raises(RemoteProtocolViolation, match="the public key"):
        session.receive_octets(said(4, (9, octets)))
    with pytest.raises(MalformedFile):
        kind_of_untrusted(octets)


def test_what_a_phone_reports_is_passed_on() -> None:
    for state, kind, report in (
        (ServerState.AWAIT_STORE_CERT_RES, 10, Stored),
        (ServerState.AWAIT_DELETE_CERT_RES, 14, Deleted),
    ):
        assert in_state(state).receive_octets(said(kind, reason(7)))[1:] == [report(7)]
        assert in_state(state).receive_octets(said(kind))[1:] == [report(None)]
    fetching = ServerState.AWAIT_FETCH_CERT_RES
    wrapped = (4, wrap_certificate(b"0\0"))
    heard = in_state(fetching).receive_octets(said(12, reason(1), wrapped))
    assert heard[1:] == [Fetched(1, b"0\0")]


def test_a_certificate_is_asked_for_by_its_type() -> None:
    session = in_state(ServerState.AWAIT_OPERATION)
    assert session.fetch(CertificateType.MIC) == Message(11, ID, ((3, b"\2"),))


@PROPERTY
@given(st.binary(max_size=120), st.integers(0, 25), st.sampled_from(list(ServerState)))
def test_a_server_meets_garbage(octets: bytes, kind: int, state: ServerState) -> None:
    for heard in (octets, said(kind)[:6] + len(octets).to_bytes(2, "big") + octets):
        session = in_state(state)
        try:
            outputs = session.receive_octets(heard)
        except RemoteProtocolViolation:
            continue
        assert outputs == [] or isinstance(outputs[0], MessageMet)


PROVING = [holder(kind) for kind in KINDS]


# --- whole conversations --------------------------------------------------------------------------


@pytest.mark.parametrize(("said_string", "number"), [(STRING, 1), ("271828", 7), ("", 7)])
def test_a_string_must_be_right(said_string: str, number: int) -> None:
    job = Job(string=STRING.encode())
    held = converse(job, Applicant(DEVICE, said_string))
    assert held.ended is not None
    assert (held.ended.reason, bool(job.finished)) == (number, number == 1)


def test_a_proof_must_be_there_and_bound_to_the_session() -> None:
    lsc, mic = identity("lsc-rsa"), identity("mic")
    job = Job(certificate=lsc.certificate, sudi=True)
    for applicant, number in (
        (Applicant(DEVICE, proof=lsc, sudi=mic), 1),
        (Applicant(DEVICE, proof=lsc, sudi=PROVING[5]), 1),
        (Applicant(DEVICE, proof=lsc), 7),
        (Applicant(DEVICE, proof=mic, sudi=mic), 7),
        (Applicant(DEVICE, proof=Identity(lsc.certificate, mic.key), sudi=mic), 7),
        (Applicant(DEVICE, proof=lsc, sudi=Identity(mic.certificate, lsc.key)), 7),
        (Applicant(DEVICE), 7),
    ):
        ended = converse(job, applicant, session_id=0x01020304).ended
        assert ended is not None
        assert ended.reason == number


def test_a_device_that_nobody_knows() -> None:
    held = converse(Job(), Applicant("SEP0000000000FF"))
    assert held.ended == CAPFEnded(Operation.NOTHING, Reason.UNKNOWN_DEVICE)
    assert not held.ended.done


def test_the_sudi_data_of_capfc_are_for_their_session() -> None:
    message = conversation("18-install-lsc-rsa-sudi-mic")[1].message
    value = message.element(Tag.SUDI_DATA)
    assert value is not None
    claim = claim_of(NAME, (16, value))
    assert claim.sudi is not None
    verify_sudi(18, claim.sudi)
    with pytest.raises(SignatureInvalid):
        verify_sudi(19, claim.sudi)
    assert claim.sudi.certificate == certificate("mic")
    assert lab("mic").der != claim.sudi.certificate
