"""`firmware-sim demo`: the seed's story, told by the phones."""

import errno
import textwrap
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import trio
from rich.console import Console
from rich.text import Text

from firmware_sim.capf import CAPFStore
from firmware_sim.cli.administration.check import check_lines
from firmware_sim.net.site_theatre import Done, play_site_scene
from firmware_sim.net.theatre import Boot, play_scene
from firmware_sim.site_story import (
    SITE_SCENES,
    SITE_TOKENS,
    Check,
    EraseCTL,
    RunClient,
    SiteScene,
    Typed,
    make_site,
)
from firmware_sim.story import SCENES, Scene, make_stage
from secd.cli.certificates import enrolment_sentence
from secd.cli.summary import Summary, summarize
from secd.cli.wording import a_model
from secd.files.flash import MemoryFlash
from statusmsgs import explain_reason, format_status, status_table

_WIDTH = 80
_ROW = "   {:<5} {:<9} {:<19} {:<4} {}"
_STYLES = {"accepted": "green", "went on": "green", "refused": "red"}


class _Console(Console):
    """A console that leaves a closed pipe to the command line, as `click.echo` does."""

    def on_broken_pipe(self) -> None:
        """Called by rich while it handles the BrokenPipeError."""
        raise BrokenPipeError(errno.EPIPE, "the reader of the output is gone")


@click.command()
def demo() -> None:
    """Boot phones against a small cluster and see whom they trust.

    A TFTP server and the phones run on this machine's loopback and talk real UDP: a cluster goes
    to mixed mode, its CTL is signed by the backup token, by an unknown token, the cluster moves
    to another address, and a CTL is corrupt; phones get LSCs from CAPF, and one an encrypted
    configuration. Then administrators work at a cluster of two nodes: with two tokens, with one,
    with none, and a check finds what was forgotten. At the end a table says who accepted what,
    and the cure. It ends by itself in less than half a minute.

    \b
      firmware-sim demo
    """
    console = _Console(width=_WIDTH, highlight=False, soft_wrap=True)
    console.print("A Cisco cluster on loopback, and phones that boot against it.", style="bold")
    stage = make_stage()
    flashes: dict[str, MemoryFlash] = {}
    told: list[tuple[str, Sequence[Boot]]] = []
    with closing(CAPFStore(None)) as capf:
        for scene in SCENES:
            _tell_scene(console, len(told) + 1, scene)
            # Nothing is printed inside of trio.run: a reader that went away ends the program
            # quietly.
            played = trio.run(play_scene, stage, scene, flashes, capf)
            for boot in played:
                _tell_boot(console, boot, with_log=True)
            told.append((scene.title, played))
    with TemporaryDirectory(prefix="firmware-sim-demo-") as folder:
        _tell_site(console, Path(folder), told)
    _tell_table(console, told)


def _tell_site(console: Console, folder: Path, told: list[tuple[str, Sequence[Boot]]]) -> None:
    """Play and tell the second story: a cluster directory, tokens, administrators' commands."""
    site = make_site(folder, lambda: int(time.time()))
    for scene in SITE_SCENES:
        _tell_scene(console, len(told) + 1, scene)
        played = trio.run(play_site_scene, site, scene)
        console.print()
        for done in played.done:
            _tell_step(console, done)
        for boot in played.boots:
            _tell_boot(console, boot, with_log=False)
        told.append((scene.title, played.boots))


def _tell_step(console: Console, done: Done) -> None:
    """Print what was typed or done, and what was said to it."""
    lines: Iterable[str] = done.lines
    match done.step:
        case Typed(command):
            typed = f"firmware-sim {command}"
        case RunClient(action, tokens, removed):
            inserted = "".join(f" --token {SITE_TOKENS[number]}.token" for number in tokens)
            out = "".join(f" --remove {SITE_TOKENS[number]}" for number in removed)
            typed = f"firmware-sim ctl client {action}{inserted}{out}"
        case EraseCTL(actor):
            typed = f"secd erase ctl --state {actor.device}"
        case Check():
            typed = "firmware-sim check --phones phones"
            if done.report is not None:
                lines = check_lines(done.report, "site", done.phones, _WIDTH - 5)
    for line in textwrap.wrap(f"$ {typed}", _WIDTH - 3, subsequent_indent="    "):
        console.print(Text(f"   {line}", style="bold"))
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        for part in textwrap.wrap(line, _WIDTH - 5, subsequent_indent=indent):
            console.print(Text(f"     {part}"))


def _tell_scene(console: Console, number: int, scene: Scene | SiteScene) -> None:
    console.print()
    console.print(f"{number}. {scene.title}", style="bold")
    for line in textwrap.wrap(scene.text, _WIDTH - 3):
        console.print(f"   {line}")


