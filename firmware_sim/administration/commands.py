"""What administrators do to a cluster; each command edits a `Draft`, which is written as a whole.

Nothing here changes what phones are served: that is done by restarting services only. What
restarts services by itself, or puts lists in their place, stands in `network` and `recovery`.
"""

from dataclasses import replace
from enum import StrEnum

from cryptography.x509.oid import NameOID

from firmware_sim.administration.directory import Draft
from firmware_sim.cluster import (
    CertificateMaker,
    CTLKind,
    KeySource,
    Node,
    Release,
    Subject,
    TrustedCertificate,
    TrustStore,
    ctl_file,
    listed_token,
)
from secd.certs import load_certificate_untrusted
from secd.errors import MalformedFile, UnusableInput

LIST_LIMIT_BYTES = 64 * 1024  # a larger list does not load on phones (security by default guide)
AUTOREGISTRATION_IN_MIXED_MODE = Release(11, 5, 1)  # 200716
_SUBJECT = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.COUNTRY_NAME,
)


class Unit(StrEnum):
    """Certificates of a node, as `set cert regen` names them."""

    CALLMANAGER = "CallManager"
    TVS = "TVS"
    CAPF = "CAPF"
    ITL_RECOVERY = "ITLRecovery"


class Service(StrEnum):
    """Services that can be restarted, as `utils service` names them."""

    TFTP = "Cisco Tftp"
    CALLMANAGER = "Cisco CallManager"
    TVS = "Cisco Trust Verification Service"
    CAPF = "Cisco Certificate Authority Proxy Function"


def set_mixed_mode(draft: Draft, now_seconds: int) -> None:
    """`utils ctl set-cluster mixed-mode`: a CTL signed by the publisher.

    Before 11.5 autoregistration ends with it (seed guide); later it goes on (200716).
    """
    draft.cluster.mixed_mode = True
    if draft.cluster.release < AUTOREGISTRATION_IN_MIXED_MODE:
        draft.cluster.autoregistration = False
    write_new_ctl(draft, now_seconds)


def set_non_secure_mode(draft: Draft, now_seconds: int) -> None:
    """`utils ctl set-cluster non-secure-mode`: the CTL stays, without CallManager certificates.

    Raises UnusableInput for a cluster that is not in mixed mode.
    """
    if not draft.cluster.mixed_mode:
        raise UnusableInput("the cluster is in non-secure mode already")
    draft.cluster.mixed_mode = False
    write_new_ctl(draft, now_seconds)


def update_ctl(draft: Draft, now_seconds: int) -> None:
    """`utils ctl update CTLFile`. Raises UnusableInput for a cluster without CTL."""
    if draft.cluster.ctl is None:
        raise UnusableInput(
            "there is no CTL to update; utils ctl set-cluster mixed-mode makes the first one"
        )
    write_new_ctl(draft, now_seconds)


def write_new_ctl(draft: Draft, now_seconds: int) -> bytes:
    """Make the tokenless CTL anew, write it to every node and return it.

    Raises UnusableInput for one that phones do not load.
    """
    cluster = draft.cluster
    cluster.ctl, cluster.changed_at_seconds = CTLKind.TOKENLESS, now_seconds
    octets = ctl_file(cluster)
    if octets is None:
        raise RuntimeError("a cluster with a kind of CTL has a CTL")
    write_ctl(draft, octets)
    return octets


def write_ctl(draft: Draft, octets: bytes) -> None:
    """Write a CTL to every node. Raises UnusableInput for one that phones do not load."""
    if len(octets) > LIST_LIMIT_BYTES:
        raise UnusableInput(
            f"the CTL would have {len(octets)} octets; phones load no more than {LIST_LIMIT_BYTES}"
        )
    draft.write_ctl(octets)


def prepare_rollback(draft: Draft, wanted: bool) -> None:
    """Set the enterprise parameter "Prepare Cluster for Rollback to Pre 8.0"."""
    draft.cluster.rollback = wanted


def import_trust(draft: Draft, store: TrustStore, certificate: bytes) -> None:
    """`set cert import trust`: TVS vouches for this certificate (DER) from now on.

    Raises UnusableInput for one whose fields or key lists cannot carry.
    """
    try:
        listed_token(certificate)
    except MalformedFile as error:
        raise UnusableInput(f"the certificate cannot be used: {error}") from None
    trusted = TrustedCertificate(store, certificate)
    if trusted not in draft.cluster.trusted:
        draft.cluster.trusted.append(trusted)


def regenerate(
    draft: Draft,
    unit: Unit,
    node: Node,
    keys: KeySource,
    now_seconds: int,
    host: str | None = None,
) -> None:
    """`set cert regen`: a new key and a new self-signed certificate with the old one's name.

    host -- the node's new name, which then stands in the certificate. CAPF gets a new random
    suffix (seed guide). Raises UnusableInput for CAPF and ITLRecovery on a node that is not the
    publisher, and for a certificate that is not named as CUCM names its own.
    """
    cluster = draft.cluster
    if unit in (Unit.CAPF, Unit.ITL_RECOVERY) and node is not cluster.publisher:
        raise UnusableInput(f"{unit} is the publisher's: name {cluster.publisher.name}")
    old = {
        Unit.CALLMANAGER: node.callmanager,
        Unit.TVS: node.tvs,
        Unit.CAPF: cluster.capf,
        Unit.ITL_RECOVERY: cluster.itl_recovery,
    }[unit]
    maker = CertificateMaker(keys, cluster.random, now_seconds, bits=old.key.key_size)
    subject = _subject_of(old.certificate)
    if unit is Unit.CAPF:
        suffix = f"{cluster.random.getrandbits(32):08x}"
        subject = replace(subject, common_name=f"CAPF-{suffix}")
    elif host is not None:
        prefix = "ITLRECOVERY_" if unit is Unit.ITL_RECOVERY else ""
        subject = replace(subject, common_name=prefix + host)
    new = maker.self_signed(subject)
    match unit:
        case Unit.CALLMANAGER:
            node.callmanager = new
        case Unit.TVS:
            node.tvs = new
        case Unit.CAPF:
            cluster.capf = new
        case Unit.ITL_RECOVERY:
            cluster.itl_recovery = new


def restart(draft: Draft, service: Service, node: Node, now_seconds: int) -> None:
    """`utils service restart`: TFTP loads lists and key, the others their certificates.

    Raises UnsupportedKey when the ITL cannot be made, UnusableInput for CAPF on a node that is
    not the publisher.
    """
    match service:
        case Service.TFTP:
            draft.cluster.changed_at_seconds = now_seconds  # the ITL is signed now
            draft.load_tftp(node)
        case Service.CALLMANAGER:
            draft.load_callmanager(node)
        case Service.TVS:
            draft.load_tvs(node)
        case Service.CAPF:
            publisher = draft.cluster.publisher
            if node is not publisher:
                raise UnusableInput(f"CAPF runs on the publisher: name {publisher.name}")
            draft.load_capf()


def _subject_of(der: bytes) -> Subject:
    name = load_certificate_untrusted(der).subject
    values = {attribute.oid: str(attribute.value) for attribute in name}
    try:
        return Subject(*(values[oid] for oid in _SUBJECT))
    except KeyError as missing:
        raise UnusableInput(
            f"the certificate lacks {missing} in its subject; it is none of CUCM's"
        ) from None
