"""What a phone keeps: read back as written, or refused with nothing touched."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from boot_support import DEVICE, parsed, xml
from hypothesis import given
from hypothesis import strategies as st
from trust_lists import CCM, P1, P2, STRANGER, TOKEN1, holds, make_ctl, make_itl, vouch

from secd.errors import FlashUnusable
from secd.files.flash import DirectoryFlash, MemoryFlash
from secd.files.store import FORMAT_VERSION, PhoneStore, StatusRow
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.words import FileKind

CTL1, ITL1 = make_ctl(TOKEN1), make_itl(CCM)
VOUCHERS = (vouch(STRANGER, 0, 3), Voucher(b"\0\xff", b"", VoucherOutcome.DENIED))
STATUSES: tuple[StatusRow, ...] = ((1.5e9, "CTL Installed", "ctl_new"), (0.0, "ž\n\x1b", "x"))


def store_on(flash: MemoryFlash) -> PhoneStore:
    return PhoneStore(flash, DEVICE, P1)


def filled() -> MemoryFlash:
    """A flash with everything in it."""
    flash = MemoryFlash()
    store = store_on(flash)
    store.save_list(FileKind.CTL, CTL1)
    store.save_list(FileKind.ITL, ITL1)
    store.save_configuration(xml(mode=3))
    store.save_state(VOUCHERS, STATUSES)
    store.save_console(["a line", "another"])
    return flash


def files_of(flash: MemoryFlash) -> dict[str, bytes]:
    return {name: flash.read(name) or b"" for name in flash.names()}


def test_everything_is_read_back_as_it_was_written() -> None:
    kept = store_on(filled()).load()
    assert kept.installed == holds(ctl=CTL1, itl=ITL1)
    assert kept.configuration == parsed(xml(mode=3))
    assert kept.vouchers == VOUCHERS
    assert kept.statuses == STATUSES


def test_names_of_the_files() -> None:
    flash = filled()
    names = {"CTLFile.tlv", "ITLFile.tlv", f"{DEVICE}.cnf.xml", "state.toml", "console.log"}
    assert flash.names() == names
    assert flash.read("CTLFile.tlv") == CTL1
    assert flash.read(f"{DEVICE}.cnf.xml") == xml(mode=3)
    assert flash.read("console.log") == b"a line\nanother\n"


def test_a_new_flash_holds_nothing() -> None:
    flash = MemoryFlash()
    kept = store_on(flash).load()
    assert kept.installed == Installed()
    assert (kept.configuration, kept.vouchers, kept.statuses) == (None, (), ())
    assert flash.names() == frozenset()


def test_an_erased_list_is_gone() -> None:
    flash = filled()
    store_on(flash).erase_list(FileKind.CTL)
    assert store_on(flash).load().installed == holds(itl=ITL1)


def test_a_list_of_no_octets_is_none() -> None:
    flash = filled()
    flash.write("ITLFile.tlv", b"")
    assert store_on(flash).load().installed == holds(ctl=CTL1)


def test_lists_may_be_put_into_a_new_flash_by_hand() -> None:
    flash = MemoryFlash()
    flash.write("CTLFile.tlv", CTL1)
    flash.write(f"{DEVICE}.cnf.xml", xml())
    kept = store_on(flash).load()
    assert kept.installed == holds(ctl=CTL1)
    assert kept.configuration == parsed(xml())


def test_the_console_log_of_the_boot_before_is_kept() -> None:
    flash = filled()
    store = store_on(flash)
    store.save_console(["second"])
    assert flash.read("console.log.0") == b"a line\nanother\n"
    store.save_console([])
    assert flash.read("console.log.0") == b"second\n"
    assert flash.read("console.log") == b""
    store.save_console(["fourth"])
    assert flash.read("console.log.0") == b""
    store.load()


def test_the_load_may_change() -> None:
    flash = filled()
    upgraded = PhoneStore(flash, DEVICE, replace(P1, load="later"))
    kept = upgraded.load()
    assert kept.installed == holds(ctl=CTL1, itl=ITL1)
    upgraded.save_state(kept.vouchers, kept.statuses)
    assert b'load = "later"' in (flash.read("state.toml") or b"")


# Not this phone's, or damaged: a clear error, and nothing is touched


def _state(flash: MemoryFlash, change: Callable[[str], str]) -> None:
    text = (flash.read("state.toml") or b"").decode()
    assert change(text) != text
    flash.write("state.toml", change(text).encode())


def _without_state(flash: MemoryFlash) -> None:
    flash.erase("state.toml")
    flash.write("holiday.jpg", b"x")


def _another_device_without_state(flash: MemoryFlash) -> None:
    flash.erase("state.toml")
    flash.write("SEP000000000000.cnf.xml", b"x")


DAMAGES: dict[str, tuple[Callable[[MemoryFlash], None], str]] = {
    "later format": (
        lambda flash: _state(
            flash, lambda t: t.replace("format_version = 1", "format_version = 2")
        ),
        f"has format 2, this secd knows {FORMAT_VERSION}",
    ),
    "no format": (
        lambda flash: _state(flash, lambda t: t.replace("format_version = 1", "")),
        "is damaged: it names no format_version",
    ),
    "another device": (
        lambda flash: _state(flash, lambda t: t.replace(DEVICE, "SEP000000000000")),
        "belongs to device 'SEP000000000000', not 'SEP0011215A1AE3'",
    ),
    "another model": (
        lambda flash: _state(flash, lambda t: t.replace('"7961"', '"7945"')),
        "belongs to model '7945', not '7961'",
    ),
    "no TOML": (lambda flash: flash.write("state.toml", b"format_version = "), "is damaged"),
    "empty state": (
        lambda flash: flash.write("state.toml", b""),
        "is damaged: it names no format_version",
    ),
    "no text": (lambda flash: flash.write("state.toml", b"\xff\xfe"), "is damaged"),
    "deep": (lambda flash: flash.write("state.toml", b"x = " + b"[" * 100_000), "is damaged"),
    "huge number": (lambda flash: flash.write("state.toml", b"x = " + b"9" * 9999), "is damaged"),
    "foreign files": (_without_state, "holds 'holiday.jpg' and no state.toml"),
    "a configuration of another": (
        _another_device_without_state,
        "holds 'SEP000000000000.cnf.xml' and no state.toml",
    ),
    "damaged CTL": (
        lambda flash: flash.write("CTLFile.tlv", CTL1[:-1]),
        "CTLFile.tlv in the flash directory is damaged",
    ),
    "damaged ITL": (
        lambda flash: flash.write("ITLFile.tlv", b"x"),
        "ITLFile.tlv in the flash directory is damaged",
    ),
    "damaged configuration": (
        lambda flash: flash.write(f"{DEVICE}.cnf.xml", b"<device>"),
        "cnf.xml in the flash directory is damaged",
    ),
}

ROWS = {
    "tvs_cache = 1": "tvs_cache in state.toml is damaged",
    "tvs_cache = [1]": "tvs_cache in state.toml is damaged",
    "tvs_cache = [{}]": "TVS cache in state.toml is damaged",
    "statuses = 'x'": "statuses in state.toml is damaged",
    "statuses = [[]]": "statuses in state.toml is damaged",
    "statuses = [{at = 1, text = 2, key = 'x'}]": "status messages in state.toml are damaged",
    "statuses = [{at = 'x', text = '', key = ''}]": "status messages in state.toml are damaged",
    "statuses = [{at = 1, text = ''}]": "status messages in state.toml are damaged",
    **{
        f"statuses = [{{at = {at}, text = '', key = ''}}]": "status messages in state.toml are"
        for at in ("nan", "inf", "-1", "1e300", "253402300800")
    },
}
VOUCHER = {
    "issuer": "'00'",
    "serial": "'00'",
    "outcome": "'vouched'",
    "certificate": "'00'",
    "functions": "[0]",
    "until": "1.0",
}
BAD_VALUES = {
    "issuer": ["'x'", "1", "[]"],
    "serial": ["'0'", "{}"],
    "outcome": ["'perhaps'", "true"],
    "certificate": ["'zz'", "0"],
    "functions": ["0", "['0']", "[[0]]", "[{}]", "[0.5]", "{}"],
    "until": ["'soon'", "[]", "2020-01-01"],
}


def _voucher_row(**changes: str | None) -> str:
    values = {k: v for k, v in (VOUCHER | changes).items() if v is not None}
    return "tvs_cache = [{" + ", ".join(f"{k} = {v}" for k, v in values.items()) + "}]"


BAD_VOUCHERS = [
    *(_voucher_row(**{key: bad}) for key, values in BAD_VALUES.items() for bad in values),
    *(_voucher_row(**{key: None}) for key in VOUCHER),
]


def _state_with(rows: str) -> bytes:
    head = f"format_version = 1\ndevice = '{DEVICE}'\nmodel = '7961'\nload = ''\n"
    return (head + rows + "\n").encode()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_flash_that_cannot_be_used_says_why_and_stays_as_it_is(damage: str) -> None:
    flash = filled()
    do, message = DAMAGES[damage]
    do(flash)
    _assert_unusable(flash, message)


@pytest.mark.parametrize("rows", ROWS)
def test_damaged_rows(rows: str) -> None:
    flash = filled()
    flash.write("state.toml", _state_with(rows))
    _assert_unusable(flash, ROWS[rows])


def test_the_row_that_the_next_test_damages_is_good() -> None:
    flash = filled()
    flash.write("state.toml", _state_with(_voucher_row()))
    (voucher,) = store_on(flash).load().vouchers
    assert (voucher.functions, voucher.until_seconds) == (frozenset({0}), 1.0)


@pytest.mark.parametrize("row", BAD_VOUCHERS)
def test_damaged_vouchers(row: str) -> None:
    flash = filled()
    flash.write("state.toml", _state_with(row))
    _assert_unusable(flash, "TVS cache in state.toml is damaged")


def test_a_time_that_no_float_can_hold_is_damage() -> None:
    """Found by reading for the fuzzer's door: float() of a huge whole number is no ValueError."""
    flash = filled()
    flash.write("state.toml", _state_with(_voucher_row(until="1" + 400 * "0")))
    _assert_unusable(flash, "TVS cache in state.toml is damaged")


