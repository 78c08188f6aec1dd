"""The CTL Provider as a server: late refusals, clients that are silent, rude or gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
import trio
from ctl_support import PASSWORD, USER, content, ctl_of, held, make_site
from tls_support import accepting
from trio.testing import MockClock

from firmware_sim.administration.directory import read_cluster
from firmware_sim.administration.provider import NodeProvider
from firmware_sim.administration.staging import ProviderSite
from firmware_sim.ctl_client.events import ClientEvent
from firmware_sim.ctl_provider.codec import encode_message
from firmware_sim.ctl_provider.messages import (
    Answer,
    Commit,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    RefusalReason,
    Refused,
    Request,
    SaveCTL,
)
from firmware_sim.ctl_provider.session import ClientSession
from firmware_sim.net.ctl_client import CTLClient
from firmware_sim.net.ctl_connection import ProviderRefused, ProviderUnreachable
from firmware_sim.net.ctl_provider_server import (
    CONNECTION_LIMIT,
    PROVIDER_PROFILE,
    serve_ctl_provider,
)
from firmware_sim.net.tls import Handler, TLSServerSettings, serve_tls
from firmware_sim.server_events import (
    CTLProviderConnectionAccepted,
    CTLProviderConnectionFailed,
    CTLProviderRefused,
    ServerEvent,
)
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook
from secd.net.tls import connect_tls
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream

SERVER: Address = ("10.0.0.1", 2444)
LOGIN, WRONG = Login(USER, PASSWORD), Login(USER, "wrong")
SAVE_ID = bytes(16)


@dataclass
class Client:
    """A client that says what it is told to."""

    stream: TLSStream
    session: ClientSession = field(default_factory=ClientSession)

    async def ask(self, request: Request) -> Answer:
        await self.stream.send_all(self.session.ask(request))
        answer = None
        while answer is None:
            octets = await self.stream.receive_some()
            assert octets
            answer = self.session.receive_octets(octets)
        return answer


@dataclass
class Lab:
    """The subscriber of a cluster directory, in memory. seen -- what its provider told."""

    root: Path
    network: MemoryNetwork
    seen: list[ServerEvent] = field(default_factory=list)

    async def connect(self) -> Client:
        stream = await self.network.open_tcp(SERVER)
        return Client(await connect_tls(stream, PROVIDER_PROFILE, accepting()))

    async def logged_in(self) -> Client:
        client = await self.connect()
        assert await client.ask(LOGIN) == LoggedIn()
        return client

    async def staged(self) -> Client:
        client = await self.logged_in()
        await client.ask(SaveCTL(SAVE_ID, b"", ctl_of(read_cluster(self.root))))
        return client

    @property
    def reasons(self) -> list[str]:
        return [e.reason for e in self.seen if isinstance(e, CTLProviderConnectionFailed)]


@asynccontextmanager
async def serving(root: Path, limit: int = CONNECTION_LIMIT) -> AsyncIterator[Lab]:
    lab = Lab(make_site(root), MemoryNetwork(Random(1)))
    provider = NodeProvider(ProviderSite(lab.root, trio.current_time), "cucm-1")
    credential = provider.identity()
    identity = TLSIdentity((credential.certificate,), credential.key)
    settings = TLSServerSettings(PROVIDER_PROFILE, identity, connection_limit=limit)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            serve_ctl_provider, lab.network, SERVER, settings, provider, lab.seen.append
        )
        yield lab
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_wrong_passwords_are_answered_late_and_end_it(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with serving(tmp_path / "site") as lab:
        client = await lab.connect()
        for number in range(1, 4):
            answer = await client.ask(WRONG)
            assert isinstance(answer, Refused)
            assert answer.reason is RefusalReason.WRONG_LOGIN
            assert trio.current_time() == pytest.approx(2 * number, abs=0.5)
        assert await client.stream.receive_some() == b""
        second = await lab.connect()
        assert [type(await second.ask(WRONG)) for _ in range(2)] == [Refused] * 2
        locked = await (await lab.connect()).ask(LOGIN)
        assert isinstance(locked, Refused)
        assert locked.reason is RefusalReason.TOO_MANY_LOGINS
        await trio.sleep(900)
        assert await (await lab.connect()).ask(LOGIN) == LoggedIn()
        told = [event.reason for event in lab.seen if isinstance(event, CTLProviderRefused)]
        assert len(told) == 6
        assert PASSWORD not in str(lab.seen)


async def test_a_login_after_a_wrong_one(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with serving(tmp_path / "site") as lab:
        client = await lab.connect()
        assert isinstance(await client.ask(WRONG), Refused)
        assert await client.ask(LOGIN) == LoggedIn()
        assert await client.ask(GetCTL()) == HeldCTL(None)
        await client.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert lab.reasons == []


@pytest.mark.parametrize("logged_in", [False, True])
async def test_a_silent_client_is_left_after_half_a_minute(
    autojump_clock: MockClock, tmp_path: Path, logged_in: bool
) -> None:
    async with serving(tmp_path / "site") as lab:
        client = await (lab.logged_in() if logged_in else lab.connect())
        await client.stream.send_all(b"\xc2")  # which does not win it time
        assert await client.stream.receive_some() == b""
        assert trio.current_time() == pytest.approx(30, abs=1)
        state = "READY" if logged_in else "AWAIT_LOGIN"
        assert lab.reasons == [f"the client was silent for too long in {state}"]


async def test_a_client_that_never_commits_holds_the_cluster_for_a_minute(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with serving(tmp_path / "site") as lab:
        before = content(lab.root)
        client = await lab.staged()
        assert await client.stream.receive_some() == b""
        assert trio.current_time() == pytest.approx(60, abs=1)
        assert lab.reasons == ["the client was silent for too long in STAGED"]
        assert content(lab.root) == before


async def test_a_client_that_goes_before_the_commit(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with serving(tmp_path / "site") as lab:
        before = content(lab.root)
        client = await lab.staged()
        await client.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert lab.reasons == ["the client went away before the commit"]
        assert content(lab.root) == before
        assert held(lab.root) == [None, None]


RUDE = [
    (b"GET / HTTP/1.1\r\n\r\n", "begins with 0xc2"),
    (encode_message(GetCTL()), "GetCTL may not be asked in AWAIT_LOGIN"),
    (encode_message(Commit(bytes(16))), "Commit may not be asked in AWAIT_LOGIN"),
    (encode_message(LOGIN) * 2, "a second message came before the answer"),
    (b"\xc2\x01\x05\0\xff\xff\xff\xff", "taken are at most"),
]


@pytest.mark.parametrize(("octets", "rule"), RUDE, ids=[rule for _, rule in RUDE])
async def test_rude_clients_are_left_without_an_answer(
    autojump_clock: MockClock, tmp_path: Path, octets: bytes, rule: str
) -> None:
    async with serving(tmp_path / "site") as lab:
        client = await lab.connect()
        await client.stream.send_all(octets)
        assert await client.stream.receive_some() == b""
        [reason] = lab.reasons
        assert rule in reason
        await lab.logged_in()


async def test_a_client_without_tls_is_one_connection_that_failed(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with serving(tmp_path / "site") as lab:
        stream = await lab.network.open_tcp(SERVER)
        await stream.send_all(encode_message(LOGIN))
        await trio.testing.wait_all_tasks_blocked()
        assert len(lab.reasons) == 1
        assert [type(event) for event in lab.seen] == [CTLProviderConnectionFailed]
        await stream.aclose()


async def test_at_the_limit_of_connections_the_next_client_waits(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with serving(tmp_path / "site", limit=1) as lab:
        first = await lab.logged_in()
        second = await lab.logged_in()
        assert trio.current_time() >= 30  # until the first was silent for too long
        await first.stream.aclose()
        await second.stream.aclose()
        accepted = [e for e in lab.seen if isinstance(e, CTLProviderConnectionAccepted)]
        assert len(accepted) == 2


# --- a client among liars -------------------------------------------------------------------------


@asynccontextmanager
async def lying(handler: Handler, root: Path) -> AsyncIterator[tuple[CTLClient, list[ClientEvent]]]:
    publisher = read_cluster(make_site(root)).publisher.callmanager
    network, told = MemoryNetwork(Random(1)), list[ClientEvent]()
    settings = TLSServerSettings(
        PROVIDER_PROFILE, TLSIdentity((publisher.certificate,), publisher.key)
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_tls, network, SERVER, settings, handler)
        book = AddressBook({("cucm-0", 2444): SERVER})
        yield CTLClient(network, book, 2444, USER, PASSWORD, told.append), told
        nursery.cancel_scope.cancel()


async def test_a_provider_that_says_nothing(autojump_clock: MockClock, tmp_path: Path) -> None:
    async def silent(stream: TLSStream, _: Address) -> None:
        await trio.sleep_forever()

    async with lying(silent, tmp_path / "site") as (client, _):
        fingerprint = _fingerprint(tmp_path / "site")
        with pytest.raises(ProviderUnreachable, match="cucm-0: does not answer to Login"):
            await client.collect("cucm-0", fingerprint)
        assert trio.current_time() < 30


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (b"", "the provider closed the connection"),
        (b"nonsense", "begins with 0xc2"),
        (encode_message(HeldCTL(None)), "Login was answered with HeldCTL"),
    ],
)
async def test_a_provider_that_lies(
    autojump_clock: MockClock, tmp_path: Path, said: bytes, complaint: str
) -> None:
    async def liar(stream: TLSStream, _: Address) -> None:
        await stream.receive_some()
        await stream.send_all(said)

    async with lying(liar, tmp_path / "site") as (client, _):
        with pytest.raises(ProviderUnreachable, match=f"cucm-0: Login: .*{complaint}"):
            await client.collect("cucm-0", _fingerprint(tmp_path / "site"))


async def test_what_a_provider_says_is_shown_without_control_characters(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async def rude(stream: TLSStream, _: Address) -> None:
        await stream.receive_some()
        await stream.send_all(encode_message(Refused(RefusalReason.UNABLE, "\x1b[2Jgone\n")))

    async with lying(rude, tmp_path / "site") as (client, _):
        with pytest.raises(ProviderRefused) as refused:
            await client.collect("cucm-0", _fingerprint(tmp_path / "site"))
        assert str(refused.value).isprintable()


def _fingerprint(root: Path) -> bytes:
    return sha256(read_cluster(root).publisher.callmanager.certificate).digest()
