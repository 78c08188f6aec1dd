"""The trace events of CAPF: how a phone gets, shows and loses its LSC.

No event carries an authentication string or a key.
"""

from dataclasses import dataclass

from secd.trace.events import TraceEvent
from secd.words import EnrolmentCause, EnrolmentOutcome


@dataclass(frozen=True, slots=True)
class EnrolmentStarted(TraceEvent):
    """The phone turns to CAPF.

    cause -- why. before_registration -- a phone in a secure mode does not register before.
    """

    cause: EnrolmentCause
    before_registration: bool


@dataclass(frozen=True, slots=True)
class EnrolmentEnded(TraceEvent):
    """The phone is done with CAPF. code -- the reason in END_SESSION, -1 where none came."""

    outcome: EnrolmentOutcome
    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class CAPFServerAsked(TraceEvent):
    """The phone is about to connect. server, port -- the logical address. attempt -- from 1."""

    server: str
    port: int
    attempt: int


@dataclass(frozen=True, slots=True)
class CAPFServerPassedOver(TraceEvent):
    """An attempt came to nothing. text -- why, for people."""

    server: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class CAPFRetryScheduled(TraceEvent):
    """The phone asks the same server again after a pause."""

    server: str
    attempt: int
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class CAPFNoValidServer(TraceEvent):
    """No CAPF server is configured whose certificate the phone trusts."""


@dataclass(frozen=True, slots=True)
class CAPFMessageReceived(TraceEvent):
    """A message came in. message -- its name or number. code -- its reason, -1 without one."""

    server: str
    message: str
    session_id: int
    size_bytes: int
    code: int


@dataclass(frozen=True, slots=True)
class CAPFMessageSent(TraceEvent):
    """A message went out; fields as of `CAPFMessageReceived`."""

    server: str
    message: str
    session_id: int
    size_bytes: int
    code: int


@dataclass(frozen=True, slots=True)
class CAPFKeyGenerationStarted(TraceEvent):
    """The phone makes a key. kind -- `RSA 2048` or `EC P-256`."""

    kind: str


@dataclass(frozen=True, slots=True)
class CAPFKeyGenerated(TraceEvent):
    """The key is made."""

    kind: str


@dataclass(frozen=True, slots=True)
class LSCInstalled(TraceEvent):
    """A new LSC took the place of the old one, if there was one.

    subject, issuer -- names. serial -- hexadecimal. kind -- of its key.
    """

    subject: str
    issuer: str
    serial: str
    kind: str
    renewed: bool


@dataclass(frozen=True, slots=True)
class LSCErased(TraceEvent):
    """The phone has no LSC any more."""
