"""TLS sessions in memory: how they end, in order and out of it."""

import pytest
import trio
from tls_pair import CLIENT, Tapped, close, pair, records
from tls_support import (
    NEW,
    OLD,
    SERVER,
    accepting,
    identity,
    refusing,
    serving,
    settings,
)
from trio.testing import MockClock

from firmware_sim.net.tls import LEGACY, HandshakeTimedOut
from secd.net.tcp_memory import connected_pair
from secd.net.tls import accept_tls, connect_tls
from secd.net.tls_errors import (
    Alert,
    CertificateRefused,
    HandshakeFailed,
    PeerBrokeOff,
    PeerClosed,
    SessionFailed,
)
from secd.trace import TLSStep


async def test_an_orderly_end_is_no_octets_and_stays_so() -> None:
    client, server, _, _ = await pair()
    await client.send_all(b"last")
    await client.aclose()
    assert await server.receive_some() == b"last"
    assert [await server.receive_some(), await server.receive_some()] == [b"", b""]
    await server.aclose()


async def test_the_goodbye_is_sent_as_an_alert() -> None:
    client, server, tapped, _ = await pair()
    tapped.writes.clear()
    await client.aclose()
    assert [kind for write in tapped.writes for kind, _ in records(write)] == [21]
    assert tapped.closed
    await client.aclose()
    await server.aclose()


async def test_an_end_without_goodbye_is_told_apart() -> None:
    client, server, _, far = await pair()
    await far.send_eof()
    with pytest.raises(PeerBrokeOff):
        await client.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await client.receive_some()
    await client.aclose()
    with pytest.raises(PeerBrokeOff):
        await server.receive_some()
    await server.aclose()


async def test_sending_to_nobody() -> None:
    client, _, _, far = await pair()
    await far.aclose()
    with pytest.raises(PeerBrokeOff):
        await client.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await client.send_all(b"x")
    await client.aclose()


async def test_a_tls_error_is_a_broken_stream_for_those_who_know_only_streams() -> None:
    client, _, _, far = await pair()
    await far.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await client.receive_some()
    await client.aclose()


async def test_garbage_in_a_session_ends_it_with_an_alert() -> None:
    client, server, tapped, far = await pair()
    tapped.writes.clear()
    await far.send_all(b"\x17\x03\x03\x00\x40" + bytes(64))
    with pytest.raises(SessionFailed) as caught:
        await client.receive_some()
    assert caught.value.alert == Alert(20, read=False, fatal=True)  # bad_record_mac
    assert [kind for write in tapped.writes for kind, _ in records(write)] == [21]
    with pytest.raises(SessionFailed) as received:
        await server.receive_some()
    assert received.value.alert == Alert(20, read=True, fatal=True)
    await close(client, server)


@pytest.mark.parametrize(
    "octets",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100), b"\xff" * 100, b"\x16\x03\x01\xff\xff" * 9],
)
async def test_garbage_in_the_handshake(octets: bytes) -> None:
    near, far = connected_pair(CLIENT, SERVER)
    await far.send_all(octets)
    await far.send_eof()
    with pytest.raises(HandshakeFailed) as caught:
        await connect_tls(near, NEW, accepting())
    assert caught.value.step is TLSStep.SERVER_HELLO
    assert caught.value.alert is None or not caught.value.alert.read
    with pytest.raises(trio.ClosedResourceError):
        await near.send_all(b"x")
    await far.aclose()


@pytest.mark.parametrize(
    ("alert", "failure"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x2d", HandshakeFailed),
        (b"\x15\x03\x01\x00\x02\x01\x00", PeerClosed),
        (b"", PeerBrokeOff),
        (b"\x16\x03", PeerBrokeOff),
    ],
    ids=["certificate_expired", "close_notify", "end", "end inside a record"],
)
async def test_a_server_that_ends_the_handshake(alert: bytes, failure: type[Exception]) -> None:
    near, far = connected_pair(CLIENT, SERVER)
    seen: list[Alert] = []
    if alert:
        await far.send_all(alert)
    await far.send_eof()
    with pytest.raises(failure) as caught:
        await connect_tls(near, OLD, accepting(), on_alert=seen.append)
    assert type(caught.value) is failure
    whole = len(alert) == 7
    assert [(one.number, one.read) for one in seen] == ([(alert[6], True)] if whole else [])
    await far.aclose()


async def test_a_server_that_resets_the_connection() -> None:
    near, far = connected_pair(CLIENT, SERVER)
    await far.aclose()
    with pytest.raises(PeerBrokeOff):
        await connect_tls(near, NEW, accepting())


async def test_a_server_that_says_nothing_meets_the_callers_deadline(
    autojump_clock: MockClock,
) -> None:
    near, far = connected_pair(CLIENT, SERVER)
    with trio.move_on_after(5) as deadline:
        await connect_tls(near, NEW, accepting())
    assert deadline.cancelled_caught
    assert records(await far.receive_some(10000))[0][0] == 22
    assert await far.receive_some(10000) == b""
    await far.aclose()


async def test_a_client_that_says_nothing_meets_the_servers_deadline(
    autojump_clock: MockClock,
) -> None:
    async with serving(settings()) as memory:
        stream = await memory.network.open_tcp(SERVER)
        assert await stream.receive_some(100) == b""
        assert trio.current_time() == pytest.approx(10.0)
        await stream.aclose()
    assert [type(failure) for failure in memory.failures] == [HandshakeTimedOut]


async def test_a_peer_that_never_closes_does_not_hold_up_our_closing(
    autojump_clock: MockClock,
) -> None:
    client, server, _, _ = await pair()
    await client.aclose()
    assert trio.current_time() == 0.0
    await server.aclose()


class GoneAfterTheHello(Tapped):
    """Cannot be written to after its first write."""

    async def send_all(self, octets: bytes, /) -> None:
        if self.writes:
            raise trio.BrokenResourceError
        await super().send_all(octets)


async def test_a_refusal_counts_even_if_its_alert_reaches_nobody() -> None:
    near, far = connected_pair(CLIENT, SERVER)

    async def accept() -> None:
        with pytest.raises(PeerBrokeOff):
            await accept_tls(far, LEGACY, identity("tvs"), False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        with pytest.raises(CertificateRefused):
            await connect_tls(GoneAfterTheHello(near), NEW, refusing())
