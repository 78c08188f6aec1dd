"""The files that a configuration names: which they are, and what decisions about them tell.

Locale archive, tones, soft keys, feature policy, dial rules, in this order; asked for with `.sgn`
where row C1 says so, like the configuration itself. A file that is refused or missing changes
nothing: the phone goes on with the one it had, or with none. They are asked for only after a
configuration that was accepted in this boot.

The order: logs of public TFTP servers have a 79xx ask for archive, then dial rules, and an 88xx for
archive, tones, dial rules; where soft keys and feature policy stand no source says. What the
archive is called differs by model (`Model.locale_archive`); where that is not known it is not
asked for.

The firmware load is the first of them, see `secd.boot.firmware`. Ring lists are the last: a phone
asks for them when somebody opens the menu of its rings.
"""

from dataclasses import dataclass

from secd.boot.firmware import Firmware, Following, firmware_of
from secd.boot.judged import acceptance_events, refusal_events
from secd.boot.lists import Told
from secd.boot.messages import StoreFile
from secd.configuration import Configuration
from secd.models import Model
from secd.trace import FurtherFileAccepted, FurtherFileMissing, FurtherFileRefused
from secd.trust import Accept, Refuse, Verdict
from secd.words import FileKind, FilePurpose

_TONES = "g3-tones.xml"  # below the directory of the network locale (SEP<MAC>.cnf.xml reference)


@dataclass(frozen=True, slots=True)
class FurtherFile:
    """One file. name -- as the configuration or the phone has it, without `.sgn`."""

    name: str
    purpose: FilePurpose


def further_files(configuration: Configuration, model: Model) -> tuple[FurtherFile, ...]:
    """Return the files that a configuration names, in the order in which they are asked for."""
    archive = model.locale_archive.replace("{protocol}", configuration.protocol.lower())
    named = (
        (_below(configuration.user_locale, archive), FilePurpose.LOCALE),
        (_below(configuration.network_locale, _TONES), FilePurpose.TONES),
        (configuration.soft_key_file, FilePurpose.SOFT_KEYS),
        (configuration.feature_policy_file, FilePurpose.FEATURE_POLICY),
        (configuration.dial_template, FilePurpose.DIAL_RULES),
    )
    return tuple(FurtherFile(name, purpose) for name, purpose in named if name)


def _below(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory and name else ""


class FurtherFiles:
    """The files that are still to be asked for in one boot.

    current -- the one being asked for. ring_menu -- somebody opens the menu of the phone's rings.
    """

    def __init__(self, model: Model, *, ring_menu: bool = False) -> None:
        self._model = model
        self._ring_menu = ring_menu
        self.current: FurtherFile | None = None
        self._left: tuple[FurtherFile, ...] = ()
        self._firmware: Firmware | None = None

    def name(self, configuration: Configuration) -> Told:
        """Take the files that a configuration names, in place of all earlier ones."""
        self._left = further_files(configuration, self._model)
        if self._ring_menu:
            self._left += tuple(
                FurtherFile(name, FilePurpose.RING_LIST) for name in self._model.ring_lists
            )
        self._firmware = firmware = firmware_of(configuration, self._model)
        if firmware is None:
            return []
        return self._follow(firmware.wanted(self._model), FilePurpose.FIRMWARE_LIST)

    @property
    def left(self) -> bool:
        """Tell whether there is another file to ask for."""
        return bool(self._left)

    def next(self) -> FurtherFile:
        """Return the next file, which becomes the current one."""
        self.current, self._left = self._left[0], self._left[1:]
        return self.current

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers of the current file; none: those of all files."""
        firmware, purpose = self._firmware, self._current().purpose
        return firmware.servers if firmware is not None and purpose.is_firmware else ()

    def judged(self, asked: str, kind: FileKind, path: str, verdict: Verdict) -> Told:
        """Apply the decision about the current file. path -- where the phone had put it."""
        file = self._current()
        if self._firmware is not None and file.purpose.is_firmware:
            return self._firmware_judged(self._firmware, file, path, verdict)
        match verdict:
            case Accept(reason):
                return [
                    *acceptance_events(asked, kind, verdict),
                    StoreFile(file.name, verdict.payload),
                    FurtherFileAccepted(asked, file.name, file.purpose, reason),
                ]
            case Refuse(reason):
                detail = verdict.evidence.detail
                return [
                    *refusal_events(asked, kind, path, verdict),
                    FurtherFileRefused(asked, file.name, file.purpose, reason, detail),
                ]
            case _:
                raise RuntimeError(f"a file cannot be {type(verdict).__name__}")

    def missing(self, asked: str) -> Told:
        """Take that the current file did not come."""
        file = self._current()
        if self._firmware is not None and file.purpose.is_firmware:
            return self._follow(Following(self._firmware.missing(asked)), FilePurpose.FIRMWARE)
        return [FurtherFileMissing(asked, file.name, file.purpose)]

    def _firmware_judged(
        self, firmware: Firmware, file: FurtherFile, path: str, verdict: Verdict
    ) -> Told:
        if file.purpose is FilePurpose.FIRMWARE_LIST:
            following = firmware.list_judged(path, verdict)
        else:
            following = firmware.component_judged(file.name, path, verdict)
        return self._follow(following, FilePurpose.FIRMWARE)

    def _follow(self, following: Following, purpose: FilePurpose) -> Told:
        """Put the files of the load in front of the others; none are left of one that failed."""
        rest = self._left
        if self._firmware is not None and self._firmware.failed:
            rest = tuple(file for file in rest if not file.purpose.is_firmware)
        self._left = tuple(FurtherFile(name, purpose) for name in following.files) + rest
        return following.told

    def _current(self) -> FurtherFile:
        if self.current is None:
            raise RuntimeError("no further file was asked for")
        return self.current
