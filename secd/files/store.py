"""What a phone keeps in its flash, by meaning.

    CTLFile.tlv, ITLFile.tlv   the installed trust lists, octets as received
    SEP<MAC>.cnf.xml           the last good configuration, without envelope
    file-NAME                  further files; NAME percent-encoded
    lsc.pem, mic.pem           the phone's certificates with their keys (`secd.files.identity`)
    state.toml                 format version, model, load, device, TVS cache, status messages
    console.log                the console log of the last boot; console.log.0 the one before

Nothing is decided here, and nothing is touched in a directory that is not this phone's.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

import tomli_w

from secd.boot import Identities
from secd.capf import Identity
from secd.configuration import Configuration, parse_configuration_untrusted
from secd.errors import FlashUnusable, MalformedFile
from secd.files.flash import Flash
from secd.files.identity import (
    LSC_FILE,
    MIC_FILE,
    STAGED_FILE,
    LSCFile,
    identity_to_pem,
    load_from_flash,
)
from secd.models import Model
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.trustlist import TrustList, decode_trust_list_untrusted
from secd.words import FileKind

FORMAT_VERSION = 1
_STATE = "state.toml"
_CONSOLE, _CONSOLE_BEFORE = "console.log", "console.log.0"
_FURTHER = "file-"  # before the name of a further file, itself written without any slash
_LIST_NAMES = {FileKind.CTL: "CTLFile.tlv", FileKind.ITL: "ITLFile.tlv"}

_YEAR_10000 = 253_402_300_800  # Unix time; no status line can show more

StatusRow = tuple[float, str, str]  # when (Unix time), text, key: as statusmsgs keeps them


@dataclass(frozen=True, slots=True)
class Kept:
    """What the flash holds when a phone boots."""

    installed: Installed
    configuration: Configuration | None
    vouchers: tuple[Voucher, ...]
    statuses: tuple[StatusRow, ...]
    identities: Identities


@dataclass(frozen=True, slots=True)
class Held:
    """What a flash holds at first sight. lists -- those that are there, damaged or not."""

    lists: tuple[FileKind, ...]
    statuses: tuple[StatusRow, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose flash it is, as its state.toml says. model, load -- names."""

    device: str
    model: str
    load: str


def owner_of(flash: Flash) -> Owner:
    """Return whose flash it is. Raises FlashUnusable for one that is no phone's."""
    octets = flash.read(_STATE)
    match {} if octets is None else _parse_state(octets):
        case {"device": str(device), "model": str(model), "load": str(load)}:
            return Owner(device, model, load)
    raise FlashUnusable(
        f"{_STATE} in the flash directory names no device: no phone has booted here"
    )


class PhoneStore:
    """One phone's flash, by meaning. Every method may raise FlashUnusable. lsc -- its LSC."""

    def __init__(self, flash: Flash, device: str, model: Model) -> None:
        self._flash = flash
        self.lsc = LSCFile(flash)
        self._device = device
        self._model = model
        self._vouchers: tuple[Voucher, ...] = ()  # as the flash holds them
        self._statuses: tuple[StatusRow, ...] = ()

    def load(self) -> Kept:
        """Read everything, after checking that this flash is this phone's.

        Raises FlashUnusable when it is another device's or model's, of an unknown format, or
        holds what cannot be read. Nothing is written.
        """
        state = self._load_state()
        self._vouchers = _vouchers_from(state.get("tvs_cache", []))
        self._statuses = _statuses_from(state.get("statuses", []))
        return Kept(
            Installed(self._load_list(FileKind.CTL), self._load_list(FileKind.ITL)),
            self._load_configuration(),
            self._vouchers,
            self._statuses,
            Identities(self.lsc.load(), load_from_flash(self._flash, MIC_FILE)),
        )

    def held(self) -> Held:
        """Tell what lists there are without reading them, after checking whose flash it is.

        Raises FlashUnusable as `load`, but not for a damaged list or configuration.
        """
        state = self._load_state()
        lists = [kind for kind, name in _LIST_NAMES.items() if self._flash.read(name) is not None]
        return Held(tuple(lists), _statuses_from(state.get("statuses", [])))

    def save_list(self, kind: FileKind, octets: bytes) -> None:
        """Install a trust list."""
        self._flash.write(_LIST_NAMES[kind], octets)

    def erase_list(self, kind: FileKind) -> None:
        """Remove a trust list."""
        self._flash.erase(_LIST_NAMES[kind])

    def save_configuration(self, octets: bytes) -> None:
        """Keep a configuration as the last good one."""
        self._flash.write(f"{self._device}.cnf.xml", octets)

    def save_mic(self, identity: Identity) -> None:
        """Keep the MIC, certificate and key."""
        self._flash.write(MIC_FILE, identity_to_pem(identity))

    def save_file(self, name: str, octets: bytes) -> None:
        """Keep a further file. name -- as the configuration has it."""
        self._flash.write(_further_name(name), octets)

    def save_state(self, vouchers: Sequence[Voucher], statuses: Sequence[StatusRow]) -> None:
        """Keep who this phone is, what TVS vouched for, and its status messages."""
        state = {
            "format_version": FORMAT_VERSION,
            "device": self._device,
            "model": self._model.name,
            "load": self._model.load,
            "tvs_cache": [_voucher_table(voucher) for voucher in vouchers],
            "statuses": [{"at": at, "text": text, "key": key} for at, text, key in statuses],
        }
        self._flash.write(_STATE, tomli_w.dumps(state).encode())
        self._vouchers, self._statuses = tuple(vouchers), tuple(statuses)

    def save_vouchers(self, vouchers: Sequence[Voucher]) -> None:
        """Keep what TVS vouched for; the status messages stay."""
        self.save_state(vouchers, self._statuses)

    def save_statuses(self, statuses: Sequence[StatusRow]) -> None:
        """Keep the status messages; what TVS vouched for stays."""
        self.save_state(self._vouchers, statuses)

    def save_console(self, lines: Sequence[str]) -> None:
        """Keep the console log of this boot, and the last one beside it."""
        before = self._flash.read(_CONSOLE)
        if before is not None:
            self._flash.write(_CONSOLE_BEFORE, before)
        self._flash.write(_CONSOLE, "".join(line + "\n" for line in lines).encode())

    def _load_state(self) -> dict[str, object]:
        octets = self._flash.read(_STATE)
        if octets is None:
            self._refuse_foreign_files()
            return {}
        state = _parse_state(octets)
        for what, ours in (("device", self._device), ("model", self._model.name)):
            if state.get(what) != ours:
                raise FlashUnusable(
                    f"the flash directory belongs to {what} {state.get(what)!r}, not {ours!r}: "
                    "give each phone its own --state directory"
                )
        return state

    def _refuse_foreign_files(self) -> None:
        """Without state.toml only what a phone keeps may lie here: put there to start with."""
        ours = {*_LIST_NAMES.values(), f"{self._device}.cnf.xml", _CONSOLE, _CONSOLE_BEFORE}
        ours |= {LSC_FILE, STAGED_FILE, MIC_FILE}
        names = {name for name in self._flash.names() if not name.startswith(_FURTHER)}
        foreign = sorted(names - ours)
        if foreign:
            raise FlashUnusable(
                f"the --state directory holds {foreign[0]!r} and no {_STATE}: "
                "it is not a phone's flash; name an empty or new directory"
            )

    def _load_list(self, kind: FileKind) -> TrustList | None:
        octets = self._flash.read(_LIST_NAMES[kind])
        if not octets:
            return None
        try:
            return decode_trust_list_untrusted(octets)
        except MalformedFile as error:
            raise FlashUnusable(
                f"{_LIST_NAMES[kind]} in the flash directory is damaged ({error}): "
                f"secd erase {kind.lower()} removes it"
            ) from None

    def _load_configuration(self) -> Configuration | None:
        name = f"{self._device}.cnf.xml"
        octets = self._flash.read(name)
        if octets is None:
            return None
        try:
            return parse_configuration_untrusted(octets)
        except MalformedFile as error:
            raise FlashUnusable(
                f"{name} in the flash directory is damaged ({error}): erase it"
            ) from None


