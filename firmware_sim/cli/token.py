"""`firmware-sim token`: make soft eTokens, and look at tokens, soft and of hardware."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

import click

from firmware_sim.cli.pins import ask_new_pin
from firmware_sim.cluster import CertificateMaker, FreshKeys, ManufacturingCA, listed_token
from firmware_sim.tokens import (
    SUFFIX,
    Attempts,
    FileToken,
    Token,
    TokenState,
    create_file_token,
    open_tokens,
)
from secd.certs import CertificateFacts, facts_of_untrusted
from secd.errors import UnusableInput
from secd.text import text_of

_NAME = re.compile(r"ADN[0-9a-f]{8}")
_COUNTERS = (0x10000, 0x400000)  # published serials end in 0x2A3BD and 0x20C9AA
_USUAL, _MOST = 2, 100


@click.group()
def token() -> None:
    """Make and look at the eTokens that sign CTL files.

    \b
      firmware-sim token new --out tokens
      firmware-sim token show tokens/*.token
    """


@token.command("new")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--count",
    type=click.IntRange(1, _MOST),
    help=f"How many, if no names are given; {_USUAL}.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where to."
)
def token_new(names: tuple[str, ...], count: int | None, out: Path) -> None:
    """Make soft tokens: a file for each, all with the PIN that is asked for.

    NAME is as printed on an eToken: ADN and eight hexadecimal digits, lower case. A CTL needs two
    tokens, and they may serve several clusters: keep them outside of clusters' directories.
    """
    if names and count is not None:
        raise click.UsageError("give names or --count, not both")
    random = SystemRandom()
    wanted = names or tuple(f"ADN{random.getrandbits(32):08x}" for _ in range(count or _USUAL))
    _check_names(wanted, out)
    pin = ask_new_pin("the new token" if len(wanted) == 1 else f"the {len(wanted)} new tokens")
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableInput(f"{out}: {error.strerror}") from None
    maker = CertificateMaker(FreshKeys(), random, int(time.time()))
    authority = ManufacturingCA.create(maker)
    authority.issued = random.randrange(*_COUNTERS)
    for name in wanted:
        credential = authority.issue_token(name).credential
        path = _path(out, name)
        create_file_token(path, credential.certificate, credential.key, pin)
        click.echo(f"{path}: serial number {_serial(credential.serial)}")
    click.echo("after 15 wrong PINs one after the other a token is destroyed")


@token.command("show")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option(
    "--pkcs11",
    "module",
    type=click.Path(path_type=Path),
    metavar="MODULE",
    help="Tokens of hardware, through the PKCS#11 library of their maker.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")
def token_show(files: tuple[Path, ...], module: Path | None, as_json: bool) -> None:
    """List tokens: name, serial number as CTL files write it, validity, attempts left.

    \b
      firmware-sim token show tokens/*.token
      firmware-sim token show --pkcs11 /usr/lib/softhsm/libsofthsm2.so

    No PIN is needed. Exit codes: 0 listed, 2 a file or library cannot be used.
    """
    if not files and module is None:
        raise click.UsageError("name token files, or a library with --pkcs11")
    tokens = open_tokens(files, module)
    if as_json:
        click.echo(json.dumps([_machine(one) for one in tokens], indent=2))
        return
    for one in tokens:
        for line in _lines(one):
            click.echo(line)


def _check_names(names: tuple[str, ...], out: Path) -> None:
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise UnusableInput(
                f"{name!a} is no name of an eToken: ADN and eight hexadecimal digits, lower case"
            )
        if _path(out, name).exists():
            raise UnusableInput(f"{_path(out, name)} exists; a token is never written over")
    if len(set(names)) < len(names):
        raise UnusableInput("two of the names are the same")


def _path(out: Path, name: str) -> Path:
    return out / f"{name}{SUFFIX}"


def _lines(one: Token) -> list[str]:
    facts = facts_of_untrusted(one.certificate)
    listed = listed_token(one.certificate)
    lines = [
        one.name,
        f"  subject        {text_of(listed.subject)}",
        f"  serial number  {_serial(listed.serial)}",
        f"  valid from     {_moment(facts.not_before_seconds)}",
        f"  valid to       {_moment(facts.not_after_seconds)}{_expiry(facts)}",
        f"  state          {_state(one.attempts())}",
    ]
    if isinstance(one, FileToken):
        lines.append(f"  file           {one.path}")
    return lines


def _machine(one: Token) -> dict[str, object]:
    facts = facts_of_untrusted(one.certificate)
    attempts = one.attempts()
    return {
        "name": one.name,
        "serial": _serial(listed_token(one.certificate).serial),
        "not_before_seconds": facts.not_before_seconds,
        "not_after_seconds": facts.not_after_seconds,
        "state": attempts.state.value,
        "attempts_left": attempts.left,
    }


def _state(attempts: Attempts) -> str:
    match attempts.state:
        case TokenState.LOCKED:
            return attempts.warning
        case TokenState.READY:
            left = "" if attempts.left is None else f", {attempts.left} attempts"
            return f"{attempts.state.value}{left}"
        case _:
            return f"{attempts.state.value}: {attempts.warning}"


def _expiry(facts: CertificateFacts) -> str:
    now = time.time()
    if now < facts.not_before_seconds:
        return "  (not valid yet)"
    return "  (expired)" if now > facts.not_after_seconds else ""


def _serial(octets: bytes) -> str:
    return octets.hex(":").upper()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
