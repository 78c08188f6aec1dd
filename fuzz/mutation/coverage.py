"""Which test runs which line of the program, and how long each test takes."""

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from math import inf
from pathlib import Path
from xml.etree import ElementTree

from fuzz.sources import digest_of_sources

WORK = Path(".fuzz")
_PLAN = WORK / "plan.json"
_MOST_TESTS = 200  # a mutant that these do not kill is looked at by somebody
_SLOWEST_SECONDS = 3.0  # slower tests (processes, loopback) would take most of the time
# Tests about the program's text or about processes: they do not see a mutant.
# test_laws_drawn imports tests a second time, and fails in a forked process without any mutant.
_BLIND = (
    "tests/test_import_rules.py",
    "tests/test_fuzz_doors.py::test_a_short",
    "tests/test_laws_drawn.py",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """lines -- by file, then by line: the tests that run it. seconds -- by test."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def tests_of(self, file: str, first: int, last: int) -> list[str]:
        """Return the tests that run one of these lines, fastest first, two hundred at most.

        Lines that are run only when the module is imported: all tests of the file, and then all
        of its package: a table may be looked at by a test that runs nothing beside it.
        """
        by_line = self.lines.get(file, {})
        names = {name for line in range(first, last + 1) for name in by_line.get(line, ())}
        if names:
            return self._by_time(names)[:_MOST_TESTS]
        own = {name for tests in by_line.values() for name in tests}
        package = str(Path(file).parent)
        for other, lines in self.lines.items():
            if str(Path(other).parent) == package:
                names |= {name for tests in lines.values() for name in tests}
        return [*self._by_time(own), *self._by_time(names - own)]

    def _by_time(self, names: set[str]) -> list[str]:
        return sorted(names, key=lambda name: (self.seconds.get(name, 1.0), name))

    def lasts(self, tests: list[str]) -> float:
        """Return how long these tests take together, in seconds."""
        return sum(self.seconds.get(name, 1.0) for name in tests)

    def files_of_tests(self, file: str) -> list[str]:
        """Return the files of all tests that run a line of a file or of its package."""
        package = str(Path(file).parent)
        return sorted(
            {
                name.partition("::")[0]
                for other, by_line in self.lines.items()
                if str(Path(other).parent) == package
                for names in by_line.values()
                for name in names
            }
        )


def measure(tests: list[str]) -> None:
    """Run tests once with coverage and write the plan, unless it is of these very sources.

    tests -- files whose tests are added to the plan that there is; none: all tests, a new plan.
    """
    WORK.mkdir(exist_ok=True)
    sources = "" if tests else digest_of_sources()
    if not tests and _PLAN.exists() and json.loads(_PLAN.read_text()).get("sources") == sources:
        print("the plan is of these sources: no test is run for it")
        return
    report = WORK / "junit.xml"
    subprocess.run(  # noqa: S603 - ourselves
        [
            *(sys.executable, "-m", "pytest", "-q", "-m", "not interop", "--cov=secd"),
            *("--cov-context=test", "--cov-report=", f"--junitxml={report}"),
            *("-o", "junit_family=xunit1", *tests),
        ],
        check=False,
    )
    seconds = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 - ours
        name = f"{case.get('file')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            print(f"fails without any mutant, and is left out: {name}")
            seconds[name] = inf
        else:
            seconds[name] = float(case.get("time") or 1)
    lines = _lines(seconds)
    if tests:
        before = read_plan()
        seconds = before.seconds | seconds
        lines = _merged(before.lines, lines)
    _PLAN.write_text(json.dumps({"lines": lines, "seconds": seconds, "sources": sources}))


Lines = dict[str, dict[int, list[str]]]


def _merged(one: Lines, other: Lines) -> Lines:
    return {
        file: {
            line: sorted({*one.get(file, {}).get(line, ()), *other.get(file, {}).get(line, ())})
            for line in {*one.get(file, {}), *other.get(file, {})}
        }
        for file in {*one, *other}
    }


def _lines(seconds: dict[str, float]) -> Lines:
    import coverage

    data = coverage.CoverageData()
    data.read()
    root = Path.cwd()
    lines: Lines = {}
    for file in data.measured_files():
        by_line: dict[int, list[str]] = defaultdict(list)
        for line, contexts in data.contexts_by_lineno(file).items():
            names = {context.partition("|")[0] for context in contexts} - {""}
            by_line[line] = sorted(name for name in names if _is_useful(name, seconds))
        lines[str(Path(file).relative_to(root))] = by_line
    return lines


def _is_useful(name: str, seconds: dict[str, float]) -> bool:
    return not name.startswith(_BLIND) and seconds.get(name, 0.0) < _SLOWEST_SECONDS


def read_plan() -> Plan:
    """Read what `measure` wrote. Raises SystemExit when it did not."""
    if not _PLAN.exists():
        raise SystemExit("first: python -m fuzz.mutation --measure")
    plan = json.loads(_PLAN.read_text())
    lines = {
        file: {int(line): names for line, names in by_line.items()}
        for file, by_line in plan["lines"].items()
    }
    return Plan(lines, plan["seconds"])
