"""Both ends of a conversation with a CTL Provider, without I/O: octets in, values out.

A client asks, a provider answers, one at a time. What is answered is decided elsewhere
(`firmware_sim.administration.provider`), who may log in likewise (`gate`). Decided here: what may
be asked when. After three wrong logins, after any other refusal and after the commit the
conversation is over.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from firmware_sim.ctl_provider.codec import (
    decode_answer_untrusted,
    decode_request_untrusted,
    encode_message,
)
from firmware_sim.ctl_provider.messages import (
    Answer,
    Certificates,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    ModeNoted,
    RefusalReason,
    Refused,
    Request,
    SaveCTL,
    SetMode,
)
from firmware_sim.ctl_provider.wire import FrameBuffer
from secd.errors import RemoteProtocolViolation

LOGIN_LIMIT: Final = 3  # wrong ones on one connection


class ServerState(Enum):
    """What the provider does next."""

    AWAIT_LOGIN = auto()
    READY = auto()
    STAGED = auto()
    ENDED = auto()


class ServerStep(Enum):
    """What happened to the provider."""

    LOGGED_IN = auto()
    LOGIN_REFUSED = auto()
    TOLD = auto()
    STAGED = auto()
    ENDED = auto()  # refused, committed, one wrong login too many, or a violation


SERVER_TRANSITIONS: Mapping[ServerState, Mapping[ServerStep, ServerState]] = {
    ServerState.AWAIT_LOGIN: {
        ServerStep.LOGGED_IN: ServerState.READY,
        ServerStep.LOGIN_REFUSED: ServerState.AWAIT_LOGIN,
        ServerStep.ENDED: ServerState.ENDED,
    },
    ServerState.READY: {
        ServerStep.TOLD: ServerState.READY,
        ServerStep.STAGED: ServerState.STAGED,
        ServerStep.ENDED: ServerState.ENDED,
    },
    ServerState.STAGED: {ServerStep.ENDED: ServerState.ENDED},
    ServerState.ENDED: {},
}

_MAY_BE_ASKED: Final[Mapping[ServerState, tuple[type[Request], ...]]] = {
    ServerState.AWAIT_LOGIN: (Login,),
    ServerState.READY: (GetCertificates, GetCTL, SetMode, SaveCTL),
    ServerState.STAGED: (Commit,),
    ServerState.ENDED: (),
}
_ANSWERS: Final[Mapping[type[Request], type[Answer]]] = {
    Login: LoggedIn,
    GetCertificates: Certificates,
    GetCTL: HeldCTL,
    SetMode: ModeNoted,
    SaveCTL: CTLStaged,
    Commit: Committed,
}


class ProviderSession:
    """The provider's end."""

    def __init__(self) -> None:
        self.state = ServerState.AWAIT_LOGIN
        self._buffer = FrameBuffer()
        self._request: Request | None = None
        self._wrong_logins = 0

    def receive_octets(self, octets: bytes) -> Request | None:
        """Take octets; the request that they complete, to be answered before anything else.

        Raises RemoteProtocolViolation for what may not be asked now; the conversation is over.
        RuntimeError when it was over, or the last request has no answer.
        """
        if self._request is not None or self.state is ServerState.ENDED:
            raise RuntimeError("a provider takes no octets now")
        try:
            self._request = self._receive(octets)
        except RemoteProtocolViolation:
            self._move(ServerStep.ENDED)
            raise
        return self._request

    def _receive(self, octets: bytes) -> Request | None:
        frame = self._buffer.feed(octets)
        if frame is None:
            return None
        request = decode_request_untrusted(frame)
        if not isinstance(request, _MAY_BE_ASKED[self.state]):
            name = type(request).__name__
            raise RemoteProtocolViolation(f"{name} may not be asked in {self.state.name}")
        return request

    def answer(self, answer: Answer) -> bytes:
        """Return the octets of the answer to the last request. RuntimeError for one of another."""
        request, self._request = self._request, None
        if request is None or not isinstance(answer, (_ANSWERS[type(request)], Refused)):
            raise RuntimeError(f"{type(answer).__name__} is no answer to {request!r}")
        self._move(self._step_of(answer))
        return encode_message(answer)

    def _step_of(self, answer: Answer) -> ServerStep:
        match answer:
            case LoggedIn():
                return ServerStep.LOGGED_IN
            case CTLStaged():
                return ServerStep.STAGED
            case Refused(RefusalReason.WRONG_LOGIN):
                self._wrong_logins += 1
                last = self._wrong_logins == LOGIN_LIMIT
                return ServerStep.ENDED if last else ServerStep.LOGIN_REFUSED
            case Refused() | Committed():
                return ServerStep.ENDED
            case _:
                return ServerStep.TOLD

    def _move(self, step: ServerStep) -> None:
        following = SERVER_TRANSITIONS[self.state].get(step)
        if following is None:
            raise RuntimeError(f"a provider cannot meet {step.name} in {self.state.name}")
        self.state = following


class ClientState(Enum):
    """What the client does next."""

    ASK = auto()
    AWAIT_ANSWER = auto()
    ENDED = auto()


class ClientStep(Enum):
    """What happened to the client."""

    ASKED = auto()
    ANSWERED = auto()
    ENDED = auto()  # refused (other than a login), committed, or a violation


CLIENT_TRANSITIONS: Mapping[ClientState, Mapping[ClientStep, ClientState]] = {
    ClientState.ASK: {ClientStep.ASKED: ClientState.AWAIT_ANSWER},
    ClientState.AWAIT_ANSWER: {
        ClientStep.ANSWERED: ClientState.ASK,
        ClientStep.ENDED: ClientState.ENDED,
    },
    ClientState.ENDED: {},
}


class ClientSession:
    """The client's end. In which order it asks is up to the caller."""

    def __init__(self) -> None:
        self.state = ClientState.ASK
        self._buffer = FrameBuffer()
        self._request: Request | None = None

    def ask(self, request: Request) -> bytes:
        """Return the octets of a request. RuntimeError while another waits for its answer."""
        self._move(ClientStep.ASKED)
        self._request = request
        return encode_message(request)

    def receive_octets(self, octets: bytes) -> Answer | None:
        """Take octets; the answer that they complete.

        Raises RemoteProtocolViolation for what is no answer to the request; the conversation is
        over then. RuntimeError where nothing was asked.
        """
        if self._request is None:
            raise RuntimeError("a client takes no octets before it has asked")
        try:
            answer = self._receive(octets, self._request)
        except RemoteProtocolViolation:
            self._end()
            raise
        if answer is None:
            return None
        wrong_login = isinstance(answer, Refused) and answer.reason is RefusalReason.WRONG_LOGIN
        if isinstance(answer, Committed) or (isinstance(answer, Refused) and not wrong_login):
            self._end()
        else:
            self._move(ClientStep.ANSWERED)
            self._request = None
        return answer

    def _receive(self, octets: bytes, request: Request) -> Answer | None:
        frame = self._buffer.feed(octets)
        if frame is None:
            return None
        answer = decode_answer_untrusted(frame)
        if not isinstance(answer, (_ANSWERS[type(request)], Refused)):
            raise RemoteProtocolViolation(
                f"{type(request).__name__} was answered with {type(answer).__name__}"
            )
        return answer

    def _end(self) -> None:
        self._move(ClientStep.ENDED)
        self._request = None

    def _move(self, step: ClientStep) -> None:
        following = CLIENT_TRANSITIONS[self.state].get(step)
        if following is None:
            raise RuntimeError(f"a client cannot meet {step.name} in {self.state.name}")
        self.state = following
