"""What one session with CAPF came to, for people, scripts and exit codes."""

from dataclasses import dataclass
from pathlib import Path

from secd.boot.enrolling import outcome_of
from secd.capf import (
    Applicant,
    CAPFEnded,
    Identity,
    Operation,
    Reason,
    kind_of_untrusted,
    public_octets,
)
from secd.certs import facts_of_untrusted
from secd.cli.certificates import capf_reason
from secd.text import text_of
from secd.words import EnrolmentOutcome
from statusmsgs import explain_capf_reason

DONE, REFUSED, UNREACHABLE = 0, 1, 3

_CODES = {
    EnrolmentOutcome.INSTALLED: DONE,
    EnrolmentOutcome.DELETED: DONE,
    EnrolmentOutcome.FETCHED: DONE,
    EnrolmentOutcome.NOTHING_SCHEDULED: DONE,
    EnrolmentOutcome.UNREACHABLE: UNREACHABLE,
}


def exit_code_of(outcome: EnrolmentOutcome | None) -> int:
    """Return the exit code for what CAPF came to; whatever is not done was refused."""
    return REFUSED if outcome is None else _CODES.get(outcome, REFUSED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. lsc -- the new one, read; empty where there is none."""

    outcome: EnrolmentOutcome
    text: str
    operation: str = ""
    reason: int | None = None
    lsc: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "outcome": self.outcome.value,
            "exit_code": exit_code_of(self.outcome),
            "operation": self.operation or None,
            "reason": self.reason,
            "lsc": self.lsc or None,
            "detail": self.text,
        }


def unreachable(text: str) -> Outcome:
    """Return the outcome of a session that did not come to its end."""
    return Outcome(EnrolmentOutcome.UNREACHABLE, f"{text}; nothing has changed")


def reported(ended: CAPFEnded, applicant: Applicant, kept_in: Path) -> Outcome:
    """Return the outcome of a session. kept_in -- where the LSC is."""
    operation = ended.operation.value
    if not ended.done:
        return Outcome(outcome_of(ended), f"REFUSED: {_refusal(ended)}", operation, ended.reason)
    lsc = "" if ended.install is None else _described(ended.install)
    text = _done_text(ended, applicant, lsc, kept_in)
    return Outcome(outcome_of(ended), text, operation, ended.reason, lsc)


def _done_text(ended: CAPFEnded, applicant: Applicant, lsc: str, kept_in: Path) -> str:
    match ended.operation:
        case Operation.NOTHING:
            return f"nothing is scheduled for {applicant.device_name}"
        case Operation.INSTALL:
            return f"LSC installed in {kept_in}\n  {lsc}"
        case Operation.DELETE:
            return f"LSC deleted from {kept_in}" if ended.erase else "there was no LSC to delete"
        case Operation.FETCH:
            held = (("LSC", applicant.lsc), ("MIC", applicant.mic))
            names = [name for name, certificate in held if certificate is not None]
            return f"asked for certificates; the phone has {' and '.join(names) or 'none'}"


def _refusal(ended: CAPFEnded) -> str:
    if ended.refused:
        return f"by the phone: {ended.refused} (the server ended with {_ending(ended.reason)})"
    if ended.reason is None:
        return "by the server: RETRY_LATER: it is busy; try again in a while"
    return f"by the server: {capf_reason(ended.reason)}"


def _ending(reason: int | None) -> str:
    """Return how the server ended a session that the phone had refused already, in a word."""
    if reason in (Reason.NO_ACTION, Reason.SUCCESS):
        return explain_capf_reason(reason).meaning
    return "RETRY_LATER" if reason is None else f"reason {reason}"


def _described(lsc: Identity) -> str:
    facts = facts_of_untrusted(lsc.certificate)
    subject, issuer = text_of(facts.subject.encode()), text_of(facts.issuer.encode())
    kind = kind_of_untrusted(public_octets(lsc.key))
    return f"{subject}, {kind}, serial {facts.serial.hex().upper()}, issued by {issuer}"
