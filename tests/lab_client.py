"""A TFTP client written by hand, and a server to try it on: for the tests of the lab's server."""

import struct
from dataclasses import dataclass, field
from functools import partial

import trio

from firmware_sim.cluster import FileSource, NotFound
from firmware_sim.net.kernel import ServerNetwork, ServerSocket
from firmware_sim.net.tftp_server import DEFAULT_SETTINGS, TFTPServerSettings, serve_tftp
from firmware_sim.server_events import ServerEvent
from secd.errors import MalformedFile
from secd.net.network import Address

FILE = bytes(range(256)) * 20  # 5120 octets: ten blocks of 512, and an empty one


@dataclass
class Shelf:
    """A source with a few files."""

    files: dict[str, bytes] = field(default_factory=lambda: {"file": FILE})

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        assert requester
        if name == "cursed":
            raise MalformedFile("cannot be made")
        return self.files.get(name, NotFound(name))

    def served_name(self, name: str) -> str:
        return name.upper()


@dataclass
class Lab:
    """A running server and what it said."""

    network: ServerNetwork
    address: Address
    events: list[ServerEvent]
    sockets: list[ServerSocket] = field(default_factory=list)

    def client(self) -> "Client":
        """A new client; its socket is closed when the test's nursery ends."""
        self.sockets.append(self.network.bind((self.address[0], 0)))
        return Client(self.sockets[-1], self.address)

    async def close_sockets_at_the_end(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            for socket in self.sockets:
                socket.close()


class Client:
    """A TFTP client written by hand, packet by packet."""

    def __init__(self, socket: ServerSocket, server: Address) -> None:
        self.socket = socket
        self.server = server
        self.tid: Address | None = None

    def ask(self, name: bytes = b"file", mode: bytes = b"octet", options: bytes = b"") -> None:
        self.send(b"\0\x01" + name + b"\0" + mode + b"\0" + options)

    def send(self, octets: bytes, to: Address | None = None) -> None:
        self.socket.send_to(octets, to or self.server)

    def acknowledge(self, block: int) -> None:
        assert self.tid is not None
        self.send(struct.pack("!HH", 4, block & 0xFFFF), self.tid)

    async def packet(self) -> bytes:
        octets, sender = await self.socket.receive()
        self.tid = sender
        return octets

    async def expect_data(self, block: int) -> bytes:
        octets = await self.packet()
        assert octets[:4] == struct.pack("!HH", 3, block)
        return octets[4:]

    async def fetch(self, name: bytes = b"file") -> bytes:
        """Fetch a file in lock-step, asking again every two seconds while nothing comes."""
        file, block = b"", 1
        while True:
            if block == 1:
                self.ask(name)
            with trio.move_on_after(2):
                octets = await self.packet()
                if octets[:4] == struct.pack("!HH", 3, block):
                    file += octets[4:]
                    self.acknowledge(block)
                    block += 1
                    if len(octets) < 516:
                        return file
                elif octets[:4] == struct.pack("!HH", 3, block - 1):
                    self.acknowledge(block - 1)  # the first acknowledgement was lost


async def start_lab(
    nursery: trio.Nursery,
    network: ServerNetwork,
    source: FileSource,
    host: str = "127.0.0.1",
    settings: TFTPServerSettings = DEFAULT_SETTINGS,
) -> Lab:
    events: list[ServerEvent] = []
    serve = partial(serve_tftp, network, (host, 0), source, events.append, settings)
    address: Address = await nursery.start(serve)
    lab = Lab(network, address, events)
    nursery.start_soon(lab.close_sockets_at_the_end)
    return lab
