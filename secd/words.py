"""The words that several layers share, so that none has to import another for a name.

They are string enums: the renderers, which know events only by name and field, compare them with
the plain strings of their tables.
"""

from enum import StrEnum


class FileKind(StrEnum):
    """What a phone asks for, as far as trust is concerned."""

    CTL = "CTL"
    ITL = "ITL"
    PLAIN = "plain"  # a file without an envelope: SEP<MAC>.cnf.xml
    SIGNED = "signed"  # a file inside a signed envelope: SEP<MAC>.cnf.xml.sgn
    ENCRYPTED = "encrypted"  # … and encrypted to the phone: SEP<MAC>.cnf.xml.enc.sgn
    FIRMWARE = "firmware"  # a load's file list or component, under Cisco's own key: NAME.loads

    @property
    def is_list(self) -> bool:
        """True for the two trust lists."""
        return self in (FileKind.CTL, FileKind.ITL)


class Transport(StrEnum):
    """How a file travels; also the channel that a decision may take into account."""

    TFTP = "TFTP"  # UDP 69
    HTTP = "HTTP"  # TCP 6970
    HTTPS = "HTTPS"  # TCP 6971, the server authenticated by a TFTP record (row T5)


class TransferFailure(StrEnum):
    """Why a transfer brought no file."""

    FILE_NOT_FOUND = "file_not_found"  # the server says that it has no such file
    TIMEOUT = "timeout"  # no answer within the budget of retransmissions
    UNREACHABLE = "unreachable"  # the kernel knows at once that nobody listens
    NAME_UNKNOWN = "name_unknown"  # the DNS has no such server
    NAME_TIMEOUT = "name_timeout"  # the DNS does not answer
    ERROR = "error"  # the server sent another error
    TOO_LARGE = "too_large"  # more octets than the phone takes
    PROTOCOL = "protocol"  # the server does not speak the protocol
    NOT_AUTHORIZED = "not_authorized"  # nothing was asked: row S2


class CertificateKind(StrEnum):
    """Which of its two certificates a phone shows."""

    LSC = "LSC"
    MIC = "MIC"


class FilePurpose(StrEnum):
    """What a further file is for: one that the configuration names."""

    SOFT_KEYS = "soft_keys"
    FEATURE_POLICY = "feature_policy"
    DIAL_RULES = "dial_rules"
    TONES = "tones"
    LOCALE = "locale"
    RING_LIST = "ring_list"
    FIRMWARE_LIST = "firmware_list"  # NAME.loads, which names the components
    FIRMWARE = "firmware"  # a component

    @property
    def is_firmware(self) -> bool:
        """True for what Cisco signs and not the cluster."""
        return self in (FilePurpose.FIRMWARE_LIST, FilePurpose.FIRMWARE)


class EnrolmentCause(StrEnum):
    """Why a phone turns to CAPF."""

    SCHEDULED = "scheduled"  # capfAuthMode of the configuration
    CERTIFICATE_HASH = "certificate_hash"  # certHash is that of no certificate of the phone
    DECRYPTION_FAILED = "decryption_failed"  # of the encrypted configuration
    USER = "user"  # Update pressed on the phone


class EnrolmentOutcome(StrEnum):
    """What came of CAPF."""

    INSTALLED = "installed"
    DELETED = "deleted"
    FETCHED = "fetched"
    NOTHING_SCHEDULED = "nothing_scheduled"
    REFUSED = "refused"  # by the server, or what the server asked by the phone
    NO_CERTIFICATE = "no_certificate"  # By Existing Certificate, and the phone has none
    NO_VALID_SERVER = "no_valid_server"
    UNREACHABLE = "unreachable"


class BootOutcome(StrEnum):
    """How a boot ended."""

    BOOTED = "booted"  # a configuration was accepted in this boot
    BOOTED_OLD_CONFIGURATION = "booted_old_configuration"  # the last good one is in use
    NO_CTL_IN_SECURE_MODE = "no_ctl_in_secure_mode"  # secure mode without the CTL it needs
    NO_LSC_IN_SECURE_MODE = "no_lsc_in_secure_mode"  # secure mode, and CAPF gave no LSC
    NO_CONFIGURATION = "no_configuration"  # neither fetched nor stored
