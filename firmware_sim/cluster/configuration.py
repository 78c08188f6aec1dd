"""Configurations of phones, as trees of XML: what SECD reads of them, and little else.

Elements as in the public SEP<MAC>.cnf.xml reference (usecallmanager.nz). CUCM's own files hold
hundreds more, which no layer here looks at.
"""

import hashlib
from collections.abc import Iterable
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from firmware_sim.cluster.signing import certificate_hash, encryption_recipient
from firmware_sim.cluster.state import Cluster, Device, Node, SecurityMode

SCCP_PORT = 2000  # the secure port is this and 443 more
SIP_PORT = 5060
SECURE_SIP_PORT = 5061
TVS_PORT = 2445
CAPF_PORT = 3804
_GROUP_SIZE = 5  # a group of call managers or TVS servers holds no more


def device_configuration(cluster: Cluster, device: Device) -> bytes:
    """Return `SEP<MAC>.cnf.xml` of a device as its administrator meant it."""
    root = Element("device")
    _add(root, "fullConfig", "true")
    _add(root, "deviceProtocol", device.protocol)
    _add(root, "ipAddressMode", "0")
    _call_managers(SubElement(root, "devicePool"), cluster.nodes)
    _tvs_servers(root, cluster.nodes)
    mode = _security_mode(cluster, device)
    _add(root, "transportLayerProtocol", "1" if mode is SecurityMode.NON_SECURE else "3")
    _add(root, "deviceSecurityMode", str(int(mode)))
    _common_end(root, cluster, device)
    _further_files(root, cluster, device)
    return _octets(root, cluster)


def minimal_configuration(cluster: Cluster, device: Device) -> bytes:
    """Return the little that stands beside an encrypted configuration, readable by anyone.

    It tells the phone to which certificate the other file is encrypted, and where CAPF is.
    """
    root = Element("device")
    _add(root, "fullConfig", "false")
    _add(root, "ipAddressMode", "0")
    _common_end(root, cluster, device)
    return _octets(root, cluster)


def default_configuration(cluster: Cluster) -> bytes:
    """Return `XMLDefault.cnf.xml`: where a phone that nobody configured can register itself."""
    root = Element("Default")
    _call_managers(root, cluster.nodes)
    _tvs_servers(root, cluster.nodes)
    return _octets(root, cluster)


def _security_mode(cluster: Cluster, device: Device) -> SecurityMode:
    """Outside mixed mode every device is non-secure, whatever its profile says (inferred)."""
    return device.security_mode if cluster.mixed_mode else SecurityMode.NON_SECURE


def _call_managers(parent: Element, nodes: Iterable[Node]) -> None:
    group = SubElement(parent, "callManagerGroup")
    for member, node in _members(group, nodes):
        manager = SubElement(member, "callManager")
        ports = SubElement(manager, "ports")
        _add(ports, "ethernetPhonePort", str(SCCP_PORT))
        _add(ports, "sipPort", str(SIP_PORT))
        _add(ports, "securedSipPort", str(SECURE_SIP_PORT))
        _add(manager, "processNodeName", node.name)


def _tvs_servers(parent: Element, nodes: Iterable[Node]) -> None:
    for member, node in _members(SubElement(parent, "TVS"), nodes):
        _add(member, "port", str(TVS_PORT))
        _add(member, "address", node.name)


def _members(group: Element, nodes: Iterable[Node]) -> Iterable[tuple[Element, Node]]:
    members = SubElement(group, "members")
    for priority, node in zip(range(_GROUP_SIZE), nodes, strict=False):
        yield SubElement(members, "member", priority=str(priority)), node


def _common_end(root: Element, cluster: Cluster, device: Device) -> None:
    """What full and minimal configurations have in common."""
    _add(root, "loadInformation", device.load)
    _add(root, "capfAuthMode", str(int(device.capf_mode)))
    capf = SubElement(SubElement(root, "capfList"), "capf")
    _add(capf, "phonePort", str(CAPF_PORT))
    _add(capf, "processNodeName", cluster.publisher.name)
    recipient = encryption_recipient(device.certificate) if device.encrypted_configuration else None
    _add(root, "certHash", "" if recipient is None else certificate_hash(recipient))
    _add(root, "encrConfig", "true" if device.encrypted_configuration else "false")


def _further_files(root: Element, cluster: Cluster, device: Device) -> None:
    if device.soft_keys or device.dial_rules:
        profile = SubElement(root, "sipProfile")
        _add(profile, "softKeyFile", device.soft_keys)
        _add(profile, "dialTemplate", device.dial_rules)
    if cluster.network_locale:
        _add(root, "networkLocale", cluster.network_locale)


def _octets(root: Element, cluster: Cluster) -> bytes:
    """Add the stamp that changes exactly when the file does, and write the file."""
    content = hashlib.sha256(tostring(root)).digest()
    _add(root, "versionStamp", f"{cluster.changed_at_seconds}-{UUID(bytes=content[:16])}")
    indent(root)
    text: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
