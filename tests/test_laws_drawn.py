"""Draws outside of hypothesis: all that the laws use, repeatable, and counted."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fuzz import laws
from fuzz.drawing import Draws
from fuzz.laws import HISTORIES, STEPS, Count

KINDS: dict[str, tuple[st.SearchStrategy[object], Callable[[object], bool]]] = {
    "just": (st.just(7), lambda value: value == 7),
    "sampled": (st.sampled_from("abc"), lambda value: value in ("a", "b", "c")),
    "sampled and mapped": (
        st.sampled_from([1, 2, 3]).map(str).filter(lambda text: text != "2"),
        lambda value: value in ("1", "3"),
    ),
    "small": (st.integers(3, 5), lambda value: value in (3, 4, 5)),
    "wide": (st.integers(0, 1 << 32), lambda value: isinstance(value, int)),
    "booleans": (st.booleans(), lambda value: isinstance(value, bool)),
    "octets": (st.binary(min_size=2, max_size=9), lambda v: isinstance(v, bytes) and len(v) > 1),
    "text": (st.text("ab", max_size=4), lambda v: isinstance(v, str) and set(v) <= set("ab")),
    "character": (st.characters(max_codepoint=0x7E), lambda v: isinstance(v, str) and len(v) == 1),
    "list": (st.lists(st.just(1), min_size=1), lambda v: isinstance(v, list) and len(v) > 0),
    "set": (st.sets(st.integers(0, 3), min_size=2), lambda v: isinstance(v, set) and len(v) > 1),
    "unique": (
        st.lists(st.integers(0, 9), unique=True, min_size=3),
        lambda v: isinstance(v, list) and len(set(v)) == len(v) > 2,
    ),
    "tuple": (st.tuples(st.just(1), st.just(2)), lambda value: value == (1, 2)),
    "dictionary": (st.fixed_dictionaries({"a": st.just(1)}), lambda value: value == {"a": 1}),
    "one of": (st.just(1) | st.just(2), lambda value: value in (1, 2)),
    "flat": (st.just(4).flatmap(lambda n: st.integers(n, n)), lambda value: value == 4),
    "permutation": (st.permutations([1, 2, 3]), lambda v: isinstance(v, list) and len(v) == 3),
    "builds": (st.builds(complex, st.just(1), imag=st.just(2)), lambda value: value == 1 + 2j),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_is_a_value_of_its_strategy(kind: str) -> None:
    strategy, fits = KINDS[kind]
    draws = Draws(Random(1))
    assert all(fits(draws.draw(strategy)) for _ in range(60))


def test_wide_numbers_reach_both_ends() -> None:
    draws = Draws(Random(1))
    drawn = {draws.draw(st.integers(5, 10_000)) for _ in range(400)}
    assert {5, 10_000} <= drawn
    assert min(drawn) == 5
    assert max(drawn) == 10_000
    assert len(drawn) > 200


def test_a_kind_that_is_unknown_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="no strategies of the kind FloatStrategy"):
        Draws(Random(1)).draw(st.floats())


def test_what_no_value_satisfies_is_passed_over() -> None:
    with pytest.raises(UnsatisfiedAssumption):
        Draws(Random(1)).draw(st.binary().filter(lambda _: False))
    with pytest.raises(UnsatisfiedAssumption):
        Draws(Random(1)).draw(st.sampled_from([1]).filter(lambda _: False))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(laws, "WORK", tmp_path)
    return tmp_path


def test_every_law_is_tried_and_a_run_goes_on_where_it_was_ended(work: Path) -> None:
    names = dict.fromkeys(laws.laws(), 2) | {HISTORIES: 1}
    laws.run_all(names, laws.counts())
    first = laws.counts()
    assert len(first) > 35
    assert {count.tried for name, count in first.items() if name != HISTORIES} == {2}
    assert first[HISTORIES].tried == 1
    laws.run_all({**dict.fromkeys(names, 3), HISTORIES: 1}, laws.counts())
    second = laws.counts()
    assert {count.tried for name, count in second.items() if name != HISTORIES} == {3}
    assert second[HISTORIES] == first[HISTORIES]
    assert not [name for name, count in second.items() if count.broken]


def test_what_breaks_a_law_is_counted_and_can_be_made_again() -> None:
    tried = []

    def law(number: int) -> None:
        value = laws.draws_of("law", number).draw(st.integers(0, 9))
        tried.append(value)
        if value == 3:
            raise UnsatisfiedAssumption
        assert value != 5

    count = Count()
    laws.run("law", law, count, 50)
    assert count.tried == 50
    assert count.next == len(tried) == 50 + count.passed_over
    assert count.passed_over == tried.count(3) > 0
    assert len(count.broken) == tried.count(5) > 0
    with pytest.raises(AssertionError):
        law(count.broken[0])


def test_arguments_of_a_kind_are_drawn_once_for_all_laws() -> None:
    made: list[int] = []

    def make(value: int) -> int:
        made.append(value)
        return value

    kind = st.integers(0, 1 << 40).map(make)
    given: dict[str, laws.Given] = {"one": {"a": kind}, "two": {"a": kind, "b": kind}}
    supply = laws.Supply(given)
    first = [supply.values(given["one"], number)["a"] for number in range(3)]
    second = [supply.values(given["two"], number) for number in range(2)]
    assert [values["a"] for values in second] == first[:2]
    assert [values["b"] for values in second] == first[1:]
    assert made == first
    assert supply.values(given["one"], 10_000)["a"] == made[3]  # another block: all is forgotten
    assert supply.values(given["one"], 0)["a"] == made[4] == first[0]


class Growing(RuleBasedStateMachine):
    """Grows, and must not become too large."""

    size = 0
    most = STEPS * 3

    @rule(more=st.integers(1, 3))
    def grow(self, more: int) -> None:
        self.size += more

    @invariant()
    def it_is_small(self) -> None:
        assert self.size < self.most


def test_a_history_has_fifty_steps_and_says_what_led_to_its_end() -> None:
    with pytest.raises(AssertionError) as raised:
        laws.live(type("Small", (Growing,), {"most": 20}), Draws(Random(1)))
    (told,) = raised.value.__notes__
    assert 7 <= told.count("grow({'more': ") <= 20
    with pytest.raises(AssertionError) as raised:
        laws.live(type("Least", (Growing,), {"most": STEPS}), Draws(Random(1)))
    laws.live(type("Large", (Growing,), {"most": STEPS * 3 + 1}), Draws(Random(1)))
