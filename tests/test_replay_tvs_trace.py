"""The lab's TVS writes lines of CUCM's TVS trace, one for each event.

Sources: Cisco 213407; 118893 for a signer that is missing, 118699 for verifications.
"""

from dataclasses import asdict

import pytest

from firmware_sim.server_events import (
    ServerEvent,
    TVSAnswerSent,
    TVSCertificateLookedUp,
    TVSCertificateNotFound,
    TVSCertificateVerified,
    TVSConnectionAccepted,
    TVSConnectionFailed,
    TVSEntryFound,
    TVSEntryMissing,
    TVSFunctionFound,
    TVSQuestionReceived,
    TVSSignerNamed,
)
from statusmsgs import server_traces

WHO = (8, "192.168.11.100", 51000)
MAP_ID = "24000000179479B8F124AC3F3B000000000017CN=stormin-WIN2012-CA"
LINES = [
    (
        TVSConnectionAccepted(*WHO, "AES256-SHA"),
        5.855,
        "18:01:05.855 | debug 192.168.11.100: tvsSSLHandShake Session ciphers - AES256-SHA",
    ),
    (
        TVSQuestionReceived(*WHO, "QUERY_CERT_REQ", "CP-8861-SEPB000B4BA0AEE"),
        6.345,
        (
            "18:01:06.345 | debug 8:UNKNOWN:TVS CORE: Rcvd Event: TVS_EV_QUERY_CERT_REQ in State: "
            "TVS_STATE_AWAIT_REQ"
        ),
    ),
    (
        TVSSignerNamed(
            *WHO,
            "Subject Name",
            "CN=ucm11pub.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU",
        ),
        6.345,
        (
            "18:01:06.345 | debug tvsHandleQueryCertReq : Subject Name is: "
            "CN=ucm11pub.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU"
        ),
    ),
    (
        TVSSignerNamed(*WHO, "Serial Number", "24000000179479B8F124AC3F3B000000000017"),
        6.345,
        (
            "18:01:06.345 | debug tvsHandleQueryCertReq : Serial Number is: "
            "24000000179479B8F124AC3F3B000000000017"
        ),
    ),
    (
        TVSEntryFound(*WHO, 2),
        6.345,
        (
            "18:01:06.345 | debug CertificateDBCache::getCertificateInformation - "
            "Found entry {rolecount : 2}"
        ),
    ),
    (
        TVSFunctionFound(*WHO, 3),
        6.346,
        "18:01:06.346 | debug CertificateDBCache::getCertificateInformation - {role : 3}",
    ),
    (
        TVSEntryMissing(*WHO),
        6.346,
        (
            "18:01:06.346 | debug ERROR:CertificateDBCache::getCertificateInformation - "
            "Cannot find the certificate in the cache"
        ),
    ),
    (
        TVSCertificateLookedUp(*WHO, MAP_ID),
        6.345,
        (
            "18:01:06.345 | debug CertificateDBCache::getCertificateInformation - Looking up the "
            f"certificate cache using Unique MAP ID : {MAP_ID}"
        ),
    ),
    (
        TVSCertificateVerified(*WHO),
        6.346,
        (
            "18:01:06.346 | debug CertificateDBCache::getCertificateInformation - "
            "Certificate found and equal"
        ),
    ),
    (
        TVSCertificateNotFound(*WHO),
        6.346,
        "18:01:06.346 | debug getCertificateInformation(cert) : certificate not found",
    ),
    (
        TVSAnswerSent(*WHO, "QUERY_CERT_RES", 0, "0, 3"),
        6.346,
        "18:01:06.346 | debug 8:UNKNOWN:Sending QUERY_CERT_RES msg",
    ),
    (
        TVSConnectionFailed(*WHO, "the peer broke off"),
        6.5,
        (
            "18:01:06.500 | (lab) 192.168.11.100 port 51000: the connection to TVS came to "
            "nothing: the peer broke off"
        ),
    ),
]


@pytest.mark.parametrize(("event", "seconds", "line"), LINES)
def test_a_line_of_the_trace(event: ServerEvent, seconds: float, line: str) -> None:
    at_seconds = 18 * 3600 + 60 + seconds
    assert server_traces().render(type(event).__name__, asdict(event), at_seconds) == line
