"""The phone's end of one CAPF connection, without I/O: octets in, steps out.

The server speaks first and says what is to be done. Whatever it is, nothing of the phone changes
before END_SESSION says success: the outcome carries what is to be stored or erased, and a line that
is cut before leaves the phone as it was.

Guesses, for which no conversation is public (?): RETRY_LATER ends the session; STATUS_REQ and
ABORT_REQ are answered with STATUS_RES and ABORT_RES, reason 1; a second FETCH_CERT_REQ with a
certificate type may follow the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from secd.capf.client_table import CLIENT_TRANSITIONS, ClientState, ClientStep
from secd.capf.elements import (
    encode_sudi,
    unwrap_certificate_untrusted,
    wrap_certificate,
    wrap_sha512_signature,
)
from secd.capf.keys import KeyKind, certifies, kind_asked, public_octets
from secd.capf.message import Message, MessageBuffer
from secd.capf.names import CertificateType, MessageType, Reason, Tag
from secd.capf.proof import Identity, PrivateKey, sign_data, sign_sudi
from secd.errors import RemoteProtocolViolation

VERSION = 3  # capfc; Jabber offers 2
_VERSIONS = range(1, VERSION + 1)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who the phone is, and how it proves it.

    device_name -- SEP and the MAC address. authentication_string -- what the user typed; empty:
    none. proof -- the certificate by which the phone authenticates itself, None for By Null
    String and By Authentication String. sudi -- the RSA identity for SUDI data beside it.
    lsc, mic -- certificates (DER) to show when asked; None: the phone has none.
    """

    device_name: str
    authentication_string: str = field(default="", repr=False)
    proof: Identity | None = None
    sudi: Identity | None = None
    lsc: bytes | None = None
    mic: bytes | None = None


class Operation(Enum):
    """What the server had the phone do; NOTHING where nothing was scheduled."""

    NOTHING = "no_pending_operation"
    INSTALL = "install"
    DELETE = "delete"
    FETCH = "troubleshoot"


@dataclass(frozen=True, slots=True)
class SendOctets:
    """Send one message, in one write."""

    message: Message

    @property
    def octets(self) -> bytes:
        """The message as it goes out."""
        return self.message.encode()


@dataclass(frozen=True, slots=True)
class MessageTaken:
    """A message came in; for the trace."""

    message: Message


@dataclass(frozen=True, slots=True)
class GenerateKey:
    """Make a key, however long it takes, and report it with `key_made`."""

    kind: KeyKind


@dataclass(frozen=True, slots=True)
class StageLSC:
    """Put the new LSC beside the old one, durably, and report it with `staged`."""

    lsc: Identity


@dataclass(frozen=True, slots=True)
class CAPFEnded:
    """The server ended the session.

    operation -- what was done. reason -- as END_SESSION says; None after RETRY_LATER.
    install -- the staged LSC takes the place of the old one now. erase -- the LSC is to be erased.
    refused -- why the phone did not do as asked; empty: it did.
    """

    operation: Operation
    reason: int | None
    install: Identity | None = None
    erase: bool = False
    refused: str = ""

    @property
    def done(self) -> bool:
        """Whether all is well: END_SESSION 0 or 1, and the phone did as asked."""
        return self.reason in (Reason.NO_ACTION, Reason.SUCCESS) and not self.refused


ClientOutput = SendOctets | MessageTaken | GenerateKey | StageLSC | CAPFEnded


