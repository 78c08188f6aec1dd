"""What a boot starts from."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.boot.enrolling import Identities
from secd.configuration import Configuration
from secd.models import Model
from secd.trust import Installed, Voucher


@dataclass(frozen=True, slots=True)
class Phone:
    """What a boot starts from: the phone, and what its flash holds.

    device -- SEP and the MAC address, as in file names. servers -- logical addresses of the TFTP
    servers, primary first. configuration -- the last good one. vouchers -- the TVS cache.
    round_limit -- after how many retries without CTL an observer stops watching a phone that
    would go on for ever; None: never. firmware_key -- the key that firmware is signed with, where
    the user has it. ring_menu -- somebody opens the menu of the rings. identities -- LSC and MIC.
    """

    device: str
    model: Model
    servers: tuple[str, ...]
    installed: Installed = field(default_factory=Installed)
    configuration: Configuration | None = None
    vouchers: tuple[Voucher, ...] = ()
    round_limit: int | None = None
    firmware_key: rsa.RSAPublicKey | None = None
    ring_menu: bool = False
    identities: Identities = field(default_factory=Identities)
