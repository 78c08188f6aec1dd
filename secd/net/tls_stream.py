"""One TLS session over any stream of octets: OpenSSL between two memory buffers, pumped by trio.

Rules that are kept here, once for every protocol:

* What OpenSSL wants to send is sent before an error is raised; else the alert never leaves.
* One task at a time: sending and receiving share one state.
* A write that was cut off (cancelled) may have lost half a record, so it ends the connection.
* No data passes in either direction while the session is provisional: TVS has yet to vouch for
  the peer's certificate.
* Deadlines are the caller's. Nothing is decided here; whoever calls has judged the certificate.

One call of `send_all` with at most 16,384 octets is one record and one write below.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Never, TypeVar

import trio
from OpenSSL import SSL, crypto

from secd.net.network import ByteStream
from secd.net.tls_errors import (
    Alert,
    CertificateRefused,
    HandshakeFailed,
    PeerBrokeOff,
    PeerClosed,
    SessionFailed,
    TLSError,
)
from secd.net.tls_steps import step_of
from secd.trace import TLSStep
from secd.trust import NeedsTVS, Refuse
from secd.trust.peers import PeerVerdict

_READ_BYTES: Final = 64 * 1024
_WHERE_LOOP: Final = SSL.SSL_CB_LOOP
_WHERE_ALERT: Final = SSL.SSL_CB_ALERT
_WHERE_READ: Final = SSL.SSL_CB_READ
_FATAL: Final = 2  # RFC 5246 section 7.2

Verify = Callable[[bytes], PeerVerdict]
OnAlert = Callable[[Alert], None]
Result = TypeVar("Result")


class TLSStream:
    """A TLS session; see the module for its rules. Made by `connect_tls` and `accept_tls`.

    connection -- with two memory buffers, its role set. stream -- what it travels over; the
    session owns it. on_alert -- called for each alert, in order.
    """

    def __init__(self, connection: SSL.Connection, stream: ByteStream, on_alert: OnAlert) -> None:
        self._connection = connection
        self._stream = stream
        self._on_alert = on_alert
        self._alerts: list[Alert] = []  # passed, but not told yet
        self._fatal: Alert | None = None
        self._step = TLSStep.OTHER
        self._verdict: PeerVerdict | None = None
        self._problem: BaseException | None = None  # raised by the caller's `verify`
        self._peer_certificate: bytes | None = None
        self._provisional: NeedsTVS | None = None
        self._established = False
        self._busy = False
        self._ended = False
        connection.set_info_callback(self._note)

    @property
    def peer_certificate(self) -> bytes | None:
        """The DER octets of the peer's certificate; None where it showed none."""
        return self._peer_certificate

    @property
    def provisional(self) -> NeedsTVS | None:
        """The decision that waits for a voucher; None once data may pass."""
        return self._provisional

    @property
    def version(self) -> str:
        """The protocol version of the session, such as `TLSv1.2`."""
        return self._connection.get_protocol_version_name()

    @property
    def cipher(self) -> str:
        """OpenSSL's name of the session's cipher; empty before there is one."""
        return self._connection.get_cipher_name() or ""

    def require_certificate_judged_by(self, verify: Verify) -> None:
        """Have the server's certificate judged inside the handshake; for clients.

        The verdict comes with OpenSSL's first complaint, and there always is one because no
        authority is trusted. So a refusal goes out as the alert that fits: 48 unknown_ca, or 42
        bad_certificate for a key below the profile's level of security. Other complaints,
        expiry among them, do not count.
        """

        def judge(connection: SSL.Connection, _: crypto.X509, __: int, ___: int, ____: int) -> bool:
            if self._problem is None and self._verdict is None:
                self._judge(connection, verify)
            return self._verdict is not None and not isinstance(self._verdict, Refuse)

        self._connection.set_verify(SSL.VERIFY_PEER, judge)

    def ask_for_certificate(self) -> None:
        """Ask the client for its certificate, take any, and do not insist; for servers."""

        def take(_: SSL.Connection, __: crypto.X509, ___: int, ____: int, _____: int) -> bool:
            return True

        self._connection.set_verify(SSL.VERIFY_PEER, take)

    def _judge(self, connection: SSL.Connection, verify: Verify) -> None:
        try:
            leaf, *_ = connection.get_peer_cert_chain() or []
            self._peer_certificate = crypto.dump_certificate(crypto.FILETYPE_ASN1, leaf)
            self._verdict = verify(self._peer_certificate)
        except BaseException as problem:  # noqa: BLE001 - raised again by `handshake`
            # It cannot pass through OpenSSL's C code, which would go on without a verdict.
            self._problem = problem

    def _note(self, connection: SSL.Connection, where: int, value: int) -> None:
        """Take OpenSSL's report of a step or an alert; it must not raise."""
        if where & (_WHERE_LOOP | _WHERE_ALERT) and not self._established:
            self._step = step_of(connection.get_state_string()) or self._step
        if where & _WHERE_ALERT:
            alert = Alert(value & 0xFF, bool(where & _WHERE_READ), value >> 8 == _FATAL)
            self._alerts.append(alert)
            if alert.fatal:
                self._fatal = alert

    async def handshake(self) -> None:
        """Agree on a session. Raises TLSError; whatever it raises, the session is of no use."""
        with self._alone():
            await self._pump(self._connection.do_handshake, self._raise_handshake_failed)
            self._established = True
            self._step = TLSStep.OTHER
            self._keep_peer_certificate()
            if isinstance(self._verdict, NeedsTVS):
                self._provisional = self._verdict

    def _keep_peer_certificate(self) -> None:
        certificate = self._connection.get_peer_certificate()
        if certificate is not None:
            self._peer_certificate = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)

    def _raise_handshake_failed(self) -> Never:
        if self._problem is not None:
            raise self._problem
        if isinstance(self._verdict, Refuse) and self._peer_certificate is not None:
            raise CertificateRefused(self._verdict, self._peer_certificate, self._fatal, self._step)
        raise HandshakeFailed("the TLS handshake failed", self._fatal, self._step)

    def confirm(self) -> None:
        """Let data pass: TVS has vouched for the peer. RuntimeError where nothing was open."""
        if self._provisional is None:
            raise RuntimeError("there is nothing to confirm")
        self._provisional = None

    async def send_all(self, octets: bytes, /) -> None:
        """Send octets, at most 16,384 in a record. Raises TLSError."""
        with self._alone():
            self._require_data_allowed()
            at = 0
            while at < len(octets):
                at += await self._pump(partial(self._connection.send, octets[at:]), self._fail)

    async def receive_some(self, max_bytes: int = _READ_BYTES, /) -> bytes:
        """Wait for octets of one record; none: the peer said goodbye. Raises TLSError."""
        with self._alone():
            self._require_data_allowed()
            try:
                return await self._pump(partial(self._connection.recv, max_bytes), self._fail)
            except PeerClosed:
                return b""

    def _fail(self) -> Never:
        raise SessionFailed("the TLS session failed", self._fatal)

    def _require_data_allowed(self) -> None:
        if self._provisional is not None or not self._established:
            raise RuntimeError("no data passes before the peer's certificate is judged")

    async def _pump(self, act: Callable[[], Result], fail: Callable[[], Never]) -> Result:
        """Let OpenSSL act until it has done so, and carry its records to and fro.

        The point of cancellation stands in front: what was received is never dropped behind it.
        """
        await trio.lowlevel.checkpoint()
        while True:
            try:
                result = act()
            except SSL.WantReadError:
                await self._flush()
                await self._feed()
            except SSL.Error as error:
                await self._flush_last_words()
                self._tell_alerts()
                if isinstance(error, SSL.ZeroReturnError):
                    raise PeerClosed("the peer closed the TLS session", step=self._step) from None
                self._ended = True
                fail()
            else:
                await self._flush()
                return result

    def _drain(self) -> bytes:
        octets = bytearray()
        try:
            while True:
                octets += self._connection.bio_read(_READ_BYTES)
        except SSL.WantReadError:
            return bytes(octets)

    async def _flush(self) -> None:
        self._tell_alerts()
        octets = self._drain()
        if not octets:
            return
        whole = False
        try:
            await self._stream.send_all(octets)
            whole = True
        except trio.BrokenResourceError:
            raise PeerBrokeOff("the connection was reset", step=self._step) from None
        finally:
            self._ended = self._ended or not whole

    async def _flush_last_words(self) -> None:
        """Send the alert that explains a failure; the failure counts, not whether it arrives."""
        octets = self._drain()
        if octets:
            try:
                await self._stream.send_all(octets)
            except trio.BrokenResourceError:
                self._ended = True

    async def _feed(self) -> None:
        try:
            octets = await self._stream.receive_some(_READ_BYTES)
        except trio.BrokenResourceError:
            self._ended = True
            raise PeerBrokeOff("the connection was reset", step=self._step) from None
        if not octets:
            self._ended = True
            raise PeerBrokeOff("the connection ended without a goodbye", step=self._step)
        self._connection.bio_write(octets)

    def _tell_alerts(self) -> None:
        alerts, self._alerts = self._alerts, []
        for alert in alerts:
            self._on_alert(alert)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._busy:
            raise trio.BusyResourceError("another task uses this TLS session")
        if self._ended:
            raise trio.ClosedResourceError("this TLS session has ended")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def aclose(self) -> None:
        """Say goodbye if the session is whole, and close. Forcefully when cancelled."""
        try:
            if self._established and not self._ended and not self._busy:
                await self._say_goodbye()
        finally:
            self._ended = True
            await self._stream.aclose()

    async def _say_goodbye(self) -> None:
        try:
            self._connection.shutdown()
            await self._flush()
        except (SSL.Error, TLSError):
            pass  # nobody is there to hear it
