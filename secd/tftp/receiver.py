"""One transfer of a file from a TFTP server, without sockets and without a clock.

Octets, peers and the time go in; datagrams, the time of the next timer and at last a result come
out. The sequence stands in `secd.tftp.transitions`; here is what each of its words means.

The interval between retransmissions is constant: a phone's log shows its first one 0.5 s after
the request (Cisco document 214535), and what a phone waits is a value of its load. RFC 1123
section 4.2.3.2 would have it grow.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from secd.errors import RemoteProtocolViolation
from secd.models import TFTPOptions
from secd.tftp.negotiation import Agreement, agree_untrusted, request_options
from secd.tftp.packets import (
    HEADER_BYTES,
    Acknowledgement,
    Data,
    ErrorCode,
    ErrorPacket,
    OptionAcknowledgement,
    ReadRequest,
    decode_error_untrusted,
    decode_option_acknowledgement_untrusted,
    decode_packet_untrusted,
)
from secd.tftp.transitions import TRANSITIONS, Action, Arrival, State
from secd.transfer import Failed, Received
from secd.words import TransferFailure

Peer = tuple[str, int]  # numeric address and UDP port, as the network reports them

# Longer than the usual servers wait before they repeat a block (1 to 5 s), so that one repetition
# still finds somebody who acknowledges it.
DALLY_SECONDS: Final = 6.0
# Copies that the network makes, and answers to such copies, follow within milliseconds; a sender
# that misses an acknowledgement waits longer.
ECHO_SECONDS: Final = 0.1
# Arrivals in a row without progress. A lossy network repeats a window a few times; this is
# somebody who does not want the transfer to end.
IDLE_ARRIVALS: Final = 1000
IDLE_WINDOWS: Final = 4

_NO_OPTIONS: Final = Agreement()


class Receiver:
    """Receives one file.

    server -- where the request goes. Answers may come from any port, but only from this address.
    options -- what the load asks for, and its timer and budget.
    size_limit_bytes -- a larger file is refused. now -- monotonic time in seconds, here and in
    every method.

    Raises UnusableInput when no request can carry the name. No method raises because of what
    arrives. After every call, send what `datagrams_to_send` returns, and call `timer_fired`
    when the time of `timer` has come.
    """

    __slots__ = (
        "_acknowledged_at",
        "_agreement",
        "_answer",
        "_deadline",
        "_expected",
        "_file",
        "_finding",
        "_from",
        "_gap_reported",
        "_idle",
        "_now",
        "_octets",
        "_options",
        "_outbox",
        "_peer",
        "_request",
        "_result",
        "_retransmissions",
        "_server",
        "_size_limit_bytes",
        "_state",
        "_unacknowledged",
    )

    def __init__(
        self,
        server: Peer,
        file_name: str,
        options: TFTPOptions,
        size_limit_bytes: int,
        now: float,
    ) -> None:
        self._server = server
        self._options = options
        self._size_limit_bytes = size_limit_bytes
        self._request = ReadRequest(file_name, options=request_options(options)).encode()

        self._state = State.AWAIT_ANSWER
        self._result: Received | Failed | None = None
        self._peer: Peer | None = None
        self._agreement = _NO_OPTIONS
        self._answer: OptionAcknowledgement | None = None  # the accepted one

        self._file = bytearray()
        self._expected = 1  # number of the block that is due, modulo 65536
        self._unacknowledged = 0  # blocks taken since the last acknowledgement
        self._gap_reported = False

        self._outbox: list[tuple[bytes, Peer]] = [(self._request, server)]
        self._acknowledged_at = now
        self._deadline: float | None = now + options.retransmit_seconds
        self._retransmissions = 0
        self._idle = 0  # arrivals since the last progress

        # What is being looked at, for the actions.
        self._octets = b""
        self._from = server
        self._finding = ""
        self._now = now

    @property
    def state(self) -> State:
        """Where the transfer stands."""
        return self._state

    @property
    def result(self) -> Received | Failed | None:
        """How the transfer ended; None while it has not, and after `release_result`."""
        return self._result

    @property
    def retransmissions(self) -> int:
        """How often in a row the last packet was sent again; 0 after any progress."""
        return self._retransmissions

    def timer(self) -> float | None:
        """Return when to call `timer_fired`; None when nothing is left to do, dallying included.

        Progress moves it into the future, nothing else does.
        """
        return self._deadline

    def datagrams_to_send(self) -> list[tuple[bytes, Peer]]:
        """Return the datagrams that are due, in order, each once."""
        datagrams = self._outbox
        if datagrams:
            self._outbox = []
        return datagrams

    def release_result(self) -> Received | Failed | None:
        """Return the result and forget it, so that dallying does not hold the file in memory."""
        result, self._result = self._result, None
        return result

    def receive_datagram(self, octets: bytes, peer: Peer, now: float) -> None:
        """Take one datagram that came from `peer`."""
        self._from = peer
        self._octets = octets
        self._step(self._classify(octets, peer), now)
        self._octets = b""

    def peer_unreachable(self, peer: Peer, text: str, now: float) -> None:
        """Take the kernel's word that nobody listens at `peer`; `text` says how it knows."""
        if peer == (self._peer or self._server):
            self._finding = text
            self._step(Arrival.UNREACHABLE, now)

    def timer_fired(self, now: float) -> None:
        """Do what is due at the time of `timer`; nothing if that has not come yet."""
        if self._deadline is not None and now >= self._deadline:
            spent = self._retransmissions >= self._options.retransmissions
            self._step(Arrival.LAST_TIMEOUT if spent else Arrival.TIMEOUT, now)

    def _step(self, arrival: Arrival, now: float) -> None:
        step = TRANSITIONS[self._state][arrival]
        self._state = step.next_state
        self._now = now
        self._ACTIONS[step.action](self)

    # -- what arrived

    def _classify(self, octets: bytes, peer: Peer) -> Arrival:
        try:
            packet = decode_packet_untrusted(octets)
        except RemoteProtocolViolation:
            packet = None
        if peer != self._peer and (self._peer is not None or peer[0] != self._server[0]):
            known = isinstance(packet, ErrorPacket)
            return Arrival.STRANGER_ERROR if known else Arrival.STRANGER
        self._idle += 1
        if self._idle > IDLE_ARRIVALS + IDLE_WINDOWS * self._agreement.window_blocks:
            return Arrival.FLOOD
        if isinstance(packet, Data):
            return self._classify_block(packet.block, len(packet.octets))
        if isinstance(packet, OptionAcknowledgement):
            return self._classify_options(packet)
        return Arrival.ERROR if isinstance(packet, ErrorPacket) else Arrival.NONSENSE

    def _classify_block(self, block: int, size_bytes: int) -> Arrival:
        block_bytes = self._agreement.block_bytes
        if size_bytes > block_bytes:
            self._finding = f"block {block} has {size_bytes} octets, more than {block_bytes}"
            return Arrival.BAD_BLOCK
        if block != self._expected:
            return self._classify_other_block(block)
        if len(self._file) + size_bytes > self._size_limit_bytes:
            return Arrival.EXCESS_BLOCK
        return Arrival.NEXT_BLOCK if size_bytes == block_bytes else Arrival.LAST_BLOCK

    def _classify_other_block(self, block: int) -> Arrival:
        window_blocks = self._agreement.window_blocks
        if (block - self._expected) & 0xFFFF < window_blocks:
            return Arrival.EARLY_BLOCK
        if self._expected == 0 and block == 1:
            self._finding = "block numbers go on with 1 after 65535, not with 0"
            return Arrival.BAD_BLOCK
        return Arrival.OLD_BLOCK

    def _classify_options(self, answer: OptionAcknowledgement) -> Arrival:
        if self._answer is not None:
            self._finding = "the server changes the options that it acknowledged"
            return Arrival.OPTIONS if answer == self._answer else Arrival.BAD_OPTIONS
        try:
            agreement = agree_untrusted(self._options, answer.options)
        except RemoteProtocolViolation as violation:
            self._finding = str(violation)
            return Arrival.BAD_OPTIONS
        if (agreement.transfer_size_bytes or 0) > self._size_limit_bytes:
            return Arrival.EXCESS_OPTIONS
        return Arrival.OPTIONS

    # -- what to do

    def _ignore(self) -> None:
        pass

    def _take(self) -> None:
        self._append_block()
        if self._unacknowledged >= self._agreement.window_blocks:
            self._acknowledge()

    def _finish(self) -> None:
        self._append_block()
        self._acknowledge()
        self._result = Received(bytes(self._file))
        self._file = bytearray()
        self._deadline = self._now + DALLY_SECONDS

    def _append_block(self) -> None:
        self._progress()
        self._file += self._octets[HEADER_BYTES:]
        self._expected = (self._expected + 1) & 0xFFFF
        self._unacknowledged += 1

    def _agree(self) -> None:
        self._progress()
        self._answer = decode_option_acknowledgement_untrusted(self._octets)
        self._agreement = agree_untrusted(self._options, self._answer.options)
        self._acknowledge()

    def _progress(self) -> None:
        self._peer = self._from
        self._idle = 0
        self._retransmissions = 0
        self._gap_reported = False
        self._deadline = self._now + self._options.retransmit_seconds

    def _repeat(self) -> None:
        if self._now - self._acknowledged_at >= ECHO_SECONDS:
            self._acknowledge()

    def _report_gap(self) -> None:
        if not self._gap_reported:
            self._gap_reported = True
            self._acknowledge()

    def _send_again(self) -> None:
        self._retransmissions += 1
        self._gap_reported = False
        self._deadline = self._now + self._options.retransmit_seconds
        if self._peer is None:
            self._outbox.append((self._request, self._server))
        else:
            self._acknowledge()

    def _acknowledge(self) -> None:
        self._acknowledged_at = self._now
        self._unacknowledged = 0  # the server's next window starts after this block
        last = Acknowledgement((self._expected - 1) & 0xFFFF)
        self._outbox.append((last.encode(), self._peer or self._from))

    def _tell_stranger(self) -> None:
        self._send_error(ErrorCode.UNKNOWN_TRANSFER_ID, "Unknown transfer ID")

    def _refuse_block(self) -> None:
        self._send_error(ErrorCode.ILLEGAL_OPERATION, "Illegal TFTP operation")
        self._fail(TransferFailure.PROTOCOL, self._finding)

    def _refuse_size(self) -> None:
        self._send_error(ErrorCode.DISK_FULL, "Disk full or allocation exceeded")
        limit = f"more than {self._size_limit_bytes} octets"
        self._fail(TransferFailure.TOO_LARGE, limit)

    def _refuse_options(self) -> None:
        self._send_error(ErrorCode.OPTION_NEGOTIATION, "Options not acceptable")
        self._fail(TransferFailure.PROTOCOL, self._finding)

    def _refuse_flood(self) -> None:
        self._send_error(ErrorCode.NOT_DEFINED, "No progress")
        self._fail(TransferFailure.PROTOCOL, f"{self._idle} datagrams in a row without progress")

    def _report_error(self) -> None:
        error = decode_error_untrusted(self._octets)
        missing = error.code == ErrorCode.FILE_NOT_FOUND
        failure = TransferFailure.FILE_NOT_FOUND if missing else TransferFailure.ERROR
        self._fail(failure, error.text, error.code)

    def _report_unreachable(self) -> None:
        self._fail(TransferFailure.UNREACHABLE, self._finding)

    def _report_timeout(self) -> None:
        count = self._retransmissions
        self._fail(TransferFailure.TIMEOUT, f"no answer after {count} retransmissions")

    def _send_error(self, code: ErrorCode, text: str) -> None:
        self._outbox.append((ErrorPacket(code, text).encode(), self._from))

    def _fail(self, failure: TransferFailure, text: str, code: int = 0) -> None:
        self._result = Failed(failure, code, text)
        self._end()

    def _end(self) -> None:
        self._deadline = None
        self._file = bytearray()

    _ACTIONS: ClassVar[Mapping[Action, Callable[["Receiver"], None]]] = {
        Action.IGNORE: _ignore,
        Action.TAKE: _take,
        Action.FINISH: _finish,
        Action.AGREE: _agree,
        Action.REPEAT: _repeat,
        Action.REPORT_GAP: _report_gap,
        Action.SEND_AGAIN: _send_again,
        Action.TELL_STRANGER: _tell_stranger,
        Action.REFUSE_BLOCK: _refuse_block,
        Action.REFUSE_SIZE: _refuse_size,
        Action.REFUSE_OPTIONS: _refuse_options,
        Action.REFUSE_FLOOD: _refuse_flood,
        Action.REPORT_ERROR: _report_error,
        Action.REPORT_UNREACHABLE: _report_unreachable,
        Action.REPORT_TIMEOUT: _report_timeout,
        Action.END: _end,
    }
