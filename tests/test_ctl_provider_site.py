"""What the CTL Providers of a cluster directory do: tell, check, stage, commit; one at a time."""

from hashlib import sha256

import pytest
from ctl_provider_support import ONE, OTHER, Site, first_ctl, refusal
from ctl_provider_support import root as root  # a fixture
from ctl_provider_support import site as site  # a fixture
from ctl_support import (
    FIRST,
    NOW,
    PASSWORD,
    SECOND,
    USER,
    certificate,
    content,
    ctl_of,
    facts,
    held,
    list_of,
    new_cluster,
    signed,
)

from firmware_sim.administration.commands import (
    Service,
    Unit,
    regenerate,
    restart,
    set_mixed_mode,
    set_non_secure_mode,
    update_ctl,
)
from firmware_sim.administration.directory import drafting, read_cluster
from firmware_sim.administration.provider import (
    NodeProvider,
    Visit,
)
from firmware_sim.administration.serving import ServedNode
from firmware_sim.cluster import CTL_FILE, CTLKind, NotFound, PooledKeys
from firmware_sim.ctl_client.plan import Action, plan
from firmware_sim.ctl_provider.messages import (
    Certificates,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    Login,
    ModeNoted,
    RefusalReason,
    SaveCTL,
    SetMode,
)
from secd.errors import UnusableInput
from secd.trust import verifies_itself
from secd.trustlist import Function


def write_first(site: Site, mixed: bool = True) -> bytes:
    """Write a first CTL to both nodes."""
    ctl = first_ctl(site.root)
    assert site.publisher.answer(SetMode(mixed)) == ModeNoted()
    for visit in (site.subscriber, site.publisher):
        assert visit.answer(site.save(ctl)) == CTLStaged()
    for visit in (site.subscriber, site.publisher):
        assert visit.answer(Commit(ONE)) == Committed()
    return ctl


def test_a_node_tells_of_itself_and_the_publisher_of_the_cluster(site: Site) -> None:
    cluster = read_cluster(site.root)
    told = site.publisher.answer(GetCertificates())
    assert isinstance(told, Certificates)
    assert told.publisher is not None
    assert (told.name, told.address, told.release) == ("cucm-0", "10.0.0.0", "10.5(2)")
    assert told.callmanager == cluster.publisher.callmanager.certificate
    assert told.publisher.capf == cluster.capf.certificate
    assert told.publisher.itl_recovery == cluster.itl_recovery.certificate
    assert [(one.name, one.fingerprint) for one in told.publisher.nodes] == [
        (node.name, sha256(node.callmanager.certificate).digest()) for node in cluster.nodes
    ]
    other = site.subscriber.answer(GetCertificates())
    assert isinstance(other, Certificates)
    assert (other.name, other.publisher) == ("cucm-1", None)
    assert site.subscriber.answer(GetCTL()) == HeldCTL(None)


def test_a_new_certificate_is_collected_at_once_and_shown_after_the_restart(site: Site) -> None:
    provider = NodeProvider(site.site, "cucm-0")
    shown = provider.identity().certificate
    with drafting(site.root) as draft:
        regenerate(draft, Unit.CALLMANAGER, draft.node(None), PooledKeys(24), NOW)
    new = read_cluster(site.root).publisher.callmanager.certificate
    told = site.publisher.answer(GetCertificates())
    assert isinstance(told, Certificates)
    assert told.callmanager == new != shown
    assert provider.identity().certificate == shown
    with drafting(site.root) as draft:
        restart(draft, Service.CALLMANAGER, draft.node(None), NOW)
    assert provider.identity().certificate == new


