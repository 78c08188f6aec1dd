"""Puts a mutant into modules that are imported already: the code of the function that it changes.

Importing the program and its tests takes longer than the few tests that kill most mutants. So the
process from which mutants are forked has imported them; what a mutant changes inside of a function
is exchanged there, wherever the function is known. A change elsewhere (a table, a default, a field)
cannot be brought in this way: `swap` says so, and everything is imported anew.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

OURS = ("secd", "firmware_sim", "statusmsgs", "fuzz")
_TESTS = Path("tests")


def import_tests(names: list[str]) -> None:
    """Import test modules, and with them what they test. names -- files."""
    if str(_TESTS.resolve()) not in sys.path:
        sys.path.insert(0, str(_TESTS.resolve()))
    for name in ("conftest.py", *names):  # conftest: the profile of hypothesis, first of all
        importlib.import_module(Path(name).stem)


def forget_imports() -> None:
    """Forget all modules of ours, so that they are imported anew."""
    tests = {path.stem for path in _TESTS.glob("*.py")}
    for name in list(sys.modules):
        if name.partition(".")[0] in OURS or name in tests:
            del sys.modules[name]


def swap(module: ModuleType, original: str, mutant: str) -> bool:
    """Exchange the code that a mutant changes. False: it changes something else."""
    before, after = _functions(module, original), _functions(module, mutant)
    ours = dict(_functions_in(module))
    changed = [name for name, code in after.items() if before.get(name) != code]
    if len(changed) != 1 or before.keys() != after.keys() or changed[0] not in ours:
        return False
    with suppress(ValueError):  # of closures: other free variables
        ours[changed[0]].__code__ = after[changed[0]]
        return True
    return False


def _functions(module: ModuleType, source: str) -> dict[str, CodeType]:
    """Return the code of all functions of a source, by qualified name, lines told alike."""
    fresh = ModuleType(module.__name__)
    vars(fresh).update(__file__=module.__file__, __package__=module.__package__)
    text = ast.unparse(ast.parse(source))
    exec(compile(text, module.__file__ or "", "exec", dont_inherit=True), vars(fresh))  # noqa: S102
    return {name: function.__code__ for name, function in _functions_in(fresh)}


def _functions_in(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            for member in vars(value).values():
                yield from _function(member, module)
        else:
            yield from _function(value, module)


def _function(value: object, module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)
    value = getattr(value, "__wrapped__", value)
    if isinstance(value, FunctionType) and value.__module__ == module.__name__:
        yield value.__qualname__, value
