"""The lab's TVS server: idle, slow and hostile clients, in memory and on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
import trio
from support import lab
from tls_support import NEW, accepting, identity, pin
from trio.testing import MockClock

from firmware_sim.net.tcp import KernelTCPServerNetwork, TCPServerNetwork
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.server_events import (
    ServerEvent,
    TVSAnswerSent,
    TVSCertificateLookedUp,
    TVSCertificateNotFound,
    TVSCertificateVerified,
    TVSConnectionAccepted,
    TVSConnectionFailed,
    TVSEntryFound,
    TVSFunctionFound,
    TVSQuestionReceived,
    TVSSignerNamed,
)
from secd.net.kernel import KernelNetwork
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, Network
from secd.net.tls import connect_tls
from secd.net.tls_errors import TLSError
from secd.net.tls_stream import TLSStream
from secd.tvs import (
    DENIAL,
    FOUND,
    QueryCertificate,
    Question,
    TVSAnswer,
    TVSClientSession,
    VerifyCertificate,
    wire_name,
)

SERVER: Address = ("10.1.1.1", 2445)
ANY: Address = ("127.0.0.1", 0)
DEVICE = wire_name("8861", "SEPB000B4BA0AEE")
QUERY = QueryCertificate(b"CN=CUCM-PUB", b"CN=CUCM-PUB;OU=\xff\n", b"\xab\x01")
VERIFICATION = VerifyCertificate(lab("ccm").der)
STRANGE = VerifyCertificate(lab("outsider").der)
ANSWER = TVSAnswer(FOUND, lab("ccm").der, frozenset({3, 0}), 86_400)
IDLE_SECONDS = 30.0
HANDSHAKE_SECONDS = 10.0


class Knows:
    """A source that knows everything but the stranger."""

    def answer(self, question: Question) -> TVSAnswer:
        return DENIAL if question == STRANGE else ANSWER


@dataclass
class Lab:
    """A server, by address, and what it saw."""

    network: Network
    address: Address
    seen: list[ServerEvent] = field(default_factory=list)

    async def connect(self) -> TLSStream:
        stream = await self.network.open_tcp(self.address)
        return await connect_tls(stream, NEW, pin(lab("tvs").der))

    async def ask_once(self) -> TVSAnswer:
        stream = await self.connect()
        answer = await ask(stream, TVSClientSession(DEVICE), QUERY)
        await stream.aclose()
        return answer

    def of(self, kind: type[ServerEvent]) -> list[int]:
        """The numbers of the connections of which something was told."""
        return [event.request_number for event in self.seen if type(event) is kind]

    @property
    def reasons(self) -> list[str]:
        return [event.reason for event in self.seen if isinstance(event, TVSConnectionFailed)]


async def ask(stream: TLSStream, session: TVSClientSession, question: Question) -> TVSAnswer:
    await stream.send_all(session.ask(question))
    return await answer_on(stream, session)


async def answer_on(stream: TLSStream, session: TVSClientSession) -> TVSAnswer:
    while True:
        octets = await stream.receive_some()
        assert octets
        answer = session.receive_octets(octets)
        if answer is not None:
            return answer


@asynccontextmanager
async def serving(
    network: Network, listening: TCPServerNetwork, address: Address, limit: int = 400
) -> AsyncIterator[Lab]:
    settings = TLSServerSettings(LEGACY, identity("tvs"), connection_limit=limit)
    seen: list[ServerEvent] = []
    async with trio.open_nursery() as nursery:
        actual = await nursery.start(serve_tvs, listening, address, settings, Knows(), seen.append)
        yield Lab(network, actual, seen)
        await trio.testing.wait_all_tasks_blocked()  # what went wrong is told a little later
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def in_memory(limit: int = 400) -> AsyncIterator[Lab]:
    network = MemoryNetwork(Random(1))
    async with serving(network, network, SERVER, limit) as server:
        yield server


@asynccontextmanager
async def on_loopback(limit: int = 400) -> AsyncIterator[Lab]:
    async with serving(KernelNetwork(), KernelTCPServerNetwork(), ANY, limit) as server:
        yield server


# --- conversations --------------------------------------------------------------------------------


async def test_several_questions_on_one_connection(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream, session = await server.connect(), TVSClientSession(DEVICE)
        questions: list[Question] = [QUERY, VERIFICATION, STRANGE, QUERY]
        said = [await ask(stream, session, question) for question in questions]
        await stream.aclose()
    assert said == [ANSWER, ANSWER, DENIAL, ANSWER]
    assert server.of(TVSConnectionAccepted) == [1]
    assert server.of(TVSQuestionReceived) == [1] * 4


async def test_what_is_told_of_a_query_and_of_a_verification(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream, session = await server.connect(), TVSClientSession(DEVICE)
        await ask(stream, session, QUERY)
        await ask(stream, session, STRANGE)
        await ask(stream, session, VERIFICATION)
        await stream.aclose()
    accepted = server.seen[0]
    phone = (1, accepted.phone_address, accepted.phone_port)
    name = "CP-8861-SEPB000B4BA0AEE"
    assert server.seen == [
        TVSConnectionAccepted(*phone, "AES256-SHA"),
        TVSQuestionReceived(*phone, "QUERY_CERT_REQ", name),
        TVSSignerNamed(*phone, "Subject Name", "CN=CUCM-PUB"),
        TVSSignerNamed(*phone, "Issuer Name", r"CN=CUCM-PUB;OU=\xff\n"),
        TVSSignerNamed(*phone, "Serial Number", "AB01"),
        TVSCertificateLookedUp(*phone, r"AB01CN=CUCM-PUB;OU=\xff\n"),
        TVSEntryFound(*phone, 2),
        TVSFunctionFound(*phone, 0),
        TVSFunctionFound(*phone, 3),
        TVSAnswerSent(*phone, "QUERY_CERT_RES", FOUND, "0, 3"),
        TVSQuestionReceived(*phone, "CERT_VERIFICATION_REQ", name),
        TVSCertificateNotFound(*phone),
        TVSAnswerSent(*phone, "CERT_VERIF_RES", DENIAL.status, ""),
        TVSQuestionReceived(*phone, "CERT_VERIFICATION_REQ", name),
        TVSCertificateVerified(*phone),
        TVSAnswerSent(*phone, "CERT_VERIF_RES", FOUND, "0, 3"),
    ]


async def test_questions_that_come_together_are_answered_in_order(
    autojump_clock: MockClock,
) -> None:
    async with in_memory() as server:
        stream = await server.connect()
        sessions = [TVSClientSession(DEVICE, first_request_id=number) for number in (7, 8)]
        await stream.send_all(sessions[0].ask(STRANGE) + sessions[1].ask(QUERY))
        assert [await answer_on(stream, session) for session in sessions] == [DENIAL, ANSWER]
        await stream.aclose()


async def test_a_question_in_single_octets(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream, session = await server.connect(), TVSClientSession(DEVICE)
        for octet in session.ask(QUERY):
            await stream.send_all(bytes([octet]))
        assert await answer_on(stream, session) == ANSWER
        await stream.aclose()


# --- clients that waste time ----------------------------------------------------------------------


async def test_an_idle_connection_is_closed(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream = await server.connect()
        assert await stream.receive_some() == b""
        assert trio.current_time() == pytest.approx(IDLE_SECONDS)
        await stream.aclose()
    assert server.reasons == []


async def test_a_connection_may_stay_as_long_as_it_asks(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream, session = await server.connect(), TVSClientSession(DEVICE)
        for _ in range(5):
            await trio.sleep(IDLE_SECONDS - 1)
            assert await ask(stream, session, QUERY) == ANSWER
        assert await stream.receive_some() == b""
        assert trio.current_time() == pytest.approx(5 * (IDLE_SECONDS - 1) + IDLE_SECONDS)
        await stream.aclose()


async def test_octets_that_make_no_question_win_no_time(autojump_clock: MockClock) -> None:
    """Else one octet now and then would hold a connection for days."""
    async with in_memory() as server:
        stream = await server.connect()
        question = TVSClientSession(DEVICE).ask(QUERY)

        async def drip() -> None:
            for octet in question:
                await trio.sleep(9)
                await stream.send_all(bytes([octet]))

        with pytest.raises(TLSError):
            await drip()
        assert trio.current_time() < 2 * IDLE_SECONDS
        await stream.aclose()
    assert server.of(TVSQuestionReceived) == []


async def test_a_client_that_reads_nothing_is_left(autojump_clock: MockClock) -> None:
    """It asks and asks, and its answers pile up until nobody can send any more."""
    async with in_memory(limit=1) as server:
        stream = await server.connect()
        question = TVSClientSession(DEVICE).ask(QUERY)

        async def flood() -> None:
            while True:
                await stream.send_all(question * 100)

        with pytest.raises(TLSError):
            await flood()
        asked = len(server.of(TVSQuestionReceived))
        assert 50 < asked < 10_000
        assert trio.current_time() < 4 * IDLE_SECONDS
        await stream.aclose()
        assert await server.ask_once() == ANSWER


async def test_a_client_that_never_begins_its_handshake(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream = await server.network.open_tcp(server.address)
        assert await stream.receive_some(1) == b""
        assert trio.current_time() == pytest.approx(HANDSHAKE_SECONDS)
        await stream.aclose()
    assert server.reasons == ["the client did not end its handshake in time"]


async def test_at_the_limit_further_phones_wait_for_their_turn(autojump_clock: MockClock) -> None:
    async with in_memory(limit=2) as server:
        held = [await server.connect() for _ in range(2)]
        assert await server.ask_once() == ANSWER
        assert trio.current_time() == pytest.approx(IDLE_SECONDS)  # until the idle ones are left
        for stream in held:
            await stream.aclose()


# --- clients that talk nonsense -------------------------------------------------------------------

BEGIN = TVSClientSession(DEVICE).ask(QUERY)[:8]
NONSENSE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: tvs\r\n\r\n",
    "zeros": bytes(300),
    "another version": b"\x57\x02" + BEGIN[2:] + b"\0\0",
    "no question": BEGIN + b"\0\0",
    "an answer": b"\x57\x01\x04\0\0\0\x03\xe9\0\x04\x07\0\x01\0",
    "too long": BEGIN + b"\xff\xff",
    "a lying length": BEGIN + b"\0\x04\x01\0\x09x",
    "an element twice": BEGIN + b"\0\x08\x01\0\x01x\x01\0\x01x",
}


@pytest.mark.parametrize("octets", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_ends_its_own_connection_without_an_answer(
    octets: bytes, autojump_clock: MockClock
) -> None:
    async with in_memory() as server:
        bystander, session = await server.connect(), TVSClientSession(DEVICE)
        stream = await server.connect()
        await stream.send_all(octets)
        assert await stream.receive_some() == b""
        await stream.aclose()
        assert await ask(bystander, session, QUERY) == ANSWER
        await bystander.aclose()
    assert server.of(TVSConnectionFailed) == [2]
    assert trio.current_time() == 0.0


async def test_what_was_asked_before_the_nonsense_is_answered(autojump_clock: MockClock) -> None:
    async with in_memory() as server:
        stream, session = await server.connect(), TVSClientSession(DEVICE)
        assert await ask(stream, session, QUERY) == ANSWER
        await stream.send_all(b"nonsense, and then some")
        assert await stream.receive_some() == b""
        await stream.aclose()
    assert server.of(TVSConnectionFailed) == [1]


async def test_a_failure_is_told_of_the_connection_that_failed(autojump_clock: MockClock) -> None:
    """Not of the last one that came; and who fails in the handshake has a number too."""
    async with in_memory() as server:
        first, second = await server.connect(), await server.connect()
        garbage = await server.network.open_tcp(server.address)
        await garbage.send_all(b"no TLS at all, but long enough for a record's header")
        assert await garbage.receive_some(100) == b""
        await first.send_all(b"nonsense, too")
        assert await first.receive_some() == b""
        for stream in (first, second, garbage):
            await stream.aclose()
        await server.ask_once()
    assert server.of(TVSConnectionAccepted) == [1, 2, 4]
    failed = [event for event in server.seen if isinstance(event, TVSConnectionFailed)]
    assert [event.request_number for event in failed] == [3, 1]
    accepted = server.seen[0]
    assert (failed[1].phone_address, failed[1].phone_port) == (
        accepted.phone_address,
        accepted.phone_port,
    )


# --- the kernel's sockets -------------------------------------------------------------------------


async def test_hostile_clients_do_not_end_the_server_on_loopback() -> None:
    async with on_loopback(limit=4) as server:
        for octets in (b"", *NONSENSE.values()):
            stream = await server.network.open_tcp(server.address)
            await stream.send_all(octets)
            await stream.aclose()
        for octets in (b"", *NONSENSE.values()):
            session = await server.connect()
            if octets:
                await session.send_all(octets)
            await session.aclose()
        assert await server.ask_once() == ANSWER
    assert len(server.of(TVSConnectionAccepted)) == len(NONSENSE) + 2


async def test_a_phone_that_breaks_off_after_its_question_on_loopback() -> None:
    async with on_loopback(limit=1) as server:
        for _ in range(5):
            below = await server.network.open_tcp(server.address)
            session = await connect_tls(below, NEW, accepting())
            await session.send_all(TVSClientSession(DEVICE).ask(QUERY))
            await below.aclose()  # without a goodbye
        assert await server.ask_once() == ANSWER


async def test_several_questions_on_one_connection_on_loopback() -> None:
    async with on_loopback() as server:
        stream, session = await server.connect(), TVSClientSession(DEVICE)
        for _ in range(20):
            assert await ask(stream, session, VERIFICATION) == ANSWER
        await stream.aclose()
