"""The fetch machine: one file, over an ordered list of servers and transports.

What one attempt means for the next is decided in `_outcome_of`; the transitions stand in
`TRANSITIONS`. A server's "file not found" by TFTP is an answer and ends the search: that it would
be asked of the secondary server too, no source says. Everything else (no answer, an error) goes
on to the next server; a failure by HTTP or HTTPS goes on to the next transport of the same server
first (capture of a 7821: HTTP 503, then TFTP).

Whether a server may be asked is not decided here but by `decide_server`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from secd.boot.messages import FetchFile, FileNotReceived, FileReceived, Transfer
from secd.models import Model
from secd.trace import (
    FetchEnded,
    FileApproved,
    FileRequested,
    ServerLookedUp,
    ServerRefused,
    Traced,
    TraceEvent,
    TransferFailed,
    TransferFinished,
    TransferStarted,
)
from secd.trust import Context, Installed, Reason, Refuse, decide_server
from secd.words import FileKind, TransferFailure, Transport

_SUCCESS = 100  # the download daemon's own number, in every capture of a 78xx
_NOBODY_TO_ASK = FileNotReceived(TransferFailure.NOT_AUTHORIZED, 0, "no server may be asked")
_LIST_ENTRIES = 2  # a phone has a primary and a secondary server and looks both up


class State(Enum):
    """What a fetch does next."""

    LOOK_UP = auto()
    TRANSFER = auto()
    ENDED = auto()


class Outcome(Enum):
    """What an attempt came to."""

    BEGUN = auto()
    NOBODY_TO_ASK = auto()
    FOUND = auto()
    NOT_FOUND = auto()
    NEXT_TRANSPORT = auto()
    NEXT_SERVER = auto()
    EXHAUSTED = auto()


TRANSITIONS: Mapping[State, Mapping[Outcome, State]] = {
    State.LOOK_UP: {Outcome.BEGUN: State.TRANSFER, Outcome.NOBODY_TO_ASK: State.ENDED},
    State.TRANSFER: {
        Outcome.FOUND: State.ENDED,
        Outcome.NOT_FOUND: State.ENDED,
        Outcome.NEXT_TRANSPORT: State.TRANSFER,
        Outcome.NEXT_SERVER: State.TRANSFER,
        Outcome.EXHAUSTED: State.ENDED,
    },
    State.ENDED: {},
}

Output = Transfer | Traced


@dataclass(frozen=True, slots=True)
class _Attempt:
    server: str
    server_number: int
    transport: Transport


class FetchMachine:
    """Fetches one file; `result` says how it ended, once `state` is ENDED.

    installed, context -- what `decide_server` judges servers by.
    next_id -- gives a new task or process number at each call.
    """

    def __init__(
        self,
        fetch: FetchFile,
        installed: Installed,
        context: Context,
        available: frozenset[Transport],
        next_id: Callable[[], int],
    ) -> None:
        self.state = State.LOOK_UP
        self.result: FileReceived | FileNotReceived | None = None
        self.server = ""
        self.transport = Transport.TFTP
        self.fetch = fetch
        self._installed = installed
        self._context = context
        self._next_id = next_id
        self._transports = tuple(t for t in fetch.transports if t in available)
        self._task = next_id()
        self._worker = 0
        self._attempts: list[_Attempt] = []
        self._current = _Attempt("", 0, Transport.TFTP)

    @property
    def _model(self) -> Model:
        return self._context.model

    def begin(self, now_seconds: float) -> list[Output]:
        """Look the servers up and ask the first that may be asked."""
        outputs = self._traced(now_seconds, self._request_events())
        self._attempts = self._allowed_attempts()
        if not self._attempts:
            self._move(Outcome.NOBODY_TO_ASK)
            return outputs + self._end(now_seconds, _NOBODY_TO_ASK)
        approved = FileApproved(
            self.fetch.file_name,
            self.fetch.kind in (FileKind.SIGNED, FileKind.ENCRYPTED),
            self._installed.ctl is not None,
            self.fetch.kind,
        )
        self._move(Outcome.BEGUN)
        return outputs + self._traced(now_seconds, [approved]) + self._next_attempt(now_seconds)

    def received(self, event: FileReceived, now_seconds: float) -> list[Output]:
        """Take the file that the current transfer brought."""
        fetch, attempt = self.fetch, self._current
        finished = TransferFinished(
            fetch.file_name,
            fetch.kind,
            fetch.kind.is_list,
            attempt.transport,
            attempt.server,
            len(event.octets),
        )
        self._move(Outcome.FOUND)
        return self._traced(now_seconds, [finished]) + self._end(now_seconds, event)

    def not_received(self, event: FileNotReceived, now_seconds: float) -> list[Output]:
        """Take the failure of the current transfer and go on where there is anything left."""
        fetch, attempt = self.fetch, self._current
        failed = TransferFailed(
            fetch.file_name,
            fetch.kind,
            fetch.kind.is_list,
            attempt.transport,
            attempt.server,
            event.failure,
            event.code,
            event.text,
        )
        outputs = self._traced(now_seconds, [failed])
        self._move(self._outcome_of(event))
        if self.state is State.ENDED:
            return outputs + self._end(now_seconds, event)
        return outputs + self._next_attempt(now_seconds)

    def _outcome_of(self, event: FileNotReceived) -> Outcome:
        here = self._current.server_number
        if any(attempt.server_number == here for attempt in self._attempts):
            return Outcome.NEXT_TRANSPORT
        if event.failure is TransferFailure.FILE_NOT_FOUND:
            return Outcome.NOT_FOUND
        return Outcome.NEXT_SERVER if self._attempts else Outcome.EXHAUSTED

    def _move(self, outcome: Outcome) -> None:
        following = TRANSITIONS[self.state].get(outcome)
        if following is None:
            raise RuntimeError(f"a fetch cannot meet {outcome.name} in {self.state.name}")
        self.state = following

    def _request_events(self) -> list[TraceEvent]:
        fetch = self.fetch
        ctl_installed = self._installed.ctl is not None
        events: list[TraceEvent] = [
            FileRequested(
                fetch.file_name,
                fetch.kind,
                fetch.kind.is_list,
                fetch.kind in (FileKind.SIGNED, FileKind.ENCRYPTED),
                fetch.destination,
                self._printed_limit(),
                fetch.servers[0] if fetch.servers else "",
                ctl_installed,
            )
        ]
        for index in range(max(_LIST_ENTRIES, len(fetch.servers))):
            server = fetch.servers[index] if index < len(fetch.servers) else ""
            verdict = decide_server(self._installed, server, self._context)
            events.append(ServerLookedUp(index, server, verdict.reason, ctl_installed, fetch.kind))
            if server and isinstance(verdict, Refuse):
                events.append(ServerRefused(server, fetch.file_name, verdict.reason))
        return events

    def _allowed_attempts(self) -> list[_Attempt]:
        asks_all = self._model.switches.p0_asks_unlisted_server
        return [
            _Attempt(server, number, transport)
            for number, server in enumerate(self.fetch.servers, start=1)
            if asks_all
            or decide_server(self._installed, server, self._context).reason
            is not Reason.SERVER_NOT_IN_CTL
            for transport in self._transports
        ]

    def _next_attempt(self, now_seconds: float) -> list[Output]:
        fetch, earlier = self.fetch, self._current.server_number
        self._current = attempt = self._attempts.pop(0)
        self._worker = self._model.worker_id or self._next_id()
        started = TransferStarted(
            fetch.file_name,
            fetch.kind,
            fetch.kind.is_list,
            attempt.transport,
            attempt.server,
            attempt.server_number,
            fetch.destination,
            self._printed_limit(),
            fallback=attempt.server_number == earlier,
        )
        transfer = Transfer(
            attempt.transport,
            attempt.server,
            fetch.file_name,
            self._size_limit(),
            self._task,
            self._worker,
        )
        return [*self._traced(now_seconds, [started]), transfer]

    def _end(self, now_seconds: float, result: FileReceived | FileNotReceived) -> list[Output]:
        self.result = result
        self.server = self._current.server
        self.transport = self._current.transport
        found = isinstance(result, FileReceived)
        ended = FetchEnded(
            self.fetch.file_name,
            self.fetch.kind,
            found,
            self._current.transport,
            self._current.server,
            _SUCCESS if isinstance(result, FileReceived) else result.code + 1,
            "" if isinstance(result, FileReceived) else result.text,
        )
        return self._traced(now_seconds, [ended])

    def _size_limit(self) -> int:
        firmware = self.fetch.kind is FileKind.FIRMWARE
        return self._model.firmware_limit_bytes if firmware else self._model.size_limit_bytes

    def _printed_limit(self) -> int:
        """Firmware is larger than the limit of the captures; what is printed for it is unknown."""
        unlimited = self.fetch.kind.is_list or self.fetch.kind is FileKind.FIRMWARE
        return 0 if unlimited else self._model.printed_limit_bytes

    def _traced(self, now_seconds: float, events: list[TraceEvent]) -> list[Output]:
        return [Traced(now_seconds, self._task, self._worker, event) for event in events]