def test_staged_is_not_written_and_committed_is(site: Site) -> None:
    ctl = first_ctl(site.root)
    before = content(site.root)
    assert site.publisher.answer(SetMode(True)) == ModeNoted()
    assert site.subscriber.answer(site.save(ctl)) == CTLStaged()
    assert site.publisher.answer(site.save(ctl)) == CTLStaged()
    now = content(site.root)
    assert {path: now[path] for path in before} == before
    assert site.subscriber.answer(Commit(ONE)) == Committed()
    assert held(site.root) == [None, ctl]
    assert not read_cluster(site.root).mixed_mode
    assert site.publisher.answer(Commit(ONE)) == Committed()
    assert held(site.root) == [ctl, ctl]
    cluster = read_cluster(site.root)
    assert (cluster.mixed_mode, cluster.autoregistration) == (True, False)
    assert cluster.ctl is CTLKind.CTL_CLIENT
    assert not [*site.root.rglob("*.new")]
    served = ServedNode(site.root, "cucm-1", lambda device: device)
    assert isinstance(served.answer("x", CTL_FILE), NotFound)
    with drafting(site.root) as draft:
        restart(draft, Service.TFTP, draft.node("cucm-1"), NOW)
    assert served.answer("x", CTL_FILE) == ctl


def test_what_is_not_committed_is_dropped_with_the_conversation(site: Site) -> None:
    before = content(site.root)
    ctl = first_ctl(site.root)
    assert site.publisher.answer(SetMode(True)) == ModeNoted()
    for visit in (site.subscriber, site.publisher):
        assert visit.answer(site.save(ctl)) == CTLStaged()
        assert refusal(Site(site.root).publisher.answer(site.save(ctl, OTHER)))[0] == (
            RefusalReason.BUSY
        )
    site.subscriber.close()
    with pytest.raises(UnusableInput, match="another administrator"), drafting(site.root):
        pass
    site.publisher.close()
    site.publisher.close()
    assert content(site.root) == before
    with drafting(site.root):
        pass


def test_two_clients_and_an_administrator_do_not_meet(site: Site) -> None:
    ctl = first_ctl(site.root)
    with drafting(site.root):
        reason, text = refusal(site.subscriber.answer(site.save(ctl)))
        assert (reason, "another administrator is changing" in text) == (RefusalReason.BUSY, True)
    assert site.subscriber.answer(site.save(ctl)) == CTLStaged()
    reason, text = refusal(site.visit(0).answer(site.save(ctl, OTHER)))
    assert (reason, "another CTL Client is changing" in text) == (RefusalReason.BUSY, True)
    assert refusal(site.publisher.answer(Commit(OTHER)))[0] is RefusalReason.NOT_ALLOWED
    assert refusal(site.publisher.answer(Commit(ONE)))[0] is RefusalReason.NOT_ALLOWED
    assert site.subscriber.answer(Commit(ONE)) == Committed()
    assert refusal(site.subscriber.answer(Commit(ONE)))[0] is RefusalReason.NOT_ALLOWED


def test_a_ctl_that_somebody_else_wrote_meanwhile_is_not_written_over(site: Site) -> None:
    ctl = first_ctl(site.root)
    with drafting(site.root) as draft:
        set_mixed_mode(draft, NOW)
    before = content(site.root)
    reason, text = refusal(site.subscriber.answer(site.save(ctl)))
    assert reason is RefusalReason.CHANGED_MEANWHILE
    assert text == "the CTL of cucm-1 was changed by somebody else; begin anew"
    assert content(site.root) == before
    with drafting(site.root):
        pass  # nothing is held


def test_the_mode_is_the_publishers(site: Site) -> None:
    reason, text = refusal(site.subscriber.answer(SetMode(True)))
    assert (reason, text) == (RefusalReason.NOT_ALLOWED, "the mode is set on the publisher, cucm-0")


