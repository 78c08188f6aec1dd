"""The lab's CAPF records in SQLite: read and changed by the server and by commands at once.

A change is saved only if nobody else changed the record since it was read, so that a string is
used once and every wrong one counts, however many connections there are. The file holds
authentication strings: its mode is 0600.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from firmware_sim.capf.records import AUTHENTICATIONS, KEY_KINDS, OPERATIONS, CAPFRecord
from firmware_sim.capf.records import text_of_authentication as authentication_text
from firmware_sim.capf.records import text_of_key as key_text
from firmware_sim.capf.records import text_of_operation as operation_text
from secd.errors import UnusableInput

_FORMAT: Final = 1
_PATIENCE_SECONDS: Final = 2.0  # while another process writes
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS device (
        name TEXT PRIMARY KEY, operation TEXT NOT NULL, authentication TEXT NOT NULL,
        key TEXT NOT NULL, string TEXT NOT NULL, expires_at_seconds REAL NOT NULL,
        wrong_strings INTEGER NOT NULL, result TEXT NOT NULL, lsc BLOB, mic BLOB,
        revision INTEGER NOT NULL
    ) STRICT
"""
_COLUMNS: Final = (
    "name, operation, authentication, key, string, expires_at_seconds, wrong_strings, result, "
    "lsc, mic, revision"
)
_INSERT: Final = f"INSERT OR IGNORE INTO device ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
_UPDATE: Final = (
    "UPDATE device SET name=?, operation=?, authentication=?, key=?, string=?, "
    "expires_at_seconds=?, wrong_strings=?, result=?, lsc=?, mic=?, revision=? "
    "WHERE name=? AND revision=?"
)
_Row = tuple[str, str, str, str, str, float, int, str, bytes | None, bytes | None, int]
_T = TypeVar("_T")


class StoreUnusable(UnusableInput):
    """The file cannot be read or written: the disk is full, it is locked, it is no database."""


class CAPFStore:
    """Records by device name. Every method raises StoreUnusable."""

    def __init__(self, path: Path | None) -> None:
        """Open or make a store. path -- None: in memory, for a demo or a test."""
        self._where = ":memory:" if path is None else str(path)
        try:
            if path is not None:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._base = sqlite3.connect(
                self._where, timeout=_PATIENCE_SECONDS, isolation_level=None
            )
        except OSError as error:
            raise StoreUnusable(f"{self._where}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None
        except StoreUnusable:
            self.close()
            raise

    def _prepare(self) -> None:
        # Readers and a writer do not wait for each other; what a power cut takes is the last
        # operations, never the file.
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._base.execute("PRAGMA user_version").fetchone()
        if version not in (0, _FORMAT):
            raise StoreUnusable(
                f"{self._where}: has format {version}, this version reads {_FORMAT} only"
            )
        self._base.execute(_TABLE)
        self._base.execute(f"PRAGMA user_version = {_FORMAT}")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def get(self, device: str) -> CAPFRecord | None:
        """Return what is known of a device; None: nobody ever scheduled anything."""
        query = f"SELECT {_COLUMNS} FROM device WHERE name = ?"  # noqa: S608 - constants
        try:
            row: _Row | None = self._base.execute(query, (device,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        return None if row is None else self._record(row)

    def save(self, record: CAPFRecord) -> bool:
        """Store a record that was read before and changed; False where somebody else changed it."""
        values = (
            record.device,
            operation_text(record.operation),
            authentication_text(record.authentication),
            key_text(record.key),
            record.string,
            record.expires_at_seconds,
            record.wrong_strings,
            record.result,
            record.lsc,
            record.mic,
            record.revision + 1,
        )
        try:
            if record.revision == 0:
                done = self._base.execute(_INSERT, values)
            else:
                done = self._base.execute(_UPDATE, (*values, record.device, record.revision))
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        return done.rowcount == 1

    def change(self, device: str, change: Callable[[CAPFRecord], CAPFRecord]) -> CAPFRecord:
        """Change what is known of a device, whatever it is at that moment; return what is stored.

        Raises what `change` raises.
        """
        while True:
            changed = change(self.get(device) or CAPFRecord(device))
            if self.save(changed):
                return changed

    def _record(self, row: _Row) -> CAPFRecord:
        device = row[0]
        return CAPFRecord(
            device,
            self._known(OPERATIONS, row[1], device),
            self._known(AUTHENTICATIONS, row[2], device),
            self._known(KEY_KINDS, row[3], device),
            *row[4:],
        )

    def _known(self, names: Mapping[str, _T], text: str, device: str) -> _T:
        if text not in names:
            raise StoreUnusable(f"{self._where}: {device} has {text!r}, which is not known here")
        return names[text]

    def _unusable(self, error: sqlite3.Error) -> StoreUnusable:
        return StoreUnusable(f"{self._where}: cannot be used: {error}")
