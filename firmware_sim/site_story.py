"""The demo's second story: administrators at a cluster of two nodes, with tokens.

Only the plot stands here. What becomes of it is computed by the CTL Client, by administrators'
commands and by `secd`, and nothing here knows the outcome.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from firmware_sim.administration.commands import (
    Service,
    Unit,
    regenerate,
    restart,
    set_mixed_mode,
    update_ctl,
)
from firmware_sim.administration.directory import create, drafting
from firmware_sim.administration.provider import write_administrator
from firmware_sim.administration.texts import text_of
from firmware_sim.cluster import (
    CertificateMaker,
    Device,
    ManufacturingCA,
    PooledKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from firmware_sim.cluster.tokens import TOKEN_BITS
from firmware_sim.ctl_client.plan import Action
from firmware_sim.ctl_provider.password import SALT_BYTES, make_administrator
from firmware_sim.lab import capf_store
from firmware_sim.story import Actor, install_by_null_string
from firmware_sim.tokens.soft import FileToken, create_file_token

ADMINISTRATOR = "CCMAdministrator"
PASSWORD = PIN = "Cisco123"  # noqa: S105 - the default of eTokens; nothing real is behind it
_NODES = (("cucm-pub", "14.48.44.80"), ("cucm-sub", "14.48.44.81"))
SITE_TOKENS = ("ADN4e31f914", "ADN0054f509", "ADN008580ef")
_MADE_BEFORE_SECONDS = 3600
_OLD = Actor("7940 (site)", "SEP000D28000011", "7940")
_SEED = Actor("7961 (site)", "SEP001121000012", "7961")
_NEW = Actor("9971 (site)", "SEP0C8525000013", "9971")
_ALL = (_OLD, _SEED, _NEW)


@dataclass(slots=True)
class Site:
    """Where the story plays. root -- the cluster's directory. tokens -- all there ever were."""

    root: Path
    tokens: tuple[FileToken, ...]
    now_seconds: Callable[[], int]
    keys: PooledKeys

    @property
    def address(self) -> str:
        """The publisher's address: what phones are given."""
        return _NODES[0][1]


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that an administrator types. do -- what it does; returns what is said to it."""

    command: str
    do: Callable[[Site], Sequence[str]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunClient:
    """A run of the CTL Client. tokens, removed -- numbers of tokens inserted, and taken out."""

    action: Action
    tokens: tuple[int, ...]
    removed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EraseCTL:
    """Somebody walks to a phone and erases its CTL."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Check:
    """`firmware-sim check`, with the phones of the story."""


Step = Typed | RunClient | EraseCTL | Check


@dataclass(frozen=True, slots=True)
class SiteScene:
    """What is done, and who boots then."""

    title: str
    text: str
    steps: tuple[Step, ...]
    actors: tuple[Actor, ...] = ()


def make_site(folder: Path, now_seconds: Callable[[], int]) -> Site:
    """Make the cluster and three tokens in an empty folder. Raises UnusableInput."""
    keys, random = PooledKeys(24), Random(2444)  # noqa: S311 - a demo that always plays the same
    made_at = now_seconds() - _MADE_BEFORE_SECONDS
    maker = CertificateMaker(keys, random, made_at, bits=TOKEN_BITS)
    nodes = [make_node(maker, name, address, _subject(name)) for name, address in _NODES]
    cluster = make_cluster(maker, Release(10, 5, 2), nodes[0], _subject(nodes[0].name))
    cluster.nodes = nodes
    for actor in _ALL:
        cluster.add_device(Device(actor.device, actor.model))
    root = folder / "site"
    create(root, cluster)
    write_administrator(root, make_administrator(ADMINISTRATOR, PASSWORD, os.urandom(SALT_BYTES)))
    authority = ManufacturingCA.create(maker)
    tokens = tuple(_token(folder, authority, name) for name in SITE_TOKENS)
    return Site(root, tokens, now_seconds, keys)


