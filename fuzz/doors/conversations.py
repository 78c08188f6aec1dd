"""Doors for TVS, both ends: messages, the client's and the server's side of a conversation."""

from contextlib import suppress

from fuzz.signing import identity
from secd.errors import RemoteProtocolViolation
from secd.tvs import QueryCertificate, TVSAnswer, TVSClientSession, TVSServerSession, wire_name
from secd.tvs.message import MessageBuffer, decode_message_untrusted
from secd.tvs.session import VerifyCertificate

_LIMIT_BYTES = 16 * 1024
_MOST_PIECES = 200  # of a stream; short ones come octet by octet


def tvs_message(octets: bytes) -> None:
    """Read one message: written back it is the same; from a stream it is the same as from one."""
    with suppress(RemoteProtocolViolation):
        assert decode_message_untrusted(octets).encode() == octets
    for limit in (_LIMIT_BYTES, 64):
        assert _buffered(limit, octets) == _buffered(limit, *_cut(octets))


def _buffered(limit: int, *pieces: bytes) -> tuple[list[bytes], bool]:
    """Return the messages of a stream and whether it stayed in order."""
    buffer = MessageBuffer(limit)
    messages: list[bytes] = []
    try:
        for piece in pieces:
            messages.extend(message.encode() for message in buffer.feed(piece))
    except RemoteProtocolViolation:
        # What stood whole before the violation came out piecewise, and did not come out at once.
        return [], False
    return messages, True


def _cut(octets: bytes) -> list[bytes]:
    size = 1 + len(octets) // _MOST_PIECES
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def tvs_client(octets: bytes) -> None:
    """Ask, and take an answer: an answer to a verification vouches for what was asked alone."""
    known = identity("CCM")
    for question in (
        QueryCertificate(known.subject, known.issuer, known.serial),
        VerifyCertificate(known.certificate),
    ):
        client = TVSClientSession(wire_name("8861", "SEP0011215A1AE3"))
        client.ask(question)
        try:
            answer = client.receive_octets(octets)
        except RemoteProtocolViolation as error:
            assert str(error).isprintable()
            continue
        if answer is None:
            continue
        assert isinstance(answer, TVSAnswer)
        assert 0 <= answer.lifetime_seconds < 1 << 32
        if answer.status == 0 and isinstance(question, VerifyCertificate):
            assert answer.certificate == known.certificate


def tvs_server(octets: bytes) -> None:
    """Take questions: each can be answered, and the client of such a question takes the answer."""
    server = TVSServerSession()
    try:
        requests = server.receive_octets(octets)
    except RemoteProtocolViolation as error:
        assert str(error).isprintable()
        return
    for request in requests:
        for answer in (TVSAnswer(1), TVSAnswer(0, b"certificate", frozenset({0, 3}), 60)):
            assert decode_message_untrusted(server.answer(request, answer))
