"""TVS (Trust Verification Service, TCP 2445): sans-I/O codec and sessions of both ends."""

from secd.tvs.message import (
    HEADER_BYTES,
    Message,
    MessageBuffer,
    MessageType,
    Tag,
    decode_message_untrusted,
)
from secd.tvs.session import (
    CLIENT_TRANSITIONS,
    DENIAL,
    FOUND,
    NOT_FOUND,
    ClientState,
    ClientStep,
    QueryCertificate,
    Question,
    Request,
    TVSAnswer,
    TVSClientSession,
    TVSServerSession,
    VerifyCertificate,
    wire_name,
)

__all__ = [
    "CLIENT_TRANSITIONS",
    "DENIAL",
    "FOUND",
    "HEADER_BYTES",
    "NOT_FOUND",
    "ClientState",
    "ClientStep",
    "Message",
    "MessageBuffer",
    "MessageType",
    "QueryCertificate",
    "Question",
    "Request",
    "TVSAnswer",
    "TVSClientSession",
    "TVSServerSession",
    "Tag",
    "VerifyCertificate",
    "decode_message_untrusted",
    "wire_name",
]
