"""The trace events of asking TVS about the signer of a file."""

from dataclasses import dataclass

from secd.trace.events import TraceEvent
from secd.words import FileKind


@dataclass(frozen=True, slots=True)
class TVSCacheFlushed(TraceEvent):
    """What TVS had vouched for was forgotten because a new list came.

    entries -- how much. kind -- of the new list.
    """

    entries: int
    kind: FileKind


@dataclass(frozen=True, slots=True)
class TVSQueryStarted(TraceEvent):
    """The phone wants TVS to vouch for the signer of a file."""

    file_name: str
    signer_name: str
    signer_serial: str


@dataclass(frozen=True, slots=True)
class TVSServerAsked(TraceEvent):
    """One TVS server is about to be asked. server, port -- its logical address."""

    server: str
    port: int


@dataclass(frozen=True, slots=True)
class TVSServerPassedOver(TraceEvent):
    """A TVS server gave no answer. text -- why."""

    server: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class TVSRequestSent(TraceEvent):
    """A question went out to TVS. size_bytes -- of the whole message, header included."""

    server: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TVSResponseReceived(TraceEvent):
    """An answer of TVS came in. size_bytes -- of the whole message. status -- as it says."""

    server: str
    size_bytes: int
    status: int


@dataclass(frozen=True, slots=True)
class TVSVoucherCached(TraceEvent):
    """What TVS vouched for is remembered. hours -- for how long, rounded."""

    signer_serial: str
    hours: int


@dataclass(frozen=True, slots=True)
class TVSQueryEnded(TraceEvent):
    """TVS answered, or nobody did. outcome -- vouched, denied or unreachable."""

    file_name: str
    outcome: str
