"""The lab's HTTP server over the network in memory: what it serves, refuses and survives."""

import errno
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import pytest
import trio
from lab_client import FILE, Shelf
from trio.testing import MockClock, wait_all_tasks_blocked

from firmware_sim.net.http_server import (
    DEFAULT_SETTINGS,
    HTTPServer,
    HTTPServerSettings,
    serve_http,
)
from firmware_sim.server_events import (
    HTTPFileSent,
    HTTPRequestReceived,
    HTTPRequestRefused,
    ServerEvent,
)
from secd.http import Get, Response
from secd.net.http import DEFAULT_PATIENCE, Patience, fetch_http
from secd.net.memory import MemoryNetwork
from secd.net.network import Address
from secd.net.tcp_memory import MemoryTCPListener, MemoryTCPStream
from secd.transfer import Failed, Received
from secd.words import TransferFailure

SERVER = ("192.0.2.80", 6970)
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-length: %d\r\nCache-Control: no-store\r\nContent-type: */*\r\n\r\n"
)
REFUSAL = b"HTTP/1.1 %s\r\nContent-length: 0\r\nConnection: close\r\n\r\n"
BIG = bytes(200_000)


@dataclass
class Lab:
    """A running server and what it said."""

    network: MemoryNetwork
    events: list[ServerEvent] = field(default_factory=list)

    async def connect(self) -> MemoryTCPStream:
        return await self.network.open_tcp(SERVER)

    async def exchange(self, request: bytes) -> bytes:
        """Send a request and return all octets that come back, until the server closes."""
        stream = await self.connect()
        await stream.send_all(request)
        return await everything(stream)

    async def fetch(
        self, name: str, patience: Patience = DEFAULT_PATIENCE
    ) -> tuple[Received | Failed, list[Response]]:
        """Fetch with the phone's own client."""
        heads: list[Response] = []
        get = Get(*SERVER, name, "Cisco-CP7821/12.1.1", 1_000_000)
        return await fetch_http(self.connect, get, heads.append, patience), heads

    def facts(self) -> list[tuple[type[ServerEvent], int]]:
        return [(type(event), event.request_number) for event in self.events]


async def everything(stream: MemoryTCPStream) -> bytes:
    octets = b""
    while part := await stream.receive_some(100_000):
        octets += part
    stream.close()
    return octets


async def started(nursery: trio.Nursery, settings: HTTPServerSettings = DEFAULT_SETTINGS) -> Lab:
    lab = Lab(MemoryNetwork(Random(1)))
    shelf = Shelf({"file": FILE, "empty": b"", "big": BIG, "a b/ü": b"odd"})
    address = await nursery.start(
        serve_http, lab.network, SERVER, shelf, lab.events.append, settings
    )
    assert address == SERVER
    return lab


@pytest.fixture
async def lab(nursery: trio.Nursery) -> Lab:
    return await started(nursery)


@pytest.mark.parametrize(
    ("name", "file"), [("file", FILE), ("empty", b""), ("big", BIG), ("a b/ü", b"odd")]
)
async def test_the_phones_client_gets_files(
    lab: Lab, name: str, file: bytes, autojump_clock: MockClock
) -> None:
    result, heads = await lab.fetch(name)
    assert result == Received(file)
    assert [head.lines for head in heads] == [
        (
            "HTTP/1.1 200 OK",
            f"Content-length: {len(file)}",
            "Cache-Control: no-store",
            "Content-type: */*",
        )
    ]
    received, sent = lab.events
    assert isinstance(received, HTTPRequestReceived)
    assert (received.request_number, received.method, received.file_name) == (1, "GET", name)
    assert isinstance(sent, HTTPFileSent)
    assert sent.served_name == name.upper()
    assert (sent.phone_address, sent.phone_port) == (received.phone_address, received.phone_port)


async def test_a_missing_file_is_a_503(lab: Lab, autojump_clock: MockClock) -> None:
    """Cisco 214535, line 4882."""
    result, _ = await lab.fetch("CTLSEPC80084AA8743.tlv")
    line = "HTTP/1.1 503 Service Unavailable"
    assert result == Failed(TransferFailure.ERROR, 503, line)
    refused = lab.events[-1]
    assert isinstance(refused, HTTPRequestRefused)
    assert (refused.file_name, refused.status_code, refused.reason) == (
        "CTLSEPC80084AA8743.tlv",
        503,
        "Service Unavailable",
    )


async def test_a_file_that_cannot_be_made_is_a_500(lab: Lab, autojump_clock: MockClock) -> None:
    result, _ = await lab.fetch("cursed")
    assert result == Failed(TransferFailure.ERROR, 500, "HTTP/1.1 500 Internal Server Error")


async def test_to_the_octet(lab: Lab, autojump_clock: MockClock) -> None:
    get = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
    assert await lab.exchange(get) == HEAD % len(FILE) + FILE
    assert await lab.exchange(get.replace(b"GET", b"HEAD")) == HEAD % len(FILE)
    assert await lab.exchange(b"GET /none HTTP/1.0\r\n\r\n") == REFUSAL % b"503 Service Unavailable"
    assert await lab.exchange(b"\r\nEHLO x\r\n\r\n") == REFUSAL % b"400 Bad Request"
    assert (await lab.exchange(get.replace(b"GET", b"PUT"))).startswith(
        b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n"
    )
    assert lab.facts() == [
        (HTTPRequestReceived, 1),
        (HTTPFileSent, 1),
        (HTTPRequestReceived, 2),
        (HTTPRequestReceived, 3),
        (HTTPRequestRefused, 3),
        (HTTPRequestRefused, 4),
        (HTTPRequestRefused, 5),
    ]


