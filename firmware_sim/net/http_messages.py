"""HTTP as the lab's server speaks it, without sockets: one request in, the head of one answer out.

h11 reads the request. The heads are written here, because h11 adds a field that CUCM does not
send. Decided here: which requests are refused before anybody looks for a file.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

import h11

HEAD_LIMIT_BYTES: Final = 16 * 1024
_SCHEMES: Final = (b"http://", b"https://")


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A request for a file. with_body -- GET; without: HEAD. file_name -- percent-decoded."""

    file_name: str
    with_body: bool

    @property
    def method(self) -> str:
        """GET or HEAD."""
        return "GET" if self.with_body else "HEAD"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is answered without a file. file_name -- as far as it was understood."""

    status: HTTPStatus
    file_name: str = ""


@dataclass(slots=True)
class RequestReader:
    """Reads the head of one request; a body is nobody's wish and is not read."""

    connection: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, HEAD_LIMIT_BYTES)
    )

    def receive_octets(self, octets: bytes) -> FileRequest | Refusal | None:
        """Take at least one octet of the client; None: the head is not complete yet."""
        try:
            self.connection.receive_data(octets)
            event = self.connection.next_event()
        except h11.RemoteProtocolError as error:
            return Refusal(HTTPStatus(error.error_status_hint))
        return _understand(event) if isinstance(event, h11.Request) else None


def _understand(request: h11.Request) -> FileRequest | Refusal:
    name = _name_in_target_untrusted(request.target)
    if name is None:
        return Refusal(HTTPStatus.BAD_REQUEST)
    if request.method not in (b"GET", b"HEAD"):
        return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, name)
    return FileRequest(name, with_body=request.method == b"GET")


def _name_in_target_untrusted(target: bytes) -> str | None:
    """Return the file's name in a target: its path, less the `/` it begins with, or None.

    RFC 9112 section 3.2: the path stands alone or after a scheme and a host. What follows a `?`
    is ignored. Octets that are no UTF-8 stay in the name as Python's lone surrogates.
    """
    path, _, _ = target.partition(b"?")
    if path.lower().startswith(_SCHEMES):
        _, _, path = path.partition(b"://")
        _, slash, path = path.partition(b"/")
        path = slash + path
    if not path.startswith(b"/"):
        return None
    return unquote_to_bytes(path[1:]).decode("utf-8", "surrogateescape")


def encode_head(size_bytes: int) -> bytes:
    """Return the head of an answer with a file, as a CUCM sends it (Cisco 214535, lines 4925-4928).

    Fields, order and spelling are the captured ones. So there is no `Connection: close`, though
    the connection is closed.
    """
    return (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-length: %d\r\n"
        b"Cache-Control: no-store\r\n"
        b"Content-type: */*\r\n\r\n" % size_bytes
    )


def encode_refusal(status: HTTPStatus) -> bytes:
    """Return an answer without a file; no source shows more of CUCM's than the status line."""
    allow = "Allow: GET, HEAD\r\n" if status is HTTPStatus.METHOD_NOT_ALLOWED else ""
    text = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"{allow}Content-length: 0\r\nConnection: close\r\n\r\n"
    )
    return text.encode("ascii")
