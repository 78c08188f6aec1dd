"""What is out of step, as values; how it is worded stands in `texts.toml`."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """Kinds of findings: keys of the table `finding` in texts.toml."""

    EXPIRED = "expired"
    EXPIRING = "expiring"
    NO_CTL = "no_ctl"
    CTL_UNREADABLE = "ctl_unreadable"
    CTL_NOT_VERIFIED = "ctl_not_verified"
    CTL_DIFFERS = "ctl_differs"
    CTL_LEFT = "ctl_left"
    CTL_LACKS_NODE = "ctl_lacks_node"
    CTL_OTHER_SERVER = "ctl_other_server"
    CTL_OLD_ADDRESS = "ctl_old_address"
    CTL_OLD_CERTIFICATE = "ctl_old_certificate"
    CTL_CERTIFICATES_LEFT = "ctl_certificates_left"
    LIST_TOO_LARGE = "list_too_large"
    TFTP_OLD = "tftp_old"
    ITL_UNREADABLE = "itl_unreadable"
    ITL_OTHER_SIGNER = "itl_other_signer"
    CALLMANAGER_OLD = "callmanager_old"
    TVS_OLD = "tvs_old"
    CAPF_OLD = "capf_old"
    ROLLBACK = "rollback"
    WOULD_LOCK = "would_lock"
    PHONE_OLD_LIST = "phone_old_list"
    PHONE_NO_LIST = "phone_no_list"
    PHONE_KEEPS_LIST = "phone_keeps_list"
    PHONE_REFUSES_LIST = "phone_refuses_list"
    PHONE_REFUSES_CONFIGURATION = "phone_refuses_configuration"
    PHONE_REFUSES_CAPF = "phone_refuses_capf"
    PHONE_REFUSES_CALLMANAGER = "phone_refuses_callmanager"
    PHONE_UNKNOWN = "phone_unknown"


# Worth knowing, and nothing has to be done about it now.
NOTES = frozenset(
    {
        FindingKind.EXPIRING,
        FindingKind.CTL_LEFT,
        FindingKind.CTL_OTHER_SERVER,
        FindingKind.PHONE_KEEPS_LIST,
        FindingKind.PHONE_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing. place -- a node, a device or `cluster`. values -- for its text, by name."""

    kind: FindingKind
    place: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def is_note(self) -> bool:
        """Tell whether everything is in step in spite of it."""
        return self.kind in NOTES


def found(kind: FindingKind, place: str, **values: str) -> Finding:
    """Return a finding with the values of its text."""
    return Finding(kind, place, tuple(values.items()))


def is_in_step(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing but notes was found."""
    return all(finding.is_note for finding in findings)
