"""What is wanted of CAPF for one device, and a CSV file of many, as Bulk Administration takes."""

import csv
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from firmware_sim.capf import (
    AUTHENTICATIONS,
    EXPIRES_AFTER_SECONDS,
    KEY_KINDS,
    OPERATIONS,
    CAPFRecord,
)
from secd.errors import UnusableInput

MOMENT: Final = "%Y-%m-%d %H:%M"
_COLUMNS: Final = ("device", "operation", "authentication", "key", "string", "until")

Known = Callable[[tuple[str, ...]], list[str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One change. string -- None: it stays."""

    operation: str
    authentication: str
    key: str
    until_seconds: float
    string: str | None = field(default=None, repr=False)

    def apply(self, record: CAPFRecord) -> CAPFRecord:
        """Return the record with it. Raises UnusableInput."""
        changed = record.scheduled(
            OPERATIONS[self.operation],
            AUTHENTICATIONS[self.authentication],
            KEY_KINDS[self.key],
            self.until_seconds,
        )
        return changed if self.string is None else changed.with_string(self.string)


def parse_moment(text: str | None) -> float:
    """Return a moment, local time; ten days from now without one. Raises UnusableInput."""
    if not text:
        return time.time() + EXPIRES_AFTER_SECONDS
    try:
        return datetime.strptime(text, MOMENT).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise UnusableInput(f"{text!r} is no time: write one like '2026-12-31 18:00'") from None


def read_rows(file: Path, known: Known) -> Iterator[tuple[str, Wanted]]:
    """Read a CSV file; what cannot be used is named by line.

    known -- returns device names as the cluster has them. Raises UnusableInput.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, strict=True)
            columns = reader.fieldnames or ()
            unknown = sorted(set(columns) - set(_COLUMNS))
            if unknown or not {"device", "operation"} <= set(columns):
                raise UnusableInput(
                    f"{file}: the first line names the columns: {', '.join(_COLUMNS)}; "
                    "the first two are needed"
                )
            for row in reader:
                place = f"{file}, line {reader.line_num}"
                try:
                    yield _row(row, known)
                except UnusableInput as error:
                    raise UnusableInput(f"{place}: {error}") from None
    except OSError as error:
        raise UnusableInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnusableInput(f"{file}: is no text in UTF-8") from None
    except csv.Error as error:
        raise UnusableInput(f"{file}: {error}") from None


def _row(row: dict[str | None, str | None], known: Known) -> tuple[str, Wanted]:
    if None in row:
        raise UnusableInput("more fields than columns")
    cells = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    [device] = known((cells["device"],))
    operation = _choice(cells["operation"], OPERATIONS, "operation")
    default = "none" if operation == "none" else "null"
    wanted = Wanted(
        operation,
        _choice(cells["authentication"] or default, AUTHENTICATIONS, "authentication"),
        _choice(cells["key"] or "rsa-2048", KEY_KINDS, "key"),
        parse_moment(cells["until"]),
        cells["string"] or None,
    )
    wanted.apply(CAPFRecord(device))  # so that nothing is changed where a later line is wrong
    return device, wanted


def _choice(text: str, names: Mapping[str, object], column: str) -> str:
    if text not in names:
        raise UnusableInput(f"{column} is {text!a}, not one of {', '.join(names)}")
    return text
