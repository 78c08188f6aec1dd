"""The receiver alone: every state and arrival, datagram by datagram, with the time as a number."""

import itertools
import struct
from dataclasses import dataclass, replace

import pytest

from secd.errors import UnusableInput
from secd.models import TFTPOptions
from secd.tftp import TRANSITIONS, Arrival, Failed, Received, Receiver, State
from secd.tftp.receiver import DALLY_SECONDS, ECHO_SECONDS, IDLE_ARRIVALS, IDLE_WINDOWS
from secd.words import TransferFailure

WELL_KNOWN = ("192.0.2.1", 69)
PEER = ("192.0.2.1", 40000)
OTHER_PORT = ("192.0.2.1", 40001)
OTHER_HOST = ("192.0.2.66", 40000)

NO_OPTIONS = TFTPOptions(0, 0, False, 0, 1.0, 3)
ALL_OPTIONS = TFTPOptions(16, 4, True, 5, 1.0, 3)
REQUEST = b"\0\1f\0octet\0"
FULL = b"x" * 512


def data(block: int, octets: bytes = FULL) -> bytes:
    return struct.pack(">HH", 3, block) + octets


def ack(block: int) -> bytes:
    return struct.pack(">HH", 4, block)


def error(code: int, text: bytes = b"") -> bytes:
    return struct.pack(">HH", 5, code) + text + b"\0"


def oack(*options: bytes) -> bytes:
    return b"\0\6" + b"".join(option + b"\0" for option in options)


UNKNOWN_ID = error(5, b"Unknown transfer ID")
FULL_DISK = error(3, b"Disk full or allocation exceeded")
ILLEGAL = error(4, b"Illegal TFTP operation")
BAD_OPTIONS = error(8, b"Options not acceptable")
AGREED = oack(b"blksize", b"16", b"windowsize", b"4")
OLD_AGREED = oack(b"windowsize", b"1")


def start(options: TFTPOptions = NO_OPTIONS, limit: int = 1200) -> Receiver:
    receiver = Receiver(WELL_KNOWN, "f", options, limit, 0.0)
    assert receiver.timer() == 1.0
    assert len(receiver.datagrams_to_send()) == 1
    return receiver


def sent(receiver: Receiver) -> list[bytes]:
    return [octets for octets, _ in receiver.datagrams_to_send()]


def feed(receiver: Receiver, *datagrams: bytes, now: float = 0.0) -> list[bytes]:
    for octets in datagrams:
        receiver.receive_datagram(octets, PEER, now)
    return sent(receiver)


def failure(receiver: Receiver) -> TransferFailure:
    assert isinstance(receiver.result, Failed)
    assert receiver.state is State.ENDED
    assert receiver.timer() is None
    return receiver.result.failure


# -- requests and whole files


def test_a_phone_without_options_asks_with_the_mode_only() -> None:
    receiver = Receiver(WELL_KNOWN, "f", NO_OPTIONS, 1200, 0.0)
    assert receiver.datagrams_to_send() == [(REQUEST, WELL_KNOWN)]
    assert receiver.datagrams_to_send() == []


def test_options_of_the_load_stand_in_the_request() -> None:
    receiver = Receiver(WELL_KNOWN, "f", ALL_OPTIONS, 1200, 0.0)
    octets = b"blksize\x0016\0timeout\x005\0windowsize\x004\0tsize\x000\0"
    assert receiver.datagrams_to_send() == [(REQUEST + octets, WELL_KNOWN)]


def test_a_name_that_cannot_be_asked_for_is_the_callers_problem() -> None:
    with pytest.raises(UnusableInput):
        Receiver(WELL_KNOWN, "a\0b", NO_OPTIONS, 1200, 0.0)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1023, 1024, 1200])
def test_a_file_of_any_size_arrives_block_by_block(size: int) -> None:
    file = bytes(n % 251 for n in range(size))
    receiver = start()
    for number, offset in enumerate(range(0, size + 1, 512), 1):
        assert receiver.result is None
        receiver.receive_datagram(data(number, file[offset : offset + 512]), PEER, 0.0)
        assert receiver.datagrams_to_send() == [(ack(number), PEER)]
    assert receiver.result == Received(file)
    assert receiver.state is State.DALLY


