"""A CAPF server as small as it can be, made of our server session: one job for every phone."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import trio
from capf_vectors import certificate, identity
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from firmware_sim.net.tcp import TCPServerNetwork
from firmware_sim.net.tls import LEGACY, Handler, TLSServerSettings, serve_tls
from secd.capf import (
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    CAPFServerSession,
    CertificateType,
    Claim,
    ClaimReceived,
    ClientOutput,
    Curve,
    Deleted,
    ECKind,
    Fetched,
    GenerateKey,
    Identity,
    KeyKind,
    KeyReceived,
    KeyRefused,
    Message,
    MessageMet,
    MessageTaken,
    PrivateKey,
    Reason,
    RSAKind,
    SendOctets,
    ServerOutput,
    ServerState,
    StageLSC,
    Stored,
    public_octets,
    verify_data,
    verify_sudi,
)
from secd.errors import SecdError
from secd.net.network import Address
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream

DEVICE = "SEP0011215A1AE3"
STRING = "314159"
_CURVES: dict[Curve, type[ec.EllipticCurve]] = {
    Curve.P256: ec.SECP256R1,
    Curve.P384: ec.SECP384R1,
    Curve.P521: ec.SECP521R1,
}
_NOW = datetime(2026, 11, 24, tzinfo=UTC)


@cache
def key_of(kind: KeyKind) -> PrivateKey:
    """One key of each kind, made once."""
    if isinstance(kind, ECKind):
        return ec.generate_private_key(_CURVES[Curve(kind.curve)]())
    return rsa.generate_private_key(65537, kind.bits)


class OneKey:
    """A key source that gives the same key of a kind each time."""

    async def make(self, kind: KeyKind) -> PrivateKey:
        await trio.lowlevel.checkpoint()
        return key_of(kind)


def issue(public_key: bytes, device: str = DEVICE, days: int = 365) -> bytes:
    """Certify a key, with the CAPF key of the vectors."""
    ca = identity("capf")
    key = load_der_public_key(public_key)
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.load_der_x509_certificate(ca.certificate).subject)
        .public_key(key)
        .serial_number(0xC0FFEE)
        .not_valid_before(_NOW - timedelta(days=2000))
        .not_valid_after(_NOW + timedelta(days=days))
    )
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)


@cache
def holder(kind: KeyKind) -> Identity:
    """A phone's certificate with a key of this kind."""
    return Identity(issue(public_octets(key_of(kind))), key_of(kind))


@dataclass
class Job:
    """What a server does to every phone. operation -- install, delete, fetch or nothing.

    string -- what the phone must say. certificate -- what it must prove, with SUDI data where
    sudi is true. reason -- of END_SESSION when all went well.
    """

    operation: str = "install"
    kind: KeyKind = field(default_factory=lambda: ECKind(Curve.P256))
    string: bytes = b""
    certificate: bytes | None = None
    sudi: bool = False
    also_mic: bool = False
    device: str = DEVICE
    # What was heard and done:
    claims: list[Claim] = field(default_factory=list)
    shown: list[bytes | None] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    issued: list[bytes] = field(default_factory=list)
    issue: Callable[[bytes], bytes] = issue

    def answer(self, session: CAPFServerSession, session_id: int, output: ServerOutput) -> Message:
        """Return what the server says to what the phone has said."""
        match output:
            case ClaimReceived(claim):
                self.claims.append(claim)
                return self._judge(session, session_id, claim)
            case KeyReceived(public_key, kind):
                if kind != self.kind:
                    return session.end(Reason.INVALID)
                self.issued.append(self.issue(public_key))
                return session.store(self.issued[-1])
            case KeyRefused():
                return session.end(Reason.INVALID)
            case Fetched(_, shown):
                self.shown.append(shown)
                if self.also_mic and len(self.shown) == 1:
                    return session.fetch(CertificateType.MIC)
                return session.end(Reason.NO_ACTION)
            case Stored(reason) | Deleted(reason):
                if reason == Reason.SUCCESS:
                    self.finished.append(self.operation)
                return session.end(Reason.SUCCESS if reason == Reason.SUCCESS else Reason.INVALID)
            case MessageMet():
                raise AssertionError("a message is no question")

    def _judge(self, session: CAPFServerSession, session_id: int, claim: Claim) -> Message:
        if claim.device_name != self.device.encode():
            return session.end(Reason.UNKNOWN_DEVICE)
        if claim.string != self.string or not self._proven(session_id, claim):
            return session.end(Reason.INVALID)
        match self.operation:
            case "install":
                return session.install(self.kind)
            case "delete":
                return session.delete()
            case "fetch":
                return session.fetch()
            case _:
                return session.end(Reason.NO_ACTION)

    def _proven(self, session_id: int, claim: Claim) -> bool:
        if self.certificate is None:
            return True
        if claim.certificate != self.certificate or claim.signed is None:
            return False
        if self.sudi and claim.sudi is None:
            return False
        try:
            verify_data(claim.device_name, claim.certificate, claim.signed)
            if claim.sudi is not None:
                verify_sudi(session_id, claim.sudi)
        except SecdError:
            return False
        return True


