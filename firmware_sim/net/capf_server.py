"""The lab's CAPF server: a task per connection, with deadlines for messages and for keys.

Who may have what is decided by the office (`firmware_sim.capf`), what is said by `secd.capf`. Each
message is one write, hence one record: phones stall on one in pieces (comment in capfd).

An operation counts as done once the phone has said so, and before it hears END_SESSION: where
that cannot be noted (a full disk), the phone is told that it failed. Where END_SESSION cannot be
sent, the operation is scheduled again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import trio

from firmware_sim.capf import CAPFDenied, CAPFRecord, text_of_operation
from firmware_sim.net.tcp import TCPServerNetwork
from firmware_sim.net.tls import TLSServerSettings, serve_tls
from firmware_sim.server_events import (
    CAPFCertificateGenerated,
    CAPFConnectionAccepted,
    CAPFConnectionFailed,
    CAPFEventReceived,
    CAPFHandshakeDone,
    CAPFMessage,
    CAPFMessageReceived,
    CAPFOperationDone,
    CAPFRefused,
    CAPFUpgradeSuccessful,
    ServerEvent,
)
from secd.capf import (
    CAPFServerSession,
    CertificateType,
    Claim,
    ClaimReceived,
    Deleted,
    Fetched,
    KeyKind,
    KeyReceived,
    KeyRefused,
    Message,
    MessageMet,
    MessageType,
    Operation,
    Reason,
    ServerOutput,
    ServerState,
    Stored,
)
from secd.errors import RemoteProtocolViolation, SecdError, UnsupportedKey, UnusableInput
from secd.net.network import Address
from secd.net.tls_errors import TLSError
from secd.text import text_of

# How long a phone may take for a whole message, and for a key: 12.8 s were seen on a 7961 (seed
# guide), and RSA 4096 takes an old phone minutes. The lengths are ours. REQ_IN_PROGRESS wins no
# time, or a client could stay for ever.
_MESSAGE_SECONDS: Final = 30.0
_KEY_SECONDS: Final = 600.0
_READ_BYTES: Final = 16 * 1024
_UNKNOWN: Final = "UNKNOWN"
_SESSIONS: Final = 1 << 32
# What the traces of CUCM call a message when it comes in; the others by their own names (?).
_EVENTS: Final = {MessageType.REQ_IN_PROGRESS: "REQUEST_IN_PROGRESS"}


class CAPFStream(Protocol):
    """What a session needs of a `TLSStream`. Both raise TLSError."""

    async def send_all(self, octets: bytes, /) -> None:
        """Send; octets of one call are one record."""
        ...

    async def receive_some(self, max_bytes: int, /) -> bytes:
        """Receive; nothing: the phone has said its goodbye."""
        ...


class CAPFSource(Protocol):
    """Whoever decides: the cluster's office, see `firmware_sim.capf.CAPFOffice`.

    All methods raise CAPFDenied, UnusableInput where nothing can be noted, UnsupportedKey.
    """

    def judge(self, claim: Claim, session_id: int) -> CAPFRecord:
        """Return what is to be done."""
        ...

    def certify(self, record: CAPFRecord, public_key: bytes, kind: KeyKind) -> bytes:
        """Return an LSC."""
        ...

    def installed(self, record: CAPFRecord, lsc: bytes) -> CAPFRecord:
        """Note it and return the record as it is now."""
        ...

    def deleted(self, record: CAPFRecord) -> CAPFRecord:
        """Note it and return the record as it is now."""
        ...

    def shown(self, record: CAPFRecord, certificates: dict[CertificateType, bytes]) -> CAPFRecord:
        """Note it and return the record as it is now."""
        ...

    def failed(self, record: CAPFRecord, why: str) -> None:
        """Note why an operation came to nothing."""
        ...

    def undo(self, before: CAPFRecord, done: CAPFRecord) -> None:
        """Take it back."""
        ...


async def serve_capf(
    network: TCPServerNetwork,
    address: Address,
    settings: TLSServerSettings,
    source: CAPFSource,
    on_event: Callable[[ServerEvent], None],
    *,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; raises what `serve_tls` raises."""
    server = CAPFServer(source, on_event)
    await serve_tls(
        network,
        address,
        settings,
        server.converse,
        server.failed,
        server.accepted,
        task_status=task_status,
    )


@dataclass(slots=True)
class CAPFServer:
    """What the server does with its connections; `serve_capf` brings them.

    connections -- how many there were. numbers -- of those in their handshakes.
    """

    source: CAPFSource
    on_event: Callable[[ServerEvent], None]
    connections: int = 0
    numbers: dict[Address, int] = field(default_factory=dict)

    def accepted(self, peer: Address) -> None:
        """Give a connection its number, which becomes its session id, and tell of it."""
        self.connections = self.connections % (_SESSIONS - 1) + 1
        self.numbers[peer] = self.connections
        self.on_event(CAPFConnectionAccepted(self.connections, *peer))

    async def converse(self, stream: CAPFStream, peer: Address) -> None:
        """Hold one session."""
        number = self.numbers.pop(peer)
        self.on_event(CAPFHandshakeDone(number, *peer))
        try:
            await _Conversation(self.source, self.on_event, stream, number, peer).run()
        except (TLSError, _Silent) as failure:
            self.on_event(CAPFConnectionFailed(number, *peer, str(failure)))

    def failed(self, peer: Address, failure: SecdError) -> None:
        """Tell of a handshake that came to nothing; of the goodbye, nobody wants to know."""
        number = self.numbers.pop(peer, None)
        if number is not None:
            self.on_event(CAPFConnectionFailed(number, *peer, str(failure)))


class _Silent(SecdError):  # noqa: N818 - the name is the finding
    """The phone went away, or kept the server waiting for too long."""


