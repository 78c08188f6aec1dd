"""What a CTL Client does with a cluster, its CTL and tokens: the plan, or why there is none."""

from dataclasses import replace
from random import Random
from string import Formatter

import pytest
from ctl_support import (
    FIRST,
    FOREIGN,
    NOW,
    SECOND,
    certificate,
    ctl_of,
    facts,
    list_of,
    new_cluster,
    signed,
)
from token_support import MADE_AT_SECONDS

from firmware_sim.cluster import CertificateMaker, Cluster, CTLKind, PooledKeys, Release, Subject
from firmware_sim.cluster.lists import ctl_file
from firmware_sim.ctl_client.events import ClientEvent
from firmware_sim.ctl_client.facts import cluster_facts_untrusted, node_facts_untrusted
from firmware_sim.ctl_client.plan import Action, Part, Plan, Refusal, Why, name_of, plan
from firmware_sim.ctl_client.texts import say, texts
from firmware_sim.ctl_provider.messages import Certificates, ClusterNode, PublisherFacts
from secd.errors import RemoteProtocolViolation
from secd.trust import verifies_itself
from secd.trustlist import Function

BOTH = (certificate(FIRST), certificate(SECOND))


def mixed_cluster() -> Cluster:
    cluster = new_cluster()
    cluster.mixed_mode = True
    return cluster


def refusal(planned: object) -> Refusal:
    assert isinstance(planned, Refusal), planned
    return planned


def sasts(ctl: bytes) -> list[bytes | None]:
    records = list_of(ctl).records
    return [record.certificate for record in records if record.function == Function.SAST]


def test_a_first_ctl_lists_both_tokens_and_the_first_signs() -> None:
    cluster = new_cluster()
    planned = plan(facts(cluster), Action.MIXED, BOTH, (), NOW)
    ctl = list_of(signed(planned))
    assert verifies_itself(ctl)
    assert ctl.header.signer.serial == ctl.records[0].serial
    assert [record.function for record in ctl.records] == [0, 0, 2, 4, 2]
    assert sasts(signed(planned)) == list(BOTH)
    assert isinstance(planned, Plan)
    assert (planned.mixed, planned.phones_know_signer) == (True, True)
    assert [(one.name, one.part) for one in planned.tokens] == [
        (FIRST, Part.SIGNS),
        (SECOND, Part.ADDED),
    ]


def test_from_11_5_the_clusters_own_keys_are_listed_and_are_no_tokens() -> None:
    cluster = new_cluster(release=Release(11, 5, 1))
    ctl = signed(plan(facts(cluster), Action.MIXED, BOTH, (), NOW))
    own = [cluster.itl_recovery.certificate, cluster.publisher.callmanager.certificate]
    assert sasts(ctl) == [*BOTH, *own]
    cluster.mixed_mode = True
    planned = plan(facts(cluster, ctl, ctl), Action.UPDATE, BOTH[:1], (), NOW)
    assert sasts(signed(planned)) == [*BOTH, *own]


def test_an_update_by_the_other_token_lists_new_certificates() -> None:
    cluster = mixed_cluster()
    old = ctl_of(cluster)
    maker = CertificateMaker(PooledKeys(40), Random(9), NOW, bits=1024)
    new = maker.self_signed(Subject("cucm-1", "AS", "Cisco", "RTP", "NC", "US"))
    cluster.nodes[1].callmanager = new
    planned = plan(facts(cluster, old, old), Action.UPDATE, BOTH[1:], (), NOW)
    ctl = list_of(signed(planned, SECOND))
    assert verifies_itself(ctl)
    assert new.certificate in [record.certificate for record in ctl.records]
    assert ctl.records[:2] == list_of(old).records[:2]
    assert ctl.header.signer.serial == ctl.records[1].serial
    assert isinstance(planned, Plan)
    assert planned.mixed is None


def test_non_secure_mode_keeps_tokens_and_capf_with_their_certificates() -> None:
    cluster = mixed_cluster()
    old = ctl_of(cluster)
    planned = plan(facts(cluster, old, old), Action.NON_SECURE, BOTH[:1], (), NOW)
    assert isinstance(planned, Plan)
    assert planned.mixed is False
    records = list_of(signed(planned)).records
    before = list_of(old).records
    assert [bool(record.certificate) for record in records] == [True, True, False, True, False]
    assert (records[:2], records[3]) == (before[:2], before[3])
    assert records[2].layout == (2, 4, 10)  # 118892: DNSNAME, FUNCTION, IPADDRESS


