"""The TVS client against the lab's server, in memory and on loopback."""

import socket

import pytest
import trio
from support import lab
from tls_support import identity, made, mic, pin, refusing
from trio.testing import MockClock
from tvs_client_support import (
    ANSWER,
    ANY,
    HOST,
    NUMBERS,
    PATIENCE_SECONDS,
    PORT,
    QUERY,
    VERIFICATION,
    Phone,
    Says,
    failure_of,
    in_memory,
    led_to,
    serving,
    settings,
)

from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tls import LEGACY, MODERN, TLSServerSettings
from firmware_sim.server_events import TVSConnectionAccepted, TVSConnectionFailed
from secd.net.kernel import KernelNetwork
from secd.trace import (
    TLSAlert,
    TLSCertificateChosen,
    TLSClosed,
    TLSConnected,
    TLSConnectFailed,
    TLSConnecting,
    TLSHandshakeDone,
    TLSHandshakeFailed,
    TLSHandshakeStarted,
    TLSPeerRefused,
    TLSStep,
    TVSRequestSent,
    TVSResponseReceived,
)
from secd.tvs import (
    DENIAL,
    FOUND,
    NOT_FOUND,
    TVSAnswer,
)
from secd.words import CertificateKind

# --- the lab's server, in memory ----------------------------------------------------------------


async def test_a_question_is_answered_and_all_of_it_is_told(autojump_clock: MockClock) -> None:
    network = in_memory()
    phone = Phone(network)
    async with serving(network, (HOST, PORT)) as server:
        assert await phone.ask() == ANSWER
    assert server.source.asked == [QUERY]
    request_bytes = 10 + (3 + 24) + (3 + 12) + (3 + 12) + (3 + 2)
    response_bytes = 10 + 4 + (3 + len(ANSWER.certificate)) + (3 + 2) + (3 + 4)
    done = phone.told[3]
    assert isinstance(done, TLSHandshakeDone)
    assert (done.version, done.provisional) == ("TLSv1.2", False)
    assert phone.told == [
        TLSConnecting(*NUMBERS, ipv6=False),
        TLSConnected(*NUMBERS, ipv6=False),
        TLSHandshakeStarted(*NUMBERS),
        done,
        TVSRequestSent(HOST, request_bytes),
        TVSResponseReceived(HOST, response_bytes, FOUND),
        TLSAlert(*NUMBERS, read=False, fatal=False, number=0),
        TLSClosed(*NUMBERS),
    ]
    assert trio.current_time() == 0.0


async def test_a_verification_is_answered(autojump_clock: MockClock) -> None:
    network = in_memory()
    async with serving(network, (HOST, PORT)) as server:
        assert await Phone(network).ask(VERIFICATION) == ANSWER
    assert server.source.asked == [VERIFICATION]


async def test_a_denial_is_an_answer(autojump_clock: MockClock) -> None:
    network = in_memory()
    phone = Phone(network)
    async with serving(network, (HOST, PORT), Says(DENIAL)):
        assert await phone.ask() == TVSAnswer(NOT_FOUND)
    assert TVSResponseReceived(HOST, 14, NOT_FOUND) in phone.told
    assert phone.kinds[-1] is TLSClosed


async def test_functions_and_a_lifetime_that_lie_are_passed_on_as_they_are(
    autojump_clock: MockClock,
) -> None:
    """Whether to believe them is up to whoever made the question."""
    network = in_memory()
    lie = TVSAnswer(FOUND, b"no certificate", frozenset(range(256)), 2**32 - 1)
    async with serving(network, (HOST, PORT), Says(lie)):
        assert await Phone(network).ask() == lie


async def test_the_own_certificate_is_shown_where_there_is_one(autojump_clock: MockClock) -> None:
    network = in_memory()
    phone = Phone(network, own=mic())
    how = TLSServerSettings(LEGACY, identity("tvs"), ask_certificate=True)
    async with serving(network, (HOST, PORT), how=how):
        assert await phone.ask() == ANSWER
    subject = "/CN=CP-7961G-SEP0011215A1AE3/O=Lab/OU=Lab"
    size_bytes, key_size_bytes = len(lab("mic").der), 1190
    assert phone.told[2] == TLSCertificateChosen(
        *NUMBERS, CertificateKind.MIC, size_bytes, subject, subject, key_size_bytes
    )
    assert phone.told[3] == TLSHandshakeStarted(*NUMBERS)


async def test_an_expired_certificate_is_as_good_as_any(autojump_clock: MockClock) -> None:
    network = in_memory()
    expired = made("expired", days=-100)
    phone = Phone(network, verify=pin(expired.chain[0]))
    async with serving(network, (HOST, PORT), how=settings(expired)):
        assert await phone.ask() == ANSWER


# --- no answer ------------------------------------------------------------------------------------


