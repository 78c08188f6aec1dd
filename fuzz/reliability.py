"""Measures what docs/reliability.md says, and writes it: `make reliability`.

    python -m fuzz.reliability --minutes 60     everything; the minutes are for guided fuzzing
    python -m fuzz.reliability --only kills     one of the experiments, then the page
    python -m fuzz.reliability --render         the page alone, from what was measured before

Each experiment is a command of its own and leaves its numbers in .fuzz/NAME.json; one that was not
run has no numbers, and the page says so. One that was done to its end is not done again until
something in the sources has changed, or --afresh is given; guided fuzzing, laws and mutants go on
where they were ended.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fuzz.doors import DOORS
from fuzz.laws import HISTORIES, STEPS, counts
from fuzz.mutation.__main__ import explained
from fuzz.sources import digest_of_sources

WORK = Path(".fuzz")
PAGE = Path("docs/reliability.md")
STORIES = Path(__file__).parent / "reliability_stories.md"
_NOT_RUN = "not run"
WANTED = 100_000  # of each law

Row = tuple[str, str, str, str]


def _saved(name: str) -> object:
    path = WORK / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def _rows_of(value: object) -> list[dict[str, object]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def guided_rows() -> list[Row]:
    """Coverage-guided fuzzing, door by door, and in all."""
    runs = _rows_of(_saved("guided"))
    repeat = "`make fuzz MINUTES=60`"
    if not runs:
        return [("guided by coverage", _NOT_RUN, _NOT_RUN, repeat)]
    rows = [
        (
            f"door `{run['door']}`",
            f"{_number(run['inputs']):,} inputs",
            f"{run['crashes']} crashes, {run['edges']} edges",
            f"`python -m fuzz.guided --minutes 5 --only {run['door']}`",
        )
        for run in runs
    ]
    rows += [
        (f"door `{door}`", _NOT_RUN, _NOT_RUN, f"`python -m fuzz.guided --minutes 5 --only {door}`")
        for door in DOORS
        if door not in {run["door"] for run in runs}
    ]
    total = sum(_number(run["inputs"]) for run in runs)
    crashes = sum(_number(run["crashes"]) for run in runs)
    return [*rows, ("**all doors**", f"**{total:,} inputs**", f"{crashes} crashes", repeat)]


def law_rows() -> list[Row]:
    """Laws on structured inputs, and histories; laws that lack examples by name."""
    repeat = "`python -m fuzz.laws`"
    tried = counts()
    histories = tried.pop(HISTORIES, None)
    whole = {name: count for name, count in tried.items() if count.tried >= WANTED}
    rows = []
    if whole:
        held = not any(count.broken for count in whole.values())
        result = "0 broken, 0 false acceptances" if held else "broken"
        rows.append(
            (f"{len(whole)} laws, structured inputs", f"{WANTED:,} of each", result, repeat)
        )
    rows += [
        (f"law `{name}`", f"{count.tried:,}", f"{len(count.broken)} times broken", repeat)
        for name, count in tried.items()
        if name not in whole
    ]
    if histories is not None:
        rows.append(
            (
                f"histories of {STEPS} steps against the model of trust",
                f"{histories.tried:,}",
                f"{len(histories.broken)} disagreements",
                repeat,
            )
        )
    if not rows:
        return [("laws and histories", _NOT_RUN, _NOT_RUN, repeat)]
    examples = sum(count.tried for count in tried.values())
    return [*rows, ("**all laws**", f"**{examples:,} inputs**", "", repeat)]


def exhaustive_rows() -> list[Row]:
    """Every small damage."""
    saved = _saved("exhaustive")
    repeat = "`make exhaustive`"
    if not isinstance(saved, dict):
        return [("every small damage to every vector", _NOT_RUN, _NOT_RUN, repeat)]
    names = {
        "bit": "every single bit turned",
        "end": "every truncation",
        "swap": "every two TLVs of a header swapped",
        "length": "every length within ±64 and at the extremes",
    }
    outcome = "the naive decoder agrees; nothing accepted of which a signed octet changed"
    return [
        (name, f"{_number(saved['cases'].get(kind, 0)):,} files", outcome, repeat)
        for kind, name in names.items()
    ]


def mutant_rows() -> list[Row]:
    """Mutation testing."""
    tried = _rows_of(_saved("mutants"))
    repeat = "`make mutants`"
    if not tried:
        return [("mutants", _NOT_RUN, _NOT_RUN, repeat)]
    reasons = explained()
    by_folder: dict[str, list[dict[str, object]]] = {}
    for one in tried:
        by_folder.setdefault(str(Path(str(one["file"])).parent), []).append(one)
    rows = []
    for folder, ones in sorted(by_folder.items()):
        killed = sum(bool(one["killed_by"]) for one in ones)
        known = sum(
            str(one["mutant"]) in reasons.get(str(one["file"]), {})
            for one in ones
            if not one["killed_by"]
        )
        left = f", {known} explained one by one" if known else ""
        left += (
            f", {len(ones) - killed - known} not explained" if killed + known < len(ones) else ""
        )
        rows.append(
            (f"mutants of `{folder}`", f"{len(ones):,}", f"{killed:,} killed{left}", repeat)
        )
    return rows


def kill_rows() -> list[Row]:
    """kill -9."""
    saved = _saved("kills")
    repeat = "`python -m fuzz.storms.kills`"
    if not isinstance(saved, dict):
        return [("kill -9 of `secd boot`", _NOT_RUN, _NOT_RUN, repeat)]
    states = len(saved["found"])
    return [
        (
            "kill -9 of a real `secd boot`, seeded moments",
            f"{saved['killed']} kills, {saved['let_through']} boots let through",
            f"all survived: each file old or new, in {states} combinations; every boot worked",
            repeat,
        )
    ]


def torn_rows() -> list[Row]:
    """Torn writes: the test itself is the experiment."""
    return [
        (
            "power cut, full disk or I/O error at every open, write, fsync, rename and unlink",
            "every such call of an update (4 faults) and of a first boot",
            "old or new file, whole; the next boot works",
            "`pytest tests/test_torn_boots.py`",
        ),
        (
            "power cut, and the disk forgets what was not synced: octets, names, renames",
            "every such call of an update and of each operation, every disk that may be found then",
            "old or new file, whole; what was done stays; the next boot works",
            "`pytest tests/test_torn_disks.py`",
        ),
    ]


def network_rows() -> list[Row]:
    """Boots over bad networks: one row for each loss."""
    repeat = "`python -m fuzz.storms.networks`"
    surveys = _rows_of(_saved("networks"))
    if not surveys:
        return [("boots over bad networks", _NOT_RUN, _NOT_RUN, repeat)]
    by_loss: dict[str, list[dict[str, object]]] = {}
    for each in surveys:
        by_loss.setdefault(str(each["loss"]), []).append(each)
    atftpd = (
        "atftpd through a relay on loopback: 0, 10, 20 % lost, 10 % doubled, 10 % held back",
        "a boot each, and one with nothing let through",
        "booted; without any network it ended by itself",
        "`pytest -m interop tests/test_bad_networks.py`",
    )
    return [
        *(
            (
                f"{float(loss):.0%} of all datagrams lost",
                f"{len(row)} x {row[0]['boots']} boots",
                "; ".join(f"{_voyages(each)}" for each in row),
                repeat,
            )
            for loss, row in by_loss.items()
        ),
        ("**loss that every boot survived**", "as above", _survived(surveys), repeat),
        atftpd,
    ]


def _survived(surveys: list[dict[str, object]]) -> str:
    """Say up to which loss all boots of each weather succeeded."""
    said = []
    for name in dict.fromkeys(str(each["weather"]) for each in surveys):
        most = None
        for each in (one for one in surveys if one["weather"] == name):
            if each["booted"] != each["boots"]:
                break
            most = each["loss"]
        said.append(f"{name}: none" if most is None else f"{name}: up to {most:.0%}")
    return "; ".join(said)


def _voyages(survey: dict[str, object]) -> str:
    booted, boots = _number(survey["booted"]), _number(survey["boots"])
    return f"{survey['weather']} {booted / boots:.1%} (slowest {survey['slowest_seconds']} s)"


def leak_rows() -> list[Row]:
    """Leaks."""
    saved = _saved("leaks")
    repeat = "`python -m fuzz.storms.leaks`"
    if not isinstance(saved, dict):
        return [("re-boots without rest", _NOT_RUN, _NOT_RUN, repeat)]
    rows = []
    for name, text in (("virtual", "24 virtual hours"), ("real", "real sockets and files")):
        rest = saved[name]
        first, last = rest["first"], rest["last"]
        each = (last["bytes"] - first["bytes"]) / rest["boots"]
        rows.append(
            (
                f"re-boots: {text}",
                f"{rest['boots']:,} boots",
                ", ".join(
                    (
                        f"descriptors {first['descriptors']} → {last['descriptors']}",
                        f"tasks {first['tasks']} → {last['tasks']}",
                        f"{each:.0f} octets a boot",
                    )
                ),
                repeat,
            )
        )
    return rows


NOTES = {
    "Laws and histories": (
        "The laws of `make test` themselves, their values drawn from hypothesis's strategies by a\n"
        "plain seeded `Random` (`fuzz.drawing`), without hypothesis's memory of what it tried and\n"
        "without shrinking: eight times as fast. Laws with the same strategy get the same values.\n"
        "Half of all phones, and each that a history gives a load of other habits, have the\n"
        "switches of decision-table.md in any position."
    ),
    "Mutation testing": (
        "A mutant that was killed is not tried again while its file is the same, octet for octet;\n"
        "survivors are, every time."
    ),
    "Bad networks (virtual time)": (
        "*plain*: loss alone, the load's own budget (4 retransmissions in a row, 4 s apart).\n"
        "*patient*: the same, 16 retransmissions and a server as patient. *rough*: the load's\n"
        "budget, 10 % doubled, 10 % held back by up to 0.3 s, 1 % with an octet changed, and a\n"
        "stranger who sends blocks and errors. Boots that do not succeed end by themselves and\n"
        "leave no torn file."
    ),
}
SECTIONS: tuple[tuple[str, Callable[[], list[Row]]], ...] = (
    ("Hostile octets, guided by coverage", guided_rows),
    ("Laws and histories", law_rows),
    ("Small damage, all of it", exhaustive_rows),
    ("Mutation testing", mutant_rows),
    ("Torn writes", torn_rows),
    ("kill -9", kill_rows),
    ("Bad networks (virtual time)", network_rows),
    ("Leaks", leak_rows),
)


def page() -> str:
    """Return docs/reliability.md."""
    parts = [
        "# Reliability: what was tried, how often, and what came of it\n",
        "Written by `make reliability` from measured numbers; what was not run says so. Guided",
        "fuzzing never goes the same way twice, everything else repeats from its seeds. Numbers of",
        "inputs, laws and mutants add up over runs until `.fuzz` is removed.",
    ]
    for title, rows in SECTIONS:
        parts += [f"\n## {title}\n", *(f"{line}\n" for line in [NOTES.get(title)] if line)]
        parts += ["| what | how many | result | how to repeat |", "|-|-|-|-|"]
        parts += [f"| {' | '.join(row)} |" for row in rows()]
    return "\n".join(parts) + "\n\n" + STORIES.read_text()


def _module(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *arguments], check=False)  # noqa: S603 - ourselves


def experiments(minutes: float, examples: int) -> dict[str, Callable[[], None]]:
    """Return what can be measured, by name."""
    histories = str(examples // 10)
    return {
        "guided": lambda: _module("fuzz.guided", "--minutes", str(minutes)),
        "laws": lambda: _module("fuzz.laws", "--examples", str(examples), "--histories", histories),
        "exhaustive": lambda: _module("fuzz.exhaustive"),
        "mutants": lambda: _module("fuzz.mutation", "--measure"),
        "kills": lambda: _module("fuzz.storms.kills"),
        "networks": lambda: _module("fuzz.storms.networks"),
        "leaks": lambda: _module("fuzz.storms.leaks"),
    }


def _measured() -> dict[str, str]:
    """Return of which sources each experiment was done to its end."""
    saved = _saved("measured")
    rows = saved.items() if isinstance(saved, dict) else ()
    return {str(name): str(sources) for name, sources in rows}


def measure(minutes: float, examples: int, only: list[str] | None, *, afresh: bool) -> None:
    """Do the experiments; what was done to its end with these very sources is not done again."""
    sources = digest_of_sources()
    for name, run in experiments(minutes, examples).items():
        if only and name not in only:
            continue
        done = _measured()
        if done.get(name) == sources and not afresh:
            print(f"{name}: was measured with these sources", flush=True)
            continue
        begun = time.monotonic()
        run()
        (WORK / "measured.json").write_text(json.dumps(_measured() | {name: sources}, indent=1))
        print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)


def main() -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description="Measure and write docs/reliability.md.")
    parser.add_argument("--minutes", type=float, default=60, help="of guided fuzzing (default 60)")
    parser.add_argument("--examples", type=int, default=WANTED, help="of each law; histories 1/10")
    parser.add_argument("--only", action="append", choices=sorted(experiments(1, 1)))
    parser.add_argument("--afresh", action="store_true", help="also what was measured already")
    parser.add_argument("--render", action="store_true", help="write the page, measure nothing")
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    if not given.render:
        measure(given.minutes, given.examples, given.only, afresh=given.afresh)
    PAGE.write_text(page())
    print(f"{PAGE} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
