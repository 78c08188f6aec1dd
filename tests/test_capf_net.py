"""The CAPF client over TLS, against a small server of our session and against liars."""

import errno
from random import Random

import pytest
import trio
from capf_net_phone import ANY, NUMBERS, PATIENCE_SECONDS, Phone, in_memory, led_to
from capf_support import DEVICE, Job, capf_tls, key_of, serving
from capf_vectors import certificate
from tls_support import NEW, Judge, doubting, identity, made, pin
from trio.testing import MockClock

from firmware_sim.net.tcp import KernelTCPServerNetwork
from secd.capf import (
    CAPFEnded,
    KeyKind,
    Operation,
    PrivateKey,
    Reason,
    RSAKind,
)
from secd.errors import FlashUnusable
from secd.files.flash import MemoryFlash
from secd.files.identity import STAGED_FILE, LSCFile
from secd.net.capf import CAPFNeedsTVS, CAPFUntrusted
from secd.net.kernel import KernelNetwork
from secd.net.keys import FreshKeys
from secd.net.memory import MemoryNetwork
from secd.net.network import Address
from secd.net.tcp_memory import MemoryTCPStream
from secd.net.tls_stream import TLSStream
from secd.trace import (
    CAPFKeyGenerated,
    CAPFKeyGenerationStarted,
    CAPFMessageReceived,
    CAPFMessageSent,
    TLSClosed,
    TLSConnectFailed,
    TLSHandshakeDone,
)

HOST, PORT = "10.1.1.1", 3804


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
        with pytest.raises(CAPFNeedsTVS):
            await phone.apply()
        await trio.testing.wait_all_tasks_blocked()
    assert judge.shown == [certificate("capf")]
    assert phone.told[-1] == TLSClosed(*NUMBERS)
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
