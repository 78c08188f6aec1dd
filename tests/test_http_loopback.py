"""HTTP on the kernel's sockets: clients of others, and servers that vanish; in real time."""

import http.client
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from shutil import which

import pytest
import trio
from lab_client import FILE, Shelf
from tls_support import identity

from firmware_sim.cluster import ClusterFiles, PooledKeys, demo_cluster
from firmware_sim.net.http_server import HTTPServer, serve_http
from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tls import MODERN, TLSServerSettings, serve_tls
from firmware_sim.server_events import ServerEvent
from secd.errors import UnusableInput
from secd.http import Get
from secd.net.http import fetch_http
from secd.net.kernel import KernelNetwork
from secd.net.network import Address
from secd.transfer import Failed, Received
from secd.words import TransferFailure

BIG = Random(1).randbytes(2_000_000)


@dataclass
class Lab:
    """A running server."""

    address: Address

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://{host}:{port}"


async def serve(nursery: trio.Nursery, source: Shelf | ClusterFiles) -> Lab:
    network, events = KernelTCPServerNetwork(), list[ServerEvent]()
    return Lab(await nursery.start(serve_http, network, ("127.0.0.1", 0), source, events.append))


@pytest.fixture
async def lab(nursery: trio.Nursery) -> Lab:
    return await serve(nursery, Shelf({"file": FILE, "a b/ü": b"odd", "big": BIG}))


async def fetch(address: Address, name: str, limit: int = 3_000_000) -> Received | Failed:
    get = Get("14.48.44.80", 6970, name, "Cisco-CP7821/12.1.1", limit)
    with trio.fail_after(5):
        return await fetch_http(partial(KernelNetwork().open_tcp, address), get, lambda _: None)


@pytest.mark.parametrize(("name", "file"), [("file", FILE), ("a b/ü", b"odd"), ("big", BIG)])
async def test_the_phones_client(lab: Lab, name: str, file: bytes) -> None:
    assert await fetch(lab.address, name) == Received(file)


async def test_many_phones_at_once(lab: Lab) -> None:
    results: list[Received | Failed] = []

    async def one() -> None:
        results.append(await fetch(lab.address, "file"))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(one)
    assert results == [Received(FILE)] * 50


async def test_the_files_of_a_cluster(nursery: trio.Nursery) -> None:
    files = ClusterFiles(demo_cluster(PooledKeys(), Random(1)))
    lab = await serve(nursery, files)
    assert await fetch(lab.address, "CTLSEP0011215A1AE3.tlv") == Received(
        files.answer("test", "CTLFile.tlv")  # type: ignore[arg-type] # it has one
    )
    missing = await fetch(lab.address, "SEP000000000000.cnf.xml")
    assert missing == Failed(TransferFailure.ERROR, 503, "HTTP/1.1 503 Service Unavailable")


async def test_an_address_in_use_or_no_address(lab: Lab) -> None:
    network, events = KernelTCPServerNetwork(), list[ServerEvent]()
    with pytest.raises(UnusableInput, match=r"cannot listen on 127\.0\.0\.1 port \d+: "):
        await serve_http(network, lab.address, Shelf(), events.append)
    with pytest.raises(UnusableInput, match="no IP address"):
        await serve_http(network, ("localhost", 0), Shelf(), events.append)


async def test_nobody_listens() -> None:
    with socket.socket() as bound:  # and not listening, so that nobody else can
        bound.bind(("127.0.0.1", 0))
        result = await fetch(("127.0.0.1", bound.getsockname()[1]), "file")
    assert isinstance(result, Failed)
    assert result.failure is TransferFailure.UNREACHABLE
    assert "nobody listens" in result.text


# Servers by hand.

Script = Callable[[trio.SocketStream], Awaitable[None]]


