"""The demo's story: what an administrator does to a cluster, and which phones boot after it.

Only the plot stands here. What the phones make of it is computed by `secd`, and nothing here knows
the outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from firmware_sim.capf import CAPFRecord, CAPFStore
from firmware_sim.cluster import (
    CAPFMode,
    CertificateMaker,
    Cluster,
    ClusterFiles,
    CTLKind,
    Device,
    ManufacturingCA,
    PooledKeys,
    Release,
    SoftToken,
    Subject,
    demo_cluster,
    make_cluster,
    make_node,
)
from firmware_sim.cluster.lists import CTL_FILE
from firmware_sim.cluster.seed import MADE_AT_SECONDS, PUBLISHER_ADDRESS
from firmware_sim.cluster.tokens import TOKEN_BITS
from secd.capf import Operation

NEW_ADDRESS = "14.48.44.81"
_TOKENLESS_PUBLISHER = Subject("cucm-1051-a-pub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
_CORRUPTED_AT = 700  # an octet inside the records: the signature covers it
_LATER_SECONDS = 3600  # between two signings, so that no two lists are the same file


@dataclass(slots=True)
class Stage:
    """What the story plays on.

    maker -- makes the certificates of this and other clusters, all with keys of their own.
    address -- of the TFTP server that phones are given.
    """

    cluster: Cluster
    maker: CertificateMaker
    stranger: SoftToken
    address: str = PUBLISHER_ADDRESS


@dataclass(frozen=True, slots=True)
class Actor:
    """A phone of the story. key -- names its flash: the same key is the same phone.

    string -- what somebody types after the boot, at Security > LSC > Update; empty: nobody does.
    """

    key: str
    device: str
    model: str
    string: str = field(default="", repr=False)


def _nothing(_: CAPFStore) -> None:
    """Schedule nothing."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One step: what is done to the cluster and to its CAPF, and who boots then."""

    title: str
    text: str
    prepare: Callable[[Stage], None]
    actors: tuple[Actor, ...]
    schedule: Callable[[CAPFStore], None] = _nothing


_FRESH_9971 = Actor("9971 (non-mixed)", "SEP0C8525000001", "9971")
_OLD_7940 = Actor("7940", "SEP000D28000002", "7940")
_SEED_7961 = Actor("7961", "SEP0011215A1AE3", "7961")
_NEW_9971 = Actor("9971", "SEP0C8525000003", "9971")
_MIXED = (_OLD_7940, _SEED_7961, _NEW_9971)
_TOKENLESS = (
    Actor("7940 (tokenless)", "SEP000D28000004", "7940"),
    Actor("9971 (tokenless)", "SEP0C8525000005", "9971"),
)
_LSC_7961 = Actor("7961 (LSC)", "SEP001121000006", "7961")
_LSC_9971 = Actor("9971 (LSC)", "SEP0C8525000007", "9971")
_STRING, _WRONG_STRING = "4711", "1234"


def make_stage() -> Stage:
    """Return the stage as the story begins: the seed's cluster, not yet in mixed mode."""
    keys, random = PooledKeys(24), Random(8945)  # noqa: S311 - a demo that always plays the same
    cluster = demo_cluster(keys, random)
    cluster.ctl, cluster.mixed_mode = None, False
    for actor in (_FRESH_9971, *_MIXED):
        cluster.add_device(Device(actor.device, actor.model))
    maker = CertificateMaker(keys, random, MADE_AT_SECONDS, bits=TOKEN_BITS, serial_bytes=8)
    stranger = ManufacturingCA.create(maker).issue_token("ADN00c0ffee")
    return Stage(cluster, maker, stranger)


def _non_mixed(_: Stage) -> None:
    """Leave the cluster as it is installed."""


def _mixed_mode(stage: Stage) -> None:
    stage.cluster.ctl, stage.cluster.mixed_mode = CTLKind.ETOKEN, True
    _signed_later(stage)


def _backup_token_signs(stage: Stage) -> None:
    stage.cluster.signing_token = 1
    _serve(stage, _new_ctl(stage))


def _stranger_signs(stage: Stage) -> None:
    cluster = stage.cluster
    tokens, signing = cluster.tokens, cluster.signing_token
    cluster.tokens, cluster.signing_token = [stage.stranger, tokens[0]], 0
    _serve(stage, _new_ctl(stage))
    cluster.tokens, cluster.signing_token = tokens, signing


def _move(stage: Stage) -> None:
    stage.cluster.overrides.clear()
    publisher = stage.cluster.publisher
    publisher.name = publisher.address = stage.address = NEW_ADDRESS
    _signed_later(stage)


def _corrupt(stage: Stage) -> None:
    octets = bytearray(_new_ctl(stage))
    octets[_CORRUPTED_AT] ^= 0x01
    _serve(stage, bytes(octets))


def _tokenless(stage: Stage) -> None:
    """Build another cluster, of release 10.5, whose CTL is signed by its publisher."""
    stage.address = PUBLISHER_ADDRESS
    maker = stage.maker
    node = make_node(maker, PUBLISHER_ADDRESS, PUBLISHER_ADDRESS, _TOKENLESS_PUBLISHER)
    stage.cluster = make_cluster(maker, Release(10, 5, 2), node, _TOKENLESS_PUBLISHER)
    stage.cluster.ctl, stage.cluster.mixed_mode = CTLKind.TOKENLESS, True
    for actor in _TOKENLESS:
        stage.cluster.add_device(Device(actor.device, actor.model))


