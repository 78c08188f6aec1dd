"""`firmware-sim check`: the seed's checklist over a cluster and its phones, rendered."""

import json
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import click

from firmware_sim.administration.checking import Report, make_report
from firmware_sim.administration.checking.certificates import NodeCertificate
from firmware_sim.administration.checking.reading import read_phone, read_site
from firmware_sim.administration.checking.wording import (
    command_of_step,
    reason_of_step,
    text_of_finding,
)
from firmware_sim.administration.directory import being_changed
from firmware_sim.cli.administration.common import dir_option, now_seconds
from secd.cli.wording import WIDTH
from secd.files.data import model_catalogue

_IN_STEP, _OUT_OF_STEP = 0, 1
# One with TVS and one without: between them they say what becomes of phones that follow.
_SUPPOSED = ("7961", "7960")


@click.command()
@dir_option
@click.option(
    "--phones",
    "phones",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A phone's flash (secd boot --state), or a directory of such; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def check(root: Path, phones: tuple[Path, ...], as_json: bool) -> None:
    """Say what is out of step, and what to run, in the order that locks nobody out.

    Compared are the certificates of all nodes, the CTL, what TFTP serves, what services run
    with and what phones hold; and every phone is asked, by the rules of its model and with TVS,
    whether it would take the lists that are served now. Without --phones it is supposed that
    phones hold what is served. Nothing is changed.

    \b
      firmware-sim check --dir site --phones phone1 --phones phone2

    Exit codes: 0 in step, 1 something is out of step, 2 unusable input.
    """
    with being_changed(root):  # nobody changes anything meanwhile, and nothing is half done
        site = read_site(root, now_seconds())
    held = [read_phone(folder) for given in phones for folder in _flashes(given)]
    models = [model_catalogue().find(name) for name in _SUPPOSED]
    report = make_report(site, held, models)
    if as_json:
        click.echo(json.dumps(_as_json(report, str(root)), indent=2))
    else:
        for line in check_lines(report, str(root), len(held)):
            click.echo(line)
    sys.exit(_IN_STEP if report.in_step else _OUT_OF_STEP)


def _flashes(given: Path) -> list[Path]:
    """Return the flash, or those in a directory of flashes."""
    inside = sorted(path.parent for path in given.glob("*/state.toml"))
    return [given] if (given / "state.toml").exists() or not inside else inside


def check_lines(report: Report, root: str, phones: int, width: int = WIDTH) -> Iterator[str]:
    """Yield what `firmware-sim check` prints. phones -- how many were looked at."""
    yield "Certificates"
    for one in report.certificates:
        yield f"  {one.node}  {one.unit}.pem  {one.facts.serial.hex().upper()}"
        begin, end = _day(one.facts.not_before_seconds), _day(one.facts.not_after_seconds)
        yield f"    {one.facts.common_name}, {begin} to {end}"
    yield "Out of step" if report.findings else "Everything is in step"
    for finding in report.findings:
        note = "note: " if finding.is_note else ""
        yield from _wrapped(f"  {finding.place}: {note}{text_of_finding(finding)}", width)
    yield f"Phones looked at: {phones}"
    if report.steps:
        yield "What to do, in this order"
    for number, step in enumerate(report.steps, 1):
        yield from _wrapped(f"  {number}. {reason_of_step(step)}", width)
        command = command_of_step(step, quote(root))
        if command:
            yield f"     {command}"


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of 80 columns in which names and commands stay whole."""
    return textwrap.wrap(
        text,
        width,
        subsequent_indent="     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _as_json(report: Report, root: str) -> dict[str, object]:
    return {
        "in_step": report.in_step,
        "certificates": [_certificate(one) for one in report.certificates],
        "findings": [
            {
                "kind": finding.kind.value,
                "place": finding.place,
                "note": finding.is_note,
                "text": text_of_finding(finding),
                **dict(finding.values),
            }
            for finding in report.findings
        ],
        "steps": [
            {
                "kind": step.kind.value,
                "place": step.place,
                "command": command_of_step(step, quote(root)),
                "text": reason_of_step(step),
            }
            for step in report.steps
        ],
    }


def _certificate(one: NodeCertificate) -> dict[str, object]:
    return {
        "node": one.node,
        "unit": one.unit.value,
        "serial": one.facts.serial.hex().upper(),
        "common_name": one.facts.common_name,
        "not_before_seconds": one.facts.not_before_seconds,
        "not_after_seconds": one.facts.not_after_seconds,
    }


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
