"""What the lab's TFTP and HTTP servers did: facts for a trace, without their words.

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
