"""TLS over the kernel's sockets: against the lab's server, and against OpenSSL's own programs."""

import errno
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from support import VECTORS, lab
from tls_support import NEW, OLD, accepting, identity, pin, refusing

from firmware_sim.net.tcp import KernelTCPListener, KernelTCPServerNetwork
from firmware_sim.net.tls import LEGACY, MODERN, TLSServerSettings, serve_tls
from secd.errors import SecdError, UnsupportedKey, UnusableInput
from secd.files.data import model_catalogue
from secd.files.identity import load_identity_untrusted
from secd.models import TLSProfile
from secd.net.kernel import KernelNetwork
from secd.net.network import Address
from secd.net.tcp import KernelTCPStream
from secd.net.tls import connect_tls
from secd.net.tls_context import TLSIdentity
from secd.net.tls_errors import (
    Alert,
    CertificateRefused,
    HandshakeFailed,
    PeerBrokeOff,
    TLSError,
)
from secd.net.tls_stream import TLSStream

ANY: Address = ("127.0.0.1", 0)
PATIENCE_SECONDS = 20


async def echo(session: TLSStream, _: Address) -> None:
    while octets := await session.receive_some():
        await session.send_all(octets)


@asynccontextmanager
async def serving(settings: TLSServerSettings, failures: list[SecdError]) -> AsyncIterator[Address]:
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            serve_tls,
            KernelTCPServerNetwork(),
            ANY,
            settings,
            echo,
            lambda _, failure: failures.append(failure),
        )
        with trio.fail_after(PATIENCE_SECONDS):
            yield address
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("profile", [NEW, OLD])
async def test_many_phones_at_once(profile: TLSProfile) -> None:
    settings = TLSServerSettings(LEGACY, identity("tvs"), connection_limit=5)
    failures: list[SecdError] = []

    async def phone(number: int) -> None:
        stream = await KernelNetwork().open_tcp(address)
        session = await connect_tls(stream, profile, pin(lab("tvs").der))
        message = number.to_bytes(2, "big") * 10000
        await session.send_all(message)
        received = b""
        while len(received) < len(message):
            received += await session.receive_some()
        assert received == message
        await session.aclose()

    async with serving(settings, failures) as address, trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(phone, number)
    assert failures == []


async def test_a_refusal_reaches_the_server_as_an_alert() -> None:
    sending, failures = trio.open_memory_channel[SecdError](1)
    settings = TLSServerSettings(MODERN, identity("tvs"))
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            serve_tls,
            KernelTCPServerNetwork(),
            ANY,
            settings,
            echo,
            lambda _, failure: sending.send_nowait(failure),
        )
        with pytest.raises(CertificateRefused):
            await connect_tls(await KernelNetwork().open_tcp(address), NEW, refusing())
        failure = await failures.receive()
        nursery.cancel_scope.cancel()
    sending.close()
    failures.close()
    assert isinstance(failure, HandshakeFailed)
    assert failure.alert == Alert(48, read=True, fatal=True)


async def test_a_server_that_says_nothing_leaves_no_socket_behind() -> None:
    with KernelTCPServerNetwork().listen(ANY) as listener:
        stream = await KernelNetwork().open_tcp(listener.address)
        silent = await listener.accept()
        with trio.move_on_after(0.01) as deadline:
            await connect_tls(stream, NEW, accepting())
        assert deadline.cancelled_caught
        assert (await silent.receive_some(10000))[0] == 22
        assert await silent.receive_some(1) == b""
        await silent.aclose()


async def test_a_server_that_resets_the_connection_in_the_middle() -> None:
    with KernelTCPServerNetwork().listen(ANY) as listener:
        stream = await KernelNetwork().open_tcp(listener.address)
        server = await listener.accept()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _close_without_reading() -> None:
                await trio.lowlevel.wait_readable(server.number)
                await server.aclose()  # octets unread: the kernel resets

            with pytest.raises(PeerBrokeOff):
                await connect_tls(stream, NEW, accepting())


