"""The CAPF client over TLS, against a small server of our session and against liars."""

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import pytest
import trio
from capf_support import DEVICE, KINDS, Job, OneKey, capf_tls, key_of, serving
from capf_vectors import certificate
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tls_support import NEW, Judge, doubting, identity, made, pin
from trio.testing import MockClock

from firmware_sim.net.tcp import KernelTCPServerNetwork
from secd.capf import (
    Applicant,
    CAPFEnded,
    CAPFServerSession,
    Curve,
    ECKind,
    Identity,
    KeyKind,
    Message,
    MessageMet,
    MessageType,
    Operation,
    PrivateKey,
    Reason,
    RSAKind,
    ServerState,
    public_octets,
)
from secd.errors import FlashUnusable
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.identity import STAGED_FILE, LSCFile
from secd.net.capf import CAPFClient, CAPFFailed, CAPFNeedsTVS, CAPFUntrusted
from secd.net.kernel import KernelNetwork
from secd.net.keys import FreshKeys, KeySource, PooledKeys
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook, Network
from secd.net.tcp_memory import MemoryTCPStream
from secd.net.tls_stream import TLSStream, Verify
from secd.trace import (
    CAPFKeyGenerated,
    CAPFKeyGenerationStarted,
    CAPFMessageReceived,
    CAPFMessageSent,
    TLSClosed,
    TLSConnectFailed,
    TLSHandshakeDone,
    TLSPurpose,
    TraceEvent,
)

HOST, PORT = "10.1.1.1", 3804
ANY: Address = ("127.0.0.1", 0)
NUMBERS = (TLSPurpose.CAPF, HOST, PORT, 1, 1)
APPLICANT = Applicant(DEVICE)
EC = ECKind(Curve.P256)
PATIENCE_SECONDS = 30.0


@dataclass
class Phone:
    """A CAPF client, the flash it stages in, and all that it told."""

    network: Network
    book: AddressBook = field(default_factory=AddressBook)
    verify: Verify = field(default_factory=lambda: pin(certificate("capf")))
    keys: KeySource = field(default_factory=OneKey)
    model: str = "8861"
    flash: MemoryFlash = field(default_factory=MemoryFlash)
    told: list[TraceEvent] = field(default_factory=list)
    seen: list[tuple[bool, int]] = field(default_factory=list)

    async def apply(self, applicant: Applicant = APPLICANT) -> CAPFEnded:
        client = CAPFClient(
            self.network,
            self.book,
            model_catalogue().find(self.model).tls,
            self.verify,
            self.keys,
            LSCFile(self.flash),
            self.told.append,
            lambda message, by_phone: self.seen.append((by_phone, message.kind)),
        )
        return await client.converse(HOST, PORT, applicant)

    async def failure(self, kind: type[CAPFFailed] = CAPFFailed) -> str:
        with pytest.raises(CAPFFailed) as caught:
            await self.apply()
        assert type(caught.value) is kind
        assert self.flash.names() == frozenset()  # neither LSC nor a staged one
        return str(caught.value)


def in_memory() -> MemoryNetwork:
    return MemoryNetwork(Random(1))


def led_to(address: Address) -> AddressBook:
    return AddressBook({(HOST, PORT): address})


# --- a server that does its job -------------------------------------------------------------------