# --- without a network ----------------------------------------------------------------------------


@dataclass
class Held:
    """A conversation of our two ends: every message, in order; what the phone staged."""

    said: list[tuple[bool, Message]] = field(default_factory=list)  # (by the phone, message)
    staged: list[Identity] = field(default_factory=list)
    ended: CAPFEnded | None = None

    @property
    def kinds(self) -> list[int]:
        return [message.kind for _, message in self.said]


def converse(job: Job, applicant: Applicant, session_id: int = 1, refuse_stage: str = "") -> Held:
    """Let our phone and our server speak until the server ends."""
    phone, server, held = CAPFClientSession(applicant), CAPFServerSession(session_id), Held()
    to_phone: list[Message] = [server.start()]
    while to_phone:
        message = to_phone.pop(0)
        held.said.append((False, message))
        for spoken in perform(phone, phone.receive_octets(message.encode()), held, refuse_stage):
            held.said.append((True, spoken))
            outputs = server.receive_octets(spoken.encode())
            asked = [output for output in outputs if not isinstance(output, MessageMet)]
            to_phone += [job.answer(server, session_id, output) for output in asked]
    phone.receive_eof()
    held.ended = phone.ended
    return held


def perform(
    phone: CAPFClientSession, outputs: list[ClientOutput], held: Held, refuse_stage: str = ""
) -> list[Message]:
    """Do what the phone's session says; return what it sends."""
    sent: list[Message] = []
    while outputs:
        match outputs.pop(0):
            case SendOctets(message):
                sent.append(message)
            case GenerateKey(kind):
                outputs += phone.key_made(key_of(kind))
            case StageLSC(lsc):
                held.staged.append(lsc)
                outputs += phone.staged(refuse_stage)
            case MessageTaken() | CAPFEnded():
                pass
    return sent


# --- over TLS -------------------------------------------------------------------------------------


def capf_tls() -> TLSIdentity:
    return TLSIdentity((certificate("capf"),), identity("capf").key)


def handler_of(job: Job, failures: list[SecdError]) -> Handler:
    """Serve a job over TLS sessions."""
    ids = itertools.count(1)

    async def serve(stream: TLSStream, _: Address) -> None:
        session_id = next(ids)
        session = CAPFServerSession(session_id)
        await stream.send_all(session.start().encode())
        while session.state is not ServerState.ENDED:
            octets = await stream.receive_some()
            if not octets:
                return
            try:
                outputs = session.receive_octets(octets)
            except SecdError as error:
                failures.append(error)
                await stream.send_all(session.end(Reason.INVALID).encode())
                return
            for output in outputs:
                if not isinstance(output, MessageMet):
                    await stream.send_all(job.answer(session, session_id, output).encode())

    return serve


@dataclass
class Serving:
    """Where it listens, and what went wrong by its own account."""

    address: Address
    failures: list[SecdError]


@asynccontextmanager
async def serving(
    network: TCPServerNetwork,
    address: Address,
    what: Job | Handler,
    shown: TLSIdentity | None = None,
) -> AsyncIterator[Serving]:
    failures: list[SecdError] = []
    handler = handler_of(what, failures) if isinstance(what, Job) else what
    async with trio.open_nursery() as nursery:
        actual = await nursery.start(
            serve_tls,
            network,
            address,
            TLSServerSettings(LEGACY, shown or capf_tls()),
            handler,
            lambda _, failure: failures.append(failure),
        )
        yield Serving(actual, failures)
        nursery.cancel_scope.cancel()


KINDS: list[KeyKind] = [
    *(RSAKind(bits) for bits in (1024, 2048, 3072, 4096)),
    *(ECKind(curve) for curve in Curve),
]
