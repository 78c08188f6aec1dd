"""A cluster in two versions for phones to boot against: before and after it renewed certificates.

Both versions serve a CTL, an ITL and a signed configuration to the same device, and a phone that
holds one accepts the other. The keys are the same in every process (`fuzz.signing`).
"""

from dataclasses import dataclass
from functools import cache

from firmware_sim.cluster import ClusterFiles, NotFound
from fuzz.model_world import ADDRESSES, START, World
from secd.files.data import model_catalogue
from secd.files.flash import Flash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.network import AddressBook, Network
from secd.net.phone import Surroundings

DEVICE = "SEP000000000001"
SERVER = ADDRESSES[0]
CTL, ITL, CONFIGURATION = "CTLFile.tlv", "ITLFile.tlv", f"{DEVICE}.cnf.xml"
STATE, CONSOLE = "state.toml", "console.log"
_SERVED = (f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", f"{DEVICE}.cnf.xml.sgn", f"{DEVICE}.cnf.xml")


@dataclass(slots=True)
class Shelf:
    """Files by name, to serve to anybody; may be exchanged at any time."""

    files: dict[str, bytes]

    def answer(self, requester: str, name: str) -> bytes | NotFound:  # noqa: ARG002
        """Return a file, or NotFound."""
        return self.files.get(name) or NotFound(name)

    def served_name(self, name: str) -> str:
        """Return the name itself."""
        return name


@cache
def versions() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return all files of both versions, by the name under which they are asked for."""
    world = World()
    cluster = world.clusters[0]
    before = _files(ClusterFiles(cluster))
    world.renew(cluster, "tvs")
    world.renew(cluster, "capf")
    cluster.changed_at_seconds += 3600
    cluster.devices[DEVICE].soft_keys = "SK0123.xml"
    return before, _files(ClusterFiles(cluster))


def _files(source: ClusterFiles) -> dict[str, bytes]:
    found = {name: source.answer(DEVICE, name) for name in _SERVED}
    return {name: octets for name, octets in found.items() if isinstance(octets, bytes)}


def kept(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what a phone keeps of a version once it has booted with it."""
    ctl, itl, _, plain = (files[name] for name in _SERVED)
    return {CTL: ctl, ITL: itl, CONFIGURATION: plain}


def model() -> Model:
    """Return the phone's model: TFTP alone, and a round of retries without CTL."""
    return model_catalogue().find("7961")


def store_on(flash: Flash) -> PhoneStore:
    """Return the phone's store."""
    return PhoneStore(flash, DEVICE, model())


async def boot(
    flash: Flash, network: Network, book: AddressBook | None = None, phone: Model | None = None
) -> BootReport:
    """Boot the phone once. phone -- where it shall differ from `model`."""
    booting = EmulatedPhone(DEVICE, phone or model(), store_on(flash), (SERVER,), round_limit=1)
    surroundings = Surroundings(network, TrioClock(START), book or AddressBook())
    return await booting.boot(surroundings, lambda _, __: None)
