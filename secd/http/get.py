"""One GET: the server's octets in, the file or the reason why there is none out.

h11 holds the transitions of HTTP and its framing (length, chunks, end of the connection). Decided
here:

* Only 200 brings a file. Interim answers (1xx) are passed over, redirections are not followed:
  no source shows a phone that does, and a trust list from elsewhere is nobody's wish.
* 404 and 410 say that there is no such file. CUCM says 503 instead (Cisco 214535, line 4882), and
  it says so for other reasons too: an error like every other.
* What is too large ends the exchange, as early as that shows.

A body that ends with the connection and without a length (HTTP/1.0) counts as whole: only the
signature inside can tell. A content coding, which was not asked for, is not undone.
"""

from dataclasses import dataclass
from typing import Final

import h11

from secd.errors import UnusableInput
from secd.http.request import encode_host, encode_target
from secd.text import ascii_of
from secd.transfer import Failed, Received
from secd.words import TransferFailure

HEAD_LIMIT_BYTES: Final = 16 * 1024  # of all that a server says before the body
_TEXT_LIMIT: Final = 512  # characters of a server's text; a TFTP server has no room for more
_OK: Final = 200
_GONE: Final = frozenset({404, 410})  # RFC 9110 sections 15.5.5 and 15.5.11


@dataclass(frozen=True, slots=True)
class Response:
    """The head of the server's answer.

    lines -- the status line and every header, in the order and the spelling received, without
    the blanks that HTTP allows around a value; printable ASCII, other octets shown as \\xNN.
    """

    status_code: int
    lines: tuple[str, ...]


class Get:
    """Asks one server for one file.

    request -- the octets to send. response -- the head of the answer, once it is there.
    result -- how it ended, once it has; what comes later is ignored.

    server, port -- the logical address, which the request names. size_limit_bytes -- a larger
    file is refused. Raises UnusableInput when no request can carry the name or the server. No
    method raises because of what the network does.
    """

    def __init__(
        self, server: str, port: int, file_name: str, agent: str, size_limit_bytes: int
    ) -> None:
        self.response: Response | None = None
        self.result: Received | Failed | None = None
        self._connection = h11.Connection(h11.CLIENT, HEAD_LIMIT_BYTES)
        self._size_limit_bytes = size_limit_bytes
        self._octets_received = 0
        self._body = bytearray()
        self.request = self._begin(encode_host(server, port), encode_target(file_name), agent)

    def _begin(self, host: str, target: str, agent: str) -> bytes:
        headers = [("Host", host), ("User-Agent", agent), ("Connection", "close")]
        try:
            request = h11.Request(method="GET", target=target, headers=headers)
            octets = self._connection.send(request)
        except (h11.LocalProtocolError, UnicodeEncodeError):
            raise UnusableInput(f"HTTP cannot ask a server named {host!a}") from None
        self._connection.send(h11.EndOfMessage())
        return octets

    def receive_octets(self, octets: bytes) -> None:
        """Take what the server sent; no octets: it will send no more."""
        if self.result is not None:
            return
        self._octets_received += len(octets)
        try:
            self._connection.receive_data(octets)
            self._take_events()
        except h11.RemoteProtocolError as error:
            self._fail(TransferFailure.PROTOCOL, self._broken_rule(error))
        if self.response is None:
            self._check_head(self._octets_received)

    def give_up(self, failure: TransferFailure, text: str) -> Received | Failed:
        """End it for a reason outside of HTTP, unless it has ended; return how it did."""
        self.result = self.result or Failed(failure, 0, text)
        return self.result

    def _take_events(self) -> None:
        while self.result is None:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                return
            if isinstance(event, h11.Response):
                self._take_response(event)
            elif isinstance(event, h11.Data):
                self._take_body(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.result = Received(bytes(self._body))

    def _take_response(self, event: h11.Response) -> None:
        unread, _ = self._connection.trailing_data
        self._check_head(self._octets_received - len(unread))
        if self.result is not None:
            return
        lines = _lines_of(event)
        self.response = Response(event.status_code, lines)
        if event.status_code != _OK:
            gone = event.status_code in _GONE
            failure = TransferFailure.FILE_NOT_FOUND if gone else TransferFailure.ERROR
            self._fail(failure, lines[0], event.status_code)
            return
        self._check_size(int(dict(event.headers).get(b"content-length", b"0")))

    def _take_body(self, octets: bytes) -> None:
        self._body += octets
        self._check_size(len(self._body))

    def _check_head(self, size_bytes: int) -> None:
        if size_bytes > HEAD_LIMIT_BYTES:
            self._fail(TransferFailure.PROTOCOL, f"more than {HEAD_LIMIT_BYTES} octets of headers")

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._size_limit_bytes:
            self._fail(
                TransferFailure.TOO_LARGE,
                f"{size_bytes} octets or more, where {self._size_limit_bytes} are allowed",
            )

    def _broken_rule(self, error: h11.RemoteProtocolError) -> str:
        if not self._octets_received:
            return "the server closed the connection without an answer"
        return f"the answer breaks HTTP: {ascii_of(str(error).encode())}"

    def _fail(self, failure: TransferFailure, text: str, code: int = 0) -> None:
        if self.result is None:
            self.result = Failed(failure, code, text[:_TEXT_LIMIT])


def _lines_of(event: h11.Response) -> tuple[str, ...]:
    status = b"HTTP/%b %d %b" % (event.http_version, event.status_code, event.reason)
    headers = (b"%b: %b" % field for field in event.headers.raw_items())
    return tuple(ascii_of(line).rstrip() for line in (status, *headers))
