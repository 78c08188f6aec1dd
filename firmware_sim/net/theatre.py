"""Plays a story: TFTP, HTTP and TVS on loopback, and phones that boot against them."""

from dataclasses import dataclass

import trio

from firmware_sim.cluster import ClusterFiles
from firmware_sim.cluster.configuration import TVS_PORT
from firmware_sim.net.http_server import serve_http
from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.server_events import ServerEvent
from firmware_sim.story import Actor, Scene, Stage
from firmware_sim.tvs import TVSDirectory
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport, EmulatedPhone
from secd.net.kernel import KernelNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity
from secd.trace import Traced

_TFTP_PORT, _HTTP_PORT = 69, 6970


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the story."""

    scene: Scene
    actor: Actor
    model: Model
    report: BootReport


async def play_scene(stage: Stage, scene: Scene, flashes: dict[str, MemoryFlash]) -> list[Boot]:
    """Prepare and play one scene; return its boots in order.

    flashes -- by the actors' keys; phones that are new to the story get one. Listens on loopback,
    any free port, until the scene is over.
    """
    scene.prepare(stage)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            serve_tftp,
            KernelServerNetwork(),
            ("127.0.0.1", 0),
            ClusterFiles(stage.cluster),
            _ignore,
        )
        tvs = stage.cluster.publisher.tvs
        tvs_address = await nursery.start(
            serve_tvs,
            KernelTCPServerNetwork(),
            ("127.0.0.1", 0),
            TLSServerSettings(LEGACY, TLSIdentity((tvs.certificate,), tvs.key)),
            TVSDirectory(stage.cluster),
            _ignore,
        )
        http_address = await nursery.start(
            serve_http,
            KernelTCPServerNetwork(),
            ("127.0.0.1", 0),
            ClusterFiles(stage.cluster),
            _ignore,
        )
        book = AddressBook(
            {
                (stage.address, _TFTP_PORT): address,
                (stage.address, _HTTP_PORT): http_address,
                (stage.address, TVS_PORT): tvs_address,
            }
        )
        surroundings = Surroundings(KernelNetwork(), TrioClock(), book)
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
    return Boot(scene, actor, model, await phone.boot(surroundings, _ignore_event))


def _ignore(_: ServerEvent) -> None:
    """The story is told by the phones."""


def _ignore_event(_: Traced, __: tuple[str, ...]) -> None:
    """The report has it all."""