async def test_an_lsc_is_staged_and_all_of_it_is_told(autojump_clock: MockClock) -> None:
    network, job = in_memory(), Job()
    phone = Phone(network)
    async with serving(network, (HOST, PORT), job):
        ended = await phone.apply()
    assert ended.install is not None
    assert (ended.operation, ended.done) == (Operation.INSTALL, True)
    assert job.issued == [ended.install.certificate]
    assert phone.flash.names() == {STAGED_FILE}
    capf = [event for event in phone.told if type(event).__name__.startswith("CAPF")]
    size = len(job.issued[0])
    assert capf == [
        CAPFMessageReceived(HOST, "AUTH_REQ", 1, 16, -1),
        CAPFMessageSent(HOST, "AUTH_RES", 1, 8 + 4 + 4 + 4 + 19, 1),
        CAPFMessageReceived(HOST, "KEY_GEN_REQ", 1, 16, -1),
        CAPFMessageSent(HOST, "REQ_IN_PROGRESS", 1, 8, -1),
        CAPFKeyGenerationStarted("EC P-256"),
        CAPFKeyGenerated("EC P-256"),
        CAPFMessageSent(HOST, "KEY_GEN_RES", 1, 8 + 3 + 91, -1),
        CAPFMessageReceived(HOST, "STORE_CERT_REQ", 1, 8 + 4 + 3 + 5 + size, -1),
        CAPFMessageSent(HOST, "STORE_CERT_RES", 1, 12, 1),
        CAPFMessageReceived(HOST, "END_SESSION", 1, 12, 1),
    ]
    assert phone.seen == [
        (False, 1),
        (True, 2),
        (False, 3),
        (True, 17),
        (True, 4),
        (False, 9),
        (True, 10),
        (False, 15),
    ]
    assert phone.told[-1] == TLSClosed(*NUMBERS)
    assert trio.current_time() == 0.0


async def test_many_phones_at_once_have_sessions_of_their_own(autojump_clock: MockClock) -> None:
    network, job = in_memory(), Job()
    phones = [Phone(network) for _ in range(20)]
    async with serving(network, (HOST, PORT), job) as server, trio.open_nursery() as nursery:
        for phone in phones:
            nursery.start_soon(phone.apply)
    assert server.failures == []
    assert len(job.finished) == 20
    received = [e for phone in phones for e in phone.told if isinstance(e, CAPFMessageReceived)]
    assert sorted({event.session_id for event in received}) == list(range(1, 21))


async def test_a_key_takes_as_long_as_it_takes(autojump_clock: MockClock) -> None:
    class Slow:
        async def make(self, kind: KeyKind) -> PrivateKey:
            await trio.sleep(600)
            return key_of(kind)

    network, job = in_memory(), Job()
    async with serving(network, (HOST, PORT), job):
        assert (await Phone(network, keys=Slow()).apply()).done
    assert trio.current_time() == pytest.approx(600)


async def test_a_flash_that_is_full_refuses_the_lsc(autojump_clock: MockClock) -> None:
    class Full(MemoryFlash):
        def write(self, name: str, octets: bytes) -> None:
            raise FlashUnusable(f"{name}: cannot be written: no space left on device")

    network, job = in_memory(), Job()
    phone = Phone(network, flash=Full())
    async with serving(network, (HOST, PORT), job):
        ended = await phone.apply()
    assert ended == CAPFEnded(
        Operation.INSTALL, 7, refused=f"{STAGED_FILE}: cannot be written: no space left on device"
    )
    assert job.finished == []


async def test_an_expired_certificate_is_as_good_as_any(autojump_clock: MockClock) -> None:
    """Dates of peers are not checked (`secd.trust.peers`)."""
    network, expired = in_memory(), made("expired", days=-100)
    async with serving(network, (HOST, PORT), Job("nothing"), expired):
        ended = await Phone(network, verify=pin(expired.chain[0])).apply()
    assert ended == CAPFEnded(Operation.NOTHING, 0)


# --- no session -----------------------------------------------------------------------------------


async def test_nobody_listens(autojump_clock: MockClock) -> None:
    phone = Phone(in_memory())
    assert await phone.failure() == "nobody listens on this port"
    assert isinstance(phone.told[-1], TLSConnectFailed)


async def test_a_server_that_never_accepts(autojump_clock: MockClock) -> None:
    network = in_memory()
    with network.listen((HOST, PORT)):
        assert await Phone(network).failure() == "no message within 30 s"
    assert trio.current_time() == pytest.approx(PATIENCE_SECONDS)


