"""Administrators' mishaps: what `check` says, and that following it to the letter locks nobody."""

from itertools import combinations, cycle
from pathlib import Path

import pytest
from administration_site import BEFORE_12, DEVICE, FROM_12, NOW, new_cluster
from checking_site import (
    boot,
    follow,
    is_locked,
    new_phone,
    renew,
    report_of,
    restart_everywhere,
)

from firmware_sim.administration.checking import FindingKind, Report, StepKind
from firmware_sim.administration.commands import Service, Unit, set_mixed_mode
from firmware_sim.administration.directory import create, drafting
from firmware_sim.cluster import Release

TFTP, CALLMANAGER, TVS = Service.TFTP, Service.CALLMANAGER, Service.TVS


def site_with(root: Path, release: Release, mixed: bool = True) -> Path:
    create(root, new_cluster(release=release))
    if mixed:
        with drafting(root) as draft:
            set_mixed_mode(draft, NOW)
        restart_everywhere(root, TFTP)
    return root


def kinds_of(root: Path) -> set[FindingKind]:
    return {finding.kind for finding in report_of(root).findings}


def erased_by_hand(report: Report) -> list[str]:
    erased = [step.place for step in report.steps if step.kind is StepKind.ERASE_BY_HAND]
    return [phone for place in erased for phone in place.split(", ")]


# What administrators renew at a time (TVS then on both nodes), and what they have restarted before
# they think of asking.
_UNITS = [chosen for size in (1, 2) for chosen in combinations(Unit, size)]
_RESTARTED: list[tuple[Service, ...]] = [(), (TFTP,), (TVS,), (TFTP, TVS), (TVS,), (TFTP,), (TVS,)]


@pytest.mark.parametrize("mixed", [False, True], ids=["non-secure", "mixed"])
@pytest.mark.parametrize("release", [BEFORE_12, FROM_12], ids=str)
def test_following_the_advice_leaves_no_phone_behind(
    tmp_path: Path, release: Release, mixed: bool
) -> None:
    root = site_with(tmp_path / "site", release, mixed)
    phones = [new_phone(root)]
    for chosen, services in zip(_UNITS, cycle(_RESTARTED), strict=False):
        renew(root, *chosen)
        if Unit.TVS in chosen:
            renew(root, Unit.TVS, node="cucm-1")
        restart_everywhere(root, *services)
        phones = [boot(root, phone) for phone in phones]  # somebody resets them meanwhile
        report = report_of(root, *phones)
        assert report.in_step == (report.steps == ())
        told = (chosen, services, report.findings, report.steps)
        assert DEVICE not in erased_by_hand(report), told
        phones = follow(root, report.steps, phones)
        assert not is_locked(root, phones[0]), told
        after = report_of(root, *phones)
        assert after.in_step, (told, after.findings)


def test_callmanager_alone_tvs_vouches(tmp_path: Path) -> None:
    """Operation 1: restart TFTP, and phones take the new lists through TVS."""
    root = site_with(tmp_path / "site", BEFORE_12, mixed=False)
    renew(root, Unit.CALLMANAGER)
    report = report_of(root)
    assert [step.kind for step in report.steps] == [
        *(StepKind.RESTART_TFTP, StepKind.RESTART_TFTP),
        *(StepKind.RESTART_CALLMANAGER, StepKind.RESTART_CALLMANAGER),
        StepKind.PHONES_TAKE,
    ]
    assert FindingKind.WOULD_LOCK not in kinds_of(root)


def test_tvs_renewed_too_and_restarted_first_would_lock(tmp_path: Path) -> None:
    """Operation 4, caught before TFTP is restarted: the ITL is reset before any phone sees it."""
    root = site_with(tmp_path / "site", BEFORE_12, mixed=False)
    renew(root, Unit.CALLMANAGER, Unit.TVS)
    renew(root, Unit.TVS, node="cucm-1")
    assert FindingKind.WOULD_LOCK not in kinds_of(root)
    restart_everywhere(root, TVS)
    assert FindingKind.WOULD_LOCK in kinds_of(root)
    steps = [step.kind for step in report_of(root).steps]
    assert steps.index(StepKind.RESTART_TFTP) < steps.index(StepKind.RESET_ITL)
    assert steps.index(StepKind.RESET_ITL) < steps.index(StepKind.RESTART_CALLMANAGER)


def test_tvs_is_restarted_only_when_phones_have_its_certificate(tmp_path: Path) -> None:
    root = site_with(tmp_path / "site", BEFORE_12, mixed=False)
    renew(root, Unit.CALLMANAGER, Unit.TVS)
    steps = [step.kind for step in report_of(root).steps]
    assert steps.index(StepKind.PHONES_TAKE) < steps.index(StepKind.RESTART_TVS)
    assert StepKind.RESET_ITL not in steps


