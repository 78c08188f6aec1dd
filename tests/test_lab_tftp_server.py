"""The lab's TFTP server over the in-memory network, in virtual time.

Every test names the clock: pytest-trio does not see one that only a fixture asks for.
"""

import struct
from random import Random

import pytest
import trio
from lab_client import FILE, Lab, Shelf, start_lab
from trio.testing import MockClock

from firmware_sim.net.kernel import ServerSocket
from firmware_sim.net.tftp_server import TFTPServerSettings
from firmware_sim.server_events import FileTransferred, ReadRequestReceived, RequestRefused
from secd.net.memory import Faults, MemoryNetwork
from secd.net.network import Address


@pytest.fixture
async def lab(nursery: trio.Nursery, autojump_clock: MockClock) -> Lab:
    """A server on the in-memory network, in virtual time."""
    return await start_lab(nursery, MemoryNetwork(Random(1)), Shelf())


async def test_a_file_in_lock_step(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    assert await client.fetch() == FILE
    await trio.testing.wait_all_tasks_blocked()
    host, port = client.socket.remote
    assert lab.events == [
        ReadRequestReceived(1, host, port, "file", "octet", 0),
        FileTransferred(1, host, port, "FILE"),
    ]


async def test_a_transfer_has_a_port_of_its_own(lab: Lab, autojump_clock: MockClock) -> None:
    first, second = lab.client(), lab.client()
    for client in (first, second):
        client.ask()
        await client.expect_data(1)
    assert len({first.tid, second.tid, lab.address}) == 3
    assert [e.serving_count for e in lab.events if isinstance(e, ReadRequestReceived)] == [0, 1]


async def test_no_options_asked_none_given(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    assert await client.expect_data(1) == FILE[:512]


async def test_options_asked_and_given(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask(options=b"blksize\x001428\0tsize\x000\0multicast\0\x31\0timeout\x002\0")
    assert await client.packet() == b"\0\x06blksize\x001428\0timeout\x002\0tsize\x005120\0"
    client.acknowledge(0)
    assert await client.expect_data(1) == FILE[:1428]


async def test_windows(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask(options=b"windowsize\x003\0")
    assert await client.packet() == b"\0\x06windowsize\x003\0"
    client.acknowledge(0)
    file = b""
    for first in (1, 4, 7, 10):
        last = min(first + 2, 11)
        for block in range(first, last + 1):
            file += await client.expect_data(block)
        client.acknowledge(last)
    assert file == FILE


async def test_a_file_that_is_not_there(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask(b"CTLSEP0011215A1AE3.tlv")
    assert await client.packet() == b"\0\x05\0\x01File not found\0"
    assert lab.events[1] == RequestRefused(
        1, *client.socket.remote, "CTLSEP0011215A1AE3.tlv", 1, "File not found"
    )


async def test_uploads_are_refused(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.send(b"\0\x02file\0octet\0")
    assert await client.packet() == b"\0\x05\0\x02Access violation\0"
    assert lab.events == [RequestRefused(1, *client.socket.remote, "file", 2, "Access violation")]


async def test_other_modes_are_refused(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask(mode=b"netascii")
    assert (await client.packet())[:4] == b"\0\x05\0\x04"


async def test_a_file_that_cannot_be_made(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask(b"cursed")
    assert await client.packet() == b"\0\x05\0\0cannot be made\0"


BAD_DATAGRAMS = [
    b"",
    b"\0",
    b"\0\x01",
    b"\0\x01file",
    b"\0\x01file\0octet",
    b"\0\x01f\xfcr\0octet\0",
    b"\0\x01file\0octet\0blksize\0",
    b"\0\x01file\0octet\0\0\0",
    b"\0\x01file\0octet\0junk",
    b"\0\x03\0\x01data",
    b"\0\x04\0\x01",
    b"\0\x05\0\x00stop\0",
    b"\0\x05\0",
    b"\0\x06blksize\x00512\0",
    b"\0\x07\0\0",
    b"\xff" * 2000,
]


@pytest.mark.parametrize("octets", BAD_DATAGRAMS)
async def test_a_bad_datagram_ends_nothing(
    lab: Lab, autojump_clock: MockClock, octets: bytes
) -> None:
    client = lab.client()
    client.send(octets)
    assert await client.fetch() == FILE
    assert type(lab.events[0]) is ReadRequestReceived


@pytest.mark.parametrize("octets", BAD_DATAGRAMS)
async def test_a_bad_datagram_does_not_disturb_a_transfer(
    lab: Lab, autojump_clock: MockClock, octets: bytes
) -> None:
    client = lab.client()
    client.ask()
    await client.expect_data(1)
    if octets[:2] != b"\0\x05":
        client.send(octets, client.tid)
        client.acknowledge(1)
        if octets == b"\0\x04\0\x01":  # which was no bad datagram at all
            return
        assert await client.expect_data(2) == FILE[512:1024]


async def test_an_error_of_the_client_ends_it(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    await client.expect_data(1)
    client.send(b"\0\x05\0\x03full\0", client.tid)
    client.acknowledge(1)
    with trio.move_on_after(60):
        pytest.fail(f"the server went on: {await client.packet()!r}")
    assert not any(isinstance(event, FileTransferred) for event in lab.events)


async def test_a_stranger_is_told_and_changes_nothing(lab: Lab, autojump_clock: MockClock) -> None:
    client, stranger = lab.client(), lab.client()
    client.ask()
    await client.expect_data(1)
    stranger.send(struct.pack("!HH", 4, 1), client.tid)
    assert await stranger.packet() == b"\0\x05\0\x05Unknown transfer ID\0"
    client.acknowledge(1)
    await client.expect_data(2)


async def test_a_stranger_that_is_gone_changes_nothing(lab: Lab, autojump_clock: MockClock) -> None:
    client, stranger = lab.client(), lab.client()
    client.ask()
    await client.expect_data(1)
    stranger.send(struct.pack("!HH", 4, 1), client.tid)
    stranger.socket.close()
    await trio.testing.wait_all_tasks_blocked()
    client.acknowledge(1)
    await client.expect_data(2)


async def test_silence_costs_the_budget_and_no_more(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    began, times = trio.current_time(), []
    with trio.move_on_after(60):
        while True:
            assert await client.expect_data(1) == FILE[:512]
            times.append(round(trio.current_time() - began, 3))
    assert times == [0, 1, 2, 3, 4, 5]
    assert await lab.client().fetch() == FILE


async def test_progress_renews_the_budget(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    for block in (1, 2):
        for _ in range(6):
            await client.expect_data(block)
        client.acknowledge(block)
    await client.expect_data(3)


async def test_the_clients_timeout_counts(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask(options=b"timeout\x007\0")
    began = trio.current_time()
    assert await client.packet() == await client.packet()
    assert trio.current_time() - began == pytest.approx(7)


async def test_a_repeated_request_is_answered_once(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    client.ask()
    await client.expect_data(1)
    first = client.tid
    await client.expect_data(1)  # the retransmission, not a second transfer
    assert client.tid == first
    assert len(lab.events) == 1


async def test_a_client_may_ask_again_later(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    await client.expect_data(1)
    first = client.tid
    client.acknowledge(1)
    await client.expect_data(2)
    client.ask()
    await client.expect_data(1)
    assert client.tid != first
    client.send(b"\0\x05\0\0no more\0", first)
    await trio.testing.wait_all_tasks_blocked()
    client.ask()  # a repetition: the second transfer is not forgotten with the first
    await client.expect_data(1)
    assert [type(event) for event in lab.events] == [ReadRequestReceived, ReadRequestReceived]


async def test_a_client_that_vanished_ends_it(lab: Lab, autojump_clock: MockClock) -> None:
    client = lab.client()
    client.ask()
    await client.expect_data(1)
    client.socket.close()
    await trio.sleep(1.5)  # one retransmission, which comes back
    other = lab.client()
    other.ask()
    await other.expect_data(1)
    requests = [event for event in lab.events if isinstance(event, ReadRequestReceived)]
    assert [event.serving_count for event in requests] == [0, 0]


async def test_at_the_limit_requests_wait(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    settings = TFTPServerSettings(transfer_limit=1)
    lab = await start_lab(nursery, MemoryNetwork(Random(1)), Shelf(), settings=settings)
    first, second = lab.client(), lab.client()
    first.ask()
    second.ask()
    await first.expect_data(1)
    first.send(b"\0\x05\0\0enough\0", first.tid)
    began = trio.current_time()
    await second.expect_data(1)
    assert trio.current_time() == began
    assert len(lab.events) == 2


async def test_without_descriptors_a_request_is_refused(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    class Poor:
        def __init__(self) -> None:
            self.network = MemoryNetwork(Random(1))
            self.left = 1

        def bind(self, address: Address) -> ServerSocket:
            if not self.left:
                raise OSError(24, "Too many open files")
            self.left -= 1
            return self.network.bind(address)

    network = Poor()
    lab = await start_lab(nursery, network, Shelf())
    network.left = 1
    client = lab.client()
    client.ask()
    assert await client.packet() == b"\0\x05\0\0[Errno 24] Too many open files\0"
    network.left = 1
    client.ask()
    await client.expect_data(1)


@pytest.mark.parametrize("seed", range(10))
async def test_files_arrive_over_a_bad_network(
    nursery: trio.Nursery, autojump_clock: MockClock, seed: int
) -> None:
    faults = Faults(loss=0.1, duplication=0.1, reordering=0.1, reordering_seconds=0.2)
    lab = await start_lab(nursery, MemoryNetwork(Random(seed), faults), Shelf())
    with trio.fail_after(600):
        assert await lab.client().fetch() == FILE