async def against(script: Script) -> Received | Failed:
    """Fetch from a server that reads the request, does as the script says, and closes."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def answer(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):  # the phone has had enough
            await stream.receive_some(1000)
            await script(stream)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        address = listener.socket.getsockname()
        result = await fetch(address, "file", limit=1000)
        nursery.cancel_scope.cancel()
    return result


def says(octets: bytes, *, reset: bool = False) -> Script:
    async def script(stream: trio.SocketStream) -> None:
        await stream.send_all(octets)
        if reset:  # closing with nothing to linger for sends RST
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


OK = b"HTTP/1.0 200 OK\r\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (says(OK + b"\r\nhello"), Received(b"hello")),
        (says(OK + b"Content-Length: 5\r\n\r\nhello and more"), Received(b"hello")),
        (says(OK + b"Content-Length: 6\r\n\r\nhello"), TransferFailure.PROTOCOL),
        (says(OK + b"\r\n" + bytes(1001)), TransferFailure.TOO_LARGE),
        (says(b""), TransferFailure.PROTOCOL),
        (says(b"", reset=True), TransferFailure.PROTOCOL),
        (says(b"\0" * 100_000), TransferFailure.PROTOCOL),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), TransferFailure.PROTOCOL),
    ],
    ids=["until close", "more", "less", "large", "nothing", "reset", "zeros", "ssh"],
)
async def test_servers_by_hand(script: Script, expected: Received | TransferFailure) -> None:
    result = await against(script)
    if isinstance(expected, Received):
        assert result == expected
    else:
        assert isinstance(result, Failed)
        assert result.failure is expected


# Clients of others.


def ask(address: Address, method: str, target: str) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request(method, target)
    answer = connection.getresponse()
    try:
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "target", "status", "body"),
    [
        ("GET", "/file", 200, FILE),
        ("GET", "/a%20b/%C3%BC", 200, b"odd"),
        ("HEAD", "/file", 200, b""),
        ("GET", "/none", 503, b""),
        ("DELETE", "/file", 405, b""),
    ],
)
async def test_pythons_own_client(
    lab: Lab, method: str, target: str, status: int, body: bytes
) -> None:
    got = await trio.to_thread.run_sync(ask, lab.address, method, target)
    assert (got[0], got[2]) == (status, body)
    if status == 200:
        assert got[1] == [
            ("Content-length", str(len(FILE if "file" in target else body))),
            ("Cache-Control", "no-store"),
            ("Content-type", "*/*"),
        ]


needs_curl = pytest.mark.skipif(which("curl") is None, reason="curl is not installed")


async def curl(*arguments: str) -> tuple[int, bytes]:
    done = await trio.run_process(
        ["curl", "--silent", "--show-error", "--max-time", "10", *arguments],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.interop
@needs_curl
@pytest.mark.parametrize("options", [[], ["--http1.0"], ["--compressed"]])
async def test_curl(lab: Lab, options: list[str]) -> None:
    assert await curl(*options, f"{lab.url}/file", f"{lab.url}/big") == (0, FILE + BIG)


@pytest.mark.interop
@needs_curl
async def test_curl_is_told_of_a_missing_file(lab: Lab) -> None:
    code, _ = await curl("--fail", f"{lab.url}/none")
    assert code == 22
    assert await curl("--write-out", "%{http_code}", f"{lab.url}/none") == (0, b"503")


@pytest.mark.interop
@needs_curl
async def test_curl_sees_the_head_only(lab: Lab) -> None:
    code, head = await curl("--head", f"{lab.url}/file")
    assert code == 0
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-length: 5120\r\n")


@pytest.mark.interop
@needs_curl
async def test_an_upload_by_curl_is_refused_and_curl_hears_it(lab: Lab, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(BIG)
    arguments = ["--upload-file", str(upload), f"{lab.url}/file"]
    assert await curl("--write-out", "%{http_code}", *arguments) == (0, b"405")


@pytest.mark.interop
@needs_curl
async def test_curl_over_tls(nursery: trio.Nursery) -> None:
    """The same server behind TLS: HTTPS, port 6971 of a CUCM."""
    server = HTTPServer(Shelf({"file": FILE, "big": BIG}), list[ServerEvent]().append)
    host, port = await nursery.start(
        serve_tls,
        KernelTCPServerNetwork(),
        ("127.0.0.1", 0),
        TLSServerSettings(MODERN, identity("ccm")),
        server.serve_connection,
    )
    url = f"https://{host}:{port}"
    assert await curl("--insecure", f"{url}/file", f"{url}/big") == (0, FILE + BIG)
    assert await curl("--insecure", "--http1.0", f"{url}/big") == (0, BIG)
    assert (await curl("--insecure", "--fail", f"{url}/none"))[0] == 22
