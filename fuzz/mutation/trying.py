"""Runs tests against a mutant, in a process forked from one that has everything imported.

Most mutants are put into the imported modules (`fuzz.mutation.swapping`); one that survives there,
or cannot be put there, is tried with everything imported anew.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from fuzz.mutation.mutate import Mutant
from fuzz.mutation.swapping import forget_imports, import_tests, swap

if TYPE_CHECKING:
    import pytest

# So much longer than they took when they were measured the tests may take, and this much besides.
_PATIENCE = 10.0
_LEAST_SECONDS = 60.0
# Of pytest; 2: a test's module cannot be imported any more. 5, no tests: nothing kills it.
_VERDICTS = {0: "", 5: "", 1: "tests", 2: "import"}
_NOT_SWAPPED = "not swapped"
_CODE_NOT_SWAPPED = 99
_VERDICTS[_CODE_NOT_SWAPPED] = _NOT_SWAPPED
# Tests at once in one run of pytest: most mutants die at once, and few tests are quick to collect.
_FIRST = 12
_MODULES_OF_OTHERS = (
    *("pytest", "pytest_trio", "hypothesis", "hypothesis.strategies", "trio", "trio.testing"),
    *("cryptography.x509", "cryptography.hazmat.primitives.asymmetric.rsa", "OpenSSL.SSL"),
    *("h11", "rich.console", "rich.table", "click", "click.testing", "tomli_w", "tftpy"),
    *("hypothesis.internal.conjecture.engine", "xml.parsers.expat", "pytest_cov.plugin"),
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a mutant. killed_by -- empty: it survived; else tests, import, or time.

    tests -- how many run its lines. source -- SHA-256 of the file as it was.
    """

    file: str
    line: int
    mutant: str
    killed_by: str
    tests: int
    source: str


def warm_up(tests: Sequence[str]) -> None:
    """Import what is not ours, and these tests with all that they import. tests -- files."""
    for name in _MODULES_OF_OTHERS:
        importlib.import_module(name)
    import_tests(list(tests))


def try_mutant(path: Path, mutant: Mutant, tests: Sequence[str], lasts: float) -> str:
    """Run the tests, fewer first; return what killed the mutant (`Tried.killed_by`).

    lasts -- how long all these tests take, in seconds.
    """
    limit = _LEAST_SECONDS + _PATIENCE * lasts
    first, rest = tests[:_FIRST], tests[_FIRST:]
    verdict = _run(path, mutant, first, limit, swapped=True) if first else ""
    if verdict and verdict != _NOT_SWAPPED:
        return verdict
    anew = [first, rest] if verdict else [rest, first]
    verdict = ""
    for some in anew:
        if some and not verdict:
            verdict = _run(path, mutant, some, limit, swapped=False)
    return verdict


def _run(path: Path, mutant: Mutant, tests: Sequence[str], limit: float, *, swapped: bool) -> str:
    child = os.fork()
    if child == 0:
        _run_tests(path, mutant, tests, swapped=swapped)
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return _VERDICTS.get(code, f"exit {code}")
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "time"


def _run_tests(path: Path, mutant: Mutant, tests: Sequence[str], *, swapped: bool) -> None:
    """Run pytest on the mutant in this process and leave with its exit code."""
    os.setpgid(0, 0)
    quiet = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(quiet, number)
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    code = _CODE_NOT_SWAPPED
    try:
        if swapped and not swap(sys.modules[module], path.read_text(), mutant.source):
            os._exit(code)
        if not swapped:
            forget_imports()
            sys.meta_path.insert(0, _Finder(module, path, mutant.source))
        code = _pytest(tests)
    finally:
        os._exit(code)


def _pytest(tests: Sequence[str]) -> int:
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:warnings", "--no-cov"]
    files = sorted({name.partition("::")[0] for name in tests})
    return int(pytest.main([*options, *files], plugins=[_Chosen(tests)]))


class _Chosen:
    """A plugin that leaves only some tests, in this order. Not every name can be an argument."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._place = {name: at for at, name in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: "list[pytest.Item]") -> None:
        """Called by pytest."""
        chosen = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the mutant where the module is looked for."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        self._module, self._path, self._source = module, path, source

    def find_spec(
        self,
        fullname: str,
        path: object,  # noqa: ARG002 - only the name counts
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        loader = _Loader(fullname, str(self._path.resolve()), self._source)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one source text in place of a file's."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._text = source

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._text, self.get_filename(fullname), "exec", dont_inherit=True)
        return code
