"""The files that a configuration names: which they are, and what decisions about them tell.

Soft keys, feature policy, dial rules and tones, in this order; asked for with `.sgn` where row C1
says so, like the configuration itself. A file that is refused or missing changes nothing: the phone
goes on with the one it had, or with none. They are asked for only after a configuration that was
accepted in this boot. In which order phones ask no source says in general; one capture of a later
phone has tones before dial rules, another asks for soft keys right after the lists.

Not here: locale archives, whose names differ by model in ways that no source lists, ring lists,
which a phone asks for when somebody opens the menu, and firmware.
"""

from dataclasses import dataclass

from secd.boot.judged import acceptance_events, refusal_events
from secd.boot.lists import Told
from secd.boot.messages import StoreFile
from secd.configuration import Configuration
from secd.trace import FurtherFileAccepted, FurtherFileMissing, FurtherFileRefused
from secd.trust import Accept, Refuse, Verdict
from secd.words import FileKind, FilePurpose

_TONES = "g3-tones.xml"  # below the directory of the network locale (SEP<MAC>.cnf.xml reference)


@dataclass(frozen=True, slots=True)
class FurtherFile:
    """One file. name -- as the configuration has it, without `.sgn`."""

    name: str
    purpose: FilePurpose


def further_files(configuration: Configuration) -> tuple[FurtherFile, ...]:
    """Return the files that a configuration names, in the order in which they are asked for."""
    locale = configuration.network_locale
    named = (
        (configuration.soft_key_file, FilePurpose.SOFT_KEYS),
        (configuration.feature_policy_file, FilePurpose.FEATURE_POLICY),
        (configuration.dial_template, FilePurpose.DIAL_RULES),
        (f"{locale}/{_TONES}" if locale else "", FilePurpose.TONES),
    )
    return tuple(FurtherFile(name, purpose) for name, purpose in named if name)


class FurtherFiles:
    """The files that are still to be asked for in one boot. current -- the one being asked for."""

    def __init__(self) -> None:
        self.current: FurtherFile | None = None
        self._left: tuple[FurtherFile, ...] = ()

    def name(self, configuration: Configuration) -> None:
        """Take the files that a configuration names, in place of all earlier ones."""
        self._left = further_files(configuration)

    @property
    def left(self) -> bool:
        """Tell whether there is another file to ask for."""
        return bool(self._left)

    def next(self) -> FurtherFile:
        """Return the next file, which becomes the current one."""
        self.current, self._left = self._left[0], self._left[1:]
        return self.current

    def judged(self, asked: str, kind: FileKind, path: str, verdict: Verdict) -> Told:
        """Apply the decision about the current file. path -- where the phone had put it."""
        file = self._current()
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
        return [FurtherFileMissing(asked, file.name, file.purpose)]

    def _current(self) -> FurtherFile:
        if self.current is None:
            raise RuntimeError("no further file was asked for")
        return self.current
