"""The laws and histories of the tests, a hundred thousand times and ten thousand.

    python -m fuzz.laws                              what is missing to 100,000 and 10,000
    python -m fuzz.laws --examples 1000 --histories 100
    python -m fuzz.laws --again test_NAME 123        the 123rd of one, with its traceback

They are the same functions, strategies and rules as under hypothesis; the values are drawn by
`fuzz.drawing`, each example from a seed of its own: the law's name and a number. What was run adds
up in .fuzz/laws.json every few seconds, so a run that is ended goes on where it was, and --afresh
begins anew. Examples that a law passes over (`assume`) do not count. All laws get the same time
until they have their examples; those that take longest per example come last.
"""

import argparse
import gc
import importlib.util
import inspect
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType

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
_TURN_SECONDS = 5.0  # of one law, before another has its turn
STEPS = 50  # of a history
HISTORIES = "histories"

Law = Callable[[Draws], None]


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


def laws() -> dict[str, Law]:
    """Return everything that hypothesis would give examples to, by name; the histories last."""
    found: dict[str, Law] = {}
    machines: list[type[RuleBasedStateMachine]] = []
    for module in modules():
        for name, value in vars(module).items():
            handle = getattr(value, "hypothesis", None)
            if name.startswith("test_") and handle is not None:
                found[name] = _law(handle.inner_test, _strategies(value))
            elif inspect.isclass(value) and issubclass(value, RuleBasedStateMachine):
                machines += [value] if value.__module__ == module.__name__ else []
    (machine,) = machines
    return found | {HISTORIES: lambda draws: live(machine, draws)}


def _strategies(test: object) -> dict[str, SearchStrategy[object]]:
    handle = test.hypothesis  # type: ignore[attr-defined]
    return dict(handle._given_kwargs)  # noqa: SLF001 - what @given was given


def _law(test: object, strategies: dict[str, SearchStrategy[object]]) -> Law:
    assert inspect.isfunction(test)

    def once(draws: Draws) -> None:
        test(**{name: draws.draw(each) for name, each in strategies.items()})

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
    """Try a law for a turn, or until it was tried so often. What breaks it is printed, counted."""
    begun = time.process_time()
    with _context():
        while count.tried < tried and time.process_time() < begun + _TURN_SECONDS:
            number = count.next
            count.next += 1
            try:
                law(draws_of(name, number))
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
    path = WORK / "laws.json"
    saved = json.loads(path.read_text()) if path.exists() else {}
    return {name: Count(**row) for name, row in saved.items()}


def _save(known: dict[str, Count]) -> None:
    WORK.mkdir(exist_ok=True)
    rows = {name: asdict(count) for name, count in known.items()}
    (WORK / "laws.new").write_text(json.dumps(rows, indent=1))
    (WORK / "laws.new").replace(WORK / "laws.json")


def run_all(examples: int, histories: int, known: dict[str, Count]) -> None:
    """Try all laws so often, turn by turn."""
    found = laws()
    wanted = dict.fromkeys(found, examples) | {HISTORIES: histories}
    while left := [name for name in found if known.setdefault(name, Count()).tried < wanted[name]]:
        name = min(left, key=lambda name: known[name].seconds)
        count = known[name]
        run(name, found[name], count, wanted[name])
        gc.collect()  # once in a turn: what Python looks for all the time takes a tenth of it
        _save(known)
        if count.tried >= wanted[name]:
            print(f"{count.tried:,} {name}, {count.seconds:.0f} s of work", flush=True)


def main() -> int:
    """Run the laws. 1: one is broken."""
    parser = argparse.ArgumentParser(description="Try the laws and the histories.")
    parser.add_argument("--examples", type=int, default=100_000, help="of each law")
    parser.add_argument("--histories", type=int, default=10_000, help="of 50 steps")
    parser.add_argument("--afresh", action="store_true", help="forget what was counted")
    parser.add_argument("--again", nargs=2, metavar=("LAW", "NUMBER"), help="one example again")
    given = parser.parse_args()
    if given.again:
        name, number = given.again
        law = laws()[name]
        with _context():
            law(draws_of(name, int(number)))
        print(f"{name} holds for number {number}")
        return 0
    known = {} if given.afresh else counts()
    gc.disable()
    run_all(given.examples, given.histories, known)
    broken = sum(len(count.broken) for count in known.values())
    print(f"{sum(count.tried for count in known.values()):,} examples, {broken} broken")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
