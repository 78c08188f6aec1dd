"""Both ends of a CAPF conversation without TLS, on a line that can be cut at any octet."""

from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import trio
from capf_lab import DEVICE, CAPFLab, Pooled

from firmware_sim.net.capf_server import CAPFServer
from secd.capf import (
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    ClientOutput,
    GenerateKey,
    Message,
    SendOctets,
    StageLSC,
)
from secd.errors import RemoteProtocolViolation
from secd.net.memory import MemoryNetwork
from secd.net.tcp_memory import MemoryTCPStream
from secd.net.tls_errors import TLSError

SERVER = ("10.1.1.1", 3804)


@dataclass
class Line:
    """octets -- how many it carries, in both directions together, before it is cut."""

    lab: CAPFLab
    octets: int = 1 << 30
    carried: int = 0
    changed: dict[int, tuple[tuple[int, bytes], ...]] = field(default_factory=dict)

    def rewrite(self, kind: int, elements: tuple[tuple[int, bytes], ...]) -> None:
        """Have the phone say something else in messages of a type."""
        self.changed[kind] = elements

    def written(self, message: Message) -> bytes:
        elements = self.changed.get(message.kind, message.elements)
        return Message(message.kind, message.session_id, elements).encode()

    def take(self, octets: bytes) -> bytes:
        """Return what of some octets arrives."""
        arrives = octets[: self.octets - self.carried]
        self.carried += len(arrives)
        return arrives


@dataclass
class End:
    """One end."""

    stream: MemoryTCPStream
    line: Line

    async def send_all(self, octets: bytes, /) -> None:
        arrives = self.line.take(octets)
        if arrives:
            await self.stream.send_all(arrives)
        if len(arrives) < len(octets):
            self.stream.close()
            raise TLSError("the line was cut")

    async def receive_some(self, max_bytes: int, /) -> bytes:
        return await self.stream.receive_some(max_bytes)


async def converse_in_plain(line: Line) -> CAPFEnded | None:
    """Hold one conversation; None where the phone never heard its end."""
    network = MemoryNetwork(Random(1))
    with network.listen(SERVER) as listener:
        near = await network.open_tcp(SERVER)
        far = await listener.accept()
    server = CAPFServer(line.lab.office, lambda _: None)
    server.accepted(far.remote)
    session = CAPFClientSession(Applicant(DEVICE))

    async def serve() -> None:
        await server.converse(End(far, line), far.remote)
        far.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        with suppress(TLSError, RemoteProtocolViolation, trio.ClosedResourceError):
            await _talk(session, End(near, line), line)
        near.close()
    return session.ended


async def _talk(session: CAPFClientSession, end: End, line: Line) -> None:
    while session.ended is None:
        octets = await end.receive_some(4096)
        if not octets:
            session.receive_eof()
        outputs = session.receive_octets(octets)
        while outputs:
            outputs += await _perform(session, end, line, outputs.pop(0))


async def _perform(
    session: CAPFClientSession, end: End, line: Line, output: ClientOutput
) -> list[ClientOutput]:
    match output:
        case SendOctets(message):
            await end.send_all(line.written(message))
        case GenerateKey(kind):
            return session.key_made(await Pooled().make(kind))
        case StageLSC():
            return session.staged()
        case _:
            pass
    return []
