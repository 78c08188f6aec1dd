"""The trace events of a firmware load on its way to the phone.

Reading, verifying and refusing a file of it are told as for every other file, see `events`.
"""

from dataclasses import dataclass

from secd.trace.events import TraceEvent


@dataclass(frozen=True, slots=True)
class FirmwareWanted(TraceEvent):
    """The configuration names another load than the phone runs."""

    load: str
    running: str


@dataclass(frozen=True, slots=True)
class FirmwareListRead(TraceEvent):
    """The file list of a load was read.

    count, components -- how many files it names, and their names, joined by a comma and a blank.
    verified -- its signature is good; where not, there is no key to tell.
    """

    file_name: str
    load: str
    count: int
    components: str
    verified: bool


@dataclass(frozen=True, slots=True)
class FirmwareFileAccepted(TraceEvent):
    """A component's signature is good. size_bytes -- without the envelope."""

    file_name: str
    load: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FirmwareRefused(TraceEvent):
    """A file of a load was refused, or the load's name is none; the phone keeps what it runs."""

    file_name: str
    load: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class FirmwareMissing(TraceEvent):
    """A file of a load did not come; the phone keeps what it runs."""

    file_name: str
    load: str


@dataclass(frozen=True, slots=True)
class FirmwareComplete(TraceEvent):
    """All components are there and verified: a real phone restarts under the new load now."""

    load: str
    count: int
