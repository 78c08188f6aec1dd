"""Plays a story: TFTP, HTTP, TVS and CAPF on loopback, and phones that boot against them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import trio

from firmware_sim.capf import CAPFOffice, CAPFStore
from firmware_sim.cluster import ClusterFiles
from firmware_sim.cluster.configuration import CAPF_PORT, TVS_PORT
from firmware_sim.net.node import NodePorts, NodeServices, start_node
from firmware_sim.server_events import ServerEvent
from firmware_sim.story import Actor, Scene, Stage
from firmware_sim.tvs import TVSDirectory
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone, UpdateReport
from secd.net.kernel import KernelNetwork
from secd.net.network import Address, AddressBook
from secd.net.phone import Surroundings
from secd.trace import Traced

_HOST = "127.0.0.1"
_TFTP_PORT, _HTTP_PORT = 69, 6970


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
    return await play([Place((stage.address,), services)], scene.actors, flashes, clock)


async def play(
    places: Sequence[Place],
    actors: Iterable[Actor],
    flashes: dict[str, MemoryFlash],
    clock: TrioClock,
) -> list[Boot]:
    """Serve every place, let the actors boot against the first one, and stop serving."""
    async with trio.open_nursery() as nursery:
        entries: dict[Address, Address] = {}
        for place in places:
            bound = await start_node(nursery, _HOST, NodePorts(), place.services, _ignore)
            for logical, port in _by_logical_port(bound).items():
                entries |= {(name, logical): (_HOST, port) for name in place.names}
        surroundings = Surroundings(KernelNetwork(), clock, AddressBook(entries))
        address = places[0].names[0]
        boots = [await _boot(actor, address, flashes, surroundings) for actor in actors]
        nursery.cancel_scope.cancel()
    return boots


def _by_logical_port(bound: NodePorts) -> dict[int, int]:
    ports = {_TFTP_PORT: bound.tftp, _HTTP_PORT: bound.http, TVS_PORT: bound.tvs}
    return ports if bound.capf is None else ports | {CAPF_PORT: bound.capf}


async def _boot(
    actor: Actor,
    address: str,
    flashes: dict[str, MemoryFlash],
    surroundings: Surroundings,
) -> Boot:
    model = model_catalogue().find(actor.model)
    flash = flashes.setdefault(actor.key, MemoryFlash())
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