def test_a_server_may_ignore_the_options() -> None:
    receiver = start(ALL_OPTIONS)
    assert feed(receiver, data(1), data(2, b"end")) == [ack(1), ack(2)]
    assert receiver.result == Received(FULL + b"end")


def test_a_server_may_agree_to_less() -> None:
    receiver = start(ALL_OPTIONS)
    assert feed(receiver, oack(b"BLKSIZE", b"8")) == [ack(0)]
    assert feed(receiver, data(1, b"12345678")) == [ack(1)]  # the window is 1 again
    assert feed(receiver, data(2, b"")) == [ack(2)]
    assert receiver.result == Received(b"12345678")


def test_all_options_agreed() -> None:
    receiver = start(ALL_OPTIONS)
    everything = oack(b"tsize", b"17", b"timeout", b"5", b"windowsize", b"4", b"blksize", b"0016")
    assert feed(receiver, everything) == [ack(0)]
    assert feed(receiver, data(1, b"x" * 16), data(2, b"y")) == [ack(2)]
    assert receiver.result == Received(b"x" * 16 + b"y")


def test_block_numbers_go_on_with_0_after_65535() -> None:
    receiver = start(replace(ALL_OPTIONS, window_blocks=0), limit=1_000_000)
    feed(receiver, oack(b"blksize", b"8"))
    for number in range(1, 65540):
        assert feed(receiver, data(number & 0xFFFF, b"%08d" % number)) == [ack(number & 0xFFFF)]
    feed(receiver, data(65540 & 0xFFFF, b""))
    assert isinstance(receiver.result, Received)
    assert receiver.result.octets == b"".join(b"%08d" % n for n in range(1, 65540))


def at_the_roll_over(window: int) -> Receiver:
    receiver = start(ALL_OPTIONS, limit=1_000_000)
    feed(receiver, oack(b"blksize", b"8", b"windowsize", b"%d" % window))
    for number in range(1, 65536):
        receiver.receive_datagram(data(number, b"12345678"), PEER, 0.0)
    assert sent(receiver)[-1] in (ack(65535), ack(65532))
    return receiver


def test_block_numbers_that_go_on_with_1_are_refused() -> None:
    receiver = at_the_roll_over(window=1)
    assert feed(receiver, data(1, b"12345678")) == [ILLEGAL]
    assert failure(receiver) is TransferFailure.PROTOCOL


def test_within_a_window_block_1_after_65535_means_that_0_is_missing() -> None:
    receiver = at_the_roll_over(window=4)
    assert feed(receiver, data(1, b"12345678")) == [ack(65535)]
    assert feed(receiver, data(0, b"12345678")) == []
    assert receiver.result is None


# -- the table, state by state


def in_state(state: State) -> Receiver:
    """Return a receiver in `state`; with a window of 4 and blocks of 16 where options count."""
    receiver = start(ALL_OPTIONS, limit=100)
    if state is not State.AWAIT_ANSWER:
        feed(receiver, AGREED)
    if state in (State.AWAIT_BLOCK, State.DALLY, State.ENDED):
        feed(receiver, *(data(n, b"x" * 16) for n in (1, 2, 3, 4)))
    if state in (State.DALLY, State.ENDED):
        feed(receiver, data(5, b"end"))
    if state is State.ENDED:
        receiver.timer_fired(DALLY_SECONDS)
    assert receiver.state is state
    return receiver


@dataclass(frozen=True)
class Case:
    """What one datagram does, at the time 0.5 (after the echo)."""

    state: State
    datagram: bytes
    answer: list[bytes]
    next_state: State
    result: TransferFailure | bytes | None = None
    peer: tuple[str, int] = PEER


A, F, B, D, E = State
P, T = TransferFailure.PROTOCOL, TransferFailure.TOO_LARGE
WHOLE = b"x" * 64 + b"end"
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


# -- the size limit


def test_a_file_of_exactly_the_limit_is_taken() -> None:
    receiver = start(limit=1024)
    assert feed(receiver, data(1), data(2), data(3, b"")) == [ack(1), ack(2), ack(3)]
    assert receiver.result == Received(FULL * 2)


