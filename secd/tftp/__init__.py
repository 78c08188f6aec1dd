"""TFTP as a phone speaks it: receives files, without sockets and without a clock.

RFC 1350, 2347 (options), 2348 (block size), 2349 (timeout, transfer size), 7440 (window size).
"""

from secd.tftp.packets import (
    Acknowledgement,
    Data,
    ErrorCode,
    ErrorPacket,
    OptionAcknowledgement,
    Packet,
    ReadRequest,
    decode_packet_untrusted,
)
from secd.tftp.receiver import Peer, Receiver
from secd.tftp.transitions import TRANSITIONS, Action, Arrival, State, Step
from secd.transfer import Failed, Received

__all__ = [
    "TRANSITIONS",
    "Acknowledgement",
    "Action",
    "Arrival",
    "Data",
    "ErrorCode",
    "ErrorPacket",
    "Failed",
    "OptionAcknowledgement",
    "Packet",
    "Peer",
    "ReadRequest",
    "Received",
    "Receiver",
    "State",
    "Step",
    "decode_packet_untrusted",
]
