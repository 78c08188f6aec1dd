"""One emulated phone: its flash, its boots, and what it prints and shows.

Here the trace meets `statusmsgs`: console lines and status messages are rendered from the events
of a boot as they happen. Nothing is decided and no text is made here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.boot import Identities, Phone
from secd.errors import UnusableInput
from secd.files.store import Kept, PhoneStore, StatusRow
from secd.models import Model
from secd.net.phone import Surroundings, boot_phone, update_lsc
from secd.trace import Traced, TrustListsErased
from secd.trust import Installed
from secd.words import BootOutcome, EnrolmentOutcome, FileKind
from statusmsgs import (
    ConsoleRenderer,
    StatusMessage,
    StatusRenderer,
    StatusRing,
    console_tables,
    ring_from_rows,
    status_table,
)

OnEvent = Callable[[Traced, tuple[str, ...]], None]


@dataclass(frozen=True, slots=True)
class BootReport:
    """One boot as it was. lines -- the console log. statuses -- the messages of this boot.

    installed, identities -- what the phone holds after it.
    """

    events: tuple[Traced, ...]
    lines: tuple[str, ...]
    statuses: tuple[StatusMessage, ...]
    before: Installed
    installed: Installed
    outcome: BootOutcome
    identities: Identities


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What came of pressing Update. identities -- what the phone holds after it."""

    outcome: EnrolmentOutcome | None
    statuses: tuple[StatusMessage, ...]
    identities: Identities


@dataclass(frozen=True, slots=True)
class EraseReport:
    """Which lists were there and are erased, and what the phone shows."""

    kinds: tuple[FileKind, ...]
    statuses: tuple[StatusMessage, ...]


@dataclass(frozen=True, slots=True)
class EmulatedPhone:
    """A phone that can boot again and again on the same flash.

    servers -- logical addresses of its TFTP servers. explain -- print lines of ours too.
    round_limit, firmware_key, ring_menu -- see `secd.boot.Phone`.
    """

    device: str
    model: Model
    store: PhoneStore
    servers: tuple[str, ...]
    explain: bool = False
    round_limit: int | None = None
    firmware_key: rsa.RSAPublicKey | None = None
    ring_menu: bool = False

    async def boot(self, surroundings: Surroundings, on_event: OnEvent) -> BootReport:
        """Boot once. `on_event` gets each event with the console lines that it caused.

        Raises FlashUnusable as the store does; then nothing was fetched, or the phone still holds
        what it held.
        """
        kept = self.store.load()
        renderer = StatusRenderer(status_table(), self.model.status_family)
        ring = _ring(renderer, kept.statuses)
        self.store.save_statuses(ring.to_rows())
        console = ConsoleRenderer(console_tables(), self.model.console_family, self.explain)
        events: list[Traced] = []
        lines: list[str] = []
        statuses: list[StatusMessage] = []

        def publish(traced: Traced) -> None:
            printed = console.render(traced)
            events.append(traced)
            lines.extend(printed)
            statuses.extend(renderer.render(traced))
            on_event(traced, printed)

        phone = self._phone(kept)
        try:
            machine = await boot_phone(phone, self.store, surroundings, publish)
        finally:  # a boot that is cut short is remembered too
            self.store.save_statuses(ring.added(statuses).to_rows())
            banner = console.banner(events[0].at_seconds) if events else []
            self.store.save_console([*banner, *lines])
        return BootReport(
            tuple(events),
            tuple(lines),
            tuple(statuses),
            kept.installed,
            machine.lists.installed,
            machine.outcome,
            machine.enrolling.identities,
        )

    async def update_lsc(
        self, surroundings: Surroundings, on_event: OnEvent, string: str
    ) -> UpdateReport:
        """Press Update under Security > LSC. string -- what was typed; empty: nothing.

        Raises FlashUnusable as `boot`; UnusableInput where the flash holds no configuration.
        """
        kept = self.store.load()
        if kept.configuration is None:
            raise UnusableInput(
                "the phone has no configuration, so it knows no CAPF server: let it boot first"
            )
        console = ConsoleRenderer(console_tables(), self.model.console_family, self.explain)
        renderer = StatusRenderer(status_table(), self.model.status_family)
        statuses: list[StatusMessage] = []

        def publish(traced: Traced) -> None:
            statuses.extend(renderer.render(traced))
            on_event(traced, console.render(traced))

        machine = await update_lsc(self._phone(kept), self.store, surroundings, publish, string)
        return UpdateReport(machine.outcome, tuple(statuses), machine.enrolling.identities)

    def erase_lists(self, wanted: Sequence[FileKind], at_seconds: float) -> EraseReport:
        """Erase trust lists at the phone, damaged ones too, and what TVS vouched for.

        Raises FlashUnusable where the flash is another phone's or cannot be written.
        """
        held = self.store.held()
        kinds = tuple(kind for kind in wanted if kind in held.lists)
        if not kinds:
            return EraseReport((), ())
        renderer = StatusRenderer(status_table(), self.model.status_family)
        event = TrustListsErased(FileKind.CTL in kinds, FileKind.ITL in kinds)
        statuses = renderer.render(Traced(at_seconds, 0, 0, event))
        # A voucher must not outlive the list whose TVS gave it, also when the power fails here.
        self.store.save_state((), _ring(renderer, held.statuses).added(statuses).to_rows())
        for kind in kinds:
            self.store.erase_list(kind)
        return EraseReport(kinds, tuple(statuses))

    def _phone(self, kept: Kept) -> Phone:
        return Phone(
            self.device,
            self.model,
            self.servers,
            kept.installed,
            kept.configuration,
            kept.vouchers,
            self.round_limit,
            self.firmware_key,
            self.ring_menu,
            kept.identities,
        )


def _ring(renderer: StatusRenderer, statuses: Sequence[StatusRow]) -> StatusRing:
    """Return the messages so far; as many are kept as the longer of page and screen shows."""
    size = max(renderer.family.web_kept, renderer.family.screen_kept)
    return ring_from_rows(size, statuses)
