"""The checklist for a cluster: every finding by its cause, and what is advised."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from administration_site import (
    DEVICE,
    KEYS,
    MADE_AT,
    NOW,
    new_cluster,
)
from administration_site import site as site  # a fixture
from checking_site import (
    MODELS,
    boot,
    found,
    kinds_of_steps,
    new_phone,
    renew,
    report_of,
    restart_everywhere,
    site_of,
    value,
)

import firmware_sim.administration.checking.wording as wording
from firmware_sim.administration.checking import (
    FindingKind,
    HeldPhone,
    StepKind,
    make_report,
)
from firmware_sim.administration.commands import (
    Service,
    Unit,
    prepare_rollback,
    regenerate,
    set_mixed_mode,
    set_non_secure_mode,
)
from firmware_sim.administration.directory import Draft, create, drafting
from firmware_sim.administration.recovery import recovery_signer, reset_itl
from firmware_sim.cluster import CTL_FILE, CTLKind, ctl_file, demo_cluster
from secd.trust import Installed

FIVE_YEARS = 5 * 365 * 86_400


@pytest.fixture
def mixed(site: Path) -> Path:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    restart_everywhere(site, Service.TFTP)
    return site


def test_a_new_cluster_is_in_step(site: Path, mixed: Path) -> None:
    report = report_of(mixed, new_phone(mixed), new_phone(mixed, "7960"))
    assert (report.in_step, report.findings, report.steps) == (True, (), ())
    rows = [(one.node, one.unit) for one in report.certificates]
    assert rows == [
        ("cucm-0", Unit.CALLMANAGER),
        ("cucm-0", Unit.TVS),
        ("cucm-0", Unit.CAPF),
        ("cucm-0", Unit.ITL_RECOVERY),
        ("cucm-1", Unit.CALLMANAGER),
        ("cucm-1", Unit.TVS),
    ]


@pytest.mark.parametrize(
    ("left_days", "kind", "in_step"),
    [(-1, FindingKind.EXPIRED, False), (20, FindingKind.EXPIRING, True), (40, None, True)],
)
def test_dates_of_certificates(
    site: Path, left_days: int, kind: FindingKind | None, in_step: bool
) -> None:
    at = MADE_AT + FIVE_YEARS - left_days * 86_400
    report = make_report(replace(site_of(site), now_seconds=at), [], MODELS)
    assert {one.kind for one in report.findings} == ({kind} if kind else set())
    assert report.in_step is in_step
    renewals = [(step.kind, step.place, step.unit) for step in report.steps]
    first = [(StepKind.RENEW, "cucm-0", Unit.CALLMANAGER)]  # alone: never all together
    assert renewals == (first if kind else [])


def test_nothing_is_renewed_while_phones_wait(site: Path) -> None:
    renew(site, Unit.TVS)
    late = replace(site_of(site), now_seconds=MADE_AT + FIVE_YEARS + 1)
    steps = [step.kind for step in make_report(late, [], MODELS).steps]
    assert StepKind.RENEW not in steps


def _write_ctl(root: Path, octets: bytes | None, *names: str) -> None:
    for name in names:
        path = root / "nodes" / name / CTL_FILE
        path.unlink(missing_ok=True)
        if octets is not None:
            path.write_bytes(octets)


def lose_ctl(root: Path) -> None:
    _write_ctl(root, None, "cucm-0", "cucm-1")


def garble_ctl(root: Path) -> None:
    _write_ctl(root, b"rubbish", "cucm-0", "cucm-1")


def break_signature(root: Path) -> None:
    octets = bytearray((root / "nodes/cucm-0" / CTL_FILE).read_bytes())
    octets[-1] ^= 1  # in the address of the last record
    _write_ctl(root, bytes(octets), "cucm-0", "cucm-1")


def lose_ctl_of_subscriber(root: Path) -> None:
    _write_ctl(root, None, "cucm-1")


def go_back(root: Path) -> None:
    with drafting(root) as draft:
        set_non_secure_mode(draft, NOW)


def edit(change: Callable[[Draft], None]) -> Callable[[Path], None]:
    def do(root: Path) -> None:
        with drafting(root) as draft:
            change(draft)

    return do


def set_non_secure_by_hand(draft: Draft) -> None:
    draft.cluster.mixed_mode = False


def add_node_behind(draft: Draft) -> None:
    draft.cluster.nodes[1].name = "cucm-2"
    draft.load_all()


def renew_capf(draft: Draft) -> None:
    regenerate(draft, Unit.CAPF, draft.node(None), KEYS, NOW + 5)


def renew_recovery(draft: Draft) -> None:
    regenerate(draft, Unit.ITL_RECOVERY, draft.node(None), KEYS, NOW + 5)


def renew_callmanager_of_subscriber(draft: Draft) -> None:
    regenerate(draft, Unit.CALLMANAGER, draft.node("cucm-1"), KEYS, NOW + 5)


@pytest.mark.parametrize(
    ("harm", "kind", "place"),
    [
        (lose_ctl, FindingKind.NO_CTL, "cluster"),
        (garble_ctl, FindingKind.CTL_UNREADABLE, "cucm-0"),
        (break_signature, FindingKind.CTL_NOT_VERIFIED, "cucm-0"),
        (lose_ctl_of_subscriber, FindingKind.CTL_DIFFERS, "cucm-1"),
        (edit(set_non_secure_by_hand), FindingKind.CTL_CERTIFICATES_LEFT, "cucm-1"),
        (edit(add_node_behind), FindingKind.CTL_LACKS_NODE, "cucm-2"),
        (edit(add_node_behind), FindingKind.CTL_OTHER_SERVER, "cluster"),
        (edit(renew_capf), FindingKind.CTL_OLD_CERTIFICATE, "cucm-0"),
        (edit(renew_recovery), FindingKind.CTL_OLD_CERTIFICATE, "cucm-0"),
        (edit(renew_callmanager_of_subscriber), FindingKind.CTL_OLD_CERTIFICATE, "cucm-1"),
    ],
)
def test_the_ctl_against_the_certificates(
    mixed: Path, harm: Callable[[Path], None], kind: FindingKind, place: str
) -> None:
    harm(mixed)
    assert found(mixed)[kind].place == place
    assert StepKind.UPDATE_CTL in kinds_of_steps(mixed)
    assert not report_of(mixed).in_step


def test_both_serials_and_both_dates_are_told(mixed: Path) -> None:
    old = site_of(mixed).cluster.publisher.callmanager.serial
    renew(mixed, Unit.CALLMANAGER)
    new = site_of(mixed).cluster.publisher.callmanager.serial
    finding = found(mixed)[FindingKind.CTL_OLD_CERTIFICATE]
    assert value(finding, "listed") == old.hex().upper()
    assert value(finding, "serial") == new.hex().upper()
    assert value(finding, "ctl_date").startswith("2017-07-14")
    text = wording.text_of_finding(finding)
    assert old.hex().upper() in text
    assert new.hex().upper() in text


def test_a_certificate_that_stands_twice_is_told_once(mixed: Path) -> None:
    """The publisher's CallManager is a SAST and CCM+TFTP."""
    renew(mixed, Unit.CALLMANAGER)
    kinds = [one.kind for one in report_of(mixed).findings]
    assert kinds.count(FindingKind.CTL_OLD_CERTIFICATE) == 1


