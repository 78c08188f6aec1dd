"""Why a decision is what it is. Texts and cures for each stand in `statusmsgs`, as data."""

from enum import StrEnum, auto


class Reason(StrEnum):
    """The reasons of the decision table; the comment names the rows that give them."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004
        return name

    # Accepted
    FIRST_LIST = auto()  # L1, L7
    IN_CTL = auto()  # L3, L8, L10, C2, C8
    IN_ITL = auto()  # L2, L4, L10, C2, C8
    TVS_VOUCHED = auto()  # L5, C3, T1, T2, T4
    ROLLBACK_ITL = auto()  # L12
    CHANNEL_AUTHENTICATED = auto()  # C5
    PLAIN_ALLOWED = auto()  # C6
    MANUAL_KEY = auto()  # C10
    FIRMWARE_KEY = auto()  # F2
    PEER_LISTED = auto()  # T1 to T5
    CHAIN_TO_CA = auto()  # T4
    NO_CTL = auto()  # S1
    SERVER_IN_CTL = auto()  # S1
    ADDRESS_NOT_CHECKED = auto()  # S3
    # Nothing changes
    IDENTICAL = auto()  # L14
    EMPTY_FILE = auto()  # L15
    FILE_NOT_FOUND = auto()  # L16, L17, C7, C9
    TRANSFER_FAILED = auto()  # L18
    # Refused
    NOT_SELF_CONSISTENT = auto()  # L1, L7
    SIGNER_UNKNOWN = auto()  # L6, C3: a phone that has no TVS to ask
    TVS_UNREACHABLE = auto()  # L6
    TVS_DENIED = auto()  # L6
    TVS_ROLE_MISSING = auto()  # L6
    TVS_NO_ANCHOR = auto()  # L6, L9, L13, T3
    MALFORMED = auto()  # L19, C4
    SIGNATURE_INVALID = auto()  # L19, C4
    DIGEST_UNSUPPORTED = auto()  # L20
    KEY_UNSUPPORTED = auto()  # L20
    TOO_LARGE = auto()  # L21
    UNSIGNED = auto()  # C4
    CONFIGURATION_UNREADABLE = auto()  # C11
    DECRYPT_FAILED = auto()  # C8, C10
    PEER_NOT_LISTED = auto()  # T1 to T5
    SERVER_NOT_IN_CTL = auto()  # S2
    LIST_NOT_USED = auto()  # an ITL offered to a model that has none (P0)
    SIGNER_EXPIRED = auto()  # L22, only by the switch check_dates
    OLDER_THAN_INSTALLED = auto()  # L22, only by the switch check_timestamp
    FIRMWARE_KEY_UNKNOWN = auto()  # F1
    FIRMWARE_SIGNATURE_INVALID = auto()  # F3
    NAME_MISMATCH = auto()  # L22, only by the switch check_sgn_name
