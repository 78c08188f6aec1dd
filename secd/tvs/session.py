"""Conversations with TVS, both ends, without I/O: questions and answers as values.

A client may ask several questions on one connection, one after the other; ids count up from 1001,
as those of real phones do (213407). A server answers each question it understands; what it does
not understand ends the conversation without an answer, as with the open tvsd. How CUCM says "not
found" to a query is not public: here it is status 1 alone, as to a verification.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from secd.errors import RemoteProtocolViolation, UnusableInput
from secd.tvs.message import Message, MessageBuffer, MessageType, Tag

FIRST_REQUEST_ID = 1001
FOUND, NOT_FOUND = 0, 1
_REQUEST_LIMIT_BYTES = 16 * 1024
_ANSWER_LIMIT_BYTES = 16 * 1024  # a certificate of RSA 4096 has about 2 KB


@dataclass(frozen=True, slots=True)
class QueryCertificate:
    """Which certificate is this signer's? Names as lists have them, without NUL."""

    subject: bytes
    issuer: bytes
    serial: bytes


@dataclass(frozen=True, slots=True)
class VerifyCertificate:
    """What may this certificate (DER) do?"""

    certificate: bytes


Question = QueryCertificate | VerifyCertificate


@dataclass(frozen=True, slots=True)
class TVSAnswer:
    """What TVS says. status -- 0: the rest counts; anything else: it vouches for nothing.

    certificate -- DER; to a verification always that of the question.
    functions, lifetime_seconds -- what it may do, and for how long that may be kept; none and 0
        where the answer has no such element.
    """

    status: int
    certificate: bytes = b""
    functions: frozenset[int] = frozenset()
    lifetime_seconds: int = 0


DENIAL = TVSAnswer(NOT_FOUND)


def wire_name(model: str, device: str) -> bytes:
    """Return the device name element: 0x01 and `CP-8861-SEPB000B4BA0AEE`."""
    return b"\x01" + f"CP-{model}-{device}".encode()


class ClientState(Enum):
    """What a client does next."""

    ASK = auto()
    AWAIT_ANSWER = auto()
    FAILED = auto()


class ClientStep(Enum):
    """What happened to a client."""

    ASKED = auto()
    ANSWERED = auto()
    VIOLATION = auto()


CLIENT_TRANSITIONS: Mapping[ClientState, Mapping[ClientStep, ClientState]] = {
    ClientState.ASK: {
        ClientStep.ASKED: ClientState.AWAIT_ANSWER,
        ClientStep.VIOLATION: ClientState.FAILED,  # an answer to no question
    },
    ClientState.AWAIT_ANSWER: {
        ClientStep.ANSWERED: ClientState.ASK,
        ClientStep.VIOLATION: ClientState.FAILED,
    },
    ClientState.FAILED: {},
}


class TVSClientSession:
    """The phone's end of one connection. device_name -- see `wire_name`."""

    def __init__(self, device_name: bytes, first_request_id: int = FIRST_REQUEST_ID) -> None:
        self.state = ClientState.ASK
        self._device_name = device_name
        self._next_id = first_request_id
        self._buffer = MessageBuffer(_ANSWER_LIMIT_BYTES)
        self._question: Question | None = None

    def ask(self, question: Question) -> bytes:
        """Return the octets of a question.

        Raises UnusableInput for one that fits into no message, RuntimeError while another waits
        for its answer.
        """
        octets = self._octets_of(question)
        self._move(ClientStep.ASKED)
        self._question = question
        return octets

    def _octets_of(self, question: Question) -> bytes:
        about: tuple[tuple[int, bytes], ...]
        if isinstance(question, QueryCertificate):
            kind = MessageType.QUERY_CERT_REQ
            about = (
                (Tag.SUBJECT, question.subject + b"\0"),
                (Tag.ISSUER, question.issuer + b"\0"),
                (Tag.SERIAL, question.serial),
            )
        else:
            kind = MessageType.CERT_VERIFICATION_REQ
            about = ((Tag.CERTIFICATE, question.certificate),)
        elements = ((int(Tag.DEVICE_NAME), self._device_name), *about)
        try:
            return Message(kind, self._next_id, elements).encode()
        except struct.error:
            raise UnusableInput("the question is too long for a TVS message") from None

    def receive_octets(self, octets: bytes) -> TVSAnswer | None:
        """Take octets; the answer to the question once it is whole, None until then.

        Raises RemoteProtocolViolation for what is no answer to it: another id, another type,
        octets before the question or behind the answer, or what breaks the format. The connection
        is then of no use, and further octets are a RuntimeError.
        """
        if self.state is ClientState.FAILED:
            raise RuntimeError("a TVS client takes no octets in FAILED")
        try:
            answer = self._receive(octets)
        except RemoteProtocolViolation:
            self._move(ClientStep.VIOLATION)
            raise
        if answer is not None:
            self._move(ClientStep.ANSWERED)
            self._question = None
            self._next_id += 1
        return answer

    def _receive(self, octets: bytes) -> TVSAnswer | None:
        if self._question is None:
            raise RemoteProtocolViolation("TVS speaks without being asked")
        messages = self._buffer.feed(octets)
        if not messages:
            return None
        if len(messages) > 1 or not self._buffer.is_empty:
            raise RemoteProtocolViolation("TVS answered more than it was asked")
        return self._answer_of(messages[0], self._question)

    def _answer_of(self, message: Message, question: Question) -> TVSAnswer:
        queried = isinstance(question, QueryCertificate)
        wanted = MessageType.QUERY_CERT_RES if queried else MessageType.CERT_VERIFICATION_RES
        if message.kind != wanted:
            raise RemoteProtocolViolation(f"TVS answered with type {message.kind}, not {wanted}")
        if message.request_id != self._next_id:
            raise RemoteProtocolViolation(
                f"TVS answered id {message.request_id}, asked was {self._next_id}"
            )
        status = message.element(Tag.STATUS)
        if status is None:
            raise RemoteProtocolViolation("an answer of TVS has no status")
        if status[0] != FOUND:
            return TVSAnswer(status[0])
        return TVSAnswer(
            FOUND,
            _certificate_of(message, question),
            frozenset(message.element(Tag.FUNCTIONS) or b""),
            int.from_bytes(message.element(Tag.LIFETIME) or b"", "big"),
        )

    def _move(self, step: ClientStep) -> None:
        following = CLIENT_TRANSITIONS[self.state].get(step)
        if following is None:
            raise RuntimeError(f"a TVS client cannot meet {step.name} in {self.state.name}")
        self.state = following


