"""The lab's TFTP server on loopback: the kernel's sockets, and clients of others."""

import io
import struct
import subprocess
from functools import partial
from pathlib import Path
from random import Random
from shutil import which

import pytest
import tftpy
import trio
from lab_client import FILE, Lab, Shelf, start_lab

from firmware_sim.cluster import ClusterFiles, PooledKeys, demo_cluster
from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.server_events import FileTransferred, ServerEvent
from secd.errors import UnusableInput


@pytest.fixture
async def kernel(nursery: trio.Nursery) -> Lab:
    """A server on loopback, in real time."""
    return await start_lab(nursery, KernelServerNetwork(), Shelf())


async def test_over_loopback(kernel: Lab) -> None:
    with trio.fail_after(5):
        assert await kernel.client().fetch() == FILE


async def test_a_closed_client_on_loopback_is_noticed(kernel: Lab) -> None:
    client = kernel.client()
    client.ask()
    with trio.fail_after(5):
        await client.expect_data(1)
        tid = client.tid
        client.socket.close()
        stranger = kernel.client()
        # Its acknowledgement makes the transfer read; the datagram to the closed port comes back.
        stranger.send(struct.pack("!HH", 4, 1), tid)
        assert await stranger.packet() == b"\0\x05\0\x05Unknown transfer ID\0"
        assert await kernel.client().fetch() == FILE


async def test_answers_come_from_the_host_that_was_asked(nursery: trio.Nursery) -> None:
    lab = await start_lab(nursery, KernelServerNetwork(), Shelf(), host="127.0.0.2")
    client = lab.client()
    client.ask()
    with trio.fail_after(5):
        await client.expect_data(1)
    assert client.tid is not None
    assert client.tid[0] == "127.0.0.2"


async def test_ipv6(nursery: trio.Nursery) -> None:
    try:
        lab = await start_lab(nursery, KernelServerNetwork(), Shelf(), host="::1")
    except UnusableInput as reason:
        pytest.skip(f"this machine has no IPv6: {reason}")
    with trio.fail_after(5):
        assert await lab.client().fetch() == FILE


async def test_an_address_in_use_or_no_address(kernel: Lab) -> None:
    source, network = Shelf(), KernelServerNetwork()
    events: list[ServerEvent] = []
    with pytest.raises(UnusableInput, match=r"cannot listen on 127\.0\.0\.1 port \d+: "):
        await serve_tftp(network, kernel.address, source, events.append)
    with pytest.raises(UnusableInput, match="no IP address"):
        await serve_tftp(network, ("localhost", 0), source, events.append)


@pytest.mark.interop
@pytest.mark.parametrize("options", [{}, {"blksize": 1428, "tsize": 0}])
async def test_tftpys_own_client(kernel: Lab, tmp_path: Path, options: dict[str, int]) -> None:
    """The codec is the same, the client around it is not ours."""
    host, port = kernel.address
    got = io.BytesIO()
    client = tftpy.TftpClient(host, port, options)
    download = partial(client.download, "file", got, timeout=5)
    await trio.to_thread.run_sync(download)
    assert got.getvalue() == FILE


@pytest.mark.interop
async def test_tftpys_own_client_without_a_file(kernel: Lab) -> None:
    client = tftpy.TftpClient(*kernel.address)
    download = partial(client.download, "nothing", io.BytesIO(), timeout=5)
    with pytest.raises(tftpy.TftpFileNotFoundError):
        await trio.to_thread.run_sync(download)


needs_curl = pytest.mark.skipif(which("curl") is None, reason="curl is not installed")


async def curl(kernel: Lab, name: str, *options: str) -> tuple[int, bytes]:
    host, port = kernel.address
    done = await trio.run_process(
        ["curl", "--silent", "--max-time", "10", *options, f"tftp://{host}:{port}/{name}"],
        capture_stdout=True,
        check=False,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout


@pytest.mark.interop
@needs_curl
@pytest.mark.parametrize("options", [(), ("--tftp-no-options",), ("--tftp-blksize", "1428")])
async def test_curl(kernel: Lab, options: tuple[str, ...]) -> None:
    assert await curl(kernel, "file", *options) == (0, FILE)


@pytest.mark.interop
@needs_curl
async def test_curl_without_a_file(kernel: Lab) -> None:
    file_not_found = 68  # curl's exit status for a TFTP server that says so
    assert await curl(kernel, "nothing") == (file_not_found, b"")


@pytest.mark.interop
@needs_curl
async def test_curl_may_not_upload(kernel: Lab, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(b"x")
    access_violation = 69
    status, _ = await curl(kernel, "file", "--upload-file", str(upload))
    assert status == access_violation


async def test_a_phone_gets_the_common_list_under_its_own_name(nursery: trio.Nursery) -> None:
    """Seed guide: `[CTLSEP0011215A1AE3.tlv]` is answered by `Transferred[CTLFile.tlv]`."""
    files = ClusterFiles(demo_cluster(PooledKeys(), Random(1)))
    lab = await start_lab(nursery, KernelServerNetwork(), files)
    with trio.fail_after(5):
        octets = await lab.client().fetch(b"CTLSEP0011215A1AE3.tlv")
        while len(lab.events) < 2:  # the last acknowledgement is still on its way
            await trio.lowlevel.checkpoint()
    assert octets == files.answer("test", "CTLFile.tlv")
    assert isinstance(lab.events[1], FileTransferred)
    assert lab.events[1].served_name == "CTLFile.tlv"
    assert files.asked[0] == ("127.0.0.1", "CTLSEP0011215A1AE3.tlv")
