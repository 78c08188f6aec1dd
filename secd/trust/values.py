"""What decisions are made from, and what they are."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Never

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.envelope import SignedFile
from secd.models import Model, Switches
from secd.trust.reasons import Reason
from secd.trustlist import Record, TrustList
from secd.words import FileKind, Transport


@dataclass(frozen=True, slots=True)
class Installed:
    """The two trust lists that a phone holds; None: it holds none of that kind."""

    ctl: TrustList | None = None
    itl: TrustList | None = None

    def of(self, kind: FileKind) -> TrustList | None:
        """Return the list of one kind."""
        return self.ctl if kind is FileKind.CTL else self.itl

    def itl_is_empty(self, switches: Switches) -> bool:
        """Tell whether the ITL is that of "Prepare Cluster for Rollback to Pre 8.0".

        No record of the functions that the switch names holds a certificate. Source: security
        guide on rollback, which speaks of empty TFTP and TVS sections; an ITL that lists a call
        manager alone is in real use and is no rollback.
        """
        return self.itl is not None and not any(
            record.certificate and record.function in switches.empty_itl_functions
            for record in self.itl.records
        )


class VoucherOutcome(StrEnum):
    """What came of asking TVS."""

    VOUCHED = "vouched"
    DENIED = "denied"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Voucher:
    """The result of one question to TVS.

    issuer, serial -- the octets of the question (the signer in a header, or of a certificate).
    certificate -- DER, as TVS returned it. functions -- what TVS lets it do.
    until_seconds -- Unix time after which the voucher is worth nothing.
    """

    issuer: bytes
    serial: bytes
    outcome: VoucherOutcome
    certificate: bytes = b""
    functions: frozenset[int] = frozenset()
    until_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Context:
    """Everything about a decision besides lists, candidate and vouchers.

    now_seconds -- Unix time. requested_name -- as asked, suffix included.
    server_address -- the logical address of the server; empty where a file is judged by itself.
    channel -- HTTPS means that the server was authenticated by `decide_peer` (row T5).
    tvs_servers -- those of the *stored* configuration, in order (213407: a moved phone still
        asks its old cluster).
    device_key -- private key of the LSC or MIC, for encrypted files.
    manual_key -- the symmetric key typed into an old phone, for encrypted files.
    firmware_key -- the key that firmware is signed with, where the user has it.
    """

    model: Model
    kind: FileKind
    now_seconds: float
    requested_name: str = ""
    server_address: str = ""
    channel: Transport = Transport.TFTP
    tvs_servers: tuple[str, ...] = ()
    device_key: rsa.RSAPrivateKey | None = field(default=None, repr=False)
    manual_key: bytes | None = field(default=None, repr=False)
    firmware_key: rsa.RSAPublicKey | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A record with the signer's issuer and serial. number -- its place in the list, from 1."""

    holder: FileKind
    number: int
    record: Record


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision rests on, for people and logs.

    detail -- which check failed, as a sentence; empty on acceptance.
    file -- the candidate's envelope, where it could be read.
    matches -- the installed records that were considered.
    """

    detail: str = ""
    file: SignedFile | None = None
    matches: tuple[Match, ...] = ()
    voucher: Voucher | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The root of decisions. It has no truth value: `if decide(...)` must not slip through."""

    reason: Reason
    evidence: Evidence = field(default_factory=Evidence)

    def __bool__(self) -> Never:
        """Refuse to be true or false."""
        raise TypeError("a decision is not a truth value: match on its class")


@dataclass(frozen=True, slots=True)
class Accept(Decision):
    """Trusted: install the list, or use the payload. Neither given: erase the installed list."""

    trust_list: TrustList | None = None
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Refuse(Decision):
    """Not trusted; nothing changes."""


@dataclass(frozen=True, slots=True)
class Unchanged(Decision):
    """There is nothing new: what is installed stays."""


@dataclass(frozen=True, slots=True)
class NeedsTVS(Decision):
    """Undecided until TVS is asked about the signer or peer; call again with the voucher."""


Verdict = Accept | Refuse | Unchanged | NeedsTVS
