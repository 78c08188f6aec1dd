"""Lets a finished transfer dally without making its caller wait (RFC 1350 section 6).

A lost last acknowledgement harms only the server, which repeats its last block to nobody. So the
caller gets its file at once, and the sockets of finished transfers wait here. One task of trio's
system nursery visits them all a few times a second: a repeated block is answered a moment later
than it could be, and in return a boot pays no task and no timer for its courtesy. (A task each
cost 75 of 350 µs of a fetch.) Nothing outlives the run of trio, no file is held, and the sockets
are bounded in number: beyond DALLY_LIMIT the oldest is closed early, for it has had most of its
chance.
"""

from collections import deque
from typing import Final

import trio

from secd.net.clock import Clock
from secd.net.network import UDPSocket
from secd.net.tftp_pump import take_waiting
from secd.tftp import Receiver

# Descriptors are the first wall for many phones in one process: 1,024 by default.
DALLY_LIMIT: Final = 256
VISIT_SECONDS: Final = 0.25  # servers repeat a block after 1 s or more
_DATAGRAMS_PER_VISIT: Final = 16

_Dallying = deque[tuple[UDPSocket, Receiver, Clock]]  # oldest first
_DALLYING: Final[trio.lowlevel.RunVar[_Dallying]] = trio.lowlevel.RunVar("secd.net.tftp_dally")


def dallying_count() -> int:
    """Return how many transfers of this run of trio dally now."""
    return len(_of_this_run())


def dally_in_background(socket: UDPSocket, receiver: Receiver, clock: Clock) -> None:
    """Take over `socket` and close it once `receiver` has nothing left to do.

    The receiver's result must have been released. Never raises.
    """
    dallying = _of_this_run()
    if not dallying:
        trio.lowlevel.spawn_system_task(_visit_all, dallying)
    if len(dallying) >= DALLY_LIMIT:
        oldest, _, _ = dallying.popleft()
        oldest.close()
    dallying.append((socket, receiver, clock))


def _of_this_run() -> _Dallying:
    try:
        return _DALLYING.get()
    except LookupError:
        _DALLYING.set(deque())
        return _DALLYING.get()


async def _visit_all(dallying: _Dallying) -> None:
    """Visit until nobody dallies any more; there is one such task while somebody does."""
    try:
        while dallying:
            await trio.sleep(VISIT_SECONDS)
            for _ in range(len(dallying)):
                socket, receiver, clock = dallying.popleft()
                if _still_dallies(socket, receiver, clock):
                    dallying.append((socket, receiver, clock))
                else:
                    socket.close()
    finally:
        while dallying:
            dallying.pop()[0].close()


def _still_dallies(socket: UDPSocket, receiver: Receiver, clock: Clock) -> bool:
    for _ in range(_DATAGRAMS_PER_VISIT):
        if not take_waiting(socket, receiver, clock):
            break
    receiver.timer_fired(clock.monotonic())
    return receiver.timer() is not None
