"""What the lab's servers did: facts for a trace, without their words.

The words, those of CUCM's own trace where they are known, stand in
`statusmsgs/data/cucm-traces.toml` under the names of these classes and fields.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """The root of them all.

    request_number -- counts the requests of one server, from 1.
    phone_address, phone_port -- who asked: the socket address, numeric.
    """

    request_number: int
    phone_address: str
    phone_port: int


@dataclass(frozen=True, slots=True)
class ReadRequestReceived(ServerEvent):
    """Somebody asked for a file.

    file_name -- as requested. mode -- in lower case.
    serving_count -- how many transfers were under way at that moment.
    """

    file_name: str
    mode: str
    serving_count: int


@dataclass(frozen=True, slots=True)
class FileTransferred(ServerEvent):
    """The last block of a file was acknowledged. served_name -- `CTLFile.tlv` for a device's."""

    served_name: str


@dataclass(frozen=True, slots=True)
class RequestRefused(ServerEvent):
    """A request was answered with an error. code -- RFC 1350. message -- as sent."""

    file_name: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class HTTPRequestReceived(ServerEvent):
    """Somebody asked for a file by HTTP. method -- GET or HEAD. file_name -- percent-decoded."""

    method: str
    file_name: str


@dataclass(frozen=True, slots=True)
class HTTPFileSent(ServerEvent):
    """The last octet of a file was handed to the network; nobody acknowledges it.

    served_name -- `CTLFile.tlv` for a device's.
    """

    served_name: str


@dataclass(frozen=True, slots=True)
class HTTPRequestRefused(ServerEvent):
    """A request was answered without a file. file_name -- empty where it was not understood.

    status_code, reason -- RFC 9110, as sent.
    """

    file_name: str
    status_code: int
    reason: str


@dataclass(frozen=True, slots=True)
class TVSConnectionAccepted(ServerEvent):
    """A phone connected to TVS and ended its handshake. request_number counts connections."""

    cipher: str


@dataclass(frozen=True, slots=True)
class TVSConnectionFailed(ServerEvent):
    """A connection to TVS came to nothing. reason -- why."""

    reason: str


@dataclass(frozen=True, slots=True)
class TVSQuestionReceived(ServerEvent):
    """A phone asked TVS. message -- CUCM's name of the message: QUERY_CERT_REQ, ….

    device_name -- as the phone says.
    """

    message: str
    device_name: str


@dataclass(frozen=True, slots=True)
class TVSCertificateLookedUp(ServerEvent):
    """A signer was looked up. unique_map_id -- the key of CUCM's cache."""

    unique_map_id: str


@dataclass(frozen=True, slots=True)
class TVSSignerNamed(ServerEvent):
    """A query named its signer. part -- Subject Name, Issuer Name or Serial Number."""

    part: str
    value: str


@dataclass(frozen=True, slots=True)
class TVSEntryFound(ServerEvent):
    """The cache holds the signer that was looked up. functions_count -- how many it may do."""

    functions_count: int


@dataclass(frozen=True, slots=True)
class TVSFunctionFound(ServerEvent):
    """One function of the entry that was found."""

    function: int


@dataclass(frozen=True, slots=True)
class TVSEntryMissing(ServerEvent):
    """The cache does not hold the signer that was looked up."""


@dataclass(frozen=True, slots=True)
class TVSCertificateVerified(ServerEvent):
    """A certificate that was to be verified is known, octet for octet."""


@dataclass(frozen=True, slots=True)
class TVSCertificateNotFound(ServerEvent):
    """A certificate that was to be verified is not known."""


@dataclass(frozen=True, slots=True)
class TVSAnswerSent(ServerEvent):
    """TVS answered. message -- QUERY_CERT_RES or CERT_VERIF_RES, as CUCM writes them."""

    message: str
    status: int
    functions: str


@dataclass(frozen=True, slots=True)
class CAPFConnectionAccepted(ServerEvent):
    """A phone connected to CAPF. request_number counts connections: it is the session's id."""


@dataclass(frozen=True, slots=True)
class CAPFHandshakeDone(ServerEvent):
    """The phone ended its handshake."""


@dataclass(frozen=True, slots=True)
class CAPFSessionEvent(ServerEvent):
    """The root of what happens in a session. device_name -- UNKNOWN until the phone says it."""

    device_name: str


@dataclass(frozen=True, slots=True)
class CAPFMessageReceived(CAPFSessionEvent):
    """A message came in; which, the next two events say."""


@dataclass(frozen=True, slots=True)
class CAPFMessage(CAPFSessionEvent):
    """A message came in or goes out. message -- its name, without CAPF_MSG_."""

    message: str


@dataclass(frozen=True, slots=True)
class CAPFEventReceived(CAPFSessionEvent):
    """A message met the server's machine. event, state -- without CAPF_EV_ and CAPF_STATE_."""

    event: str
    state: str


@dataclass(frozen=True, slots=True)
class CAPFCertificateGenerated(CAPFSessionEvent):
    """An LSC was signed."""


@dataclass(frozen=True, slots=True)
class CAPFUpgradeSuccessful(CAPFSessionEvent):
    """The phone has stored its LSC."""


@dataclass(frozen=True, slots=True)
class CAPFOperationDone(CAPFSessionEvent):
    """Another operation is done. operation -- delete or troubleshoot."""

    operation: str


@dataclass(frozen=True, slots=True)
class CAPFRefused(CAPFSessionEvent):
    """The session ends without what it was for. reason -- of END_SESSION. detail -- why."""

    reason: int
    detail: str


@dataclass(frozen=True, slots=True)
class CAPFConnectionFailed(ServerEvent):
    """A connection to CAPF broke off. reason -- why."""

    reason: str


@dataclass(frozen=True, slots=True)
class CTLProviderConnectionAccepted(ServerEvent):
    """A CTL Client connected and ended its handshake. request_number counts connections."""


@dataclass(frozen=True, slots=True)
class CTLProviderConnectionFailed(ServerEvent):
    """A connection to the CTL Provider broke off. reason -- why."""

    reason: str


@dataclass(frozen=True, slots=True)
class CTLProviderLoggedIn(ServerEvent):
    """An administrator gave the right password. user -- who."""

    user: str


@dataclass(frozen=True, slots=True)
class CTLProviderRequested(ServerEvent):
    """The client asked for something. request -- what, by its name in docs/ctl-provider.md."""

    request: str


@dataclass(frozen=True, slots=True)
class CTLProviderRefused(ServerEvent):
    """A request was refused. reason -- as answered."""

    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class CTLProviderStaged(ServerEvent):
    """A CTL is on the disk, beside the one that is there."""


@dataclass(frozen=True, slots=True)
class CTLProviderCommitted(ServerEvent):
    """The staged CTL has taken its place."""
