"""Checklist steps 3 to 5: phones' copies against what is served, and what they say to that."""

from collections.abc import Iterator, Mapping, Sequence

from firmware_sim.administration.checking.findings import Finding, FindingKind, found
from firmware_sim.administration.checking.judging import (
    Files,
    Outcome,
    PhoneOutcome,
    files_of,
    judge,
    md5_matches,
)
from firmware_sim.administration.checking.lists import md5_of
from firmware_sim.administration.checking.site import HeldPhone, Site
from secd.trust import Refuse
from secd.words import FileKind

Outcomes = Mapping[str, tuple[Files, PhoneOutcome]]


def outcomes_of(site: Site, phone: HeldPhone) -> Outcomes:
    """Return what a phone says to what each node serves now, by the node's name."""
    capf = site.nodes[0].capf
    every = {one.node.name: files_of(one, capf, phone.device) for one in site.nodes}
    return {name: (files, judge(site, phone, files)) for name, files in every.items()}


def check_phone(site: Site, phone: HeldPhone, outcomes: Outcomes) -> Iterator[Finding]:
    """Yield what is out of step between a phone and the nodes."""
    if phone.device not in site.cluster.devices:
        yield found(FindingKind.PHONE_UNKNOWN, phone.device)
    yield from _check_list(phone, FileKind.CTL, outcomes)
    if phone.model.security_by_default:
        yield from _check_list(phone, FileKind.ITL, outcomes)
    for name, (_, outcome) in outcomes.items():
        refused = FindingKind.PHONE_REFUSES_CONFIGURATION
        yield from _refusals(refused, phone, name, [outcome.configuration])
        refused = FindingKind.PHONE_REFUSES_CALLMANAGER
        yield from _refusals(refused, phone, name, [outcome.callmanager])
    publisher = site.nodes[0].node.name
    capf = outcomes[publisher][1].capf
    yield from _refusals(FindingKind.PHONE_REFUSES_CAPF, phone, publisher, [capf])


def _check_list(phone: HeldPhone, kind: FileKind, outcomes: Outcomes) -> Iterator[Finding]:
    held = phone.installed.of(kind)
    served = {name: _served(files, kind) for name, (files, _) in outcomes.items()}
    answers = {name: _answer(outcome, kind) for name, (_, outcome) in outcomes.items()}
    for name, answer in answers.items():
        if isinstance(answer, Refuse):
            yield _refusal(FindingKind.PHONE_REFUSES_LIST, phone, name, answer, list=kind.value)
    if any(isinstance(answer, Refuse) for answer in answers.values()):
        return
    if any(md5_matches(held, octets) for octets in served.values()):
        return
    there = {name: octets for name, octets in served.items() if octets is not None}
    name, octets = next(iter(there.items()), ("", None))
    if octets is None:
        if held is not None:
            yield found(FindingKind.PHONE_KEEPS_LIST, phone.device, list=kind.value)
        return
    if held is None:
        yield found(FindingKind.PHONE_NO_LIST, phone.device, list=kind.value)
        return
    answer = answers[name]
    values = {
        "list": kind.value,
        "held": md5_of(held.octets),
        "served": md5_of(octets),
        "node": name,
        "reason": "" if answer is None else answer.reason.value,
    }
    yield found(FindingKind.PHONE_OLD_LIST, phone.device, **values)


def _refusals(
    kind: FindingKind, phone: HeldPhone, node: str, answers: Sequence[Outcome | None]
) -> Iterator[Finding]:
    return (_refusal(kind, phone, node, answer) for answer in answers if isinstance(answer, Refuse))


def _refusal(
    kind: FindingKind, phone: HeldPhone, node: str, answer: Refuse, **values: str
) -> Finding:
    values |= {"node": node, "reason": answer.reason.value, "detail": answer.evidence.detail}
    return found(kind, phone.device, model=phone.model.name, **values)


def _served(files: Files, kind: FileKind) -> bytes | None:
    return files.ctl if kind is FileKind.CTL else files.itl


def _answer(outcome: PhoneOutcome, kind: FileKind) -> Outcome | None:
    return outcome.ctl if kind is FileKind.CTL else outcome.itl
