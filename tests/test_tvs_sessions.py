"""Both ends of a conversation with TVS: what is asked, answered, and taken for an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PROPERTY
from test_tvs_hostile import message

from secd.errors import RemoteProtocolViolation, UnusableInput
from secd.net.tvs import voucher_of
from secd.trust import Voucher, VoucherOutcome
from secd.tvs import (
    CLIENT_TRANSITIONS,
    DENIAL,
    FOUND,
    NOT_FOUND,
    ClientState,
    ClientStep,
    QueryCertificate,
    Question,
    Request,
    TVSAnswer,
    TVSClientSession,
    TVSServerSession,
    VerifyCertificate,
    wire_name,
)

DEVICE = wire_name("8861", "SEPB000B4BA0AEE")
QUERY = QueryCertificate(b"CN=a", b"CN=b", b"\x24\x17")
VERIFICATION = VerifyCertificate(b"0\x01a")
QUESTIONS: list[Question] = [QUERY, VERIFICATION]
OF_QUERY = TVSAnswer(FOUND, b"0\x01q", frozenset({0, 3}), 86_400)
OF_VERIFICATION = TVSAnswer(FOUND, b"0\x01a", frozenset({7}), 60)

STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME = (
    (7, b"\0"),
    (2, b"0\x01q"),
    (8, b"\0\x03"),
    (9, b"\0\0\0\1"),
)
ID_1001 = (1001).to_bytes(4, "big")


def response(kind: int, *elements: tuple[int, bytes], request_id: bytes = ID_1001) -> bytes:
    return message(*elements, header=bytes([0x57, 1, kind, 0]) + request_id)


def asking(question: Question) -> TVSClientSession:
    session = TVSClientSession(DEVICE)
    session.ask(question)
    return session


def answer_to(question: Question, octets: bytes) -> TVSAnswer | None:
    session = asking(question)
    answer = session.receive_octets(octets)
    assert session.state is (ClientState.AWAIT_ANSWER if answer is None else ClientState.ASK)
    return answer


def request_of(octets: bytes) -> Request:
    [request] = TVSServerSession().receive_octets(octets)
    return request


def test_the_name_of_a_device() -> None:
    assert DEVICE == b"\x01CP-8861-SEPB000B4BA0AEE"


def test_several_questions_on_one_connection() -> None:
    client, server = TVSClientSession(DEVICE), TVSServerSession()
    said: list[tuple[Question, TVSAnswer]] = [
        (QUERY, OF_QUERY),
        (VERIFICATION, OF_VERIFICATION),
        (QUERY, DENIAL),
    ]
    for number, (question, answer) in enumerate(said, start=1001):
        [request] = server.receive_octets(client.ask(question))
        assert request == Request(number, b"CP-8861-SEPB000B4BA0AEE", question)
        assert client.receive_octets(server.answer(request, answer)) == answer


def test_a_server_takes_questions_that_come_together() -> None:
    first = TVSClientSession(DEVICE).ask(QUERY)
    second = TVSClientSession(DEVICE, first_request_id=7).ask(VERIFICATION)
    session = TVSServerSession()
    assert session.receive_octets(first[:50]) == []
    requests = session.receive_octets(first[50:] + second)
    assert [(one.request_id, one.question) for one in requests] == [
        (1001, QUERY),
        (7, VERIFICATION),
    ]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("status", [NOT_FOUND, 2, 255])
def test_any_status_but_0_denies_whatever_else_is_said(question: Question, status: int) -> None:
    kind = 4 if question is QUERY else 2
    octets = response(kind, CERTIFICATE, FUNCTIONS, LIFETIME, (7, bytes([status])))
    assert answer_to(question, octets) == TVSAnswer(status)


def test_the_order_of_an_answer_is_free_and_strange_elements_are_passed_over() -> None:
    octets = response(4, LIFETIME, (6, b"?"), FUNCTIONS, (1, DEVICE), CERTIFICATE, STATUS_0)
    assert answer_to(QUERY, octets) == TVSAnswer(FOUND, b"0\x01q", frozenset({0, 3}), 1)


def test_what_an_answer_leaves_out_gives_no_functions_and_no_time() -> None:
    octets = response(4, STATUS_0, CERTIFICATE)
    assert answer_to(QUERY, octets) == TVSAnswer(FOUND, b"0\x01q", frozenset(), 0)


def test_a_verification_may_repeat_the_certificate() -> None:
    octets = response(2, STATUS_0, (2, VERIFICATION.certificate), FUNCTIONS, LIFETIME)
    answer = TVSAnswer(FOUND, VERIFICATION.certificate, frozenset({0, 3}), 1)
    assert answer_to(VERIFICATION, octets) == answer


NO_ANSWERS: dict[str, tuple[Question, bytes]] = {
    "another id": (
        QUERY,
        response(4, STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME, request_id=b"\0\0\x03\xea"),
    ),
    "a denial with another id": (QUERY, response(4, (7, b"\1"), request_id=bytes(4))),
    "the other kind of answer": (QUERY, response(2, STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME)),
    "the other kind again": (VERIFICATION, response(4, STATUS_0, FUNCTIONS, LIFETIME)),
    "a question": (VERIFICATION, TVSClientSession(DEVICE).ask(VERIFICATION)),
    "an unknown type": (QUERY, response(5, STATUS_0, CERTIFICATE)),
    "no status": (QUERY, response(4, CERTIFICATE, FUNCTIONS, LIFETIME)),
    "found and not shown": (QUERY, response(4, STATUS_0, FUNCTIONS, LIFETIME)),
    "found and shown empty": (QUERY, response(4, STATUS_0, (2, b""), FUNCTIONS, LIFETIME)),
    "another certificate verified": (
        VERIFICATION,
        response(2, STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME),
    ),
    "two answers": (QUERY, response(4, (7, b"\1")) * 2),
    "an octet behind the answer": (QUERY, response(4, (7, b"\1")) + b"\x57"),
    "an HTTP server": (QUERY, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a header that announces too much": (QUERY, response(4)[:8] + b"\xff\xff"),
}


@pytest.mark.parametrize(("question", "octets"), NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_no_answer_ends_the_conversation(question: Question, octets: bytes) -> None:
    session = asking(question)
    with pytest.raises(RemoteProtocolViolation):
        session.receive_octets(octets)
    assert session.state is ClientState.FAILED
    for more in (b"\x57", response(4, STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME)):
        with pytest.raises(RuntimeError):
            session.receive_octets(more)
    with pytest.raises(RuntimeError):
        session.ask(question)


@pytest.mark.parametrize("size", [1, 9, None], ids=["one octet", "nine", "all"])
def test_an_answer_to_no_question_ends_the_conversation(size: int | None) -> None:
    session = TVSClientSession(DEVICE)
    with pytest.raises(RemoteProtocolViolation):
        session.receive_octets(response(4, STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME)[:size])
    assert session.state is ClientState.FAILED


def test_after_an_answer_the_server_is_to_wait_for_the_next_question() -> None:
    session = asking(QUERY)
    assert session.receive_octets(response(4, (7, b"\1"))) == DENIAL
    with pytest.raises(RemoteProtocolViolation):
        session.receive_octets(b"\x57")


def test_an_answer_counts_once() -> None:
    session = asking(QUERY)
    octets = response(4, STATUS_0, CERTIFICATE, FUNCTIONS, LIFETIME)
    session.receive_octets(octets)
    session.ask(QUERY)
    with pytest.raises(RemoteProtocolViolation):
        session.receive_octets(octets)


def test_a_client_asks_one_thing_at_a_time() -> None:
    session = asking(QUERY)
    with pytest.raises(RuntimeError):
        session.ask(VERIFICATION)
    assert session.receive_octets(response(4, (7, b"\1"))) == DENIAL


BODY_BYTES = 0xFFFF
NAMED_BYTES = BODY_BYTES - 3 - len(DEVICE)  # what the device's name leaves of a body
LONGEST: list[tuple[Question, Question]] = [
    (
        VerifyCertificate(bytes(NAMED_BYTES - 3)),
        VerifyCertificate(bytes(NAMED_BYTES - 2)),
    ),
    (
        QueryCertificate(b"", b"", bytes(NAMED_BYTES - 11)),
        QueryCertificate(b"", b"", bytes(NAMED_BYTES - 10)),
    ),
    (QUERY, QueryCertificate(b"s" * 0xFFFF, b"", b"")),
    (QUERY, QueryCertificate(b"", b"", bytes(0x10000))),
]


@pytest.mark.parametrize(("longest", "longer"), LONGEST)
def test_a_question_too_long_for_a_message_is_not_asked(
    longest: Question, longer: Question
) -> None:
    session = TVSClientSession(DEVICE)
    with pytest.raises(UnusableInput):
        session.ask(longer)
    assert session.state is ClientState.ASK
    assert len(session.ask(longest)) <= 10 + BODY_BYTES


def test_the_table_leads_everywhere_and_nowhere_else() -> None:
    reached = {following for steps in CLIENT_TRANSITIONS.values() for following in steps.values()}
    assert CLIENT_TRANSITIONS.keys() == set(ClientState) == reached
    assert {step for steps in CLIENT_TRANSITIONS.values() for step in steps} == set(ClientStep)


NAME, SUBJECT, ISSUER, SERIAL = (1, DEVICE), (3, b"CN=a\0"), (4, b"CN=b\0"), (5, b"\x24\x17")
NO_QUESTIONS = {
    "no device": response(3, SUBJECT, ISSUER, SERIAL),
    "an empty device": response(3, (1, b""), SUBJECT, ISSUER, SERIAL),
    "no subject": response(3, NAME, ISSUER, SERIAL),
    "no issuer": response(3, NAME, SUBJECT, SERIAL),
    "no serial": response(3, NAME, SUBJECT, ISSUER),
    "no certificate": response(1, NAME),
    "a certificate queried": response(3, NAME, CERTIFICATE),
    "a signer verified": response(1, NAME, SUBJECT, ISSUER, SERIAL),
    "an answer": response(2, NAME, CERTIFICATE),
    "type 0": response(0, NAME, CERTIFICATE),
    "type 5": response(5, NAME, CERTIFICATE),
    "an HTTP client": b"GET / HTTP/1.1\r\n\r\n",
    "a header that announces too much": response(3)[:8] + b"\xff\xff",
}


@pytest.mark.parametrize("octets", NO_QUESTIONS.values(), ids=NO_QUESTIONS.keys())
def test_a_server_refuses_what_is_no_question(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolViolation):
        TVSServerSession().receive_octets(octets)


def test_a_server_takes_elements_in_any_order_and_strange_ones() -> None:
    request = request_of(response(3, SERIAL, (6, b"?"), ISSUER, SUBJECT, NAME))
    assert request.question == QUERY


def test_functions_are_said_in_rising_order() -> None:
    request = request_of(TVSClientSession(DEVICE).ask(VERIFICATION))
    octets = TVSServerSession().answer(request, TVSAnswer(FOUND, b"", frozenset({8, 1, 64}), 9))
    assert octets == response(2, STATUS_0, (8, b"\x01\x08\x40"), (9, b"\0\0\0\x09"))


def test_a_denial_says_its_status_alone() -> None:
    request = request_of(TVSClientSession(DEVICE).ask(QUERY))
    octets = TVSServerSession().answer(request, TVSAnswer(5, b"0", frozenset({0}), 9))
    assert octets == response(4, (7, b"\5"))


@PROPERTY
@given(st.binary(max_size=120), st.sampled_from(QUESTIONS))
def test_a_client_meets_garbage(octets: bytes, question: Question) -> None:
    kind = 4 if question is QUERY else 2
    for heard in (octets, response(kind)[:8] + len(octets).to_bytes(2, "big") + octets):
        try:
            answer = asking(question).receive_octets(heard)
        except RemoteProtocolViolation:
            continue
        assert answer is None or answer.status != FOUND or answer.certificate


@PROPERTY
@given(st.binary(max_size=120), st.integers(0, 5))
def test_a_server_meets_garbage(octets: bytes, kind: int) -> None:
    framed = response(kind)[:8] + len(octets).to_bytes(2, "big") + octets
    for heard in (octets, framed):
        try:
            requests = TVSServerSession().receive_octets(heard)
        except RemoteProtocolViolation:
            continue
        assert heard is octets or len(requests) == 1


NOW_SECONDS = 1_800_000_000.0
MONTH_SECONDS = 30 * 86_400


@pytest.mark.parametrize(
    ("lifetime_seconds", "kept_seconds"),
    [
        (1, 1),
        (86_400, 86_400),
        (MONTH_SECONDS, MONTH_SECONDS),
        (MONTH_SECONDS + 1, MONTH_SECONDS),
        (2**32 - 1, MONTH_SECONDS),
    ],
)
def test_an_answer_becomes_a_voucher_of_at_most_a_month(
    lifetime_seconds: int, kept_seconds: int
) -> None:
    answer = TVSAnswer(FOUND, b"0\x01q", frozenset({0, 3}), lifetime_seconds)
    assert voucher_of(b"CN=b", b"\x24\x17", answer, NOW_SECONDS) == Voucher(
        b"CN=b",
        b"\x24\x17",
        VoucherOutcome.VOUCHED,
        b"0\x01q",
        frozenset({0, 3}),
        NOW_SECONDS + kept_seconds,
    )


def test_an_answer_without_lifetime_is_over_at_once() -> None:
    answer = TVSAnswer(FOUND, b"0\x01q", frozenset({0, 3}))
    voucher = voucher_of(b"CN=b", b"\x17", answer, NOW_SECONDS)
    assert voucher.until_seconds < NOW_SECONDS


@pytest.mark.parametrize("status", [NOT_FOUND, 2, 255])
def test_a_denial_becomes_a_voucher_for_nothing(status: int) -> None:
    voucher = voucher_of(b"CN=b", b"\x17", TVSAnswer(status), NOW_SECONDS)
    assert voucher == Voucher(b"CN=b", b"\x17", VoucherOutcome.DENIED)
