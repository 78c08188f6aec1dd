"""The doors of the coverage-guided fuzzer: every seed, what seeds become, and a short real run."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from fuzz.doors import DOORS
from fuzz.guided import DICTIONARIES, dictionary_of, write_seeds

ROOT = Path(__file__).parent.parent
TARGETS = ROOT / "fuzz" / "targets"


@pytest.mark.parametrize("door", DOORS)
def test_every_seed_and_its_damaged_copies_pass_the_door(door: str) -> None:
    feed, random = DOORS[door].feed, Random(door)
    for octets in filter(None, DOORS[door].seeds()):
        feed(octets)
        for _ in range(3):
            damaged = bytearray(octets)
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
            feed(bytes(damaged))
            feed(octets[: random.randrange(len(octets))])


@pytest.mark.parametrize("door", DOORS)
def test_no_octets_at_all_pass_every_door(door: str) -> None:
    DOORS[door].feed(b"")


def test_every_untrusted_function_stands_behind_a_door() -> None:
    """A new one needs a door, or a word here on why it has none."""
    elsewhere = {
        "_name_in_target_untrusted",  # http_request
        "_parts_untrusted",  # http_request, by Tree
        "agree_untrusted",  # tftp_transfer
        "decode_error_untrusted",  # tftp_packet
        "decode_option_acknowledgement_untrusted",  # tftp_packet
        "decode_header_untrusted",  # signed_file
        "decode_records_untrusted",  # trust_list
        "read_elements_untrusted",  # tvs_message, capf_message
        "message_length_untrusted",  # tvs_message, capf_message
        "_turns_untrusted",  # capf_transcript
        "_messages_untrusted",  # capf_transcript
        "_message_untrusted",  # capf_transcript
        "_items_untrusted",  # capf_client, capf_server
        "decode_sudi_untrusted",  # capf_server
        "kind_of_untrusted",  # capf_server
        "unwrap_certificate_untrusted",  # capf_client, capf_server
        "unwrap_sha512_signature_untrusted",  # capf_server
        "frame_length_untrusted",  # ctl_provider, ctl_client
        "_name_untrusted",  # ctl_client
        "_listed_untrusted",  # ctl_client
    }
    defined = {
        name
        for package in ("secd", "firmware_sim")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r"def (\w+_untrusted)\(", path.read_text())
    }
    used = {
        name
        for path in (ROOT / "fuzz").rglob("*.py")
        for name in re.findall(r"\b(\w+_untrusted)\(", path.read_text())
    }
    assert defined - used == elsewhere - used
    assert elsewhere <= defined


def test_every_door_has_its_target_and_its_dictionary() -> None:
    assert {path.stem for path in TARGETS.glob("fuzz_*.py")} == {f"fuzz_{door}" for door in DOORS}
    for door in DOORS:
        assert f'fuzz_target("{door}", ' in (TARGETS / f"fuzz_{door}.py").read_text()
        words = dictionary_of(door).read_text().splitlines()[1:]
        assert all(re.fullmatch(r'"([^"\\]|\\x[0-9a-f]{2})+"', word) for word in words), door
    assert {path.stem for path in DICTIONARIES.iterdir()} == {
        DOORS[door].dictionary for door in DOORS
    }


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="no atheris on this system")
def test_a_short_run_guided_by_coverage(tmp_path: Path) -> None:
    """libFuzzer runs a target, sees coverage of ours grow, and finds nothing."""
    write_seeds("tvs_client", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.targets.fuzz_tvs_client", "-runs=4000", "-seed=1", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Done 4000 runs" in done.stderr
    covered = [int(each) for each in re.findall(r" cov: (\d+)", done.stderr)]
    assert covered[-1] > 40
