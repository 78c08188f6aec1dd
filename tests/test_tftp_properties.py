"""Laws of the receiver: whatever arrives, and whenever, it never raises and it ends."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from secd.models import TFTPOptions
from secd.tftp import Failed, Received, Receiver
from secd.tftp.receiver import IDLE_ARRIVALS, IDLE_WINDOWS
from secd.words import TransferFailure

SERVER = ("192.0.2.1", 69)
PEERS = [("192.0.2.1", 40000), SERVER, ("192.0.2.9", 40000)]
LIMIT_BYTES = 300

options = st.builds(
    TFTPOptions,
    block_bytes=st.sampled_from([0, 8, 16, 1428]),
    window_blocks=st.sampled_from([0, 1, 3]),
    transfer_size=st.booleans(),
    timeout_option_seconds=st.sampled_from([0, 2]),
    retransmit_seconds=st.sampled_from([0.5, 4.0]),
    retransmissions=st.integers(0, 3),
)
blocks = st.builds(
    lambda number, octets: struct.pack(">HH", 3, number) + octets,
    st.integers(0, 6) | st.integers(0, 65535),
    st.sampled_from([b"", b"8 octets", b"x" * 16, b"x" * 200, b"x" * 512]),
)
option_names = st.sampled_from([b"blksize", b"WINDOWSIZE", b"tsize", b"timeout", b"x"])
option_values = st.sampled_from([b"8", b"16", b"0", b"1", b"2", b"301", b"-1", b"", b"9" * 30])
oacks = st.lists(st.tuples(option_names, option_values), max_size=3).map(
    lambda pairs: b"\0\6" + b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
)
errors = st.builds(
    lambda code, text: struct.pack(">HH", 5, code) + text,
    st.integers(0, 9),
    st.binary(max_size=8),
)
datagrams = blocks | blocks | oacks | errors | st.binary(max_size=8)
happenings = st.lists(
    st.tuples(
        st.sampled_from(["datagram", "datagram", "datagram", "timer", "unreachable"]),
        datagrams,
        st.sampled_from([PEERS[0], PEERS[0], *PEERS]),
        st.sampled_from([0.0, 0.2, 1.0]),
    ),
    max_size=25,
)


@given(options, happenings)
def test_any_sequence_of_arrivals_ends_without_an_exception(
    asked: TFTPOptions, sequence: list[tuple[str, bytes, tuple[str, int], float]]
) -> None:
    now = 0.0
    receiver = Receiver(SERVER, "f", asked, LIMIT_BYTES, now)
    assert len(receiver.datagrams_to_send()) == 1
    known = None
    for kind, octets, peer, pause in sequence:
        now += pause
        if kind == "timer":
            receiver.timer_fired(now)
        elif kind == "unreachable":
            receiver.peer_unreachable(peer, "gone", now)
        else:
            receiver.receive_datagram(octets, peer, now)
        assert len(receiver.datagrams_to_send()) <= 1  # nothing is amplified
        if known is not None:
            assert receiver.result == known  # a result never changes
        known = receiver.result
        if isinstance(known, Received):
            assert len(known.octets) <= LIMIT_BYTES
        assert (receiver.timer() is None) <= (known is not None)
    _let_time_pass(receiver, asked)


def _let_time_pass(receiver: Receiver, asked: TFTPOptions) -> None:
    """In silence the transfer ends within its budget, with a result."""
    firings = 0
    while (deadline := receiver.timer()) is not None:
        receiver.timer_fired(deadline)
        firings += 1
    assert firings <= asked.retransmissions + 1
    assert receiver.result is not None


@given(options, st.lists(datagrams, min_size=1, max_size=4))
def test_a_peer_that_repeats_itself_forever_is_ended(
    asked: TFTPOptions, repeated: list[bytes]
) -> None:
    receiver = Receiver(SERVER, "f", asked, LIMIT_BYTES, 0.0)
    most = (LIMIT_BYTES // 8 + 3) * (IDLE_ARRIVALS + IDLE_WINDOWS * 3 + len(repeated))
    for count in range(most):
        if receiver.timer() is None:
            break
        receiver.receive_datagram(repeated[count % len(repeated)], PEERS[0], 0.0)
        receiver.datagrams_to_send()
    assert receiver.timer() is None
    assert receiver.result is not None


@given(options, st.binary(max_size=LIMIT_BYTES), happenings)
def test_strangers_and_noise_do_not_change_the_file(
    asked: TFTPOptions,
    file: bytes,
    noise: list[tuple[str, bytes, tuple[str, int], float]],
) -> None:
    """A lock-step server without options; in between, strangers send whatever they like."""
    receiver = Receiver(SERVER, "f", asked, LIMIT_BYTES, 0.0)
    strangers = [octets for _, octets, _, _ in noise]
    for octets in strangers:
        receiver.receive_datagram(octets, PEERS[2], 0.0)
    receiver.receive_datagram(b"\0\3\0\1" + file, PEERS[0], 0.0)
    for octets in strangers:
        receiver.receive_datagram(octets, PEERS[1], 0.0)
    assert receiver.result == Received(file)


def test_the_laws_see_failures_too() -> None:
    receiver = Receiver(SERVER, "f", TFTPOptions(0, 0, False, 0, 1.0, 0), 10, 0.0)
    receiver.timer_fired(1.0)
    assert receiver.result == Failed(
        TransferFailure.TIMEOUT, 0, "no answer after 0 retransmissions"
    )
