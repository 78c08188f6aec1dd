"""A UDP relay on loopback that loses, doubles, delays and corrupts datagrams, by a seed.

It stands between a TFTP client and a server of others. For each client it opens a socket towards
the server and one towards the client, so that transfer identifiers stay apart as they are.
"""

from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Protocol

import trio
from trio import socket

from secd.net.memory import Faults

Address = tuple[str, int]
_LARGEST = 65535


@dataclass
class Relay:
    """See the module. carried, struck -- datagrams that came, and those that suffered a fault."""

    server: Address
    faults: Faults
    random: Random
    carried: int = 0
    struck: int = 0

    async def run(self, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Relay until cancelled; tell the port."""
        clients: dict[Address, trio.MemorySendChannel[bytes]] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            await listener.bind(("127.0.0.1", 0))
            async with trio.open_nursery() as nursery:
                task_status.started(listener.getsockname()[1])
                while True:
                    octets, client = await listener.recvfrom(_LARGEST)
                    if client not in clients:
                        send, receive = trio.open_memory_channel[bytes](100)
                        clients[client] = send
                        nursery.start_soon(self._serve, client, receive, nursery)
                    clients[client].send_nowait(octets)

    async def _serve(
        self, client: Address, requests: trio.MemoryReceiveChannel[bytes], nursery: trio.Nursery
    ) -> None:
        """Carry everything of one client: its requests, then what both sides of a transfer say."""
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with near, far:
            await near.bind(("127.0.0.1", 0))
            await far.bind(("127.0.0.1", 0))
            tid: list[Address] = []  # the server's, once it has answered

            async def requested() -> None:
                async for octets in requests:
                    self._carry(octets, _to(far, self.server), nursery)

            async def answered() -> None:
                while True:
                    octets, sender = await _receive(far)
                    tid[:] = [sender]
                    self._carry(octets, _to(near, client), nursery)

            async def acknowledged() -> None:
                while True:
                    octets, _ = await _receive(near)
                    if tid:
                        self._carry(octets, _to(far, tid[0]), nursery)

            async with trio.open_nursery() as inner:
                inner.start_soon(requested)
                inner.start_soon(answered)
                inner.start_soon(acknowledged)

    def _carry(self, octets: bytes, send: "Send", nursery: trio.Nursery) -> None:
        """Let a datagram suffer its faults; what is left of it goes on, now or later."""
        self.carried += 1
        faults = self.faults
        for _ in range(2 if self._strikes(faults.duplication) else 1):
            if self._strikes(faults.loss):
                continue
            sent = bytearray(octets)
            if sent and self._strikes(faults.corruption):
                sent[self.random.randrange(len(sent))] ^= self.random.randrange(1, 256)
            delay = faults.delay_seconds
            if self._strikes(faults.reordering):
                delay += self.random.uniform(0, faults.reordering_seconds)
            nursery.start_soon(_send_later, send, bytes(sent), delay)

    def _strikes(self, share: float) -> bool:
        struck = self.random.random() < share
        self.struck += struck
        return struck


class Send(Protocol):
    """Sends a datagram to where it leads."""

    async def __call__(self, octets: bytes, /) -> object:
        """Send."""


def _to(source: socket.SocketType, address: Address) -> Send:
    async def send(octets: bytes, /) -> object:
        return await source.sendto(octets, address)

    return send


async def _send_later(send: Send, octets: bytes, delay_seconds: float) -> None:
    await trio.sleep(delay_seconds)
    with suppress(OSError):  # the socket may be closed by now, as the relay ends
        await send(octets)


async def _receive(source: socket.SocketType) -> tuple[bytes, Address]:
    """Wait for a datagram; that nobody listens at the other end is no error of the relay."""
    while True:
        with suppress(ConnectionRefusedError):
            octets, (host, port) = await source.recvfrom(_LARGEST)
            return octets, (host, port)
