"""What administrators' commands have in common: options, questions, changes."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from firmware_sim.administration.directory import Draft, drafting
from firmware_sim.administration.texts import Text

DECLINED = 1
_ANSWER_CHARACTERS = 80
_YES = ("y", "yes")

dir_option = click.option(
    "--dir",
    "root",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The cluster's directory.",
)
node_option = click.option(
    "--node", "name", metavar="NAME", help="The node; the publisher if not given."
)


def now_seconds() -> int:
    """Return the time of a change: Unix time."""
    return int(time.time())


def change(root: Path, text: Text, do: Callable[[Draft], None]) -> None:
    """Ask if there is a question, change, tell. Declined: nothing is changed, exit code 1."""
    with drafting(root) as draft:
        if text.question:
            ask(text)
        do(draft)
    for line in text.lines:
        click.echo(line)


def ask(text: Text) -> None:
    """Ask; leave with exit code 1 unless the answer is yes."""
    if not is_yes(text.question):
        click.echo("nothing has been changed")
        sys.exit(DECLINED)


def is_yes(question: str) -> bool:
    """Ask, and tell whether the answer is yes; no answer at all, or no text, is no."""
    click.echo(f"{question} ", nl=False)
    try:
        answer = sys.stdin.readline(_ANSWER_CHARACTERS)
    except UnicodeDecodeError:
        answer = ""
    if not sys.stdin.isatty():
        click.echo()  # where nobody has typed a line's end
    return answer.strip().lower() in _YES
