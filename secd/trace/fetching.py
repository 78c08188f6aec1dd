"""The trace events of getting one file: which server, which transport, and how it ended."""

from dataclasses import dataclass

from secd.trace.events import TraceEvent
from secd.words import FileKind, TransferFailure, Transport


@dataclass(frozen=True, slots=True)
class FileRequested(TraceEvent):
    """The phone set out to get one file.

    destination -- local path on the phone. secure -- a signed file is wanted.
    size_limit_bytes -- 0 where the phone names none.
    server -- the first server of the list, for lines that print only one.
    """

    file_name: str
    kind: FileKind
    is_list: bool
    secure: bool
    destination: str
    size_limit_bytes: int
    server: str
    ctl_installed: bool


@dataclass(frozen=True, slots=True)
class ServerLookedUp(TraceEvent):
    """One entry of the phone's list of TFTP servers was looked up in the CTL.

    index -- place in the list, from 0. server -- empty where the list has no such entry.
    verdict -- the Reason of the decision about this server (rows S1 to S3).
    kind -- of the file for which it was looked up.
    """

    index: int
    server: str
    verdict: str
    ctl_installed: bool
    kind: FileKind


@dataclass(frozen=True, slots=True)
class ServerRefused(TraceEvent):
    """A server stands in no CTL record, and this model asks only those that do (row S2)."""

    server: str
    file_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileApproved(TraceEvent):
    """The look-ups let the request go out."""

    file_name: str
    secure: bool
    ctl_installed: bool
    kind: FileKind


@dataclass(frozen=True, slots=True)
class TransferStarted(TraceEvent):
    """A server was asked for a file.

    server_number -- place in the list, from 1. fallback -- another transport had failed on the
    same server for the same file.
    """

    file_name: str
    kind: FileKind
    is_list: bool
    transport: Transport
    server: str
    server_number: int
    destination: str
    size_limit_bytes: int
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class TransferRetransmitted(TraceEvent):
    """The last packet was sent again. count -- how often in a row, from 1."""

    file_name: str
    count: int


@dataclass(frozen=True, slots=True)
class HTTPHeaderReceived(TraceEvent):
    """One line of the head of a server's HTTP answer came; the status line is the first.

    line -- as received, without its line end. status_code -- of the answer it belongs to.
    """

    file_name: str
    status_code: int
    line: str


@dataclass(frozen=True, slots=True)
class TransferFinished(TraceEvent):
    """All octets of a file arrived."""

    file_name: str
    kind: FileKind
    is_list: bool
    transport: Transport
    server: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TransferFailed(TraceEvent):
    """A server did not give the file.

    code -- the number that the server sent (RFC 1350, or an HTTP status), 0 where it sent none.
    text -- the server's text (with HTTP, its status line), or ours where it sent none.
    """

    file_name: str
    kind: FileKind
    is_list: bool
    transport: Transport
    server: str
    failure: TransferFailure
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class FetchEnded(TraceEvent):
    """The phone is done with asking for one file, on whatever server and transport.

    status -- the download daemon's number: 100 for success, otherwise the TFTP error code + 1.
    """

    file_name: str
    kind: FileKind
    found: bool
    transport: Transport
    server: str
    status: int
    text: str
