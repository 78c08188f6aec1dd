"""TLS as phones and servers open it: over a stream that is there, or from an address on.

What a certificate is worth is decided by the caller's `verify` (made of `decide_peer`); what
happens is told as trace events in the order in which it happens. Neither deadlines nor retries
are decided here: `trio.fail_after` around a call closes what was opened.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace

import trio
from OpenSSL import SSL

from secd.models import TLSProfile
from secd.net.network import AddressBook, ByteStream, Network, Unreachable, is_numeric
from secd.net.own_certificate import OwnCertificate
from secd.net.tls_context import TLSIdentity, client_context, server_context
from secd.net.tls_errors import Alert, TLSError
from secd.net.tls_stream import OnAlert, TLSStream, Verify
from secd.trace import (
    TLSAlert,
    TLSConnected,
    TLSConnectFailed,
    TLSConnecting,
    TLSHandshakeDone,
    TLSHandshakeFailed,
    TLSHandshakeStarted,
    TLSPeerRefused,
    TLSPurpose,
    TraceEvent,
)
from secd.trust import Refuse
from secd.trust.peers import PeerVerdict

Report = Callable[[TraceEvent], None]


@dataclass(frozen=True, slots=True)
class TLSTarget:
    """A server that the phone wants something of.

    host, port -- the logical address. connection, socket -- the phone's own numbers, for its log.
    """

    purpose: TLSPurpose
    host: str
    port: int
    connection: int = 1
    socket: int = 1


def _ignore(_: Alert) -> None:
    """Nobody wants to know."""


async def connect_tls(
    stream: ByteStream,
    profile: TLSProfile,
    verify: Verify,
    identity: TLSIdentity | None = None,
    on_alert: OnAlert = _ignore,
) -> TLSStream:
    """Become a TLS client on a connected stream, which from now on belongs to the session.

    verify -- judges the DER octets of the server's certificate, inside the handshake. On NeedsTVS
    the session is provisional: no data passes until `confirm`. Raises TLSError, above all
    CertificateRefused with the decision; then, and when cancelled, the stream is closed. Raises
    what `client_context` raises, and what `verify` raises.
    """
    try:
        connection = SSL.Connection(client_context(profile, identity), None)
        connection.set_connect_state()
        session = TLSStream(connection, stream, on_alert)
        session.require_certificate_judged_by(verify)
        await session.handshake()
    except BaseException:  # cancellation too: nobody else will close it
        await _close_at_once(stream)
        raise
    return session


async def accept_tls(
    stream: ByteStream,
    profile: TLSProfile,
    identity: TLSIdentity,
    ask_certificate: bool,
    on_alert: OnAlert = _ignore,
) -> TLSStream:
    """Become a TLS server on an accepted stream, which from now on belongs to the session.

    ask_certificate -- ask the client for one: any is taken, none is too; see
    `TLSStream.peer_certificate`. Raises TLSError; then, and when cancelled, the stream is closed.
    """
    try:
        connection = SSL.Connection(server_context(profile, identity), None)
        connection.set_accept_state()
        session = TLSStream(connection, stream, on_alert)
        if ask_certificate:
            session.ask_for_certificate()
        await session.handshake()
    except BaseException:  # cancellation too: nobody else will close it
        await _close_at_once(stream)
        raise
    return session


async def _close_at_once(stream: ByteStream) -> None:
    with trio.CancelScope() as at_once:
        at_once.cancel()
        await stream.aclose()


async def open_tls(
    network: Network,
    book: AddressBook,
    target: TLSTarget,
    profile: TLSProfile,
    verify: Verify,
    own: OwnCertificate | None,
    report: Report,
) -> TLSStream:
    """Connect to a logical address by TCP and TLS, and tell it to `report`.

    own -- what the phone shows to a server that asks for a certificate. Raises Unreachable and
    OSError as `Network.open_tcp`, and what `connect_tls` raises.
    """
    return await _Opening(target, report).run(network, book, profile, verify, own)


async def resolve_target(network: Network, book: AddressBook, target: TLSTarget) -> TLSTarget:
    """Return the target under its logical address, as a phone's log prints it (118699, 213407).

    A name that the book leads somewhere, without an address that leads there too, stays. Raises
    Unreachable when a name cannot be resolved.
    """
    host, port = target.host, target.port
    if is_numeric(host):
        return target
    if book.actual(host, port) == (host, port):
        address, _ = await network.resolve((host, port))
    else:
        address = book.address_of(host, port) or host
    return replace(target, host=address)


class _Opening:
    """One attempt, with the numbers that all its events carry."""

    def __init__(self, target: TLSTarget, report: Report) -> None:
        self._target = target
        self._numbers = (
            target.purpose,
            target.host,
            target.port,
            target.connection,
            target.socket,
        )
        self._report = report

    async def run(
        self,
        network: Network,
        book: AddressBook,
        profile: TLSProfile,
        verify: Verify,
        own: OwnCertificate | None,
    ) -> TLSStream:
        stream = await self._connect(network, book)
        self._report(TLSConnected(*self._numbers, _is_ipv6(self._target.host)))
        if own is not None:
            self._report(own.chosen(*self._numbers))
        self._report(TLSHandshakeStarted(*self._numbers))
        identity = None if own is None else own.identity
        try:
            session = await connect_tls(
                stream, profile, self._telling(verify), identity, self._tell_alert
            )
        except TLSError as error:
            self._tell_failure(error)
            raise
        waits = session.provisional is not None
        self._report(TLSHandshakeDone(*self._numbers, session.version, session.cipher, waits))
        return session

    async def _connect(self, network: Network, book: AddressBook) -> ByteStream:
        self._report(TLSConnecting(*self._numbers, _is_ipv6(self._target.host)))
        try:
            return await network.open_tcp(book.actual(self._target.host, self._target.port))
        except Unreachable as error:
            self._report(TLSConnectFailed(*self._numbers, error.reason))
            raise

    def _tell_alert(self, alert: Alert) -> None:
        self._report(TLSAlert(*self._numbers, alert.read, alert.fatal, alert.number))

    def _telling(self, verify: Verify) -> Verify:
        def judge(certificate: bytes) -> PeerVerdict:
            verdict = verify(certificate)
            if isinstance(verdict, Refuse):
                reason, detail = str(verdict.reason), verdict.evidence.detail
                self._report(TLSPeerRefused(*self._numbers, reason, detail))
            return verdict

        return judge

    def _tell_failure(self, error: TLSError) -> None:
        alert = error.alert
        number, read = (-1, False) if alert is None else (alert.number, alert.read)
        self._report(TLSHandshakeFailed(*self._numbers, error.step, number, read))


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False  # a name
