"""Two clusters, an attacker and four phones, twice: as they are, and as the model sees them.

The clusters are those of `firmware_sim.cluster`, the phones the real boot machine on a flash in
memory; beside each runs a `ModelPhone`. `boot` compares what the two wrote. What happens between
boots is the caller's: a state machine of hypothesis, or a story.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from random import Random

from cryptography.hazmat.primitives.asymmetric import rsa

from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    ClusterFiles,
    Credential,
    CTLKind,
    Device,
    ManufacturingCA,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.tvs import TVSDirectory
from fuzz.model import Holder, Name, Word
from fuzz.model_driver import Driver, Surroundings
from fuzz.model_phone import (
    ERASED,
    Around,
    Configured,
    ModelPhone,
    NoAnswer,
    written_names,
)
from fuzz.model_reading import expiry_of, key_of
from fuzz.model_verdict import doubts_of
from fuzz.signing import rsa_key
from secd.boot import (
    AskTVS,
    BootMachine,
    EraseTrustList,
    FileNotReceived,
    FileReceived,
    InstallTrustList,
    Phone,
    StoreConfiguration,
    StoreVouchers,
    Transfer,
    TVSServerAnswered,
    TVSServerFailed,
)
from secd.configuration import parse_configuration_untrusted
from secd.errors import MalformedFile
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model, Switches
from secd.trust import Accept, Voucher, VoucherOutcome
from secd.tvs import FOUND, QueryCertificate, TVSAnswer
from secd.words import TransferFailure, Transport

START = 1_600_000_000.0
ADDRESSES = ("10.1.1.1", "10.2.2.1")  # the publishers
SUBSCRIBER = "10.1.1.2"
ATTACKER = "192.0.2.66"  # its TVS knows everybody
MODELS = {
    "SEP000000000000": "7960",
    "SEP000000000001": "7961",
    "SEP000000000002": "8945",
    "SEP000000000003": "8861",
}
ROUNDS = 1
MOST_STEPS = 60
_POOL = 48
_RELEASES = (Release(10, 5, 2), Release(12, 0, 1))


class NamedKeys:
    """Keys that are the same in every process and every world, in the order they are asked for."""

    def __init__(self) -> None:
        self._given = 0

    def rsa(self, bits: int) -> rsa.RSAPrivateKey:  # noqa: ARG002 - they all have 1024
        """Return the next key."""
        self._given += 1
        return rsa_key(f"world {self._given % _POOL}")


@dataclass
class PhonePair:
    """A phone, really and in the model. server -- the publisher that it asks."""

    device: str
    model: Model
    expected: ModelPhone
    flash: MemoryFlash = field(default_factory=MemoryFlash)
    server: str = ADDRESSES[0]

    @property
    def store(self) -> PhoneStore:
        return PhoneStore(self.flash, self.device, self.model)


class World:
    """Everything there is.

    down, tvs_down -- addresses where nobody answers, or no TVS. missing -- lists that a server does
    not have, as its address and CTL or ITL.
    """

    def __init__(self) -> None:
        random = Random(0)  # noqa: S311 - serials, the same in every world
        self.maker = CertificateMaker(NamedKeys(), random, int(START) - 86400, 1024, 8)
        self.authority = ManufacturingCA.create(self.maker)
        self.clusters = [self._cluster(*each) for each in zip(ADDRESSES, _RELEASES, strict=True)]
        self.directories = [TVSDirectory(cluster) for cluster in self.clusters]
        self.attacker = self.maker.self_signed(_subject("attacker"))
        self.down: set[str] = set()
        self.tvs_down: set[str] = set()
        self.missing: set[tuple[str, str]] = set()
        self._made: dict[tuple[str, str, str], bytes | NoAnswer | None] = {}
        self.now = START
        self.phones = [self._phone(device, name) for device, name in MODELS.items()]

    def _cluster(self, address: str, release: Release) -> Cluster:
        subject = _subject(address)
        node = make_node(self.maker, address, address, subject)
        cluster = make_cluster(self.maker, release, node, subject)
        if address == ADDRESSES[0]:
            second = make_node(self.maker, SUBSCRIBER, SUBSCRIBER, _subject(SUBSCRIBER))
            cluster.nodes.append(second)
            cluster.ctl, cluster.mixed_mode = CTLKind.ETOKEN, True
        cluster.tokens = [self.authority.issue_token(f"ADN{n:08x}") for n in range(2)]
        for device, model in MODELS.items():
            cluster.add_device(Device(device, model))
        return cluster

    def _phone(self, device: str, name: str) -> PhonePair:
        model = model_catalogue().find(name)
        holder = Holder(name != "7960", model.digests, model.modulus_bits)
        return PhonePair(device, model, ModelPhone(device, holder))

    def switch(self, pair: PhonePair, switches: Switches) -> None:
        """Give a phone a load of other habits; what it holds stays."""
        pair.model = replace(pair.model, switches=switches)
        pair.expected.holder = replace(pair.expected.holder, doubts=doubts_of(switches))

    def wait(self, seconds: float) -> None:
        """Let time pass; certificates made from now on are as young as those of the beginning."""
        self.now += seconds
        self.maker = replace(self.maker, made_at_seconds=int(self.now) - 86400)

    # What clusters do

    def renew(self, cluster: Cluster, what: str) -> None:
        """Regenerate a certificate: callmanager, tvs, capf, itl_recovery."""
        name = cluster.publisher.name
        if what in ("callmanager", "tvs"):
            setattr(cluster.publisher, what, self.maker.self_signed(_subject(name)))
        else:
            setattr(cluster, what, self.maker.self_signed(_subject(f"{what}_{name}")))

    def credentials(self) -> list[Credential]:
        """All whose keys sign anything, the attacker's last."""
        return [
            *(each for cluster in self.clusters for each in _credentials(cluster)),
            self.attacker,
        ]

    def erase(self, pair: PhonePair) -> None:
        """Erase a phone by hand."""
        for name in pair.flash.names():
            pair.flash.erase(name)
        pair.expected.reset()

    # What phones meet

    def serve(self, server: str, device: str, name: str) -> bytes | NoAnswer | None:
        """What a TFTP server answers."""
        if server in self.down or server not in ADDRESSES:
            return NoAnswer()
        if (server, name[:3]) in self.missing:
            return None
        cluster = self.clusters[ADDRESSES.index(server)]
        answer = ClusterFiles(cluster).answer(device, name)
        return answer if isinstance(answer, bytes) else None

    def _served(self, server: str, device: str, name: str) -> bytes | NoAnswer | None:
        """What a server answers during one boot, made once: for the model and for the phone."""
        asked = server, device, name
        if asked not in self._made:
            self._made[asked] = self.serve(*asked)
        return self._made[asked]

    def tvs_at(self, address: str, issuer: bytes, serial: bytes) -> tuple[bytes, TVSAnswer] | None:
        """What TVS at an address shows in its handshake, and answers; None: nobody is there."""
        if address in self.down | self.tvs_down:
            return None
        if address == ATTACKER:
            certificate = self.attacker.certificate
            return certificate, TVSAnswer(FOUND, certificate, frozenset({0, 2, 3}), 86400)
        for cluster, directory in zip(self.clusters, self.directories, strict=True):
            for node in cluster.nodes:
                if node.name == address:
                    answer = directory.answer(QueryCertificate(b"", issuer, serial))
                    return node.tvs.certificate, answer
        return None

    # Boots

    def boot(self, pair: PhonePair, cut_after: int | None = None) -> bool:
        """Boot a phone and its model, and compare. False: the power failed."""
        self._made.clear()
        expected = self._expected(pair)
        kept = pair.store.load()
        phone = Phone(
            pair.device,
            pair.model,
            (pair.server,),
            kept.installed,
            kept.configuration,
            kept.vouchers,
            ROUNDS,
        )
        around = Surroundings(
            lambda transfer: self._answer(pair, transfer),
            self._ask_really,
            frozenset({Transport.TFTP}),
        )
        driver = Driver(phone, pair.flash, around, self.now, cut_after)
        whole = driver.run(MOST_STEPS)
        written = _written(driver)
        if whole:
            pair.store.save_state(driver.machine.lists.vouchers, ())
            assert written == expected.written, _differing(pair, written, expected.written)
            pair.expected = expected
        else:
            first = expected.written[: len(written)]
            assert written == first, _differing(pair, written, first)
            pair.expected.resume(written, expected)
        self.check(pair)
        return whole

    def check(self, pair: PhonePair) -> None:
        """What is on flash is what the model allows, octet for octet."""
        holder = pair.expected.holder
        held = {
            "CTLFile.tlv": None if holder.ctl is None else holder.ctl.octets,
            "ITLFile.tlv": None if holder.itl is None else holder.itl.octets,
            f"{pair.device}.cnf.xml": pair.expected.configuration,
        }
        for name, octets in held.items():
            assert pair.flash.read(name) == octets, name

    def _expected(self, pair: PhonePair) -> ModelPhone:
        expected = pair.expected.copy()
        around = Around(
            pair.server,
            lambda name: self._served(pair.server, pair.device, name),
            self._ask_model,
            _read,
            ROUNDS,
        )
        expected.boot(around, self.now)
        return expected

    def _answer(self, pair: PhonePair, transfer: Transfer) -> FileReceived | FileNotReceived:
        found = self._served(transfer.server, pair.device, transfer.file_name)
        if isinstance(found, bytes):
            return FileReceived(found)
        why = TransferFailure.FILE_NOT_FOUND if found is None else TransferFailure.TIMEOUT
        return FileNotReceived(why, 0, why.value)

    def _ask_really(self, machine: BootMachine, ask: AskTVS) -> TVSServerAnswered | TVSServerFailed:
        there = self.tvs_at(ask.server, ask.issuer, ask.serial)
        if there is None or not isinstance(machine.judging.tvs_server(there[0]), Accept):
            return TVSServerFailed(ask.server, ask.port, "nobody to be trusted is there")
        answer, vouched = there[1], VoucherOutcome.VOUCHED
        if answer.status != FOUND:
            return TVSServerAnswered(Voucher(ask.issuer, ask.serial, VoucherOutcome.DENIED))
        until = self.now + answer.lifetime_seconds
        voucher = Voucher(
            ask.issuer, ask.serial, vouched, answer.certificate, answer.functions, until
        )
        return TVSServerAnswered(voucher)

    def _ask_model(self, server: str, name: Name, trusted: tuple[bytes, ...]) -> Word | None:
        issuer, serial = name
        there = self.tvs_at(server, issuer or b"", serial or b"")
        if there is None or there[0] not in trusted:
            return None
        answer = there[1]
        if answer.status != FOUND:
            return Word(name, good=False)
        key = key_of(answer.certificate)
        until, expires = self.now + answer.lifetime_seconds, expiry_of(answer.certificate)
        return Word(name, True, key, answer.functions, until, expires)


