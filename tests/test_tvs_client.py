"""The TVS client against the lab's server and against liars, in memory and on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
import trio
from support import lab
from tls_support import identity, made, pin, refusing
from trio.testing import MockClock

from firmware_sim.net.tcp import KernelTCPServerNetwork, TCPServerNetwork
from firmware_sim.net.tls import LEGACY, MODERN, TLSServerSettings, serve_tls
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.server_events import ServerEvent, TVSConnectionAccepted, TVSConnectionFailed
from secd.errors import RemoteProtocolViolation, SecdError
from secd.files.data import model_catalogue
from secd.models import TLSProfile
from secd.net.clock import TrioClock
from secd.net.kernel import KernelNetwork
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook, Network
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream, Verify
from secd.net.tvs import TVSClient, TVSFailed
from secd.trace import (
    TLSAlert,
    TLSClosed,
    TLSConnected,
    TLSConnectFailed,
    TLSConnecting,
    TLSHandshakeDone,
    TLSHandshakeFailed,
    TLSHandshakeStarted,
    TLSPeerRefused,
    TLSPurpose,
    TLSStep,
    TraceEvent,
    TVSRequestSent,
    TVSResponseReceived,
)
from secd.tvs import (
    DENIAL,
    FOUND,
    NOT_FOUND,
    Message,
    QueryCertificate,
    Question,
    Request,
    Tag,
    TVSAnswer,
    TVSServerSession,
    VerifyCertificate,
    wire_name,
)

HOST, PORT = "10.1.1.1", 2445
ANY: Address = ("127.0.0.1", 0)
NUMBERS = (TLSPurpose.TVS, HOST, PORT, 1, 1)
QUERY = QueryCertificate(b"CN=CUCM-PUB", b"CN=CUCM-PUB", b"\x70\x01")
VERIFICATION = VerifyCertificate(lab("ccm").der)
ANSWER = TVSAnswer(FOUND, lab("ccm").der, frozenset({0, 3}), 86_400)
PATIENCE_SECONDS = 10.0


@dataclass
class Says:
    """A source that says the same to every question, and keeps the questions."""

    answers: TVSAnswer = ANSWER
    asked: list[Question] = field(default_factory=list)

    def answer(self, question: Question) -> TVSAnswer:
        self.asked.append(question)
        return self.answers


@dataclass
class Phone:
    """A TVS client and all that it told."""

    network: Network
    book: AddressBook = field(default_factory=AddressBook)
    model: str = "8861"
    verify: Verify = field(default_factory=lambda: pin(lab("tvs").der))
    shown: TLSIdentity | None = None
    told: list[TraceEvent] = field(default_factory=list)

    async def ask(self, question: Question = QUERY) -> TVSAnswer:
        client = TVSClient(
            self.network,
            TrioClock(),
            self.book,
            model_catalogue().find(self.model).tls,
            self.verify,
            wire_name(self.model, "SEPB000B4BA0AEE"),
            self.told.append,
            self.shown,
        )
        return await client.ask(HOST, PORT, question)

    @property
    def kinds(self) -> list[type[TraceEvent]]:
        """What was told, goodbyes aside: their number is TLS's business."""
        return [
            type(event)
            for event in self.told
            if not (isinstance(event, TLSAlert) and event.number == 0)
        ]


def settings(shown: TLSIdentity | None = None, profile: TLSProfile = LEGACY) -> TLSServerSettings:
    return TLSServerSettings(profile, shown or identity("tvs"))


@dataclass
class Server:
    """The lab's server: where it listens, what it says, what it saw."""

    address: Address
    source: Says
    seen: list[ServerEvent]

    @property
    def kinds(self) -> list[type[ServerEvent]]:
        return [type(event) for event in self.seen]


@asynccontextmanager
async def serving(
    network: TCPServerNetwork,
    address: Address,
    source: Says | None = None,
    how: TLSServerSettings | None = None,
) -> AsyncIterator[Server]:
    source = source or Says()
    seen: list[ServerEvent] = []
    async with trio.open_nursery() as nursery:
        actual = await nursery.start(
            serve_tvs, network, address, how or settings(), source, seen.append
        )
        yield Server(actual, source, seen)
        nursery.cancel_scope.cancel()


def in_memory() -> MemoryNetwork:
    return MemoryNetwork(Random(1))


def led_to(address: Address) -> AddressBook:
    return AddressBook({(HOST, PORT): address})


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
        TLSHandshakeStarted(*NUMBERS, own_certificate=False),
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
    phone = Phone(network, shown=identity("mic"))
    how = TLSServerSettings(LEGACY, identity("tvs"), ask_certificate=True)
    async with serving(network, (HOST, PORT), how=how):
        assert await phone.ask() == ANSWER
    assert TLSHandshakeStarted(*NUMBERS, own_certificate=True) in phone.told


async def test_an_expired_certificate_is_as_good_as_any(autojump_clock: MockClock) -> None:
    network = in_memory()
    expired = made("expired", days=-100)
    phone = Phone(network, verify=pin(expired.chain[0]))
    async with serving(network, (HOST, PORT), how=settings(expired)):
        assert await phone.ask() == ANSWER


# --- no answer ------------------------------------------------------------------------------------


async def failure_of(phone: Phone) -> str:
    with pytest.raises(TVSFailed) as caught:
        await phone.ask()
    assert caught.value.__cause__ is None
    return str(caught.value)


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
    assert text == "the peer's certificate is refused: PEER_NOT_LISTED (alert 48 sent)"
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


