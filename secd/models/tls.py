"""Which TLS a phone's load offers, or a server accepts, as a value.

Whether a certificate is trusted is not said here: that is decided by `secd.trust.decide_peer`.
"""

from dataclasses import dataclass
from enum import StrEnum


class TLSVersion(StrEnum):
    """Protocol versions, in the names that phones print (Cisco 200860: `[TLSv1]`)."""

    TLS_1_0 = "TLSv1"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"


@dataclass(frozen=True, slots=True)
class TLSProfile:
    """One side's offer.

    lowest, highest -- protocol versions.
    ciphers -- OpenSSL's names in order of preference. Those that today's library has lost
        (3DES, RC4) are kept here and left out of the offer.
    tolerates_weak -- takes protocol versions below 1.2 and keys and digests that today's library
        calls insecure (RSA 1024, SHA-1), as OpenSSL did before it had security levels (1.1.0).
    """

    lowest: TLSVersion
    highest: TLSVersion
    ciphers: tuple[str, ...]
    tolerates_weak: bool = False
