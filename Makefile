# Needs nothing but python3 (3.11 or later) with venv, and make.
#   make demo          a small cluster on loopback, and phones that boot against it
#   make test          lint, types and tests
#   make test-interop  the tests against programs of others, installed from Debian
#   make fuzz MINUTES=30  every door, guided by coverage
#   make exhaustive       every small damage to every vector (minutes)
#   make mutants          mutation testing of decisions and codecs (an hour)
#   make reliability      all of that, kills, bad networks, leaks; writes docs/reliability.md
#   make bench         the figures of docs/figures.md
#   make docs          the diagrams that docs/ draws from the transition tables

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint check-types pytest test-interop fuzz exhaustive mutants reliability bench docs clean

demo: $(VENV)/.installed
	$(BIN)/firmware-sim demo

test: lint check-types pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: $(VENV)/.installed-dev
	$(BIN)/mypy

pytest: $(VENV)/.installed-dev
	$(BIN)/pytest -q

test-interop: $(VENV)/.installed-dev
	tests/install-interop
	SECD_NO_SKIP=1 $(BIN)/pytest -q -m interop

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m fuzz.guided --minutes $(or $(MINUTES),30)

exhaustive: $(VENV)/.installed-dev
	$(BIN)/python -m fuzz.exhaustive

mutants: $(VENV)/.installed-dev
	$(BIN)/python -m fuzz.mutation --measure

reliability: $(VENV)/.installed-dev
	$(BIN)/python -m fuzz.reliability --minutes $(or $(MINUTES),60)

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/.installed
	$(BIN)/python docs/draw_diagrams.py

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "secd needs Python 3.11 or later; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
