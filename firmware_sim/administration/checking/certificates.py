"""Checklist step 1: the certificates of all nodes, with serial number, common name and dates."""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_sim.administration.checking.findings import Finding, FindingKind, found
from firmware_sim.administration.checking.site import Site
from firmware_sim.administration.commands import Unit
from secd.certs import CertificateFacts, facts_of_untrusted

# Certificate Monitor of CUCM tells of an expiry so long before, unless it is told otherwise (?).
_NOTICE_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """A certificate as configured."""

    node: str
    unit: Unit
    facts: CertificateFacts


def certificates_of(site: Site) -> list[NodeCertificate]:
    """Return those of all nodes, the publisher's first. Raises MalformedFile."""
    cluster = site.cluster
    rows = []
    for node in cluster.nodes:
        rows += [(node, Unit.CALLMANAGER, node.callmanager), (node, Unit.TVS, node.tvs)]
        if node is cluster.publisher:
            rows += [(node, Unit.CAPF, cluster.capf)]
            rows += [(node, Unit.ITL_RECOVERY, cluster.itl_recovery)]
    return [
        NodeCertificate(node.name, unit, facts_of_untrusted(credential.certificate))
        for node, unit, credential in rows
    ]


def check_certificates(site: Site) -> Iterator[Finding]:
    """Yield those that have expired or soon will."""
    for one in certificates_of(site):
        left = one.facts.not_after_seconds - site.now_seconds
        if left < 0:
            yield found(FindingKind.EXPIRED, one.node, unit=one.unit)
        elif left < _NOTICE_SECONDS:
            days = str(int(left // 86_400))
            yield found(FindingKind.EXPIRING, one.node, unit=one.unit, days=days)
