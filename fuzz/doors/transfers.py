"""Doors for transfers, both ends: TFTP packets and whole transfers, HTTP answers and requests."""

from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

from firmware_sim.cluster.files import NotFound
from firmware_sim.net.http_messages import FileRequest, Refusal, RequestReader
from firmware_sim.net.tftp_packets import decode_untrusted
from firmware_sim.tree import Tree
from secd.errors import RemoteProtocolViolation
from secd.http import Get
from secd.models import TFTPOptions
from secd.tftp import Receiver, State
from secd.tftp.packets import (
    REQUEST_LIMIT_BYTES,
    TEXT_LIMIT_BYTES,
    ErrorPacket,
    ReadRequest,
    decode_packet_untrusted,
)
from secd.transfer import Failed, Received

LIMIT_BYTES = 1500
_MOST_PIECES = 100  # of an answer; short ones come octet by octet
_SERVER = ("192.0.2.1", 69)
_SENDERS = (("192.0.2.1", 4000), ("192.0.2.1", 4001), ("192.0.2.9", 4000), _SERVER)
_OPTIONS = (
    TFTPOptions(0, 0, False, 0, 0.5, 3),
    TFTPOptions(512, 0, True, 1, 0.5, 3),
    TFTPOptions(16, 4, True, 0, 0.5, 3),
    TFTPOptions(8, 65535, False, 0, 0.5, 0),
)
_EMPTY = Tree(Path(gettempdir()) / "secd-fuzz-no-such-tree")


def tftp_packet(octets: bytes) -> None:
    """Read as the phone and as the lab's server do; what the phone reads keeps its meaning."""
    with suppress(RemoteProtocolViolation):
        decode_untrusted(octets)
    try:
        packet = decode_packet_untrusted(octets)
    except RemoteProtocolViolation as error:
        assert str(error).isprintable()
        return
    if isinstance(packet, ReadRequest) and len(octets) > REQUEST_LIMIT_BYTES:
        return  # read, and never written: only the lab's server gets requests
    written = packet.encode()
    if isinstance(packet, ErrorPacket):
        # Escaped, a text may be longer than what is read of one.
        assert packet.text.isascii()
        assert packet.text.isprintable()
        shown = decode_packet_untrusted(written)
        assert shown == ErrorPacket(packet.code, packet.text[:TEXT_LIMIT_BYTES])
    elif len(written) > 3:
        assert decode_packet_untrusted(written) == packet


def tftp_transfer(octets: bytes) -> None:
    """Receive a file by a script, which the octets are.

    The first octet chooses the options. Then follow steps: one octet for what happens (bits 0-1
    the sender, 2-3: datagram, datagram, timer, unreachable; 4-7 sixteenths of a second that
    pass), and for a datagram one for its length and its octets.
    """
    if not octets:
        return
    now = 0.0
    receiver = Receiver(_SERVER, "f", _OPTIONS[octets[0] % 4], LIMIT_BYTES, now)
    assert len(receiver.datagrams_to_send()) == 1
    at = 1
    result = None
    while at < len(octets):
        step, at = octets[at], at + 1
        now += (step >> 4) / 16
        sender = _SENDERS[step & 3]
        match step >> 2 & 3:
            case 0 | 1:
                length = octets[at] if at < len(octets) else 0
                receiver.receive_datagram(octets[at + 1 : at + 1 + length], sender, now)
                at += 1 + length
            case 2:
                now = max(now, receiver.timer() or now)
                receiver.timer_fired(now)
            case _:
                receiver.peer_unreachable(sender, "nobody", now)
        _assert_polite(receiver, sender)
        result = _assert_final(receiver, result)


def _assert_polite(receiver: Receiver, sender: tuple[str, int]) -> None:
    """No datagram leads to more than one, and a stranger gets at most an error."""
    sent = receiver.datagrams_to_send()
    assert len(sent) <= 1
    for datagram, peer in sent:
        assert peer[0] == _SERVER[0] or datagram[:2] == b"\0\5", (peer, sender)
        assert len(datagram) <= 512


def _assert_final(receiver: Receiver, before: Received | Failed | None) -> Received | Failed | None:
    """A result stays what it is; a file is within its limit; an end has no timer."""
    result = receiver.result
    assert before is None or result == before
    assert (result is None) == (receiver.state not in (State.DALLY, State.ENDED))
    if isinstance(result, Received):
        assert len(result.octets) <= LIMIT_BYTES
    assert receiver.state is not State.ENDED or receiver.timer() is None
    return result


def http_response(octets: bytes) -> None:
    """Take an answer whole, in two pieces, and in many small ones: it ends the same way."""
    if not octets:
        return
    cut = 1 + octets[0] * len(octets) // 256
    answer = octets[1:]
    whole = _get(answer)
    _assert_same_end(whole, _get(answer[:cut], answer[cut:]))
    size = 1 + len(answer) // _MOST_PIECES
    _assert_same_end(whole, _get(*(answer[at : at + size] for at in range(0, len(answer), size))))
    if isinstance(whole, Failed):
        assert whole.text.isprintable()
    else:
        assert len(whole.octets) <= LIMIT_BYTES


def _assert_same_end(one: Received | Failed, other: Received | Failed) -> None:
    """The text of a failure may differ: it shows as much of what is wrong as had arrived."""
    if isinstance(one, Failed) and isinstance(other, Failed):
        assert (one.failure, one.code) == (other.failure, other.code)
    else:
        assert one == other


def _get(*pieces: bytes) -> Received | Failed:
    get = Get("192.0.2.1", 6970, "f", "agent", LIMIT_BYTES)
    for piece in pieces:
        if piece:
            get.receive_octets(piece)
    get.receive_octets(b"")
    assert get.result is not None
    if get.response is not None:
        assert all(line.isprintable() for line in get.response.lines)
    return get.result


def http_request(octets: bytes) -> None:
    """Take a request as the lab's server does; the name leads to nothing outside of its tree."""
    if not octets:
        return
    read = RequestReader().receive_octets(octets)
    assert read is None or isinstance(read, FileRequest | Refusal)
    if isinstance(read, FileRequest):
        assert isinstance(_EMPTY.answer("", read.file_name), NotFound)
