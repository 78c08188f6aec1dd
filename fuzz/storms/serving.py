"""The lab's TFTP server on loopback, in a thread, for phones in processes of their own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import trio

from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from fuzz.storms.site import Shelf


@contextmanager
def served(shelf: Shelf) -> Iterator[int]:
    """Serve while the block runs; the port."""
    told: SimpleQueue[tuple[int, trio.lowlevel.TrioToken, trio.CancelScope]] = SimpleQueue()

    async def serve() -> None:
        async with trio.open_nursery() as nursery:
            host = ("127.0.0.1", 0)
            _, port = await nursery.start(
                serve_tftp, KernelServerNetwork(), host, shelf, lambda _: None
            )
            told.put((port, trio.lowlevel.current_trio_token(), nursery.cancel_scope))

    thread = threading.Thread(target=trio.run, args=(serve,), daemon=True)
    thread.start()
    port, token, scope = told.get(timeout=10)
    try:
        yield port
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()
