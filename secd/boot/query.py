"""The TVS query machine: one question, over an ordered list of servers.

The first server that answers decides, whatever its answer; a server that cannot be reached, shows
another certificate than the ITL's, or speaks nonsense is passed over (SEP<MAC>.cnf.xml reference:
up to five members in order of priority, the next on failure). That nobody answered is a result too.
"""

from collections.abc import Mapping
from enum import Enum, auto

from secd.boot.messages import AskTVS, QueryTVS, TVSServerAnswered, TVSServerFailed
from secd.trace import TraceEvent, TVSServerAsked, TVSServerPassedOver
from secd.trust import Voucher, VoucherOutcome


class State(Enum):
    """What a query does next."""

    READY = auto()
    ASK = auto()
    ENDED = auto()


class Outcome(Enum):
    """What came of it."""

    SERVERS = auto()
    NO_SERVER = auto()
    ANSWERED = auto()
    NEXT_SERVER = auto()
    EXHAUSTED = auto()


TRANSITIONS: Mapping[State, Mapping[Outcome, State]] = {
    State.READY: {Outcome.SERVERS: State.ASK, Outcome.NO_SERVER: State.ENDED},
    State.ASK: {
        Outcome.ANSWERED: State.ENDED,
        Outcome.NEXT_SERVER: State.ASK,
        Outcome.EXHAUSTED: State.ENDED,
    },
    State.ENDED: {},
}

Output = AskTVS | TraceEvent


class QueryMachine:
    """Asks one question; `result` says what came of it, once `state` is ENDED."""

    def __init__(self, query: QueryTVS) -> None:
        self.state = State.READY
        self.result: Voucher | None = None
        self._query = query
        self._left = list(query.servers)

    def begin(self) -> list[Output]:
        """Ask the first server."""
        if not self._left:
            return self._end(Outcome.NO_SERVER, self._unreachable())
        self._move(Outcome.SERVERS)
        return self._ask()

    def answered(self, event: TVSServerAnswered) -> list[Output]:
        """Take the answer of the server that was asked."""
        return self._end(Outcome.ANSWERED, event.voucher)

    def failed(self, event: TVSServerFailed) -> list[Output]:
        """Pass over the server that was asked."""
        passed: list[Output] = [TVSServerPassedOver(event.server, event.port, event.text)]
        if not self._left:
            return passed + self._end(Outcome.EXHAUSTED, self._unreachable())
        self._move(Outcome.NEXT_SERVER)
        return passed + self._ask()

    def _ask(self) -> list[Output]:
        server, query = self._left.pop(0), self._query
        asked = TVSServerAsked(server.address, server.port)
        action = AskTVS(
            server.address, server.port, query.name, query.issuer, query.serial, query.task
        )
        return [asked, action]

    def _end(self, outcome: Outcome, result: Voucher) -> list[Output]:
        self._move(outcome)
        self.result = result
        return []

    def _move(self, outcome: Outcome) -> None:
        following = TRANSITIONS[self.state].get(outcome)
        if following is None:
            raise RuntimeError(f"a query cannot meet {outcome.name} in {self.state.name}")
        self.state = following

    def _unreachable(self) -> Voucher:
        return Voucher(self._query.issuer, self._query.serial, VoucherOutcome.UNREACHABLE)