def _new_callmanager(stage: Stage) -> None:
    publisher = stage.cluster.publisher
    publisher.callmanager = stage.maker.self_signed(_TOKENLESS_PUBLISHER)
    _signed_later(stage)


def _new_callmanager_and_tvs(stage: Stage) -> None:
    stage.cluster.publisher.tvs = stage.maker.self_signed(_TOKENLESS_PUBLISHER)
    _new_callmanager(stage)


def _lsc_phones(stage: Stage) -> None:
    for actor in (_LSC_7961, _LSC_9971):
        stage.cluster.add_device(Device(actor.device, actor.model))


def _encrypt(stage: Stage) -> None:
    stage.cluster.devices[_LSC_7961.device].encrypted_configuration = True


def _install_by_null_string(store: CAPFStore) -> None:
    store.change(_LSC_7961.device, install_by_null_string)


def _install_by_string(store: CAPFStore) -> None:
    store.change(
        _LSC_9971.device,
        lambda record: _install(record, CAPFMode.AUTHENTICATION_STRING).with_string(_STRING),
    )


def install_by_null_string(record: CAPFRecord) -> CAPFRecord:
    """Schedule an Install By Null String that does not expire."""
    return _install(record, CAPFMode.NULL_STRING)


def _install(record: CAPFRecord, by: CAPFMode) -> CAPFRecord:
    """Schedule an Install that does not expire."""
    return record.scheduled(Operation.INSTALL, by, record.key, 0.0)


def _signed_later(stage: Stage) -> None:
    stage.cluster.changed_at_seconds += _LATER_SECONDS


def _new_ctl(stage: Stage) -> bytes:
    """Return a CTL signed later than the last one; the ITL stays as it is."""
    cluster = stage.cluster
    cluster.overrides.pop(CTL_FILE, None)
    before = cluster.changed_at_seconds
    _signed_later(stage)
    answer = ClusterFiles(cluster).answer("", CTL_FILE)
    cluster.changed_at_seconds = before
    if not isinstance(answer, bytes):
        raise RuntimeError("a cluster in mixed mode has a CTL")
    return answer


def _serve(stage: Stage, octets: bytes) -> None:
    stage.cluster.overrides[CTL_FILE] = octets


SCENES = (
    Scene(
        "A cluster that is not in mixed mode",
        "The commonest site: there is an ITL, and no CTL.",
        _non_mixed,
        (_FRESH_9971,),
    ),
    Scene(
        "Mixed mode: the first CTL",
        "The CTL Client ran with two eTokens. Phones fresh from the box take their first CTL on "
        "trust; the CTL then vouches for everything else.",
        _mixed_mode,
        _MIXED,
    ),
    Scene(
        "The backup token signs",
        "The CTL is made anew, signed by the other token of the same CTL.",
        _backup_token_signs,
        _MIXED,
    ),
    Scene(
        "An unknown token signs",
        "Somebody ran the CTL Client with a token that stands in no phone's CTL. The 7961 and the "
        "9971 ask TVS about it, and TVS does not know it either.",
        _stranger_signs,
        _MIXED,
    ),
    Scene(
        f"The cluster moves to {NEW_ADDRESS}",
        "Same certificates, same tokens, a new address in DHCP option 150.",
        _move,
        _MIXED,
    ),
    Scene(
        "A corrupt CTL",
        "One bit of the CTL on the TFTP server is wrong.",
        _corrupt,
        _MIXED,
    ),
    Scene(
        "Another cluster: tokenless CTL",
        "Release 10.5: utils ctl set-cluster mixed-mode. The publisher's CallManager key signs the "
        "CTL and the ITL. New phones take both.",
        _tokenless,
        _TOKENLESS,
    ),
    Scene(
        "CallManager.pem is regenerated",
        "CTL and ITL are signed by a key that no phone knows. TVS, whose certificate stands in the "
        "phones' ITL, vouches for it, to those that can ask.",
        _new_callmanager,
        _TOKENLESS,
    ),
    Scene(
        "CallManager.pem and TVS.pem are regenerated together",
        "Now the phones know neither the new signer nor the new TVS.",
        _new_callmanager_and_tvs,
        _TOKENLESS,
    ),
    Scene(
        "An LSC by null string",
        "CAPF is to give a new 7961 its LSC. The configuration says so, the phone knows CAPF from "
        "its CTL, makes a key and gets the certificate.",
        _lsc_phones,
        (_LSC_7961,),
        _install_by_null_string,
    ),
    Scene(
        "An LSC by authentication string",
        "The 9971 does not turn to CAPF by itself. Somebody presses Update and types a wrong "
        "string, and after another boot the right one.",
        _non_mixed,
        (replace(_LSC_9971, string=_WRONG_STRING), replace(_LSC_9971, string=_STRING)),
        _install_by_string,
    ),
    Scene(
        "TFTP Encrypted Config",
        "The configuration of the 7961 is now encrypted to its LSC, with a new key in each file. "
        "It learns that from the minimal configuration, and asks for the encrypted one at the "
        "next boot.",
        _encrypt,
        (_LSC_7961, _LSC_7961),
    ),
)