async def test_a_server_survives_garbage() -> None:
    failures: list[SecdError] = []
    async with serving(TLSServerSettings(MODERN, identity("tvs")), failures) as address:
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(500), b"\x16\x03\x01\x00\x05hello"):
            stream = await KernelNetwork().open_tcp(address)
            await stream.send_all(garbage)
            await stream.send_eof()
            try:
                while await stream.receive_some(100):
                    pass
            except trio.BrokenResourceError:
                pass  # reset, because the server did not read it all
            await stream.aclose()
        session = await connect_tls(await KernelNetwork().open_tcp(address), NEW, accepting())
        await session.aclose()
    assert len(failures) == 3
    assert all(isinstance(failure, TLSError) for failure in failures)


async def test_a_handler_may_drop_its_client() -> None:
    async def drop(session: TLSStream, _: Address) -> None:
        await session.send_all(b"no")

    settings = TLSServerSettings(MODERN, identity("tvs"))
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve_tls, KernelTCPServerNetwork(), ANY, settings, drop)
        session = await connect_tls(await KernelNetwork().open_tcp(address), NEW, accepting())
        assert [await session.receive_some(), await session.receive_some()] == [b"no", b""]
        await session.aclose()
        nursery.cancel_scope.cancel()


class ExhaustedListener(KernelTCPListener):
    """Has no descriptor left, once."""

    refused = False

    async def accept(self) -> KernelTCPStream:
        if not self.refused:
            self.refused = True
            raise OSError(errno.EMFILE, "Too many open files")
        return await super().accept()


class ExhaustedNetwork(KernelTCPServerNetwork):
    def listen(self, address: Address) -> KernelTCPListener:
        return ExhaustedListener(socket.AF_INET, address)


async def test_a_server_without_descriptors_waits_for_better_times() -> None:
    settings = TLSServerSettings(MODERN, identity("tvs"))
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve_tls, ExhaustedNetwork(), ANY, settings, echo)
        session = await connect_tls(await KernelNetwork().open_tcp(address), NEW, accepting())
        await session.aclose()
        nursery.cancel_scope.cancel()


async def test_a_port_that_is_taken() -> None:
    settings = TLSServerSettings(MODERN, identity("tvs"))
    rule = r"cannot listen on 127\.0\.0\.1 port \d+: Address"
    with (
        KernelTCPServerNetwork().listen(ANY) as listener,
        pytest.raises(UnusableInput, match=rule),
    ):
        await serve_tls(KernelTCPServerNetwork(), listener.address, settings, echo)


async def test_a_certificate_that_cannot_be_used_shows_at_once() -> None:
    weak = TLSServerSettings(MODERN, identity("sast1024"))
    with pytest.raises(UnsupportedKey):
        await serve_tls(KernelTCPServerNetwork(), ANY, weak, echo)


# --- OpenSSL's programs -------------------------------------------------------------------------

OPENSSL = shutil.which("openssl")
interop = pytest.mark.interop


def openssl() -> str:
    if OPENSSL is None:
        pytest.skip("needs openssl")
    return OPENSSL


def pem(name: str) -> str:
    return str(Path(VECTORS) / "certs" / f"{name}.pem")


@asynccontextmanager
async def s_server(name: str, *options: str) -> AsyncIterator[Address]:
    """Run OpenSSL's server, which turns lines round, on a port that the kernel chooses."""
    command = [openssl(), "s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", pem(name)]
    command += ["-key", pem(name), "-cipher", "AES256-SHA:@SECLEVEL=0", *options]
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = partial(trio.run_process, command, stdout=subprocess.PIPE, check=False, **quiet)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run)
        with trio.fail_after(PATIENCE_SECONDS):
            port = await _port_of(process.stdout)
            nursery.start_soon(_drain, process.stdout)
            yield "127.0.0.1", port
        process.terminate()


