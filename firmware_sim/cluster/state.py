"""The state of the lab's cluster: objects that one edits; files are made from them on request.

Nothing here is checked against what an administrator may do: to see what a phone makes of a
cluster in a state that it should not be in is what a lab is for.

A file changes only when the state does: to keep serving an older one (a CTL that was not renewed
after a certificate was), put its octets into `Cluster.overrides`.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from random import Random

from firmware_sim.cluster.credentials import Credential
from firmware_sim.cluster.tokens import SoftToken
from secd.configuration import CAPFMode
from secd.crypto import Digest
from secd.errors import UnusableInput


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """A release of CUCM: 10.5(2) is Release(10, 5, 2)."""

    major: int
    minor: int
    maintenance: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}({self.maintenance})"

    @classmethod
    def parse(cls, text: str) -> "Release":
        """Read `10.5(2)`. Raises UnusableInput."""
        match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\((\d{1,3})\)", text, re.ASCII)
        if match is None:
            raise UnusableInput(f"{text!r} is no release of CUCM; write one like 10.5(2)")
        return cls(*(int(part) for part in match.groups()))


# Releases at which the signers of lists changed (214231, 118893, certificate regeneration guide).
ITL_RECOVERY_LISTED = Release(10, 0, 1)  # a second SAST in the ITL
ITL_RECOVERY_IN_TOKENLESS_CTL = Release(10, 5, 2)
CLUSTER_KEYS_IN_TOKEN_CTL = Release(11, 5, 1)
ITL_RECOVERY_SIGNS = Release(12, 0, 1)  # signs the ITL and the tokenless CTL


class CTLKind(Enum):
    """How the cluster's CTL was made."""

    ETOKEN = "etoken"  # by the CTL client, signed by one of `Cluster.tokens`
    CTL_CLIENT = "ctl_client"  # the same, with tokens that are not here: the file is all there is
    TOKENLESS = "tokenless"  # by `utils ctl`, signed by a key of the publisher


class TrustStore(Enum):
    """Where an administrator uploads a certificate that is not the cluster's own.

    The value is the name in the certificate management of CUCM.
    """

    PHONE_SAST = "Phone-SAST-trust"  # what signs trust lists: tokens, a foreign cluster
    CALLMANAGER = "CallManager-trust"


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """A certificate in a store (DER); TVS vouches for it."""

    store: TrustStore
    certificate: bytes


class SecurityMode(IntEnum):
    """`deviceSecurityMode` of a configuration (SEP<MAC>.cnf.xml reference, usecallmanager.nz)."""

    NON_SECURE = 1
    AUTHENTICATED = 2
    ENCRYPTED = 3


@dataclass(slots=True)
class Node:
    """A server that runs CallManager, TFTP and TVS.

    name -- as configured under System > Server: a host name or a dotted address.
    address -- its IP address.
    """

    name: str
    address: str
    callmanager: Credential
    tvs: Credential


@dataclass(slots=True)
class Device:
    """A phone as the administrator configured it.

    name -- `SEP` and the MAC address in upper case. model -- `7961`.
    load -- the firmware it shall run; empty: what it has.
    protocol -- SCCP or SIP. soft_keys, dial_rules -- names of files among the cluster's common
    ones; empty: none. encrypted_configuration -- "TFTP Encrypted Config" of its profile.
    certificate -- its LSC or MIC (DER, RSA), if the cluster knows it.
    """

    name: str
    model: str
    load: str = ""
    protocol: str = "SCCP"
    security_mode: SecurityMode = SecurityMode.NON_SECURE
    capf_mode: CAPFMode = CAPFMode.NO_PENDING_OPERATION
    soft_keys: str = ""
    dial_rules: str = ""
    encrypted_configuration: bool = False
    certificate: bytes | None = None


@dataclass(slots=True)
class Cluster:
    """A cluster.

    nodes -- the publisher first; also the CallManager group of all devices, in this order.
    itl_recovery -- exists from release 10.0 on, but is held here for every release.
    random -- for serials, AES keys and initialisation vectors.
    changed_at_seconds -- Unix time that files carry as their time of signing.
    tokens -- those in the CTL. signing_token -- index of the one that signs.
    ctl -- how the CTL was made; None: there is none.
    mixed_mode -- False with a CTL: the CTL of a cluster that went back to non-secure mode.
    digest -- "TFTP File Signature Algorithm"; does not concern tokens.
    rollback -- "Prepare Cluster for Rollback to Pre 8.0": the ITL becomes the empty one.
    common_files -- soft keys, dial rules, tones: served as they are, and signed as NAME.sgn.
    network_locale -- directory of the tones, like United_States; empty: none.
    trusted -- certificates that are not the cluster's own and that TVS vouches for.
    overrides -- file name to octets served instead; see `firmware_sim.cluster.files`.
    """

    nodes: list[Node]
    capf: Credential
    itl_recovery: Credential
    release: Release
    random: Random
    changed_at_seconds: int
    tokens: list[SoftToken] = field(default_factory=list)
    signing_token: int = 0
    ctl: CTLKind | None = None
    mixed_mode: bool = False
    digest: Digest = Digest.SHA1
    rollback: bool = False
    autoregistration: bool = False
    devices: dict[str, Device] = field(default_factory=dict)
    overrides: dict[str, bytes] = field(default_factory=dict)
    common_files: dict[str, bytes] = field(default_factory=dict)
    network_locale: str = ""
    trusted: list[TrustedCertificate] = field(default_factory=list)

    @property
    def publisher(self) -> Node:
        """The first node."""
        return self.nodes[0]

    def add_device(self, device: Device) -> Device:
        """Add a device, or put it in the place of the one with this name.

        Raises UnusableInput for a name that no phone can have: file names are made of it.
        """
        if re.fullmatch(r"SEP[0-9A-F]{12}", device.name, re.ASCII) is None:
            raise UnusableInput(
                f"{device.name!a} is no device name: SEP and the MAC address in upper case"
            )
        self.devices[device.name] = device
        return device
