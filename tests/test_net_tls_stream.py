"""TLS sessions in memory and virtual time: handshakes, records, ends, and who may do what when."""

import pytest
import trio
from support import lab
from tls_support import (
    NEW,
    OLD,
    SERVER,
    accepting,
    connect,
    doubting,
    identity,
    made,
    pin,
    refusing,
    serving,
    settings,
)
from trio.testing import MockClock

from firmware_sim.net.tls import LEGACY, MODERN, HandshakeTimedOut, TLSServerSettings
from secd.errors import UnsupportedKey, UnusableInput
from secd.models import TLSProfile, TLSVersion
from secd.net.network import ByteStream
from secd.net.tcp_memory import MemoryTCPStream, connected_pair
from secd.net.tls import accept_tls, connect_tls
from secd.net.tls_context import TLSIdentity, client_context, server_context
from secd.net.tls_errors import (
    Alert,
    CertificateRefused,
    HandshakeFailed,
    PeerBrokeOff,
    PeerClosed,
    SessionFailed,
)
from secd.net.tls_stream import TLSStream
from secd.trace import TLSStep
from secd.trust import NeedsTVS, Reason
from secd.trust.peers import PeerVerdict

CLIENT = ("10.0.0.1", 50000)


def records(octets: bytes) -> list[tuple[int, int]]:
    """Return content type and length of each record (RFC 5246 section 6.2.1)."""
    found = []
    while octets:
        size = int.from_bytes(octets[3:5], "big")
        found.append((octets[0], size))
        octets = octets[5 + size :]
    return found


