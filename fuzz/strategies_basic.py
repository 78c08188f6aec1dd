"""Strategies made once: what is drawn from inside of other strategies, thousands of times a second.

hypothesis makes a strategy anew at every call, or looks for it in a cache of its own; either takes
longer than to draw from it.
"""

from functools import cache, lru_cache
from typing import TypeVar, cast

from hypothesis import strategies as st

T = TypeVar("T")


def among(*values: T) -> st.SearchStrategy[T]:
    """One of these values, which can be hashed; given twice it comes twice as often."""
    return cast("st.SearchStrategy[T]", _among(*values))


@lru_cache(maxsize=None, typed=True)
def _among(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


@cache
def between(least: int, most: int) -> st.SearchStrategy[int]:
    """A whole number, both ends included."""
    return st.integers(least, most)


@cache
def octets_up_to(most: int) -> st.SearchStrategy[bytes]:
    """So many octets at most."""
    return st.binary(max_size=most)
