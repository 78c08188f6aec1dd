"""Plays a story: a TFTP server on loopback, and phones that boot against it over real UDP."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import trio

from firmware_sim.cluster import ClusterFiles
from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.server_events import ServerEvent
from firmware_sim.story import Actor, Scene, Stage
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.kernel import KernelNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.trace import Traced

_TFTP_PORT = 69


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the story."""

    scene: Scene
    actor: Actor
    report: BootReport


async def play(
    stage: Stage,
    scenes: Sequence[Scene],
    on_scene: Callable[[Scene], None],
    on_boot: Callable[[Boot], None],
) -> list[Boot]:
    """Play all scenes in order and return every boot. Listens on loopback, any free port."""
    boots: list[Boot] = []
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(
            serve_tftp,
            KernelServerNetwork(),
            ("127.0.0.1", 0),
            ClusterFiles(stage.cluster),
            _ignore,
        )
        flashes: dict[str, MemoryFlash] = {}
        for scene in scenes:
            on_scene(scene)
            scene.prepare(stage)
            book = AddressBook({(stage.address, _TFTP_PORT): (host, port)})
            surroundings = Surroundings(KernelNetwork(), TrioClock(), book)
            async for boot in _boots(scene, stage.address, flashes, surroundings):
                on_boot(boot)
                boots.append(boot)
        nursery.cancel_scope.cancel()
    return boots


async def _boots(
    scene: Scene, address: str, flashes: dict[str, MemoryFlash], surroundings: Surroundings
) -> AsyncIterator[Boot]:
    for actor in scene.actors:
        model = model_catalogue().find(actor.model)
        flash = flashes.setdefault(actor.key, MemoryFlash())
        phone = EmulatedPhone(
            actor.device, model, PhoneStore(flash, actor.device, model), (address,)
        )
        yield Boot(scene, actor, await phone.boot(surroundings, _ignore_event))


def _ignore(_: ServerEvent) -> None:
    """The story is told by the phones."""


def _ignore_event(_: Traced, __: tuple[str, ...]) -> None:
    """The report has it all."""