async def test_one_answer_per_connection(lab: Lab, autojump_clock: MockClock) -> None:
    get = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
    assert await lab.exchange(get * 3) == HEAD % len(FILE) + FILE
    assert len(lab.events) == 2


async def test_a_body_that_nobody_wants_is_dropped(lab: Lab, autojump_clock: MockClock) -> None:
    head = b"GET /empty HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    assert await lab.exchange(head + b"a" * 9) == HEAD % 0


async def test_a_request_octet_by_octet(lab: Lab, autojump_clock: MockClock) -> None:
    stream = await lab.connect()
    for octet in b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n":
        await stream.send_all(bytes([octet]))
        await trio.sleep(0.1)
    assert await everything(stream) == HEAD % len(FILE) + FILE


@pytest.mark.parametrize("request_", [b"", b"GET /file HTTP/1.1\r\nHost: x\r\n"])
async def test_a_request_that_never_ends_is_given_ten_seconds(
    lab: Lab, request_: bytes, autojump_clock: MockClock
) -> None:
    stream = await lab.connect()
    if request_:
        await stream.send_all(request_)
    start = trio.current_time()
    assert await everything(stream) == b""
    assert trio.current_time() - start == 10.0
    assert lab.events == []


async def test_headers_that_never_end_are_refused(lab: Lab, autojump_clock: MockClock) -> None:
    stream = await lab.connect()
    await stream.send_all(b"GET /file HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000)
    assert (await everything(stream)).startswith(b"HTTP/1.1 431 ")


async def test_clients_that_go_away_leave_nothing_behind(
    lab: Lab, autojump_clock: MockClock
) -> None:
    for request in (b"", b"GET /f", b"GET /big HTTP/1.0\r\n\r\n"):
        stream = await lab.connect()
        if request:
            await stream.send_all(request)
        stream.close()
    await wait_all_tasks_blocked()
    assert (await lab.fetch("file"))[0] == Received(FILE)


async def test_a_client_that_stays_after_its_answer_is_given_two_seconds(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    lab = await started(nursery, replace(DEFAULT_SETTINGS, connection_limit=1))
    staying = await lab.connect()
    await staying.send_all(b"GET /empty HTTP/1.0\r\n\r\n")
    assert await staying.receive_some(1000) == HEAD % 0
    assert await staying.receive_some(1000) == b""
    start = trio.current_time()
    await staying.send_all(b"one more thing")
    assert (await lab.fetch("file"))[0] == Received(FILE)
    assert trio.current_time() - start == 2.0
    staying.close()


@dataclass
class Stuck:
    """A client that asks and then takes nothing."""

    remote = ("192.0.2.9", 50_000)
    breaks_off: bool = False
    asked: bool = False

    async def send_all(self, octets: bytes, /) -> None:
        await trio.lowlevel.checkpoint()
        if self.breaks_off:
            raise trio.BrokenResourceError
        await trio.sleep_forever()

    async def receive_some(self, max_bytes: int, /) -> bytes:
        await trio.lowlevel.checkpoint()
        if self.asked:
            return b""
        self.asked = True
        return b"GET /big HTTP/1.0\r\n\r\n"

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.breaks_off:
            raise trio.BrokenResourceError

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_a_client_that_takes_nothing_is_given_ten_seconds(autojump_clock: MockClock) -> None:
    events: list[ServerEvent] = []
    server = HTTPServer(Shelf({"big": BIG}), events.append)
    start = trio.current_time()
    await server.serve_connection(Stuck(), ("192.0.2.9", 50_000))
    assert trio.current_time() - start == 10.0
    assert [type(event) for event in events] == [HTTPRequestReceived]


async def test_a_client_that_breaks_off_is_not_told_to_have_its_file() -> None:
    events: list[ServerEvent] = []
    server = HTTPServer(Shelf({"big": BIG}), events.append)
    client = Stuck(breaks_off=True)
    await server.serve_stream(client)
    assert [type(event) for event in events] == [HTTPRequestReceived]


class LateListener(MemoryTCPListener):
    """A listener that has no descriptor left at first."""

    exhausted = True

    async def accept(self) -> MemoryTCPStream:
        if self.exhausted:
            self.exhausted = False
            await trio.lowlevel.checkpoint()
            raise OSError(errno.EMFILE, "too many open files")
        return await super().accept()


@dataclass
class LateNetwork:
    """Listens with one `LateListener`."""

    listener: LateListener

    def listen(self, address: Address) -> LateListener:
        return self.listener


async def test_a_server_out_of_descriptors_goes_on_later(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    listener, events = LateListener(SERVER), list[ServerEvent]()
    await nursery.start(serve_http, LateNetwork(listener), SERVER, Shelf(), events.append)
    get = Get(*SERVER, "file", "Cisco-CP7821/12.1.1", 1_000_000)
    heads: list[Response] = []
    connect = partial(listener.connect, ("192.0.2.9", 50_000))
    assert await fetch_http(connect, get, heads.append) == Received(FILE)
    assert not listener.exhausted


async def test_at_the_limit_of_connections_the_next_waits(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    lab = await started(nursery, replace(DEFAULT_SETTINGS, connection_limit=1))
    silent = await lab.connect()
    start = trio.current_time()
    result, _ = await lab.fetch("file", Patience(silence_seconds=60.0))
    assert result == Received(FILE)
    assert trio.current_time() - start == 12.0  # ten for its request, two to go
    silent.close()
