"""The laws and histories of the tests, a hundred thousand times and ten thousand.

    python -m fuzz.laws                              what is missing to 100,000 and 10,000
    python -m fuzz.laws --examples 1000 --histories 100
    python -m fuzz.laws --again test_NAME 123        the 123rd of one, with its traceback

They are the same functions, strategies and rules as under hypothesis; the values are drawn by
`fuzz.drawing`, each from a seed of its own: its strategy and the number of the example. So laws
with the same strategy get the same values, and these are made once. What was run adds up in
.fuzz/laws every few seconds, so a run that is ended goes on where it was, and --afresh begins anew.
Examples that a law passes over (`assume`) do not count. The law that has fewest examples is next.
"""

import argparse
import gc
import importlib.util
import inspect
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from types import FunctionType, ModuleType

from hypothesis.control import BuildContext
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.strategies import SearchStrategy

from fuzz.drawing import Draws

WORK = Path(".fuzz")
_TESTS = Path(__file__).parent.parent / "tests"
# Laws of transfers, which need no strategies of this folder.
_FURTHER = (_TESTS / "test_tftp_properties.py", _TESTS / "test_http_get.py")
_BLOCK = 500  # examples of one law, before another has its turn
_HISTORIES_AT_ONCE = 10
STEPS = 50  # of a history
HISTORIES = "histories"

Law = Callable[[int], None]  # takes the number of an example
Given = dict[str, SearchStrategy[object]]  # what @given was given, by argument


@dataclass
class Count:
    """How often a law was tried. next -- the number of the next example. seconds -- of work."""

    tried: int = 0
    passed_over: int = 0
    next: int = 0
    seconds: float = 0.0
    broken: list[int] = field(default_factory=list)


def modules() -> list[ModuleType]:
    """Import the tests that state laws, by path: tests are no package."""
    found = []
    for path in sorted([*_TESTS.glob("test_fuzz_*.py"), *_FURTHER]):
        # Under a name of its own: pytest may have imported the same file.
        name = f"laws_of_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        found.append(module)
    return found


@cache
def laws() -> dict[str, Law]:
    """Return everything that hypothesis would give examples to, by name; the histories last."""
    tests: dict[str, tuple[FunctionType, Given]] = {}
    machines: list[type[RuleBasedStateMachine]] = []
    for module in modules():
        for name, value in vars(module).items():
            handle = getattr(value, "hypothesis", None)
            if name.startswith("test_") and handle is not None:
                tests[name] = handle.inner_test, dict(handle._given_kwargs)  # noqa: SLF001
            elif inspect.isclass(value) and issubclass(value, RuleBasedStateMachine):
                machines += [value] if value.__module__ == module.__name__ else []
    supply = Supply({name: given for name, (_, given) in tests.items()})
    found: dict[str, Law] = {name: _law(*test, supply) for name, test in tests.items()}
    (machine,) = machines
    return found | {HISTORIES: lambda number: live(machine, draws_of(HISTORIES, number))}


class Supply:
    """Values by strategy and number; what more than one argument wants is kept for a block.

    given -- by law. A strategy has its name from the first law and argument that want it.
    """

    def __init__(self, given: dict[str, Given]) -> None:
        self._names: dict[int, str] = {}
        self._shared: set[str] = set()
        self._block = -1
        self._kept: dict[tuple[str, int], object] = {}
        for law, arguments in given.items():
            for argument, strategy in arguments.items():
                if id(strategy) in self._names:
                    self._shared.add(self._names[id(strategy)])
                self._names.setdefault(id(strategy), f"{law} {argument}")

    def values(self, given: Given, number: int) -> dict[str, object]:
        """Return the arguments of an example. The second of a kind is the first of the next."""
        block = number // _BLOCK
        if block != self._block:
            self._block = block
            self._kept.clear()
        seen: Counter[str] = Counter()
        values = {}
        for argument, strategy in given.items():
            name = self._names[id(strategy)]
            values[argument] = self._value(name, strategy, number + seen[name])
            seen[name] += 1
        return values

    def _value(self, name: str, strategy: SearchStrategy[object], number: int) -> object:
        if name not in self._shared:
            return draws_of(name, number).draw(strategy)
        if (name, number) not in self._kept:
            self._kept[name, number] = draws_of(name, number).draw(strategy)
        return self._kept[name, number]


def _law(test: FunctionType, given: Given, supply: Supply) -> Law:
    def once(number: int) -> None:
        test(**supply.values(given, number))

    return once


