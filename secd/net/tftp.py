"""Fetches a file by TFTP: pumps a `secd.tftp.Receiver` over a socket.

Decided here: nothing about the protocol; only when the caller gets the result, which is at once,
while the end of the conversation goes on in the background (`secd.net.tftp_dally`).
"""

from collections.abc import Callable

import trio

from secd.models import TFTPOptions
from secd.net.clock import Clock
from secd.net.network import AddressBook, Network, UDPSocket, Unreachable
from secd.net.tftp_dally import dally_in_background
from secd.net.tftp_pump import send_due, take_one
from secd.tftp import Failed, Received, Receiver


async def fetch_tftp(
    network: Network,
    clock: Clock,
    book: AddressBook,
    server: str,
    port: int,
    file_name: str,
    options: TFTPOptions,
    size_limit_bytes: int,
    on_retransmit: Callable[[int], None],
) -> Received | Failed:
    """Fetch one file.

    server, port -- the logical address; `book` says where that is. size_limit_bytes -- a larger
    file is refused. on_retransmit -- called after each retransmission with how many there were
    in a row, from 1.

    Never raises because of what the network does. Raises UnusableInput when TFTP cannot ask for
    such a name, OSError when this process may open no more sockets.
    """
    try:
        socket = await network.open_udp(book.actual(server, port))
    except Unreachable as error:
        return Failed(error.failure, 0, error.reason)
    try:
        now = clock.monotonic()
        receiver = Receiver(socket.remote, file_name, options, size_limit_bytes, now)
        result = await _pump(socket, receiver, clock, on_retransmit)
    except BaseException:  # cancellation too: nobody else will close it
        socket.close()
        raise
    if receiver.timer() is None:
        socket.close()
    else:
        dally_in_background(socket, receiver, clock)
    return result


async def _pump(
    socket: UDPSocket, receiver: Receiver, clock: Clock, on_retransmit: Callable[[int], None]
) -> Received | Failed:
    send_due(socket, receiver)
    while (result := receiver.release_result()) is None:
        # One scope per wait for the timer, not per datagram: progress moves the timer, then the
        # scope ends too early and `timer_fired` does nothing.
        with trio.move_on_after(_seconds_to_timer(receiver, clock)):
            while receiver.result is None:
                await take_one(socket, receiver, clock)
        before = receiver.retransmissions
        receiver.timer_fired(clock.monotonic())
        send_due(socket, receiver)
        if receiver.retransmissions > before:
            on_retransmit(receiver.retransmissions)
    return result


def _seconds_to_timer(receiver: Receiver, clock: Clock) -> float:
    """Return how long to wait for datagrams, in seconds; 0 when the timer is due or off."""
    deadline = receiver.timer()
    return 0.0 if deadline is None else max(0.0, deadline - clock.monotonic())
