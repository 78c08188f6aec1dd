"""Runs one transfer: pumps a `tftp_sender.Sender` over the transfer's own socket.

Decided here: when a client counts as gone. It is when it sends an error, when the network says
that nobody is there, or when it stays silent through all retransmissions in a row.
"""

from dataclasses import dataclass

import trio

from firmware_sim.net.kernel import ServerSocket
from firmware_sim.net.tftp_packets import (
    UNKNOWN_TRANSFER,
    Acknowledgement,
    ClientError,
    decode_untrusted,
    encode_error,
)
from firmware_sim.net.tftp_sender import Sender
from secd.errors import RemoteProtocolViolation
from secd.net.network import Address, Unreachable


@dataclass(slots=True)
class Transfer:
    """One transfer.

    number -- of the request that began it. name -- the file as requested.
    seconds -- how long a silence is before the window goes out again.
    """

    socket: ServerSocket
    peer: Address
    number: int
    name: str
    sender: Sender
    seconds: float

    async def run(self, retransmissions: int) -> bool:
        """Send the file; False when the client is gone before it has it all."""
        silences = 0
        while silences <= retransmissions:
            self._send_window()
            before = self.sender.acknowledged
            with trio.move_on_after(self.seconds) as silence:
                return await self._send_file(silence)
            silences = silences + 1 if self.sender.acknowledged == before else 1
        return False

    async def _send_file(self, silence: trio.CancelScope) -> bool:
        """Answer acknowledgements until the end; each one that asks for more moves the deadline."""
        while not self.sender.done:
            block = await self._next_acknowledgement()
            if block is None:
                return False
            if self.sender.receive_acknowledgement(block):
                silence.deadline = trio.current_time() + self.seconds
                self._send_window()
        return True

    async def _next_acknowledgement(self) -> int | None:
        """Wait for the client's next one; None: it is gone."""
        while True:
            try:
                octets, peer = await self.socket.receive()
                if peer != self.peer:
                    self._tell_stranger(peer)
                    continue
                packet = decode_untrusted(octets)
            except RemoteProtocolViolation:
                continue
            except Unreachable as error:
                if error.address == self.peer:
                    return None
                continue
            if isinstance(packet, ClientError):
                return None
            if isinstance(packet, Acknowledgement):
                return packet.block

    def _tell_stranger(self, peer: Address) -> None:
        """RFC 1350 section 4: an error to who sent it, and no disturbance of the transfer."""
        self.socket.send_to(encode_error(UNKNOWN_TRANSFER, "Unknown transfer ID"), peer)

    def _send_window(self) -> None:
        for octets in self.sender.window():
            self.socket.send_to(octets, self.peer)