# --- servers that speak TLS and something else ----------------------------------------------------

Handler = Callable[[TLSStream, Address], Awaitable[None]]


@asynccontextmanager
async def lying(network: MemoryNetwork, handler: Handler) -> AsyncIterator[list[SecdError]]:
    """Serve something that is no TVS."""
    failures: list[SecdError] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(
            serve_tls,
            network,
            (HOST, PORT),
            settings(),
            handler,
            lambda _, failure: failures.append(failure),
        )
        yield failures
        nursery.cancel_scope.cancel()


async def question_in(stream: TLSStream) -> Request:
    session = TVSServerSession()
    while True:
        octets = await stream.receive_some()
        if not octets:
            raise RemoteProtocolViolation("the phone asks nothing")
        for request in session.receive_octets(octets):
            return request


def right_answer(request: Request) -> bytes:
    return TVSServerSession().answer(request, ANSWER)


def one_octet_wrong(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


STATUS = (int(Tag.STATUS), b"\0")
LIES: dict[str, tuple[Callable[[Request], bytes], str]] = {
    "another id": (
        lambda r: one_octet_wrong(right_answer(r), 7),
        "TVS answered id 1000, asked was 1001",
    ),
    "another type": (
        lambda r: Message(2, r.request_id, (STATUS,)).encode(),
        "TVS answered with type 2, not 4",
    ),
    "the question": (
        lambda r: Message(3, r.request_id, ()).encode(),
        "TVS answered with type 3, not 4",
    ),
    "no status": (
        lambda r: Message(4, r.request_id, ()).encode(),
        "an answer of TVS has no status",
    ),
    "nothing found": (
        lambda r: Message(4, r.request_id, (STATUS,)).encode(),
        "TVS found a certificate and does not show it",
    ),
    "two answers": (lambda r: right_answer(r) * 2, "TVS answered more than it was asked"),
    "an answer and a half": (
        lambda r: right_answer(r) + right_answer(r)[:9],
        "TVS answered more than it was asked",
    ),
    "HTTP": (
        lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "a TVS message begins with 0x57 and version 1, not 0x48 and 84",
    ),
    "too long": (
        lambda r: right_answer(r)[:8] + b"\xff\xff",
        "a TVS message of 65545 octets; taken are at most 16384",
    ),
    "nothing": (lambda _: b"", "TVS closed the connection without an answer"),
    "half an answer": (
        lambda r: right_answer(r)[:-1],
        "TVS closed the connection without an answer",
    ),
}


@pytest.mark.parametrize(("lie", "text"), LIES.values(), ids=LIES.keys())
async def test_what_is_no_answer_is_a_failure_with_a_reason(
    lie: Callable[[Request], bytes], text: str, autojump_clock: MockClock
) -> None:
    async def lie_once(stream: TLSStream, _: Address) -> None:
        await stream.send_all(lie(await question_in(stream)))

    network = in_memory()
    phone = Phone(network)
    async with lying(network, lie_once) as failures:
        assert await failure_of(phone) == text
    assert phone.kinds[-1] is TVSRequestSent
    assert failures == []
    assert trio.current_time() == 0.0


async def test_an_answer_in_single_octets_is_an_answer(autojump_clock: MockClock) -> None:
    async def spell(stream: TLSStream, _: Address) -> None:
        for octet in right_answer(await question_in(stream)):
            await stream.send_all(bytes([octet]))

    network = in_memory()
    phone = Phone(network)
    async with lying(network, spell):
        assert await phone.ask() == ANSWER
    assert TVSResponseReceived(HOST, 29 + len(ANSWER.certificate), FOUND) in phone.told


@pytest.mark.parametrize("pause_seconds", [1.0, 9.0, 60.0])
async def test_ten_seconds_are_for_the_whole_answer(
    pause_seconds: float, autojump_clock: MockClock
) -> None:
    """A server that keeps dripping octets gets no more time than a silent one."""

    async def drip(stream: TLSStream, _: Address) -> None:
        for octet in right_answer(await question_in(stream)):
            await trio.sleep(pause_seconds)
            await stream.send_all(bytes([octet]))

    network = in_memory()
    phone = Phone(network)
    async with lying(network, drip):
        assert await failure_of(phone) == "no answer within 10 s"
        assert trio.current_time() == pytest.approx(PATIENCE_SECONDS)
    assert phone.kinds[-1] is TVSRequestSent


async def test_a_server_that_does_not_close_after_its_answer_is_left(
    autojump_clock: MockClock,
) -> None:
    async def stay(stream: TLSStream, _: Address) -> None:
        await stream.send_all(right_answer(await question_in(stream)))
        await trio.sleep_forever()

    network = in_memory()
    async with lying(network, stay):
        assert await Phone(network).ask() == ANSWER
    assert trio.current_time() == 0.0


async def test_a_cancelled_question_leaves_no_connection(autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def wait(stream: TLSStream, _: Address) -> None:
        await question_in(stream)
        assert await stream.receive_some() == b""
        ended.set()

    network = in_memory()
    async with lying(network, wait):
        with trio.move_on_after(3) as scope:
            await Phone(network).ask()
        assert scope.cancelled_caught
        await ended.wait()
    assert trio.current_time() == pytest.approx(3.0)


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
    with KernelTCPServerNetwork().listen(ANY) as free:
        address = free.address
    phone = Phone(KernelNetwork(), led_to(address))
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
