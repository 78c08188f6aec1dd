"""The server's end of one CAPF connection, without I/O: octets in, steps out.

It speaks first, takes AUTH_RES as a claim that its owner judges, and then does one operation. What
the phone reports last (stored, deleted, fetched) is a step of its own, so that the owner marks an
operation as done only when the phone has said so.

Differences from the open capfd, on purpose: REQ_IN_PROGRESS may come any number of times, and after
a phone refuses to store its certificate the session ends with reason 7, not with success.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from secd.capf.elements import (
    SUDI,
    decode_sudi_untrusted,
    unwrap_certificate_untrusted,
    unwrap_sha512_signature_untrusted,
    wrap_certificate,
)
from secd.capf.keys import KeyKind, elements_of, kind_of_untrusted
from secd.capf.message import Message, MessageBuffer
from secd.capf.names import CertificateType, MessageType, Tag
from secd.capf.proof import SignedData
from secd.errors import MalformedFile, RemoteProtocolViolation

_VERSION = 3
_VERSIONS = range(1, _VERSION + 1)


class ServerState(Enum):
    """What the server waits for; the values are what its trace prints after CAPF_STATE_.

    AWAIT_KEY_GEN_RES is published (phone security guide); the others follow it (?).
    """

    AWAIT_START = "AWAIT_START"
    AWAIT_AUTH_RES = "AWAIT_AUTH_RES"
    AWAIT_OPERATION = "AWAIT_OPERATION"  # the owner judges the claim
    AWAIT_KEY_GEN_RES = "AWAIT_KEY_GEN_RES"
    AWAIT_CERTIFICATE = "AWAIT_CERTIFICATE"  # the owner signs one
    AWAIT_STORE_CERT_RES = "AWAIT_STORE_CERT_RES"
    AWAIT_FETCH_CERT_RES = "AWAIT_FETCH_CERT_RES"
    AWAIT_DELETE_CERT_RES = "AWAIT_DELETE_CERT_RES"
    ENDED = "ENDED"


class ServerStep(Enum):
    """What happened; the values of messages are what its trace prints after CAPF_EV_.

    REQUEST_IN_PROGRESS is published (phone security guide); the others follow it (?).
    """

    START = "START"
    AUTH_RES = "AUTH_RES"
    INSTALL = "INSTALL"
    FETCH = "FETCH"
    DELETE = "DELETE"
    REQUEST_IN_PROGRESS = "REQUEST_IN_PROGRESS"
    KEY_GEN_RES = "KEY_GEN_RES"
    STORE = "STORE"
    STORE_CERT_RES = "STORE_CERT_RES"
    FETCH_CERT_RES = "FETCH_CERT_RES"
    DELETE_CERT_RES = "DELETE_CERT_RES"
    END = "END"


_S, _E = ServerState, ServerStep
SERVER_TRANSITIONS: Mapping[ServerState, Mapping[ServerStep, ServerState]] = {
    _S.AWAIT_START: {_E.START: _S.AWAIT_AUTH_RES},
    _S.AWAIT_AUTH_RES: {_E.AUTH_RES: _S.AWAIT_OPERATION, _E.END: _S.ENDED},
    _S.AWAIT_OPERATION: {
        _E.INSTALL: _S.AWAIT_KEY_GEN_RES,
        _E.FETCH: _S.AWAIT_FETCH_CERT_RES,
        _E.DELETE: _S.AWAIT_DELETE_CERT_RES,
        _E.END: _S.ENDED,
    },
    _S.AWAIT_KEY_GEN_RES: {
        _E.REQUEST_IN_PROGRESS: _S.AWAIT_KEY_GEN_RES,
        _E.KEY_GEN_RES: _S.AWAIT_CERTIFICATE,
        _E.END: _S.ENDED,
    },
    _S.AWAIT_CERTIFICATE: {_E.STORE: _S.AWAIT_STORE_CERT_RES, _E.END: _S.ENDED},
    _S.AWAIT_STORE_CERT_RES: {_E.STORE_CERT_RES: _S.AWAIT_OPERATION, _E.END: _S.ENDED},
    _S.AWAIT_FETCH_CERT_RES: {_E.FETCH_CERT_RES: _S.AWAIT_OPERATION, _E.END: _S.ENDED},
    _S.AWAIT_DELETE_CERT_RES: {_E.DELETE_CERT_RES: _S.AWAIT_OPERATION, _E.END: _S.ENDED},
    _S.ENDED: {},
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a phone says in AUTH_RES; nothing of it is checked yet.

    device_name -- without its NUL. string -- the authentication string, empty where none came.
    certificate -- DER. signed -- the two signatures, None unless both came. sudi -- likewise.
    """

    device_name: bytes
    string: bytes = field(default=b"", repr=False)
    certificate: bytes | None = None
    signed: SignedData | None = None
    sudi: SUDI | None = None