def _parse_state(octets: bytes) -> dict[str, object]:
    """Read state.toml, as far as its format version says that it is ours."""
    try:
        state: dict[str, object] = tomllib.loads(octets.decode())
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: huge numbers
        raise FlashUnusable(f"{_STATE} in the flash directory is damaged: {error}") from None
    version = state.get("format_version")
    if version is None:
        raise FlashUnusable(
            f"{_STATE} in the flash directory is damaged: it names no format_version"
        )
    if version != FORMAT_VERSION:
        raise FlashUnusable(
            f"{_STATE} has format {version!r}, this secd knows {FORMAT_VERSION}: "
            "use the secd that wrote it, or another --state directory"
        )
    return state


def _further_name(name: str) -> str:
    return _FURTHER + re.sub(r"[^A-Za-z0-9._-]", lambda odd: f"%{ord(odd[0]):02X}", name)


def _voucher_table(voucher: Voucher) -> dict[str, object]:
    return {
        "issuer": voucher.issuer.hex(),
        "serial": voucher.serial.hex(),
        "outcome": voucher.outcome.value,
        "certificate": voucher.certificate.hex(),
        "functions": sorted(voucher.functions),
        "until": voucher.until_seconds,
    }


def _vouchers_from(rows: object) -> tuple[Voucher, ...]:
    return tuple(_voucher_from(row) for row in _rows(rows, "tvs_cache"))


def _voucher_from(row: dict[str, object]) -> Voucher:
    match row:
        case {
            "issuer": str(issuer),
            "serial": str(serial),
            "outcome": str(outcome),
            "certificate": str(certificate),
            "functions": list(functions),
            "until": int() | float() as until,
        } if all(isinstance(function, int) for function in functions):
            try:
                return Voucher(
                    bytes.fromhex(issuer),
                    bytes.fromhex(serial),
                    VoucherOutcome(outcome),
                    bytes.fromhex(certificate),
                    frozenset(functions),
                    float(until),
                )
            except (ValueError, OverflowError) as error:  # the latter: no float is so large
                raise FlashUnusable(f"the TVS cache in {_STATE} is damaged: {error}") from None
    raise FlashUnusable(f"the TVS cache in {_STATE} is damaged: {sorted(row)} is no voucher")


def _statuses_from(rows: object) -> tuple[StatusRow, ...]:
    return tuple(_status_from(row) for row in _rows(rows, "statuses"))


def _status_from(row: dict[str, object]) -> StatusRow:
    match row:
        case {"at": int() | float() as at, "text": str(text), "key": str(key)} if (
            0 <= at < _YEAR_10000  # which neither nan nor inf is
        ):
            return float(at), text, key
    raise FlashUnusable(f"the status messages in {_STATE} are damaged: {row!r:.60} is none")


def _rows(rows: object, what: str) -> list[dict[str, object]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FlashUnusable(f"{what} in {_STATE} is damaged: not a list of tables")
    return rows
