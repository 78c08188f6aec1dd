"""Erasing lists at the phone: what goes, what stays, and that it helps a phone that is locked."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from secd.cli import commands
from secd.errors import FlashUnusable
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash, MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.net.emulator import EmulatedPhone
from secd.trust import Voucher, VoucherOutcome
from secd.words import FileKind

DEVICE = "SEP0011215A1AE3"
VECTOR = Path(__file__).parent / "vectors" / "CTL-sast1024.tlv"
BOTH = (FileKind.CTL, FileKind.ITL)
VOUCHER = Voucher(b"CN=x", b"\x01", VoucherOutcome.VOUCHED, b"0", frozenset({0}), 2e9)


def model(name: str) -> Model:
    return model_catalogue().find(name)


def filled(store: PhoneStore) -> None:
    for kind in BOTH:
        store.save_list(kind, VECTOR.read_bytes())
    store.save_state((VOUCHER,), ((1.0, "Trust List Updated", "updated"),))


@pytest.mark.parametrize("wanted", [BOTH, (FileKind.CTL,), (FileKind.ITL,)])
def test_what_is_erased_goes_with_the_vouchers_and_the_rest_stays(
    wanted: tuple[FileKind, ...],
) -> None:
    phone_model = model("8861")
    store = PhoneStore(MemoryFlash(), DEVICE, phone_model)
    filled(store)
    report = EmulatedPhone(DEVICE, phone_model, store, ()).erase_lists(wanted, 5.0)
    kept = store.load()
    assert report.kinds == wanted
    assert [kind for kind in BOTH if kept.installed.of(kind) is None] == list(wanted)
    assert kept.vouchers == ()
    assert [text for _, text, _ in kept.statuses] == [
        "Trust List Updated",
        "Erasing CTL and ITL files",
    ]


def test_where_nothing_is_nothing_is_erased_and_nothing_said() -> None:
    store = PhoneStore(MemoryFlash(), DEVICE, model("8861"))
    store.save_state((VOUCHER,), ())
    report = EmulatedPhone(DEVICE, model("8861"), store, ()).erase_lists(BOTH, 5.0)
    assert (report.kinds, report.statuses) == ((), ())
    assert store.load().vouchers == (VOUCHER,)


def test_a_phone_of_which_no_text_is_known_shows_none() -> None:
    store = PhoneStore(MemoryFlash(), DEVICE, model("7961"))
    filled(store)
    assert EmulatedPhone(DEVICE, model("7961"), store, ()).erase_lists(BOTH, 5.0).statuses == ()


def test_the_flash_of_another_phone_is_left_alone() -> None:
    flash = MemoryFlash()
    filled(PhoneStore(flash, DEVICE, model("7961")))
    other = PhoneStore(flash, "SEP001122334455", model("7961"))
    with pytest.raises(FlashUnusable, match="belongs to"):
        EmulatedPhone("SEP001122334455", model("7961"), other, ()).erase_lists(BOTH, 5.0)
    assert PhoneStore(flash, DEVICE, model("7961")).load().installed.ctl is not None


def erase(what: str, state: Path) -> Result:
    return CliRunner().invoke(commands, ["erase", what, "--state", str(state)])


def test_the_command_erases_a_damaged_list_too(tmp_path: Path) -> None:
    with DirectoryFlash(tmp_path) as flash:
        store = PhoneStore(flash, DEVICE, model("8861"))
        filled(store)
    (tmp_path / "CTLFile.tlv").write_bytes(b"garbage")
    result = erase("ctl", tmp_path)
    assert result.exit_code == 0
    assert "Erasing CTL and ITL files" in result.output
    assert result.output.splitlines()[-1] == f"{DEVICE} CTL: erased"
    assert not (tmp_path / "CTLFile.tlv").exists()
    assert (tmp_path / "ITLFile.tlv").exists()
    assert erase("ctl", tmp_path).output == f"{DEVICE} CTL: there was none\n"


def test_the_command_makes_no_flash(tmp_path: Path) -> None:
    result = erase("both", tmp_path / "none")
    assert result.exit_code == 2
    assert not (tmp_path / "none").exists()