async def _port_of(output: trio.abc.ReceiveStream) -> int:
    printed = b""
    while (match := re.search(rb"ACCEPT [^\n]*:(\d+)\n", printed)) is None:
        octets = await output.receive_some()
        assert octets, f"s_server ended: {printed!r}"
        printed += octets
    return int(match[1])


async def _drain(output: trio.abc.ReceiveStream) -> None:
    while await output.receive_some():
        pass


async def connect(
    address: Address, model: str, pinned: str, shown: TLSIdentity | None
) -> TLSStream:
    stream = await KernelNetwork().open_tcp(address)
    profile = model_catalogue().find(model).tls
    return await connect_tls(stream, profile, pin(lab(pinned).der), shown)


@interop
@pytest.mark.parametrize(
    ("option", "model", "name"),
    [("-tls1", "7975", "legacy-sha1"), ("-tls1_2", "8861", "tvs"), ("-tls1", "8861", "tvs")],
)
async def test_a_phone_talks_to_s_server(option: str, model: str, name: str) -> None:
    async with s_server(name, option, "-verify", "1") as address:
        session = await connect(address, model, name, identity("mic"))
        assert session.cipher == "AES256-SHA"
        await session.send_all(b"drawer\n")
        assert await session.receive_some() == b"reward\n"
        await session.aclose()


def of_the_phone(name: str) -> tuple[str, TLSIdentity]:
    """Return the file of one of a phone's certificates, and what it shows with it."""
    path = VECTORS / f"{name}.pem"
    held = load_identity_untrusted(path.read_bytes(), name)
    return str(path), TLSIdentity((held.certificate,), held.key)


DEMANDING = ("-Verify", "1", "-verify_return_error", "-partial_chain", "-CAfile")


@interop
@pytest.mark.parametrize("option", ["-tls1", "-tls1_2"])
@pytest.mark.parametrize("name", ["certs/mic", "capf/keys/lsc-rsa", "capf/keys/lsc-ec"])
async def test_an_s_server_that_demands_a_certificate(name: str, option: str) -> None:
    """As CUCM's TVS may: MIC or LSC are verified there."""
    path, shown = of_the_phone(name)
    async with s_server("tvs", option, *DEMANDING, path) as address:
        session = await connect(address, "8861", "tvs", shown)
        await session.send_all(b"drawer\n")
        assert await session.receive_some() == b"reward\n"
        await session.aclose()


@interop
@pytest.mark.parametrize("option", ["-tls1", "-tls1_2"])
async def test_a_phone_without_a_certificate_is_turned_away(option: str) -> None:
    async with s_server("tvs", option, *DEMANDING, pem("mic")) as address:
        with pytest.raises(HandshakeFailed) as refused:
            await connect(address, "8861", "tvs", None)
    assert refused.value.alert == Alert(read=True, fatal=True, number=40)


@interop
@pytest.mark.parametrize("option", ["-tls1", "-tls1_2"])
async def test_s_client_talks_to_the_lab(option: str) -> None:
    shown: list[bytes | None] = []

    async def answer(session: TLSStream, _: Address) -> None:
        shown.append(session.peer_certificate)
        await session.send_all(b"<" + await session.receive_some() + b">")

    settings = TLSServerSettings(LEGACY, identity("tvs"), ask_certificate=True)
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(serve_tls, KernelTCPServerNetwork(), ANY, settings, answer)
        command = [openssl(), "s_client", "-quiet", "-connect", f"{host}:{port}", option]
        command += ["-cipher", "AES128-SHA:@SECLEVEL=0", "-cert", pem("mic"), "-key", pem("mic")]
        with trio.fail_after(PATIENCE_SECONDS):
            done = await trio.run_process(
                command, stdin=b"hello", capture_stdout=True, capture_stderr=True, check=False
            )
        nursery.cancel_scope.cancel()
    assert done.stdout == b"<hello>"
    assert shown == [lab("mic").der]