def test_a_second_tvs_that_phones_know_is_enough(tmp_path: Path) -> None:
    """Operation 9: with many servers one at a time, phones fall to the secondary TVS."""
    root = site_with(tmp_path / "site", BEFORE_12, mixed=False)
    renew(root, Unit.CALLMANAGER, Unit.TVS)
    restart_everywhere(root, TVS)
    assert FindingKind.WOULD_LOCK not in kinds_of(root)


def test_locked_phones_are_helped_by_a_reset(tmp_path: Path) -> None:
    """Operation 22."""
    root = site_with(tmp_path / "site", BEFORE_12, mixed=False)
    phone = new_phone(root)
    renew(root, Unit.CALLMANAGER, Unit.TVS)
    renew(root, Unit.TVS, node="cucm-1")
    restart_everywhere(root, TFTP, TVS, CALLMANAGER)
    assert is_locked(root, boot(root, phone))
    assert report_of(root).in_step  # the cluster by itself is: only the phone's flash tells
    report = report_of(root, phone)
    assert FindingKind.PHONE_REFUSES_LIST in {finding.kind for finding in report.findings}
    assert report.steps[0].kind is StepKind.RESET_ITL
    (phone,) = follow(root, report.steps, [phone])
    assert report_of(root, phone).in_step


def test_before_10_there_is_no_key_to_help(tmp_path: Path) -> None:
    root = site_with(tmp_path / "site", Release(8, 6, 2), mixed=False)
    phone = new_phone(root)
    renew(root, Unit.CALLMANAGER, Unit.TVS)
    renew(root, Unit.TVS, node="cucm-1")
    restart_everywhere(root, TFTP, TVS, CALLMANAGER)
    steps = report_of(root, phone).steps
    assert DEVICE in erased_by_hand(report_of(root, phone))
    (phone,) = follow(root, steps, [phone])
    assert report_of(root, phone).in_step


@pytest.mark.parametrize("release", [BEFORE_12, FROM_12], ids=str)
def test_everything_renewed_at_once_cannot_be_helped(tmp_path: Path, release: Release) -> None:
    """Operation 4 with ITLRecovery: phones trust nothing that the cluster has."""
    root = site_with(tmp_path / "site", release, mixed=False)
    phone = new_phone(root)
    renew(root, Unit.CALLMANAGER, Unit.TVS, Unit.ITL_RECOVERY)
    renew(root, Unit.TVS, node="cucm-1")
    assert StepKind.ERASE_BY_HAND not in {step.kind for step in report_of(root, phone).steps}
    restart_everywhere(root, TVS)
    steps = report_of(root, phone).steps
    assert DEVICE in erased_by_hand(report_of(root, phone))
    (phone,) = follow(root, steps, [phone])
    assert report_of(root, phone).in_step


def test_a_7960_is_erased_by_hand(tmp_path: Path) -> None:
    """Operation 2: tokenless CTL, CallManager renewed, no TVS to ask."""
    root = site_with(tmp_path / "site", BEFORE_12)
    phone = new_phone(root, "7960")
    renew(root, Unit.CALLMANAGER)
    assert FindingKind.WOULD_LOCK in kinds_of(root)
    steps = report_of(root, phone).steps
    assert DEVICE in erased_by_hand(report_of(root, phone))
    (phone,) = follow(root, steps, [phone])
    assert report_of(root, phone).in_step


def test_nothing_is_restarted_for_a_phone_that_must_be_erased(tmp_path: Path) -> None:
    root = site_with(tmp_path / "site", BEFORE_12)
    stranger = site_with(tmp_path / "other", FROM_12)
    phone = new_phone(stranger, "7960")
    steps = report_of(root, phone).steps
    assert [(step.kind, step.place) for step in steps] == [
        (StepKind.ERASE_BY_HAND, DEVICE),
        (StepKind.PHONES_TAKE, ""),
    ]


def test_a_new_capf_certificate_wants_a_new_ctl(tmp_path: Path) -> None:
    """Operation 6 and the chapter of the demo: CTL, TFTP, CallManager, and CAPF at last."""
    root = site_with(tmp_path / "site", BEFORE_12)
    phone = new_phone(root)
    renew(root, Unit.CAPF)
    restart_everywhere(root)
    kinds = kinds_of(root)
    assert {FindingKind.CTL_OLD_CERTIFICATE, FindingKind.CAPF_OLD} <= kinds
    steps = [step.kind for step in report_of(root, phone).steps]
    assert steps == [
        StepKind.UPDATE_CTL,
        *(StepKind.RESTART_TFTP, StepKind.RESTART_TFTP),
        *(StepKind.RESTART_CALLMANAGER, StepKind.RESTART_CALLMANAGER),
        StepKind.PHONES_TAKE,
        StepKind.RESTART_CAPF,
    ]
    with drafting(root) as draft:
        draft.load_capf()  # somebody restarts CAPF first: the phone does not know it
    report = report_of(root, phone)
    assert FindingKind.PHONE_REFUSES_CAPF in {finding.kind for finding in report.findings}
