"""Clients of the lab's CAPF that are slow, cut off, or talk nonsense."""

import pytest
import trio
from capf_lab import DEVICE, CAPFLab, Memory, Phone, Server, a_lab, assert_untouched, mic
from capf_line import Line, converse_in_plain
from tls_support import NEW, pin
from trio.testing import MockClock

from firmware_sim.server_events import (
    CAPFConnectionAccepted,
    CAPFConnectionFailed,
    CAPFHandshakeDone,
)
from secd.capf import (
    Curve,
    ECKind,
    Message,
    MessageBuffer,
    MessageType,
    Operation,
    Tag,
    encode_sudi,
    sign_sudi,
    wrap_certificate,
)
from secd.configuration import CAPFMode
from secd.errors import RemoteProtocolViolation
from secd.models import TLSProfile
from secd.net.capf import CAPFFailed, CAPFUntrusted
from secd.net.tls import connect_tls
from secd.net.tls_errors import TLSError
from secd.net.tls_stream import TLSStream

NULL = CAPFMode.NULL_STRING
P256 = ECKind(Curve.P256)
WEAK = TLSProfile(NEW.lowest, NEW.highest, NEW.ciphers, tolerates_weak=True)
HANDSHAKE, MESSAGE, KEY = 10.0, 30.0, 600.0


def scheduled() -> CAPFLab:
    lab = a_lab()
    lab.schedule(Operation.INSTALL, NULL, P256)
    return lab


async def connect(server: Server) -> TLSStream:
    stream = await server.network.open_tcp(server.address)
    return await connect_tls(stream, WEAK, pin(server.certificate))


async def message_on(stream: TLSStream) -> Message:
    buffer = MessageBuffer()
    while (message := buffer.next_message_untrusted()) is None:
        octets = await stream.receive_some()
        assert octets
        buffer.feed(octets)
    return message


def auth_res(session_id: int, *elements: tuple[int, bytes]) -> Message:
    name = (Tag.DEVICE_NAME, DEVICE.encode() + b"\0")
    return Message(MessageType.AUTH_RES, session_id, ((Tag.REASON, b"\1"), name, *elements))


def failures(server: Server) -> list[tuple[int, str]]:
    return [
        (event.request_number, event.reason)
        for event in server.seen
        if isinstance(event, CAPFConnectionFailed)
    ]


# --- clients that waste time ----------------------------------------------------------------------


async def test_silent_clients_block_nobody_and_are_left(autojump_clock: MockClock) -> None:
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        no_handshake = await server.network.open_tcp(server.address)
        no_message = await connect(server)
        assert (await Phone(server).converse()).done
        assert trio.current_time() == 0.0
        assert await no_handshake.receive_some(1) == b""
        assert trio.current_time() == pytest.approx(HANDSHAKE)
        assert (await message_on(no_message)).kind == MessageType.AUTH_REQ
        assert await no_message.receive_some() == b""
        assert trio.current_time() == pytest.approx(MESSAGE)
        await no_handshake.aclose()
        await no_message.aclose()
    assert failures(server) == [
        (1, "the client did not end its handshake in time"),
        (2, "the phone was silent for too long in AWAIT_AUTH_RES"),
    ]
    assert [e.request_number for e in server.seen if isinstance(e, CAPFConnectionAccepted)] == [
        *(1, 2, 3),
    ]
    assert [e.request_number for e in server.seen if isinstance(e, CAPFHandshakeDone)] == [2, 3]


async def test_a_key_may_take_minutes_but_not_for_ever(autojump_clock: MockClock) -> None:
    """And neither single octets nor REQ_IN_PROGRESS win time."""
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        await stream.send_all(auth_res(1).encode())
        assert (await message_on(stream)).kind == MessageType.KEY_GEN_REQ
        progress = Message(MessageType.REQ_IN_PROGRESS, 1).encode()

        async def delay() -> None:
            for _ in range(100):
                await stream.send_all(progress)
                await trio.sleep(20)

        with pytest.raises(TLSError):
            await delay()
        assert trio.current_time() < KEY + 2 * 20
        await stream.aclose()
    assert failures(server) == [(1, "the phone was silent for too long in AWAIT_KEY_GEN_RES")]
    assert lab.record().result == ("failed: the phone was silent for too long in AWAIT_KEY_GEN_RES")
    assert_untouched(lab)


