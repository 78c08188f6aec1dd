"""The CTL Provider's side of TCP 2444: a task per connection, with deadlines.

Who may log in and what is answered is decided by `firmware_sim.administration.provider`, what is
said by `firmware_sim.ctl_provider`. A wrong login is answered late. A password is checked in
this task, some 50 ms for which the lab stands still; the source grants few of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from firmware_sim.cluster import Credential
from firmware_sim.ctl_provider.messages import (
    Answer,
    Committed,
    CTLStaged,
    LoggedIn,
    Login,
    RefusalReason,
    Refused,
    Request,
)
from firmware_sim.ctl_provider.session import ProviderSession, ServerState
from firmware_sim.net.tcp import TCPServerNetwork
from firmware_sim.net.tls import MODERN, TLSServerSettings, serve_tls
from firmware_sim.server_events import (
    CTLProviderCommitted,
    CTLProviderConnectionAccepted,
    CTLProviderConnectionFailed,
    CTLProviderLoggedIn,
    CTLProviderRefused,
    CTLProviderRequested,
    CTLProviderStaged,
    ServerEvent,
)
from secd.errors import RemoteProtocolViolation, SecdError
from secd.models import TLSProfile
from secd.net.network import Address
from secd.net.tls_errors import TLSError
from secd.net.tls_stream import TLSStream
from secd.text import text_of

# CUCM offers RSA key exchange only on 2444 (its table of ciphers). What passes here is a password,
# so ECDHE comes first; certificates of older clusters have 1024 bits.
PROVIDER_PROFILE: Final = TLSProfile(
    MODERN.lowest, MODERN.highest, MODERN.ciphers, tolerates_weak=True
)
CONNECTION_LIMIT: Final = 16
_MESSAGE_SECONDS: Final = 30.0
_COMMIT_SECONDS: Final = 60.0  # the client stages on every other node in the meantime
_WRONG_LOGIN_SECONDS: Final = 2.0
_READ_BYTES: Final = 16 * 1024


class ProviderVisit(Protocol):
    """One conversation after its login; see `firmware_sim.administration.provider.Visit`."""

    def answer(self, request: Request) -> Answer:
        """Return the answer."""
        ...

    def close(self) -> None:
        """End the conversation; what was not committed is dropped."""
        ...


class ProviderSource(Protocol):
    """Who answers for a node."""

    def log_in(self, address: str, login: Login) -> LoggedIn | Refused:
        """Judge a login from an address."""
        ...

    def visit(self) -> ProviderVisit:
        """Begin a conversation."""
        ...

    def identity(self) -> Credential:
        """Return what it shows."""
        ...


async def serve_ctl_provider(
    network: TCPServerNetwork,
    address: Address,
    settings: TLSServerSettings,
    source: ProviderSource,
    on_event: Callable[[ServerEvent], None],
    *,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; raises what `serve_tls` raises."""
    server = _Server(source, on_event)
    await serve_tls(
        network, address, settings, server.converse, server.failed, task_status=task_status
    )


class _Silent(SecdError):  # noqa: N818 - the name is the finding
    """The client went away, or kept the server waiting for too long."""


@dataclass(slots=True)
class _Server:
    source: ProviderSource
    on_event: Callable[[ServerEvent], None]
    connections: int = 0

    async def converse(self, stream: TLSStream, peer: Address) -> None:
        """Hold one conversation, and tell how it ended where it ended badly."""
        number = self._next_number()
        self.on_event(CTLProviderConnectionAccepted(number, *peer))
        visit = self.source.visit()
        try:
            await _Conversation(self, visit, stream, number, peer).run()
        except (TLSError, RemoteProtocolViolation, _Silent) as failure:
            self.on_event(CTLProviderConnectionFailed(number, *peer, str(failure)))
        finally:
            visit.close()

    def failed(self, peer: Address, failure: SecdError) -> None:
        """Tell of a handshake that came to nothing; it counts as a connection too."""
        self.on_event(CTLProviderConnectionFailed(self._next_number(), *peer, str(failure)))

    def _next_number(self) -> int:
        self.connections += 1
        return self.connections


class _Conversation:
    """One conversation."""

    def __init__(
        self, server: _Server, visit: ProviderVisit, stream: TLSStream, number: int, peer: Address
    ) -> None:
        self._source = server.source
        self._on_event = server.on_event
        self._visit = visit
        self._stream = stream
        self._place = (number, *peer)
        self._session = ProviderSession()

    async def run(self) -> None:
        """Answer until the conversation is over. Raises TLSError, RemoteProtocolViolation."""
        while self._session.state is not ServerState.ENDED:
            request = await self._next_request()
            if request is None:
                return
            answer = await self._answer(request)
            with trio.move_on_after(_MESSAGE_SECONDS) as patience:
                await self._stream.send_all(self._session.answer(answer))
            if patience.cancelled_caught:
                raise _Silent("the client took no answer for too long")

    async def _next_request(self) -> Request | None:
        staged = self._session.state is ServerState.STAGED
        with trio.move_on_after(_COMMIT_SECONDS if staged else _MESSAGE_SECONDS):
            request = None
            while request is None:
                octets = await self._stream.receive_some(_READ_BYTES)
                if not octets:
                    if staged:
                        raise _Silent("the client went away before the commit")
                    return None
                request = self._session.receive_octets(octets)
            return request
        raise _Silent(f"the client was silent for too long in {self._session.state.name}")

    async def _answer(self, request: Request) -> Answer:
        name = type(request).__name__
        if isinstance(request, Login):
            answer: Answer = self._source.log_in(self._place[1], request)
        else:
            self._on_event(CTLProviderRequested(*self._place, name))
            answer = self._visit.answer(request)
        match answer:
            case LoggedIn() if isinstance(request, Login):
                self._on_event(CTLProviderLoggedIn(*self._place, text_of(request.user.encode())))
            case CTLStaged():
                self._on_event(CTLProviderStaged(*self._place))
            case Committed():
                self._on_event(CTLProviderCommitted(*self._place))
            case Refused(reason, text):
                self._on_event(CTLProviderRefused(*self._place, name, text))
                if reason is RefusalReason.WRONG_LOGIN:
                    await trio.sleep(_WRONG_LOGIN_SECONDS)
            case _:
                pass
        return answer
