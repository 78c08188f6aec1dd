"""The client against a server that others wrote: atftpd, which knows windows too.

tftpd-hpa was tried by hand with the same files and options, with the same results; Debian does
not install both, and dnsmasq serves TFTP on port 69 only.
"""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from secd.models import TFTPOptions
from secd.net.clock import TrioClock
from secd.net.kernel import KernelNetwork
from secd.net.network import AddressBook
from secd.net.tftp import fetch_tftp
from secd.tftp import Failed, Received
from secd.words import TransferFailure

FILES = {"file": bytes(n % 251 for n in range(50_000)), "empty": b"", "even": b"x" * 1024}
OPTIONS = {
    "none": TFTPOptions(0, 0, False, 0, 2.0, 3),
    "block": TFTPOptions(1428, 0, True, 3, 2.0, 3),
    "window": TFTPOptions(512, 4, True, 0, 2.0, 3),
}
pytestmark = pytest.mark.interop


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def port() -> Iterator[int]:
    """Run atftpd on FILES; yield its port."""
    program = shutil.which("atftpd", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("atftpd is not installed")
    number = free_port()
    # Not pytest's directory: that is root's alone, and the server gives up root before it reads.
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        for name, octets in FILES.items():
            (Path(directory) / name).write_bytes(octets)
        listen = ["--bind-address", "127.0.0.1", "--port", str(number)]
        command = [program, "--daemon", "--no-fork", *listen, directory]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            yield number
            server.terminate()


async def fetch(
    port: int, name: str, options: TFTPOptions, limit: int = 100_000
) -> Received | Failed:
    """Fetch as soon as the server listens."""
    server = ("127.0.0.1", port)
    network, clock, book = KernelNetwork(), TrioClock(), AddressBook()
    retransmitted: list[int] = []
    with trio.fail_after(10.0):
        while True:
            result = await fetch_tftp(
                network, clock, book, *server, name, options, limit, retransmitted.append
            )
            if not isinstance(result, Failed) or result.failure != TransferFailure.UNREACHABLE:
                return result
            await trio.sleep(0.02)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
async def test_files_arrive(port: int, options: TFTPOptions) -> None:
    for name, octets in FILES.items():
        assert await fetch(port, name, options) == Received(octets)


async def test_a_missing_file_is_said_to_be_missing(port: int) -> None:
    result = await fetch(port, "missing", OPTIONS["none"])
    assert isinstance(result, Failed)
    assert (result.failure, result.code) == (TransferFailure.FILE_NOT_FOUND, 1)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
async def test_a_file_beyond_the_limit_is_refused(port: int, options: TFTPOptions) -> None:
    result = await fetch(port, "file", options, limit=49_999)
    assert isinstance(result, Failed)
    assert result.failure is TransferFailure.TOO_LARGE
