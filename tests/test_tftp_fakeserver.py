"""A small TFTP server for the tests, written from the RFCs without a line of `secd.tftp`.

Its packets are built with struct, so that the client's codec meets somebody else's. It can be
told to misbehave as real servers do.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import trio

from secd.net.memory import MemoryNetwork
from secd.net.network import Address, UDPSocket, Unreachable


@dataclass
class FakeServer:
    """Serves `files` on `listener`; each transfer on a socket from `open_socket`.

    obey_options -- False: a server older than RFC 2347. sorcerer -- repeats a block for a
    repeated acknowledgement, which RFC 1123 forbids. completed, given_up -- file names.
    """

    listener: UDPSocket
    open_socket: Callable[[], UDPSocket]
    files: dict[str, bytes]
    obey_options: bool = True
    sorcerer: bool = False
    timeout_seconds: float = 1.0
    attempts: int = 40
    requests: list[bytes] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    blocks_sent: int = 0

    async def serve(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    octets, client = await self.listener.receive()
                except Unreachable:
                    continue
                self.requests.append(octets)
                nursery.start_soon(self._answer, octets, client)

    async def _answer(self, octets: bytes, client: Address) -> None:
        fields = octets[2:].split(b"\0")
        name = fields[0].decode("ascii", "replace")
        with self.open_socket() as socket:
            if octets[:2] != b"\0\1" or name not in self.files:
                socket.send_to(struct.pack(">HH", 5, 1) + b"File not found\0", client)
                return
            transfer = Transfer(self, socket, client, self.files[name])
            try:
                options = dict(zip(fields[2:-1:2], fields[3:-1:2], strict=True))
                accepted = transfer.accept(options if self.obey_options else {})
            except ValueError:
                socket.send_to(struct.pack(">HH", 5, 8) + b"Bad options\0", client)
                return
            done = await transfer.run(accepted)
        (self.completed if done else self.given_up).append(name)


@dataclass
class Transfer:
    """One file to one client: go-back-N with the window of RFC 7440."""

    server: FakeServer
    socket: UDPSocket
    client: Address
    octets: bytes
    block_bytes: int = 512
    window: int = 1

    def accept(self, options: dict[bytes, bytes]) -> bytes:
        """Go by the options and return what an OACK says; ValueError for what makes no sense."""
        accepted = b""
        for name, value in options.items():
            if name == b"blksize":
                self.block_bytes = max(8, int(value))
            elif name == b"windowsize":
                self.window = max(1, int(value))
            elif name == b"tsize":
                value = b"%d" % len(self.octets)
            accepted += name + b"\0" + value + b"\0"
        return accepted

    async def run(self, accepted: bytes) -> bool:
        if accepted and not await self._exchange([struct.pack(">H", 6) + accepted], 0):
            return False
        return await self._send_blocks()

    async def _send_blocks(self) -> bool:
        total = len(self.octets) // self.block_bytes + 1
        done = 0
        while done < total:
            numbers = range(done + 1, min(done + self.window, total) + 1)
            self.server.blocks_sent += len(numbers)
            taken = await self._exchange([self._block(n) for n in numbers], done + 1)
            if not taken:
                return False
            done += taken
        return True

    def _block(self, number: int) -> bytes:
        start = (number - 1) * self.block_bytes
        payload = self.octets[start : start + self.block_bytes]
        return struct.pack(">HH", 3, number & 0xFFFF) + payload

    async def _exchange(self, datagrams: list[bytes], first: int) -> int:
        """Send until one of `datagrams` is acknowledged; return how many are, 0 on giving up."""
        for _ in range(self.server.attempts):
            self._send(datagrams)
            with trio.move_on_after(self.server.timeout_seconds):
                taken = await self._acknowledged(datagrams, first)
                if taken is not None:
                    return taken
        return 0

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self.socket.send_to(datagram, self.client)

    async def _acknowledged(self, datagrams: list[bytes], first: int) -> int | None:
        while True:
            try:
                octets, peer = await self.socket.receive()
            except Unreachable:
                return 0
            if peer != self.client or len(octets) < 4:
                continue
            opcode = int.from_bytes(octets[:2], "big")
            number = int.from_bytes(octets[2:4], "big")
            if opcode == 5:
                return 0
            taken = ((number - first) & 0xFFFF) + 1
            if opcode == 4 and taken <= len(datagrams):
                return taken
            previous = opcode == 4 and number == (first - 1) & 0xFFFF
            if previous and self.server.sorcerer and self.window == 1:
                self.server.blocks_sent += 1
                self._send(datagrams)
            elif previous and self.window > 1:
                return None  # a gap at the start of the window: send it again


async def test_the_fake_server_builds_blocks_as_the_rfc_shows_them() -> None:
    network = MemoryNetwork(Random(0))
    socket = network.bind(("192.0.2.1", 69))
    server = FakeServer(socket, lambda: socket, {})
    transfer = Transfer(server, socket, ("192.0.2.2", 1), b"abcdefgh!", block_bytes=8)
    assert transfer._block(1) == b"\0\3\0\1abcdefgh"
    assert transfer._block(2) == b"\0\3\0\2!"
