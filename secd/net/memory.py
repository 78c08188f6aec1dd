"""A network inside the process: UDP and TCP, in trio's time, with faults of UDP on demand.

A product, not a test double: ten thousand phones boot in one process through it, and a lossy
network can be replayed from its seed. So it is cheap: no task, no event and no timer per
datagram; a receiver sleeps until its earliest datagram is due.

Decided here: what happens to a datagram. Datagrams to an address that nobody has bound come back
as Unreachable, as ICMP would report it; the report itself does not get lost.
"""

import errno
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, Self

import trio

from secd.net.network import Address, Unreachable
from secd.net.tcp_memory import MemoryTCPListener, MemoryTCPStream

_FIRST_EPHEMERAL_PORT: Final = 49152  # RFC 6335 section 6
_PORTS: Final = 65536


@dataclass(frozen=True, slots=True)
class Faults:
    """What the network does to datagrams; each fault strikes each datagram by itself.

    loss, duplication, corruption, reordering -- the share of datagrams, 0.0 to 1.0.
    A corrupted datagram has one octet changed (UDP's checksum is weak, and optional with IPv4).
    A reordered one is held back, so that later ones overtake it, by up to reordering_seconds.
    delay_seconds -- how long every datagram travels.
    """

    loss: float = 0.0
    duplication: float = 0.0
    corruption: float = 0.0
    reordering: float = 0.0
    delay_seconds: float = 0.0
    reordering_seconds: float = 0.0


NO_FAULTS: Final = Faults()


class MemoryNetwork:
    """Connects the sockets that it makes.

    random -- decides which datagrams suffer faults; with the same seed, the same ones do.
    names -- what `resolve` makes of names; any other text is a host of its own.
    """

    __slots__ = (
        "_clients",
        "_ephemeral_ports",
        "_faults",
        "_listeners",
        "_perfect",
        "_random",
        "_sequence",
        "_sockets",
        "names",
    )

    def __init__(self, random: Random, faults: Faults = NO_FAULTS) -> None:
        self.names: dict[str, str] = {}
        self._random = random
        self._faults = faults
        self._perfect = faults == NO_FAULTS
        self._sockets: dict[Address, MemoryUDPSocket] = {}
        self._listeners: dict[Address, MemoryTCPListener] = {}
        self._clients = _client_addresses()
        self._ephemeral_ports = _ephemeral_ports()
        self._sequence = 0

    async def resolve(self, remote: Address) -> Address:
        """Return the address of a name, the text itself where it is none."""
        await trio.lowlevel.checkpoint()
        host, port = remote
        return self.names.get(host, host), port

    async def open_udp(self, remote: Address) -> "MemoryUDPSocket":
        """Open a socket on an address of its own. Names are not resolved: any text is a host."""
        await trio.lowlevel.checkpoint()
        return MemoryUDPSocket(self, next(self._clients), remote)

    def bind(self, address: Address) -> "MemoryUDPSocket":
        """Open a server's socket; with port 0 on a free ephemeral port of its host.

        Raises ValueError when the address is taken (a caller's bug), OSError when the host has
        no free port left.
        """
        host, port = address
        bound = (host, port or self._free_port(host))
        if bound in self._sockets:
            raise ValueError(f"{host} port {bound[1]} is taken")
        return MemoryUDPSocket(self, bound, bound)

    async def open_tcp(self, remote: Address) -> MemoryTCPStream:
        """Connect to a listener; Unreachable where there is none. Any text is a host."""
        await trio.lowlevel.checkpoint()
        listener = self._listeners.get(remote)
        if listener is None or listener.closed:
            raise Unreachable(remote, "nobody listens on this port")
        return await listener.connect(next(self._clients))

    def listen(self, address: Address) -> MemoryTCPListener:
        """Accept connections; with port 0 on a free ephemeral port. Raises as `bind` does."""
        host, port = address
        bound = (host, port or self._free_port(host))
        former = self._listeners.get(bound)
        if former is not None and not former.closed:
            raise ValueError(f"{host} port {bound[1]} is taken")
        listener = self._listeners[bound] = MemoryTCPListener(bound)
        return listener

    def _free_port(self, host: str) -> int:
        """Return an ephemeral port, as late as possible one that was in use before."""
        for _ in range(_FIRST_EPHEMERAL_PORT, _PORTS):
            port = next(self._ephemeral_ports)
            if (host, port) not in self._sockets and (host, port) not in self._listeners:
                return port
        raise OSError(errno.EADDRINUSE, f"{host} has no free port")

    def attach(self, socket: "MemoryUDPSocket") -> None:
        """Let datagrams reach a socket (called by the socket)."""
        self._sockets[socket.address] = socket

    def detach(self, socket: "MemoryUDPSocket") -> None:
        """Let no more datagrams reach a socket (called by the socket)."""
        self._sockets.pop(socket.address, None)

    def carry(self, octets: bytes, sender: "MemoryUDPSocket", address: Address) -> None:
        """Take a datagram on its way (called by the socket)."""
        receiver = self._sockets.get(address)
        if receiver is None:
            sender.deliver(self._due(0.0), Unreachable(address, "nobody has bound this address"))
        elif self._perfect:
            receiver.deliver(self._due(0.0), (octets, sender.address))
        else:
            self._carry_with_faults(octets, sender.address, receiver)

    def _carry_with_faults(
        self, octets: bytes, sender: Address, receiver: "MemoryUDPSocket"
    ) -> None:
        faults = self._faults
        copies = 2 if self._strikes(faults.duplication) else 1
        for _ in range(copies):
            if self._strikes(faults.loss):
                continue
            delay = faults.delay_seconds
            if self._strikes(faults.reordering):
                delay += self._random.uniform(0.0, faults.reordering_seconds)
            sent = self._corrupted(octets) if self._strikes(faults.corruption) else octets
            receiver.deliver(self._due(delay), (sent, sender))

    def _strikes(self, share: float) -> bool:
        return share > 0.0 and self._random.random() < share

    def _corrupted(self, octets: bytes) -> bytes:
        changed = bytearray(octets)
        if changed:
            changed[self._random.randrange(len(changed))] ^= self._random.randrange(1, 256)
        return bytes(changed)

    def _due(self, delay_seconds: float) -> tuple[float, int]:
        self._sequence += 1  # keeps the order of datagrams that are due at the same time
        return trio.current_time() + delay_seconds, self._sequence


