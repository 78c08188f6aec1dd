"""The lab's CAPF on a disk that is full."""

from collections.abc import Callable
from pathlib import Path

from capf_lab import Memory, Phone, a_lab, assert_untouched
from trio.testing import MockClock

from firmware_sim.capf import CAPFStore, StoreUnusable
from firmware_sim.capf.records import CAPFRecord
from secd.capf import (
    Curve,
    ECKind,
    Operation,
)
from secd.configuration import CAPFMode

NULL = CAPFMode.NULL_STRING
P256 = ECKind(Curve.P256)


def full(path: Path) -> tuple[CAPFStore, Callable[[], None]]:
    """Return a store that holds one scheduled operation, and what fills its disk."""
    store = CAPFStore(path)

    def fill() -> None:
        (pages,) = store._base.execute("PRAGMA page_count").fetchone()
        store._base.execute(f"PRAGMA max_page_count = {pages}")
        for size in (3000, 300, 30, 1):
            for number in range(1000):
                record = CAPFRecord(f"FILLER{size}-{number}", lsc=bytes(size))
                try:
                    store.save(record)
                except StoreUnusable:
                    break

    return store, fill


async def test_a_full_disk_while_an_lsc_is_noted(tmp_path: Path, autojump_clock: MockClock) -> None:
    store, fill = full(tmp_path / "capf.sqlite")
    lab = a_lab(store=store)
    lab.schedule(Operation.INSTALL, NULL, P256)
    fill()
    async with lab.serving(Memory()) as server:
        ended = await Phone(server).converse()
        assert (ended.reason, ended.install) == (7, None)
        assert "database or disk is full" in server.refusals[0][1]
        assert_untouched(lab)
        store._base.execute("PRAGMA max_page_count = 100000")
        assert (await Phone(server).converse()).done
    store.close()


async def test_a_wrong_string_that_cannot_be_counted_is_refused(
    autojump_clock: MockClock,
) -> None:
    """Else a full disk would allow to guess for ever, and with luck to be right."""

    class NoDisk(CAPFStore):
        def save(self, record: CAPFRecord) -> bool:
            raise StoreUnusable("no space left")

    lab = a_lab()
    lab.schedule(Operation.INSTALL, CAPFMode.AUTHENTICATION_STRING, string="123456")
    store = NoDisk(None)
    lab.store._base.backup(store._base)
    broken = a_lab(store=store)
    async with broken.serving(Memory()) as server:
        assert (await Phone(server).converse()).reason == 7
    store.close()
    assert server.refusals == [(7, "no space left")]
