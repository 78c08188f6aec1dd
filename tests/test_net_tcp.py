"""TCP by the network seam: the kernel's on loopback and that in memory, held to the same rules."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.net.tcp import (
    KernelTCPListener,
    KernelTCPServerNetwork,
    TCPListener,
    TCPServerNetwork,
)
from secd.errors import UnusableInput
from secd.net.kernel import KernelNetwork
from secd.net.memory import MemoryNetwork
from secd.net.network import Network, TCPStream, Unreachable
from secd.net.tcp import connect_tcp

Networks = tuple[Network, TCPServerNetwork, str]


def kernel() -> Networks:
    return KernelNetwork(), KernelTCPServerNetwork(), "127.0.0.1"


def memory() -> Networks:
    network = MemoryNetwork(Random(1))
    return network, network, "192.0.2.1"


BOTH = pytest.mark.parametrize("networks", [kernel, memory])
MakeNetworks = Callable[[], Networks]


@asynccontextmanager
async def connected(networks: Networks) -> AsyncIterator[tuple[TCPStream, TCPStream]]:
    """Connect to a listener on a free port; client and server, closed in the end."""
    network, servers, host = networks
    with servers.listen((host, 0)) as listener:
        client = await network.open_tcp(listener.address)
        server = await listener.accept()
        assert client.remote == listener.address
        try:
            yield client, server
        finally:
            await client.aclose()
            await server.aclose()


async def received(stream: TCPStream) -> bytes:
    octets = b""
    while piece := await stream.receive_some(10):
        octets += piece
    return octets


@BOTH
async def test_octets_travel_both_ways(networks: MakeNetworks) -> None:
    async with connected(networks()) as (client, server):
        await client.send_all(b"there")
        assert await server.receive_some(100) == b"there"
        await server.send_all(b"and back")
        assert await client.receive_some(100) == b"and back"


@BOTH
async def test_no_more_is_received_than_asked_for(networks: MakeNetworks) -> None:
    async with connected(networks()) as (client, server):
        await client.send_all(b"abcdef")
        assert await server.receive_some(4) == b"abcd"
        assert await server.receive_some(4) == b"ef"


@BOTH
async def test_one_direction_can_be_closed(networks: MakeNetworks) -> None:
    async with connected(networks()) as (client, server):
        await client.send_all(b"question")
        await client.send_eof()
        assert await received(server) == b"question"
        assert await server.receive_some(1) == b""
        await server.send_all(b"answer")
        assert await client.receive_some(100) == b"answer"


@BOTH
async def test_the_end_of_a_connection(networks: MakeNetworks) -> None:
    async with connected(networks()) as (client, server):
        await client.aclose()
        await client.aclose()
        assert await server.receive_some(1) == b""
        with pytest.raises(trio.ClosedResourceError):
            await client.send_all(b"x")
        with pytest.raises(trio.ClosedResourceError):
            await client.receive_some(1)


@BOTH
async def test_sending_to_a_closed_peer(networks: MakeNetworks) -> None:
    async with connected(networks()) as (client, server):
        await server.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await _send_until_it_fails(client)


async def _send_until_it_fails(stream: TCPStream) -> None:
    while True:  # the kernel knows only after a first answer
        await stream.send_all(b"x")


@BOTH
async def test_a_peer_that_does_not_read_makes_the_sender_wait(networks: MakeNetworks) -> None:
    async with connected(networks()) as (client, server):
        await _fill(client)
        assert await server.receive_some(10) == bytes(10)


async def _fill(stream: TCPStream) -> None:
    async def send() -> None:
        while True:
            await stream.send_all(bytes(100_000))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()


@BOTH
async def test_nobody_listens(networks: MakeNetworks) -> None:
    network, servers, host = networks()
    with servers.listen((host, 0)) as listener:
        address = listener.address
    with pytest.raises(Unreachable, match="nobody listens on this port") as caught:
        await network.open_tcp(address)
    assert caught.value.address == address


@BOTH
async def test_the_listener_names_its_peers(networks: MakeNetworks) -> None:
    network, servers, host = networks()
    with servers.listen((host, 0)) as listener:
        clients = [await network.open_tcp(listener.address) for _ in range(2)]
        accepted = [await listener.accept() for _ in range(2)]
        assert len({stream.remote for stream in accepted}) == 2
        for stream in [*clients, *accepted]:
            await stream.aclose()


@BOTH
async def test_an_accepted_connection_outlives_its_listener(networks: MakeNetworks) -> None:
    network, servers, host = networks()
    with servers.listen((host, 0)) as listener:
        client = await network.open_tcp(listener.address)
        server = await listener.accept()
    listener.close()
    await client.send_all(b"x")
    assert await server.receive_some(1) == b"x"
    await client.aclose()
    await server.aclose()


@BOTH
async def test_the_address_is_free_again_after_closing(networks: MakeNetworks) -> None:
    _, servers, host = networks()
    with servers.listen((host, 0)) as listener:
        address = listener.address
    with servers.listen(address) as again:
        assert again.address == address


# --- in memory --------------------------------------------------------------------------------


async def test_an_address_that_is_taken() -> None:
    network = MemoryNetwork(Random(1))
    with network.listen(("h", 5)), pytest.raises(ValueError, match="h port 5 is taken"):
        network.listen(("h", 5))


async def test_free_ports_are_those_of_neither_udp_nor_tcp() -> None:
    network = MemoryNetwork(Random(1))
    with (
        network.bind(("h", 49152)),
        network.listen(("h", 0)) as one,
        network.listen(("h", 0)) as two,
    ):
        assert [one.address, two.address] == [("h", 49153), ("h", 49154)]


async def test_connections_that_nobody_accepted_end_with_the_listener() -> None:
    network = MemoryNetwork(Random(1))
    with network.listen(("h", 5)):
        client = await network.open_tcp(("h", 5))
    assert await client.receive_some(1) == b""
    await client.aclose()


async def test_a_full_backlog_makes_clients_wait(autojump_clock: MockClock) -> None:
    network = MemoryNetwork(Random(1))
    with network.listen(("h", 5)) as listener:
        clients = [await network.open_tcp(("h", 5)) for _ in range(128)]
        with trio.move_on_after(1) as deadline:
            await network.open_tcp(("h", 5))
        assert deadline.cancelled_caught
        (await listener.accept()).close()
        clients.append(await network.open_tcp(("h", 5)))
    for client in clients:
        await client.aclose()


async def test_a_client_that_waits_learns_that_the_listener_closed(
    autojump_clock: MockClock,
) -> None:
    network = MemoryNetwork(Random(1))
    listener = network.listen(("h", 5))
    clients = [await network.open_tcp(("h", 5)) for _ in range(128)]

    async def connect() -> None:
        with pytest.raises(Unreachable, match="nobody listens"):
            await network.open_tcp(("h", 5))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        await trio.testing.wait_all_tasks_blocked()
        listener.close()
    for client in clients:
        await client.aclose()


# --- the kernel's -----------------------------------------------------------------------------


async def test_names_are_resolved() -> None:
    with KernelTCPServerNetwork().listen(("127.0.0.1", 0)) as listener:
        client = await KernelNetwork().open_tcp(("localhost", listener.address[1]))
        assert client.remote[0] in {"127.0.0.1", "::1"}
        await client.aclose()


async def test_ipv6() -> None:
    try:
        listener = KernelTCPServerNetwork().listen(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        client = await KernelNetwork().open_tcp(listener.address)
        server = await listener.accept()
        assert client.remote == listener.address
        await client.aclose()
        await server.aclose()


@pytest.mark.parametrize("host", ["a..b", "host.invalid", "nul\0"])
async def test_a_name_that_cannot_be_resolved(host: str) -> None:
    with pytest.raises(Unreachable, match="cannot resolve"):
        await KernelNetwork().open_tcp((host, 1))


async def test_a_network_that_is_not_there() -> None:
    with pytest.raises(Unreachable, match=r"no connection \(EACCES\)|no route|EACCES"):
        await KernelNetwork().open_tcp(("255.255.255.255", 9))


async def test_small_messages_are_not_held_back() -> None:
    with KernelTCPServerNetwork().listen(("127.0.0.1", 0)) as listener:
        client = await KernelNetwork().open_tcp(listener.address)
        with socket.socket(fileno=socket.dup(client.number)) as same:
            assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await client.aclose()


async def test_cancelling_leaves_no_socket_behind() -> None:
    with KernelTCPServerNetwork().listen(("127.0.0.1", 0)) as listener:
        with trio.CancelScope() as scope:
            scope.cancel()
            await connect_tcp(socket.AF_INET, listener.address)
        assert scope.cancelled_caught


def test_a_name_is_no_address_to_listen_on() -> None:
    with pytest.raises(UnusableInput, match="'localhost' is no IP address to listen on"):
        KernelTCPServerNetwork().listen(("localhost", 0))


def test_an_address_of_another_machine() -> None:
    with pytest.raises(OSError, match="assign"):
        KernelTCPListener(socket.AF_INET, ("192.0.2.1", 0))


async def test_the_seams_fit() -> None:
    listener: TCPListener = KernelTCPServerNetwork().listen(("127.0.0.1", 0))
    listener.close()
    _: Callable[[], Awaitable[TCPStream]] = listener.accept