async def test_octets_that_make_no_message_win_no_time(autojump_clock: MockClock) -> None:
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        for octet in auth_res(1).encode()[:3]:
            await stream.send_all(bytes([octet]))
            await trio.sleep(9)
        assert await stream.receive_some() == b""
        assert trio.current_time() == pytest.approx(MESSAGE)
        await stream.aclose()


async def test_the_server_has_as_many_connections_as_it_may(autojump_clock: MockClock) -> None:
    lab = scheduled()
    async with lab.serving(Memory(), limit=2) as server:
        held = [await connect(server) for _ in range(2)]
        with trio.move_on_after(MESSAGE - 1) as waiting:
            await connect(server)
        assert waiting.cancelled_caught
        await trio.sleep(2)
        assert (await Phone(server).converse()).done
        for stream in held:
            await stream.aclose()


# --- nonsense -------------------------------------------------------------------------------------


async def test_a_message_in_single_octets(autojump_clock: MockClock) -> None:
    """Each a TLS record of its own: the header is split over eight of them."""
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        for octet in auth_res(1).encode():
            await stream.send_all(bytes([octet]))
        assert (await message_on(stream)).kind == MessageType.KEY_GEN_REQ
        await stream.aclose()


def with_length(octets: bytes, length: int) -> bytes:
    return octets[:6] + length.to_bytes(2, "big") + octets[8:]


SUDI = encode_sudi(sign_sudi(mic(), 1))
CERTIFICATE_END = 3 + int.from_bytes(SUDI[1:3], "big")
SHA512_AT = SUDI.rindex(b"\x03\x00\x80")
NONSENSE: dict[str, tuple[bytes, str]] = {
    "no CAPF": (b"GET / HTTP/1.1\r\n\r\n", "a CAPF message begins with 0x55"),
    "another session": (auth_res(2).encode(), "the phone speaks of session 2, this one is 1"),
    "no device": (
        Message(MessageType.AUTH_RES, 1, ((Tag.REASON, b"\1"),)).encode(),
        "AUTH_RES names no device",
    ),
    "another version": (auth_res(1, (Tag.VERSION, b"\4")).encode(), "the phone speaks version 4"),
    "out of order": (
        Message(MessageType.STORE_CERT_RES, 1, ((Tag.REASON, b"\1"),)).encode(),
        "STORE_CERT_RES came in AWAIT_AUTH_RES",
    ),
    "twice": (auth_res(1).encode() * 2, "AUTH_RES came in AWAIT_OPERATION"),
    "a message of servers": (
        Message(MessageType.END_SESSION, 1, ((Tag.REASON, b"\1"),)).encode(),
        "a server takes no CAPF message of type 15",
    ),
    "an unknown message": (Message(99, 1).encode(), "a server takes no CAPF message of type 99"),
    "a length that is too short": (
        with_length(auth_res(1).encode(), 5),
        "element 13 reaches past the message",
    ),
    "an element that is too long": (
        Message(MessageType.AUTH_RES, 1).encode()[:6] + b"\0\x04\x0d\0\x09x",
        "element 13 reaches past the message",
    ),
    "an empty certificate": (
        auth_res(1, (Tag.CERTIFICATE, b"")).encode(),
        "the certificate of a CAPF message is empty",
    ),
    "a certificate that is none": (
        auth_res(1, (Tag.SUDI_DATA, encode_sudi(sign_sudi(mic(), 2)))).encode(),
        "the SUDI data is wrong: the SHA1 signature",
    ),
    "SUDI data without certificate": (
        auth_res(1, (Tag.SUDI_DATA, SUDI[CERTIFICATE_END:])).encode(),
        "the SUDI data lacks item 0",
    ),
    "SUDI data without SHA-1": (
        auth_res(1, (Tag.SUDI_DATA, SUDI[:CERTIFICATE_END] + SUDI[SHA512_AT:])).encode(),
        "the SUDI data lacks item 1",
    ),
    "SUDI data without SHA-512": (
        auth_res(1, (Tag.SUDI_DATA, SUDI[:SHA512_AT])).encode(),
        "the SUDI data lacks item 3",
    ),
}


