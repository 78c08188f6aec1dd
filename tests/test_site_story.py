"""The demo's second story: tokens come and go, and a forgotten CTL is found."""

import time
from pathlib import Path

import pytest
import trio

from firmware_sim.administration.checking.advice import StepKind
from firmware_sim.administration.checking.findings import FindingKind
from firmware_sim.net.site_theatre import PlayedScene, play_site_scene
from firmware_sim.site_story import SITE_SCENES, SITE_TOKENS, make_site
from secd.trace import EnrolmentEnded, FileRefused, ListInstalled, Traced
from secd.words import EnrolmentOutcome

OLD, SEED, NEW = "7940", "7961", "9971"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[PlayedScene]:
    folder: Path = tmp_path_factory.mktemp("story")
    site = make_site(folder, lambda: int(time.time()))
    return [trio.run(play_site_scene, site, scene) for scene in SITE_SCENES]


def said(events: tuple[Traced, ...]) -> str:
    """What became of the first list that was new to the phone."""
    for traced in events:
        if isinstance(traced.event, ListInstalled):
            return str(traced.event.reason)
        if isinstance(traced.event, FileRefused):
            return f"refused: {traced.event.reason}"
    return "nothing new"


def test_who_trusts_what(played: list[PlayedScene]) -> None:
    verdicts = [
        {boot.actor.model: said(boot.report.events) for boot in scene.boots} for scene in played
    ]
    first = dict.fromkeys((OLD, SEED, NEW), "FIRST_LIST")
    listed = dict.fromkeys((OLD, SEED, NEW), "IN_CTL")
    assert verdicts == [
        first,
        listed,
        {OLD: "refused: SIGNER_UNKNOWN", SEED: "TVS_VOUCHED", NEW: "TVS_VOUCHED"},
        {OLD: "FIRST_LIST"},
        {SEED: "nothing new"},
        listed,
        {},
    ]


def test_the_lsc_comes_when_the_ctl_lists_capf(played: list[PlayedScene]) -> None:
    without, with_it = (
        [
            traced.event.outcome
            for boot in scene.boots
            for traced in boot.report.events
            if isinstance(traced.event, EnrolmentEnded)
        ]
        for scene in played[4:6]
    )
    assert without == [EnrolmentOutcome.NO_VALID_SERVER]
    assert with_it == [EnrolmentOutcome.INSTALLED]
    [told] = [message for message in played[4].boots[0].report.statuses if message.key == "capf_no"]
    assert told.text == "No valid CAPF server"


def test_the_client_tells_node_by_node_and_signs_with_the_token_that_is_left(
    played: list[PlayedScene],
) -> None:
    lines = played[1].done[0].lines
    assert f"{SITE_TOKENS[1]}: CTL file signed" in lines
    assert [line for line in lines if "written" in line] == [
        "cucm-sub: CTL file written",
        "cucm-pub: CTL file written",
    ]


def test_the_check_finds_the_forgotten_ctl_and_is_content_afterwards(
    played: list[PlayedScene],
) -> None:
    reports = [done.report for scene in played for done in scene.done if done.report is not None]
    forgotten, done = reports
    assert not forgotten.in_step
    kinds = {finding.kind for finding in forgotten.findings}
    assert {FindingKind.CTL_OLD_CERTIFICATE, FindingKind.PHONE_REFUSES_CAPF} <= kinds
    assert forgotten.steps[0].kind is StepKind.UPDATE_CTL
    assert done.in_step
    assert done.findings == ()
