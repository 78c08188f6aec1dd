"""A phone's TVS client, and servers for it, in memory and on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
import trio
from support import lab
from tls_support import identity, pin

from firmware_sim.net.tcp import TCPServerNetwork
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.server_events import ServerEvent
from secd.files.data import model_catalogue
from secd.models import TLSProfile
from secd.net.clock import TrioClock
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook, Network
from secd.net.own_certificate import OwnCertificate
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import Verify
from secd.net.tvs import TVSClient, TVSFailed
from secd.trace import (
    TLSAlert,
    TLSPurpose,
    TraceEvent,
)
from secd.tvs import (
    FOUND,
    QueryCertificate,
    Question,
    TVSAnswer,
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
    own: OwnCertificate | None = None
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
            self.own,
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


async def failure_of(phone: Phone) -> str:
    with pytest.raises(TVSFailed) as caught:
        await phone.ask()
    assert caught.value.__cause__ is None
    return str(caught.value)
