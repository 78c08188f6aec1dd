"""The numbers of CAPF and what they are called.

Sources: the open capfd and capfc of usecallmanager.nz [I], conversations of Cisco Jabber with CUCM
published by Jabber4Linux [R], traces of the public phone security guide [P]. Only AUTH_REQ,
REQ_IN_PROGRESS and KEY_GEN_RES are spelled in a published trace; the other names follow them (?).
"""

from enum import IntEnum


class MessageType(IntEnum):
    """Message types, in the spelling of CUCM's traces (CAPF_MSG_…).

    5 to 8, 16 and 18 to 23 are known by number only: no conversation shows them.
    """

    AUTH_REQ = 1
    AUTH_RES = 2
    KEY_GEN_REQ = 3
    KEY_GEN_RES = 4
    ENCRYPT_RES = 5
    ENCRYPT_REQ = 6
    DECRYPT_REQ = 7
    DECRYPT_RES = 8
    STORE_CERT_REQ = 9
    STORE_CERT_RES = 10
    FETCH_CERT_REQ = 11
    FETCH_CERT_RES = 12
    DELETE_CERT_REQ = 13
    DELETE_CERT_RES = 14
    END_SESSION = 15
    RETRY_LATER = 16
    REQ_IN_PROGRESS = 17
    STATUS_REQ = 18
    STATUS_RES = 19
    ABORT_REQ = 20
    ABORT_RES = 21
    SIGN_CERT_REQ = 22
    SIGN_CERT_RES = 23


class Tag(IntEnum):
    """Elements. 14 and 15 stand in no source."""

    REASON = 1
    REASON_INFO = 2
    CERTIFICATE_TYPE = 3
    CERTIFICATE = 4
    CERTIFICATE_ID = 5
    SIGNED_DATA = 6
    VERSION = 7
    AUTH_TYPE = 8
    PUBLIC_KEY = 9
    KEY_SIZE = 10
    PASSWORD = 11
    RETRY_DELAY = 12
    DEVICE_NAME = 13
    SUDI_DATA = 16
    KEY_TYPE = 17
    CURVE = 18
    DIGEST_TYPE = 19
    SHA2_SIGNED_DATA = 20


class Reason(IntEnum):
    """Reason codes that a source explains; any other number is kept and reported."""

    NO_ACTION = 0
    SUCCESS = 1
    INVALID = 7
    UNKNOWN_DEVICE = 9


class CertificateType(IntEnum):
    """Which of a phone's certificates is meant."""

    LSC = 1
    MIC = 2


class KeyType(IntEnum):
    """Kinds of keys."""

    RSA = 0
    EC = 1


class Curve(IntEnum):
    """Curves of EC keys."""

    P256 = 0
    P384 = 1
    P521 = 2
