"""TCP of the kernel: connections as `secd.net.network` wants them.

What goes wrong while connecting is `Unreachable`, as with UDP; that there is no socket to be had
stays an OSError. Nagle's algorithm is off, because messages here are written
whole.
"""

import socket

import trio

from secd.net.network import Address, Unreachable
from secd.net.unreachable import unreachable_reason


class KernelTCPStream:
    """A connected socket; see `secd.net.network.TCPStream`. number -- its descriptor."""

    __slots__ = ("_stream", "number", "remote")

    def __init__(self, connected: trio.socket.SocketType, remote: Address) -> None:
        self._stream = trio.SocketStream(connected)  # turns Nagle's algorithm off
        self.number = connected.fileno()
        self.remote = remote

    async def send_all(self, octets: bytes, /) -> None:
        """Send; see `secd.net.network.ByteStream`."""
        await self._stream.send_all(octets)

    async def receive_some(self, max_bytes: int, /) -> bytes:
        """Receive; see `secd.net.network.ByteStream`."""
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_eof(self) -> None:
        """Send no more."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()


async def connect_tcp(family: socket.AddressFamily, address: Address) -> KernelTCPStream:
    """Connect to a numeric address. Raises Unreachable, OSError when no socket is to be had."""
    connecting = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await connecting.connect(address)
        return KernelTCPStream(connecting, address)
    except OSError as error:
        connecting.close()
        reason = unreachable_reason(error.errno, "no connection")
        raise Unreachable(address, reason) from None
    except BaseException:  # cancellation too: nobody else will close it
        connecting.close()
        raise
