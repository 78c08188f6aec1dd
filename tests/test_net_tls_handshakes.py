"""TLS handshakes in memory: whose certificate is judged how, and what contexts are shared."""

import pytest
import trio
from support import lab
from tls_pair import CLIENT, close
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

from firmware_sim.net.tls import LEGACY, MODERN, TLSServerSettings
from secd.errors import UnsupportedKey, UnusableInput
from secd.models import TLSProfile, TLSVersion
from secd.net.tcp_memory import connected_pair
from secd.net.tls import connect_tls
from secd.net.tls_context import TLSIdentity, client_context, server_context
from secd.net.tls_errors import (
    Alert,
    CertificateRefused,
    HandshakeFailed,
)
from secd.trace import TLSStep
from secd.trust import NeedsTVS, Reason
from secd.trust.peers import PeerVerdict


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
