"""What one boot came to, for people, scripts and exit codes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secd.boot import Identities
from secd.cli.certificates import certificate_lines, enrolment_sentence
from secd.cli.wording import common_name, explanation, holdings, wrapped
from secd.models import Model
from secd.trace import (
    ConfigurationRefused,
    FileRefused,
    FirmwareComplete,
    FirmwareListRead,
    FirmwareMissing,
    FirmwareRefused,
    FirmwareWanted,
    FurtherFileAccepted,
    FurtherFileMissing,
    ListInstalled,
    ListKept,
    ServerRefused,
    TransferFailed,
    TransferFinished,
    TVSServerPassedOver,
)
from secd.trust import Installed
from secd.words import BootOutcome, TransferFailure

if TYPE_CHECKING:
    from secd.net.emulator import BootReport

BOOTED, REFUSED, NOTHING_FETCHED = 0, 1, 3

_OUTCOMES = {
    BootOutcome.BOOTED: "booted",
    BootOutcome.BOOTED_OLD_CONFIGURATION: "booted with the last good configuration",
    BootOutcome.NO_CTL_IN_SECURE_MODE: (
        "does not register: the configuration asks for a secure mode, and no list on the phone "
        "holds a CallManager certificate"
    ),
    BootOutcome.NO_LSC_IN_SECURE_MODE: (
        "does not register: the configuration asks for a secure mode, and the LSC that it wants "
        "first is not there"
    ),
    BootOutcome.NO_CONFIGURATION: "did not boot: no configuration",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused file or server. signer -- CN and serial as `text_of` gave them, or empty."""

    what: str
    reason: str
    detail: str
    signer: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The essence of a boot.

    installed, kept -- (file name, reason) of lists in this boot.
    failures -- why files did not come, one line each; "file not found" is not among them.
    in_use, missing -- names of the further files that were accepted, and that did not come.
    firmware -- what became of the load that the configuration names, one sentence each.
    lsc -- what CAPF did, likewise. holds, certificates -- what the phone has by now.
    """

    outcome: BootOutcome
    exit_code: int
    installed: tuple[tuple[str, str], ...]
    kept: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]
    in_use: tuple[str, ...]
    missing: tuple[str, ...]
    firmware: tuple[str, ...]
    lsc: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    holds: Installed
    certificates: Identities

    def as_text(self, device: str, model: Model) -> list[str]:
        """Return the summary as lines of at most 80 columns where the texts allow."""
        headline = f"{device}, {model.name} ({model.load}): {_OUTCOMES[self.outcome]}"
        lines = wrapped(headline)
        endless = model.secure_no_ctl_retries is None
        if self.outcome is BootOutcome.NO_CTL_IN_SECURE_MODE and endless:
            lines.append("a real one goes on asking for its CTL; here it was watched for a while")
        lines += [f"installed {name}: {reason}" for name, reason in self.installed]
        for failure in self.failures:
            lines += wrapped(f"not received: {failure}")
        for word, names in (("in use", self.in_use), ("not there", self.missing)):
            if names:
                lines += wrapped(f"{word}: {', '.join(names)}")
        for subject, sentences in (("firmware", self.firmware), ("LSC", self.lsc)):
            for sentence in sentences:
                lines += wrapped(f"{subject}: {sentence}")
        explained = set()
        for refusal in self.refusals:
            lines.append(f"REFUSED {refusal.what}: {refusal.reason}")
            lines += [f"  {text}" for text in (refusal.detail, refusal.signer) if text]
            if refusal.reason not in explained:
                lines += [f"  {line}" for line in explanation(refusal.reason)]
            explained.add(refusal.reason)
        held = [*holdings(self.holds), *certificate_lines(self.certificates)]
        return [*lines, "the phone holds", *(f"  {line}" for line in held)]

    def as_json(self) -> dict[str, object]:
        """Return the summary for machines."""
        return {
            "outcome": self.outcome.value,
            "exit_code": self.exit_code,
            "installed": dict(self.installed),
            "kept": dict(self.kept),
            "failures": list(self.failures),
            "in_use": list(self.in_use),
            "missing": list(self.missing),
            "firmware": list(self.firmware),
            "lsc": list(self.lsc),
            "lsc_installed": self.certificates.lsc is not None,
            "refused": [
                {"what": r.what, "reason": r.reason, "detail": r.detail, "signer": r.signer}
                for r in self.refusals
            ],
        }


def summarize(report: "BootReport") -> Summary:
    """Return the summary of a boot; the exit code follows from its events alone."""
    events = [traced.event for traced in report.events]
    refusals = tuple(refusal for event in events if (refusal := _refusal(event)) is not None)
    answered = any(_answered(event) for event in events)
    started = report.outcome in (BootOutcome.BOOTED, BootOutcome.BOOTED_OLD_CONFIGURATION)
    files_refused = any(isinstance(e, FileRefused | ConfigurationRefused) for e in events)
    code = BOOTED if answered and started else NOTHING_FETCHED
    installed = tuple((e.file_name, e.reason) for e in events if isinstance(e, ListInstalled))
    kept = tuple((e.file_name, e.reason) for e in events if isinstance(e, ListKept))
    code = REFUSED if files_refused else code
    failures = tuple(failure for event in events if (failure := _failure(event)) is not None)
    firmware = tuple(told for event in events if (told := _firmware(event)) is not None)
    return Summary(
        report.outcome,
        code,
        installed,
        kept,
        failures,
        tuple(e.asked_name for e in events if isinstance(e, FurtherFileAccepted)),
        tuple(e.asked_name for e in events if isinstance(e, FurtherFileMissing)),
        firmware,
        tuple(told for event in events if (told := enrolment_sentence(event)) is not None),
        refusals,
        report.installed,
        report.identities,
    )


def _firmware(event: object) -> str | None:
    match event:
        case FirmwareWanted(load, running):
            return f"the configuration names {load}, the phone runs {running}"
        case FirmwareListRead(name, _, count, components, verified):
            doubt = "" if verified else ". Not verified: that takes --firmware-key"
            return f"{name} names {count} files: {components}{doubt}"
        case FirmwareMissing(name):
            return f"{name} did not come; the phone keeps what it runs"
        case FirmwareRefused(detail=detail, file_name=""):
            return f"{detail}; the phone keeps what it runs"
        case FirmwareRefused(name):
            return f"{name} is refused; the phone keeps what it runs"
        case FirmwareComplete(load, count):
            return f"{load} is genuine, all {count} files; a real phone restarts under it now"
        case _:
            return None


def _answered(event: object) -> bool:
    """Tell whether a server gave a file or said that it has none: a server was there."""
    if isinstance(event, TransferFailed):
        return event.failure is TransferFailure.FILE_NOT_FOUND
    return isinstance(event, TransferFinished)


def _failure(event: object) -> str | None:
    match event:
        case TransferFailed() if event.failure is not TransferFailure.FILE_NOT_FOUND:
            return f"{event.file_name} from {event.server}: {event.text}"
        case TVSServerPassedOver():
            return f"TVS {event.server} port {event.port}: {event.text}"
        case _:
            return None


def _refusal(event: object) -> Refusal | None:
    match event:
        case FileRefused():
            name = common_name(event.signer_name)
            signer = f"signed by {name}, serial {event.signer_serial}"
            return Refusal(
                event.file_name, event.reason, event.detail, signer if event.signer_name else ""
            )
        case ServerRefused():
            return Refusal(f"{event.file_name} at {event.server}", event.reason, "", "")
        case _:
            return None
