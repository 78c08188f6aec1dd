"""The diagrams in docs/ are what the transition tables say."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_diagrams_are_drawn_from_the_tables() -> None:
    drawn = runpy.run_path(str(DOCS / "draw_diagrams.py"))["document"]()
    assert (DOCS / "diagrams.md").read_text(encoding="utf-8") == drawn, "run `make docs`"
