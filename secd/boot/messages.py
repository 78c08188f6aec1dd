"""What goes into the machines of a boot (past tense) and what comes out (imperative)."""

from dataclasses import dataclass, field

from secd.capf import Applicant, CAPFEnded
from secd.configuration import Server
from secd.trust import Voucher
from secd.words import BootOutcome, FileKind, TransferFailure, Transport

# Events: what the outside reports.


@dataclass(frozen=True, slots=True)
class PhoneBooted:
    """Power is on and the network is there."""


@dataclass(frozen=True, slots=True)
class UpdatePressed:
    """Somebody asks for an LSC. string -- the authentication string typed; empty: none."""

    string: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FileReceived:
    """A `Transfer` brought all octets of a file."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class FileNotReceived:
    """A `Transfer` failed. code -- the server's error number, 0 where it sent none."""

    failure: TransferFailure
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class TVSServerAnswered:
    """A TVS server answered `AskTVS`, be it that it knows no such certificate."""

    voucher: Voucher


@dataclass(frozen=True, slots=True)
class TVSServerFailed:
    """A TVS server gave no answer. text -- why, for people."""

    server: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class CAPFSessionEnded:
    """A session that `StartCAPF` began came to its end."""

    ended: CAPFEnded


@dataclass(frozen=True, slots=True)
class CAPFServerFailed:
    """A CAPF server could not be reached, or the session broke off. text -- why, for people."""

    text: str


@dataclass(frozen=True, slots=True)
class CAPFServerRefused:
    """The phone does not trust the certificate of a CAPF server."""

    text: str


@dataclass(frozen=True, slots=True)
class CAPFServerUnknown:
    """Only TVS can vouch for the certificate (DER) of a CAPF server; nothing was said to it."""

    certificate: bytes


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of `Wait` is over."""


Event = (
    PhoneBooted
    | UpdatePressed
    | FileReceived
    | FileNotReceived
    | TVSServerAnswered
    | TVSServerFailed
    | CAPFSessionEnded
    | CAPFServerFailed
    | CAPFServerRefused
    | CAPFServerUnknown
    | TimerFired
)


# Actions: what the outside is to do.


@dataclass(frozen=True, slots=True)
class FetchFile:
    """Get one file from the first server that has it.

    transports -- tried in this order on each server. servers -- logical addresses, in order.
    The boot machine says this to the fetch machine; the outside sees `Transfer`.
    """

    file_name: str
    kind: FileKind
    transports: tuple[Transport, ...]
    servers: tuple[str, ...]
    destination: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Ask one server for one file over one transport.

    task, worker -- the numbers that trace events of this transfer carry.
    """

    transport: Transport
    server: str
    file_name: str
    size_limit_bytes: int
    task: int
    worker: int


@dataclass(frozen=True, slots=True)
class InstallTrustList:
    """Write a trust list to flash, durably, before anything else happens."""

    kind: FileKind
    octets: bytes


@dataclass(frozen=True, slots=True)
class EraseTrustList:
    """Remove a trust list from flash."""

    kind: FileKind


@dataclass(frozen=True, slots=True)
class StoreVouchers:
    """Write to flash what TVS vouched for: all of it, in place of what is there.

    A list that makes it void is written after it: a phone that loses power between the two has
    forgotten too much, never too little.
    """

    vouchers: tuple[Voucher, ...]


@dataclass(frozen=True, slots=True)
class StoreConfiguration:
    """Write the configuration to flash: it is now the last good one."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class StoreFile:
    """Keep a further file. name -- as the configuration names it."""

    name: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class QueryTVS:
    """Find out what TVS says about a signer (the octets of its header).

    servers -- asked in this order. The boot machine says this to the query machine; the outside
    sees `AskTVS`. task -- the number that trace events of this query carry.
    """

    name: bytes
    issuer: bytes
    serial: bytes
    servers: tuple[Server, ...]
    task: int


@dataclass(frozen=True, slots=True)
class AskTVS:
    """Ask one TVS server about a signer. server -- its logical address."""

    server: str
    port: int
    name: bytes
    issuer: bytes
    serial: bytes
    task: int


@dataclass(frozen=True, slots=True)
class StartCAPF:
    """Hold one CAPF session. server -- its logical address. task -- as of `AskTVS`.

    Before it is answered, what a new LSC needs lies on the flash already: see `InstallLSC`.
    After `CAPFServerUnknown` the connection waits, and `ResumeCAPF` or `DropCAPF` follows.
    """

    server: str
    port: int
    applicant: Applicant
    task: int


@dataclass(frozen=True, slots=True)
class ResumeCAPF:
    """Hold the session on the connection that waits: TVS has vouched for the server."""

    applicant: Applicant
    task: int


@dataclass(frozen=True, slots=True)
class DropCAPF:
    """Close the connection that waits: nobody vouches for the server."""

    task: int


@dataclass(frozen=True, slots=True)
class InstallLSC:
    """Put the LSC that was staged in the session in force, in one step."""


@dataclass(frozen=True, slots=True)
class EraseLSC:
    """Remove the LSC from flash."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back with `TimerFired` after this time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    """The boot is over."""

    outcome: BootOutcome


Action = (
    Transfer
    | InstallTrustList
    | EraseTrustList
    | StoreConfiguration
    | StoreFile
    | StoreVouchers
    | AskTVS
    | StartCAPF
    | ResumeCAPF
    | DropCAPF
    | InstallLSC
    | EraseLSC
    | Wait
    | Finish
)
