"""Draws from hypothesis strategies with a plain seeded `Random`: the same values, much faster.

hypothesis keeps the tree of all choices of an example, so that it can shrink it and never tries
one twice; that takes five to ten times as long as the laws themselves. Here a strategy is asked
for a value and nothing is kept. What is given up: shrinking, and the memory of what was tried. A
value that breaks a law is made again from its seed.

Strategies are the objects that hypothesis makes; what each is made of is read from their
attributes, which are hypothesis's own affair: tests/test_laws_drawn.py draws from all that the
laws use, and a kind that is unknown here is refused by name.
"""

from collections.abc import Callable
from random import Random
from typing import Never, TypeVar

from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.strategies import SearchStrategy
from hypothesis.strategies._internal import collections, core, flatmapped, misc, numbers, strings
from hypothesis.strategies._internal import strategies as basic
from hypothesis.strategies._internal.lazy import unwrap_strategies

T = TypeVar("T")
_TRIES = 50  # until a filter lets something through
_EDGES = 4  # one wide integer in so many is at an end of its range, one is near its start
_SMALL = 127  # ranges up to this size are even
_USUAL_CHARACTERS = 256
_USUAL_MORE = 5  # of an unbounded size, above the least
_MOST_KNOWN = 20_000


class Draws(st.DataObject):
    """Draws with one source of chance; stands in for `st.data()` as well."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def draw(self, strategy: SearchStrategy[T], label: object = None) -> T:  # noqa: ARG002
        """Return a value of a strategy. Raises UnsatisfiedAssumption where none was found."""
        found = _PLAIN.get(strategy)
        if found is None:
            plain = unwrap_strategies(strategy)  # type: ignore[no-untyped-call] # hypothesis has no types for it
            name = type(plain).__name__
            if type(plain) not in _KINDS:
                raise TypeError(f"fuzz.drawing knows no strategies of the kind {name}")
            if len(_PLAIN) >= _MOST_KNOWN:
                _PLAIN.clear()
            found = _PLAIN[strategy] = _KINDS[type(plain)], plain
        kind, plain = found
        return kind(self, plain)  # type: ignore[return-value] # its kind draws what the strategy does

    def index(self, size: int) -> int:
        """A number below a size, each as often as the others."""
        return int(self.random.random() * size)

    def size(self, least: int, most: float) -> int:
        """A size, mostly small."""
        if least == most:
            return least
        return min(least + self.index(self.index(_USUAL_MORE * 2) + 1), int(min(most, 1 << 16)))


def _of_sample(draws: Draws, sample: basic.SampledFromStrategy[T]) -> T:
    for _ in range(_TRIES):
        found = sample.elements[draws.index(len(sample.elements))]
        for name, function, _ in sample._transformations:  # noqa: SLF001 - there is no other way
            if name == "map":
                found = function(found)
            elif not function(found):
                break
        else:
            return found
    raise UnsatisfiedAssumption


def _of_integers(draws: Draws, integers: numbers.IntegersStrategy) -> int:
    start, end = integers.start, integers.end
    if start is None or end is None:
        start, end = -(1 << 64) if start is None else start, 1 << 64 if end is None else end
    if end - start <= _SMALL:
        return start + draws.index(end - start + 1)
    match draws.index(_EDGES):
        case 0:
            return (start, start + 1, end - 1, end)[draws.index(4)]
        case 1:
            return start + draws.index(_SMALL)
        case _:
            return draws.random.randint(start, end)


def _of_booleans(draws: Draws, _: misc.BooleansStrategy) -> bool:
    return draws.random.random() < 0.5


def _of_bytes(draws: Draws, octets: strings.BytesStrategy) -> bytes:
    return draws.random.randbytes(draws.size(octets.min_size, octets.max_size))


def _of_character(draws: Draws, one: strings.OneCharStringStrategy) -> str:
    usual = len(one.intervals) if draws.random.random() < 0.1 else _USUAL_CHARACTERS
    at = draws.index(min(usual, len(one.intervals)))
    return one.intervals.char_in_shrink_order(at)


def _of_text(draws: Draws, text: strings.TextStrategy) -> str:
    return "".join(_of_list(draws, text))


def _of_list(draws: Draws, many: collections.ListStrategy[T]) -> list[T]:
    element = many.element_strategy
    return [draws.draw(element) for _ in range(draws.size(many.min_size, many.max_size))]


def _of_unique_list(draws: Draws, many: collections.UniqueListStrategy[T]) -> list[T]:
    wanted = draws.size(many.min_size, many.max_size)
    found: list[T] = []
    seen = set()
    for _ in range(wanted + _TRIES):
        if len(found) == wanted:
            break
        value = draws.draw(many.element_strategy)
        keys = tuple(key(value) for key in many.keys)
        if keys not in seen:
            seen.add(keys)
            found.append(value)
    if len(found) < many.min_size:
        raise UnsatisfiedAssumption
    return found


def _of_tuple(draws: Draws, several: collections.TupleStrategy[T]) -> tuple[T, ...]:
    return tuple([draws.draw(each) for each in several.element_strategies])


def _of_dictionary(draws: Draws, fixed: collections.FixedDictStrategy) -> dict[object, object]:
    return {key: draws.draw(each) for key, each in fixed.mapping.items()}


def _of_one_of(draws: Draws, several: basic.OneOfStrategy[T]) -> T:
    strategies = several.element_strategies
    return draws.draw(strategies[draws.index(len(strategies))])


def _of_mapped(draws: Draws, mapped: basic.MappedStrategy[object, T]) -> T:
    return mapped.pack(draws.draw(mapped.mapped_strategy))


def _of_filtered(draws: Draws, filtered: basic.FilteredStrategy[T]) -> T:
    for _ in range(_TRIES):
        value = draws.draw(filtered.filtered_strategy)
        if all(condition(value) for condition in filtered.flat_conditions):
            return value
    raise UnsatisfiedAssumption


def _of_flat_mapped(draws: Draws, mapped: flatmapped.FlatMapStrategy[object, T]) -> T:
    return draws.draw(mapped.expand(draws.draw(mapped.base)))


def _of_builds(draws: Draws, builds: core.BuildsStrategy[T]) -> T:
    arguments = [draws.draw(each) for each in builds.args]
    return builds.target(
        *arguments, **{key: draws.draw(each) for key, each in builds.kwargs.items()}
    )


def _of_composite(draws: Draws, composite: core.CompositeStrategy) -> object:
    return composite.definition(draws.draw, *composite.args, **composite.kwargs)


def _of_permutation(draws: Draws, permutation: core.PermutationStrategy) -> list[object]:
    values = list(permutation.values)
    draws.random.shuffle(values)
    return values


def _of_data(draws: Draws, _: core.DataStrategy) -> Draws:
    return draws


# Each takes a strategy of its own class.
_Kind = Callable[[Draws, Never], object]
_KINDS: dict[type, _Kind] = {
    basic.SampledFromStrategy: _of_sample,
    misc.JustStrategy: _of_sample,
    numbers.IntegersStrategy: _of_integers,
    misc.BooleansStrategy: _of_booleans,
    strings.BytesStrategy: _of_bytes,
    strings.OneCharStringStrategy: _of_character,
    strings.TextStrategy: _of_text,
    collections.ListStrategy: _of_list,
    collections.UniqueListStrategy: _of_unique_list,
    collections.UniqueSampledListStrategy: _of_unique_list,
    collections.TupleStrategy: _of_tuple,
    collections.FixedDictStrategy: _of_dictionary,
    basic.OneOfStrategy: _of_one_of,
    basic.MappedStrategy: _of_mapped,
    basic.FilteredStrategy: _of_filtered,
    flatmapped.FlatMapStrategy: _of_flat_mapped,
    core.BuildsStrategy: _of_builds,
    core.CompositeStrategy: _of_composite,
    core.PermutationStrategy: _of_permutation,
    core.DataStrategy: _of_data,
}

# What strategies are under their wrappings, and how they are drawn from.
_PLAIN: dict[SearchStrategy[object], tuple[_Kind, Never]] = {}