def live(machine: type[RuleBasedStateMachine], draws: Draws) -> None:
    """One history: rules at random, the invariants after each.

    A part of the rules, in each history another one, does not occur in it: without that all
    histories would be alike.
    """
    state = machine.setup_state()
    kept = 1 - draws.random.choice((0.0, 0.3, 0.6))
    rules = [each for each in state.rules if draws.random.random() < kept] or state.rules
    living = machine()
    told = []
    try:
        for _ in range(STEPS):
            rule = rules[draws.index(len(rules))]
            given = {name: draws.draw(each) for name, each in rule.arguments_strategies.items()}
            told.append(f"    {rule.function.__name__}({given})")
            rule.function(living, **given)
            for invariant in state.invariants:
                invariant.function(living)
    except AssertionError as error:
        error.add_note("after\n" + "\n".join(told))
        raise
    living.teardown()


@contextmanager
def _context() -> Iterator[None]:
    """Let `event` and `assume` of hypothesis work: they want a test around them."""
    data = ConjectureData(random=Random(0))  # noqa: S311 - never drawn from
    with BuildContext(data, is_final=False, wrapped_test=lambda: None):
        yield


def draws_of(name: str, number: int) -> Draws:
    """Return the source of the values of one example."""
    return Draws(Random(f"{name} {number}"))  # noqa: S311 - repeatable on purpose


def run(name: str, law: Law, count: Count, tried: int) -> None:
    """Try a law to the end of a block, or until it was tried so often. What breaks it is told."""
    begun = time.process_time()
    block = _HISTORIES_AT_ONCE if name == HISTORIES else _BLOCK
    ends = (count.next // block + 1) * block
    with _context():
        while count.tried < tried and count.next < ends:
            number = count.next
            count.next += 1
            try:
                law(number)
            except UnsatisfiedAssumption:
                count.passed_over += 1
                continue
            except Exception:  # noqa: BLE001 - whatever a law raises, it is broken
                print(f"broken: python -m fuzz.laws --again {name} {number}")
                traceback.print_exc()
                count.broken.append(number)
            count.tried += 1
    count.seconds += time.process_time() - begun


def counts() -> dict[str, Count]:
    """Return what was counted so far."""
    paths = sorted((WORK / "laws").glob("*.json"))
    return {path.stem: Count(**json.loads(path.read_text())) for path in paths}


def _save(name: str, count: Count) -> None:
    """One file for each law: several processes may run, each with some."""
    folder = WORK / "laws"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.new").write_text(json.dumps(asdict(count), indent=1))
    (folder / f"{name}.new").replace(folder / f"{name}.json")


def run_all(wanted: dict[str, int], known: dict[str, Count]) -> None:
    """Try laws so often, block by block. wanted -- by name."""
    found = laws()
    while left := [name for name in wanted if known.setdefault(name, Count()).tried < wanted[name]]:
        name = min(left, key=lambda name: known[name].next / wanted[name])
        count = known[name]
        run(name, found[name], count, wanted[name])
        if not gc.isenabled():
            gc.collect()
        _save(name, count)
        if count.tried >= wanted[name]:
            print(f"{count.tried:,} {name}, {count.seconds:.0f} s of work", flush=True)


def main() -> int:
    """Run the laws. 1: one is broken."""
    parser = argparse.ArgumentParser(description="Try the laws and the histories.")
    parser.add_argument("--examples", type=int, default=100_000, help="of each law")
    parser.add_argument("--histories", type=int, default=10_000, help="of 50 steps")
    parser.add_argument("--only", action="append", metavar="LAW", help="or: histories")
    parser.add_argument("--afresh", action="store_true", help="forget what was counted")
    parser.add_argument("--again", nargs=2, metavar=("LAW", "NUMBER"), help="one example again")
    given = parser.parse_args()
    if given.again:
        name, number = given.again
        law = laws()[name]
        with _context():
            law(int(number))
        print(f"{name} holds for number {number}")
        return 0
    known = {} if given.afresh else counts()
    wanted = dict.fromkeys(laws(), given.examples) | {HISTORIES: given.histories}
    if given.only:
        wanted = {name: wanted[name] for name in given.only}
    gc.disable()  # it takes a tenth of the time, and once in a block is enough
    run_all(wanted, known)
    broken = sum(len(count.broken) for count in known.values())
    print(f"{sum(count.tried for count in known.values()):,} examples, {broken} broken")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