@dataclass(frozen=True, slots=True)
class ClaimReceived:
    """Judge the claim, then call `install`, `fetch`, `delete` or `end`."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class KeyReceived:
    """Certify this key (SubjectPublicKeyInfo) with `store`, or `end`. kind -- what it is."""

    public_key: bytes
    kind: KeyKind


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The phone could not make the key; `end` follows. reason -- as it said, None: nothing."""

    reason: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The phone answered STORE_CERT_REQ; `end` follows."""

    reason: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The phone answered FETCH_CERT_REQ; `fetch` again or `end` follows."""

    reason: int | None
    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """The phone answered DELETE_CERT_REQ; `end` follows."""

    reason: int | None


@dataclass(frozen=True, slots=True)
class MessageMet:
    """A message of the phone met the state; for the trace, before what it leads to."""

    message: Message
    state: ServerState


ServerOutput = MessageMet | ClaimReceived | KeyReceived | KeyRefused | Stored | Fetched | Deleted


class CAPFServerSession:
    """One connection. The methods that speak return the one message to be sent."""

    def __init__(self, session_id: int) -> None:
        self.state = ServerState.AWAIT_START
        self._session_id = session_id
        self._buffer = MessageBuffer()
        self._takers: Mapping[int, Callable[[Message], list[ServerOutput]]] = {
            MessageType.AUTH_RES: self._claimed,
            MessageType.REQ_IN_PROGRESS: self._in_progress,
            MessageType.KEY_GEN_RES: self._key,
            MessageType.STORE_CERT_RES: self._stored,
            MessageType.FETCH_CERT_RES: self._fetched,
            MessageType.DELETE_CERT_RES: self._deleted,
        }

    def start(self) -> Message:
        """Speak first. The authentication type is 0, as capfd has it: the phone knows its own."""
        self._move(ServerStep.START)
        return self._say(
            MessageType.AUTH_REQ, (Tag.VERSION, bytes([_VERSION])), (Tag.AUTH_TYPE, b"\0")
        )

    def install(self, kind: KeyKind) -> Message:
        """Ask for a key of a kind."""
        self._move(ServerStep.INSTALL)
        return self._say(MessageType.KEY_GEN_REQ, *elements_of(kind))

    def fetch(self, certificate: CertificateType | None = None) -> Message:
        """Ask for a certificate of the phone; capfd does not say which."""
        self._move(ServerStep.FETCH)
        which = () if certificate is None else ((Tag.CERTIFICATE_TYPE, bytes([certificate])),)
        return self._say(MessageType.FETCH_CERT_REQ, *which)

    def delete(self) -> Message:
        """Have the phone delete its LSC."""
        self._move(ServerStep.DELETE)
        return self._say(MessageType.DELETE_CERT_REQ)

    def store(self, certificate: bytes) -> Message:
        """Give the phone its new LSC (DER)."""
        self._move(ServerStep.STORE)
        return self._say(
            MessageType.STORE_CERT_REQ,
            (Tag.CERTIFICATE_TYPE, bytes([CertificateType.LSC])),
            (Tag.CERTIFICATE, wrap_certificate(certificate)),
        )

    def end(self, reason: int) -> Message:
        """End the session."""
        self._move(ServerStep.END)
        return self._say(MessageType.END_SESSION, (Tag.REASON, bytes([reason])))

    def receive_octets(self, octets: bytes) -> list[ServerOutput]:
        """Take octets and return what they mean, in order.

        Raises RemoteProtocolViolation for what does not belong here; `end` with reason 7 is then
        the right answer.
        """
        self._buffer.feed(octets)
        outputs: list[ServerOutput] = []
        while (message := self._buffer.next_message_untrusted()) is not None:
            outputs += self._take(message)
        return outputs

    def _take(self, message: Message) -> list[ServerOutput]:
        if message.session_id != self._session_id:
            raise RemoteProtocolViolation(
                f"the phone speaks of session {message.session_id}, this one is {self._session_id}"
            )
        taker = self._takers.get(message.kind)
        if taker is None:
            raise RemoteProtocolViolation(f"a server takes no CAPF message of type {message.kind}")
        met = MessageMet(message, self.state)
        return [met, *taker(message)]

    def _claimed(self, message: Message) -> list[ServerOutput]:
        self._receive(ServerStep.AUTH_RES)
        version = message.number(Tag.VERSION)
        if version is not None and version not in _VERSIONS:
            raise RemoteProtocolViolation(f"the phone speaks version {version}, not 1 to 3")
        name = message.text(Tag.DEVICE_NAME)
        if not name:
            raise RemoteProtocolViolation("AUTH_RES names no device")
        wrapped, sudi = message.element(Tag.CERTIFICATE), message.element(Tag.SUDI_DATA)
        claim = Claim(
            name,
            message.text(Tag.PASSWORD) or b"",
            None if wrapped is None else unwrap_certificate_untrusted(wrapped),
            _signed_data(message),
            None if sudi is None else decode_sudi_untrusted(sudi),
        )
        return [ClaimReceived(claim)]

    def _in_progress(self, _: Message) -> list[ServerOutput]:
        self._receive(ServerStep.REQUEST_IN_PROGRESS)
        return []

    def _key(self, message: Message) -> list[ServerOutput]:
        self._receive(ServerStep.KEY_GEN_RES)
        public_key = message.element(Tag.PUBLIC_KEY)
        if public_key is None:
            return [KeyRefused(message.number(Tag.REASON))]
        try:
            return [KeyReceived(public_key, kind_of_untrusted(public_key))]
        except MalformedFile as error:
            raise RemoteProtocolViolation(error.check) from None

    def _stored(self, message: Message) -> list[ServerOutput]:
        self._receive(ServerStep.STORE_CERT_RES)
        return [Stored(message.number(Tag.REASON))]

    def _fetched(self, message: Message) -> list[ServerOutput]:
        self._receive(ServerStep.FETCH_CERT_RES)
        wrapped = message.element(Tag.CERTIFICATE)
        certificate = None if wrapped is None else unwrap_certificate_untrusted(wrapped)
        return [Fetched(message.number(Tag.REASON), certificate)]

    def _deleted(self, message: Message) -> list[ServerOutput]:
        self._receive(ServerStep.DELETE_CERT_RES)
        return [Deleted(message.number(Tag.REASON))]

    def _say(self, kind: int, *elements: tuple[int, bytes]) -> Message:
        return Message(kind, self._session_id, elements)

    def _receive(self, step: ServerStep) -> None:
        """Move for what the phone said: out of place is its fault."""
        if step not in SERVER_TRANSITIONS[self.state]:
            raise RemoteProtocolViolation(f"{step.value} came in {self.state.value}")
        self._move(step)

    def _move(self, step: ServerStep) -> None:
        following = SERVER_TRANSITIONS[self.state].get(step)
        if following is None:
            raise RuntimeError(f"a CAPF server cannot do {step.name} in {self.state.name}")
        self.state = following


def _signed_data(message: Message) -> SignedData | None:
    sha1, sha512 = message.element(Tag.SIGNED_DATA), message.element(Tag.SHA2_SIGNED_DATA)
    if sha1 is None or sha512 is None:
        return None
    return SignedData(sha1, unwrap_sha512_signature_untrusted(sha512))
