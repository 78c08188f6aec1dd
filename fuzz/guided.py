"""Coverage-guided fuzzing by atheris (libFuzzer): one target per door, or all of them in turn.

    python -m fuzz.guided trust_list -runs=100000    one target; the rest goes to libFuzzer
    python -m fuzz.guided --minutes 30               all, in turn, and a table (`make fuzz`)
    python -m fuzz.guided --seeds trust_list DIR     write its seeds (fuzz/oss-fuzz/build.sh)
    python -m fuzz.guided --dictionary trust_list    print the path of its dictionary

Corpora stand in .fuzz/corpus/DOOR and are minimised after each run; what crashes a door is kept in
.fuzz/crashes, to be given to the same target again. What was run is added up in .fuzz/guided.json.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from hashlib import sha1
from pathlib import Path

WORK = Path(".fuzz")
DICTIONARIES = Path(__file__).parent / "dictionaries"
_SLOW_SECONDS = 10
_MEMORY_MB = 2048


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a target. edges -- what the instrumentation counts as covered."""

    door: str
    inputs: int
    seconds: int
    edges: int
    corpus: int
    crashes: int


def fuzz_target(door: str, arguments: list[str]) -> None:
    """Fuzz one door in this process until libFuzzer ends it. Ours are instrumented, and h11."""
    import atheris

    with atheris.instrument_imports(include=["secd", "firmware_sim", "h11", "tftpy", "tomllib"]):
        from fuzz.doors import DOORS
    found = DOORS[door]
    atheris.Setup([door, *arguments], found.feed)
    atheris.Fuzz()


def write_seeds(door: str, folder: Path) -> None:
    """Write a door's seeds into a folder, each under the name of its digest."""
    from fuzz.doors import DOORS

    folder.mkdir(parents=True, exist_ok=True)
    for octets in DOORS[door].seeds():
        (folder / sha1(octets, usedforsecurity=False).hexdigest()).write_bytes(octets)


def dictionary_of(door: str) -> Path:
    """Return the dictionary of a door."""
    from fuzz.doors import DOORS

    return DICTIONARIES / f"{DOORS[door].dictionary}.dict"


def run_door(door: str, seconds: int, seed: int) -> Run:
    """Fuzz one door in a process of its own, and minimise its corpus."""
    from fuzz.doors import DOORS

    corpus, crashes = WORK / "corpus" / door, WORK / "crashes" / door
    crashes.mkdir(parents=True, exist_ok=True)
    write_seeds(door, corpus)
    done = _libfuzzer(
        door,
        str(corpus),
        f"-dict={dictionary_of(door)}",
        f"-max_len={DOORS[door].limit_bytes}",
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-artifact_prefix={crashes}/",
        f"-timeout={_SLOW_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
        "-print_final_stats=1",
    )
    _minimise(door, corpus)
    return Run(
        door,
        _number(r"number_of_executed_units: (\d+)", done),
        _number(r"Done \d+ runs in (\d+) second", done),
        max((int(each) for each in re.findall(r" cov: (\d+)", done)), default=0),
        len(list(corpus.iterdir())),
        len(list(crashes.iterdir())),
    )


def _minimise(door: str, corpus: Path) -> None:
    smaller = corpus.with_suffix(".smaller")
    shutil.rmtree(smaller, ignore_errors=True)
    smaller.mkdir()
    _libfuzzer(door, "-merge=1", str(smaller), str(corpus))
    if any(smaller.iterdir()):
        shutil.rmtree(corpus)
        smaller.rename(corpus)


def _libfuzzer(door: str, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "fuzz.guided", door, *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    (WORK / f"{door}.log").write_text(done.stdout + done.stderr)
    return done.stdout + done.stderr


def _number(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def run_all(minutes: float, seed: int, doors: list[str]) -> list[Run]:
    """Fuzz the doors one after the other, for as long in all; write and return what was run."""
    runs = []
    for door in doors:
        run = run_door(door, max(1, round(minutes * 60 / len(doors))), seed)
        runs.append(run)
        _remember(run)  # at once: a run that is ended early has counted what it did
        print(f"{run.door:16}{run.inputs:>12,} inputs {run.edges:>6} edges", end="")
        print(f"{run.corpus:>6} kept {run.crashes:>3} crashes", flush=True)
    return runs


def _remember(run: Run) -> None:
    """Write what was run; inputs and seconds of a door add up over runs, until .fuzz is removed."""
    path = WORK / "guided.json"
    before = json.loads(path.read_text()) if path.exists() else []
    known = {row["door"]: Run(**row) for row in before}
    earlier = known.get(run.door)
    inputs, seconds = (earlier.inputs, earlier.seconds) if earlier else (0, 0)
    known[run.door] = replace(run, inputs=run.inputs + inputs, seconds=run.seconds + seconds)
    path.write_text(json.dumps([asdict(run) for run in known.values()], indent=1))


def main() -> int:
    """Fuzz one door, or all. 1: something crashed."""
    if len(sys.argv) > 1 and not sys.argv[1].startswith("--"):
        fuzz_target(sys.argv[1], sys.argv[2:])
        return 0
    from fuzz.doors import DOORS

    parser = argparse.ArgumentParser(description="Fuzz every door, guided by coverage.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--minutes", type=float, help="for all doors together")
    what.add_argument("--seeds", nargs=2, metavar=("DOOR", "DIR"), help="write a door's seeds")
    what.add_argument("--dictionary", metavar="DOOR", help="print the path of its dictionary")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer (default 1)")
    parser.add_argument("--only", action="append", choices=sorted(DOORS), help="this door")
    given = parser.parse_args()
    if given.seeds:
        write_seeds(given.seeds[0], Path(given.seeds[1]))
        return 0
    if given.dictionary:
        print(dictionary_of(given.dictionary))
        return 0
    runs = run_all(given.minutes, given.seed, given.only or list(DOORS))
    print(f"{sum(run.inputs for run in runs):,} inputs in all; crashes: .fuzz/crashes")
    return int(any(run.crashes for run in runs))


if __name__ == "__main__":
    sys.exit(main())
