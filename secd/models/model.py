"""A phone model under a firmware load, as values.

Everything in which phones differ stands here as data; no code asks for a model's name. The values
come from `secd/models/data/*.toml`, where each carries its source.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from secd.models.tls import TLSProfile
from secd.words import Transport


class Generation(StrEnum):
    """The classes of the decision table."""

    P0 = "P0"  # 7940, 7960: no ITL, no TVS
    P1 = "P1"  # 79x1, 79x2, 79x5
    P2 = "P2"  # 89xx, 99xx
    P3 = "P3"  # 78xx, 88xx


class FirstCTLWithITL(StrEnum):
    """Row L2: what a first CTL is measured by when an ITL is stored."""

    AUTHENTICATE = "authenticate"
    IMPRINT = "imprint"


class Absent(StrEnum):
    """Rows L15 and L16: what an empty or missing list does to the installed one."""

    KEEP = "keep"
    ERASE = "erase"


class CCMPeer(StrEnum):
    """Row T1: where the certificate of a call manager must stand."""

    CTL_ONLY_IF_STORED = "ctl_only_if_stored"
    CTL_OR_ITL = "ctl_or_itl"


class CAPFByTVS(StrEnum):
    """Row T2: when TVS may vouch for a CAPF server."""

    ONLY_IF_UNLISTED = "only_if_unlisted"
    ALWAYS = "always"
    NEVER = "never"


class TVSFlush(StrEnum):
    """Which accepted lists make the phone forget what TVS vouched for."""

    ANY_LIST = "any_list"
    CTL = "ctl"


class P0AddressFields(StrEnum):
    """Rows S1 and S2: which record fields hold the address of a TFTP server."""

    EITHER = "either"
    IP_ADDRESS = "ip_address"
    DNS_NAME = "dns_name"


@dataclass(frozen=True, slots=True)
class Switches:
    """Every doubt of the decision table (its section 5) as a switch with its default."""

    first_ctl_with_itl: FirstCTLWithITL = FirstCTLWithITL.AUTHENTICATE
    first_list_self_check: bool = True
    ctl_signer_in_itl: bool = True
    itl_signer_functions: frozenset[int] = frozenset({0, 2})
    identical_shortcut: bool = True
    rollback_needs_no_ctl: bool = True
    empty_itl_functions: frozenset[int] = frozenset({1, 2, 3, 21})
    zero_length: Absent = Absent.KEEP
    not_found: Absent = Absent.KEEP
    ccm_peer: CCMPeer = CCMPeer.CTL_ONLY_IF_STORED
    capf_tvs: CAPFByTVS = CAPFByTVS.ONLY_IF_UNLISTED
    tvs_sgn_roles: frozenset[int] = frozenset({0, 2, 3})
    tvs_negative_cache: bool = False
    tvs_flush: TVSFlush = TVSFlush.ANY_LIST
    p0_address_fields: P0AddressFields = P0AddressFields.EITHER
    p0_asks_unlisted_server: bool = False
    check_dates: bool = False
    check_timestamp: bool = False
    check_sgn_name: bool = False


@dataclass(frozen=True, slots=True)
class TFTPOptions:
    """What a load asks for in its read requests; 0 or False: the option is not sent.

    block_bytes -- RFC 2348. window_blocks -- RFC 7440. transfer_size -- RFC 2349 tsize.
    timeout_option_seconds -- RFC 2349 timeout.
    retransmit_seconds -- how long the phone waits before it sends its last packet again.
    retransmissions -- the budget: how often it does so in a row before it gives up.
    """

    block_bytes: int
    window_blocks: int
    transfer_size: bool
    timeout_option_seconds: int
    retransmit_seconds: float
    retransmissions: int


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where the phone puts what it fetches; patterns with {name} for the base name.

    further -- all other files.
    """

    ctl: str
    itl: str
    configuration: str
    soft_keys: str
    further: str


@dataclass(frozen=True, slots=True)
class Model:
    """One phone model under one firmware load.

    name -- the number on the phone: 7961. load -- the firmware's name: SCCP41.8-5-2S.
    security_by_default -- asks for an ITL and for TVS (all but P0).
    digests -- digest numbers (header tag 8) that the load verifies.
    modulus_bits -- sizes of signers' RSA keys that the load verifies, in bits.
    itl_limit_bytes -- a larger ITL does not load; 0: no limit known.
    size_limit_bytes -- no transfer may be larger, in octets.
    firmware_limit_bytes -- the same for files of a firmware load.
    printed_limit_bytes -- the limit that requests name in the log; 0: they name none.
    secure_no_ctl_retries -- how often a phone in a secure mode without CTL goes back to asking
        for it; None: without end.
    retry_seconds -- the pause before it does.
    transports -- in the order tried. tls -- what the phone offers as a client.
    console_family, status_family -- tables of `statusmsgs`.
    locale_archive -- file name of the locale, {protocol} being sip or sccp; empty: not known.
    ring_lists -- what the phone asks for when the menu of its rings is opened.
    worker_id -- number of the transfer process where it is constant, 0 where each has its own.
    first_task_id -- number of the first task of a boot; later ones count up.
    """

    name: str
    generation: Generation
    load: str
    security_by_default: bool
    protocols: tuple[str, ...]
    digests: frozenset[int]
    modulus_bits: frozenset[int]
    itl_limit_bytes: int
    size_limit_bytes: int
    firmware_limit_bytes: int
    printed_limit_bytes: int
    secure_no_ctl_retries: int | None
    retry_seconds: float
    transports: tuple[Transport, ...]
    tls: TLSProfile
    tftp: TFTPOptions
    destinations: Destinations
    console_family: str
    status_family: str
    worker_id: int
    locale_archive: str
    ring_lists: tuple[str, ...]
    first_task_id: int
    switches: Switches = field(default_factory=Switches)

    @property
    def has_mic(self) -> bool:
        """Whether phones of this model leave the factory with a certificate.

        All but 7940 and 7960 do (CUCM security guide, table of supported models).
        """
        return self.generation is not Generation.P0
