"""The lab's HTTP server: GET and HEAD, one answer per connection, each in a task of its own.

What is served is decided by the source (`firmware_sim.cluster.files`), what is asked by
`http_messages`. Decided here:

* A file that does not exist is answered with 503, not with 404: that is what a CUCM outside of
  mixed mode says about the CTL (Cisco 214535, line 4882). A file that cannot be made: 500.
* The answer ends the connection, though the head does not say so, as CUCM's does not. It is not
  closed before the client has closed its side or some time has passed: what a client still sends
  would make the kernel take back octets that are on their way to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import trio

from firmware_sim.cluster.files import FileSource, NotFound
from firmware_sim.net.http_messages import (
    FileRequest,
    Refusal,
    RequestReader,
    encode_head,
    encode_refusal,
)
from firmware_sim.net.serving import serve_connections
from firmware_sim.net.tcp import TCPServerNetwork
from firmware_sim.server_events import (
    HTTPFileSent,
    HTTPRequestReceived,
    HTTPRequestRefused,
    ServerEvent,
)
from secd.errors import SecdError
from secd.net.network import Address, ByteStream, TCPStream

_READ_BYTES = 16 * 1024
_WRITE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class HTTPServerSettings:
    """How a server behaves.

    request_seconds -- in which a request must be there.
    silence_seconds -- in which a client must take the next part of its file.
    linger_seconds -- how long a client may take to close after its answer.
    connection_limit -- how many are served at once; each needs a descriptor.
    """

    request_seconds: float = 10.0
    silence_seconds: float = 10.0
    linger_seconds: float = 2.0
    connection_limit: int = 400


DEFAULT_SETTINGS = HTTPServerSettings()


async def serve_http(
    network: TCPServerNetwork,
    address: Address,
    source: FileSource,
    on_event: Callable[[ServerEvent], None],
    settings: HTTPServerSettings = DEFAULT_SETTINGS,
    *,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `await nursery.start(serve_http, …)` returns the address bound.

    Raises UnusableInput when the server cannot listen on `address`.
    """
    server = HTTPServer(source, on_event, settings)
    await serve_connections(
        network, address, settings.connection_limit, server.serve_stream, task_status
    )


class HTTPServer:
    """Answers connections, whoever accepts them. on_event -- told what happens, in order.

    `serve_connection` is a handler for `serve_tls` too: that is HTTPS.
    """

    def __init__(
        self,
        source: FileSource,
        on_event: Callable[[ServerEvent], None],
        settings: HTTPServerSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._source = source
        self._on_event = on_event
        self._settings = settings
        self._requests = 0

    async def serve_stream(self, stream: TCPStream) -> None:
        """Serve one TCP connection to its end, and close it."""
        try:
            await self.serve_connection(stream, stream.remote)
            await self._linger(stream)
        finally:
            await stream.aclose()

    async def serve_connection(self, stream: ByteStream, peer: Address) -> None:
        """Read one request and answer it; never raises for what peers do. The caller closes."""
        try:
            request = await self._read_request(stream)
            if request is not None:
                await self._respond(stream, peer, request)
        except trio.BrokenResourceError:
            pass  # the client is gone

    async def _linger(self, stream: TCPStream) -> None:
        """End the answer, and wait until the client closes; drop what it sends meanwhile."""
        with trio.move_on_after(self._settings.linger_seconds):
            try:
                await stream.send_eof()
                while await stream.receive_some(_READ_BYTES):
                    pass
            except trio.BrokenResourceError:
                pass  # the client is gone

    async def _read_request(self, stream: ByteStream) -> FileRequest | Refusal | None:
        """Return the request; None when none came in time."""
        reader = RequestReader()
        with trio.move_on_after(self._settings.request_seconds):
            while octets := await stream.receive_some(_READ_BYTES):
                request = reader.receive_octets(octets)
                if request is not None:
                    return request
        return None

    async def _respond(
        self, stream: ByteStream, peer: Address, request: FileRequest | Refusal
    ) -> None:
        self._requests += 1
        number = self._requests
        if isinstance(request, Refusal):
            await self._refuse(stream, number, peer, request)
            return
        name = request.file_name
        self._on_event(HTTPRequestReceived(number, *peer, request.method, name))
        file = self._find(peer, name)
        if isinstance(file, Refusal):
            await self._refuse(stream, number, peer, file)
            return
        body = file if request.with_body else b""
        complete = await self._send(stream, encode_head(len(file)) + body)
        if complete and request.with_body:
            self._on_event(HTTPFileSent(number, *peer, self._source.served_name(name)))

    def _find(self, peer: Address, name: str) -> bytes | Refusal:
        try:
            file = self._source.answer(peer[0], name)
        except SecdError:
            return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, name)
        if isinstance(file, NotFound):
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, name)
        return file

    async def _refuse(
        self, stream: ByteStream, number: int, peer: Address, refusal: Refusal
    ) -> None:
        status = refusal.status
        self._on_event(
            HTTPRequestRefused(number, *peer, refusal.file_name, status.value, status.phrase)
        )
        await self._send(stream, encode_refusal(status))

    async def _send(self, stream: ByteStream, octets: bytes) -> bool:
        """Send; False when the client stopped taking what it gets."""
        for start in range(0, len(octets), _WRITE_BYTES):
            with trio.move_on_after(self._settings.silence_seconds) as silence:
                await stream.send_all(octets[start : start + _WRITE_BYTES])
            if silence.cancelled_caught:
                return False
        return True
