"""A cluster directory, phones that boot against it, administrators who do as they are told."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

from administration_site import DEVICE, KEYS, NOW

from firmware_sim.administration.checking import (
    Finding,
    FindingKind,
    HeldPhone,
    Report,
    Site,
    Step,
    StepKind,
    judge,
    make_report,
)
from firmware_sim.administration.checking.judging import files_of
from firmware_sim.administration.checking.reading import read_site
from firmware_sim.administration.commands import (
    Service,
    Unit,
    prepare_rollback,
    regenerate,
    restart,
    update_ctl,
)
from firmware_sim.administration.directory import Draft, drafting
from firmware_sim.administration.recovery import recovery_signer, reset_ctl, reset_itl
from firmware_sim.cluster import Device
from firmware_sim.cluster.configuration import device_configuration
from secd.configuration import parse_configuration_untrusted
from secd.files.data import model_catalogue
from secd.trust import Installed

MODELS = [model_catalogue().find(name) for name in ("7961", "7960")]
_SERVICES = {
    StepKind.RESTART_TFTP: Service.TFTP,
    StepKind.RESTART_CALLMANAGER: Service.CALLMANAGER,
    StepKind.RESTART_TVS: Service.TVS,
    StepKind.RESTART_TVS_ROLLBACK: Service.TVS,
    StepKind.RESTART_CAPF: Service.CAPF,
}
_later = count(NOW + 1)


def site_of(root: Path) -> Site:
    return read_site(root, NOW)


def report_of(root: Path, *phones: HeldPhone) -> Report:
    return make_report(site_of(root), phones, MODELS)


def found(root: Path, *phones: HeldPhone) -> dict[FindingKind, Finding]:
    return {one.kind: one for one in report_of(root, *phones).findings}


def value(finding: Finding, name: str) -> str:
    return dict(finding.values)[name]


def kinds_of_steps(root: Path, *phones: HeldPhone) -> list[StepKind]:
    return [step.kind for step in report_of(root, *phones).steps]


def new_phone(root: Path, model: str = "7961", device: str = DEVICE) -> HeldPhone:
    """A phone that has just booted for the first time."""
    found = model_catalogue().find(model)
    octets = device_configuration(site_of(root).cluster, Device(device, model))
    configuration = parse_configuration_untrusted(octets)
    return boot(root, HeldPhone(device, found, Installed(), configuration))


def boot(root: Path, phone: HeldPhone) -> HeldPhone:
    """The phone after it has booted against the publisher (its configuration stays)."""
    site = site_of(root)
    files = files_of(site.nodes[0], site.nodes[0].capf, phone.device)
    return replace(phone, installed=judge(site, phone, files).after)


def is_locked(root: Path, phone: HeldPhone) -> bool:
    """Whether it refuses what the publisher serves."""
    site = site_of(root)
    return judge(site, phone, files_of(site.nodes[0], None, phone.device)).refuses_list


def restart_everywhere(root: Path, *services: Service) -> None:
    with drafting(root) as draft:
        for service in services:
            for node in draft.cluster.nodes:
                restart(draft, service, node, next(_later))


def renew(root: Path, *units: Unit, node: str | None = None) -> None:
    with drafting(root) as draft:
        for unit in units:
            regenerate(draft, unit, draft.node(node), KEYS, next(_later))


def follow(root: Path, steps: Iterable[Step], phones: list[HeldPhone]) -> list[HeldPhone]:
    """Do what was advised; return the phones afterwards, those erased by hand among them."""
    for step in steps:
        if step.kind is StepKind.ERASE_BY_HAND:
            phones = [
                replace(phone, installed=Installed())
                if phone.device in step.place.split(", ")
                else phone
                for phone in phones
            ]
        elif step.kind in (StepKind.PHONES_TAKE, StepKind.RESTART_CALLMANAGER):
            phones = [boot(root, boot(root, phone)) for phone in phones]
        if step.kind is not StepKind.PHONES_TAKE:
            with drafting(root) as draft:
                _do(draft, step)
        if step.kind is StepKind.RESTART_CALLMANAGER:
            phones = [boot(root, phone) for phone in phones]
    return phones


def _do(draft: Draft, step: Step) -> None:
    now = next(_later)
    match step.kind:
        case StepKind.UPDATE_CTL:
            update_ctl(draft, now)
        case StepKind.RESET_CTL:
            reset_ctl(draft, now)
        case StepKind.RESET_ITL:
            reset_itl(draft, recovery_signer(draft.cluster), now)
        case StepKind.ROLLBACK_OFF:
            prepare_rollback(draft, False)
        case StepKind.RENEW:
            regenerate(draft, Unit(step.unit), draft.node(step.place), KEYS, now)
        case StepKind.ERASE_BY_HAND | StepKind.UPDATE_CTL_TOKENS | StepKind.PHONES_TAKE:
            pass
        case _:
            restart(draft, _SERVICES[step.kind], draft.node(step.place), now)
