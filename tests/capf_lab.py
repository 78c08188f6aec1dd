"""What the tests of the lab's CAPF share: a small cluster, its server, and a phone."""

import atexit
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tls_support import NEW, OLD, pin

from firmware_sim.capf import (
    CAPFOffice,
    CAPFRecord,
    CAPFStore,
    LSCSubject,
    PhoneFacts,
    issue_lsc,
    make_manufacturer,
    make_mic,
)
from firmware_sim.cluster import Cluster, Credential, PooledKeys, demo_cluster
from firmware_sim.cluster.credentials import certificate_builder
from firmware_sim.net.capf_server import CAPFSource, serve_capf
from firmware_sim.net.tcp import KernelTCPServerNetwork, TCPServerNetwork
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.server_events import CAPFMessage, CAPFRefused, ServerEvent
from secd.capf import (
    Applicant,
    CAPFEnded,
    CertificateType,
    Identity,
    KeyKind,
    Message,
    Operation,
    PrivateKey,
    RSAKind,
    public_octets,
)
from secd.certs import load_certificate_untrusted
from secd.configuration import CAPFMode
from secd.models import TLSProfile
from secd.net.capf import CAPFClient, OnMessage
from secd.net.kernel import KernelNetwork
from secd.net.keys import FreshKeys, KeySource
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook, Network
from secd.net.tls_context import TLSIdentity
from secd.trace import TraceEvent

DEVICE, MODEL = "SEP0011215A1AE3", "7961"
NOW = 1_790_000_000.0
LATER = NOW + 86_400
SERVER: Address = ("10.1.1.1", 3804)
SMALL = RSAKind(1024)


@cache
def manufacturer() -> Credential:
    return make_manufacturer(PooledKeys(), Random(3), int(NOW) - 1000)


@cache
def mic(device: str = DEVICE, kind: KeyKind = SMALL) -> Identity:
    phone = PhoneFacts(device, MODEL)
    return make_mic(manufacturer(), phone, kind, PooledKeys(), Random(4), NOW - 500)


def doubled() -> bytes:
    """A certificate with one extension twice: the library reads it, but not its extensions."""
    key = PooledKeys().rsa(1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE)])
    builder = certificate_builder(key.public_key(), 7, int(NOW) - 60)
    builder = builder.subject_name(name).issuer_name(name)
    for oid in ("1.2.3.4.5.6.1", "1.2.3.4.5.6.2"):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\5\0")
        builder = builder.add_extension(extension, critical=False)
    octets = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    first, second = (bytes([42, 3, 4, 5, 6, last]) for last in (1, 2))
    assert octets.count(second) == 1
    return octets.replace(second, first)


def foreign_mic() -> Identity:
    """A MIC of another manufacturer, who has the same name."""
    keys = PooledKeys(24)
    for _ in range(5):
        keys.rsa(2048)
    other = make_manufacturer(keys, Random(5), int(NOW) - 1000)
    return make_mic(other, PhoneFacts(DEVICE, MODEL), SMALL, keys, Random(6), NOW - 500)


class Pooled:
    """Keys of the process's pool, so that no test waits for RSA."""

    async def make(self, kind: KeyKind) -> PrivateKey:
        if isinstance(kind, RSAKind):
            await trio.lowlevel.checkpoint()
            return PooledKeys(20).rsa(kind.bits)
        return await FreshKeys().make(kind)


@dataclass
class Nets:
    """Both ends of a network."""

    network: Network
    listening: TCPServerNetwork
    address: Address


def Kernel() -> Nets:  # noqa: N802 - reads like a class
    return Nets(KernelNetwork(), KernelTCPServerNetwork(), ("127.0.0.1", 0))


def Memory() -> Nets:  # noqa: N802
    network = MemoryNetwork(Random(1))
    return Nets(network, network, SERVER)


@dataclass
class Server:
    """A running server. seen -- its events."""

    network: Network
    address: Address
    certificate: bytes
    seen: list[ServerEvent] = field(default_factory=list)

    @property
    def said(self) -> list[str]:
        """The names of all messages, in order."""
        return [event.message for event in self.seen if isinstance(event, CAPFMessage)]

    @property
    def refusals(self) -> list[tuple[int, str]]:
        return [(e.reason, e.detail) for e in self.seen if isinstance(e, CAPFRefused)]


