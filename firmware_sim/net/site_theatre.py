"""Plays the demo's second story: every node of a cluster directory on loopback, tokens, phones."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import trio

from firmware_sim.administration.checking import Report, make_report
from firmware_sim.administration.checking.reading import read_phone, read_site
from firmware_sim.administration.directory import read_cluster
from firmware_sim.administration.provider import NodeProvider
from firmware_sim.administration.running import read_callmanager
from firmware_sim.administration.serving import (
    CurrentCAPF,
    CurrentTVS,
    ServedNode,
)
from firmware_sim.administration.staging import ProviderSite
from firmware_sim.capf import CAPFOffice
from firmware_sim.ctl_client.events import ClientEvent
from firmware_sim.ctl_client.plan import Refusal, plan
from firmware_sim.ctl_client.texts import say, tell
from firmware_sim.ctl_provider.messages import TRANSACTION_BYTES
from firmware_sim.lab import capf_store
from firmware_sim.net.ctl_client import CTLClient
from firmware_sim.net.node import NodePorts, NodeServices
from firmware_sim.net.theatre import CTL_PROVIDER_PORT, Boot, Place, boot_actor, serving
from firmware_sim.site_story import (
    ADMINISTRATOR,
    PASSWORD,
    PIN,
    Check,
    EraseCTL,
    RunClient,
    Site,
    SiteScene,
    Step,
    Typed,
)
from firmware_sim.story import Actor
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash, Flash
from secd.files.store import PhoneStore
from secd.net.clock import TrioClock
from secd.net.emulator import EmulatedPhone
from secd.net.phone import Surroundings
from secd.words import FileKind


@dataclass(frozen=True, slots=True)
class Done:
    """A step as it went. lines -- what somebody read after it.

    report, phones -- of a Check, and how many phones it looked at.
    """

    step: Step
    lines: tuple[str, ...] = ()
    report: Report | None = None
    phones: int = 0


@dataclass(frozen=True, slots=True)
class PlayedScene:
    """A scene as it went."""

    done: tuple[Done, ...]
    boots: tuple[Boot, ...]


async def play_site_scene(site: Site, scene: SiteScene) -> PlayedScene:
    """Do the steps of a scene, then let its phones boot; the cluster serves meanwhile."""
    clock = TrioClock()
    with closing(capf_store(site.root)) as store:
        capf = CurrentCAPF(site.root, SystemRandom())
        office = CAPFOffice(capf, store, (), clock.wall)
        async with serving(_places(site, office, capf), clock) as surroundings:
            done = [await _do(step, site, surroundings) for step in scene.steps]
            boots = [await _boot(actor, site, surroundings) for actor in scene.actors]
    return PlayedScene(tuple(done), tuple(boots))


def _places(site: Site, office: CAPFOffice, capf: CurrentCAPF) -> list[Place]:
    providers = ProviderSite(site.root, trio.current_time)
    cluster = read_cluster(site.root)
    places = []
    for node in cluster.nodes:
        tvs = CurrentTVS(site.root, node.name)
        is_publisher = node is cluster.publisher
        services = NodeServices(
            ServedNode(site.root, node.name, office.device_now),
            tvs,
            tvs.identity,
            office if is_publisher else None,
            capf.identity if is_publisher else None,
            NodeProvider(providers, node.name),
        )
        places.append(Place((node.address, node.name), services, NodePorts(ctl_provider=0)))
    return places


async def _do(step: Step, site: Site, surroundings: Surroundings) -> Done:
    match step:
        case Typed():
            return Done(step, tuple(step.do(site)))
        case RunClient():
            return Done(step, tuple(await _run_client(step, site, surroundings)))
        case EraseCTL(actor):
            with _phone(actor, site) as (phone, _):
                phone.erase_lists([FileKind.CTL], surroundings.clock.wall())
            return Done(step)
        case Check():
            return _check(step, site, surroundings.clock.wall())


async def _run_client(step: RunClient, site: Site, around: Surroundings) -> Sequence[str]:
    """Run the CTL Client as `firmware-sim ctl client` does, with tokens whose PIN is known."""
    lines: list[str] = []

    def report(event: ClientEvent) -> None:
        lines.append(tell(event))

    client = CTLClient(
        around.network, around.book, CTL_PROVIDER_PORT, ADMINISTRATOR, PASSWORD, report
    )
    publisher = read_cluster(site.root).publisher
    shown = read_callmanager(site.root, publisher.name).certificate
    cluster = await client.collect(site.address, hashlib.sha256(shown).digest())
    inserted = {site.tokens[number].certificate: site.tokens[number] for number in step.tokens}
    removed = [site.tokens[number].name for number in step.removed]
    planned = plan(cluster, step.action, list(inserted), removed, site.now_seconds())
    if isinstance(planned, Refusal):
        return [*lines, say(planned.why, **planned.values)]
    signing = inserted[planned.signer.certificate]
    ctl = planned.make_ctl(site.now_seconds(), lambda octets: signing.sign(octets, PIN))
    lines.append(say("signed", token=signing.name))
    transaction = os.urandom(TRANSACTION_BYTES)
    outcome = await client.write(cluster, site.address, ctl, planned.mixed, transaction)
    return [*lines, outcome.why] if outcome.why else lines


def _check(step: Check, site: Site, now_seconds: float) -> Done:
    phones = [read_phone(folder) for folder in sorted(_phones(site).glob("*"))]
    report = make_report(read_site(site.root, now_seconds), phones, [])
    return Done(step, report=report, phones=len(phones))


async def _boot(actor: Actor, site: Site, surroundings: Surroundings) -> Boot:
    with _phone(actor, site) as (_, flash):
        return await boot_actor(actor, flash, site.address, surroundings)


@contextmanager
def _phone(actor: Actor, site: Site) -> Iterator[tuple[EmulatedPhone, Flash]]:
    model = model_catalogue().find(actor.model)
    folder = _phones(site) / actor.device
    folder.parent.mkdir(exist_ok=True)
    with DirectoryFlash(folder) as flash:
        store = PhoneStore(flash, actor.device, model)
        yield EmulatedPhone(actor.device, model, store, (site.address,)), flash


def _phones(site: Site) -> Path:
    return site.root.parent / "phones"
