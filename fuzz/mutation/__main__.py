"""Mutation testing: `python -m fuzz.mutation` (`make mutants`).

    --measure          first: which test runs which line, and how long (a whole run of the tests)
    --tests FILE       with --measure: only these tests, which are added to what was measured
    --only secd/trust  mutants of these files
    --sample 20        every 20th mutant
    --afresh           those too that were killed before

Each mutant is tried by the tests that run its lines, the fastest first, in a process forked from
one that has imported the libraries. Survivors must stand in fuzz/mutation/explained.toml, each
with its reason; one that does not, or an explanation without survivor, is exit code 1.

What was tried goes to .fuzz/mutants.json, mutant by mutant, so that a run can be ended at any time
and goes on where it was. What was killed stays so as long as its file is the same, octet for octet:
it is not tried again. Survivors are.
"""

import argparse
import json
import sys
import time
import tomllib
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from fuzz.mutation.coverage import measure, read_plan
from fuzz.mutation.mutate import mutants_of
from fuzz.mutation.trying import Tried, try_mutant, warm_up

TARGETS = (
    *("secd/trust", "secd/envelope", "secd/trustlist", "secd/tftp", "secd/tvs", "secd/http"),
    "secd/capf",
    *("secd/configuration.py", "secd/crypto.py", "secd/certs.py", "secd/wire.py", "secd/text.py"),
)
EXPLAINED = Path(__file__).parent / "explained.toml"
WORK = Path(".fuzz")
_SAVE_SECONDS = 20.0


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


def try_all(targets: tuple[str, ...], step: int, *, afresh: bool = False) -> list[Tried]:
    """Try every `step`th mutant of each file."""
    plan = read_plan()
    tried: list[Tried] = []
    for path in modules(targets):
        text = path.read_text()
        source = sha256(text.encode()).hexdigest()
        known = [] if afresh else [one for one in _remembered() if one.source == source]
        killed = {one.mutant: one for one in known if one.file == str(path) and one.killed_by}
        here: list[Tried] = []
        warm_up(plan.files_of_tests(str(path)))
        started = saved = time.monotonic()
        for mutant in list(mutants_of(text))[::step]:
            if mutant.name in killed:
                here.append(killed[mutant.name])
                continue
            tests = plan.tests_of(str(path), mutant.first_line, mutant.last_line)
            verdict = try_mutant(path, mutant, tests, plan.lasts(tests))
            here.append(
                Tried(str(path), mutant.first_line, mutant.name, verdict, len(tests), source)
            )
            if not verdict:
                print(f"  survived: {path}:{mutant.first_line} {mutant.name}", flush=True)
            if time.monotonic() > saved + _SAVE_SECONDS:
                # Of mutants that are still to come, those killed before stay in the file.
                _remember(str(path), [*here, *_left(killed, here)])
                saved = time.monotonic()
        _remember(str(path), here)
        dead, seconds = sum(bool(one.killed_by) for one in here), time.monotonic() - started
        print(f"{path}: {dead} of {len(here)} killed, {seconds:.0f} s", flush=True)
        tried += here
    return tried


def _left(killed: dict[str, Tried], here: list[Tried]) -> list[Tried]:
    done = {one.mutant for one in here}
    return [one for name, one in killed.items() if name not in done]


def _remembered() -> list[Tried]:
    path = WORK / "mutants.json"
    return [Tried(**row) for row in json.loads(path.read_text())] if path.exists() else []


def _remember(file: str, tried: list[Tried]) -> None:
    """Write what was tried of a file; the other files keep what is written of them."""
    rows = [asdict(one) for one in [*(o for o in _remembered() if o.file != file), *tried]]
    (WORK / "mutants.new").write_text(json.dumps(rows, indent=1))
    (WORK / "mutants.new").replace(WORK / "mutants.json")


def main() -> int:
    """Try the mutants and hold the survivors against their explanations."""
    parser = argparse.ArgumentParser(description="Mutation testing of decisions and codecs.")
    parser.add_argument("--measure", action="store_true", help="first run all tests")
    parser.add_argument("--tests", action="append", default=[], help="measure these in addition")
    parser.add_argument("--only", action="append", help="a file or folder, instead of all")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="every Nth mutant")
    parser.add_argument("--afresh", action="store_true", help="those killed before, too")
    given = parser.parse_args()
    if given.measure:
        measure(given.tests)
    targets = tuple(given.only or TARGETS)
    tried = try_all(targets, given.sample, afresh=given.afresh)
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
