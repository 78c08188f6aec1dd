"""Power cuts on a disk that forgets what was not synced: old or new, whole; what was done stays.

Every call of the flash to the kernel is a moment at which the power fails; after each of them every
disk is looked at that may be found then (`fuzz.storms.forgetting`).
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from test_torn_boots import (
    AFTER,
    NEW,
    assert_whole,
    boot_on,
    calls_of_a_boot,
    contents,
    phone_with_old_lists,
)

from fuzz.storms.forgetting import Disk, Image, put
from fuzz.storms.power import Fault, PowerCut, failing
from secd.files.flash import DirectoryFlash
from secd.words import BootOutcome

Step = Callable[[DirectoryFlash], None]
# What a flash is asked to do, one after the other, and what it holds then.
STEPS: tuple[tuple[Step, Image], ...] = (
    (lambda flash: None, {}),
    (lambda flash: flash.write("a", b"first"), {"a": b"first"}),
    (lambda flash: flash.write("b", b"other"), {"a": b"first", "b": b"other"}),
    (lambda flash: flash.write("a", b"second!"), {"a": b"second!", "b": b"other"}),
    (lambda flash: flash.rename("b", "a"), {"a": b"other"}),
    (lambda flash: flash.write("c", b"third"), {"a": b"other", "c": b"third"}),
    (lambda flash: flash.erase("a"), {"c": b"third"}),
    (lambda flash: flash.erase("a"), {"c": b"third"}),
)


def whole(image: Image) -> Image:
    """Without leftovers, which no phone looks at."""
    return {name: octets for name, octets in image.items() if not name.endswith(".new")}


def seen(folder: Path, fault: Fault, at: int, lies: frozenset[str]) -> tuple[int, list[Image]]:
    """Do all steps until the power fails; return how many were done, and what may be found."""
    folder.mkdir()
    disk = Disk(folder, lies)
    done = 0
    with failing(fault, at, disk), DirectoryFlash(folder) as flash, suppress(PowerCut):
        for number, (step, _) in enumerate(STEPS):
            done = number
            step(flash)
    return done, [whole(image) for image in disk.images()]


def wrong(tmp_path: Path, lies: frozenset[str]) -> list[tuple[int, Image]]:
    """All disks that hold neither what was before the step that was cut nor what comes after."""
    found = []
    for fault in (Fault.CUT_BEFORE, Fault.CUT_AFTER):
        for at in range(40):
            done, images = seen(tmp_path / f"{fault.name}{at}", fault, at, lies)
            allowed = [STEPS[max(0, done - 1)][1], STEPS[done][1]]
            found += [(at, image) for image in images if image not in allowed]
    return found


def test_what_was_done_stays_and_what_was_cut_is_done_or_not(tmp_path: Path) -> None:
    assert wrong(tmp_path, frozenset()) == []


@pytest.mark.parametrize(
    ("about", "example"),
    [("file", {"a": b""}), ("file", {"a": bytes(5)}), ("directory", {"a": b"first"})],
)
def test_a_disk_that_lies_about_fsync_is_found_out(
    tmp_path: Path, about: str, example: Image
) -> None:
    """So the test above can fail: with a flash that did not sync, it would."""
    assert example in [image for _, image in wrong(tmp_path, frozenset({about}))]


def test_whatever_a_disk_forgets_of_an_update_the_next_boot_works(tmp_path: Path) -> None:
    calls = calls_of_a_boot(phone_with_old_lists(tmp_path / "undisturbed"))
    images: list[Image] = []
    forgotten = 0
    for at in range(len(calls)):
        folder = phone_with_old_lists(tmp_path / str(at))
        disk = Disk(folder)
        with failing(Fault.CUT_AFTER, at, disk), suppress(PowerCut):
            boot_on(folder, AFTER)
        for image in disk.images():
            forgotten += image != contents(folder)
            if image not in images:
                images.append(image)
    assert forgotten > len(calls)
    for number, image in enumerate(images):
        found = put(image, tmp_path / f"image {number}")
        assert_whole(found)
        assert boot_on(found, AFTER) is BootOutcome.BOOTED
        assert {name: contents(found)[name] for name in NEW} == NEW