@pytest.mark.parametrize(("octets", "complaint"), NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_ends_the_session_with_reason_7(
    octets: bytes, complaint: str, autojump_clock: MockClock
) -> None:
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        await stream.send_all(octets)
        ended = await message_on(stream)
        assert (ended.kind, ended.number(Tag.REASON)) == (MessageType.END_SESSION, 7)
        assert ended.session_id == 1
        assert await stream.receive_some() == b""
        await stream.aclose()
        assert_untouched(lab)
        assert (await Phone(server).converse()).done
    [(reason, detail)] = server.refusals
    assert reason == 7
    assert detail.startswith(complaint)
    assert trio.current_time() == 0.0


async def test_a_length_that_promises_more_than_comes(autojump_clock: MockClock) -> None:
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        await stream.send_all(with_length(auth_res(1).encode(), 0xFFFF))
        assert await stream.receive_some() == b""
        assert trio.current_time() == pytest.approx(MESSAGE)
        await stream.aclose()
    assert_untouched(lab)


@pytest.mark.parametrize(
    "key", [b"", b"junk", wrap_certificate(b"junk")], ids=["empty", "junk", "another element"]
)
async def test_a_public_key_that_is_none(key: bytes, autojump_clock: MockClock) -> None:
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        await stream.send_all(auth_res(1).encode())
        await message_on(stream)
        answer = Message(MessageType.KEY_GEN_RES, 1, ((Tag.PUBLIC_KEY, key),))
        await stream.send_all(answer.encode())
        assert (await message_on(stream)).number(Tag.REASON) == 7
        await stream.aclose()
    assert_untouched(lab)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            Message(MessageType.KEY_GEN_RES, 1, ((Tag.REASON, b"\7"),)),
            "the phone made no key (reason 7)",
        ),
        (Message(MessageType.KEY_GEN_RES, 1), "the phone made no key (reason None)"),
    ],
)
async def test_a_phone_that_makes_no_key(
    answer: Message, detail: str, autojump_clock: MockClock
) -> None:
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        stream = await connect(server)
        await message_on(stream)
        await stream.send_all(auth_res(1).encode())
        await message_on(stream)
        await stream.send_all(answer.encode())
        assert (await message_on(stream)).number(Tag.REASON) == 7
        await stream.aclose()
    assert server.refusals == [(7, detail)]
    assert lab.record().result == f"failed: {detail}"
    assert_untouched(lab)


@pytest.mark.parametrize("refusal", [((Tag.REASON, b"\7"),), ()])
async def test_a_phone_that_does_not_store(
    refusal: tuple[tuple[int, bytes], ...], autojump_clock: MockClock
) -> None:
    lab = scheduled()
    line = Line(lab)
    line.rewrite(MessageType.STORE_CERT_RES, refusal)
    ended = await converse_in_plain(line)
    assert ended is not None
    assert ended.reason == 7
    assert ended.install is None
    assert_untouched(lab)


# --- certificates of the server -------------------------------------------------------------------


async def test_a_phone_that_refuses_the_server_leaves_everything_scheduled(
    autojump_clock: MockClock,
) -> None:
    """A foreign CAPF certificate ends the handshake with an alert.

    One that has only expired does not: dates of peers do not count (docs/decision-table.md).
    """
    lab = scheduled()
    async with lab.serving(Memory()) as server:
        phone = Phone(server)
        server.certificate = mic().certificate
        with pytest.raises(CAPFUntrusted):
            await phone.converse()
    [(number, reason)] = failures(server)
    assert number == 1
    assert "alert" in reason
    assert_untouched(lab)


# --- the line is cut ------------------------------------------------------------------------------


async def test_the_line_is_cut_at_every_octet(autojump_clock: MockClock) -> None:
    """Whatever arrived: nothing is half installed, and the operation is done or scheduled."""
    whole = Line(scheduled())
    assert await converse_in_plain(whole) is not None
    total = whole.carried
    assert total > 800
    lab = scheduled()
    for count in range(total):
        line = Line(lab, octets=count)
        assert await converse_in_plain(line) is None
        assert line.carried == count
        assert_untouched(lab)
    assert await converse_in_plain(Line(lab)) is not None
    assert lab.record().result == "upgrade successful"


@pytest.mark.parametrize("count", range(8))
async def test_the_line_is_cut_at_every_message_over_tls(
    count: int, autojump_clock: MockClock
) -> None:
    lab = scheduled()
    seen = 0

    def cut(_: Message, __: bool) -> None:
        nonlocal seen
        if seen == count:
            raise RemoteProtocolViolation("cut")
        seen += 1

    async with lab.serving(Memory()) as server:
        with pytest.raises(CAPFFailed):
            await Phone(server).converse(on_message=cut)
        await trio.testing.wait_all_tasks_blocked()
        if count == 7:  # the phone said that it stored, and END_SESSION was under way
            assert lab.record().operation is Operation.NOTHING
        else:
            assert_untouched(lab)
            assert (await Phone(server).converse()).done
