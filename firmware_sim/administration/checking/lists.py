"""Checklist steps 2 and 3: the CTL against the certificates, what is served against the disk.

A CTL is as old as a certificate in it that is no longer its node's: that is exact, where the
checklist compares the dates; both dates are told.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from firmware_sim.administration.checking.findings import Finding, FindingKind, found
from firmware_sim.administration.checking.site import RunningNode, Site
from firmware_sim.administration.commands import LIST_LIMIT_BYTES, Unit
from firmware_sim.cluster import Credential, CTLKind, Node, ctl_file, itl_file
from secd.certs import facts_of_untrusted
from secd.errors import MalformedFile, UnsupportedKey, UnusableInput
from secd.text import text_of
from secd.trust import verifies_itself
from secd.trustlist import Function, Record, TrustList, decode_trust_list_untrusted

_TOKEN = b'cn="SAST-'  # how the name of a token begins in a list (118892)
_SERVERS = (Function.CCM, Function.CCM_TFTP, Function.TFTP)


def check_ctl(site: Site) -> Iterator[Finding]:
    """Yield what is wrong with the CTL on the nodes' disks."""
    first = site.nodes[0].disk_ctl
    for one in site.nodes:
        name = one.node.name
        if one.disk_ctl != first:
            values = {"md5": md5_of(one.disk_ctl), "published": md5_of(first)}
            yield found(FindingKind.CTL_DIFFERS, name, **values)
        if one.disk_ctl is not None and (one is site.nodes[0] or one.disk_ctl != first):
            yield from _check_file(site, one, one.disk_ctl)
    if first is None and site.cluster.mixed_mode:
        yield found(FindingKind.NO_CTL, "cluster")
    if first is not None and not site.cluster.mixed_mode:
        yield found(FindingKind.CTL_LEFT, "cluster")


def check_served(site: Site) -> Iterator[Finding]:
    """Yield what each node's TFTP serves that is older than what there is."""
    for one in site.nodes:
        name = one.node.name
        if len(one.itl) > LIST_LIMIT_BYTES:
            yield found(FindingKind.LIST_TOO_LARGE, name, list="ITL", size=str(len(one.itl)))
        older = []
        if one.ctl != one.disk_ctl:
            older.append("the CTL")
        try:
            served = decode_trust_list_untrusted(one.itl)
        except MalformedFile as error:
            yield found(FindingKind.ITL_UNREADABLE, name, error=str(error))
        else:
            today = fresh_itl(site, one.node)
            if _content(served) != _content(today) or _signers(served) - _own_keys(site):
                older.append("the ITL")
            elif served.header.signer != today.header.signer:
                signer = text_of(served.header.signer.name).partition(";")[0]
                yield found(FindingKind.ITL_OTHER_SIGNER, name, signer=signer)
        if one.tftp != one.node.callmanager.certificate:
            older.append("CallManager.pem, which signs files")
        if older:
            yield found(FindingKind.TFTP_OLD, name, what=" and ".join(older))


def check_services(site: Site) -> Iterator[Finding]:
    """Yield the other services that run with an old certificate, and the rollback parameter."""
    for one in site.nodes:
        name = one.node.name
        if one.callmanager != one.node.callmanager.certificate:
            yield found(FindingKind.CALLMANAGER_OLD, name)
        if one.tvs != one.node.tvs.certificate:
            yield found(FindingKind.TVS_OLD, name)
        if one.capf is not None and one.capf != site.cluster.capf.certificate:
            yield found(FindingKind.CAPF_OLD, name)
    if site.cluster.rollback:
        yield found(FindingKind.ROLLBACK, "cluster")


def fresh_itl(site: Site, node: Node) -> TrustList:
    """Return the ITL that the node's TFTP would make if it were restarted now.

    Raises UnusableInput where the cluster's key cannot sign.
    """
    try:
        return decode_trust_list_untrusted(itl_file(site.cluster, node))
    except UnsupportedKey as error:
        raise UnusableInput(f"{node.name}: its ITL cannot be signed: {error}") from None


def fresh_ctl(site: Site) -> TrustList:
    """Return the CTL that `utils ctl update` would make now. Raises UnusableInput as above."""
    try:
        octets = ctl_file(replace(site.cluster, ctl=CTLKind.TOKENLESS))
    except UnsupportedKey as error:
        raise UnusableInput(f"the CTL cannot be signed: {error}") from None
    if octets is None:
        raise RuntimeError("a cluster with a kind of CTL has a CTL")
    return decode_trust_list_untrusted(octets)


