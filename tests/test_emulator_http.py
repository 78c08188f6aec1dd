"""Whole boots of phones that ask HTTP before TFTP, and of one that takes its files by HTTPS."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
import trio
from boot_support import DEVICE
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from trio.testing import MockClock

from firmware_sim.cluster import ClusterFiles, FileSource, NotFound, PooledKeys, demo_cluster
from firmware_sim.cluster.seed import PUBLISHER_ADDRESS
from firmware_sim.net.http_server import HTTPServer, serve_http
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import MODERN, TLSServerSettings, serve_tls
from firmware_sim.server_events import HTTPRequestReceived, ReadRequestReceived, ServerEvent
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.memory import MemoryNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity
from secd.trace import ConfigurationAccepted, ConfigurationRefused, TLSPeerRefused
from secd.words import BootOutcome

VECTORS = Path(__file__).parent / "vectors"
CTL, ITL = f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv"
SIGNED = f"{DEVICE}.cnf.xml.sgn"


@dataclass(frozen=True)
class Shelf:
    """Files by name."""

    files: dict[str, bytes]

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        return self.files.get(name, NotFound(name))

    def served_name(self, name: str) -> str:
        return name


@dataclass
class World:
    """A network in memory with the servers of one cluster, and one phone's flash."""

    source: FileSource
    network: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(Random(1)))
    flash: MemoryFlash = field(default_factory=MemoryFlash)
    served: list[ServerEvent] = field(default_factory=list)

    async def serve(self, nursery: trio.Nursery, *, http: bool = True) -> None:
        address = (PUBLISHER_ADDRESS, 69)
        await nursery.start(serve_tftp, self.network, address, self.source, self.served.append)
        if http:
            address = (PUBLISHER_ADDRESS, 6970)
            await nursery.start(serve_http, self.network, address, self.source, self.served.append)

    async def boot(self, model: str) -> BootReport:
        found = model_catalogue().find(model)
        store = PhoneStore(self.flash, DEVICE, found)
        phone = EmulatedPhone(DEVICE, found, store, (PUBLISHER_ADDRESS,))
        surroundings = Surroundings(self.network, TrioClock(1.5e9), AddressBook())
        return await phone.boot(surroundings, lambda traced, lines: None)

    def asked(self, kind: type[ReadRequestReceived] | type[HTTPRequestReceived]) -> list[str]:
        return [event.file_name for event in self.served if isinstance(event, kind)]


def cluster_world() -> World:
    cluster = demo_cluster(PooledKeys(), Random(1))
    cluster.devices[DEVICE].load = ""  # that of a 7961
    return World(ClusterFiles(cluster))


@pytest.mark.parametrize("model", ["8945", "7821", "8861"])
async def test_later_phones_take_everything_by_http(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = cluster_world()
    await world.serve(nursery)
    report = await world.boot(model)
    assert report.outcome is BootOutcome.BOOTED
    assert world.asked(HTTPRequestReceived) == [CTL, ITL, SIGNED]
    assert world.asked(ReadRequestReceived) == []


async def test_old_phones_do_not_ask_http(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    world = cluster_world()
    await world.serve(nursery)
    await world.boot("7961")
    assert world.asked(HTTPRequestReceived) == []


async def test_what_http_does_not_have_is_asked_for_by_tftp(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """S12: 503 by HTTP, then "File not found" by TFTP, as a cluster outside mixed mode answers."""
    world = cluster_world()
    assert isinstance(world.source, ClusterFiles)
    world.source.cluster.ctl, world.source.cluster.mixed_mode = None, False
    await world.serve(nursery)
    report = await world.boot("7821")
    assert world.asked(ReadRequestReceived) == [CTL]
    lines = "\n".join(report.lines)
    assert "GHTTP-http get [HTTP/1.1 503 Service Unavailab]" in lines
    assert "TFTPD-Error: (1+1)File not found" in lines
    assert "GHTTP-hdr->HTTP/1.1 200 OK" in lines
    assert report.outcome is BootOutcome.BOOTED


async def test_without_an_http_server_the_same_boot_goes_over_tftp(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = cluster_world()
    await world.serve(nursery, http=False)
    report = await world.boot("8861")
    assert world.asked(ReadRequestReceived) == [CTL, ITL, SIGNED]
    assert report.outcome is BootOutcome.BOOTED


# HTTPS: an ITL of signer version 1.1 with an EC certificate as TFTP, made by certutils.

WITH_ECDSA = replace(MODERN, ciphers=("ECDHE-ECDSA-AES256-GCM-SHA384", *MODERN.ciphers))
CONFIGURATION = b"<device><deviceSecurityMode>1</deviceSecurityMode></device>"


def identity(name: str) -> TLSIdentity:
    pem = (VECTORS / "certs" / f"{name}.pem").read_bytes()
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return TLSIdentity((x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER),), key)


async def https_boot(server: str, nursery: trio.Nursery) -> BootReport:
    """Boot an 8861 whose ITL turns HTTPS on; `server` names the certificate of port 6971."""
    itl = (VECTORS / "ITL-sha512-v1.1-ec.tlv").read_bytes()
    world = World(Shelf({"ITLFile.tlv": itl, SIGNED: CONFIGURATION}))
    await world.serve(nursery)
    answering = HTTPServer(world.source, world.served.append)
    await nursery.start(
        serve_tls,
        world.network,
        (PUBLISHER_ADDRESS, 6971),
        TLSServerSettings(WITH_ECDSA, identity(server)),
        answering.serve_connection,
    )
    return await world.boot("8861")


async def test_an_unsigned_configuration_is_taken_from_the_https_server_of_the_itl(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    report = await https_boot("tftp-ec", nursery)
    accepted = [t.event for t in report.events if isinstance(t.event, ConfigurationAccepted)]
    assert [event.reason for event in accepted] == ["CHANNEL_AUTHENTICATED"]
    assert report.outcome is BootOutcome.BOOTED


async def test_another_https_server_is_refused_in_the_handshake_and_http_counts_for_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    report = await https_boot("outsider", nursery)
    failed = [t.event for t in report.events if isinstance(t.event, TLSPeerRefused)]
    assert [event.reason for event in failed] == ["PEER_NOT_LISTED"]
    refused = [t.event for t in report.events if isinstance(t.event, ConfigurationRefused)]
    assert [event.reason for event in refused] == ["UNSIGNED"]
    assert report.outcome is BootOutcome.NO_CONFIGURATION
