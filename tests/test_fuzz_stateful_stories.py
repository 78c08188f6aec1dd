"""Histories with names: what the state machine of test_fuzz_stateful.py finds only now and then.

Every boot is compared with the model by `World.boot`; a story says besides how it ends, so that
the two cannot be wrong together. Shrunk failures of the state machine belong here.
"""

import pytest

from firmware_sim.cluster import CTLKind
from firmware_sim.cluster.signing import sign_list
from fuzz.model_world import ADDRESSES, ATTACKER, PhonePair, World
from secd.crypto import Digest
from secd.trustlist import decode_trust_list_untrusted

HOME = ADDRESSES[0]
DAY = 86_400
LISTS = ("CTLFile.tlv", "ITLFile.tlv")


@pytest.fixture
def world() -> World:
    """Phones that have booted once in their home cluster, which is in mixed mode with tokens."""
    made = World()
    boot_all(made)
    return made


def boot_all(world: World) -> None:
    for pair in world.phones:
        assert world.boot(pair)


def newer(world: World) -> list[PhonePair]:
    return [pair for pair in world.phones if pair.model.security_by_default]


def served(world: World, name: str) -> bytes:
    octets = world.serve(HOME, "", name)
    assert isinstance(octets, bytes)
    return octets


def freeze_lists(world: World) -> None:
    for name in LISTS:
        world.clusters[0].overrides[name] = served(world, name)


def configure_anew(world: World) -> bytes:
    """Change all configurations; return what they must hold."""
    world.clusters[0].network_locale += "x"
    return f"<networkLocale>{world.clusters[0].network_locale}<".encode()


def has(pair: PhonePair, text: bytes) -> bool:
    return text in (pair.flash.read(f"{pair.device}.cnf.xml") or b"")


def holds(world: World, pair: PhonePair, name: str) -> bool:
    return pair.flash.read(name) == served(world, name)


def test_a_callmanager_renewed_alone_is_vouched_for_by_tvs(world: World) -> None:
    freeze_lists(world)
    world.renew(world.clusters[0], "callmanager")
    text = configure_anew(world)
    boot_all(world)
    assert [has(pair, text) for pair in world.phones] == [False, True, True, True]


def test_callmanager_and_tvs_renewed_together_leave_nobody_to_vouch(world: World) -> None:
    freeze_lists(world)
    world.renew(world.clusters[0], "callmanager")
    for node in world.clusters[0].nodes:
        node.tvs = world.attacker
    text = configure_anew(world)
    boot_all(world)
    assert not any(has(pair, text) for pair in world.phones)


def test_a_word_of_tvs_counts_for_a_day_without_tvs(world: World) -> None:
    freeze_lists(world)
    world.renew(world.clusters[0], "callmanager")
    boot_all(world)
    world.tvs_down.update(node.name for node in world.clusters[0].nodes)
    text = configure_anew(world)
    world.now += DAY
    boot_all(world)
    assert all(has(pair, text) for pair in newer(world))
    text = configure_anew(world)
    world.now += 1
    boot_all(world)
    assert not any(has(pair, text) for pair in world.phones)


def test_a_new_list_makes_phones_forget_what_tvs_said(world: World) -> None:
    cluster = world.clusters[0]
    freeze_lists(world)
    world.renew(cluster, "callmanager")
    boot_all(world)
    records = decode_trust_list_untrusted(served(world, "CTLFile.tlv")).records
    token = cluster.tokens[1].credential
    cluster.overrides["CTLFile.tlv"] = sign_list("CTLFile.tlv", records, token, Digest.SHA1, 1)
    world.tvs_down.update(node.name for node in cluster.nodes)
    text = configure_anew(world)
    boot_all(world)
    assert all(holds(world, pair, "CTLFile.tlv") for pair in world.phones)
    assert not any(has(pair, text) for pair in world.phones)


def test_the_second_tvs_is_asked_when_the_first_is_silent(world: World) -> None:
    freeze_lists(world)
    world.renew(world.clusters[0], "callmanager")
    world.tvs_down.add(HOME)
    text = configure_anew(world)
    boot_all(world)
    assert all(has(pair, text) for pair in newer(world))


def test_a_tokenless_ctl_after_tokens_reaches_newer_phones(world: World) -> None:
    """By TVS or by the ITL, whatever the release lists; the 7960 keeps its old one."""
    world.clusters[0].ctl = CTLKind.TOKENLESS
    boot_all(world)
    taken = [holds(world, pair, "CTLFile.tlv") for pair in world.phones]
    assert taken == [False, True, True, True]


def test_the_attackers_tvs_is_asked_and_not_believed(world: World) -> None:
    """Even a configuration that the cluster itself signed cannot make a TVS trusted."""
    cluster = world.clusters[0]
    for node in cluster.nodes:
        node.name = ATTACKER
    boot_all(world)
    freeze_lists(world)
    records = decode_trust_list_untrusted(served(world, "ITLFile.tlv")).records
    cluster.overrides["ITLFile.tlv"] = sign_list(
        "ITLFile.tlv", records, world.attacker, Digest.SHA1, 1
    )
    boot_all(world)
    assert not any(holds(world, pair, "ITLFile.tlv") for pair in world.phones)


@pytest.mark.parametrize("model", range(4))
def test_a_power_cut_after_each_output_leaves_a_phone_that_the_next_boot_heals(
    world: World, model: int
) -> None:
    pair = world.phones[model]
    cut_after, whole = 0, False
    while not whole:
        world.erase(pair)
        whole = world.boot(pair, cut_after)
        assert world.boot(pair)
        assert holds(world, pair, "CTLFile.tlv")
        cut_after += 1
    assert cut_after > 20
