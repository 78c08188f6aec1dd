"""Two ends of a TLS session in memory, and a view of the records between them."""

import trio
from tls_support import (
    NEW,
    SERVER,
    accepting,
    identity,
)

from firmware_sim.net.tls import LEGACY
from secd.models import TLSProfile
from secd.net.network import ByteStream
from secd.net.tcp_memory import MemoryTCPStream, connected_pair
from secd.net.tls import accept_tls, connect_tls
from secd.net.tls_stream import TLSStream

CLIENT = ("10.0.0.1", 50000)


def records(octets: bytes) -> list[tuple[int, int]]:
    """Return content type and length of each record (RFC 5246 section 6.2.1)."""
    found = []
    while octets:
        size = int.from_bytes(octets[3:5], "big")
        found.append((octets[0], size))
        octets = octets[5 + size :]
    return found


class Tapped:
    """A stream that keeps each write. gate -- where given, a write waits for it."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.writes: list[bytes] = []
        self.gate: trio.Event | None = None
        self.closed = False

    async def send_all(self, octets: bytes, /) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.writes.append(octets)
        await self.stream.send_all(octets)

    async def receive_some(self, max_bytes: int, /) -> bytes:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        await self.stream.aclose()


async def pair(
    profile: TLSProfile = NEW, served: TLSProfile = LEGACY
) -> tuple[TLSStream, TLSStream, Tapped, MemoryTCPStream]:
    """Return an established session: client, server, and the two streams below."""
    near, far = connected_pair(CLIENT, SERVER)
    tapped = Tapped(near)
    sessions: dict[str, TLSStream] = {}

    async def accept() -> None:
        sessions["server"] = await accept_tls(far, served, identity("tvs"), False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        client = await connect_tls(tapped, profile, accepting())
    return client, sessions["server"], tapped, far


async def close(*sessions: TLSStream) -> None:
    for session in sessions:
        await session.aclose()