async def test_nobody_listens(autojump_clock: MockClock) -> None:
    phone = Phone(in_memory())
    assert await failure_of(phone) == "nobody listens on this port"
    assert phone.kinds == [TLSConnecting, TLSConnectFailed]


async def test_a_server_that_never_accepts_is_waited_for_ten_seconds(
    autojump_clock: MockClock,
) -> None:
    network = in_memory()
    with network.listen((HOST, PORT)):
        phone = Phone(network)
        assert await failure_of(phone) == "no answer within 10 s"
    assert trio.current_time() == pytest.approx(PATIENCE_SECONDS)
    assert phone.kinds == [TLSConnecting, TLSConnected, TLSHandshakeStarted]


async def test_a_wrong_certificate_is_refused_inside_the_handshake(
    autojump_clock: MockClock,
) -> None:
    network = in_memory()
    phone = Phone(network)
    async with serving(network, (HOST, PORT), how=settings(identity("outsider"))) as server:
        text = await failure_of(phone)
        await trio.testing.wait_all_tasks_blocked()
    assert text.startswith("the peer's certificate is refused: PEER_NOT_LISTED (alert 48 sent)")
    assert phone.kinds[2:] == [TLSHandshakeStarted, TLSPeerRefused, TLSAlert, TLSHandshakeFailed]
    assert phone.told[-1] == TLSHandshakeFailed(*NUMBERS, TLSStep.SERVER_CERTIFICATE, 48, False)
    [seen] = server.seen
    assert isinstance(seen, TVSConnectionFailed)
    assert seen.reason == "the TLS handshake failed (alert 48 received)"
    assert server.source.asked == []


async def test_the_judge_is_asked_for_every_connection(autojump_clock: MockClock) -> None:
    network = in_memory()
    judge = refusing()
    async with serving(network, (HOST, PORT)):
        for _ in range(2):
            await failure_of(Phone(network, verify=judge))
    assert judge.shown == [lab("tvs").der] * 2


async def test_a_79xx_and_a_server_of_tls_1_2_do_not_agree(autojump_clock: MockClock) -> None:
    network = in_memory()
    phone = Phone(network, model="7975")
    async with serving(network, (HOST, PORT), how=settings(profile=MODERN)) as server:
        text = await failure_of(phone)
        await trio.testing.wait_all_tasks_blocked()
    assert text == "the TLS handshake failed (alert 70 received)"
    assert server.kinds == [TVSConnectionFailed]


# --- the kernel's sockets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "version"),
    [("7975", "TLSv1"), ("9971", "TLSv1"), ("8861", "TLSv1.2")],
)
async def test_each_model_asks_over_its_tls_on_loopback(model: str, version: str) -> None:
    async with serving(KernelTCPServerNetwork(), ANY) as server:
        phone = Phone(KernelNetwork(), led_to(server.address), model)
        for question in (QUERY, VERIFICATION):
            assert await phone.ask(question) == ANSWER
    done = [event for event in phone.told if isinstance(event, TLSHandshakeDone)]
    assert [event.version for event in done] == [version] * 2
    accepted = [event for event in server.seen if isinstance(event, TVSConnectionAccepted)]
    assert [event.request_number for event in accepted] == [1, 2]
    assert [event.cipher for event in accepted] == [event.cipher for event in done]


async def test_a_7975_and_an_old_certificate_on_loopback() -> None:
    how = settings(identity("legacy-sha1"))
    async with serving(KernelTCPServerNetwork(), ANY, how=how) as server:
        verify = pin(lab("legacy-sha1").der)
        phone = Phone(KernelNetwork(), led_to(server.address), "7975", verify)
        assert await phone.ask() == ANSWER


async def test_a_denial_and_a_wrong_certificate_on_loopback() -> None:
    async with serving(KernelTCPServerNetwork(), ANY, Says(DENIAL)) as server:
        book = led_to(server.address)
        assert await Phone(KernelNetwork(), book).ask() == DENIAL
        wrong = Phone(KernelNetwork(), book, verify=pin(lab("outsider").der))
        assert "refused: PEER_NOT_LISTED" in await failure_of(wrong)


async def test_nobody_listens_on_loopback() -> None:
    with socket.socket() as bound:  # and not listening, so that nobody else can
        bound.bind(ANY)
        phone = Phone(KernelNetwork(), led_to(bound.getsockname()))
        assert await failure_of(phone) == "nobody listens on this port (ECONNREFUSED)"
    assert phone.kinds == [TLSConnecting, TLSConnectFailed]


async def test_many_phones_at_once_on_loopback() -> None:
    how = TLSServerSettings(LEGACY, identity("tvs"), connection_limit=3)
    source = Says()
    async with serving(KernelTCPServerNetwork(), ANY, source, how) as server:
        book = led_to(server.address)
        answers: list[TVSAnswer] = []

        async def ask() -> None:
            answers.append(await Phone(KernelNetwork(), book).ask())

        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(ask)
    assert answers == [ANSWER] * 12
    assert len(source.asked) == 12