async def test_another_certificate_is_refused_inside_the_handshake(
    autojump_clock: MockClock,
) -> None:
    network, job = in_memory(), Job()
    phone = Phone(network)
    async with serving(network, (HOST, PORT), job, identity("outsider")):
        text = await phone.failure(CAPFUntrusted)
    assert text == "the peer's certificate is refused: PEER_NOT_LISTED (alert 48 sent)"
    assert (job.claims, phone.seen) == ([], [])


async def test_nothing_is_said_to_a_server_that_tvs_has_yet_to_vouch_for(
    autojump_clock: MockClock,
) -> None:
    network, job = in_memory(), Job()
    judge: Judge = doubting()
    phone = Phone(network, verify=judge)
    async with serving(network, (HOST, PORT), job):
        with pytest.raises(CAPFNeedsTVS) as caught:
            await phone.apply()
        await trio.testing.wait_all_tasks_blocked()
    assert caught.value.certificate == certificate("capf") == judge.shown[0]
    assert (job.claims, phone.seen) == ([], [])
    done = [event for event in phone.told if isinstance(event, TLSHandshakeDone)]
    assert [event.provisional for event in done] == [True]


async def test_a_79xx_and_a_server_of_tls_1_2_do_not_agree(autojump_clock: MockClock) -> None:
    from firmware_sim.net.tls import TLSServerSettings, serve_tls

    network = in_memory()

    async def never(_: TLSStream, __: Address) -> None:
        raise AssertionError

    async with trio.open_nursery() as nursery:
        settings = TLSServerSettings(NEW, capf_tls())
        await nursery.start(serve_tls, network, (HOST, PORT), settings, never)
        text = await Phone(network, model="7975").failure()
        nursery.cancel_scope.cancel()
    assert text == "the TLS handshake failed (alert 70 received)"


async def test_an_operating_system_without_descriptors_is_no_failure_of_capf() -> None:
    class Exhausted(MemoryNetwork):
        async def open_tcp(self, remote: Address) -> MemoryTCPStream:
            raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(OSError, match="Too many"):
        await Phone(Exhausted(Random(1))).apply()


# --- servers that speak TLS and something else ----------------------------------------------------

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
    tiny = Identity(b"0\0", Tiny())  # type: ignore[arg-type]
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


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (RSAKind(3072), RSAKind(4096))])
async def test_fresh_keys_are_of_the_kind_asked_for_and_new(kind: KeyKind) -> None:
    one, other = await FreshKeys().make(kind), await FreshKeys().make(kind)
    assert public_octets(one) != public_octets(other)
    for key in (one, other):
        if isinstance(kind, RSAKind):
            assert isinstance(key, rsa.RSAPrivateKey)
            assert key.key_size == kind.bits
        else:
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            assert key.curve.name == f"secp{(256, 384, 521)[kind.curve]}r1"


async def test_a_pool_gives_each_key_once_and_then_makes_new_ones() -> None:
    ready = [key_of(kind) for kind in (RSAKind(1024), EC, ECKind(Curve.P521))]
    pool = PooledKeys(ready)
    kinds: list[KeyKind] = [EC, RSAKind(1024), ECKind(Curve.P521)]
    assert {id(await pool.make(kind)) for kind in kinds} == {id(key) for key in ready}
    for kind in kinds:
        new = await pool.make(kind)
        assert all(new is not key for key in ready)


# --- the kernel's sockets -------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "version"), [("7975", "TLSv1"), ("8861", "TLSv1.2")])
async def test_a_phone_of_each_generation_on_loopback(model: str, version: str) -> None:
    job = Job(kind=RSAKind(2048))
    async with serving(KernelTCPServerNetwork(), ANY, job) as server:
        phone = Phone(KernelNetwork(), led_to(server.address), keys=FreshKeys(), model=model)
        ended = await phone.apply()
    assert ended.install is not None
    LSCFile(phone.flash).commit()
    assert LSCFile(phone.flash).load() is not None
    done = [event for event in phone.told if isinstance(event, TLSHandshakeDone)]
    assert [event.version for event in done] == [version]
    assert ended.reason == Reason.SUCCESS
    assert job.claims[0].device_name == DEVICE.encode()
