"""Doors on the phone itself: its flash as somebody left it, and what a user types."""

from contextlib import suppress

from secd.errors import FlashUnusable, UnusableInput
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.net.network import AddressBook, Unreachable, parse_mapping_untrusted

DEVICE = "SEP0011215A1AE3"
_MODEL = model_catalogue().find("8861")
_FILES = ("state.toml", "CTLFile.tlv", "ITLFile.tlv", f"{DEVICE}.cnf.xml")


def flash(octets: bytes) -> None:
    """Load a flash in which one file holds these octets; the first one chooses which file."""
    if not octets:
        return
    held = MemoryFlash()
    held.write(_FILES[octets[0] % len(_FILES)], octets[1:])
    store = PhoneStore(held, DEVICE, _MODEL)
    try:
        kept = store.load()
    except FlashUnusable as error:
        assert str(error)
        return
    store.save_state(kept.vouchers, kept.statuses)
    again = PhoneStore(held, DEVICE, _MODEL).load()
    assert repr(again.vouchers) == repr(kept.vouchers)  # as texts, because no nan is a nan
    assert again.statuses == kept.statuses


def mapping(octets: bytes) -> None:
    """Read a `--map`; what it maps can be looked up."""
    text = octets.decode("utf-8", "surrogateescape")
    try:
        (host, port), actual = parse_mapping_untrusted(text)
    except UnusableInput as error:
        assert str(error).isprintable()
        return
    assert 0 <= port <= 65535
    book = AddressBook.from_mappings_untrusted([text])
    assert book.actual(host, port) == actual
    with suppress(Unreachable):
        book.actual(host, port + 1)
