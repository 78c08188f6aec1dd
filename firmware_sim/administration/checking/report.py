"""The whole check: certificates, findings, what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from firmware_sim.administration.checking.advice import (
    Step,
    advise,
    refusing,
    restarted,
    served,
)
from firmware_sim.administration.checking.certificates import (
    NodeCertificate,
    certificates_of,
    check_certificates,
)
from firmware_sim.administration.checking.findings import (
    Finding,
    FindingKind,
    found,
    is_in_step,
)
from firmware_sim.administration.checking.lists import check_ctl, check_served, check_services
from firmware_sim.administration.checking.phones import check_phone, outcomes_of
from firmware_sim.administration.checking.site import HeldPhone, Site
from firmware_sim.cluster import Device
from firmware_sim.cluster.configuration import device_configuration
from secd.configuration import parse_configuration_untrusted
from secd.errors import MalformedFile
from secd.models import Model
from secd.trust import Installed
from secd.trustlist import TrustList, decode_trust_list_untrusted


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. steps -- in the order in which to do them."""

    certificates: tuple[NodeCertificate, ...]
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]

    @property
    def in_step(self) -> bool:
        """Tell whether nothing but notes was found."""
        return is_in_step(self.findings)


def make_report(site: Site, phones: Sequence[HeldPhone], models: Sequence[Model]) -> Report:
    """Check a cluster and the phones that were given.

    models -- of each one phone is supposed that holds what the publisher serves now.
    """
    findings = [
        *check_certificates(site),
        *check_ctl(site),
        *check_served(site),
        *check_services(site),
    ]
    supposed = list(_supposed_phones(site, models))
    findings += _would_lock(site, supposed, findings)
    later = list(supposed)
    for phone in phones:
        outcomes = outcomes_of(site, phone)
        findings += check_phone(site, phone, outcomes)
        _, outcome = next(iter(outcomes.values()))
        later.append(replace(phone, installed=outcome.after, configuration=outcome.stored))
    steps = advise(site, later, findings)
    return Report(tuple(certificates_of(site)), tuple(findings), steps)


def _would_lock(
    site: Site, supposed: Sequence[HeldPhone], findings: Sequence[Finding]
) -> Iterator[Finding]:
    already = set(refusing(site, supposed, served(site)))
    lists = restarted(site, {finding.kind for finding in findings})
    for device in refusing(site, supposed, lists):
        if device not in already:
            yield found(FindingKind.WOULD_LOCK, "cluster", phone=device)


def _supposed_phones(site: Site, models: Sequence[Model]) -> Iterator[HeldPhone]:
    publisher = site.nodes[0]
    ctl, itl = _read(publisher.ctl), _read(publisher.itl)
    for model in models:
        installed = Installed(ctl, itl if model.security_by_default else None)
        device = Device("SEP000000000000", model.name)
        octets = device_configuration(site.cluster, device)
        configuration = parse_configuration_untrusted(octets)
        yield HeldPhone(f"a {model.name}", model, installed, configuration)


def _read(octets: bytes | None) -> TrustList | None:
    try:
        return None if octets is None else decode_trust_list_untrusted(octets)
    except MalformedFile:
        return None  # it is in the findings