_Delivery = tuple[bytes, Address] | Unreachable


class MemoryUDPSocket:
    """See `secd.net.network.UDPSocket`. address -- where the socket is bound."""

    __slots__ = ("_inbox", "_network", "_task", "address", "remote")

    def __init__(self, network: MemoryNetwork, address: Address, remote: Address) -> None:
        self.address = address
        self.remote = remote
        self._network = network
        self._inbox: list[tuple[tuple[float, int], _Delivery]] = []  # a heap, by time
        self._task: trio.lowlevel.Task | None = None  # who waits
        network.attach(self)

    def send_to(self, octets: bytes, address: Address) -> None:
        """Send one datagram; see `secd.net.network.UDPSocket`."""
        self._network.carry(octets, self, address)

    def deliver(self, due: tuple[float, int], delivery: _Delivery) -> None:
        """Put something into the inbox, to be seen when it is due (called by the network)."""
        heapq.heappush(self._inbox, (due, delivery))
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    async def receive(self) -> tuple[bytes, Address]:
        """Wait for one datagram; see `secd.net.network.UDPSocket`."""
        if self._is_due():
            await trio.lowlevel.checkpoint()
        while not self._is_due():
            await self._wait()
        return self._pop()

    def receive_nowait(self) -> tuple[bytes, Address] | None:
        """Return a datagram that is there; see `secd.net.network.UDPSocket`."""
        return self._pop() if self._is_due() else None

    def _pop(self) -> tuple[bytes, Address]:
        _, delivery = heapq.heappop(self._inbox)
        if isinstance(delivery, Unreachable):
            raise delivery
        return delivery

    def _is_due(self) -> bool:
        return bool(self._inbox) and self._inbox[0][0][0] <= trio.current_time()

    async def _wait(self) -> None:
        """Sleep until something new is delivered or the earliest datagram is due."""
        if self._task is not None:
            raise trio.BusyResourceError("another task already waits on this socket")
        if not self._inbox:
            await self._park()
            return
        with trio.move_on_at(self._inbox[0][0][0]):
            await self._park()

    async def _park(self) -> None:
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def close(self) -> None:
        """Close the socket; see `secd.net.network.UDPSocket`."""
        self._network.detach(self)

    def __enter__(self) -> Self:
        """Return the socket, which is closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ephemeral_ports() -> Iterator[int]:
    """Yield port after port for ever. Not `itertools.cycle`, which remembers all it gave."""
    while True:
        yield from range(_FIRST_EPHEMERAL_PORT, _PORTS)


def _client_addresses() -> Iterator[Address]:
    """Yield addresses that were never used before: host by host, port by port."""
    for number in range(1, 1 << 24):
        host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        for port in range(_FIRST_EPHEMERAL_PORT, _PORTS):
            yield host, port
