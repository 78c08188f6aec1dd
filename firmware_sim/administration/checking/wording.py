"""Findings and steps in words, from `texts.toml`; nothing is worded in code."""

import tomllib
from functools import cache
from importlib.resources import files

from firmware_sim.administration.checking.advice import Step
from firmware_sim.administration.checking.findings import Finding


@cache
def _table() -> dict[str, dict[str, dict[str, str]]]:
    folder = files("firmware_sim.administration.checking")
    return tomllib.loads(folder.joinpath("texts.toml").read_text(encoding="utf-8"))


def text_of_finding(finding: Finding) -> str:
    """Return a sentence about the place, which stands before it."""
    return _table()["finding"][finding.kind]["text"].format(**dict(finding.values))


def command_of_step(step: Step, root: str) -> str:
    """Return what to type, or empty for what is done elsewhere. root -- the cluster's directory."""
    values = {"dir": root, "place": step.place, "unit": step.unit}
    return _table()["step"][step.kind]["command"].format(**values)


def reason_of_step(step: Step) -> str:
    """Return what the step is for."""
    return _table()["step"][step.kind]["text"].format(place=step.place, unit=step.unit)
