"""Plays a story: TFTP, HTTP, TVS and CAPF on loopback, and phones that boot against them."""

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
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.trace import Traced

_HOST = "127.0.0.1"
_TFTP_PORT, _HTTP_PORT = 69, 6970


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the story. updating, update -- what came after it, where somebody typed."""

    scene: Scene
    actor: Actor
    model: Model
    report: BootReport
    updating: tuple[Traced, ...] = ()
    update: UpdateReport | None = None


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
    files = ClusterFiles(cluster, device_now=office.device_now)
    async with trio.open_nursery() as nursery:
        services = NodeServices(
            files,
            TVSDirectory(cluster),
            lambda: cluster.publisher.tvs,
            office,
            lambda: cluster.capf,
        )
        bound = await start_node(nursery, _HOST, NodePorts(), services, _ignore)
        ports = {
            _TFTP_PORT: bound.tftp,
            _HTTP_PORT: bound.http,
            TVS_PORT: bound.tvs,
            CAPF_PORT: bound.capf,
        }
        book = AddressBook(
            {
                (stage.address, logical): (_HOST, port)
                for logical, port in ports.items()
                if port is not None
            }
        )
        surroundings = Surroundings(KernelNetwork(), clock, book)
        boots = [
            await _boot(scene, actor, stage.address, flashes, surroundings)
            for actor in scene.actors
        ]
        nursery.cancel_scope.cancel()
    return boots


async def _boot(
    scene: Scene,
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
        return Boot(scene, actor, model, report)
    events: list[Traced] = []

    def keep(traced: Traced, _: tuple[str, ...]) -> None:
        events.append(traced)

    update = await phone.update_lsc(surroundings, keep, actor.string)
    return Boot(scene, actor, model, report, tuple(events), update)


def _ignore(_: ServerEvent) -> None:
    """The story is told by the phones."""


def _ignore_event(_: Traced, __: tuple[str, ...]) -> None:
    """The report has it all."""