def md5_of(octets: bytes | None) -> str:
    """Return what phones and `show ctl` print of a file, `(none)` where there is none."""
    if octets is None:
        return "(none)"
    return hashlib.md5(octets, usedforsecurity=False).hexdigest()


def _check_file(site: Site, one: RunningNode, octets: bytes) -> Iterator[Finding]:
    name = one.node.name
    if len(octets) > LIST_LIMIT_BYTES:
        yield found(FindingKind.LIST_TOO_LARGE, name, list="CTL", size=str(len(octets)))
    try:
        ctl = decode_trust_list_untrusted(octets)
    except MalformedFile as error:
        yield found(FindingKind.CTL_UNREADABLE, name, error=str(error))
        return
    if not verifies_itself(ctl):
        yield found(FindingKind.CTL_NOT_VERIFIED, name)
    if one is site.nodes[0]:
        yield from dict.fromkeys(_check_records(site, ctl))


def _check_records(site: Site, ctl: TrustList) -> Iterator[Finding]:
    cluster = site.cluster
    servers = [record for record in ctl.records if record.function in _SERVERS]
    for node in cluster.nodes:
        own = [record for record in servers if record.dns_name == node.name.encode()]
        if not own:
            yield found(FindingKind.CTL_LACKS_NODE, node.name)
        for record in own:
            yield from _check_server(site, ctl, record, node)
    names = {node.name.encode() for node in cluster.nodes}
    for record in servers:
        if record.dns_name not in names:
            server = text_of(record.dns_name or b"")
            yield found(FindingKind.CTL_OTHER_SERVER, "cluster", server=server)
    for record in ctl.records:
        if record.function == Function.CAPF:
            yield from _check_certificate(ctl, record, Unit.CAPF, [cluster.capf], cluster.publisher)
        if record.function == Function.SAST and not (record.subject or b"").startswith(_TOKEN):
            recovery = b"ITLRECOVERY" in (record.subject or b"").upper()
            unit = Unit.ITL_RECOVERY if recovery else Unit.CALLMANAGER
            own_keys = [cluster.itl_recovery, cluster.publisher.callmanager]
            yield from _check_certificate(ctl, record, unit, own_keys, cluster.publisher)


def _check_server(site: Site, ctl: TrustList, record: Record, node: Node) -> Iterator[Finding]:
    if record.ip_address != ip_address(node.address).packed:
        listed = _address(record.ip_address)
        values = {"listed": listed, "address": node.address}
        yield found(FindingKind.CTL_OLD_ADDRESS, node.name, **values)
    if site.cluster.mixed_mode:
        unit = Unit.CALLMANAGER
        yield from _check_certificate(ctl, record, unit, [node.callmanager], node)
    elif record.certificate:
        yield found(FindingKind.CTL_CERTIFICATES_LEFT, node.name)


def _check_certificate(
    ctl: TrustList, record: Record, unit: Unit, now: list[Credential], node: Node
) -> Iterator[Finding]:
    if any(record.certificate == credential.certificate for credential in now):
        return
    current = now[-1] if unit is Unit.CALLMANAGER else now[0]
    facts = facts_of_untrusted(current.certificate)
    yield found(
        FindingKind.CTL_OLD_CERTIFICATE,
        node.name,
        unit=unit,
        listed=(record.serial or b"").hex().upper() or "(no certificate)",
        serial=facts.serial.hex().upper(),
        ctl_date=_day(ctl.header.timestamp or 0),
        date=_day(facts.not_before_seconds),
    )


def _content(itl: TrustList) -> set[tuple[int | None, bytes | None, bytes | None, bytes | None]]:
    """What an ITL says of servers; who may sign lists is apart from it."""
    return {
        (one.function, one.certificate, one.dns_name, one.ip_address)
        for one in itl.records
        if one.function != Function.SAST
    }


def _signers(itl: TrustList) -> set[bytes | None]:
    return {one.certificate for one in itl.records if one.function == Function.SAST}


def _own_keys(site: Site) -> set[bytes | None]:
    keys = {node.callmanager.certificate for node in site.cluster.nodes}
    return {*keys, site.cluster.itl_recovery.certificate}


def _address(packed: bytes | None) -> str:
    try:
        return str(ip_address(packed or b""))
    except ValueError:
        return "(none)"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
