"""The line between a phone and the lab's CAPF is cut, over TLS, anywhere.

The octets that are counted are those on the wire, in both directions together; the messages
themselves are cut at every octet in `test_capf_server_hostile.py`, which is faster without TLS.
What the server has sent and the phone never sees the server cannot know of: so the cuts inside the
last record of all, END_SESSION, are the only ones after which the lab holds for done what the phone
has not.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from capf_lab import DEVICE, SERVER, CAPFLab, Nets, Pooled, Server, a_lab, own_lsc
from tls_support import NEW, pin
from trio import BrokenResourceError
from trio.testing import MockClock, wait_all_tasks_blocked

from secd.capf import Applicant, CAPFEnded, Curve, ECKind, Operation
from secd.configuration import CAPFMode
from secd.files.flash import MemoryFlash
from secd.files.identity import LSC_FILE, STAGED_FILE, LSCFile
from secd.models import TLSProfile
from secd.net.capf import CAPFClient, CAPFFailed
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook, UDPSocket
from secd.net.tcp_memory import MemoryTCPStream
from secd.trace import TraceEvent

ENDLESS = 1 << 30
RECORD_BYTES = 80  # more than a record with END_SESSION or a goodbye has
STRIDE = 7  # octets from cut to cut; 1 cuts at each of the 2300, in 6 s
LAST_BYTES = 220  # of STORE_CERT_RES, END_SESSION and the goodbyes: here each octet is a cut
PROFILE = TLSProfile(NEW.lowest, NEW.highest, NEW.ciphers, tolerates_weak=True)


@dataclass
class CutNetwork:
    """left -- how many octets the line still carries. carried -- how many it did."""

    memory: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(Random(1)))
    left: int = ENDLESS
    carried: int = 0

    async def resolve(self, remote: Address) -> Address:
        return await self.memory.resolve(remote)

    async def open_udp(self, remote: Address) -> UDPSocket:
        return await self.memory.open_udp(remote)

    async def open_tcp(self, remote: Address) -> "CutStream":
        return CutStream(self, await self.memory.open_tcp(remote))

    def take(self, octets: bytes) -> bytes:
        """Return what of some octets arrives."""
        arrives = octets[: self.left]
        self.left -= len(arrives)
        self.carried += len(arrives)
        return arrives


@dataclass
class CutStream:
    """The phone's end."""

    network: CutNetwork
    stream: MemoryTCPStream

    @property
    def remote(self) -> Address:
        return self.stream.remote

    async def send_all(self, octets: bytes, /) -> None:
        arrives = self.network.take(octets)
        if arrives:
            await self.stream.send_all(arrives)
        if len(arrives) < len(octets):
            self.cut()

    async def receive_some(self, max_bytes: int, /) -> bytes:
        octets = await self.stream.receive_some(max_bytes) if self.network.left else b"-"
        arrives = self.network.take(octets)
        if octets and not arrives:
            self.cut()
        return arrives

    def cut(self) -> None:
        self.stream.close()
        raise BrokenResourceError("cut")

    async def send_eof(self) -> None:
        await self.stream.send_eof()

    async def aclose(self) -> None:
        await self.stream.aclose()


@dataclass
class Renewal:
    """A phone with an LSC, for which another one is scheduled."""

    lab: CAPFLab
    server: Server
    network: CutNetwork
    flash: MemoryFlash = field(default_factory=MemoryFlash)

    def __post_init__(self) -> None:
        self.place.stage(own_lsc(self.lab))
        self.place.commit()
        self.held = self.flash.read(LSC_FILE)

    @property
    def place(self) -> LSCFile:
        return LSCFile(self.flash)

    @property
    def is_scheduled(self) -> bool:
        return self.lab.record().operation is Operation.INSTALL

    async def run(self, octets: int) -> CAPFEnded | None:
        """Converse over a line that carries so many octets; None: the phone heard no end."""
        if not self.is_scheduled:
            self.lab.schedule(Operation.INSTALL, CAPFMode.NULL_STRING, ECKind(Curve.P256))
        self.network.left, self.network.carried = octets, 0
        self.server.seen.clear()
        verify = pin(self.server.certificate)
        client = CAPFClient(
            self.network,
            AddressBook(),
            PROFILE,
            verify,
            Pooled(),
            self.place,
            _ignore,
        )
        ended = None
        with suppress(CAPFFailed):
            ended = await client.converse(*SERVER, Applicant(DEVICE))
        await wait_all_tasks_blocked()
        return ended


def _ignore(_: TraceEvent) -> None:
    """The tests look at what is left."""


async def test_the_line_is_cut_anywhere_in_tls(autojump_clock: MockClock) -> None:
    lab, network = a_lab(), CutNetwork()
    async with lab.serving(Nets(network, network.memory, SERVER)) as server:
        renewal = Renewal(lab, server, network)
        assert await renewal.run(ENDLESS) is not None
        assert renewal.flash.names() == {LSC_FILE, STAGED_FILE}  # what the boot commits now
        total, unheard, heard = network.carried, 0, 0
        near_the_end = total - LAST_BYTES
        for octets in (*range(0, near_the_end, STRIDE), *range(near_the_end, total)):
            if await renewal.run(octets) is not None:
                heard += 1  # END_SESSION came whole; what was cut off is the goodbye
                assert total - octets < RECORD_BYTES
                continue
            # Nothing half installed: the old LSC, and no staged one beside it.
            assert renewal.flash.names() == {LSC_FILE}
            assert renewal.flash.read(LSC_FILE) == renewal.held
            # And scheduled still, unless the server has sent its last word.
            if not renewal.is_scheduled:
                assert server.said[-1] == "END_SESSION"
                unheard += 1
    assert 0 < unheard < RECORD_BYTES
    assert 0 < heard < RECORD_BYTES
    assert total - unheard - heard > 2000
