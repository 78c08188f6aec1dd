"""How the commands word a phone's own certificates, and what CAPF did to them."""

from datetime import UTC, datetime

from secd.boot import Identities
from secd.capf import Identity, kind_of_untrusted, public_octets
from secd.certs import facts_of_untrusted
from secd.cli.wording import serial_text
from secd.trace import CAPFServerPassedOver, EnrolmentEnded, LSCInstalled
from secd.words import EnrolmentOutcome
from statusmsgs import explain_capf_reason

# CUCM's and phones' words: an LSC is Installed or Not Installed (guides of 79xx and 88xx).
_OUTCOMES = {
    EnrolmentOutcome.DELETED: "deleted, as CAPF asked",
    EnrolmentOutcome.FETCHED: "shown to CAPF (Troubleshoot)",
    EnrolmentOutcome.NOTHING_SCHEDULED: "CAPF has nothing scheduled for this device",
    EnrolmentOutcome.NO_CERTIFICATE: (
        "not asked for: By Existing Certificate, and the phone has neither LSC nor MIC"
    ),
    EnrolmentOutcome.NO_VALID_SERVER: (
        "not asked for: no CAPF server is configured whose certificate the phone trusts. "
        "What to do: compare the CAPF record of the CTL or ITL with the certificate of CAPF; "
        "after a new CAPF certificate, make a new CTL and restart TFTP"
    ),
    EnrolmentOutcome.UNREACHABLE: "not asked for: no CAPF server could be reached",
}


def capf_reason(code: int) -> str:
    """Return a reason of END_SESSION with its meaning and cure, as far as a source gives them."""
    text = explain_capf_reason(code)
    cure = f". What to do: {text.cure}" if text.cure else ""
    return f"reason {code}: {text.meaning}{cure}"


def certificate_lines(identities: Identities) -> list[str]:
    """Return what the phone holds of its own, a line or two each."""
    return [*_lines("LSC", identities.lsc), *_lines("MIC", identities.mic)]


def _lines(name: str, identity: Identity | None) -> list[str]:
    if identity is None:
        return [f"{name}  Not Installed"]
    facts = facts_of_untrusted(identity.certificate)
    kind = kind_of_untrusted(public_octets(identity.key))
    until = datetime.fromtimestamp(facts.not_after_seconds, UTC)
    return [
        f"{name}  Installed: {facts.common_name}, {kind}, until {until:%Y-%m-%d}",
        f"     serial {serial_text(facts.serial)}",
    ]


def enrolment_sentence(event: object) -> str | None:
    """Return what an event means for the LSC, None where it says nothing about it."""
    match event:
        case LSCInstalled(subject, _, _, kind, renewed):
            return f"{'renewed' if renewed else 'installed'}: {subject}, {kind}"
        case EnrolmentEnded(EnrolmentOutcome.REFUSED, code, ""):
            return f"CAPF refused, {capf_reason(code)}"
        case EnrolmentEnded(EnrolmentOutcome.REFUSED, _, detail):
            return f"the phone refused: {detail}"
        case EnrolmentEnded(outcome):
            return _OUTCOMES.get(outcome)  # INSTALLED has its own event
        case CAPFServerPassedOver(server, port, text):
            return f"CAPF server {server} port {port}: {text}"
        case _:
            return None
