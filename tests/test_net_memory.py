"""The network in memory: datagrams, faults from a seed, and time that is virtual."""

from random import Random

import pytest
import trio
from trio.testing import MockClock

from secd.net.memory import Faults, MemoryNetwork, MemoryUDPSocket
from secd.net.network import Network, Unreachable

SERVER = ("192.0.2.1", 69)


async def receive_all(socket: MemoryUDPSocket, seconds: float = 10.0) -> list[bytes]:
    received = []
    with trio.move_on_after(seconds):
        while True:
            octets, _ = await socket.receive()
            received.append(octets)
    return received


async def test_datagrams_arrive_in_order_with_their_sender(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1))
    network: Network = memory
    with memory.bind(SERVER) as server, await network.open_udp(SERVER) as client:
        client.send_to(b"one", client.remote)
        client.send_to(b"two", client.remote)
        octets, sender = await server.receive()
        assert octets == b"one"
        server.send_to(b"back", sender)
        assert await client.receive() == (b"back", SERVER)
        assert await server.receive() == (b"two", sender)


async def test_a_waiting_task_is_woken(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1))
    with memory.bind(SERVER) as server, await memory.open_udp(SERVER) as client:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _send_later() -> None:
                await trio.sleep(5)
                client.send_to(b"one", SERVER)
                client.send_to(b"two", SERVER)

            assert (await server.receive())[0] == b"one"
            assert (await server.receive())[0] == b"two"
            assert trio.current_time() == 5.0


async def test_only_one_task_may_wait(autojump_clock: MockClock) -> None:
    socket = MemoryNetwork(Random(1)).bind(SERVER)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(socket.receive)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await socket.receive()
        nursery.cancel_scope.cancel()


async def test_nobody_bound_is_unreachable_at_once(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1), Faults(loss=1.0, delay_seconds=9.0))
    memory.bind(SERVER).close()
    client = await memory.open_udp(SERVER)
    client.send_to(b"hello?", SERVER)
    with pytest.raises(Unreachable) as caught:
        await client.receive()
    assert caught.value.address == SERVER
    assert trio.current_time() == 0.0


def test_addresses_are_given_once() -> None:
    memory = MemoryNetwork(Random(1))
    first = memory.bind(("192.0.2.1", 0))
    second = memory.bind(("192.0.2.1", 0))
    assert first.address != second.address
    with pytest.raises(ValueError, match="taken"):
        memory.bind(first.address)
    first.close()
    first.close()
    assert memory.bind(first.address).address == first.address


def test_a_host_has_as_many_ports_as_there_are() -> None:
    memory = MemoryNetwork(Random(1))
    sockets = [memory.bind(("192.0.2.1", 0)) for _ in range(65536 - 49152)]
    with pytest.raises(OSError, match="no free port"):
        memory.bind(("192.0.2.1", 0))
    memory.bind(("192.0.2.2", 0))
    sockets[7].close()
    assert memory.bind(("192.0.2.1", 0)).address == sockets[7].address


async def test_more_clients_than_one_host_has_ports(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1))
    addresses = set()
    for _ in range(16400):
        with await memory.open_udp(SERVER) as client:
            addresses.add(client.address)
    assert len(addresses) == 16400
    assert {host for host, _ in addresses} == {"10.0.0.1", "10.0.0.2"}


async def send_hundreds(faults: Faults, seed: int = 7) -> list[bytes]:
    memory = MemoryNetwork(Random(seed), faults)
    server, client = memory.bind(SERVER), await memory.open_udp(SERVER)
    for number in range(1000):
        client.send_to(b"%03d" % number, SERVER)
    return await receive_all(server)


IN_ORDER = [b"%03d" % number for number in range(1000)]


async def test_loss(autojump_clock: MockClock) -> None:
    received = await send_hundreds(Faults(loss=0.3))
    assert received == sorted(received)
    assert 600 < len(received) < 800
    assert await send_hundreds(Faults(loss=1.0)) == []


async def test_duplication(autojump_clock: MockClock) -> None:
    received = await send_hundreds(Faults(duplication=0.3))
    assert sorted(set(received)) == IN_ORDER
    assert 1200 < len(received) < 1400
    assert len(await send_hundreds(Faults(duplication=1.0))) == 2000


async def test_reordering(autojump_clock: MockClock) -> None:
    received = await send_hundreds(Faults(reordering=0.3, reordering_seconds=0.5))
    assert sorted(received) == IN_ORDER
    assert received[:500] != IN_ORDER[:500]
    assert trio.current_time() == 10.0


async def test_corruption_changes_one_octet(autojump_clock: MockClock) -> None:
    received = await send_hundreds(Faults(corruption=0.3))
    pairs = zip(received, IN_ORDER, strict=True)
    changed = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs]
    assert set(changed) == {0, 1}
    assert 200 < sum(changed) < 400


async def test_an_empty_datagram_survives_corruption(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1), Faults(corruption=1.0))
    server, client = memory.bind(SERVER), await memory.open_udp(SERVER)
    client.send_to(b"", SERVER)
    assert (await server.receive())[0] == b""


async def test_delay_passes_in_virtual_time(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1), Faults(delay_seconds=0.25))
    server, client = memory.bind(SERVER), await memory.open_udp(SERVER)
    client.send_to(b"x", SERVER)
    await server.receive()
    assert trio.current_time() == 0.25


async def test_a_sooner_datagram_overtakes_the_one_waited_for(autojump_clock: MockClock) -> None:
    memory = MemoryNetwork(Random(1), Faults(delay_seconds=10.0))
    server, client = memory.bind(SERVER), await memory.open_udp(SERVER)
    client.send_to(b"slow", SERVER)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _overtake() -> None:
            await trio.sleep(1.0)
            server.deliver((2.0, 0), (b"fast", client.address))

        assert (await server.receive())[0] == b"fast"
        assert trio.current_time() == 2.0
        assert (await server.receive())[0] == b"slow"
        assert trio.current_time() == 10.0


async def test_the_same_seed_gives_the_same_faults(autojump_clock: MockClock) -> None:
    faults = Faults(0.2, 0.2, 0.2, 0.2, 0.01, 0.1)
    first = await send_hundreds(faults)
    assert first == await send_hundreds(faults)
    assert first != await send_hundreds(faults, seed=8)
