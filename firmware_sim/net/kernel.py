"""Sockets of servers: bound to an address, where those of clients are not.

Transfers are bound to the host of the server itself, so that a phone which asks 127.0.0.2 is also
answered from there, and several nodes of a cluster can live on one machine.
"""

import ipaddress
import socket
from typing import Protocol

from secd.errors import UnusableInput
from secd.net.kernel import KernelUDPSocket
from secd.net.network import Address, UDPSocket

# What fits into the kernel's default buffer is some 256 requests; the rest of a storm of phones
# would be lost. The kernel grants less where its administrator said so (net.core.rmem_max).
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024


class ServerSocket(UDPSocket, Protocol):
    """A UDP socket that knows where it is bound."""

    @property
    def address(self) -> Address:
        """Host and port, numeric."""
        ...


class ServerNetwork(Protocol):
    """Whatever servers can be reached through; `secd.net.memory.MemoryNetwork` is one."""

    def bind(self, address: Address) -> ServerSocket:
        """Open a socket on this numeric host and port; port 0: any free one."""
        ...


class KernelServerSocket(KernelUDPSocket):
    """A bound socket of the kernel. Raises OSError when the address cannot be had."""

    __slots__ = ("address",)

    def __init__(self, family: socket.AddressFamily, address: Address) -> None:
        super().__init__(family, address)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            self._socket.bind(address)
        except OSError:
            self.close()
            raise
        self.address: Address = self._socket.getsockname()[:2]


class KernelServerNetwork:
    """Binds sockets of the kernel."""

    def bind(self, address: Address) -> KernelServerSocket:
        """Open a bound socket.

        Raises UnusableInput for a host that is no numeric address, OSError when the kernel
        refuses: the port is taken or below 1024, the address is not this machine's, or the
        process may open no more sockets.
        """
        try:
            version = ipaddress.ip_address(address[0]).version
        except ValueError:
            raise UnusableInput(f"{address[0]!a} is no IP address to listen on") from None
        return KernelServerSocket(socket.AF_INET if version == 4 else socket.AF_INET6, address)