def test_one_octet_more_is_refused() -> None:
    receiver = start(limit=1024)
    assert feed(receiver, data(1), data(2), data(3, b"x")) == [ack(1), ack(2), FULL_DISK]
    assert receiver.result == Failed(TransferFailure.TOO_LARGE, 0, "more than 1024 octets")


# -- time


def test_silence_spends_the_budget() -> None:
    receiver = start()
    for count in (1, 2, 3):
        receiver.timer_fired(count - 0.001)  # not yet
        assert receiver.datagrams_to_send() == []
        receiver.timer_fired(float(count))
        assert receiver.datagrams_to_send() == [(REQUEST, WELL_KNOWN)]
        assert receiver.retransmissions == count
        assert receiver.timer() == count + 1.0
    receiver.timer_fired(4.0)
    assert receiver.datagrams_to_send() == []
    assert receiver.result == Failed(
        TransferFailure.TIMEOUT, 0, "no answer after 3 retransmissions"
    )
    assert failure(receiver) is TransferFailure.TIMEOUT
    receiver.timer_fired(99.0)


def test_progress_gives_the_budget_back() -> None:
    receiver = start()
    receiver.timer_fired(1.0)
    receiver.timer_fired(2.0)
    feed(receiver, data(1), now=2.5)
    assert receiver.retransmissions == 0
    assert receiver.timer() == 3.5
    receiver.timer_fired(3.5)
    assert receiver.datagrams_to_send() == [(ack(1), PEER)]
    assert receiver.retransmissions == 1


def test_only_progress_moves_the_timer() -> None:
    receiver = start()
    feed(receiver, data(1))
    for datagram in (data(1), data(9), b"", AGREED, ack(3)):
        feed(receiver, datagram, now=0.9)
    receiver.receive_datagram(data(2), OTHER_HOST, 0.9)
    assert receiver.timer() == 1.0


def test_a_doubled_block_is_acknowledged_again_only_after_the_echo() -> None:
    receiver = start()
    assert feed(receiver, data(1)) == [ack(1)]
    assert feed(receiver, data(1), data(1), now=0.01) == []
    assert feed(receiver, data(1), now=0.2) == [ack(1)]
    assert feed(receiver, data(1), now=0.25) == []
    assert feed(receiver, data(2, b"")) == [ack(2)]
    assert receiver.result == Received(FULL)


def test_a_gap_is_reported_once_until_there_is_progress() -> None:
    receiver = start(ALL_OPTIONS)
    feed(receiver, AGREED)
    assert feed(receiver, data(1, b"x" * 16), data(3, b"x" * 16), data(4, b"x" * 16)) == [ack(1)]
    receiver.timer_fired(1.0)
    assert sent(receiver) == [ack(1)]
    assert feed(receiver, data(3, b"x" * 16), now=1.0) == [ack(1)]
    again = [data(n, b"x" * 16) for n in (2, 3, 4, 5)]
    assert feed(receiver, *again, data(7, b"x" * 16), now=1.0) == [ack(5), ack(5)]


def test_a_timeout_within_a_window_acknowledges_what_is_there() -> None:
    receiver = start(ALL_OPTIONS)
    feed(receiver, AGREED, data(1, b"x" * 16), data(2, b"x" * 16))
    receiver.timer_fired(1.0)
    assert sent(receiver) == [ack(2)]
    assert feed(receiver, *(data(n, b"x" * 16) for n in (3, 4, 5)), now=1.0) == []
    assert feed(receiver, data(6, b"x" * 16), now=1.0) == [ack(6)]


def test_dallying_repairs_the_last_acknowledgement_and_ends() -> None:
    receiver = start()
    feed(receiver, data(1, b"x"), now=2.0)
    assert receiver.timer() == 2.0 + DALLY_SECONDS
    assert feed(receiver, data(1, b"x"), now=3.0) == [ack(1)]
    assert receiver.timer() == 2.0 + DALLY_SECONDS
    receiver.timer_fired(2.0 + DALLY_SECONDS)
    assert receiver.state is State.ENDED
    assert receiver.timer() is None
    assert feed(receiver, data(1, b"x"), now=9.0) == []


def test_a_released_result_is_forgotten() -> None:
    receiver = start()
    assert receiver.release_result() is None
    feed(receiver, data(1, b"x"))
    assert receiver.release_result() == Received(b"x")
    assert receiver.result is None
    assert receiver.timer() is not None


