"""The firmware load that a configuration names: its file list, its components, what they tell.

A phone that runs another load than the configuration names asks for `<load>.loads` (administration
guides of all models: where the image file differs from the one loaded, the phone contacts the TFTP
server for it), at the load server if the configuration has one. The name carries no `.sgn`: the
file has an envelope of its own, under Cisco's key and not the cluster's. Its components are asked
for by the names in it, each judged by the same key.

That happens before the other files (inferred: a real phone restarts under the new load). What is
verified is not kept: nothing here can run it. Without the key the list is read, what the phone
would ask for is told, and there it ends. A load that is refused or missing changes nothing.

Whether a file is genuine is decided in `secd.trust.firmware`.
"""

from dataclasses import dataclass

from secd.boot.judged import acceptance_events, envelope_events, refusal_events
from secd.boot.lists import Told
from secd.configuration import Configuration
from secd.envelope import Component, components_of_untrusted
from secd.errors import MalformedFile
from secd.models import Model
from secd.trace import (
    FirmwareComplete,
    FirmwareFileAccepted,
    FirmwareListRead,
    FirmwareMissing,
    FirmwareRefused,
    FirmwareWanted,
)
from secd.trust import Accept, Evidence, Reason, Refuse, Verdict
from secd.words import FileKind

_NAME_LIMIT = 64  # octets; the longest names of real loads and components have below 50


@dataclass(frozen=True, slots=True)
class Following:
    """What to tell, and the files to ask for next."""

    told: Told
    files: tuple[str, ...] = ()


class Firmware:
    """One load on its way to the phone.

    load -- as the configuration names it. servers -- where it is asked for; empty: where all files
    are. failed -- a file of it was refused or did not come: there is no use in the others.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.load = configuration.load_information
        server = configuration.load_server
        self.servers = (server,) if server else ()
        self.failed = False
        self._missing = 0
        self._count = 0

    @property
    def list_name(self) -> str:
        """The name of the file list."""
        return f"{self.load}.loads"

    def wanted(self, model: Model) -> Following:
        """Tell that the phone wants the load, and ask for its list."""
        if not _is_file_name(self.list_name):
            detail = f"the configuration names no load: {self.load[:40]!a}"
            return Following([FirmwareRefused("", "", Reason.MALFORMED, detail)])
        return Following([FirmwareWanted(self.load, model.load)], (self.list_name,))

    def list_judged(self, path: str, verdict: Verdict) -> Following:
        """Apply the decision about the file list. path -- where the phone had put it."""
        name, file = self.list_name, verdict.evidence.file
        match verdict:
            case Accept():
                told, verified = acceptance_events(name, FileKind.FIRMWARE, verdict), True
            case Refuse(Reason.FIRMWARE_KEY_UNKNOWN):
                told, verified = envelope_events(name, FileKind.FIRMWARE, verdict), False
            case _:
                return self._refused(name, path, verdict)
        try:
            components = components_of_untrusted(b"" if file is None else file.body)
            _check(components)
        except MalformedFile as error:
            return self._refused(name, path, Refuse(Reason.MALFORMED, Evidence(str(error), file)))
        names = tuple(dict.fromkeys(component.name for component in components))
        read = FirmwareListRead(name, self.load, len(names), ", ".join(names), verified)
        self._count = self._missing = len(names)
        return Following([*told, read], names if verified else ())

    def component_judged(self, name: str, path: str, verdict: Verdict) -> Following:
        """Apply the decision about one component; the first that is refused ends the load."""
        if not isinstance(verdict, Accept):
            return self._refused(name, path, verdict)
        told: Told = [
            *acceptance_events(name, FileKind.FIRMWARE, verdict),
            FirmwareFileAccepted(name, self.load, len(verdict.payload)),
        ]
        self._missing -= 1
        if not self._missing:
            told = [*told, FirmwareComplete(self.load, self._count)]
        return Following(told)

    def missing(self, name: str) -> Told:
        """Take that the list or a component did not come."""
        self.failed = True
        return [FirmwareMissing(name, self.load)]

    def _refused(self, name: str, path: str, verdict: Verdict) -> Following:
        if not isinstance(verdict, Refuse):
            raise RuntimeError(f"firmware cannot be {type(verdict).__name__}")
        self.failed = True
        reason, detail = verdict.reason, verdict.evidence.detail
        told = refusal_events(name, FileKind.FIRMWARE, path, verdict)
        return Following([*told, FirmwareRefused(name, self.load, reason, detail)])


def firmware_of(configuration: Configuration, model: Model) -> Firmware | None:
    """Return the load that the phone has to get; None when it runs it, or none is named."""
    named = configuration.load_information
    return Firmware(configuration) if named not in ("", model.load) else None


def _check(components: tuple[Component, ...]) -> None:
    """Raise MalformedFile for a list that a phone could not follow."""
    if not components:
        raise MalformedFile("the .loads body names no component")
    for component in components:
        if not _is_file_name(component.name):
            raise MalformedFile(f"the .loads body names {component.name[:40]!a}, which is no file")


def _is_file_name(name: str) -> bool:
    return len(name) <= _NAME_LIMIT and name.isascii() and name.isprintable() and "/" not in name
