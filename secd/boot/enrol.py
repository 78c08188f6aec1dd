"""The CAPF machine: one application for, or about, an LSC, over an ordered list of servers.

Each server gets three attempts, 30 s apart, before the next one is asked (CUCM security guide: not
configurable). A server whose certificate the phone does not trust is passed over at once, for it
will have no other one in 30 s (?). The first server that ends a session decides, whatever it says.
Where only TVS can vouch for a server's certificate, the connection waits until it has: nothing is
said to the server before, and the connection is closed where TVS does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from secd.boot.messages import (
    Action,
    CAPFServerFailed,
    CAPFServerRefused,
    CAPFServerUnknown,
    CAPFSessionEnded,
    DropCAPF,
    Event,
    QueryTVS,
    ResumeCAPF,
    StartCAPF,
    TimerFired,
    TVSServerAnswered,
    TVSServerFailed,
    Wait,
)
from secd.boot.query import QueryMachine
from secd.capf import Applicant, CAPFEnded
from secd.certs import facts_of_untrusted
from secd.configuration import Server
from secd.errors import MalformedFile
from secd.trace import CAPFRetryScheduled, CAPFServerAsked, CAPFServerPassedOver, TraceEvent
from secd.trust import (
    Accept,
    Context,
    Installed,
    NeedsTVS,
    Refuse,
    Voucher,
    decide_peer,
)
from secd.trustlist import Function

ATTEMPTS = 3
PAUSE_SECONDS = 30.0


class State(Enum):
    """What the phone does next about its LSC."""

    READY = auto()
    ASK_CAPF = auto()
    ASK_TVS_ABOUT_CAPF = auto()
    WAIT = auto()
    ENDED = auto()


class Outcome(Enum):
    """What came of it."""

    SERVERS = auto()
    NO_SERVER = auto()
    SESSION_ENDED = auto()
    TRY_AGAIN = auto()
    TIME_OVER = auto()
    NEXT_SERVER = auto()
    TVS_NEEDED = auto()
    TVS_VOUCHED = auto()
    EXHAUSTED = auto()


_NEXT = {Outcome.NEXT_SERVER: State.ASK_CAPF, Outcome.EXHAUSTED: State.ENDED}

TRANSITIONS: Mapping[State, Mapping[Outcome, State]] = {
    State.READY: {Outcome.SERVERS: State.ASK_CAPF, Outcome.NO_SERVER: State.ENDED},
    State.ASK_CAPF: {
        **_NEXT,
        Outcome.SESSION_ENDED: State.ENDED,
        Outcome.TRY_AGAIN: State.WAIT,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_CAPF,
    },
    State.ASK_TVS_ABOUT_CAPF: {**_NEXT, Outcome.TVS_VOUCHED: State.ASK_CAPF},
    State.WAIT: {Outcome.TIME_OVER: State.ASK_CAPF},
    State.ENDED: {},
}

Output = Action | TraceEvent


@dataclass(frozen=True, slots=True)
class Application:
    """What the phone wants, and of whom.

    applicant -- None: By Existing Certificate, and the phone has none. servers -- of CAPF, in
    order. installed, vouchers, context -- what peers are judged by. tvs_servers -- those of the
    stored configuration. task -- the number that trace events carry.
    """

    applicant: Applicant | None
    servers: tuple[Server, ...]
    installed: Installed
    vouchers: tuple[Voucher, ...]
    context: Context
    tvs_servers: tuple[Server, ...]
    task: int


class EnrolMachine:
    """Applies once. Its results mean something once `state` is ENDED.

    ended -- how a session came out; None: there was none. untrusted -- then: every server was
    passed over for its certificate. voucher -- what TVS said about a server, to be remembered.
    """

    def __init__(self, application: Application, applicant: Applicant) -> None:
        self.state = State.READY
        self.ended: CAPFEnded | None = None
        self.untrusted = True
        self.voucher: Voucher | None = None
        self._application = application
        self._applicant = applicant
        self._left = list(application.servers)
        self._attempt = 0
        self._query: QueryMachine | None = None
        self._unknown = b""  # the certificate that TVS is asked about

    def begin(self) -> list[Output]:
        """Ask the first server."""
        if not self._left:
            self._move(Outcome.NO_SERVER)
            return []
        self._move(Outcome.SERVERS)
        return self._ask()

    def handle(self, event: Event) -> list[Output]:
        """Take what came of the last action. Raises RuntimeError for what does not belong here."""
        match event:
            case CAPFSessionEnded(ended) if ended.reason is None:
                return self._failed("CAPF is busy and says to come back later")
            case CAPFSessionEnded(ended):
                self._move(Outcome.SESSION_ENDED)
                self.ended = ended
                return []
            case CAPFServerFailed(text):
                return self._failed(text)
            case CAPFServerRefused(text):
                return self._pass_over(text)
            case CAPFServerUnknown(certificate):
                return self._ask_tvs(certificate)
            case TVSServerAnswered() if self._query is not None:
                return [*self._query.answered(event), *self._settle(self._query)]
            case TVSServerFailed() if self._query is not None:
                return [*self._query.failed(event), *self._settle(self._query)]
            case TimerFired():
                self._move(Outcome.TIME_OVER)
                return self._ask()
            case _:
                raise RuntimeError(f"{type(event).__name__} cannot happen in {self.state.name}")

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state is State.ENDED

    def judge(self, certificate: bytes) -> Accept | Refuse | NeedsTVS:
        """Judge the certificate that a CAPF server shows in its handshake (row T2)."""
        application = self._application
        fresh = () if self.voucher is None else (self.voucher,)
        return decide_peer(
            application.installed,
            certificate,
            Function.CAPF,
            application.context,
            (*fresh, *application.vouchers),
        )

    def _ask(self) -> list[Output]:
        server = self._left[0]
        self._attempt += 1
        return [
            CAPFServerAsked(server.address, server.port, self._attempt),
            StartCAPF(server.address, server.port, self._applicant, self._application.task),
        ]

    def _failed(self, text: str) -> list[Output]:
        self.untrusted = False
        if self._attempt == ATTEMPTS:
            return self._pass_over(text)
        server = self._left[0]
        self._move(Outcome.TRY_AGAIN)
        return [
            CAPFServerPassedOver(server.address, server.port, text),
            CAPFRetryScheduled(server.address, self._attempt, PAUSE_SECONDS),
            Wait(PAUSE_SECONDS),
        ]

    def _pass_over(self, text: str) -> list[Output]:
        server = self._left.pop(0)
        self._attempt = 0
        passed: list[Output] = [CAPFServerPassedOver(server.address, server.port, text)]
        if not self._left:
            self._move(Outcome.EXHAUSTED)
            return passed
        self._move(Outcome.NEXT_SERVER)
        return passed + self._ask()

    def _ask_tvs(self, certificate: bytes) -> list[Output]:
        self._move(Outcome.TVS_NEEDED)
        application = self._application
        try:
            facts = facts_of_untrusted(certificate)
        except MalformedFile as error:
            return [DropCAPF(application.task), *self._pass_over(error.check)]
        self._unknown = certificate
        self._query = query = QueryMachine(
            QueryTVS(
                facts.subject.encode(),
                facts.issuer.encode(),
                facts.serial,
                application.tvs_servers,
                application.task,
            )
        )
        return [*query.begin(), *self._settle(query)]

    def _settle(self, query: QueryMachine) -> list[Output]:
        """Go on once TVS has answered, or nobody has."""
        if query.result is None:
            return []
        self._query = None
        self.voucher = query.result
        verdict = self.judge(self._unknown)
        task = self._application.task
        if isinstance(verdict, Accept):
            self._move(Outcome.TVS_VOUCHED)
            return [ResumeCAPF(self._applicant, task)]
        text = f"its certificate is not trusted: {verdict.reason}"
        return [DropCAPF(task), *self._pass_over(text)]

    def _move(self, outcome: Outcome) -> None:
        following = TRANSITIONS[self.state].get(outcome)
        if following is None:
            raise RuntimeError(f"an application cannot meet {outcome.name} in {self.state.name}")
        self.state = following
