"""Runs every benchmark and prints one table: what was measured, the ratio, its bound."""

from collections.abc import Callable

from benchmarks import boots, capf, decision, memory
from benchmarks.figure import Figure

_BENCHMARKS: tuple[Callable[[], list[Figure]], ...] = (
    decision.figures,
    boots.figures,
    memory.figures,
    capf.figures,
)


def main() -> None:
    """Print the figures as they come; nothing is asserted, the reader judges."""
    for figures in _BENCHMARKS:
        for figure in figures():
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
