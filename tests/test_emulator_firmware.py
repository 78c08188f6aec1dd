"""Whole boots of phones whose configuration names another load: files, log, status, summary."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from emulator_world import World
from test_trust_firmware import KEY, LOAD, OTHER
from trio.testing import MockClock

from firmware_sim.cluster.firmware import firmware_files
from firmware_sim.cluster.seed import DEVICE_NAME as DEVICE
from firmware_sim.cluster.seed import PUBLISHER_ADDRESS
from secd.cli.summary import Summary, summarize
from secd.net.clock import TrioClock
from secd.net.emulator import BootReport
from secd.net.network import AddressBook
from secd.net.phone import Surroundings

FILES = firmware_files(LOAD, KEY)
LOADS = f"{LOAD}.loads"
Change = Callable[[dict[str, bytes]], None]


async def booted(
    nursery: trio.Nursery, change: Change, *, model: str = "7961", given: bool = True
) -> tuple[BootReport, Summary, World]:
    world, files = World(), dict(FILES)
    change(files)
    world.files.cluster.devices[DEVICE].load = LOAD
    world.files.cluster.common_files |= files
    await world.serve(nursery)
    phone = replace(world.phone(model), firmware_key=KEY.public_key() if given else None)
    surroundings = Surroundings(world.network, TrioClock(0.0), AddressBook())
    report = await phone.boot(surroundings, lambda _, __: None)
    return report, summarize(report), world


def whole(_: dict[str, bytes]) -> None:
    """All of it is there."""


def without(name: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        del files[name]

    return change


def foreign(files: dict[str, bytes]) -> None:
    files.update(firmware_files(LOAD, OTHER))


@pytest.mark.parametrize("model", ["7940", "7961", "8945", "9971", "7821", "8861"])
async def test_every_model_follows_a_genuine_load(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    report, summary, world = await booted(nursery, whole, model=model)
    assert world.asked[-4:] == list(FILES)
    assert summary.exit_code == 0
    lines = summary.as_text(DEVICE, world.phone(model).model)
    assert f"{LOAD} is genuine, all 3 files" in " ".join(line.strip() for line in lines)
    told = lines[: lines.index("the phone holds")]
    assert max(len(line) for line in told) <= 80
    assert len(summary.as_json()["firmware"]) == 3  # type: ignore[arg-type]
    assert not [name for name in world.flash.names() if "sbn" in name or "loads" in name]
    assert not {status.key for status in report.statuses} & {"load_bad", "load_nf"}


async def test_without_the_key_it_says_what_it_would_get_and_refuses_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    _, summary, world = await booted(nursery, whole, given=False)
    assert world.asked[-1] == LOADS
    assert (summary.exit_code, summary.refusals) == (0, ())
    assert summary.firmware[-1].endswith("Not verified: that takes --firmware-key")


@pytest.mark.parametrize(
    ("model", "refused", "missing"),
    [
        ("7940", "File auth error", "File not found"),
        ("7961", "Load Auth Failed", "File not found"),
        ("9971", "Load Auth Failed", "File not found"),
        ("8861", "Load Auth Failed", "File not found"),
    ],
)
async def test_what_the_status_messages_say(
    model: str, refused: str, missing: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    report, summary, _ = await booted(nursery, foreign, model=model)
    assert report.statuses[-1].text == refused
    assert (summary.exit_code, summary.refusals[0].what) == (1, LOADS)
    assert summary.firmware[-1] == f"{LOADS} is refused; the phone keeps what it runs"
    nursery.cancel_scope.cancel()
    async with trio.open_nursery() as inner:
        report, summary, _ = await booted(inner, without(LOADS), model=model)
        inner.cancel_scope.cancel()
    assert report.statuses[-1].text == missing
    assert summary.exit_code == 0
    assert summary.firmware[-1] == f"{LOADS} did not come; the phone keeps what it runs"


async def test_the_log_of_a_79xx_names_no_limit_for_firmware(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The limit of the captures is smaller than firmware: what a phone prints is not known."""
    report, _, _ = await booted(nursery, whole)
    assert not [line for line in report.lines if ".sbn" in line or ".loads" in line]
    assert PUBLISHER_ADDRESS in "".join(report.lines)
