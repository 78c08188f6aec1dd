"""The trace events of a phone: what they are, and those of boots, trust lists and configurations.

One class per fact; a field is a plain value (text, number, truth, string enum), because the
renderers know events only by class name and field name. Addresses are the *logical* ones: what
the phone was configured with, before the address book.
"""

from dataclasses import dataclass
from enum import StrEnum

from secd.words import BootOutcome, FileKind, FilePurpose, TransferFailure, Transport


class ListsChange(StrEnum):
    """What a boot changed in the trust lists, once both are done (decision table section 4)."""

    CTL_INSTALLED = "ctl_installed"
    ITL_INSTALLED = "itl_installed"
    BOTH_INSTALLED = "both_installed"
    UPDATED = "updated"


class ListsFailure(StrEnum):
    """How a trust list failed, once both are done (decision table section 4)."""

    UPDATE_FAILED = "update_failed"
    VERIFICATION_FAILED = "verification_failed"
    FIRST_LIST_BAD = "first_list_bad"


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """The root of all events."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One event with its place in the stream.

    at_seconds -- wall clock, Unix time.
    task -- number of the phone's thread that acts; one per file asked for.
    worker -- number of the process that transfers the file, 0 where none does.
    """

    at_seconds: float
    task: int
    worker: int
    event: TraceEvent


@dataclass(frozen=True, slots=True)
class PhoneStarted(TraceEvent):
    """A boot began."""

    device: str
    model: str
    load: str


@dataclass(frozen=True, slots=True)
class EnvelopeRead(TraceEvent):
    """The header of a file was parsed.

    pad_tlv -- place of the first padding octet among the header's TLVs, from 1; 0 without any.
    trailing -- octets after the last TLV that the phone knows: padding and unknown tags.
    newer_version -- the version is above 1.1, the highest that the phone says it knows.
    """

    file_name: str
    kind: FileKind
    version: str
    newer_version: bool
    header_length: int
    pad_tlv: int
    trailing: int


@dataclass(frozen=True, slots=True)
class FileVerified(TraceEvent):
    """A decision accepted a file because of its signature. reason -- of that decision."""

    file_name: str
    kind: FileKind
    is_list: bool
    header_length: int
    reason: str
    signer_name: str
    signer_serial: str


@dataclass(frozen=True, slots=True)
class FileRefused(TraceEvent):
    """A decision refused a file. path -- where the phone had put it. detail -- which check."""

    file_name: str
    path: str
    kind: FileKind
    is_list: bool
    reason: str
    detail: str
    signer_name: str
    signer_serial: str


@dataclass(frozen=True, slots=True)
class ListInstalled(TraceEvent):
    """A trust list was written to flash. first -- none of this kind was stored before."""

    file_name: str
    kind: FileKind
    first: bool
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class ListKept(TraceEvent):
    """The installed list (or its absence) stays. reason -- IDENTICAL, FILE_NOT_FOUND, …."""

    file_name: str
    kind: FileKind
    reason: str


@dataclass(frozen=True, slots=True)
class ListErased(TraceEvent):
    """The installed list was erased (only by a switch of rows L15 and L16)."""

    file_name: str
    kind: FileKind
    reason: str


@dataclass(frozen=True, slots=True)
class TrustListsErased(TraceEvent):
    """Somebody erased lists at the phone: Settings > Security Configuration > Trust List, Erase.

    ctl, itl -- whether that one was there and went.
    """

    ctl: bool
    itl: bool


@dataclass(frozen=True, slots=True)
class ListMissing(TraceEvent):
    """The server has no such list. local_name -- how the phone calls its own copy."""

    kind: FileKind
    local_name: str


@dataclass(frozen=True, slots=True)
class NoTrustListInstalled(TraceEvent):
    """Both lists are done and the phone holds neither."""


@dataclass(frozen=True, slots=True)
class TrustListsChanged(TraceEvent):
    """Both lists are done and at least one was written."""

    change: ListsChange


@dataclass(frozen=True, slots=True)
class TrustListsFailed(TraceEvent):
    """Both lists are done and at least one was refused or could not be fetched."""

    failure: ListsFailure


@dataclass(frozen=True, slots=True)
class ConfigurationAccepted(TraceEvent):
    """A configuration was accepted and stored. asked_name -- as requested, suffix included."""

    asked_name: str
    base_name: str
    kind: FileKind
    transport: Transport
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigurationRefused(TraceEvent):
    """A configuration was refused; the last good one stays."""

    asked_name: str
    base_name: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ConfigurationMissing(TraceEvent):
    """No server has a configuration for this phone."""

    asked_name: str


@dataclass(frozen=True, slots=True)
class ConfigurationNotReceived(TraceEvent):
    """A configuration did not come for another reason than that no server has it."""

    asked_name: str
    failure: TransferFailure


@dataclass(frozen=True, slots=True)
class ConfigurationKept(TraceEvent):
    """The last good configuration is in use."""

    base_name: str


@dataclass(frozen=True, slots=True)
class FurtherFileAccepted(TraceEvent):
    """A file that the configuration names was accepted and kept.

    asked_name -- as requested, suffix included. base_name -- as the configuration names it.
    """

    asked_name: str
    base_name: str
    purpose: FilePurpose
    reason: str


@dataclass(frozen=True, slots=True)
class FurtherFileRefused(TraceEvent):
    """A file that the configuration names was refused; an earlier one stays in use."""

    asked_name: str
    base_name: str
    purpose: FilePurpose
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class FurtherFileMissing(TraceEvent):
    """A file that the configuration names did not come."""

    asked_name: str
    base_name: str
    purpose: FilePurpose


@dataclass(frozen=True, slots=True)
class RetryScheduled(TraceEvent):
    """The phone will go back to asking for its trust list. attempt -- from 1."""

    attempt: int
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class BootEnded(TraceEvent):
    """The boot is over."""

    outcome: BootOutcome