class Tapped:
    """A stream that keeps each write. gate -- where given, a write waits for it."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.writes: list[bytes] = []
        self.gate: trio.Event | None = None
        self.closed = False

    async def send_all(self, octets: bytes, /) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.writes.append(octets)
        await self.stream.send_all(octets)

    async def receive_some(self, max_bytes: int, /) -> bytes:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        await self.stream.aclose()


async def pair(
    profile: TLSProfile = NEW, served: TLSProfile = LEGACY
) -> tuple[TLSStream, TLSStream, Tapped, MemoryTCPStream]:
    """Return an established session: client, server, and the two streams below."""
    near, far = connected_pair(CLIENT, SERVER)
    tapped = Tapped(near)
    sessions: dict[str, TLSStream] = {}

    async def accept() -> None:
        sessions["server"] = await accept_tls(far, served, identity("tvs"), False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        client = await connect_tls(tapped, profile, accepting())
    return client, sessions["server"], tapped, far


async def close(*sessions: TLSStream) -> None:
    for session in sessions:
        await session.aclose()


# --- handshakes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "server", "version", "cipher"),
    [
        (NEW, MODERN, "TLSv1.2", "AES256-SHA"),
        (NEW, LEGACY, "TLSv1.2", "AES256-SHA"),
        (OLD, LEGACY, "TLSv1", "AES256-SHA"),
    ],
)
async def test_an_accepted_certificate_lets_data_pass(
    autojump_clock: MockClock, profile: TLSProfile, server: TLSProfile, version: str, cipher: str
) -> None:
    judge = accepting()
    async with serving(settings(profile=server)) as memory:
        session = await connect(memory, judge, profile)
        await session.send_all(b"query")
        assert await session.receive_some() == b"query"
        assert (session.version, session.cipher) == (version, cipher)
        assert session.provisional is None
        assert session.peer_certificate == lab("tvs").der
        await session.aclose()
    assert judge.shown == [lab("tvs").der]
    assert memory.failures == []
    assert memory.clients == [None]


async def test_tls_1_0_with_aes128_sha_and_a_certificate_of_1024_bits_and_sha_1(
    autojump_clock: MockClock,
) -> None:
    only_aes128 = TLSProfile(TLSVersion.TLS_1_0, TLSVersion.TLS_1_0, ("AES128-SHA",), True)
    async with serving(settings("legacy-sha1", LEGACY, ask_certificate=True)) as memory:
        verify = pin(lab("legacy-sha1").der)
        session = await connect(memory, verify, only_aes128, identity("legacy-sha1"))
        assert (session.version, session.cipher) == ("TLSv1", "AES128-SHA")
        await session.aclose()
    assert memory.clients == [lab("legacy-sha1").der]


@pytest.mark.parametrize("profile", [NEW, OLD])
async def test_a_refused_certificate_is_answered_with_unknown_ca(
    autojump_clock: MockClock, profile: TLSProfile
) -> None:
    judge = refusing()
    async with serving(settings(profile=LEGACY)) as memory:
        with pytest.raises(CertificateRefused) as caught:
            await connect(memory, judge, profile)
    assert caught.value.decision is judge.verdict
    assert caught.value.certificate == lab("tvs").der
    assert caught.value.alert == Alert(48, read=False, fatal=True)
    assert caught.value.step is TLSStep.SERVER_CERTIFICATE
    assert judge.shown == [lab("tvs").der]
    [failure] = memory.failures
    assert isinstance(failure, HandshakeFailed)
    assert failure.alert == Alert(48, read=True, fatal=True)
    assert memory.clients == []


async def test_the_leaf_is_judged_whatever_chain_comes_with_it(autojump_clock: MockClock) -> None:
    chained = made("server", issuer="authority")
    accept, refuse = accepting(), refusing()
    async with serving(TLSServerSettings(MODERN, chained)) as memory:
        session = await connect(memory, accept)
        await session.aclose()
        with pytest.raises(CertificateRefused) as caught:
            await connect(memory, refuse)
    assert caught.value.alert == Alert(48, read=False, fatal=True)
    assert accept.shown == refuse.shown == [chained.chain[0]]


async def test_another_certificate_of_the_same_name_is_not_the_pinned_one(
    autojump_clock: MockClock,
) -> None:
    async with serving(settings()) as memory:
        with pytest.raises(CertificateRefused):
            await connect(memory, pin(lab("ccm").der))
        session = await connect(memory, pin(lab("tvs").der))
        await session.aclose()


async def test_dates_are_not_checked(autojump_clock: MockClock) -> None:
    expired = made("expired", days=-30)
    async with serving(TLSServerSettings(MODERN, expired)) as memory:
        session = await connect(memory, pin(expired.chain[0]))
        await session.send_all(b"x")
        assert await session.receive_some() == b"x"
        await session.aclose()


async def test_a_weak_key_that_is_pinned_is_taken_by_a_profile_that_tolerates_it(
    autojump_clock: MockClock,
) -> None:
    weak = TLSProfile(TLSVersion.TLS_1_2, TLSVersion.TLS_1_2, NEW.ciphers, tolerates_weak=True)
    async with serving(settings("legacy-sha1", LEGACY)) as memory:
        session = await connect(memory, pin(lab("legacy-sha1").der), weak)
        await session.aclose()


async def test_a_weak_key_is_refused_by_a_profile_that_does_not_tolerate_it(
    autojump_clock: MockClock,
) -> None:
    async with serving(settings("legacy-sha1", LEGACY)) as memory:
        with pytest.raises(CertificateRefused) as caught:
            await connect(memory, refusing())
    assert caught.value.alert == Alert(42, read=False, fatal=True)  # bad_certificate


async def test_a_provisional_session_lets_nothing_pass_until_confirmed(
    autojump_clock: MockClock,
) -> None:
    async with serving(settings()) as memory:
        session = await connect(memory, doubting())
        assert session.provisional == NeedsTVS(Reason.PEER_NOT_LISTED)
        with pytest.raises(RuntimeError, match="judged"):
            await session.send_all(b"secret")
        with pytest.raises(RuntimeError, match="judged"):
            await session.receive_some()
        session.confirm()
        await session.send_all(b"secret")
        assert await session.receive_some() == b"secret"
        with pytest.raises(RuntimeError, match="nothing to confirm"):
            session.confirm()
        await session.aclose()


async def test_a_provisional_session_can_be_closed(autojump_clock: MockClock) -> None:
    async with serving(settings()) as memory:
        session = await connect(memory, doubting())
        await session.aclose()
    assert memory.failures == []


@pytest.mark.parametrize("asked", [True, False])
async def test_the_server_sees_the_clients_certificate_if_it_asked(
    autojump_clock: MockClock, asked: bool
) -> None:
    async with serving(settings(ask_certificate=asked)) as memory:
        with_one = await connect(memory, accepting(), shown=identity("mic"))
        without = await connect(memory, accepting())
        await close(with_one, without)
    assert memory.clients == [lab("mic").der if asked else None, None]


async def test_what_verify_raises_comes_out(autojump_clock: MockClock) -> None:
    def verify(_: bytes) -> PeerVerdict:
        raise LookupError("a bug")

    async with serving(settings()) as memory:
        with pytest.raises(LookupError, match="a bug"):
            await connect(memory, verify)
    assert isinstance(memory.failures[0], HandshakeFailed)


@pytest.mark.parametrize(
    ("client", "server", "number"),
    [
        (OLD, MODERN, 70),  # protocol_version
        (NEW, TLSProfile(NEW.lowest, NEW.highest, ("AES256-GCM-SHA384",)), 40),
        (OLD, TLSProfile(TLSVersion.TLS_1_0, TLSVersion.TLS_1_2, ("AES256-SHA256",), True), 40),
    ],
    ids=["version", "cipher", "cipher of TLS 1.0"],
)
async def test_the_servers_alert_is_told_by_number(
    autojump_clock: MockClock, client: TLSProfile, server: TLSProfile, number: int
) -> None:
    async with serving(settings(profile=server)) as memory:
        with pytest.raises(HandshakeFailed) as caught:
            await connect(memory, accepting(), client)
    assert caught.value.alert == Alert(number, read=True, fatal=True)
    assert caught.value.step is TLSStep.SERVER_HELLO
    assert f"alert {number} received" in str(caught.value)
    [failure] = memory.failures
    assert isinstance(failure, HandshakeFailed)
    assert failure.alert == Alert(number, read=False, fatal=True)


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


# --- how it ends ------------------------------------------------------------------------------


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


# --- contexts ---------------------------------------------------------------------------------


def test_contexts_are_shared_by_profile_and_identity() -> None:
    assert client_context(NEW, None) is client_context(NEW, None)
    assert client_context(NEW, None) is not client_context(OLD, None)
    assert client_context(NEW, identity("mic")) is client_context(NEW, identity("mic"))
    assert client_context(NEW, identity("mic")) is not client_context(NEW, None)
    assert client_context.cache_info().maxsize == 64


def test_a_profile_without_any_cipher_that_exists() -> None:
    gone = TLSProfile(TLSVersion.TLS_1_2, TLSVersion.TLS_1_2, ("DES-CBC3-SHA",))
    with pytest.raises(UnusableInput, match="DES-CBC3-SHA"):
        client_context(gone, None)


@pytest.mark.parametrize("case", ["weak", "another key"])
def test_a_certificate_that_cannot_be_used(case: str) -> None:
    mixed = TLSIdentity(identity("tvs").chain, identity("ccm").key)
    unusable = identity("sast1024") if case == "weak" else mixed
    with pytest.raises(UnsupportedKey, match="too weak or is another one"):
        server_context(MODERN, unusable)


def test_an_identity_does_not_print_its_key() -> None:
    assert "key" not in repr(identity("tvs"))


async def test_a_stream_is_closed_when_no_context_can_be_made() -> None:
    near, far = connected_pair(CLIENT, SERVER)
    with pytest.raises(UnsupportedKey):
        await connect_tls(near, NEW, accepting(), identity("sast1024"))
    assert await far.receive_some(1) == b""
    await far.aclose()


async def test_a_server_at_its_limit_lets_clients_wait(autojump_clock: MockClock) -> None:
    one = TLSServerSettings(MODERN, identity("tvs"), connection_limit=1)
    async with serving(one) as memory:
        first = await connect(memory, accepting())
        with trio.move_on_after(3) as deadline:
            await connect(memory, accepting())
        assert deadline.cancelled_caught
        await first.aclose()
        third = await connect(memory, accepting())
        await third.aclose()
