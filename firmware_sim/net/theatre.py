"""Plays a story: TFTP, HTTP, TVS and CAPF on loopback, and phones that boot against them."""

from dataclasses import dataclass

import trio

from firmware_sim.capf import CAPFOffice, CAPFStore
from firmware_sim.cluster import ClusterFiles
from firmware_sim.cluster.configuration import CAPF_PORT, TVS_PORT
from firmware_sim.net.capf_server import serve_capf
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
from secd.net.emulator import BootReport, EmulatedPhone, UpdateReport
from secd.net.kernel import KernelNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.net.tls_context import TLSIdentity
from secd.trace import Traced

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
    office = CAPFOffice(stage.cluster, capf, (), clock.wall)
    files = ClusterFiles(stage.cluster, device_now=office.device_now)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            serve_tftp,
            KernelServerNetwork(),
            ("127.0.0.1", 0),
            files,
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
            files,
            _ignore,
        )
        capf_identity = stage.cluster.capf
        capf_address = await nursery.start(
            serve_capf,
            KernelTCPServerNetwork(),
            ("127.0.0.1", 0),
            TLSServerSettings(LEGACY, TLSIdentity((capf_identity.certificate,), capf_identity.key)),
            office,
            _ignore,
        )
        book = AddressBook(
            {
                (stage.address, _TFTP_PORT): address,
                (stage.address, _HTTP_PORT): http_address,
                (stage.address, TVS_PORT): tvs_address,
                (stage.address, CAPF_PORT): capf_address,
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
