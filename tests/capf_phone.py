"""A CAPF client session without a network: led into any state, and what it says."""

import pytest
from capf_support import (
    DEVICE,
    holder,
    issue,
    key_of,
)
from capf_vectors import certificate

from secd.capf import (
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    ClientState,
    Curve,
    ECKind,
    GenerateKey,
    Message,
    SendOctets,
    StageLSC,
    Tag,
    public_octets,
    wrap_certificate,
)
from secd.errors import RemoteProtocolViolation

EC = ECKind(Curve.P256)
NOBODY = Applicant(DEVICE)
LSC = holder(ECKind(Curve.P384))
OWNER = Applicant(DEVICE, lsc=LSC.certificate, mic=certificate("mic"))
ID = 7


def said(kind: int, *elements: tuple[int, bytes], session_id: int = ID) -> bytes:
    return Message(kind, session_id, elements).encode()


def reason(number: int) -> tuple[int, bytes]:
    return Tag.REASON, bytes([number])


AUTH_REQ = said(1, (7, b"\3"), (8, b"\0"))
KEY_GEN_REQ = said(3, (17, b"\1"), (18, b"\0"))
STORE = said(9, (3, b"\1"), (4, wrap_certificate(issue(public_octets(key_of(EC))))))
FETCH, DELETE = said(11), said(13)
STATUS, ABORT, LATER = said(18), said(20), said(16, (12, b"\0\x1e"))


def end(number: int) -> bytes:
    return said(15, reason(number))


UNDER_WAY = [s for s in ClientState if s not in (ClientState.ENDED, ClientState.FAILED)]


class Phone:
    """A session that is told what the server says, with what it then wants to do."""

    def __init__(self, applicant: Applicant = NOBODY) -> None:
        self.session = CAPFClientSession(applicant)
        self.sent: list[Message] = []
        self.asked: list[GenerateKey | StageLSC] = []

    def hear(self, *messages: bytes) -> "Phone":
        for octets in messages:
            for output in self.session.receive_octets(octets):
                if isinstance(output, SendOctets):
                    self.sent.append(output.message)
                elif isinstance(output, GenerateKey | StageLSC):
                    self.asked.append(output)
        return self

    def make_key(self) -> "Phone":
        for output in self.session.key_made(key_of(EC)):
            assert isinstance(output, SendOctets)
            self.sent.append(output.message)
        return self

    def stage(self, failure: str = "") -> "Phone":
        for output in self.session.staged(failure):
            assert isinstance(output, SendOctets)
            self.sent.append(output.message)
        return self

    @property
    def ended(self) -> CAPFEnded:
        assert self.session.ended is not None
        return self.session.ended

    @property
    def state(self) -> ClientState:
        return self.session.state


def in_state(state: ClientState) -> Phone:
    """A phone in a state, by the shortest way."""
    phone = Phone(OWNER)
    if state is ClientState.AWAIT_AUTH_REQ:
        return phone
    phone.hear(AUTH_REQ)
    match state:
        case ClientState.AWAIT_OPERATION:
            pass
        case ClientState.AWAIT_KEY:
            phone.hear(KEY_GEN_REQ)
        case ClientState.AWAIT_STORE_CERT_REQ:
            phone.hear(KEY_GEN_REQ).make_key()
        case ClientState.AWAIT_STAGED:
            phone.hear(KEY_GEN_REQ).make_key().hear(STORE)
        case ClientState.AWAIT_END_SESSION:
            phone.hear(DELETE)
        case ClientState.ENDED:
            phone.hear(end(0))
        case ClientState.FAILED:
            with pytest.raises(RemoteProtocolViolation):
                phone.hear(STORE)
    assert phone.state is state
    return phone


FOREIGN = said(9, (4, wrap_certificate(LSC.certificate)))