def test_a_ctl_that_does_not_fit_is_refused(site: Site) -> None:
    cluster = read_cluster(site.root)
    good = first_ctl(site.root)
    stranger = ctl_of(new_cluster(3))
    assert "lists cucm-0, cucm-1, cucm-2, not the nodes" in bad(site.publisher, stranger)
    assert "is no CTL" in bad(site.publisher, good[:-1])
    assert "not signed by a SAST of its own" in bad(site.publisher, good[:-1] + b"\xff")
    assert "is not one of non-secure mode" in bad(site.publisher, good)
    site.publisher.answer(SetMode(True))
    twice = read_cluster(site.root)
    twice.nodes.append(twice.nodes[1])
    assert "does not list the CallManager certificate that cucm-1 has" in bad(
        site.subscriber, ctl_of(twice)
    )
    assert "lists cucm-0, cucm-1, cucm-1, not" in bad(site.publisher, ctl_of(twice))
    cluster.capf = cluster.itl_recovery
    other_capf = signed(
        plan(facts(cluster), Action.MIXED, [certificate(FIRST), certificate(SECOND)], (), NOW)
    )
    assert "another CAPF certificate" in bad(site.publisher, other_capf)
    with drafting(site.root) as draft:
        regenerate(draft, Unit.CALLMANAGER, draft.node("cucm-1"), PooledKeys(30), NOW)
    assert "does not list the CallManager certificate that cucm-1 has" in bad(site.subscriber, good)
    assert held(site.root) == [None, None]


def bad(visit: Visit, ctl: bytes) -> str:
    reason, text = refusal(visit.answer(SaveCTL(ONE, b"", ctl)))
    assert reason is RefusalReason.BAD_CTL
    return text


def test_without_tokens_goes_on_after_tokens(site: Site) -> None:
    """118892 and 118893: `utils ctl` needs no token even if a token made the file."""
    with_tokens = write_first(site)
    cluster = read_cluster(site.root)
    for change, mixed in ((update_ctl, True), (set_non_secure_mode, False)):
        with drafting(site.root) as draft:
            change(draft, NOW + 1)
        first, second = held(site.root)
        assert first == second != with_tokens
        ctl = list_of(first)
        assert verifies_itself(ctl)
        certified = {record.function: record.certificate for record in ctl.records}
        assert certified[Function.SAST] is not None
        assert certified[Function.CAPF] == cluster.capf.certificate
        assert (certified[Function.CCM_TFTP] is not None) == mixed
        assert certificate(FIRST) not in [record.certificate for record in ctl.records]
        after = read_cluster(site.root)
        assert (after.ctl, after.mixed_mode) == (CTLKind.TOKENLESS, mixed)


def test_an_empty_file_is_no_ctl_and_a_giant_is_not_sent(site: Site) -> None:
    file = site.root / "nodes/cucm-1/CTLFile.tlv"
    file.write_bytes(b"")
    assert site.subscriber.answer(GetCTL()) == HeldCTL(None)
    ctl = first_ctl(site.root)
    assert site.subscriber.answer(site.save(ctl)) == CTLStaged()
    site.subscriber.close()
    file.write_bytes(bytes(65537))
    reason, text = refusal(site.subscriber.answer(GetCTL()))
    assert (reason, "has 65537 octets" in text) == (RefusalReason.UNABLE, True)


def test_another_clients_conversation_drops_nothing_of_mine(site: Site) -> None:
    site.subscriber.answer(site.save(first_ctl(site.root)))
    site.visit(1).close()
    site.site.drop("cucm-1", OTHER)
    site.site.drop("cucm-0", ONE)
    assert site.subscriber.answer(Commit(ONE)) == Committed()


def test_a_node_stages_once(site: Site) -> None:
    ctl = first_ctl(site.root)
    site.subscriber.answer(site.save(ctl))
    assert refusal(site.visit(1).answer(site.save(ctl)))[0] is RefusalReason.NOT_ALLOWED
    assert site.subscriber.answer(Commit(ONE)) == Committed()
    assert held(site.root) == [None, ctl]


def test_a_node_that_the_list_leaves_out_is_told_so(site: Site) -> None:
    assert "does not list the CallManager certificate that cucm-1 has" in bad(
        site.subscriber, ctl_of(new_cluster(1))
    )


def test_a_login_is_not_for_a_visit(site: Site) -> None:
    with pytest.raises(RuntimeError, match="a login is judged before"):
        site.publisher.answer(Login(USER, PASSWORD))