class CAPFClientSession:
    """One connection of a phone. `ended` says how it came out, once the state is ENDED."""

    def __init__(self, applicant: Applicant) -> None:
        self.state = ClientState.AWAIT_AUTH_REQ
        self.ended: CAPFEnded | None = None
        self._applicant = applicant
        self._buffer = MessageBuffer()
        self._session_id: int | None = None
        self._operation = Operation.NOTHING
        self._key: PrivateKey | None = None
        self._new: Identity | None = None
        self._erase = False
        self._refused = ""
        self._takers: Mapping[int, Callable[[Message], list[ClientOutput]]] = {
            MessageType.AUTH_REQ: self._authenticate,
            MessageType.KEY_GEN_REQ: self._generate,
            MessageType.STORE_CERT_REQ: self._store,
            MessageType.FETCH_CERT_REQ: self._fetch,
            MessageType.DELETE_CERT_REQ: self._delete,
            MessageType.STATUS_REQ: self._agree,
            MessageType.ABORT_REQ: self._agree,
            MessageType.END_SESSION: self._end,
            MessageType.RETRY_LATER: self._end,
        }

    def receive_octets(self, octets: bytes) -> list[ClientOutput]:
        """Take octets and return what is to be done, in order.

        Raises RemoteProtocolViolation for what does not belong here; the connection is then of no
        use, and further octets are a RuntimeError. What follows END_SESSION is a violation too.
        """
        if self.state is ClientState.FAILED:
            raise RuntimeError("a CAPF client takes no octets in FAILED")
        self._buffer.feed(octets)
        outputs: list[ClientOutput] = []
        try:
            if self.state is ClientState.ENDED:
                raise RemoteProtocolViolation("CAPF goes on after END_SESSION")
            while (message := self._buffer.next_message_untrusted()) is not None:
                outputs += [MessageTaken(message), *self._take(message)]
        except RemoteProtocolViolation:
            self.state = ClientState.FAILED
            raise
        return outputs

    def receive_eof(self) -> None:
        """Take the end of the stream: orderly after END_SESSION, else RemoteProtocolViolation."""
        if self.state is not ClientState.ENDED:
            self.state = ClientState.FAILED
            raise RemoteProtocolViolation("CAPF closed the connection before END_SESSION")

    def key_made(self, key: PrivateKey) -> list[ClientOutput]:
        """Answer GenerateKey. Nothing follows where the server has ended the session meanwhile."""
        if self.state is ClientState.ENDED:
            return []
        self._move(ClientStep.KEY_MADE)
        self._key = key
        return [self._send(MessageType.KEY_GEN_RES, (Tag.PUBLIC_KEY, public_octets(key)))]

    def staged(self, failure: str = "") -> list[ClientOutput]:
        """Answer StageLSC. failure -- why the LSC cannot be kept; empty: it can.

        Nothing follows where the server has ended the session meanwhile.
        """
        if self.state is ClientState.ENDED:
            return []
        self._move(ClientStep.STAGED)
        return [self._answer_store(failure)]

    def _answer_store(self, refused: str) -> SendOctets:
        if refused:
            self._new, self._refused = None, refused
        stored = Reason.INVALID if refused else Reason.SUCCESS
        return self._send(MessageType.STORE_CERT_RES, _reason(stored))

    def _take(self, message: Message) -> list[ClientOutput]:
        if self._session_id is None:
            self._session_id = message.session_id
        if message.session_id != self._session_id:
            raise RemoteProtocolViolation(
                f"CAPF speaks of session {message.session_id}, this one is {self._session_id}"
            )
        taker = self._takers.get(message.kind)
        if taker is None:
            raise RemoteProtocolViolation(f"a phone takes no CAPF message of type {message.kind}")
        return taker(message)

    def _authenticate(self, message: Message) -> list[ClientOutput]:
        version = message.number(Tag.VERSION)
        if version is not None and version not in _VERSIONS:
            raise RemoteProtocolViolation(f"CAPF speaks version {version}, not 1 to {VERSION}")
        self._move(ClientStep.AUTHENTICATE)
        return [self._send(MessageType.AUTH_RES, *self._proof(message.session_id))]

    def _proof(self, session_id: int) -> list[tuple[int, bytes]]:
        """Return the elements of AUTH_RES, in the order in which capfc writes them."""
        applicant = self._applicant
        name = applicant.device_name.encode()
        string = applicant.authentication_string.encode()
        elements: dict[int, bytes] = {
            Tag.VERSION: bytes([VERSION]),
            Tag.PASSWORD: string + b"\0",
            Tag.DEVICE_NAME: name + b"\0",
        }
        if applicant.proof is None:
            return [(Tag.REASON, bytes([Reason.SUCCESS])), *elements.items()]
        signed = sign_data(applicant.proof, name)
        before = {
            Tag.REASON: bytes([Reason.SUCCESS]),
            Tag.CERTIFICATE: wrap_certificate(applicant.proof.certificate),
            Tag.SIGNED_DATA: signed.sha1_signature,
        }
        if applicant.sudi is not None:
            elements[Tag.SUDI_DATA] = encode_sudi(sign_sudi(applicant.sudi, session_id))
        elements[Tag.SHA2_SIGNED_DATA] = wrap_sha512_signature(signed.sha512_signature)
        return [*before.items(), *elements.items()]

    def _generate(self, message: Message) -> list[ClientOutput]:
        self._operation = Operation.INSTALL
        kind = kind_asked(message)
        if kind is None:
            self._move(ClientStep.NO_KEY)
            self._refused = f"no key can be made as asked: {_asked(message)}"
            return [self._send(MessageType.KEY_GEN_RES, _reason(Reason.INVALID))]
        self._move(ClientStep.GENERATE)
        return [self._send(MessageType.REQ_IN_PROGRESS), GenerateKey(kind)]

    def _store(self, message: Message) -> list[ClientOutput]:
        wrapped, key = message.element(Tag.CERTIFICATE), self._key
        certificate = b"" if wrapped is None else unwrap_certificate_untrusted(wrapped)
        kind = message.number(Tag.CERTIFICATE_TYPE)
        refused = ""
        if kind not in (None, CertificateType.LSC):
            refused = f"CAPF sent a certificate of type {kind}, which is no LSC"
        elif key is None or not certifies(certificate, public_octets(key)):
            refused = "CAPF sent a certificate that is not for the key just made"
        if refused or key is None:
            self._move(ClientStep.NO_STORE)
            return [self._answer_store(refused)]
        self._move(ClientStep.STORE)
        self._new = Identity(certificate, key)
        return [StageLSC(self._new)]

    def _fetch(self, message: Message) -> list[ClientOutput]:
        self._move(ClientStep.FETCH)
        self._operation = Operation.FETCH
        kind = message.number(Tag.CERTIFICATE_TYPE)
        mic_wanted = kind == CertificateType.MIC
        certificate = self._applicant.mic if mic_wanted else self._applicant.lsc
        if certificate is None or kind not in (None, CertificateType.LSC, CertificateType.MIC):
            return [self._send(MessageType.FETCH_CERT_RES, _reason(Reason.INVALID))]
        shown = (Tag.CERTIFICATE, wrap_certificate(certificate))
        return [self._send(MessageType.FETCH_CERT_RES, _reason(Reason.SUCCESS), shown)]

    def _delete(self, _: Message) -> list[ClientOutput]:
        self._move(ClientStep.DELETE)
        self._operation = Operation.DELETE
        self._erase = self._applicant.lsc is not None
        deleted = Reason.SUCCESS if self._erase else Reason.INVALID
        return [self._send(MessageType.DELETE_CERT_RES, _reason(deleted))]

    def _agree(self, message: Message) -> list[ClientOutput]:
        """Answer STATUS_REQ and ABORT_REQ, whose answers are the next numbers (?)."""
        self._move(ClientStep.AGREE)
        return [self._send(message.kind + 1, _reason(Reason.SUCCESS))]

    def _end(self, message: Message) -> list[ClientOutput]:
        if self.state is ClientState.AWAIT_STAGED:
            self._new = None  # nobody has heard yet that it could be kept
        self._move(ClientStep.END)
        later = message.kind == MessageType.RETRY_LATER
        reason = None if later else message.number(Tag.REASON)
        if reason is None and not later:
            raise RemoteProtocolViolation("END_SESSION gives no reason")
        success = reason == Reason.SUCCESS
        unfinished = self._operation is Operation.INSTALL and self._new is None
        if success and unfinished and not self._refused:
            self._refused = "CAPF says success before it has sent a certificate"
        if reason == Reason.NO_ACTION and (self._new is not None or self._erase):
            self._refused = "CAPF took back what it had asked for: nothing was changed"
        self.ended = CAPFEnded(
            self._operation,
            reason,
            self._new if success else None,
            success and self._erase,
            self._refused,
        )
        return [self.ended]

    def _send(self, kind: int, *elements: tuple[int, bytes]) -> SendOctets:
        if self._session_id is None:
            raise RuntimeError("a phone speaks only after its server")
        return SendOctets(Message(kind, self._session_id, elements))

    def _move(self, step: ClientStep) -> None:
        following = CLIENT_TRANSITIONS[self.state].get(step)
        if following is None:
            raise RemoteProtocolViolation(f"CAPF asks for {step.name} in {self.state.name}")
        self.state = following


def _reason(reason: int) -> tuple[int, bytes]:
    return Tag.REASON, bytes([reason])


def _asked(message: Message) -> str:
    """Say what kind of key was asked for, for people."""
    texts = {Tag.KEY_TYPE: "key type", Tag.KEY_SIZE: "key size", Tag.CURVE: "curve"}
    told = [f"{text} {message.number(tag)}" for tag, text in texts.items() if message.element(tag)]
    return ", ".join(told) or "nothing"
