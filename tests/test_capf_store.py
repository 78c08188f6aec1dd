"""The lab's CAPF records: kept, changed by several at once, and never shown with their string."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from capf_lab import DEVICE, LATER, NOW

from firmware_sim.capf import AUTHENTICATIONS, CAPFRecord, CAPFStore, StoreUnusable
from secd.capf import Curve, ECKind, Operation
from secd.configuration import CAPFMode
from secd.errors import UnusableInput

FULL = CAPFRecord(
    DEVICE,
    Operation.FETCH,
    CAPFMode.AUTHENTICATION_STRING,
    ECKind(Curve.P521),
    "123456",
    LATER + 0.5,
    2,
    "failed: why",
    b"lsc",
    b"mic",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capf.sqlite"


def test_what_is_stored_comes_back(path: Path) -> None:
    store = CAPFStore(path)
    assert store.get(DEVICE) is None
    assert store.save(FULL)
    store.close()
    again = CAPFStore(path)
    assert again.get(DEVICE) == replace(FULL, revision=1)
    again.close()


def test_strings_are_for_the_owner_only(path: Path) -> None:
    store = CAPFStore(path)
    store.save(FULL)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("capf.sqlite", "capf.sqlite-wal", "capf.sqlite-shm"), 0o600)
    assert "123456" not in repr(store.get(DEVICE))
    store.close()


def test_who_comes_second_reads_again(path: Path) -> None:
    server, administrator = CAPFStore(path), CAPFStore(path)
    assert not server.save(FULL) or not administrator.save(FULL)
    old = server.get(DEVICE)
    assert old is not None
    assert administrator.save(replace(old, result="mine"))
    assert not server.save(replace(old, result="stale"))
    assert server.change(DEVICE, lambda now: replace(now, string="")).result == "mine"
    assert [record.result for record in [administrator.get(DEVICE)] if record] == ["mine"]
    server.close()
    administrator.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE device SET operation = 'strange'",
        "UPDATE device SET authentication = 'strange'",
        "UPDATE device SET key = 'strange'",
    ],
)
def test_words_that_nobody_knows(path: Path, change: str) -> None:
    store = CAPFStore(path)
    store.save(FULL)
    store._base.execute(change)
    with pytest.raises(StoreUnusable, match=rf"capf\.sqlite: {DEVICE} has 'strange'"):
        store.get(DEVICE)
    store.close()


def test_files_that_are_none(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreUnusable, match="file is not a database"):
        CAPFStore(path)
    with pytest.raises(StoreUnusable, match="Is a directory"):
        CAPFStore(path.parent)
    with pytest.raises(StoreUnusable, match="No such file"):
        CAPFStore(path.parent / "none" / "capf.sqlite")


def test_a_file_of_a_later_version(path: Path) -> None:
    CAPFStore(path).close()
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 2")
    base.close()
    with pytest.raises(StoreUnusable, match="has format 2, this version reads 1 only"):
        CAPFStore(path)


def test_a_store_that_broke(path: Path) -> None:
    store = CAPFStore(path)
    store._base.execute("DROP TABLE device")
    with pytest.raises(StoreUnusable, match="no such table"):
        store.get(DEVICE)
    with pytest.raises(StoreUnusable, match="no such table"):
        store.save(FULL)
    store.close()


# --- records --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "string", ["", "123", "12345678901", "12a4", "\uff11\uff12\uff13\uff14", "1234\n"]
)
def test_strings_have_4_to_10_digits(string: str) -> None:
    with pytest.raises(UnusableInput, match=f"^{DEVICE}: an authentication string has 4 to 10"):
        CAPFRecord(DEVICE).with_string(string)
    for good in ("1234", "1234567890"):
        assert CAPFRecord(DEVICE).with_string(good).string == good


@pytest.mark.parametrize("authentication", AUTHENTICATIONS.values())
@pytest.mark.parametrize("operation", Operation)
def test_an_operation_needs_an_authentication(
    operation: Operation, authentication: CAPFMode
) -> None:
    record = CAPFRecord(DEVICE)
    pending = operation is not Operation.NOTHING
    if pending is (authentication is CAPFMode.NO_PENDING_OPERATION):
        with pytest.raises(UnusableInput, match="does not go with"):
            record.scheduled(operation, authentication, record.key, LATER)
        return
    scheduled = record.scheduled(operation, authentication, record.key, LATER)
    assert scheduled.mode(NOW) is authentication
    assert scheduled.is_pending(NOW) is pending
    assert scheduled.mode(LATER) is CAPFMode.NO_PENDING_OPERATION


def test_scheduling_anew_counts_wrong_strings_from_the_start_and_keeps_certificates() -> None:
    new = FULL.scheduled(Operation.DELETE, CAPFMode.NULL_STRING, FULL.key, NOW)
    assert (new.wrong_strings, new.result, new.string) == (0, "", "123456")
    assert (new.lsc, new.mic) == (b"lsc", b"mic")


def test_the_lsc_is_the_certificate_before_the_mic() -> None:
    assert FULL.certificate == b"lsc"
    assert replace(FULL, lsc=None).certificate == b"mic"
    assert CAPFRecord(DEVICE).certificate is None
