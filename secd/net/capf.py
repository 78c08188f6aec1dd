"""One connection of a phone to a CAPF server, over TLS.

Nothing is decided here: the server's certificate is judged by the `verify` of the caller (row T2),
what to say by `secd.capf`, and what becomes of the outcome by the boot.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from secd.capf import (
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    ClientOutput,
    GenerateKey,
    Identity,
    Message,
    MessageTaken,
    SendOctets,
    StageLSC,
    Tag,
)
from secd.capf.listing import message_name
from secd.errors import FlashUnusable, RemoteProtocolViolation, UnsupportedKey
from secd.models import TLSProfile
from secd.net.keys import KeySource
from secd.net.network import AddressBook, Network, Unreachable
from secd.net.tls import TLSTarget, open_tls
from secd.net.tls_errors import CertificateRefused, TLSError
from secd.net.tls_stream import TLSStream, Verify
from secd.trace import (
    CAPFKeyGenerated,
    CAPFKeyGenerationStarted,
    CAPFMessageReceived,
    CAPFMessageSent,
    TLSClosed,
    TLSPurpose,
    TraceEvent,
)

# How long a phone waits for the next message: Jabber4Linux waits 8 s; of phones no source says.
_PATIENCE_SECONDS: Final = 30.0
_READ_BYTES: Final = 16 * 1024

Report = Callable[[TraceEvent], None]
OnMessage = Callable[[Message, bool], None]


class CAPFFailed(Exception):  # noqa: N818 - the name is the finding
    """A connection came to nothing; the message says why, for people."""


class CAPFUntrusted(CAPFFailed):
    """The phone does not trust the server's certificate."""


class CAPFNeedsTVS(CAPFFailed):
    """Only TVS can vouch for the server's certificate, so nothing was said to it."""

    def __init__(self) -> None:
        super().__init__("TVS has yet to vouch for the server's certificate")


@dataclass(frozen=True, slots=True)
class CAPFConnection:
    """A TLS session with a server; see `CAPFClient.connect`."""

    target: TLSTarget
    stream: TLSStream

    @property
    def unvouched(self) -> bytes | None:
        """The server's certificate (DER) where TVS has yet to vouch for it, else None."""
        return None if self.stream.provisional is None else self.stream.peer_certificate


class LSCPlace(Protocol):
    """Where a phone keeps its LSC. Both raise FlashUnusable."""

    def stage(self, identity: Identity) -> None:
        """Put a new LSC beside the old one, durably."""

    def discard(self) -> None:
        """Remove an LSC that was staged; there may be none."""


@contextmanager
def _failures() -> Iterator[None]:
    """Turn whatever ends a connection into CAPFFailed."""
    try:
        yield
    except trio.TooSlowError:
        raise CAPFFailed(f"no message within {_PATIENCE_SECONDS:.0f} s") from None
    except Unreachable as error:
        raise CAPFFailed(error.reason) from None
    except CertificateRefused as error:
        raise CAPFUntrusted(str(error)) from None
    except (TLSError, RemoteProtocolViolation, UnsupportedKey) as error:
        raise CAPFFailed(str(error)) from None


def _ignore(_: Message, __: bool) -> None:
    """Nobody wants to see the messages."""


@dataclass(frozen=True, slots=True)
class CAPFClient:
    """How a phone talks to CAPF.

    verify -- judges the server. keys -- where new keys come from. place -- where a new LSC lies
    beside the old one until the session is over. on_message -- sees each message, and whether the
    phone sent it, before it goes out or after it came in.
    """

    network: Network
    book: AddressBook
    profile: TLSProfile
    verify: Verify
    keys: KeySource
    place: LSCPlace
    report: Report
    on_message: OnMessage = _ignore

    async def converse(self, host: str, port: int, applicant: Applicant) -> CAPFEnded:
        """Hold one session with a server, by its logical address.

        An LSC that is to be installed is staged then; any other that was staged is gone again.
        Raises CAPFFailed when it does not come to END_SESSION: the phone is then as it was.
        CAPFNeedsTVS is raised where only TVS can vouch for the server; see `connect`.
        """
        connection = await self.connect(host, port)
        if connection.unvouched is not None:
            await self.close(connection)
            raise CAPFNeedsTVS
        return await self.talk(connection, applicant)

    async def connect(self, host: str, port: int) -> "CAPFConnection":
        """Connect to a server, to which nothing is said yet.

        What an earlier session has left staged is gone. The connection belongs to the caller: it
        ends with `talk` or `close`. Raises CAPFFailed.
        """
        self.place.discard()
        target = TLSTarget(TLSPurpose.CAPF, host, port)
        with _failures(), trio.fail_after(_PATIENCE_SECONDS):
            stream = await open_tls(
                self.network, self.book, target, self.profile, self.verify, None, self.report
            )
        return CAPFConnection(target, stream)

    async def talk(self, connection: "CAPFConnection", applicant: Applicant) -> CAPFEnded:
        """Hold the session and close the connection; see `converse`.

        That TVS vouches for the server, where it had to, is for the caller to know.
        """
        staged = False
        try:
            with _failures():
                if connection.unvouched is not None:
                    connection.stream.confirm()
                ended = await self._talk(connection.stream, connection.target.host, applicant)
            staged = ended.install is not None
            return ended
        finally:
            await self.close(connection)
            if not staged:
                self.place.discard()

    async def close(self, connection: "CAPFConnection") -> None:
        """Close a connection, whoever is in a hurry."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await connection.stream.aclose()
        target = connection.target
        numbers = (target.purpose, target.host, target.port, target.connection, target.socket)
        self.report(TLSClosed(*numbers))

    async def _talk(self, stream: TLSStream, host: str, applicant: Applicant) -> CAPFEnded:
        session = CAPFClientSession(applicant)
        while session.ended is None:
            with trio.fail_after(_PATIENCE_SECONDS):
                octets = await stream.receive_some(_READ_BYTES)
            if not octets:
                session.receive_eof()
            outputs = session.receive_octets(octets)
            while outputs:
                outputs += await self._perform(stream, host, session, outputs.pop(0))
        return session.ended

    async def _perform(
        self, stream: TLSStream, host: str, session: CAPFClientSession, output: ClientOutput
    ) -> list[ClientOutput]:
        match output:
            case MessageTaken(message):
                self.report(CAPFMessageReceived(host, *_facts(message)))
                self.on_message(message, False)
            case SendOctets(message):
                self.on_message(message, True)
                with trio.fail_after(_PATIENCE_SECONDS):
                    await stream.send_all(output.octets)
                self.report(CAPFMessageSent(host, *_facts(message)))
            case GenerateKey(kind):
                self.report(CAPFKeyGenerationStarted(str(kind)))
                key = await self.keys.make(kind)
                self.report(CAPFKeyGenerated(str(kind)))
                return session.key_made(key)
            case StageLSC(lsc):
                return session.staged(self._stage(lsc))
            case _:
                pass  # CAPFEnded, which ends `_talk`
        return []

    def _stage(self, lsc: Identity) -> str:
        try:
            self.place.stage(lsc)
        except FlashUnusable as error:
            return str(error)
        return ""


def _facts(message: Message) -> tuple[str, int, int, int]:
    """Return name, session, octets and reason of a message, as trace events have them."""
    reason = message.number(Tag.REASON)
    octets = len(message.encode())
    name = message_name(message.kind)
    return name, message.session_id, octets, -1 if reason is None else reason
