"""The receiver alone: files, limits, time and the kernel's word, datagram by datagram."""

import itertools
from dataclasses import replace

import pytest
from tftp_receiver_support import (
    AGREED,
    ALL_OPTIONS,
    FULL,
    FULL_DISK,
    ILLEGAL,
    NO_OPTIONS,
    OTHER_HOST,
    PEER,
    REQUEST,
    UNKNOWN_ID,
    WELL_KNOWN,
    WHOLE,
    A,
    B,
    F,
    ack,
    data,
    error,
    failure,
    feed,
    in_state,
    oack,
    sent,
    start,
)

from secd.errors import UnusableInput
from secd.tftp import Failed, Received, Receiver, State
from secd.tftp.receiver import DALLY_SECONDS, ECHO_SECONDS, IDLE_ARRIVALS, IDLE_WINDOWS
from secd.words import TransferFailure

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