def test_a_lost_token_is_removed_and_another_added_by_the_one_that_is_left() -> None:
    cluster = mixed_cluster()
    old = ctl_of(cluster)
    given = (certificate(SECOND), certificate(FOREIGN))
    planned = plan(facts(cluster, old, old), Action.UPDATE, given, (FIRST,), NOW)
    assert isinstance(planned, Plan)
    assert [(one.name, one.part) for one in planned.tokens] == [
        (FIRST, Part.REMOVED),
        (SECOND, Part.SIGNS),
        (FOREIGN, Part.ADDED),
    ]
    assert sasts(signed(planned, SECOND)) == list(given)
    assert planned.phones_know_signer


def test_the_first_token_at_hand_that_is_listed_signs() -> None:
    cluster = mixed_cluster()
    old = ctl_of(cluster)
    given = (certificate(FOREIGN), certificate(SECOND))
    planned = plan(facts(cluster, old, old), Action.UPDATE, given, (), NOW)
    assert isinstance(planned, Plan)
    assert [one.part for one in planned.tokens] == [Part.KEPT, Part.SIGNS, Part.ADDED]


def test_after_a_tokenless_ctl_tokens_begin_anew_and_phones_need_tvs() -> None:
    cluster = mixed_cluster()
    cluster.ctl = CTLKind.TOKENLESS
    old = ctl_file(cluster)
    planned = plan(facts(cluster, old, old), Action.UPDATE, BOTH, (), NOW)
    assert isinstance(planned, Plan)
    assert not planned.phones_know_signer
    assert sasts(signed(planned)) == list(BOTH)
    alone = plan(facts(cluster, old, old), Action.UPDATE, BOTH[:1], (), NOW)
    assert refusal(alone) == Refusal(Why.TOO_FEW_TOKENS, {"count": "1"})


@pytest.mark.parametrize(
    ("mixed", "action", "why"),
    [
        (False, Action.NON_SECURE, Why.NOT_IN_MIXED_MODE),
        (False, Action.UPDATE, Why.NO_CTL),
        (True, Action.UPDATE, Why.NO_CTL_IN_MIXED_MODE),
        (True, Action.NON_SECURE, Why.NO_CTL_IN_MIXED_MODE),
    ],
)
def test_what_cannot_be_done_without_a_ctl(mixed: bool, action: Action, why: Why) -> None:
    cluster = new_cluster()
    cluster.mixed_mode = mixed
    assert refusal(plan(facts(cluster), action, BOTH, (), NOW)).why is why


def test_a_missing_ctl_in_mixed_mode_is_made_by_setting_mixed_mode() -> None:
    assert isinstance(plan(facts(mixed_cluster()), Action.MIXED, BOTH, (), NOW), Plan)


YEARS = 6 * 365 * 86_400


@pytest.mark.parametrize(
    ("tokens", "removed", "now", "expected"),
    [
        ([FOREIGN], [], NOW, Refusal(Why.TOKEN_NOT_IN_CTL, {"tokens": f"{FIRST}, {SECOND}"})),
        ([], [], NOW, Refusal(Why.TOKEN_NOT_IN_CTL, {"tokens": f"{FIRST}, {SECOND}"})),
        ([FIRST], [SECOND], NOW, Refusal(Why.TOO_FEW_TOKENS, {"count": "1"})),
        ([FIRST], [FIRST], NOW, Refusal(Why.TOKEN_SIGNS, {"token": FIRST})),
        (
            [FIRST],
            ["ADN9"],
            NOW,
            Refusal(Why.NO_SUCH_TOKEN, {"token": "ADN9", "tokens": f"{FIRST}, {SECOND}"}),
        ),
        ([FIRST, FIRST], [], NOW, Refusal(Why.TOKEN_TWICE, {"token": FIRST})),
    ],
)
def test_tokens_that_do_not_do(
    tokens: list[str], removed: list[str], now: int, expected: Refusal
) -> None:
    cluster = mixed_cluster()
    old = ctl_of(cluster)
    given = [certificate(name) for name in tokens]
    assert plan(facts(cluster, old, old), Action.UPDATE, given, removed, now) == expected


def test_dates_of_tokens() -> None:
    cluster = facts(new_cluster())
    late = refusal(plan(cluster, Action.MIXED, BOTH, (), MADE_AT_SECONDS + YEARS))
    assert (late.why, late.values["token"]) == (Why.TOKEN_EXPIRED, FIRST)
    early = refusal(plan(cluster, Action.MIXED, BOTH, (), MADE_AT_SECONDS - 1))
    assert early.why is Why.TOKEN_NOT_VALID_YET
    assert early.values["seconds"] == str(MADE_AT_SECONDS)


