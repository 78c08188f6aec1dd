"""One measured figure, and how to measure time so that it can be compared."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure beside the bound that the project set itself. details -- the absolute values."""

    what: str
    value: str
    bound: str
    details: str

    def line(self) -> str:
        """Return the figure as lines of text."""
        return f"{self.what}\n    {self.value}   (bound: {self.bound})\n    {self.details}"


def best_seconds(work: Callable[[], object], repeats: int = 7, rounds: int = 200) -> float:
    """Return the seconds of one call: the best of several rounds, the machine being shared."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        for _ in range(rounds):
            work()
        best = min(best, (time.perf_counter() - begun) / rounds)
    return best
