"""The real network: sockets of the kernel, names resolved by the system.

Linux tells an unconnected UDP socket about ICMP errors only on request (IP_RECVERR, ip(7)). With
it a phone whose server is down knows at once; without it it would wait out its retransmissions.
The socket stays unconnected because a TFTP server answers from another port (RFC 1350 section 4).
"""

import contextlib
import errno
import socket
import struct
from typing import Final, Self

import trio

from secd.net.network import Address, Unreachable
from secd.net.tcp import KernelTCPStream, connect_tcp
from secd.net.unreachable import unreachable_reason
from secd.words import TransferFailure

# Missing in Python's socket module: <linux/in.h>, <linux/in6.h>.
IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
_ERROR_QUEUE_OPTION: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, IP_RECVERR),
    socket.AF_INET6: (socket.IPPROTO_IPV6, IPV6_RECVERR),
}

_LARGEST_DATAGRAM_BYTES: Final = 65536
_CONTROL_BYTES: Final = 512
# struct sock_extended_err, <linux/errqueue.h>: errno, 4; origin, type, code, padding, 1 each;
# info, 4; data, 4; native byte order. Only the first field is read.
_ERRNO: Final = struct.Struct("=I")


class KernelNetwork:
    """Opens sockets of the kernel."""

    async def resolve(self, remote: Address) -> Address:
        """Return the first address that the system's resolver returns. Raises Unreachable."""
        _, address = await _resolve(remote, socket.SOCK_STREAM)
        return address

    async def open_udp(self, remote: Address) -> "KernelUDPSocket":
        """Open a socket of the family that reaches `remote`, whose host may be a name.

        The first address that the system's resolver returns counts. Raises Unreachable when
        there is none, OSError when this process may open no more sockets.
        """
        family, address = await _resolve(remote, socket.SOCK_DGRAM)
        return KernelUDPSocket(family, address)

    async def open_tcp(self, remote: Address) -> KernelTCPStream:
        """Connect to `remote`; the first address that the resolver returns counts.

        Raises Unreachable and OSError as `secd.net.network.Network` says.
        """
        family, address = await _resolve(remote, socket.SOCK_STREAM)
        return await connect_tcp(family, address)


async def _resolve(remote: Address, kind: int) -> tuple[socket.AddressFamily, Address]:
    host, port = remote
    try:
        found = await trio.socket.getaddrinfo(host, port, type=kind)
    except OSError as error:  # gaierror: the resolver's own text, such as "Name … not known"
        silent = error.errno == socket.EAI_AGAIN
        failure = TransferFailure.NAME_TIMEOUT if silent else TransferFailure.NAME_UNKNOWN
        raise Unreachable(remote, f"cannot resolve: {error.strerror}", failure) from error
    except ValueError as error:  # a NUL inside, or what IDNA cannot express
        failure = TransferFailure.NAME_UNKNOWN
        raise Unreachable(remote, "cannot resolve: not a host name", failure) from error
    family, _, _, _, resolved = found[0]
    return family, (str(resolved[0]), port)


class KernelUDPSocket:
    """See `secd.net.network.UDPSocket`."""

    __slots__ = ("_refusals", "_socket", "remote")

    def __init__(self, family: socket.AddressFamily, remote: Address) -> None:
        self.remote = remote
        self._refusals: list[Unreachable] = []
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(*_ERROR_QUEUE_OPTION[family], 1)

    def send_to(self, octets: bytes, address: Address) -> None:
        """Send one datagram; see `secd.net.network.UDPSocket`."""
        try:
            self._send(octets, address)
        except OSError:
            # Perhaps the report of an earlier datagram, which then was not about this one.
            self._collect_refusals()
            self._send_or_record(octets, address)

    def _send_or_record(self, octets: bytes, address: Address) -> None:
        try:
            self._send(octets, address)
        except OSError as error:
            self._refusals.append(Unreachable(address, unreachable_reason(error.errno)))

    def _send(self, octets: bytes, address: Address) -> None:
        # A full send buffer loses the datagram, as any other part of the network may.
        with contextlib.suppress(BlockingIOError):
            self._socket.sendto(octets, address)

    async def receive(self) -> tuple[bytes, Address]:
        """Wait for one datagram; see `secd.net.network.UDPSocket`."""
        if self._refusals:
            raise self._refusals.pop(0)
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            datagram = self.receive_nowait()
            if datagram is not None:
                return datagram

    def receive_nowait(self) -> tuple[bytes, Address] | None:
        """Return a datagram that is there; see `secd.net.network.UDPSocket`."""
        try:
            octets, sender = self._socket.recvfrom(_LARGEST_DATAGRAM_BYTES)
        except OSError:
            # An error is reported, or the socket was woken for one (or a bad checksum) only.
            self._collect_refusals()
        else:
            return octets, sender[:2]
        if self._refusals:
            raise self._refusals.pop(0)
        return None

    def _collect_refusals(self) -> None:
        """Empty the socket's error queue; while it holds anything, the socket counts as readable.

        The queue tells whom each error is about; the plain error of a system call does not.
        """
        while True:
            try:
                _, ancillary, _, address = self._socket.recvmsg(
                    0, _CONTROL_BYTES, socket.MSG_ERRQUEUE
                )
            except BlockingIOError:
                return
            for _, _, extended in ancillary:
                (number,) = _ERRNO.unpack_from(extended)
                if number != errno.EMSGSIZE:  # news about the path's MTU, not about the peer
                    self._refusals.append(Unreachable(address[:2], unreachable_reason(number)))

    def close(self) -> None:
        """Close the socket; see `secd.net.network.UDPSocket`."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Return the socket, which is closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
