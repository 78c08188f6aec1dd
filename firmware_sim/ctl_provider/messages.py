"""What a CTL Client and a CTL Provider say to each other, as values.

Their octets are in `codec`. Names are those of docs/ctl-provider.md.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

CTL_LIMIT_BYTES: Final = 64 * 1024
NODE_LIMIT: Final = 64
TRANSACTION_BYTES: Final = 16
FINGERPRINT_BYTES: Final = 32


class RefusalReason(IntEnum):
    """Why a provider refuses."""

    WRONG_LOGIN = 1
    TOO_MANY_LOGINS = 2  # from this address; the text says for how long
    NOT_ALLOWED = 3  # the request makes no sense for this node
    BAD_CTL = 4  # the CTL does not fit the node
    CHANGED_MEANWHILE = 5  # the node's CTL is not the one that was collected
    BUSY = 6  # another administrator is changing the cluster
    UNABLE = 7  # the disk is full, the directory cannot be read


@dataclass(frozen=True, slots=True)
class Login:
    """An administrator's name and password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GetCertificates:
    """What does the node tell of itself?"""


@dataclass(frozen=True, slots=True)
class GetCTL:
    """Which CTL does the node hold?"""


@dataclass(frozen=True, slots=True)
class SetMode:
    """The cluster shall be in this mode once the CTL is committed; to the publisher only."""

    mixed: bool


@dataclass(frozen=True, slots=True)
class SaveCTL:
    """Check a CTL, and bring it to the disk beside the one that is there."""

    transaction: bytes
    base: bytes
    ctl: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """Put what was staged into its place."""

    transaction: bytes


Request = Login | GetCertificates | GetCTL | SetMode | SaveCTL | Commit


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Name and password are right."""


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node of the publisher's list. fingerprint -- SHA-256 of what its provider shows."""

    name: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class PublisherFacts:
    """What only the publisher knows. nodes -- all of the cluster, itself first."""

    capf: bytes
    itl_recovery: bytes
    nodes: tuple[ClusterNode, ...]


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a node tells of itself. address -- numeric. callmanager -- DER."""

    name: str
    address: str
    release: str
    mixed_mode: bool
    callmanager: bytes
    publisher: PublisherFacts | None = None


@dataclass(frozen=True, slots=True)
class HeldCTL:
    """The CTL on a node's disk; None: there is none."""

    octets: bytes | None


@dataclass(frozen=True, slots=True)
class ModeNoted:
    """The mode changes with the commit."""


@dataclass(frozen=True, slots=True)
class CTLStaged:
    """The CTL is on the disk and can be committed."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The CTL is in its place, durably."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will not."""

    reason: RefusalReason
    text: str


Answer = LoggedIn | Certificates | HeldCTL | ModeNoted | CTLStaged | Committed | Refused