def test_a_ctl_outside_mixed_mode_is_a_note(mixed: Path) -> None:
    go_back(mixed)
    restart_everywhere(mixed, Service.TFTP)
    report = report_of(mixed)
    assert [one.kind for one in report.findings] == [FindingKind.CTL_LEFT]
    assert report.in_step
    assert report.steps == ()


def test_what_is_served_against_the_disk(site: Path) -> None:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    finding = found(site)[FindingKind.TFTP_OLD]
    assert value(finding, "what") == "the CTL"
    renew(site, Unit.CALLMANAGER)
    whats = {
        one.place: value(one, "what")
        for one in report_of(site).findings
        if one.kind is FindingKind.TFTP_OLD
    }
    assert whats == {
        "cucm-0": "the CTL and the ITL and CallManager.pem, which signs files",
        "cucm-1": "the CTL and the ITL",
    }


def test_an_itl_that_cannot_be_read(site: Path) -> None:
    (site / "nodes/cucm-1/running/ITLFile.tlv").write_bytes(b"rubbish")
    assert found(site)[FindingKind.ITL_UNREADABLE].place == "cucm-1"
    assert [step.place for step in report_of(site).steps if step.kind is StepKind.RESTART_TFTP] == [
        "cucm-1"
    ]


def test_a_reset_itl_is_told_of(site: Path) -> None:
    phone = new_phone(site)
    with drafting(site) as draft:
        reset_itl(draft, recovery_signer(draft.cluster), NOW)
    finding = found(site)[FindingKind.ITL_OTHER_SIGNER]
    assert "ITLRECOVERY_cucm-0" in value(finding, "signer")
    # first the phones, then the usual signer again
    steps = kinds_of_steps(site, phone)
    assert steps.index(StepKind.PHONES_TAKE) < steps.index(StepKind.RESTART_TFTP)


