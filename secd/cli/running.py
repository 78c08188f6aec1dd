"""Running a command line: what every way out of it prints, and its exit code."""

import os
import sys

import click

from secd.errors import UnusableInput

UNUSABLE = 2  # the input or the flash cannot be used
INTERRUPTED = 130  # Ctrl-C, as shells count it
NO_READER = 141  # whoever read the output is gone, as shells count it


def run(commands: click.Group, name: str) -> None:
    """Run a command line and leave the process; no way out but a command's own is a traceback.

    What cannot be used is one line on standard error. Errors come out of trio in groups.
    """
    code = 0
    try:
        # Not `commands.main`, which makes a closed pipe exit code 1: that is "refused" here.
        with commands.make_context(name, sys.argv[1:]) as context:
            commands.invoke(context)
    except* click.exceptions.Exit:
        pass  # --help and --version have printed what they print
    except* KeyboardInterrupt:
        code = INTERRUPTED
    except* click.exceptions.NoArgsIsHelpError as group:
        click.echo(_first(group), err=True)  # its text is the help
        code = UNUSABLE
    except* (click.ClickException, UnusableInput) as group:
        click.echo(f"{name}: {_first(group)}", err=True)
        code = UNUSABLE
    except* BrokenPipeError:
        _drop_output()
        code = NO_READER
    except* OSError as group:  # the disk is full, there are no descriptors left …
        _drop_output()
        click.echo(f"{name}: {_first(group)}", err=True)
        code = UNUSABLE
    sys.exit(code)


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    """Return what the first error in a group says."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.format_message() if isinstance(error, click.ClickException) else str(error)


def _drop_output() -> None:
    """Let Python's own flush at the end find a place for what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