@dataclass
class CAPFLab:
    cluster: Cluster
    office: CAPFOffice

    def keep(self, keep: Callable[[str, CertificateType, bytes], None]) -> None:
        """Have what phones show kept by somebody."""
        self.office = replace(self.office, keep=keep)

    def authority_certificate(self) -> bytes:
        """A certificate with the device's name that is an authority's."""
        return self._certificate(x509.BasicConstraints(ca=True, path_length=None))

    def certificate_for_encryption(self) -> bytes:
        """A certificate of the device whose key usage leaves signing out."""
        others = ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign")
        off = dict.fromkeys((*others, "crl_sign", "encipher_only", "decipher_only"), False)
        return self._certificate(
            x509.KeyUsage(digital_signature=False, key_encipherment=True, **off)
        )

    def _certificate(self, extension: x509.ExtensionType) -> bytes:
        key = PooledKeys().rsa(1024)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE)])
        issuer = load_certificate_untrusted(self.cluster.capf.certificate).subject
        builder = (
            certificate_builder(key.public_key(), 7, int(NOW) - 60)
            .subject_name(name)
            .issuer_name(issuer)
            .add_extension(extension, critical=True)
        )
        signed = builder.sign(self.cluster.capf.key, hashes.SHA256())
        return signed.public_bytes(Encoding.DER)

    @property
    def store(self) -> CAPFStore:
        return self.office.store

    def record(self, device: str = DEVICE) -> CAPFRecord:
        return self.store.get(device) or CAPFRecord(device)

    def schedule(
        self,
        operation: Operation,
        by: CAPFMode,
        key: KeyKind = SMALL,
        until: float = LATER,
        string: str = "",
    ) -> CAPFRecord:
        def change(record: CAPFRecord) -> CAPFRecord:
            changed = record.scheduled(operation, by, key, until)
            return changed.with_string(string) if string else changed

        self.store.change(DEVICE, change)
        return self.record()

    @asynccontextmanager
    async def serving(
        self, nets: Nets, source: CAPFSource | None = None, limit: int = 400
    ) -> AsyncIterator[Server]:
        capf = self.cluster.capf
        identity = TLSIdentity((capf.certificate,), capf.key)
        settings = TLSServerSettings(LEGACY, identity, connection_limit=limit)
        seen: list[ServerEvent] = []
        async with trio.open_nursery() as nursery:
            address = await nursery.start(
                serve_capf,
                nets.listening,
                nets.address,
                settings,
                source or self.office,
                seen.append,
            )
            yield Server(nets.network, address, capf.certificate, seen)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()


def a_lab(subject: LSCSubject = LSCSubject.CUCM, store: CAPFStore | None = None) -> CAPFLab:
    cluster = demo_cluster(PooledKeys(), Random(1))
    if store is None:
        store = CAPFStore(None)
        atexit.register(store.close)
    office = CAPFOffice(
        cluster,
        store,
        (manufacturer().certificate,),
        lambda: NOW,
        subject,
    )
    return CAPFLab(cluster, office)


def own_lsc(
    lab: CAPFLab,
    kind: KeyKind = SMALL,
    style: LSCSubject = LSCSubject.CUCM,
    at: float = NOW,
    device: str = DEVICE,
) -> Identity:
    key = made(kind)
    phone = PhoneFacts(device, MODEL)
    cluster = lab.cluster
    return Identity(
        issue_lsc(cluster.capf, phone, public_octets(key), style, cluster.random, at), key
    )


def made(kind: KeyKind) -> PrivateKey:
    if isinstance(kind, RSAKind):
        return PooledKeys(20).rsa(kind.bits)
    return trio.run(Pooled().make, kind)


def assert_untouched(lab: CAPFLab) -> None:
    """An Install by null string that was scheduled is so still."""
    record = lab.record()
    assert (record.operation, record.authentication, record.lsc) == (
        Operation.INSTALL,
        CAPFMode.NULL_STRING,
        None,
    )


@dataclass
class Place:
    """Where a phone keeps its LSC. staged -- those beside the one in force."""

    staged: list[Identity] = field(default_factory=list)

    def stage(self, identity: Identity) -> None:
        self.staged = [identity]

    def discard(self) -> None:
        self.staged = []


@dataclass
class Phone:
    """A phone that holds one session after the other."""

    server: Server
    profile: TLSProfile = field(
        default_factory=lambda: TLSProfile(NEW.lowest, NEW.highest, NEW.ciphers, True)
    )
    keys: KeySource = field(default_factory=Pooled)
    place: Place = field(default_factory=Place)

    @property
    def staged(self) -> list[Identity]:
        return self.place.staged

    @classmethod
    def old(cls, server: Server) -> "Phone":
        """A phone that speaks TLS 1.0 only."""
        return cls(server, OLD)

    async def converse(
        self, applicant: Applicant | None = None, on_message: OnMessage | None = None
    ) -> CAPFEnded:
        client = CAPFClient(
            self.server.network,
            AddressBook(),
            self.profile,
            pin(self.server.certificate),
            self.keys,
            self.place,
            _ignore,
            on_message or _unseen,
        )
        return await client.converse(*self.server.address, applicant or Applicant(DEVICE))


def _ignore(_: TraceEvent) -> None:
    """The tests look at the server's."""


def _unseen(_: Message, __: bool) -> None:
    """Nobody looks."""
