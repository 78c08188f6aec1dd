"""What the tests of TLS share: identities, profiles, judges and a server that echoes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from random import Random

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from support import lab

from firmware_sim.cluster.keys import PooledKeys
from firmware_sim.net.tls import MODERN, TLSServerSettings, serve_tls
from secd.errors import SecdError
from secd.models import TLSProfile, TLSVersion
from secd.net.memory import MemoryNetwork
from secd.net.network import Address
from secd.net.own_certificate import OwnCertificate
from secd.net.tls import connect_tls
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream
from secd.trust import Accept, Evidence, NeedsTVS, Reason, Refuse
from secd.trust.peers import PeerVerdict
from secd.words import CertificateKind

NEW = TLSProfile(TLSVersion.TLS_1_2, TLSVersion.TLS_1_2, ("AES256-SHA", "AES128-SHA"))
OLD = TLSProfile(
    TLSVersion.TLS_1_0, TLSVersion.TLS_1_0, ("AES256-SHA", "AES128-SHA"), tolerates_weak=True
)
SERVER = ("192.0.2.1", 2445)


@cache
def identity(name: str) -> TLSIdentity:
    """Return the identity of tests/vectors/certs/<name>.pem."""
    return TLSIdentity((lab(name).der,), lab(name).key)


def mic(shown: TLSIdentity | None = None) -> OwnCertificate:
    """Return what a phone with a MIC shows: tests/vectors/certs/mic.pem unless said otherwise."""
    return OwnCertificate(CertificateKind.MIC, shown or identity("mic"))


@lru_cache
def made(common_name: str, days: int = 1000, issuer: str = "") -> TLSIdentity:
    """Make an identity that expires `days` after 2026-11-24; with an issuer, a chain of two."""
    keys = PooledKeys()
    key = keys.rsa(2048)
    if not issuer:
        return TLSIdentity((_certificate(common_name, key, common_name, key, days),), key)
    ca_key = keys.rsa(2048)
    leaf = _certificate(common_name, key, issuer, ca_key, days)
    return TLSIdentity((leaf, _certificate(issuer, ca_key, issuer, ca_key, days, True)), key)


def _certificate(
    subject: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    days: int,
    ca: bool = False,
) -> bytes:
    today = datetime(2026, 11, 24, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(today - timedelta(days=2000))
        .not_valid_after(today + timedelta(days=days))
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass
class Judge:
    """Judges certificates as told, and keeps what it was shown."""

    verdict: PeerVerdict
    shown: list[bytes] = field(default_factory=list)

    def __call__(self, certificate: bytes) -> PeerVerdict:
        self.shown.append(certificate)
        return self.verdict


def accepting() -> Judge:
    return Judge(Accept(Reason.PEER_LISTED))


def refusing() -> Judge:
    return Judge(Refuse(Reason.PEER_NOT_LISTED, Evidence("no TVS record holds it")))


def doubting() -> Judge:
    return Judge(NeedsTVS(Reason.PEER_NOT_LISTED))


def pin(certificate: bytes) -> Callable[[bytes], PeerVerdict]:
    """Accept this certificate only, octet for octet."""

    def verify(shown: bytes) -> PeerVerdict:
        same = shown == certificate
        return Accept(Reason.PEER_LISTED) if same else Refuse(Reason.PEER_NOT_LISTED)

    return verify


@dataclass
class Lab:
    """A TLS server in memory. failures -- what went wrong, by its own account."""

    network: MemoryNetwork
    failures: list[SecdError] = field(default_factory=list)
    clients: list[bytes | None] = field(default_factory=list)

    async def echo(self, session: TLSStream, _: Address) -> None:
        self.clients.append(session.peer_certificate)
        while octets := await session.receive_some():
            await session.send_all(octets)

    def note(self, _: Address, failure: SecdError) -> None:
        self.failures.append(failure)


@asynccontextmanager
async def serving(settings: TLSServerSettings) -> AsyncIterator[Lab]:
    """Serve at SERVER, in memory, until the block ends and all connections have."""
    memory = Lab(MemoryNetwork(Random(1)))
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_tls, memory.network, SERVER, settings, memory.echo, memory.note)
        yield memory
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


def settings(
    name: str = "tvs", profile: TLSProfile = MODERN, ask_certificate: bool = False
) -> TLSServerSettings:
    return TLSServerSettings(profile, identity(name), ask_certificate)


async def connect(
    memory: Lab,
    verify: Callable[[bytes], PeerVerdict],
    profile: TLSProfile = NEW,
    shown: TLSIdentity | None = None,
) -> TLSStream:
    return await connect_tls(await memory.network.open_tcp(SERVER), profile, verify, shown)
