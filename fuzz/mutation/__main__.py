"""Mutation testing: `python -m fuzz.mutation` (`make mutants`).

    --measure          first: which test runs which line, and how long (a whole run of the tests)
    --only secd/trust  mutants of these files
    --sample 20        every 20th mutant

Each mutant is tried by the tests that run its lines, the fastest first, in a process forked from
one that has imported the libraries. Survivors must stand in fuzz/mutation/explained.toml, each
with its reason; one that does not, or an explanation without survivor, is exit code 1.
What was tried goes to .fuzz/mutants.json.
"""

import argparse
import json
import sys
import time
import tomllib
from dataclasses import asdict
from pathlib import Path

from fuzz.mutation.coverage import measure, read_plan
from fuzz.mutation.mutate import mutants_of
from fuzz.mutation.trying import Tried, try_mutant, warm_up

TARGETS = (
    *("secd/trust", "secd/envelope", "secd/trustlist", "secd/tftp", "secd/tvs", "secd/http"),
    *("secd/configuration.py", "secd/crypto.py", "secd/certs.py", "secd/wire.py", "secd/text.py"),
)
EXPLAINED = Path(__file__).parent / "explained.toml"
WORK = Path(".fuzz")


def modules(targets: tuple[str, ...]) -> list[Path]:
    """Return the modules of files and folders."""
    found: list[Path] = []
    for target in map(Path, targets):
        found += sorted(target.rglob("*.py")) if target.is_dir() else [target]
    return found


def explained() -> dict[str, dict[str, str]]:
    """Return the reasons, by file and name of the mutant."""
    table = tomllib.loads(EXPLAINED.read_text())
    return {
        file: {name: str(reason) for name, reason in names.items()} for file, names in table.items()
    }


def try_all(targets: tuple[str, ...], step: int) -> list[Tried]:
    """Try every `step`th mutant of each file."""
    plan = read_plan()
    warm_up()
    tried: list[Tried] = []
    for path in modules(targets):
        started, before = time.monotonic(), len(tried)
        for mutant in list(mutants_of(path.read_text()))[::step]:
            tests = plan.tests_of(str(path), mutant.first_line, mutant.last_line)
            tried.append(try_mutant(path, mutant, tests))
            if not tried[-1].killed_by:
                print(f"  survived: {path}:{mutant.first_line} {mutant.name}", flush=True)
        killed = sum(bool(one.killed_by) for one in tried[before:])
        seconds = time.monotonic() - started
        print(f"{path}: {killed} of {len(tried) - before} killed, {seconds:.0f} s", flush=True)
    _remember(tried)
    return tried


def _remember(tried: list[Tried]) -> None:
    """Write what was tried; files that were not, this time, keep what is written of them."""
    path = WORK / "mutants.json"
    before = json.loads(path.read_text()) if path.exists() else []
    again = {one.file for one in tried}
    rows = [row for row in before if row["file"] not in again] + [asdict(one) for one in tried]
    path.write_text(json.dumps(rows, indent=1))


def main() -> int:
    """Try the mutants and hold the survivors against their explanations."""
    parser = argparse.ArgumentParser(description="Mutation testing of decisions and codecs.")
    parser.add_argument("--measure", action="store_true", help="first run all tests")
    parser.add_argument("--only", action="append", help="a file or folder, instead of all")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="every Nth mutant")
    given = parser.parse_args()
    if given.measure:
        measure()
    targets = tuple(given.only or TARGETS)
    tried = try_all(targets, given.sample)
    reasons = explained()
    survivors = {(one.file, one.mutant) for one in tried if not one.killed_by}
    known = {(file, name) for file, names in reasons.items() for name in names}
    bare = sorted(survivors - known)
    stale = sorted({(one.file, one.mutant) for one in tried if one.killed_by} & known)
    for file, name in bare:
        print(f"not explained: {file}: {name}")
    for file, name in stale:
        print(f"explained, but killed: {file}: {name}")
    print(f"{len(tried)} mutants, {len(tried) - len(survivors)} killed,", end=" ")
    print(f"{len(survivors - set(bare))} survivors explained, {len(bare)} not")
    return int(bool(bare or stale))


if __name__ == "__main__":
    sys.exit(main())
