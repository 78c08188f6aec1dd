"""The real network, on loopback: whole transfers, and a closed port that is known at once."""

import socket
from collections.abc import Awaitable, Callable
from typing import NoReturn, Self

import pytest
import test_tftp_fakeserver
import trio

from secd.models import TFTPOptions
from secd.net.clock import TrioClock
from secd.net.kernel import KernelNetwork
from secd.net.network import Address, AddressBook, Unreachable
from secd.net.tftp import fetch_tftp
from secd.tftp import Failed, Received
from secd.words import TransferFailure

OPTIONS = TFTPOptions(0, 0, False, 0, 5.0, 2)
WINDOWS = TFTPOptions(1428, 4, True, 0, 5.0, 2)
FILE = bytes(n % 251 for n in range(50_000))
NETWORK = KernelNetwork()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


HOSTS = [
    "127.0.0.1",
    pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
]


class BoundSocket:
    """A server's socket, on nothing but the standard library and trio."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.remote: Address = self._socket.getsockname()[:2]

    def send_to(self, octets: bytes, address: Address) -> None:
        self._socket.sendto(octets, address)

    async def receive(self) -> tuple[bytes, Address]:
        await trio.lowlevel.wait_readable(self._socket)
        octets, sender = self._socket.recvfrom(65536)
        return octets, sender[:2]

    def receive_nowait(self) -> tuple[bytes, Address] | None:
        raise NotImplementedError

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def closed_port(host: str) -> Address:
    with BoundSocket(host) as bound:
        return bound.remote


async def fetch(address: Address, options: TFTPOptions = OPTIONS) -> Received | Failed:
    def no_retransmission(count: int) -> None:
        raise AssertionError(count)

    return await fetch_tftp(
        NETWORK, TrioClock(), AddressBook(), *address, "f", options, 100_000, no_retransmission
    )


async def within(seconds: float, wanted: Callable[[], Awaitable[Received | Failed]]) -> object:
    with trio.fail_after(seconds):
        return await wanted()


@pytest.mark.parametrize("options", [OPTIONS, WINDOWS], ids=["plain", "windows"])
@pytest.mark.parametrize("host", HOSTS)
async def test_a_file_arrives(host: str, options: TFTPOptions) -> None:
    with BoundSocket(host) as listener:
        server = test_tftp_fakeserver.FakeServer(listener, lambda: BoundSocket(host), {"f": FILE})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve)
            result = await within(5.0, lambda: fetch(listener.remote, options))
            nursery.cancel_scope.cancel()
    assert result == Received(FILE)


@pytest.mark.parametrize("host", HOSTS)
async def test_a_closed_port_is_known_at_once(host: str) -> None:
    reason = "nobody listens on this port (ECONNREFUSED)"
    result = await within(2.0, lambda: fetch(closed_port(host)))
    assert result == Failed(TransferFailure.UNREACHABLE, 0, reason)


@pytest.mark.parametrize("host", HOSTS)
async def test_an_error_names_its_address_and_the_socket_stays_usable(host: str) -> None:
    gone, other_gone = closed_port(host), closed_port(host)
    with (
        trio.fail_after(2.0),
        BoundSocket(host) as server,
        await NETWORK.open_udp(server.remote) as client,
    ):
        client.send_to(b"1", gone)
        client.send_to(b"2", other_gone)
        client.send_to(b"3", server.remote)
        assert (await server.receive())[0] == b"3"
        for address in (gone, other_gone):
            with pytest.raises(Unreachable) as caught:
                await client.receive()
            assert caught.value.address == address
        client.send_to(b"4", server.remote)
        octets, sender = await server.receive()
        assert octets == b"4"
        server.send_to(b"5", sender)
        assert await client.receive() == (b"5", server.remote)


async def test_a_strangers_closed_port_does_not_end_a_transfer() -> None:
    with BoundSocket("127.0.0.1") as server, trio.fail_after(2.0):
        async with trio.open_nursery() as nursery:
            results: list[Received | Failed] = []

            async def boot() -> None:
                results.append(await fetch(server.remote))

            nursery.start_soon(boot)
            _, phone = await server.receive()
            server.send_to(b"\0\3\0\1" + b"x" * 512, phone)
            await server.receive()
            with BoundSocket("127.0.0.1") as stranger:
                stranger.send_to(b"\0\3\0\2", phone)
            await trio.testing.wait_all_tasks_blocked()  # the answer meets a closed port
            server.send_to(b"\0\3\0\2end", phone)
            assert (await server.receive())[0] == b"\0\4\0\2"
    assert results == [Received(b"x" * 512 + b"end")]


async def test_no_task_spins_after_an_error() -> None:
    gone = closed_port("127.0.0.1")
    with await NETWORK.open_udp(gone) as client:
        client.send_to(b"?", gone)
        with pytest.raises(Unreachable):
            await client.receive()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.receive)
            with trio.fail_after(2.0):
                await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()


async def test_what_the_kernel_refuses_to_send_comes_out_of_receive() -> None:
    with await NETWORK.open_udp(("127.0.0.1", 9)) as client:
        client.send_to(b"x" * 70_000, ("127.0.0.1", 9))
        with pytest.raises(Unreachable, match="EMSGSIZE"), trio.fail_after(2.0):
            await client.receive()


async def test_names_are_resolved() -> None:
    with await NETWORK.open_udp(("localhost", 69)) as client:
        assert client.remote[0] in ("127.0.0.1", "::1")
        assert client.remote[1] == 69


async def test_a_name_has_an_address_and_an_address_is_one() -> None:
    assert (await NETWORK.resolve(("localhost", 2445)))[0] in ("127.0.0.1", "::1")
    assert await NETWORK.resolve(("192.0.2.1", 2445)) == ("192.0.2.1", 2445)
    with pytest.raises(Unreachable, match="cannot resolve"):
        await NETWORK.resolve(("a..b", 2445))


@pytest.mark.parametrize("name", ["a\0b", "a..b", "é" * 70, ""])
async def test_a_name_that_leads_nowhere_is_unreachable(name: str) -> None:
    result = await fetch((name, 69))
    assert isinstance(result, Failed)
    assert result.failure is TransferFailure.NAME_UNKNOWN
    assert result.text.startswith("cannot resolve: ")


class Resolver(trio.abc.HostnameResolver):
    """A resolver that knows nothing, for one reason."""

    def __init__(self, number: int) -> None:
        self._number = number

    async def getaddrinfo(self, *_: object, **__: object) -> NoReturn:
        raise socket.gaierror(self._number, "no")

    async def getnameinfo(self, *_: object) -> NoReturn:
        raise AssertionError("nobody asks for names")


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (socket.EAI_NONAME, TransferFailure.NAME_UNKNOWN),
        (socket.EAI_AGAIN, TransferFailure.NAME_TIMEOUT),
    ],
)
async def test_an_unknown_name_is_told_from_a_dns_that_does_not_answer(
    number: int, failure: TransferFailure
) -> None:
    before = trio.socket.set_custom_hostname_resolver(Resolver(number))
    try:
        result = await fetch(("tftp.example.test", 69))
    finally:
        trio.socket.set_custom_hostname_resolver(before)
    assert result == Failed(failure, 0, "cannot resolve: no")


async def test_nothing_there_is_not_waited_for() -> None:
    gone = closed_port("127.0.0.1")
    with BoundSocket("127.0.0.1") as server, await NETWORK.open_udp(server.remote) as client:
        assert client.receive_nowait() is None
        client.send_to(b"1", server.remote)
        _, sender = await server.receive()
        server.send_to(b"2", sender)
        assert client.receive_nowait() == (b"2", server.remote)
        client.send_to(b"3", gone)
        with pytest.raises(Unreachable):
            client.receive_nowait()
        assert client.receive_nowait() is None
