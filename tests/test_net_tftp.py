"""Whole transfers in memory and in virtual time, against a server that shares no code with us."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
import test_tftp_fakeserver
import trio
from trio.testing import MockClock

from secd.errors import UnusableInput
from secd.models import TFTPOptions
from secd.net.clock import TrioClock
from secd.net.memory import NO_FAULTS, Faults, MemoryNetwork, MemoryUDPSocket
from secd.net.network import AddressBook
from secd.net.tftp import fetch_tftp
from secd.net.tftp_dally import DALLY_LIMIT, dallying_count
from secd.tftp import Failed, Received
from secd.words import TransferFailure

LOGICAL = "14.48.44.80"
SERVER = ("192.0.2.1", 6969)
BOOK = AddressBook.from_mappings_untrusted([f"{LOGICAL}=192.0.2.1:6969"])
FILE = bytes(n % 251 for n in range(5000))
FILES = {"file": FILE, "empty": b"", "even": b"x" * 1024}

PLAIN = TFTPOptions(0, 0, False, 0, 1.0, 30)
WINDOWS = TFTPOptions(64, 4, True, 2, 1.0, 30)


class Lab:
    """A network, the fake server on it, and a phone that asks."""

    def __init__(self, faults: Faults = NO_FAULTS, seed: int = 1) -> None:
        self.network = MemoryNetwork(Random(seed), faults)
        self.server = test_tftp_fakeserver.FakeServer(
            self.network.bind(SERVER), self._bind, dict(FILES)
        )
        self.retransmissions: list[int] = []

    def _bind(self) -> MemoryUDPSocket:
        return self.network.bind(("192.0.2.1", 0))

    async def fetch(
        self, name: str = "file", options: TFTPOptions = PLAIN, limit: int = 10_000
    ) -> Received | Failed:
        on_retransmit: Callable[[int], None] = self.retransmissions.append
        return await fetch_tftp(
            self.network, TrioClock(0.0), BOOK, LOGICAL, 69, name, options, limit, on_retransmit
        )


@asynccontextmanager
async def lab(faults: Faults = NO_FAULTS, seed: int = 1) -> AsyncIterator[Lab]:
    made = Lab(faults, seed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.server.serve)
        yield made
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("options", [PLAIN, WINDOWS])
@pytest.mark.parametrize("name", FILES)
async def test_a_file_arrives(autojump_clock: MockClock, name: str, options: TFTPOptions) -> None:
    async with lab() as net:
        assert await net.fetch(name, options) == Received(FILES[name])
        await trio.testing.wait_all_tasks_blocked()
        assert net.server.completed == [name]
        assert trio.current_time() == 0.0
        assert net.retransmissions == []


async def test_the_server_sees_the_request_of_an_old_phone(autojump_clock: MockClock) -> None:
    async with lab() as net:
        await net.fetch("file")
        assert net.server.requests == [b"\0\1file\0octet\0"]


async def test_a_server_without_options(autojump_clock: MockClock) -> None:
    async with lab() as net:
        net.server.obey_options = False
        assert await net.fetch("file", WINDOWS) == Received(FILE)


async def test_no_such_file(autojump_clock: MockClock) -> None:
    async with lab() as net:
        failed = Failed(TransferFailure.FILE_NOT_FOUND, 1, "File not found")
        assert await net.fetch("missing") == failed
        assert dallying_count() == 0


@pytest.mark.parametrize("options", [PLAIN, WINDOWS])
async def test_too_large(autojump_clock: MockClock, options: TFTPOptions) -> None:
    async with lab() as net:
        failed = Failed(TransferFailure.TOO_LARGE, 0, "more than 4999 octets")
        assert await net.fetch("file", options, limit=4999) == failed
        await trio.testing.wait_all_tasks_blocked()
        assert net.server.given_up == ["file"]
        assert net.server.blocks_sent == (0 if options.transfer_size else 10)


async def test_nobody_listens(autojump_clock: MockClock) -> None:
    net = Lab()
    net.server.listener.close()
    failed = Failed(TransferFailure.UNREACHABLE, 0, "nobody has bound this address")
    assert await net.fetch() == failed
    assert trio.current_time() == 0.0


async def test_a_silent_server_costs_the_budget(autojump_clock: MockClock) -> None:
    net = Lab()  # bound, but nobody serves
    options = replace(PLAIN, retransmit_seconds=0.5, retransmissions=4)
    failed = Failed(TransferFailure.TIMEOUT, 0, "no answer after 4 retransmissions")
    assert await net.fetch(options=options) == failed
    assert net.retransmissions == [1, 2, 3, 4]
    assert trio.current_time() == pytest.approx(2.5)


async def test_an_impossible_name_leaves_no_socket(autojump_clock: MockClock) -> None:
    net = Lab()
    with pytest.raises(UnusableInput):
        await net.fetch("a\0b")
    assert len(net.network._sockets) == 1  # the server's


TERRIBLE = {
    "loss": Faults(loss=0.3),
    "duplication": Faults(duplication=0.3),
    "reordering": Faults(reordering=0.3, reordering_seconds=0.3, delay_seconds=0.01),
    "all": Faults(0.3, 0.3, 0.0, 0.3, 0.01, 0.3),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("options", [PLAIN, WINDOWS], ids=["plain", "windows"])
@pytest.mark.parametrize("faults", TERRIBLE.values(), ids=TERRIBLE)
async def test_a_terrible_network(
    autojump_clock: MockClock, faults: Faults, options: TFTPOptions, seed: int
) -> None:
    async with lab(faults, seed) as net:
        assert await net.fetch("file", options) == Received(FILE)
        if faults.loss:
            assert net.retransmissions


async def test_a_corrupting_network_is_survived_and_not_noticed(autojump_clock: MockClock) -> None:
    """TFTP has no checksum of its own: finding the damage is what signatures are for."""
    results: list[Received | Failed] = []
    for seed in range(20):
        async with lab(Faults(corruption=0.1), seed) as net:
            results.append(await net.fetch("file"))
    received = [result.octets for result in results if isinstance(result, Received)]
    assert {len(octets) for octets in received} == {len(FILE)}
    assert any(octets != FILE for octets in received)


async def test_many_at_once_on_a_lossy_network(autojump_clock: MockClock) -> None:
    async with lab(Faults(loss=0.1, delay_seconds=0.001)) as net:
        results: list[Received | Failed] = []

        async def boot() -> None:
            results.append(await net.fetch())

        async with trio.open_nursery() as phones:
            for _ in range(100):
                phones.start_soon(boot)
        assert results == [Received(FILE)] * 100


# -- the sorcerer's apprentice


async def test_one_doubled_block_does_not_double_the_rest(autojump_clock: MockClock) -> None:
    """RFC 1123 section 4.2.3.1, with a server that has the bug."""
    async with lab(Faults(delay_seconds=0.01)) as net:
        net.server.sorcerer = True
        net.server.files["long"] = b"x" * 512 * 100
        doubled = _double_datagrams(net.network, {5, 6})
        assert await net.fetch("long", limit=100_000) == Received(b"x" * 512 * 100)
        assert doubled == [5, 6]
        assert 101 <= net.server.blocks_sent <= 103


def _double_datagrams(network: MemoryNetwork, which: set[int]) -> list[int]:
    """Deliver datagrams of these numbers (from 1) twice; return those done so far."""
    done: list[int] = []
    count = 0

    class Doubling(Random):
        def random(self) -> float:
            nonlocal count
            count += 1
            if count in which:
                done.append(count)
            return 0.0 if count in which else 0.999

    network._random = Doubling()
    network._faults = replace(network._faults, duplication=0.5)
    return done


# -- dallying


async def test_a_lost_last_acknowledgement_is_repaired(autojump_clock: MockClock) -> None:
    async with lab() as net:
        carry = net.network.carry
        lost: list[bytes] = []

        def lose_first_ack(octets: bytes, sender: MemoryUDPSocket, to: tuple[str, int]) -> None:
            if octets == b"\0\4\0\1" and not lost:
                lost.append(octets)
            else:
                carry(octets, sender, to)

        net.network = _carrying(net.network, lose_first_ack)
        assert await net.fetch("empty") == Received(b"")
        assert trio.current_time() == 0.0  # the caller did not wait
        assert net.server.completed == []
        await trio.sleep(1.5)
        assert lost
        assert net.server.completed == ["empty"]


def _carrying(
    network: MemoryNetwork, carry: Callable[[bytes, MemoryUDPSocket, tuple[str, int]], None]
) -> MemoryNetwork:
    class Carrying(MemoryNetwork):
        def carry(self, octets: bytes, sender: MemoryUDPSocket, address: tuple[str, int]) -> None:
            carry(octets, sender, address)

    made = Carrying(Random(1))
    made._sockets = network._sockets
    return made


async def test_dallying_ends_and_leaves_nothing(autojump_clock: MockClock) -> None:
    async with lab() as net:
        for _ in range(3):
            await net.fetch()
        assert dallying_count() == 3
        assert trio.current_time() == 0.0
        await trio.sleep(6.1)
        assert dallying_count() == 0
        assert len(net.network._sockets) == 1


async def test_dallying_ends_early_when_the_server_is_gone(autojump_clock: MockClock) -> None:
    net = Lab()
    transfer = net.network.bind(("192.0.2.1", 0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(net.fetch)
        _, phone = await net.server.listener.receive()
        transfer.send_to(b"\0\3\0\1end", phone)
    await trio.sleep(1.1)
    for _ in range(40):  # more than one visit reads
        transfer.send_to(b"noise", phone)
    transfer.send_to(b"\0\3\0\1end", phone)
    transfer.close()  # the repeated acknowledgement meets nobody
    assert dallying_count() == 1
    await trio.sleep(1.1)
    assert dallying_count() == 0


async def test_dallying_is_bounded_in_number(autojump_clock: MockClock) -> None:
    async with lab() as net:
        for _ in range(DALLY_LIMIT + 10):
            await net.fetch("empty")
        assert dallying_count() == DALLY_LIMIT
        await trio.testing.wait_all_tasks_blocked()
        assert len(net.network._sockets) == DALLY_LIMIT + 1


def test_dallying_does_not_outlive_the_run() -> None:
    nets: list[Lab] = []

    async def main() -> None:
        async with lab() as net:
            nets.append(net)
            await net.fetch()
            assert dallying_count() == 1

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert len(nets[0].network._sockets) == 1


async def test_a_cancelled_fetch_closes_its_socket(autojump_clock: MockClock) -> None:
    net = Lab()
    with trio.move_on_after(1.5) as scope:
        await net.fetch()
    assert scope.cancelled_caught
    assert len(net.network._sockets) == 1