def _written(driver: Driver) -> list[tuple[str, bytes]]:
    written = []
    for output in driver.performed:
        if isinstance(output, InstallTrustList):
            written.append((output.kind.value, output.octets))
        elif isinstance(output, EraseTrustList):
            written.append((ERASED + output.kind.value, b""))
        elif isinstance(output, StoreConfiguration):
            written.append(("configuration", output.octets))
        elif isinstance(output, StoreVouchers):
            names = ((voucher.issuer, voucher.serial) for voucher in output.vouchers)
            written.append(("words", written_names(names)))
    return written


def _differing(
    pair: PhonePair, written: list[tuple[str, bytes]], expected: list[tuple[str, bytes]]
) -> str:
    """Say what a phone wrote and what the model did, with the first octets of digests."""
    said = [
        ", ".join(f"{kind} {sha256(octets).hexdigest()[:8]}" for kind, octets in each) or "nothing"
        for each in (written, expected)
    ]
    return f"{pair.device} wrote {said[0]}; by the model {said[1]}"


@lru_cache(maxsize=512)
def _read(octets: bytes) -> Configured | None:
    try:
        one = parse_configuration_untrusted(octets)
    except MalformedFile:
        return None
    return Configured(tuple(server.address for server in one.tvs_servers), one.is_secure)


def _credentials(cluster: Cluster) -> list[Credential]:
    nodes = [each for node in cluster.nodes for each in (node.callmanager, node.tvs)]
    tokens = [token.credential for token in cluster.tokens]
    return [*nodes, *tokens, cluster.itl_recovery, cluster.capf]


def _subject(name: str) -> Subject:
    return Subject(name, "lab", "secd", "Town", "NC", "US")
