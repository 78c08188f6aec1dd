"""Plays a story: TFTP, HTTP, TVS and CAPF on loopback, and phones that boot against them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from firmware_sim.capf import CAPFOffice, CAPFStore
from firmware_sim.cluster import ClusterFiles
from firmware_sim.cluster.configuration import CAPF_PORT, TVS_PORT
from firmware_sim.net.node import NodePorts, NodeServices, start_node
from firmware_sim.server_events import ServerEvent
from firmware_sim.story import Actor, Scene, Stage
from firmware_sim.tvs import TVSDirectory
from secd.files.data import model_catalogue
from secd.files.flash import Flash, MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone, UpdateReport
from secd.net.kernel import KernelNetwork
from secd.net.network import Address, AddressBook
from secd.net.phone import Surroundings
from secd.trace import Traced

_HOST = "127.0.0.1"
_TFTP_PORT, _HTTP_PORT, CTL_PROVIDER_PORT = 69, 6970, 2444


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the story. updating, update -- what came after it, where somebody typed."""

    actor: Actor
    model: Model
    report: BootReport
    updating: tuple[Traced, ...] = ()
    update: UpdateReport | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the story. names -- its address first, as phones are told it, and its host name."""

    names: tuple[str, ...]
    services: NodeServices
    ports: NodePorts = field(default_factory=NodePorts)


async def play_scene(
    stage: Stage, scene: Scene, flashes: dict[str, MemoryFlash], capf: CAPFStore
) -> list[Boot]:
    """Prepare and play one scene; return its boots in order.

    flashes -- by the actors' keys; phones that are new to the story get one. Listens on loopback,
    any free port, until the scene is over. capf -- what CAPF is to do and has done.
    """
    scene.prepare(stage)
    scene.schedule(capf)
    clock = TrioClock()
    cluster = stage.cluster
    office = CAPFOffice(cluster, capf, (), clock.wall)
    services = NodeServices(
        ClusterFiles(cluster, device_now=office.device_now),
        TVSDirectory(cluster),
        lambda: cluster.publisher.tvs,
        office,
        lambda: cluster.capf,
    )
    async with serving([Place((stage.address,), services)], clock) as surroundings:
        return [
            await boot_actor(
                actor, flashes.setdefault(actor.key, MemoryFlash()), stage.address, surroundings
            )
            for actor in scene.actors
        ]


@asynccontextmanager
async def serving(places: Sequence[Place], clock: TrioClock) -> AsyncIterator[Surroundings]:
    """Serve every place, and give the phones the way to them."""
    async with trio.open_nursery() as nursery:
        entries: dict[Address, Address] = {}
        for place in places:
            bound = await start_node(nursery, _HOST, place.ports, place.services, _ignore)
            for logical, port in _by_logical_port(bound).items():
                entries |= {(name, logical): (_HOST, port) for name in place.names}
        yield Surroundings(KernelNetwork(), clock, AddressBook(entries))
        nursery.cancel_scope.cancel()


def _by_logical_port(bound: NodePorts) -> dict[int, int]:
    ports = {
        _TFTP_PORT: bound.tftp,
        _HTTP_PORT: bound.http,
        TVS_PORT: bound.tvs,
        CAPF_PORT: bound.capf,
        CTL_PROVIDER_PORT: bound.ctl_provider,
    }
    return {logical: port for logical, port in ports.items() if port is not None}


async def boot_actor(actor: Actor, flash: Flash, address: str, surroundings: Surroundings) -> Boot:
    """Boot a phone of the story against the TFTP server at `address`."""
    model = model_catalogue().find(actor.model)
    store = PhoneStore(flash, actor.device, model)
    phone = EmulatedPhone(actor.device, model, store, (address,))
    report = await phone.boot(surroundings, _ignore_event)
    if not actor.string:
        return Boot(actor, model, report)
    events: list[Traced] = []

    def keep(traced: Traced, _: tuple[str, ...]) -> None:
        events.append(traced)

    update = await phone.update_lsc(surroundings, keep, actor.string)
    return Boot(actor, model, report, tuple(events), update)


def _ignore(_: ServerEvent) -> None:
    """The story is told by the phones."""


def _ignore_event(_: Traced, __: tuple[str, ...]) -> None:
    """The report has it all."""