class _Conversation:
    """One session. The phone is UNKNOWN until it has said its name, as in CUCM's traces."""

    def __init__(
        self,
        source: CAPFSource,
        on_event: Callable[[ServerEvent], None],
        stream: CAPFStream,
        number: int,
        peer: Address,
    ) -> None:
        self._source = source
        self._on_event = on_event
        self._stream = stream
        self._session = CAPFServerSession(number)
        self._place = (number, *peer)
        self._name = _UNKNOWN
        self._record: CAPFRecord | None = None
        self._lsc = b""
        self._shown: dict[CertificateType, bytes] = {}
        self._asked = CertificateType.LSC

    async def run(self) -> None:
        """Speak until the session has ended. Raises TLSError and _Silent."""
        try:
            await self._run()
        except (RemoteProtocolViolation, CAPFDenied, UnusableInput, UnsupportedKey) as failure:
            reason = failure.reason if isinstance(failure, CAPFDenied) else Reason.INVALID
            self._on_event(CAPFRefused(*self._place, self._name, int(reason), str(failure)))
            self._note(failure)
            if self._session.state is not ServerState.ENDED:
                await self._send(self._session.end(reason))
        except (TLSError, _Silent) as failure:
            self._note(failure)
            raise

    def _note(self, failure: SecdError) -> None:
        """Note why the operation failed, if there was one."""
        if self._record is not None:
            with suppress(UnusableInput):  # a full disk is told of already
                self._source.failed(self._record, str(failure))

    async def _run(self) -> None:
        await self._send(self._session.start())
        deadline = self._deadline()
        while self._session.state is not ServerState.ENDED:
            octets = await self._receive(deadline)
            outputs = self._session.receive_octets(octets)
            state = self._session.state
            for output in outputs:
                await self._perform(output)
            if self._session.state is not state:
                deadline = self._deadline()

    def _deadline(self) -> float:
        makes_key = self._session.state is ServerState.AWAIT_KEY_GEN_RES
        return trio.current_time() + (_KEY_SECONDS if makes_key else _MESSAGE_SECONDS)

    async def _receive(self, deadline: float) -> bytes:
        with trio.move_on_at(deadline):
            octets = await self._stream.receive_some(_READ_BYTES)
            if not octets:
                raise _Silent(f"the phone went away in {self._session.state.value}")
            return octets
        raise _Silent(f"the phone was silent for too long in {self._session.state.value}")

    async def _send(self, message: Message) -> None:
        self._tell_message(message)
        with trio.move_on_after(_MESSAGE_SECONDS) as patience:
            await self._stream.send_all(message.encode())
        if patience.cancelled_caught:
            raise _Silent("the phone took no message for too long")

    async def _perform(self, output: ServerOutput) -> None:
        match output:
            case MessageMet(message, state):
                self._on_event(CAPFMessageReceived(*self._place, self._name))
                self._tell_message(message)
                event = _EVENTS.get(MessageType(message.kind), MessageType(message.kind).name)
                self._on_event(CAPFEventReceived(*self._place, self._name, event, state.value))
            case ClaimReceived(claim):
                self._name = text_of(claim.device_name)
                self._record = self._source.judge(claim, self._place[0])
                await self._begin(self._record)
            case KeyReceived(public_key, kind):
                self._lsc = self._source.certify(self._granted(), public_key, kind)
                self._on_event(CAPFCertificateGenerated(*self._place, self._name))
                await self._send(self._session.store(self._lsc))
            case KeyRefused(reason):
                raise CAPFDenied(f"the phone made no key (reason {reason})")
            case Stored(reason):
                _require_success(reason, "did not store the certificate")
                await self._end(self._source.installed(self._granted(), self._lsc), Reason.SUCCESS)
                self._on_event(CAPFUpgradeSuccessful(*self._place, self._name))
            case Deleted(reason):
                _require_success(reason, "did not delete its certificate")
                await self._end(self._source.deleted(self._granted()), Reason.SUCCESS)
                self._tell_done()
            case Fetched(reason, certificate):
                await self._fetched(reason, certificate)

    async def _begin(self, record: CAPFRecord) -> None:
        if record.operation is Operation.INSTALL:
            await self._send(self._session.install(record.key))
        elif record.operation is Operation.DELETE:
            await self._send(self._session.delete())
        else:
            await self._send(self._session.fetch())

    async def _fetched(self, reason: int | None, certificate: bytes | None) -> None:
        """Take a certificate, and ask for the MIC after the LSC.

        CUCM fetches both; how it asks for the second is not public, a certificate type is our
        guess (?). A phone that lacks one of them has been looked into all the same.
        """
        if reason == Reason.SUCCESS and certificate is not None:
            self._shown[self._asked] = certificate
        if self._asked is CertificateType.LSC:
            self._asked = CertificateType.MIC
            await self._send(self._session.fetch(self._asked))
            return
        await self._end(self._source.shown(self._granted(), self._shown), Reason.NO_ACTION)
        self._tell_done()

    async def _end(self, done: CAPFRecord, reason: Reason) -> None:
        try:
            await self._send(self._session.end(reason))
        except (TLSError, _Silent):
            self._source.undo(self._granted(), done)
            raise

    def _granted(self) -> CAPFRecord:
        if self._record is None:
            raise RuntimeError("nothing is done before the claim was judged")
        return self._record

    def _tell_message(self, message: Message) -> None:
        self._on_event(CAPFMessage(*self._place, self._name, MessageType(message.kind).name))

    def _tell_done(self) -> None:
        operation = text_of_operation(self._granted().operation)
        self._on_event(CAPFOperationDone(*self._place, self._name, operation))


def _require_success(reason: int | None, text: str) -> None:
    if reason != Reason.SUCCESS:
        raise CAPFDenied(f"the phone {text} (reason {reason})")