@pytest.mark.parametrize(
    ("unit", "kind", "step"),
    [
        (Unit.CALLMANAGER, FindingKind.CALLMANAGER_OLD, StepKind.RESTART_CALLMANAGER),
        (Unit.TVS, FindingKind.TVS_OLD, StepKind.RESTART_TVS),
        (Unit.CAPF, FindingKind.CAPF_OLD, StepKind.RESTART_CAPF),
    ],
)
def test_services_with_old_certificates(
    site: Path, unit: Unit, kind: FindingKind, step: StepKind
) -> None:
    renew(site, unit)
    restart_everywhere(site, Service.TFTP)
    report = report_of(site)
    assert [one.kind for one in report.findings] == [kind]
    assert [one.kind for one in report.steps] == [step]


def test_rollback_ends(site: Path) -> None:
    with drafting(site) as draft:
        draft.cluster.rollback = True
    restart_everywhere(site, Service.TFTP)
    assert FindingKind.ROLLBACK in found(site)
    assert kinds_of_steps(site)[0] is StepKind.ROLLBACK_OFF


def test_a_list_that_no_phone_loads(tmp_path: Path) -> None:
    create(tmp_path, new_cluster(nodes=33))
    finding = found(tmp_path)[FindingKind.LIST_TOO_LARGE]
    assert int(value(finding, "size")) > 65536
    phone = HeldPhone(DEVICE, MODELS[0], Installed(), None)
    refusal = found(tmp_path, phone)[FindingKind.PHONE_REFUSES_LIST]
    assert value(refusal, "reason") == "TOO_LARGE"


def test_a_phone_that_learns_of_tvs_at_this_boot_is_not_to_be_erased(tmp_path: Path) -> None:
    cluster = demo_cluster(KEYS, new_cluster().random)
    cluster.publisher.name = cluster.publisher.address
    kind, cluster.ctl, cluster.mixed_mode = cluster.ctl, None, False
    create(tmp_path, cluster)
    phone = boot(tmp_path, HeldPhone(DEVICE, MODELS[0], Installed(), None))
    with drafting(tmp_path) as draft:
        draft.cluster.ctl, draft.cluster.mixed_mode = kind, True
        draft.write_ctl(_token_ctl(draft))
    restart_everywhere(tmp_path, Service.TFTP)
    report = report_of(tmp_path, phone)
    assert FindingKind.PHONE_REFUSES_LIST in {one.kind for one in report.findings}
    assert [step.kind for step in report.steps] == [StepKind.PHONES_TAKE]


def test_the_parameter_of_rollback_wants_tvs_restarted_before_tftp(site: Path) -> None:
    with drafting(site) as draft:
        prepare_rollback(draft, wanted=True)
    kinds = kinds_of_steps(site)
    assert kinds[:4] == [StepKind.RESTART_TVS_ROLLBACK] * 2 + [StepKind.RESTART_TFTP] * 2
    off = kinds.index(StepKind.ROLLBACK_OFF)
    assert kinds[off + 1 : off + 3] == [StepKind.RESTART_TVS_ROLLBACK] * 2
    assert StepKind.RESTART_TVS not in kinds


def test_a_token_signs_again(tmp_path: Path) -> None:
    cluster = demo_cluster(KEYS, new_cluster().random)
    cluster.publisher.name = cluster.publisher.address
    create(tmp_path, cluster)
    with drafting(tmp_path) as draft:
        draft.write_ctl(_token_ctl(draft))
        renew_capf(draft)
    restart_everywhere(tmp_path, Service.TFTP)
    steps = kinds_of_steps(tmp_path)
    assert StepKind.UPDATE_CTL_TOKENS in steps
    assert StepKind.UPDATE_CTL not in steps
    lose = tmp_path / "nodes" / cluster.publisher.name / CTL_FILE
    for octets in (b"rubbish", None):
        lose.unlink()
        if octets is not None:
            lose.write_bytes(octets)
        steps = kinds_of_steps(tmp_path)
        assert StepKind.UPDATE_CTL_TOKENS in steps
        assert StepKind.ERASE_BY_HAND not in steps  # the next one will be signed by a token too


def _token_ctl(draft: Draft) -> bytes:
    octets = ctl_file(draft.cluster)
    assert draft.cluster.ctl is CTLKind.ETOKEN
    assert octets is not None
    return octets


def test_an_old_release_without_ctl_needs_tokens(tmp_path: Path) -> None:
    cluster = demo_cluster(KEYS, new_cluster().random)
    cluster.ctl = None
    create(tmp_path, cluster)
    assert StepKind.UPDATE_CTL_TOKENS in kinds_of_steps(tmp_path)
