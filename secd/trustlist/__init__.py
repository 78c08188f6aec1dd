"""Trust lists (CTL and ITL): sans-I/O codec."""

from secd.trustlist.listing import Form, show_list, show_missing, show_unreadable
from secd.trustlist.record import (
    CERTUTILS_RECORD_LAYOUT,
    CUCM_RECORD_LAYOUT,
    ETOKEN_RECORD_LAYOUT,
    NO_CERTIFICATE_RECORD_LAYOUT,
    Function,
    Record,
    decode_records_untrusted,
    encode_record,
)
from secd.trustlist.trust_list import (
    TrustList,
    decode_trust_list_untrusted,
    encode_records,
    encode_trust_list,
)

__all__ = [
    "CERTUTILS_RECORD_LAYOUT",
    "CUCM_RECORD_LAYOUT",
    "ETOKEN_RECORD_LAYOUT",
    "NO_CERTIFICATE_RECORD_LAYOUT",
    "Form",
    "Function",
    "Record",
    "TrustList",
    "decode_records_untrusted",
    "decode_trust_list_untrusted",
    "encode_record",
    "encode_records",
    "encode_trust_list",
    "show_list",
    "show_missing",
    "show_unreadable",
]
