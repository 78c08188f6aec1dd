"""`firmware-sim capf`: what the lab's CAPF is to do, as an administrator or Bulk Administration."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import Final

import click

from firmware_sim.capf import (
    AUTHENTICATIONS,
    KEY_KINDS,
    OPERATIONS,
    CAPFRecord,
    CAPFStore,
    PhoneFacts,
    make_mic,
    text_of_authentication,
    text_of_key,
    text_of_operation,
)
from firmware_sim.cli.capf_wanted import MOMENT, Wanted, parse_moment, read_rows
from firmware_sim.cli.pins import ask_new_password
from firmware_sim.cluster import Cluster, FreshKeys
from firmware_sim.lab import capf_store, is_lab, manufacturer, read_lab, write_identity
from secd.capf import ECKind, Operation
from secd.errors import UnusableInput
from secd.files.data import model_catalogue

_ROW: Final = "{:<16} {:<13} {:<7} {:<9} {:<17} {}"
_DIRECTORY = click.option(
    "--dir",
    "directory",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The lab's directory.",
)


@click.group()
def capf() -> None:
    """Say what the lab's CAPF is to do for which phone; the lab may be running.

    \b
      firmware-sim capf schedule install SEP0011215A1AE3 --dir lab --auth string
      firmware-sim capf set-string SEP0011215A1AE3 --dir lab
      firmware-sim capf list --dir lab
    """


@capf.command("list")
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")
def list_devices(directory: Path, as_json: bool) -> None:
    """Show what is scheduled for each device, and what became of the last operation."""
    with _opened(directory) as lab:
        records = [lab.store.get(name) or CAPFRecord(name) for name in lab.cluster.devices]
    if as_json:
        click.echo(json.dumps([_machine(record) for record in records], indent=2))
        return
    click.echo(_ROW.format("device", "operation", "by", "key", "until", "string").rstrip())
    for record in records:
        for line in _lines(record):
            click.echo(line)


@capf.command()
@click.argument("operation", type=click.Choice(list(OPERATIONS)))
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
@_DIRECTORY
@click.option(
    "--auth",
    default="null",
    show_default=True,
    type=click.Choice([name for name in AUTHENTICATIONS if name != "none"]),
    help="How the phone proves itself: null string, authentication string, LSC or MIC first.",
)
@click.option(
    "--key",
    default="rsa-2048",
    show_default=True,
    type=click.Choice(list(KEY_KINDS)),
    help="What an install asks for.",
)
@click.option("--until", metavar="'YYYY-MM-DD HH:MM'", help="Operation completes by; 10 days.")
def schedule(
    operation: str,
    devices: tuple[str, ...],
    directory: Path,
    auth: str,
    key: str,
    until: str | None,
) -> None:
    """Schedule an operation: install (or upgrade), delete, troubleshoot, none.

    The phone does it when it next turns to CAPF. With --auth string a string has to be set too.
    """
    wanted = Wanted(operation, "none" if operation == "none" else auth, key, parse_moment(until))
    with _opened(directory) as lab:
        for device in lab.known(devices):
            record = lab.store.change(device, wanted.apply)
            click.echo(_confirmation(record))
            _warn(lab.cluster, record)


@capf.command("set-string")
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
@_DIRECTORY
def set_string(devices: tuple[str, ...], directory: Path) -> None:
    """Set the authentication string of devices: 4 to 10 digits, asked for, never shown."""
    with _opened(directory) as lab:
        for device in lab.known(devices):
            string = ask_new_password(f"Authentication string of {device}: ")
            lab.store.change(device, _StringSetter(string).apply)
            click.echo(f"{device}: string set")


@capf.command("import")
@click.argument("file", metavar="CSV", type=click.Path(path_type=Path))
@_DIRECTORY
def import_csv(file: Path, directory: Path) -> None:
    """Schedule operations for many devices from a CSV file.

    Its first line names columns: device and operation; and, where wanted, authentication (null),
    key (rsa-2048), string (as it is), until (10 days). All or nothing is changed, and
    the strings are not shown.

    \b
      device,operation,authentication,key,string,until
      SEP0011215A1AE3,install,string,rsa-2048,123456,2026-12-31 18:00
    """
    with _opened(directory) as lab:
        changes = list(read_rows(file, lab.known))
        for device, wanted in changes:
            _warn(lab.cluster, lab.store.change(device, wanted.apply))
    click.echo(f"devices scheduled: {len(changes)}")


@capf.command()
@click.argument("device")
@_DIRECTORY
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option(
    "--key",
    default="rsa-2048",
    show_default=True,
    type=click.Choice(list(KEY_KINDS)),
    help="What kind of key it has.",
)
def mic(device: str, directory: Path, out: Path, key: str) -> None:
    """Make the manufacturer's certificate (MIC) of a phone, with its key, for `secd boot --mic`.

    It is signed by the lab's stand-in manufacturer, which the lab's CAPF trusts, and replaces
    what the lab knew as the device's MIC.
    """
    now = time.time()
    with _opened(directory) as lab:
        [name] = lab.known((device,))
        found = model_catalogue().find(lab.cluster.devices[name].model)
        if not found.has_mic:
            raise UnusableInput(f"{name} is a {found.name}: 7940 and 7960 have no MIC")
        keys = FreshKeys()
        maker = manufacturer(directory, keys, int(now))
        phone = PhoneFacts(name, lab.cluster.devices[name].model)
        made = make_mic(maker, phone, KEY_KINDS[key], keys, SystemRandom(), now)
        write_identity(out, made)
        lab.store.change(name, _MICSetter(made.certificate).apply)
    click.echo(f"{out}: MIC of {phone.common_name} with its private key; mode 0600")


@dataclass(frozen=True, slots=True)
class _Lab:
    """An opened lab."""

    cluster: Cluster
    store: CAPFStore

    def known(self, devices: tuple[str, ...]) -> list[str]:
        """Return names as the cluster has them. Raises UnusableInput for those it has not."""
        names = [device.upper() for device in devices]
        for name in names:
            if name not in self.cluster.devices:
                raise UnusableInput(f"{name}: no such device in the lab's cluster.toml")
        return names


@contextmanager
def _opened(directory: Path) -> Iterator[_Lab]:
    if not is_lab(directory):
        raise UnusableInput(
            f"{directory} holds no lab; `firmware-sim lab --dir {directory}` makes one"
        )
    cluster = read_lab(directory, SystemRandom())
    with closing(capf_store(directory)) as store:
        yield _Lab(cluster, store)


@dataclass(frozen=True, slots=True)
class _StringSetter:
    string: str = field(repr=False)

    def apply(self, record: CAPFRecord) -> CAPFRecord:
        return record.with_string(self.string)


@dataclass(frozen=True, slots=True)
class _MICSetter:
    certificate: bytes

    def apply(self, record: CAPFRecord) -> CAPFRecord:
        return record.with_mic(self.certificate)


def _confirmation(record: CAPFRecord) -> str:
    if record.operation is Operation.NOTHING:
        return f"{record.device}: nothing is scheduled any more"
    by = text_of_authentication(record.authentication)
    key = f", {text_of_key(record.key)}" if record.operation is Operation.INSTALL else ""
    until = _moment(record.expires_at_seconds)
    return f"{record.device}: {text_of_operation(record.operation)} by {by}{key}, until {until}"


def _warn(cluster: Cluster, record: CAPFRecord) -> None:
    """Say on standard error what will not work."""
    if record.operation is Operation.NOTHING:
        return
    by_string = text_of_authentication(record.authentication) == "string"
    if by_string and not record.string:
        click.echo(f"{record.device}: no string is set: firmware-sim capf set-string", err=True)
    encrypted = cluster.devices[record.device].encrypted_configuration
    if encrypted and record.operation is Operation.INSTALL and isinstance(record.key, ECKind):
        click.echo(
            f"{record.device}: its configuration is encrypted, which EC keys cannot be used for: "
            "with this LSC there will be none",
            err=True,
        )


def _lines(record: CAPFRecord) -> Iterator[str]:
    pending = record.operation is not Operation.NOTHING
    cells = (
        record.device,
        text_of_operation(record.operation),
        text_of_authentication(record.authentication) if pending else "-",
        text_of_key(record.key) if record.operation is Operation.INSTALL else "-",
        _moment(record.expires_at_seconds) if pending else "-",
        "set" if record.string else "-",
    )
    yield _ROW.format(*cells)
    for text in (_state(record), record.result):
        if text:
            yield f"  {text}"


def _state(record: CAPFRecord) -> str:
    """Return what the columns do not tell."""
    told = ["expired"] if record.has_expired(time.time()) else []
    told += ["LSC issued"] if record.lsc is not None else []
    told += ["MIC known"] if record.mic is not None else []
    if record.wrong_strings:
        plural = "" if record.wrong_strings == 1 else "s"
        told.append(f"{record.wrong_strings} wrong authentication string{plural}")
    return ", ".join(told)


def _machine(record: CAPFRecord) -> dict[str, object]:
    return {
        "device": record.device,
        "operation": text_of_operation(record.operation),
        "authentication": text_of_authentication(record.authentication),
        "key": text_of_key(record.key),
        "string_is_set": bool(record.string),
        "expires_at_seconds": record.expires_at_seconds or None,
        "expired": record.has_expired(time.time()),
        "wrong_strings": record.wrong_strings,
        "result": record.result,
        "lsc": None if record.lsc is None else record.lsc.hex(),
        "mic": None if record.mic is None else record.mic.hex(),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime(MOMENT) if seconds else "-"