def _certificate_of(message: Message, question: Question) -> bytes:
    certificate = message.element(Tag.CERTIFICATE)
    if isinstance(question, VerifyCertificate):
        # Whoever asks about one certificate must not get another one vouched for.
        if certificate not in (None, question.certificate):
            raise RemoteProtocolViolation("TVS verified another certificate than the one asked")
        return question.certificate
    if not certificate:
        raise RemoteProtocolViolation("TVS found a certificate and does not show it")
    return certificate


@dataclass(frozen=True, slots=True)
class Request:
    """A question as it came to a server. device_name -- without the leading 0x01."""

    request_id: int
    device_name: bytes
    question: Question


class TVSServerSession:
    """The server's end of one connection; its only state is CUCM's TVS_STATE_AWAIT_REQ."""

    def __init__(self) -> None:
        self._buffer = MessageBuffer(_REQUEST_LIMIT_BYTES)

    def receive_octets(self, octets: bytes) -> list[Request]:
        """Take octets and return the questions that they complete.

        Raises RemoteProtocolViolation for anything else; the connection is then to be closed.
        """
        return [_request_of(message) for message in self._buffer.feed(octets)]

    def answer(self, request: Request, answer: TVSAnswer) -> bytes:
        """Return the octets of an answer to a question."""
        queried = isinstance(request.question, QueryCertificate)
        kind = MessageType.QUERY_CERT_RES if queried else MessageType.CERT_VERIFICATION_RES
        elements: list[tuple[int, bytes]] = [(Tag.STATUS, bytes([answer.status]))]
        if answer.status == FOUND:
            if queried:
                elements.append((Tag.CERTIFICATE, answer.certificate))
            elements.append((Tag.FUNCTIONS, bytes(sorted(answer.functions))))
            elements.append((Tag.LIFETIME, answer.lifetime_seconds.to_bytes(4, "big")))
        return Message(kind, request.request_id, tuple(elements)).encode()


def _request_of(message: Message) -> Request:
    name = message.element(Tag.DEVICE_NAME)
    if not name:
        raise RemoteProtocolViolation("a question to TVS names no device")
    return Request(message.request_id, name[1:], _question_of(message))


def _question_of(message: Message) -> Question:
    if message.kind == MessageType.CERT_VERIFICATION_REQ:
        certificate = message.element(Tag.CERTIFICATE)
        if certificate is not None:
            return VerifyCertificate(certificate)
    elif message.kind == MessageType.QUERY_CERT_REQ:
        subject, issuer = message.text(Tag.SUBJECT), message.text(Tag.ISSUER)
        serial = message.element(Tag.SERIAL)
        if subject is not None and issuer is not None and serial is not None:
            return QueryCertificate(subject, issuer, serial)
    else:
        raise RemoteProtocolViolation(
            f"TVS is asked with type {message.kind}, which is no question"
        )
    raise RemoteProtocolViolation("a question to TVS lacks what it is about")