def _assert_unusable(flash: MemoryFlash, message: str) -> None:
    before = files_of(flash)
    with pytest.raises(FlashUnusable) as caught:
        store_on(flash).load()
    assert message in str(caught.value)
    assert files_of(flash) == before


@given(st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_no_state_file_raises_anything_else(octets: bytes) -> None:
    flash = filled()
    for state in (octets, _state_with("") + octets):
        flash.write("state.toml", state)
        before = files_of(flash)
        with suppress(FlashUnusable):
            store_on(flash).load()
        assert files_of(flash) == before


# In a real directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "phone"
    with DirectoryFlash(folder) as flash:
        for name, octets in files_of(filled()).items():
            flash.write(name, octets)
    return folder


def _contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}


def test_a_directory_of_another_phone_is_not_touched(folder: Path) -> None:
    before = _contents(folder)
    with DirectoryFlash(folder) as flash:
        with pytest.raises(FlashUnusable, match="belongs to model '7961', not '8945'"):
            PhoneStore(flash, DEVICE, P2).load()
        with pytest.raises(FlashUnusable, match="belongs to device"):
            PhoneStore(flash, "SEP000000000000", P1).load()
    assert _contents(folder) == before


def test_a_directory_is_read_back(folder: Path) -> None:
    (folder / "state.toml.new").write_bytes(b"half a st")
    with DirectoryFlash(folder) as flash:
        kept = PhoneStore(flash, DEVICE, P1).load()
    assert kept == store_on(filled()).load()
