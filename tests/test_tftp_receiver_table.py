"""The receiver's table: every state and arrival."""

from dataclasses import dataclass

import pytest
from tftp_receiver_support import (
    AGREED,
    BAD_OPTIONS,
    FULL_DISK,
    ILLEGAL,
    OLD_AGREED,
    OTHER_HOST,
    OTHER_PORT,
    PEER,
    REQUEST,
    UNKNOWN_ID,
    WELL_KNOWN,
    WHOLE,
    A,
    B,
    D,
    E,
    F,
    ack,
    data,
    error,
    failure,
    feed,
    in_state,
    oack,
    start,
)

from secd.tftp import TRANSITIONS, Arrival, Failed, Received, State
from secd.words import TransferFailure


@dataclass(frozen=True)
class Case:
    """What one datagram does, at the time 0.5 (after the echo)."""

    state: State
    datagram: bytes
    answer: list[bytes]
    next_state: State
    result: TransferFailure | bytes | None = None
    peer: tuple[str, int] = PEER


P, T = TransferFailure.PROTOCOL, TransferFailure.TOO_LARGE
TOO_BIG = oack(b"tsize", b"101")

CASES = [
    # The answer to the request.
    Case(A, data(1), [FULL_DISK], E, T),
    Case(A, data(1, b"x"), [ack(1)], D, b"x"),
    Case(A, data(1, b""), [ack(1)], D, b""),
    Case(A, data(0, b"x"), [], A),
    Case(A, data(2, b"x"), [], A),
    Case(A, data(1, b"x" * 513), [ILLEGAL], E, P),
    Case(A, data(7, b"x" * 513), [ILLEGAL], E, P),
    Case(A, AGREED, [ack(0)], F),
    Case(A, oack(), [ack(0)], F),
    Case(A, oack(b"tsize", b"100"), [ack(0)], F),
    Case(A, TOO_BIG, [FULL_DISK], E, T),
    Case(A, oack(b"blksize", b"17"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"blksize", b"7"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"windowsize", b"5"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"windowsize", b"0"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"timeout", b"4"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"multicast", b""), [BAD_OPTIONS], E, P),
    Case(A, oack(b"blksize", b"-8"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"blksize", b" 16"), [BAD_OPTIONS], E, P),
    Case(A, oack(b"blksize", "\u0661\u0666".encode()), [BAD_OPTIONS], E, P),
    Case(A, oack(b"tsize", b"9" * 5000), [BAD_OPTIONS], E, P),
    Case(A, oack(b"tsize", b""), [BAD_OPTIONS], E, P),
    Case(A, oack(b"blksize"), [], A),
    Case(A, error(1, b"File not found"), [], E, TransferFailure.FILE_NOT_FOUND),
    Case(A, error(2), [], E, TransferFailure.ERROR),
    Case(A, b"\0\5\0\1", [], E, TransferFailure.FILE_NOT_FOUND),
    Case(A, b"", [], A),
    Case(A, b"garbage", [], A),
    Case(A, ack(0), [], A),
    Case(A, REQUEST, [], A),
    # Options are agreed.
    Case(F, AGREED, [ack(0)], F),
    Case(F, OLD_AGREED, [BAD_OPTIONS], E, P),
    Case(F, TOO_BIG, [BAD_OPTIONS], E, P),
    Case(F, data(1, b"x" * 16), [], B),
    Case(F, data(1, b"x"), [ack(1)], D, b"x"),
    Case(F, data(1, b"x" * 17), [ILLEGAL], E, P),
    Case(F, data(0, b"x" * 16), [], F),
    Case(F, data(2, b"x" * 16), [ack(0)], F),
    Case(F, data(5, b"x" * 16), [], F),
    Case(F, error(0, b"no"), [], E, TransferFailure.ERROR),
    Case(F, ack(0), [], F),
    # Four blocks are here.
    Case(B, data(5, b"x" * 16), [], B),
    Case(B, data(5, b"end"), [ack(5)], D, WHOLE),
    Case(B, data(4, b"x" * 16), [ack(4)], B),
    Case(B, data(1, b"x" * 16), [ack(4)], B),
    Case(B, data(4, b"another end"), [ack(4)], B),
    Case(B, data(6, b"x" * 16), [ack(4)], B),
    Case(B, data(8, b"end"), [ack(4)], B),
    Case(B, data(5, b"x" * 17), [ILLEGAL], E, P),
    Case(B, data(1, b"x" * 17), [ILLEGAL], E, P),
    Case(B, AGREED, [], B),
    Case(B, OLD_AGREED, [], B),
    Case(B, oack(b"multicast", b""), [], B),
    Case(B, error(1), [], E, TransferFailure.FILE_NOT_FOUND),
    Case(B, error(0x1234, b"?"), [], E, TransferFailure.ERROR),
    Case(B, b"\0\3\0", [], B),
    # The file is complete; nothing changes the result.
    Case(D, data(5, b"end"), [ack(5)], D, WHOLE),
    Case(D, data(2, b"x" * 16), [ack(5)], D, WHOLE),
    Case(D, data(6, b"more"), [], D, WHOLE),
    Case(D, data(7, b"more"), [], D, WHOLE),
    Case(D, data(5, b"x" * 17), [], D, WHOLE),
    Case(D, AGREED, [], D, WHOLE),
    Case(D, b"", [], D, WHOLE),
    Case(D, error(0, b"too late"), [], E, WHOLE),
    Case(E, data(5, b"end"), [], E, WHOLE),
    Case(E, error(0), [], E, WHOLE),
    Case(E, data(5, b"end"), [], E, WHOLE, OTHER_HOST),
]
# A stranger gets ERROR 5 and has no influence, whatever he sends; his ERROR gets no answer.
CASES += [
    Case(state, datagram, answer, state, WHOLE if state is D else None, peer)
    for state in (A, F, B, D)
    for datagram, answer in [
        (data(1), [UNKNOWN_ID]),
        (data(5, b"end"), [UNKNOWN_ID]),
        (AGREED, [UNKNOWN_ID]),
        (TOO_BIG, [UNKNOWN_ID]),
        (b"garbage", [UNKNOWN_ID]),
        (b"", [UNKNOWN_ID]),
        (error(1, b"go away"), []),
    ]
    for peer in (OTHER_HOST, OTHER_PORT, WELL_KNOWN)
    if state is not A or peer is OTHER_HOST
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    receiver = in_state(case.state)
    receiver.receive_datagram(case.datagram, case.peer, 0.5)
    assert receiver.datagrams_to_send() == [(octets, case.peer) for octets in case.answer]
    assert receiver.state is case.next_state
    if isinstance(case.result, bytes):
        assert receiver.result == Received(case.result)
    elif case.result is not None:
        assert failure(receiver) is case.result
    else:
        assert receiver.result is None


def test_the_table_is_total_and_only_the_last_state_is_final() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, row in TRANSITIONS.items():
        assert set(row) == set(Arrival)
        leaves = any(step.next_state is not state for step in row.values())
        assert leaves == (state is not State.ENDED)
        assert {row[Arrival.STRANGER].next_state, row[Arrival.STRANGER_ERROR].next_state} == {state}


def test_code_and_text_of_an_error_are_kept() -> None:
    receiver = start()
    feed(receiver, error(1, b"No such\nfile"))
    assert receiver.result == Failed(TransferFailure.FILE_NOT_FOUND, 1, "No such\\x0afile")
    receiver = start()
    feed(receiver, error(2, b"Access violation"))
    assert receiver.result == Failed(TransferFailure.ERROR, 2, "Access violation")


def test_an_oack_without_a_request_for_options_is_refused() -> None:
    receiver = start()
    assert feed(receiver, oack()) == [BAD_OPTIONS]
    text = "options are acknowledged, none was asked for"
    assert receiver.result == Failed(TransferFailure.PROTOCOL, 0, text)


def test_the_first_valid_answer_decides_who_the_peer_is() -> None:
    receiver = start()
    receiver.receive_datagram(b"garbage", OTHER_PORT, 0.0)
    receiver.receive_datagram(data(2), OTHER_PORT, 0.0)
    assert receiver.datagrams_to_send() == []
    receiver.receive_datagram(data(1), PEER, 0.0)
    receiver.receive_datagram(data(1), OTHER_PORT, 0.0)  # a second answer to a doubled request
    assert receiver.datagrams_to_send() == [(ack(1), PEER), (UNKNOWN_ID, OTHER_PORT)]


def test_a_server_may_answer_from_its_well_known_port() -> None:
    receiver = start()
    receiver.receive_datagram(data(1, b"x"), WELL_KNOWN, 0.0)
    assert receiver.datagrams_to_send() == [(ack(1), WELL_KNOWN)]
    assert receiver.result == Received(b"x")
