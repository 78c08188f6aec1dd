"""The phone's HTTP client on streams: servers that stall, drip, lie or vanish; in virtual time."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from secd.http import Get, Response
from secd.net.http import Patience, fetch_http, get_over
from secd.net.network import ByteStream, Unreachable
from secd.net.tcp_memory import MemoryTCPStream, connected_pair
from secd.net.tls_errors import HandshakeFailed
from secd.transfer import Failed, Received
from secd.words import TransferFailure

HEAD = b"HTTP/1.1 200 OK\r\nContent-length: 5\r\n\r\n"
Script = Callable[[ByteStream], Awaitable[None]]


@dataclass
class Exchange:
    """One exchange with a server that follows a script."""

    result: Received | Failed | None = None
    heads: list[Response] = field(default_factory=list)
    seconds: float = 0.0


def stream_pair() -> tuple[MemoryTCPStream, MemoryTCPStream]:
    """Return the phone's and the server's end of a connection."""
    return connected_pair(("192.0.2.9", 50000), ("14.48.44.80", 6970))


def begun(limit: int = 1000) -> Get:
    return Get("14.48.44.80", 6970, "CTLFile.tlv", "Cisco-CP7821/12.1.1", limit)


async def against(script: Script) -> Exchange:
    """Run one exchange; the server closes its side after its script."""
    exchange = Exchange()
    ours, theirs = stream_pair()

    async def serve() -> None:
        with suppress(trio.BrokenResourceError):  # the phone has had enough
            await script(theirs)
        theirs.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        start = trio.current_time()
        exchange.result = await get_over(ours, begun(), exchange.heads.append)
        exchange.seconds = trio.current_time() - start
        nursery.cancel_scope.cancel()
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some(1)
    return exchange


def says(*parts: bytes) -> Script:
    """Return a script that sends these parts."""

    async def script(stream: ByteStream) -> None:
        assert (await stream.receive_some(1000)).startswith(b"GET /CTLFile.tlv HTTP/1.1\r\n")
        for part in parts:
            await stream.send_all(part)

    return script


def then_stalls(script: Script) -> Script:
    async def stalling(stream: ByteStream) -> None:
        await script(stream)
        await trio.sleep_forever()

    return stalling


def drips(part: bytes, every_seconds: float) -> Script:
    """Return a script that never comes to an end."""

    async def script(stream: ByteStream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await stream.send_all(part)
            await trio.sleep(every_seconds)

    return script


async def test_a_file_arrives(autojump_clock: MockClock) -> None:
    exchange = await against(then_stalls(says(HEAD[:10], HEAD[10:], b"hel", b"lo")))
    assert exchange.result == Received(b"hello")
    assert exchange.heads == [Response(200, ("HTTP/1.1 200 OK", "Content-length: 5"))]
    assert exchange.seconds == 0.0


async def test_the_head_is_told_before_the_file_is_there(autojump_clock: MockClock) -> None:
    exchange = await against(then_stalls(says(HEAD, b"hel")))
    assert len(exchange.heads) == 1
    assert exchange.result == Failed(TransferFailure.TIMEOUT, 0, "nothing came for 10 seconds")
    assert exchange.seconds == 10.0


async def test_a_refusal_has_a_head_too(autojump_clock: MockClock) -> None:
    line = "HTTP/1.1 503 Service Unavailable"
    exchange = await against(says(line.encode() + b"\r\n\r\n"))
    assert exchange.result == Failed(TransferFailure.ERROR, 503, line)
    assert exchange.heads == [Response(503, (line,))]


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (then_stalls(says()), 10.0),
        (then_stalls(says(b"HTTP/1.1 200 ")), 10.0),
        (drips(b"1;" + b"x" * 100 + b"\r\na\r\n", 9.0), 120.0),
    ],
    ids=["no answer", "half a head", "never ends"],
)
async def test_patience_ends(autojump_clock: MockClock, script: Script, seconds: float) -> None:
    exchange = await against(script)
    assert isinstance(exchange.result, Failed)
    assert exchange.result.failure is TransferFailure.TIMEOUT
    assert exchange.seconds == seconds


async def test_a_server_that_never_ends_fast_is_stopped_by_the_limit(
    autojump_clock: MockClock,
) -> None:
    exchange = await against(drips(b"1\r\na\r\n", 0.0))
    assert isinstance(exchange.result, Failed)
    assert exchange.result.failure is TransferFailure.TOO_LARGE


@pytest.mark.parametrize("parts", [[], [HEAD[:9]], [HEAD, b"hell"], [b"220 smtp.example\r\n"]])
async def test_servers_that_end_too_early_or_speak_otherwise(
    autojump_clock: MockClock, parts: list[bytes]
) -> None:
    exchange = await against(says(*parts))
    assert isinstance(exchange.result, Failed)
    assert exchange.result.failure is TransferFailure.PROTOCOL


class Broken:
    """A connection that breaks off after some octets."""

    def __init__(self, octets: bytes, *, on_send: bool = False) -> None:
        self.octets = octets
        self.on_send = on_send
        self.closed = False

    async def send_all(self, octets: bytes, /) -> None:
        await trio.lowlevel.checkpoint()
        if self.on_send:
            raise trio.BrokenResourceError

    async def receive_some(self, max_bytes: int, /) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self.octets:
            raise trio.BrokenResourceError
        octets, self.octets = self.octets, b""
        return octets

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    "stream", [Broken(b"", on_send=True), Broken(b""), Broken(b"HTTP/1.0 200 OK\r\n\r\nhello")]
)
async def test_connections_that_break_off(stream: Broken) -> None:
    result = await get_over(stream, begun(), Exchange().heads.append)
    assert result == Failed(TransferFailure.PROTOCOL, 0, "the connection broke off")
    assert stream.closed


async def test_a_cancelled_exchange_closes_its_connection(autojump_clock: MockClock) -> None:
    ours, theirs = stream_pair()
    with trio.move_on_after(1.0) as scope:
        await get_over(ours, begun(), Exchange().heads.append)
    assert scope.cancelled_caught
    assert (await theirs.receive_some(1000)).startswith(b"GET ")
    assert await theirs.receive_some(1000) == b""


PARTS = st.lists(
    st.one_of(st.binary(min_size=1, max_size=30), st.sampled_from([HEAD, b"\r\n", b"5\r\n"])),
    max_size=6,
)


@given(PARTS)
@settings(max_examples=40)
def test_whatever_a_server_says_the_phone_goes_on(parts: list[bytes]) -> None:
    async def run() -> Received | Failed | None:
        return (await against(says(*parts))).result

    assert trio.run(run, clock=MockClock(autojump_threshold=0)) is not None


async def test_a_connection_that_does_not_come_about_takes_ten_seconds(
    autojump_clock: MockClock,
) -> None:
    async def connect() -> ByteStream:
        await trio.sleep_forever()

    start = trio.current_time()
    result = await fetch_http(connect, begun(), Exchange().heads.append)
    assert result == Failed(TransferFailure.TIMEOUT, 0, "nothing came for 10 seconds")
    assert trio.current_time() - start == 10.0


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Unreachable(("192.0.2.1", 6970), "nobody listens"), TransferFailure.UNREACHABLE),
        (HandshakeFailed("the TLS handshake failed"), TransferFailure.PROTOCOL),
    ],
)
async def test_a_connection_that_fails(error: Exception, failure: TransferFailure) -> None:
    async def connect() -> ByteStream:
        await trio.lowlevel.checkpoint()
        raise error

    result = await fetch_http(connect, begun(), Exchange().heads.append)
    assert isinstance(result, Failed)
    assert result.failure is failure
    assert result.text in str(error)


async def test_a_peer_that_takes_no_goodbye_costs_two_seconds(autojump_clock: MockClock) -> None:
    class Sticky(Broken):
        async def aclose(self) -> None:
            self.closed = True
            await trio.sleep_forever()

    stream = Sticky(b"HTTP/1.1 200 OK\r\nContent-length: 0\r\n\r\n")
    start = trio.current_time()
    assert await get_over(stream, begun(), Exchange().heads.append) == Received(b"")
    assert stream.closed
    assert trio.current_time() - start == 2.0


async def test_patience_is_the_callers(autojump_clock: MockClock) -> None:
    ours, _theirs = stream_pair()
    start = trio.current_time()
    await get_over(ours, begun(), Exchange().heads.append, Patience(0.5, 120.0))
    assert trio.current_time() - start == 0.5
