"""The lab's TLS servers: handshakes, deadlines, and what ends a connection.

What is said over a session is up to the handler (TVS, CAPF, HTTPS). Decided here:

* A handshake has a deadline of its own, so that a silent client costs little; and a client that
  breaks its protocol costs its own connection only.
* The client's certificate is asked for where the server wants one, never insisted on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from firmware_sim.net.serving import serve_connections
from firmware_sim.net.tcp import TCPServerNetwork
from secd.errors import RemoteProtocolViolation, SecdError
from secd.models import TLSProfile, TLSVersion
from secd.net.network import Address, TCPStream
from secd.net.tls import accept_tls
from secd.net.tls_context import TLSIdentity, server_context
from secd.net.tls_errors import TLSError
from secd.net.tls_stream import TLSStream

# Ports 2445 and 3804 of CUCM (its table of ciphers); TVS of 10.5 was seen with AES256-SHA (213407).
_RSA_CIPHERS: Final = (
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
)
_ECDHE_CIPHERS: Final = (
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA256",
)
MODERN: Final = TLSProfile(TLSVersion.TLS_1_2, TLSVersion.TLS_1_2, (*_ECDHE_CIPHERS, *_RSA_CIPHERS))
# For a lab with phones that speak TLS 1.0 only, or certificates of 1024 bits.
LEGACY: Final = TLSProfile(
    TLSVersion.TLS_1_0, TLSVersion.TLS_1_2, MODERN.ciphers, tolerates_weak=True
)

Handler = Callable[[TLSStream, Address], Awaitable[None]]
OnFailure = Callable[[Address, SecdError], None]
OnAccepted = Callable[[Address], None]


@dataclass(frozen=True, slots=True)
class TLSServerSettings:
    """How a server behaves.

    profile -- what it speaks. identity -- what it shows, or who says so at each connection: a
    service that is restarted shows another one. ask_certificate -- of clients.
    handshake_seconds -- how long a handshake, and later the goodbye, may take.
    connection_limit -- how many connections there are at once; each needs a descriptor.
    """

    profile: TLSProfile
    identity: TLSIdentity | Callable[[], TLSIdentity]
    ask_certificate: bool = False
    handshake_seconds: float = 10.0
    connection_limit: int = 400

    def shown(self) -> TLSIdentity:
        """Return what a client that comes now is shown."""
        return self.identity if isinstance(self.identity, TLSIdentity) else self.identity()


class HandshakeTimedOut(SecdError):  # noqa: N818 - the name is the finding
    """A client did not end its handshake in time."""


def _ignore(_: Address, __: SecdError) -> None:
    """Nobody wants to know."""


def _ignore_connection(_: Address) -> None:
    """Nobody wants to know."""


async def serve_tls(
    network: TCPServerNetwork,
    address: Address,
    settings: TLSServerSettings,
    handler: Handler,
    on_failure: OnFailure = _ignore,
    on_accepted: OnAccepted = _ignore_connection,
    *,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `await nursery.start(serve_tls, …)` returns the address bound.

    handler -- gets each session with the peer's address; the session is closed after it. Its own
    deadlines are its own. TLSError and RemoteProtocolViolation out of it are the client's fault:
    they end the connection and go to on_failure, as failed handshakes do.
    on_accepted -- hears of each connection before its handshake.
    Raises UnusableInput when the server cannot listen, UnsupportedKey and MalformedFile when it
    cannot use its certificate.
    """
    server_context(settings.profile, settings.shown())  # a bad certificate shows here, not later

    async def serve(stream: TCPStream) -> None:
        on_accepted(stream.remote)
        await _Connection(stream, settings, handler, on_failure).run()

    await serve_connections(network, address, settings.connection_limit, serve, task_status)


@dataclass(frozen=True, slots=True)
class _Connection:
    stream: TCPStream
    settings: TLSServerSettings
    handler: Handler
    on_failure: OnFailure

    async def run(self) -> None:
        try:
            await self._serve()
        except (TLSError, RemoteProtocolViolation, HandshakeTimedOut) as failure:
            self.on_failure(self.stream.remote, failure)

    async def _serve(self) -> None:
        session = await self._handshake()
        try:
            await self.handler(session, self.stream.remote)
        finally:
            with trio.move_on_after(self.settings.handshake_seconds):
                await session.aclose()

    async def _handshake(self) -> TLSStream:
        settings = self.settings
        try:
            with trio.fail_after(settings.handshake_seconds):
                return await accept_tls(
                    self.stream, settings.profile, settings.shown(), settings.ask_certificate
                )
        except trio.TooSlowError:
            raise HandshakeTimedOut("the client did not end its handshake in time") from None