def _subject(name: str) -> Subject:
    return Subject(name, "AS", "Cisco", "RTP", "NC", "US")


def _token(folder: Path, authority: ManufacturingCA, name: str) -> FileToken:
    made = authority.issue_token(name).credential
    return create_file_token(folder / f"{name}.token", made.certificate, made.key, PIN)


def _set_mixed_mode(site: Site) -> Sequence[str]:
    with drafting(site.root) as draft:
        set_mixed_mode(draft, site.now_seconds())
    return text_of("set_mixed_mode").lines


def _update_ctl(site: Site) -> Sequence[str]:
    with drafting(site.root) as draft:
        update_ctl(draft, site.now_seconds())
    return text_of("update_ctl").lines


def _schedule(site: Site) -> Sequence[str]:
    with closing(capf_store(site.root)) as store:
        store.change(_SEED.device, install_by_null_string)
    return ()


def _regenerate_callmanager(site: Site) -> Sequence[str]:
    return _regenerate(site, Unit.CALLMANAGER)


def _regenerate_capf(site: Site) -> Sequence[str]:
    return _regenerate(site, Unit.CAPF)


def _regenerate(site: Site, unit: Unit) -> Sequence[str]:
    with drafting(site.root) as draft:
        regenerate(draft, unit, draft.node(None), site.keys, site.now_seconds())
    return text_of("regenerate", unit=unit).lines


def _restart(service: Service, name: str) -> Typed:
    def do(site: Site) -> Sequence[str]:
        with drafting(site.root) as draft:
            restart(draft, service, draft.node(name), site.now_seconds())
        return ()

    return Typed(f"utils service restart --node {name} {service}", do)


_RESTART_ALL = tuple(
    _restart(service, name) for service in (Service.TFTP, Service.CALLMANAGER) for name, _ in _NODES
)
_RESTART_CAPF = _restart(Service.CAPF, _NODES[0][0])

SITE_SCENES = (
    SiteScene(
        "Two nodes: mixed mode with two tokens",
        "The CTL Client collects the certificates of every node, one token signs the CTL, the "
        "other is the spare, and every node gets the file. TFTP serves it after its restart.",
        (RunClient(Action.MIXED, (0, 1)), *_RESTART_ALL),
        _ALL,
    ),
    SiteScene(
        "One token is lost",
        "The spare signs a CTL without the lost one, in which a new token takes its place.",
        (RunClient(Action.UPDATE, (1, 2), removed=(0,)), *_RESTART_ALL),
        _ALL,
    ),
    SiteScene(
        "Both tokens are lost, and CallManager.pem is new",
        "The publisher's own key, which no phone knows yet, signs a tokenless CTL. Phones that "
        "know TVS ask it.",
        (
            Typed("set cert regen CallManager", _regenerate_callmanager),
            Typed("utils ctl set-cluster mixed-mode", _set_mixed_mode),
            *_RESTART_ALL,
        ),
        _ALL,
    ),
    SiteScene(
        "Somebody walks to the 7940",
        "Settings > Security Configuration > Trust List, **#, Erase.",
        (EraseCTL(_OLD),),
        (_OLD,),
    ),
    SiteScene(
        "A CAPF certificate is regenerated, and the CTL forgotten",
        "CAPF runs with a certificate that no CTL lists, and the 7961 is to get an LSC. The check "
        "goes through certificates, lists, services and phones.",
        (
            Typed("set cert regen CAPF", _regenerate_capf),
            _RESTART_CAPF,
            Typed(f"capf schedule install {_SEED.device}", _schedule),
            Check(),
        ),
        (_SEED,),
    ),
    SiteScene(
        "What the check said is done",
        "The CTL is made anew, and served. The LSC is still scheduled.",
        (Typed("utils ctl update CTLFile", _update_ctl), *_RESTART_ALL),
        _ALL,
    ),
    SiteScene(
        "Is everything in step now?",
        "The same check again.",
        (Check(),),
    ),
)
