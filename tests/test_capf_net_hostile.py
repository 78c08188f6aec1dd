"""Servers that speak TLS and then something else than CAPF, or break off."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from capf_net_phone import NUMBERS, PATIENCE_SECONDS, Phone, in_memory
from capf_support import DEVICE, Job, serving
from trio.testing import MockClock

from secd.capf import (
    Applicant,
    CAPFEnded,
    CAPFServerSession,
    Identity,
    Message,
    MessageMet,
    MessageType,
    Operation,
    ServerState,
)
from secd.files.identity import STAGED_FILE
from secd.net.capf import CAPFFailed
from secd.net.memory import MemoryNetwork
from secd.net.network import Address
from secd.net.tls_stream import TLSStream
from secd.trace import (
    CAPFMessageReceived,
    TLSClosed,
)

HOST, PORT = "10.1.1.1", 3804


Script = Callable[[TLSStream], Awaitable[None]]


async def against(script: Script, phone: Phone, network: MemoryNetwork) -> str:
    async def handler(stream: TLSStream, _: Address) -> None:
        await script(stream)

    async with serving(network, (HOST, PORT), handler):
        return await phone.failure()


def auth_req() -> bytes:
    return CAPFServerSession(1).start().encode()


@pytest.mark.parametrize("says", [b"", b"\x55", auth_req()], ids=["nothing", "one", "AUTH_REQ"])
async def test_a_silent_server_is_waited_for_half_a_minute(
    says: bytes, autojump_clock: MockClock
) -> None:
    async def silent(stream: TLSStream) -> None:
        if says:
            await stream.send_all(says)
        await trio.sleep_forever()

    network = in_memory()
    assert await against(silent, Phone(network), network) == "no message within 30 s"
    assert trio.current_time() == pytest.approx(PATIENCE_SECONDS)


def answers(job: Job, session: CAPFServerSession, octets: bytes) -> list[Message]:
    outputs = session.receive_octets(octets)
    return [job.answer(session, 1, one) for one in outputs if not isinstance(one, MessageMet)]


LIES: dict[str, tuple[bytes, str]] = {
    "HTTP": (b"HTTP/1.1 400 Bad", "a CAPF message begins with 0x55, not 0x48"),
    "an answer": (Message(2, 1).encode(), "a phone takes no CAPF message of type 2"),
    "out of order": (Message(13, 1).encode(), "CAPF asks for DELETE in AWAIT_AUTH_REQ"),
    "version 4": (Message(1, 1, ((7, b"\4"),)).encode(), "CAPF speaks version 4, not 1 to 3"),
    "a length that lies": (
        Message(1, 1, ((7, b"\3"),)).encode()[:-2] + b"\2\3",
        "element 7 reaches past the message",
    ),
    "too short": (auth_req()[:-1], "CAPF closed the connection before END_SESSION"),
    "nothing": (b"", "CAPF closed the connection before END_SESSION"),
}


@pytest.mark.parametrize(("octets", "text"), LIES.values(), ids=LIES.keys())
async def test_what_breaks_the_protocol_is_a_failure_with_a_reason(
    octets: bytes, text: str, autojump_clock: MockClock
) -> None:
    async def lie(stream: TLSStream) -> None:
        if octets:
            await stream.send_all(octets)

    network = in_memory()
    phone = Phone(network)
    assert await against(lie, phone, network) == text
    assert phone.told[-1] == TLSClosed(*NUMBERS)
    assert trio.current_time() == 0.0


async def test_the_line_cut_after_any_message_leaves_the_phone_as_it_was(
    autojump_clock: MockClock,
) -> None:
    for told in range(1, 5):
        job = Job()

        async def cut(stream: TLSStream, job: Job = job, told: int = told) -> None:
            session, left = CAPFServerSession(1), told - 1
            await stream.send_all(session.start().encode())
            while left:
                for message in answers(job, session, await stream.receive_some()):
                    left -= 1
                    # Of the very last message one octet is missing.
                    octets = message.encode()[: -1 if told == 4 and not left else None]
                    await stream.send_all(octets)

        network = in_memory()
        phone = Phone(network)
        text = await against(cut, phone, network)
        assert text in ("CAPF closed the connection before END_SESSION", "the connection was reset")
        # From the third message on the new LSC had been staged; nothing of it is left.
        assert ((True, MessageType.STORE_CERT_RES) in phone.seen) is (told >= 3)
        assert STAGED_FILE not in phone.flash.names()


async def test_a_conversation_in_single_octets_is_one(autojump_clock: MockClock) -> None:
    job = Job()

    async def spell(stream: TLSStream, _: Address) -> None:
        session = CAPFServerSession(1)
        pending = [session.start()]
        while pending:
            for octet in pending.pop(0).encode():
                await stream.send_all(bytes([octet]))
            while not pending and session.state is not ServerState.ENDED:
                pending += answers(job, session, await stream.receive_some())

    network = in_memory()
    async with serving(network, (HOST, PORT), spell):
        assert (await Phone(network).apply()).done


async def test_a_cancelled_phone_leaves_no_connection(autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def wait(stream: TLSStream, _: Address) -> None:
        await stream.send_all(auth_req())
        while await stream.receive_some():
            pass
        ended.set()

    network = in_memory()
    phone = Phone(network)
    async with serving(network, (HOST, PORT), wait):
        with trio.move_on_after(3) as scope:
            await phone.apply()
        assert scope.cancelled_caught
        await ended.wait()
    assert phone.told[-1] == TLSClosed(*NUMBERS)


async def test_a_proof_that_cannot_be_made_is_a_failure(autojump_clock: MockClock) -> None:
    class Tiny:
        key_size = 512

        def sign(self, *_: object) -> bytes:
            raise ValueError

    network = in_memory()
    tiny = Identity(b"0\0", Tiny())  # type: ignore[arg-type] # no library makes such a key
    async with serving(network, (HOST, PORT), Job()):
        with pytest.raises(CAPFFailed, match="512 bits is too small"):
            await Phone(network).apply(Applicant(DEVICE, proof=tiny))


async def test_a_busy_server(autojump_clock: MockClock) -> None:
    async def busy(stream: TLSStream, _: Address) -> None:
        await stream.send_all(Message(MessageType.RETRY_LATER, 5).encode())

    network = in_memory()
    async with serving(network, (HOST, PORT), busy):
        phone = Phone(network)
        assert await phone.apply() == CAPFEnded(Operation.NOTHING, None)
    assert CAPFMessageReceived(HOST, "RETRY_LATER", 5, 8, -1) in phone.told


async def test_a_type_that_nobody_knows(autojump_clock: MockClock) -> None:
    async def ask(stream: TLSStream, _: Address) -> None:
        await stream.send_all(auth_req())
        await stream.receive_some()
        await stream.send_all(Message(99, 1).encode())
        await stream.receive_some()

    network = in_memory()
    async with serving(network, (HOST, PORT), ask):
        assert await Phone(network).failure() == "a phone takes no CAPF message of type 99"
