"""What fetching and dallying share: moving datagrams between a socket and a receiver."""

from secd.net.clock import Clock
from secd.net.network import UDPSocket, Unreachable
from secd.tftp import Receiver


def send_due(socket: UDPSocket, receiver: Receiver) -> None:
    """Send what the receiver has to say."""
    for octets, address in receiver.datagrams_to_send():
        socket.send_to(octets, address)


async def take_one(socket: UDPSocket, receiver: Receiver, clock: Clock) -> None:
    """Wait for one datagram (or the kernel's word that none will come) and react to it."""
    try:
        octets, sender = await socket.receive()
    except Unreachable as error:
        receiver.peer_unreachable(error.address, error.reason, clock.monotonic())
    else:
        receiver.receive_datagram(octets, sender, clock.monotonic())
    send_due(socket, receiver)


def take_waiting(socket: UDPSocket, receiver: Receiver, clock: Clock) -> bool:
    """React to a datagram that is already there; return False when there is none."""
    try:
        datagram = socket.receive_nowait()
    except Unreachable as error:
        receiver.peer_unreachable(error.address, error.reason, clock.monotonic())
        return True
    if datagram is None:
        return False
    receiver.receive_datagram(*datagram, clock.monotonic())
    send_due(socket, receiver)
    return True
