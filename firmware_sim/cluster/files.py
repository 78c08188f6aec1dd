"""What a TFTP (or HTTP) server answers: the core without any network.

`answer(requester, name)` returns octets or `NotFound`. Names are compared exactly, case included:

    CTLSEP<MAC>.tlv, CTLFile.tlv    the CTL, if there is one, for every phone the same
    ITLSEP<MAC>.tlv, ITLFile.tlv    the ITL of the serving node, for every phone the same
    SEP<MAC>.cnf.xml                the device's configuration, unsigned
    SEP<MAC>.cnf.xml.sgn            … signed by the serving node's CallManager key
    SEP<MAC>.cnf.xml.enc.sgn        … encrypted to the device and signed; only where that is on
                                    and its LSC or MIC is known and has an RSA key
    NAME, NAME.sgn                  a common file (soft keys, dial rules, tones), plain or signed
    XMLDefault.cnf.xml              only while autoregistration is on; unsigned

With encryption on, the first two configurations hold the minimal one. Where the certificate of the
device has an EC key, to which nobody knows how to encrypt, certHash is empty, as where there is
none: the phone asks CAPF for another.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from firmware_sim.cluster.configuration import (
    default_configuration,
    device_configuration,
    minimal_configuration,
)
from firmware_sim.cluster.lists import CTL_FILE, ITL_FILE, ctl_file, itl_file
from firmware_sim.cluster.signing import encrypt_and_sign_file, encryption_recipient, sign_file
from firmware_sim.cluster.state import Cluster, Device, Node

DEFAULT_CONFIGURATION = "XMLDefault.cnf.xml"
_LIST_OF_A_DEVICE = re.compile(r"(CTL|ITL)SEP[0-9A-F]{12}\.tlv", re.ASCII)
_SGN = ".sgn"
_PLAIN = ".cnf.xml"
_SIGNED = ".cnf.xml.sgn"
_ENCRYPTED = ".cnf.xml.enc.sgn"
_ASKED_KEPT = 1000


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such file. name -- as requested."""

    name: str


class FileSource(Protocol):
    """Something that has files: what the lab's servers serve."""

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        """Return the file. requester -- device name or address of who asks."""
        ...

    def served_name(self, name: str) -> str:
        """Return the name of the file that stands behind the requested name, for traces."""
        ...


def _as_it_is(device: Device) -> Device:
    return device


@dataclass(slots=True)
class ClusterFiles:
    """The files of a cluster as one of its nodes serves them.

    node -- None: the publisher, whoever that is when a file is asked for.
    device_now -- gives a device with what somebody else knows of it better: CAPF its certificate.
    asked -- who asked for which name, the last thousand requests, oldest first.
    """

    cluster: Cluster
    node: Node | None = None
    device_now: Callable[[Device], Device] = _as_it_is
    asked: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_ASKED_KEPT))

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        """Return the file of this name, made now, or NotFound.

        `Cluster.overrides` come first: by the name asked for, then by the name served, so that
        an override of `CTLFile.tlv` reaches every phone and one of `CTLSEP<MAC>.tlv` only one.
        Raises UnsupportedKey when a file cannot be signed with the key the cluster has for it.
        """
        self.asked.append((requester, name))
        overrides = self.cluster.overrides
        served = self.served_name(name)
        override = overrides.get(name, overrides.get(served))
        if override is not None:
            return override
        octets = self._made(served)
        return NotFound(name) if octets is None else octets

    def served_name(self, name: str) -> str:
        """Return the name as CUCM's TFTP trace has it: `CTLFile.tlv` for a device's CTL."""
        match = _LIST_OF_A_DEVICE.fullmatch(name)
        return name if match is None else f"{match[1]}File.tlv"

    def _made(self, name: str) -> bytes | None:
        cluster = self.cluster
        node = self.node or cluster.publisher
        if name == CTL_FILE:
            return ctl_file(cluster)
        if name == ITL_FILE:
            return itl_file(cluster, node)
        if name == DEFAULT_CONFIGURATION:
            return default_configuration(cluster) if cluster.autoregistration else None
        common = self._common(name, node)
        return self._configuration(name, node) if common is None else common

    def _common(self, name: str, node: Node) -> bytes | None:
        cluster = self.cluster
        if name in cluster.common_files:
            return cluster.common_files[name]
        payload = cluster.common_files.get(name.removesuffix(_SGN))
        if payload is None or not name.endswith(_SGN):
            return None
        return sign_file(
            name, payload, node.callmanager, cluster.digest, cluster.changed_at_seconds
        )

    def _configuration(self, name: str, node: Node) -> bytes | None:
        stem, dot, rest = name.partition(".")
        device, suffix = self.cluster.devices.get(stem), dot + rest
        if device is None or suffix not in (_PLAIN, _SIGNED, _ENCRYPTED):
            return None
        device = self.device_now(device)
        if suffix == _ENCRYPTED:
            return self._encrypted(name, device, node)
        make = minimal_configuration if device.encrypted_configuration else device_configuration
        payload = make(self.cluster, device)
        if suffix == _PLAIN:
            return payload
        cluster = self.cluster
        return sign_file(
            name, payload, node.callmanager, cluster.digest, cluster.changed_at_seconds
        )

    def _encrypted(self, name: str, device: Device, node: Node) -> bytes | None:
        cluster = self.cluster
        recipient = encryption_recipient(device.certificate)
        if recipient is None or not device.encrypted_configuration:
            return None
        return encrypt_and_sign_file(
            name,
            device_configuration(cluster, device),
            recipient,
            cluster.random,
            node.callmanager,
            cluster.digest,
            cluster.changed_at_seconds,
        )
