"""The demo's cluster in memory, and one phone on one flash: for whole boots."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import trio
from boot_support import DEVICE

from firmware_sim.cluster import ClusterFiles, PooledKeys, demo_cluster
from firmware_sim.cluster.seed import PUBLISHER_ADDRESS
from firmware_sim.cluster.state import Cluster
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.server_events import ReadRequestReceived, ServerEvent
from secd.files.data import model_catalogue
from secd.files.flash import Flash, MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.memory import MemoryNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.trace import (
    Traced,
)

SEED_TIME = 1314811683.0
SEED_LOG = Path(__file__).parent / "vectors" / "console" / "seed-ctl.log"
SERVER = (PUBLISHER_ADDRESS, 69)
CTL, ITL, SIGNED = f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", f"{DEVICE}.cnf.xml.sgn"


def cluster() -> Cluster:
    return demo_cluster(PooledKeys(), Random(1))


@dataclass
class World:
    """A network with the cluster's server at its logical address, and one phone's flash."""

    network: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(Random(1)))
    files: ClusterFiles = field(default_factory=lambda: ClusterFiles(cluster()))
    flash: Flash = field(default_factory=MemoryFlash)
    served: list[ServerEvent] = field(default_factory=list)
    heard: list[Traced] = field(default_factory=list)

    async def serve(self, nursery: trio.Nursery) -> None:
        await nursery.start(serve_tftp, self.network, SERVER, self.files, self.served.append)

    def phone(self, model: str | Model = "7961", round_limit: int | None = 1) -> EmulatedPhone:
        found = model if isinstance(model, Model) else model_catalogue().find(model)
        store = PhoneStore(self.flash, DEVICE, found)
        return EmulatedPhone(DEVICE, found, store, (PUBLISHER_ADDRESS,), round_limit=round_limit)

    async def boot(self, model: str | Model = "7961", round_limit: int | None = 1) -> BootReport:
        surroundings = Surroundings(self.network, TrioClock(SEED_TIME), AddressBook())
        return await self.phone(model, round_limit).boot(
            surroundings, lambda traced, _: self.heard.append(traced)
        )

    @property
    def asked(self) -> list[str]:
        requests = (e for e in self.served if isinstance(e, ReadRequestReceived))
        return [event.file_name for event in requests]

    def contents(self) -> dict[str, bytes]:
        return {name: self.flash.read(name) or b"" for name in self.flash.names()}

    def trusted(self) -> dict[str, bytes]:
        """The files that decide what the phone trusts and does."""
        ours = ("CTLFile.tlv", "ITLFile.tlv", f"{DEVICE}.cnf.xml")
        return {name: octets for name, octets in self.contents().items() if name in ours}


def texts(report: BootReport) -> list[str]:
    """The console lines without number, level and time."""
    return [line.split(" ", 3)[3] for line in report.lines]


def shape(line: str) -> str:
    """A line without what is our keys' own: sizes and lengths."""
    return re.sub(r"(rcvd|length) <?\d+>?", r"\1 #", line)
