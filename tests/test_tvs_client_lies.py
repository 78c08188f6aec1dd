"""The TVS client against servers that speak TLS and something else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock
from tvs_client_support import (
    ANSWER,
    HOST,
    PATIENCE_SECONDS,
    PORT,
    Phone,
    failure_of,
    in_memory,
    settings,
)

from firmware_sim.net.tls import serve_tls
from secd.errors import RemoteProtocolViolation, SecdError
from secd.net.memory import MemoryNetwork
from secd.net.network import Address
from secd.net.tls_stream import TLSStream
from secd.trace import (
    TVSRequestSent,
    TVSResponseReceived,
)
from secd.tvs import (
    FOUND,
    Message,
    Request,
    Tag,
    TVSServerSession,
)

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
