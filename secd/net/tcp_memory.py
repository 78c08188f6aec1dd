"""TCP inside the process: connections between a client and a listener, without faults.

Each direction is a channel of bounded length, so that a peer that does not read makes the sender
wait, as TCP does.
"""

from contextlib import suppress
from typing import Final, Self

import trio

from secd.net.network import Address, Unreachable

_PIECES: Final = 64  # that may be under way in one direction
_BACKLOG: Final = 128  # connections that a listener has not accepted yet


class MemoryTCPStream:
    """One end of a connection; see `secd.net.network.TCPStream`."""

    __slots__ = ("_receiving", "_rest", "_sending", "remote")

    def __init__(
        self,
        sending: trio.MemorySendChannel[bytes],
        receiving: trio.MemoryReceiveChannel[bytes],
        remote: Address,
    ) -> None:
        self._sending = sending
        self._receiving = receiving
        self._rest = b""
        self.remote = remote

    async def send_all(self, octets: bytes, /) -> None:
        """Send; see `secd.net.network.ByteStream`."""
        await self._sending.send(bytes(octets))

    async def receive_some(self, max_bytes: int, /) -> bytes:
        """Receive; see `secd.net.network.ByteStream`."""
        while not self._rest:
            try:
                self._rest = await self._receiving.receive()
            except trio.EndOfChannel:
                return b""
        octets, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return octets

    async def send_eof(self) -> None:
        """Send no more."""
        await self._sending.aclose()

    async def aclose(self) -> None:
        """Close; what the peer still sends finds nobody."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close without a checkpoint."""
        self._rest = b""
        self._sending.close()
        self._receiving.close()


def connected_pair(client: Address, server: Address) -> tuple[MemoryTCPStream, MemoryTCPStream]:
    """Return the two ends of a new connection, the client's first."""
    to_server, from_client = trio.open_memory_channel[bytes](_PIECES)
    to_client, from_server = trio.open_memory_channel[bytes](_PIECES)
    return (
        MemoryTCPStream(to_server, from_server, server),
        MemoryTCPStream(to_client, from_client, client),
    )


class MemoryTCPListener:
    """Accepts connections at an address until it is closed."""

    __slots__ = ("_incoming", "_waiting", "address", "closed")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.closed = False
        self._incoming, self._waiting = trio.open_memory_channel[MemoryTCPStream](_BACKLOG)

    async def connect(self, client: Address) -> MemoryTCPStream:
        """Return the client's end of a new connection (called by the network)."""
        near, far = connected_pair(client, self.address)
        try:
            await self._incoming.send(far)
        except BaseException as error:  # cancellation too: nobody else will close them
            near.close()
            far.close()
            if isinstance(error, trio.BrokenResourceError | trio.ClosedResourceError):
                raise Unreachable(self.address, "nobody listens on this port") from None
            raise
        return near

    async def accept(self) -> MemoryTCPStream:
        """Wait for the next connection. Raises trio.ClosedResourceError once closed."""
        return await self._waiting.receive()

    def close(self) -> None:
        """Listen no more; connections that nobody accepted are closed."""
        self.closed = True
        self._incoming.close()  # first: nobody may slip in while the queue is emptied
        with suppress(trio.EndOfChannel, trio.ClosedResourceError):
            while True:
                self._waiting.receive_nowait().close()
        self._waiting.close()

    def __enter__(self) -> Self:
        """Return the listener, which is closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