def test_one_token_is_not_enough_for_a_first_ctl() -> None:
    found = plan(facts(new_cluster()), Action.MIXED, BOTH[:1], (), NOW)
    assert found == Refusal(Why.TOO_FEW_TOKENS, {"count": "1"})
    removed = plan(facts(new_cluster()), Action.MIXED, BOTH, ("x",), NOW)
    assert removed == Refusal(Why.NO_SUCH_TOKEN, {"token": "x", "tokens": "none"})


def test_certificates_that_cannot_sign_a_ctl() -> None:
    cluster = facts(new_cluster())
    rubbish = refusal(plan(cluster, Action.MIXED, [b"rubbish"], (), NOW))
    assert (rubbish.why, rubbish.values["token"]) == (Why.TOKEN_UNUSABLE, "a token")
    maker = CertificateMaker(PooledKeys(2), Random(1), MADE_AT_SECONDS, bits=3072)
    long = maker.self_signed(Subject("x", "AS", "Cisco", "RTP", "NC", "US")).certificate
    found = refusal(plan(cluster, Action.MIXED, [long], (), NOW))
    assert (found.why, found.values["error"]) == (Why.TOKEN_UNUSABLE, "its key has 3072 bits")
    assert name_of(long) == found.values["token"] != ""


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_ctl_that_cannot_be_trusted_is_not_updated(damage: str) -> None:
    cluster = mixed_cluster()
    old = ctl_of(cluster)
    bad = old[:-1] if damage == "cut" else old.replace(b"10.5", b"10.6").replace(b"cucm", b"cuma")
    found = refusal(plan(facts(cluster, bad, bad), Action.UPDATE, BOTH, (), NOW))
    assert found.why is Why.CTL_UNREADABLE


def test_a_list_that_no_phone_loads_is_refused_before_a_pin_is_asked_for() -> None:
    cluster = facts(new_cluster())
    many = [replace(cluster.nodes[1], name=f"node-{number}") for number in range(80)]
    wide = replace(cluster, nodes=(cluster.publisher, *many))
    found = refusal(plan(wide, Action.MIXED, BOTH, (), NOW))
    assert (found.why, found.values["limit"]) == (Why.TOO_LARGE, "65536")
    assert int(found.values["size"]) > 65536
    fits = replace(cluster, nodes=(cluster.publisher, *many[:60]))
    assert len(signed(plan(fits, Action.MIXED, BOTH, (), NOW))) <= 65536


def test_what_nodes_tell_must_be_certificates_and_a_release() -> None:
    cluster = new_cluster()
    good = cluster.publisher.callmanager.certificate
    told = Certificates("cucm-0", "10.0.0.1", "10.5(2)", True, good)
    node = node_facts_untrusted(told, None, bytes(32))
    assert (node.base, node.callmanager.certificate) == (b"", good)
    for bad in (b"", b"rubbish"):
        with pytest.raises(RemoteProtocolViolation, match="CallManager certificate of cucm-0"):
            node_facts_untrusted(replace(told, callmanager=bad), None, bytes(32))
    publisher = PublisherFacts(good, good, (ClusterNode("cucm-0", bytes(32)),))
    assert cluster_facts_untrusted(told, publisher, (node,)).release == Release(10, 5, 2)
    with pytest.raises(RemoteProtocolViolation, match="ITLRecovery certificate of cucm-0"):
        cluster_facts_untrusted(told, replace(publisher, itl_recovery=b"x"), (node,))
    with pytest.raises(RemoteProtocolViolation, match="cucm-0: 'new' is no release"):
        cluster_facts_untrusted(replace(told, release="new"), publisher, (node,))


def test_every_refusal_and_event_has_its_words_and_a_source() -> None:
    names = {*Why, *(kind.__name__ for kind in ClientEvent.__subclasses__())}
    assert names <= texts().keys()
    assert all(entry.keys() == {"text", "source"} for entry in texts().values())
    assert all(entry["source"] for entry in texts().values())
    fields = {
        name: {field for _, field, _, _ in Formatter().parse(entry["text"]) if field}
        for name, entry in texts().items()
    }
    for kind in ClientEvent.__subclasses__():
        assert fields[kind.__name__] <= {*kind.__dataclass_fields__}
    said = say("token_not_in_ctl", tokens="ADN1")
    assert said.startswith("The Security Token you have inserted does not exist in the CTL File\n")
