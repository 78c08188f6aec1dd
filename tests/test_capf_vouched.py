"""A CAPF server that only TVS knows: one connection, on which nothing passes before the voucher."""

from random import Random

import trio
from boot_support import xml
from capf_boots import SERVER as HOST
from capf_support import DEVICE, Job, OneKey, capf_tls, handler_of
from capf_vectors import certificate
from trio.testing import MockClock, wait_all_tasks_blocked
from trust_lists import CCM, TVS, record
from trust_lists import make_list as list_of
from tvs_client_support import Says, serving

from firmware_sim.net.tls import LEGACY, TLSServerSettings, serve_tls
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.net.clock import TrioClock
from secd.net.emulator import EmulatedPhone, UpdateReport
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream
from secd.trace import (
    CAPFMessageReceived,
    CAPFServerPassedOver,
    TLSClosed,
    TLSConnecting,
    TLSHandshakeDone,
    TLSPurpose,
    Traced,
    TraceEvent,
    TVSResponseReceived,
)
from secd.tvs import FOUND, NOT_FOUND, TVSAnswer
from secd.words import EnrolmentOutcome, FileKind

TVS_HOST = "10.9.9.9"
NO_CAPF = list_of(CCM, record(2, CCM), record(0, CCM), record(21, TVS))
CONFIGURATION = xml(capf=(HOST,), capf_mode=2, tvs=TVS_HOST)
KNOWN = TVSAnswer(FOUND, certificate("capf"), frozenset({4}), 86_400)
UNKNOWN = TVSAnswer(NOT_FOUND)


class World:
    """A phone whose ITL names TVS and no CAPF. happened -- what was told, in order."""

    def __init__(self, answer: TVSAnswer) -> None:
        self.network = MemoryNetwork(Random(1))
        self.flash = MemoryFlash()
        self.tvs = Says(answer)
        self.job = Job()
        self.events: list[TraceEvent] = []
        self.open_when_tvs_answered = 0
        self._open = 0

    async def update(self) -> UpdateReport:
        """Press Update, with both servers there."""
        tvs = TLSServerSettings(LEGACY, TLSIdentity((TVS.certificate,), TVS.key))
        async with serving(self.network, (TVS_HOST, 2445), self.tvs, tvs), trio.open_nursery() as n:
            capf = TLSServerSettings(LEGACY, capf_tls())
            await n.start(serve_tls, self.network, (HOST, 3804), capf, self._serve)
            report = await self._press()
            await wait_all_tasks_blocked()
            n.cancel_scope.cancel()
        return report

    async def _press(self) -> UpdateReport:
        model = model_catalogue().find("7975")
        store = PhoneStore(self.flash, DEVICE, model)
        store.save_list(FileKind.ITL, NO_CAPF)
        store.save_configuration(CONFIGURATION)
        phone = EmulatedPhone(DEVICE, model, store, ())
        around = Surroundings(self.network, TrioClock(1_790_000_000.0), AddressBook(), OneKey())
        return await phone.update_lsc(around, lambda traced, _: self._note(traced), "")

    async def _serve(self, stream: TLSStream, peer: Address) -> None:
        self._open += 1
        try:
            await handler_of(self.job, [])(stream, peer)
        finally:
            self._open -= 1

    def _note(self, traced: Traced) -> None:
        self.events.append(traced.event)
        if isinstance(traced.event, TVSResponseReceived):
            self.open_when_tvs_answered = self._open

    def place(self, kind: type[TraceEvent]) -> int:
        """The place of the first event of a kind; those of TLS count where they are CAPF's."""
        return next(n for n, event in enumerate(self.events) if _is(event, kind))

    def count(self, kind: type[TraceEvent]) -> int:
        return sum(_is(event, kind) for event in self.events)

    @property
    def lines_open(self) -> int:
        return self._open


def _is(event: TraceEvent, kind: type[TraceEvent]) -> bool:
    return isinstance(event, kind) and getattr(event, "purpose", TLSPurpose.CAPF) == "capf"


async def test_the_connection_waits_until_tvs_has_vouched(autojump_clock: MockClock) -> None:
    world = World(KNOWN)
    report = await world.update()
    assert report.outcome is EnrolmentOutcome.INSTALLED
    assert report.identities.lsc is not None
    assert len(world.tvs.asked) == 1
    # One connection; the handshake before the question, the first message after the answer.
    assert (world.count(TLSConnecting), world.count(TLSHandshakeDone)) == (1, 1)
    assert world.place(TLSHandshakeDone) < world.place(TVSResponseReceived)
    assert world.place(TVSResponseReceived) < world.place(CAPFMessageReceived)
    assert world.open_when_tvs_answered == 1
    assert (world.count(TLSClosed), world.lines_open) == (1, 0)


async def test_the_connection_is_closed_where_tvs_does_not_vouch(autojump_clock: MockClock) -> None:
    world = World(UNKNOWN)
    report = await world.update()
    assert report.outcome is EnrolmentOutcome.NO_VALID_SERVER
    assert [message.text for message in report.statuses] == ["No valid CAPF server"]
    assert (world.job.claims, world.count(CAPFMessageReceived)) == ([], 0)
    assert world.count(TLSConnecting) == 1
    assert (world.count(TLSClosed), world.lines_open) == (1, 0)
    assert world.place(TLSClosed) < world.place(CAPFServerPassedOver)


async def test_nothing_stays_open_where_the_phone_is_cut_short(autojump_clock: MockClock) -> None:
    """Power goes while TVS thinks: no connection is left, neither to TVS nor to CAPF."""
    world = World(KNOWN)

    async def think(_: TLSStream, __: Address) -> None:
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        tvs = TLSServerSettings(LEGACY, TLSIdentity((TVS.certificate,), TVS.key))
        capf = TLSServerSettings(LEGACY, capf_tls())
        await nursery.start(serve_tls, world.network, (TVS_HOST, 2445), tvs, think)
        await nursery.start(serve_tls, world.network, (HOST, 3804), capf, world._serve)
        with trio.move_on_after(5) as power:
            await world._press()
        assert power.cancelled_caught
        await wait_all_tasks_blocked()
        assert (world.count(TLSHandshakeDone), world.lines_open) == (1, 0)
        nursery.cancel_scope.cancel()
    assert world.flash.read("lsc.pem") is None