def _tell_boot(console: Console, boot: Boot, *, with_log: bool) -> None:
    summary = summarize(boot.report)
    family = status_table().family(boot.model.status_family)
    console.print()
    console.print(
        Text.assemble(
            f"   {boot.actor.device}, {a_model(boot.actor.model)}: ",
            (_verdict(summary), _STYLES[_verdict(summary)]),
            f"  (exit code {summary.exit_code})",
        )
    )
    for line in boot.report.lines if with_log else ():
        console.print(Text(f"     {line}", style="dim"))
    for message in boot.report.statuses:
        console.print(Text(f"     status: {format_status(message, family)}"))
    for refusal in summary.refusals[:1]:
        for text in (refusal.detail, refusal.signer):
            if text:
                console.print(Text(f"     {text}"))
    for sentence in summary.lsc:
        _tell_lsc(console, sentence)
    for failure in dict.fromkeys(summary.failures):
        for line in textwrap.wrap(failure, _WIDTH - 5, subsequent_indent="  "):
            console.print(Text(f"     {line}"))
    _tell_update(console, boot)


def _tell_update(console: Console, boot: Boot) -> None:
    """Tell what came of Security > LSC > Update; what was typed is not shown."""
    if boot.update is None:
        return
    console.print(Text("     Security > LSC > Update, a string is typed:"))
    for sentence in _sentences(boot):
        _tell_lsc(console, sentence)
    family = status_table().family(boot.model.status_family)
    for message in boot.update.statuses:
        console.print(Text(f"     status: {format_status(message, family)}"))


def _sentences(boot: Boot) -> list[str]:
    """Say what CAPF did at the Update."""
    told = (enrolment_sentence(traced.event) for traced in boot.updating)
    return [sentence for sentence in told if sentence is not None]


def _tell_lsc(console: Console, sentence: str) -> None:
    for line in textwrap.wrap(f"LSC: {sentence}", _WIDTH - 5, subsequent_indent="  "):
        console.print(Text(f"     {line}"))


def _tell_table(console: Console, told: list[tuple[str, Sequence[Boot]]]) -> None:
    """Print phone, verdict, reason, status and cure for every boot, scene by scene."""
    cures: list[str] = []
    console.print()
    console.print(f"-- Who trusted what {'-' * (_WIDTH - 20)}", style="bold")
    console.print(Text(_ROW.format("", "verdict", "reason", "cure", "status")), style="dim")
    for number, (title, boots) in enumerate(told, start=1):
        if boots:
            console.print(f"{number}. {title}", style="bold")
        for boot in boots:
            _tell_row(console, boot, cures)
    console.print()
    console.print("What to do about each refusal", style="bold")
    for number, name in enumerate(cures, start=1):
        text = explain_reason(name)
        console.print()
        for line in textwrap.wrap(f"{number}. {name}: {text.meaning}", _WIDTH):
            console.print(Text(line))
        for line in textwrap.wrap(text.cure, _WIDTH - 3):
            console.print(Text(f"   {line}"))


def _tell_row(console: Console, boot: Boot, cures: list[str]) -> None:
    summary = summarize(boot.report)
    verdict, reason, cure = _verdict(summary), _reason(summary), ""
    if summary.refusals:
        name = summary.refusals[0].reason
        if name not in cures:
            cures.append(name)
        cure = str(cures.index(name) + 1)
    # The last message names the configuration in use, which is no news about trust.
    statuses = [m.text for m in boot.report.statuses if m.key != "cfg_ok"]
    ends = (*summary.lsc[-1:], *_sentences(boot)[-1:])
    lsc = [sentence.split(":")[0] for sentence in ends]
    statuses += [f"LSC: {outcome}" for outcome in lsc]
    room = _WIDTH - len(_ROW.format(*[""] * 5))
    told = [line for text in dict.fromkeys(statuses) for line in textwrap.wrap(text, room)]
    for place, status in enumerate(told or [""]):
        cells = (boot.actor.model, verdict, reason, cure) if place == 0 else ("", "", "", "")
        row = Text(_ROW.format(*cells, status).rstrip())
        if place == 0:
            row.highlight_words([verdict], _STYLES[verdict])
        console.print(row)


def _verdict(summary: Summary) -> str:
    if summary.refusals:
        return "refused"
    return "accepted" if summary.installed else "went on"


def _reason(summary: Summary) -> str:
    """Return the reason that a person would name: of the refusal, else of the CTL."""
    if summary.refusals:
        return summary.refusals[0].reason
    return ", ".join(dict.fromkeys(reason for _, reason in summary.installed or summary.kept))
