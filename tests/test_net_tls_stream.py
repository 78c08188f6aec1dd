"""TLS sessions in memory and virtual time: records, and who may do what when."""

import pytest
import trio
from tls_pair import CLIENT, close, pair, records
from tls_support import (
    NEW,
    OLD,
    SERVER,
)
from trio.testing import MockClock

from secd.models import TLSProfile
from secd.net.tcp_memory import connected_pair
from secd.net.tls_errors import (
    PeerBrokeOff,
)

# --- records ----------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [NEW, OLD])
@pytest.mark.parametrize(
    ("size", "count"), [(1, 1), (153, 1), (16384, 1), (16385, 2), (32768, 2), (40000, 3)]
)
async def test_a_message_is_one_record_unless_it_is_too_long(
    profile: TLSProfile, size: int, count: int
) -> None:
    client, server, tapped, _ = await pair(profile)
    tapped.writes.clear()
    message = bytes(range(256)) * (size // 256 + 1)
    await client.send_all(message[:size])
    assert [kind for write in tapped.writes for kind, _ in records(write)] == [23] * count
    assert len(tapped.writes) == count
    received = b""
    while len(received) < size:
        received += await server.receive_some()
    assert received == message[:size]
    await close(client, server)


async def test_nothing_is_sent_for_an_empty_message() -> None:
    client, server, tapped, _ = await pair()
    tapped.writes.clear()
    await client.send_all(b"")
    assert tapped.writes == []
    await close(client, server)


async def test_a_record_is_received_in_the_pieces_asked_for() -> None:
    client, server, _, _ = await pair()
    await client.send_all(b"abcdef")
    assert [await server.receive_some(4), await server.receive_some(4)] == [b"abcd", b"ef"]
    await close(client, server)


async def test_records_come_whole_when_they_arrive_octet_by_octet(
    autojump_clock: MockClock,
) -> None:
    client, server, tapped, _ = await pair()
    near = tapped.stream
    tapped.stream, kept = connected_pair(CLIENT, SERVER)
    await client.send_all(b"message")
    record = await kept.receive_some(1000)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _trickle() -> None:
            for octet in record:
                await near.send_all(bytes([octet]))

        assert await server.receive_some() == b"message"
    await close(server)
    for stream in (near, kept, tapped.stream):
        await stream.aclose()


# --- cancellation and use by two tasks ----------------------------------------------------------


async def test_a_write_that_is_cut_off_ends_the_session(autojump_clock: MockClock) -> None:
    client, server, tapped, _ = await pair()
    tapped.gate = trio.Event()
    with trio.move_on_after(1) as deadline:
        await client.send_all(b"x")
    assert deadline.cancelled_caught
    with pytest.raises(trio.ClosedResourceError):
        await client.send_all(b"x")
    await client.aclose()
    assert tapped.closed
    with pytest.raises(PeerBrokeOff):
        await server.receive_some()
    await server.aclose()


async def test_waiting_can_be_cut_off_and_taken_up_again(autojump_clock: MockClock) -> None:
    client, server, _, _ = await pair()
    with trio.move_on_after(1) as deadline:
        await server.receive_some()
    assert deadline.cancelled_caught
    await client.send_all(b"x")
    assert await server.receive_some() == b"x"
    await close(client, server)


async def test_nothing_received_is_lost_to_a_cancelled_task() -> None:
    client, server, _, _ = await pair()
    await client.send_all(b"x")
    with trio.CancelScope() as scope:
        scope.cancel()
        await server.receive_some()
    assert scope.cancelled_caught
    assert await server.receive_some() == b"x"
    await close(client, server)


async def test_a_second_task_is_turned_away(autojump_clock: MockClock) -> None:
    client, server, _, _ = await pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.receive_some)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await client.send_all(b"x")
        with pytest.raises(trio.BusyResourceError):
            await client.receive_some()
        nursery.cancel_scope.cancel()
    await close(client, server)


async def test_closing_under_a_cancelled_scope_closes_the_stream(
    autojump_clock: MockClock,
) -> None:
    client, server, tapped, _ = await pair()
    with trio.CancelScope() as scope:
        scope.cancel()
        await client.aclose()
    assert tapped.closed
    with pytest.raises(PeerBrokeOff):
        await server.receive_some()
    await server.aclose()
