"""The trace events of TCP and TLS connections.

Alerts and steps are numbers and enums; their names, and the old library's wording of them, are
data of `statusmsgs`.
"""

from dataclasses import dataclass
from enum import StrEnum

from secd.trace.events import TraceEvent
from secd.words import CertificateKind


class TLSPurpose(StrEnum):
    """What the phone wants of the server."""

    TVS = "tvs"
    CAPF = "capf"
    CCM = "ccm"  # registration
    HTTPS = "https"


class TLSStep(StrEnum):
    """Where a handshake stands: the message that is waited for or read (RFC 5246 section 7.3).

    OTHER: a step of another role or protocol version.
    """

    SERVER_HELLO = "server_hello"
    SERVER_CERTIFICATE = "server_certificate"
    SERVER_KEY_EXCHANGE = "server_key_exchange"
    SERVER_HELLO_DONE = "server_hello_done"
    FINISHED = "finished"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TLSEvent(TraceEvent):
    """The root of what happens on one connection.

    peer, port -- the logical address; of TVS the one that its name stands for.
    connection, socket -- the phone's numbers for the connection and its socket.
    """

    purpose: TLSPurpose
    peer: str
    port: int
    connection: int
    socket: int


@dataclass(frozen=True, slots=True)
class TLSConnecting(TLSEvent):
    """The phone set out to connect. ipv6 -- the peer's address is one of IPv6."""

    ipv6: bool


@dataclass(frozen=True, slots=True)
class TLSConnectFailed(TLSEvent):
    """Nobody could be reached. text -- how the network knew."""

    text: str


@dataclass(frozen=True, slots=True)
class TLSConnected(TLSEvent):
    """The TCP connection stands. ipv6 -- the peer's address is one of IPv6."""

    ipv6: bool


@dataclass(frozen=True, slots=True)
class TLSCertificateChosen(TLSEvent):
    """The phone took out the certificate that it shows to a server that asks for one.

    size_bytes -- of the certificate's DER. key_size_bytes -- of its private key: PKCS #1, or SEC 1
    for an EC key. subject, issuer -- as OpenSSL prints a name on one line.
    """

    kind: CertificateKind
    size_bytes: int
    subject: str
    issuer: str
    key_size_bytes: int


@dataclass(frozen=True, slots=True)
class TLSHandshakeStarted(TLSEvent):
    """The phone is about to send its ClientHello."""


@dataclass(frozen=True, slots=True)
class TLSPeerRefused(TLSEvent):
    """A decision refused the peer's certificate. reason -- of it. detail -- which check."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TLSAlert(TLSEvent):
    """An alert passed. read -- from the peer. number -- RFC 8446 section 6; 0 is close_notify."""

    read: bool
    fatal: bool
    number: int


@dataclass(frozen=True, slots=True)
class TLSHandshakeFailed(TLSEvent):
    """The handshake came to nothing.

    number -- of the fatal alert; -1 where none passed. read -- that alert came from the peer.
    """

    step: TLSStep
    number: int
    read: bool


@dataclass(frozen=True, slots=True)
class TLSHandshakeDone(TLSEvent):
    """The session stands.

    version -- `TLSv1`, `TLSv1.2`. cipher -- OpenSSL's name.
    provisional -- TVS has still to vouch for the peer's certificate; no data passes until then.
    """

    version: str
    cipher: str
    provisional: bool


@dataclass(frozen=True, slots=True)
class TLSClosed(TLSEvent):
    """The phone closed the connection, its business done."""
