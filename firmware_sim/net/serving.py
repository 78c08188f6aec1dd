"""One TCP listener, one task for each connection, and a limit of connections.

At the limit no further ones are accepted; they wait in the kernel's queue.
"""

from collections.abc import Awaitable, Callable

import trio

from firmware_sim.net.tcp import TCPListener, TCPServerNetwork
from secd.errors import UnusableInput
from secd.net.network import Address, TCPStream

_PAUSE_SECONDS = 0.1

Connection = Callable[[TCPStream], Awaitable[None]]


async def serve_connections(
    network: TCPServerNetwork,
    address: Address,
    connection_limit: int,
    connection: Connection,
    task_status: trio.TaskStatus[Address],
) -> None:
    """Serve until cancelled; reports the address bound as started.

    connection -- gets each accepted stream, owns and closes it; what it raises ends the server.
    connection_limit -- how many there are at once; each needs a descriptor.
    Raises UnusableInput when the server cannot listen on `address`.
    """
    try:
        listener = network.listen(address)
    except OSError as error:
        raise UnusableInput(
            f"cannot listen on {address[0]} port {address[1]}: {error.strerror}"
        ) from None
    slots = trio.Semaphore(connection_limit)

    async def serve(stream: TCPStream) -> None:
        try:
            await connection(stream)
        finally:
            slots.release()

    with listener:
        async with trio.open_nursery() as nursery:
            task_status.started(listener.address)
            while True:
                await slots.acquire()
                nursery.start_soon(serve, await _next_stream(listener))


async def _next_stream(listener: TCPListener) -> TCPStream:
    while True:
        try:
            return await listener.accept()
        except OSError:  # out of descriptors or memory: some connection will end
            await trio.sleep(_PAUSE_SECONDS)
