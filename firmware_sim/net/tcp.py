"""The listening side of TCP: what servers need of a network, and the kernel's.

`secd.net.memory.MemoryNetwork` is the other one.
"""

import ipaddress
import socket
from typing import Final, Protocol, Self

import trio

from secd.errors import UnusableInput
from secd.net.network import Address, TCPStream
from secd.net.tcp import KernelTCPStream

_BACKLOG: Final = 512  # connections that the kernel keeps until they are accepted


class TCPListener(Protocol):
    """Accepts connections. address -- numeric, with the port that was bound."""

    @property
    def address(self) -> Address:
        """Host and port, numeric."""
        ...

    async def accept(self) -> TCPStream:
        """Wait for a connection.

        Raises OSError when this process may open no more sockets, or the connection was gone
        before it was accepted; the next call may do better.
        """
        ...

    def close(self) -> None:
        """Listen no more; twice is fine."""
        ...

    def __enter__(self) -> Self:
        """Return the listener, which is closed when the block ends."""
        ...

    def __exit__(self, *_: object) -> None: ...


class TCPServerNetwork(Protocol):
    """Whatever servers can be connected to through."""

    def listen(self, address: Address) -> TCPListener:
        """Listen on this numeric host and port; port 0: any free one.

        Raises UnusableInput for a host that is no numeric address, OSError when the kernel
        refuses.
        """
        ...


class KernelTCPServerNetwork:
    """Listens with sockets of the kernel."""

    def listen(self, address: Address) -> "KernelTCPListener":
        """Listen; see `TCPServerNetwork`."""
        try:
            version = ipaddress.ip_address(address[0]).version
        except ValueError:
            raise UnusableInput(f"{address[0]!a} is no IP address to listen on") from None
        return KernelTCPListener(socket.AF_INET if version == 4 else socket.AF_INET6, address)


class KernelTCPListener:
    """See `TCPListener`. Raises OSError when the address cannot be had."""

    __slots__ = ("_socket", "address")

    def __init__(self, family: socket.AddressFamily, address: Address) -> None:
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        self.address: Address = listening.getsockname()[:2]
        self._socket = trio.socket.from_stdlib_socket(listening)

    async def accept(self) -> KernelTCPStream:
        """Wait for a connection; see `TCPListener`."""
        accepted, peer = await self._socket.accept()
        return KernelTCPStream(accepted, peer[:2])

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Return the listener, which is closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