# -- the kernel's word


def test_an_unreachable_server_ends_the_transfer_at_once() -> None:
    receiver = start()
    receiver.peer_unreachable(OTHER_HOST, "not about us", 0.0)
    assert receiver.timer() is not None
    receiver.peer_unreachable(WELL_KNOWN, "nobody listens", 0.0)
    assert receiver.result == Failed(TransferFailure.UNREACHABLE, 0, "nobody listens")
    assert failure(receiver) is TransferFailure.UNREACHABLE


def test_only_the_peer_counts_once_there_is_one() -> None:
    receiver = start()
    feed(receiver, data(1))
    receiver.peer_unreachable(WELL_KNOWN, "closed meanwhile", 0.0)
    assert receiver.result is None
    receiver.peer_unreachable(PEER, "gone", 0.0)
    assert failure(receiver) is TransferFailure.UNREACHABLE


def test_an_unreachable_peer_ends_the_dally_not_the_result() -> None:
    receiver = in_state(State.DALLY)
    receiver.peer_unreachable(PEER, "gone", 0.0)
    assert receiver.result == Received(WHOLE)
    assert receiver.timer() is None


# -- bounds


@pytest.mark.parametrize("state", [A, F, B])
@pytest.mark.parametrize("datagram", [data(0), b"", ack(0), data(4, b""), data(7, b"")])
def test_arrivals_without_progress_are_bounded(state: State, datagram: bytes) -> None:
    receiver = in_state(state)
    count = 0
    while receiver.result is None:
        receiver.receive_datagram(datagram[:20], PEER, 0.5)
        count += 1
    window = 1 if state is A else 4
    assert count == IDLE_ARRIVALS + IDLE_WINDOWS * window + 1
    assert failure(receiver) is TransferFailure.PROTOCOL
    assert sent(receiver)[-1] == error(0, b"No progress")


def test_a_flood_ends_the_dally() -> None:
    receiver = in_state(State.DALLY)
    answers = 0
    while receiver.timer() is not None:
        answers += len(feed(receiver, data(5, b"end"), now=0.5))
    assert receiver.result == Received(WHOLE)
    assert answers == 1


def test_a_server_without_end_meets_the_limit() -> None:
    receiver = start(limit=550_001)
    numbers = itertools.count(1)
    while receiver.result is None:
        feed(receiver, data(next(numbers) & 0xFFFF))
    assert failure(receiver) is TransferFailure.TOO_LARGE
    assert next(numbers) == 550_001 // 512 + 3 - 1


def test_options_without_a_size_are_welcome_however_little_may_come() -> None:
    receiver = start(ALL_OPTIONS, limit=0)
    receiver.receive_datagram(AGREED, PEER, 0.1)
    assert receiver.state is State.AWAIT_FIRST_BLOCK


def test_a_size_has_twenty_digits_at_most() -> None:
    for digits, state in ((20, State.AWAIT_FIRST_BLOCK), (21, State.ENDED)):
        receiver = start(ALL_OPTIONS, limit=10**21)
        receiver.receive_datagram(oack(b"tsize", b"0" * (digits - 1) + b"9"), PEER, 0.1)
        assert receiver.state is state


def test_after_a_strangers_datagram_the_acknowledgement_still_goes_to_the_peer() -> None:
    receiver = start()
    receiver.receive_datagram(data(1), PEER, 0.1)
    sent(receiver)
    receiver.receive_datagram(data(1), OTHER_HOST, 0.2)
    assert receiver.datagrams_to_send() == [(UNKNOWN_ID, OTHER_HOST)]
    receiver.timer_fired(1.1)
    assert receiver.datagrams_to_send() == [(ack(1), PEER)]


def test_a_copy_is_acknowledged_again_as_soon_as_the_echo_is_over() -> None:
    receiver = start()
    receiver.receive_datagram(data(1), PEER, 0.0)
    assert sent(receiver) == [ack(1)]
    for now, answers in ((ECHO_SECONDS / 2, []), (ECHO_SECONDS, [ack(1)])):
        receiver.receive_datagram(data(1), PEER, now)
        assert sent(receiver) == answers
