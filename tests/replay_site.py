"""Clusters and a phone under the names and addresses of a capture, in memory."""

from contextlib import closing
from dataclasses import dataclass, field
from random import Random

import trio
from capf_lab import Pooled
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from replay_support import PrintedLog
from trio.testing import wait_all_tasks_blocked

from firmware_sim.capf import CAPFOffice, CAPFStore
from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    ClusterFiles,
    Credential,
    CTLKind,
    Device,
    PooledKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.cluster.configuration import CAPF_PORT, TVS_PORT
from firmware_sim.cluster.credentials import certificate_builder, credential_of
from firmware_sim.net.capf_server import serve_capf
from firmware_sim.net.http_server import serve_http
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import TVSSource, serve_tvs
from firmware_sim.server_events import ServerEvent
from firmware_sim.tvs import Entry, TVSDirectory
from secd.capf import Identity
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.identity import LSC_FILE, identity_to_pem
from secd.files.store import PhoneStore
from secd.models import TLSProfile
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity

MADE_AT = 1_500_000_000
IMPORTED = frozenset({0, 3})  # a foreign CallManager, as in 213407


def maker(seed: int = 1) -> CertificateMaker:
    return CertificateMaker(PooledKeys(), Random(seed), MADE_AT)


def cluster(
    address: str, subject: Subject, release: Release, device: Device, *, mixed_mode: bool
) -> Cluster:
    """Return a cluster of one node that is named by its address, with one phone."""
    node = make_node(maker(), address, address, subject)
    made = make_cluster(maker(len(address)), release, node, subject)
    if mixed_mode:
        made.ctl, made.mixed_mode = CTLKind.TOKENLESS, True
    made.add_device(device)
    return made


def issued(subject: Subject, issuer: str, serial: bytes) -> Credential:
    """Return a certificate of an authority that is known by its name only."""
    keys = maker().keys
    key, authority = keys.rsa(2048), keys.rsa(2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    number = int.from_bytes(serial, "big")
    signed = (
        certificate_builder(key.public_key(), number, MADE_AT)
        .subject_name(subject.x509_name())
        .issuer_name(name)
        .sign(authority, hashes.SHA256())
    )
    return credential_of(signed.public_bytes(Encoding.DER), key)


def capf_named(name: x509.Name) -> Credential:
    """Return the certificate of a CAPF of this name, its parts in this order."""
    key = maker().keys.rsa(2048)
    builder = certificate_builder(key.public_key(), 2**100 + 1, MADE_AT)
    signed = builder.subject_name(name).issuer_name(name).sign(key, hashes.SHA256())
    return credential_of(signed.public_bytes(Encoding.DER), key)


def tvs_that_knows(old: Cluster, new: Cluster) -> TVSDirectory:
    """Return the TVS of a cluster into which the other's CallManager was imported."""
    return TVSDirectory(old, imported=[Entry(new.publisher.callmanager, IMPORTED)])


@dataclass
class Site:
    """A network in memory with the servers of clusters, and one phone's flash."""

    device: Device
    load: str
    network: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(Random(1)))
    flash: MemoryFlash = field(default_factory=MemoryFlash)
    served: list[ServerEvent] = field(default_factory=list)

    def hold_lsc(self, subject: x509.Name, issuer: x509.Name) -> None:
        """Give the phone an LSC with these names, of a CAPF that is known by its name only."""
        keys = maker().keys
        key, authority = keys.rsa(2048), keys.rsa(2048)
        signed = (
            certificate_builder(key.public_key(), 0x1A2B3C, MADE_AT)
            .subject_name(subject)
            .issuer_name(issuer)
            .sign(authority, hashes.SHA256())
        )
        self.flash.write(
            LSC_FILE, identity_to_pem(Identity(signed.public_bytes(Encoding.DER), key))
        )

    async def serve_files(self, nursery: trio.Nursery, of: Cluster) -> None:
        """Serve a cluster's files by TFTP and HTTP."""
        address, files = of.publisher.address, ClusterFiles(of)
        await nursery.start(serve_tftp, self.network, (address, 69), files, self.served.append)
        await self.serve_http(nursery, of)

    async def serve_http(self, nursery: trio.Nursery, of: Cluster) -> None:
        address = (of.publisher.address, 6970)
        await nursery.start(serve_http, self.network, address, ClusterFiles(of), self.served.append)

    async def serve_tftp_but_the_first(self, nursery: trio.Nursery, of: Cluster) -> None:
        """Serve TFTP once the first datagram has come, which gets no answer."""
        address, files = (of.publisher.address, 69), ClusterFiles(of)

        async def serve() -> None:
            with self.network.bind(address) as deaf:
                await deaf.receive()
            await serve_tftp(self.network, address, files, self.served.append)

        nursery.start_soon(serve)
        await wait_all_tasks_blocked()

    async def serve_tvs(
        self,
        nursery: trio.Nursery,
        of: Cluster,
        source: TVSSource,
        address: str = "",
        profile: TLSProfile = LEGACY,
    ) -> None:
        """Serve TVS with a cluster's TVS certificate; at its publisher unless said otherwise."""
        shown = of.publisher.tvs
        identity = TLSIdentity((shown.certificate,), shown.key)
        await nursery.start(
            serve_tvs,
            self.network,
            (address or of.publisher.address, TVS_PORT),
            TLSServerSettings(profile, identity),
            source,
            self.served.append,
        )

    async def serve_capf(
        self, of: Cluster, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve CAPF of a cluster at its publisher, with what its state says is scheduled."""
        with closing(CAPFStore(None)) as store:
            office = CAPFOffice(of, store, (), lambda: MADE_AT + 60.0)
            office.adopt()
            identity = TLSIdentity((of.capf.certificate,), of.capf.key)
            await serve_capf(
                self.network,
                (of.publisher.address, CAPF_PORT),
                TLSServerSettings(LEGACY, identity),
                office,
                self.served.append,
                task_status=task_status,
            )

    async def boot(self, *servers: str) -> tuple[BootReport, PrintedLog]:
        """Boot the phone with these TFTP servers."""
        model = model_catalogue().find(self.device.model, self.load)
        store = PhoneStore(self.flash, self.device.name, model)
        phone = EmulatedPhone(self.device.name, model, store, servers)
        log = PrintedLog()
        surroundings = Surroundings(self.network, TrioClock(MADE_AT), AddressBook(), Pooled())
        return await phone.boot(surroundings, log), log

    async def boot_once_at(self, old: Cluster) -> None:
        """Let the phone get lists and configuration of a cluster, whose servers then vanish."""
        async with trio.open_nursery() as nursery:
            await self.serve_files(nursery, old)
            await nursery.start(self.serve_capf, old)
            report, _ = await self.boot(old.publisher.address)
            nursery.cancel_scope.cancel()
        assert report.installed.itl is not None
