"""Boots the real boot machine on a flash in memory, step by step, and may cut the power between.

No network, no clock: transfers and questions to TVS are answered by functions, every wait is over
at once. Nothing is judged here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from secd.boot import (
    AskTVS,
    BootMachine,
    EraseTrustList,
    Event,
    FileNotReceived,
    FileReceived,
    InstallTrustList,
    Output,
    Phone,
    PhoneBooted,
    StoreConfiguration,
    StoreFile,
    StoreVouchers,
    TimerFired,
    Transfer,
    TVSServerAnswered,
    TVSServerFailed,
    Wait,
)
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.words import Transport

Contents = dict[str, bytes]


@dataclass(frozen=True)
class Surroundings:
    """What a booting phone meets. The machine is given for what it would ask in a handshake."""

    serve: Callable[[Transfer], FileReceived | FileNotReceived]
    ask_tvs: Callable[[BootMachine, AskTVS], TVSServerAnswered | TVSServerFailed]
    transports: frozenset[Transport]


@dataclass(frozen=True)
class Step:
    """One event and what it led to. before, after -- the flash."""

    event: Event
    outputs: list[Output]
    before: Contents
    after: Contents


class PowerCut(Exception):  # noqa: N818 - what happens, not what went wrong
    """The phone lost its power."""


def contents(flash: MemoryFlash) -> Contents:
    """Return all files of a flash."""
    return {name: flash.read(name) or b"" for name in flash.names()}


class Driver:
    """One boot. machine, steps -- as far as it came. cut_after -- outputs until the power fails."""

    def __init__(
        self,
        phone: Phone,
        flash: MemoryFlash,
        surroundings: Surroundings,
        now: float,
        cut_after: int | None = None,
    ) -> None:
        self.machine = BootMachine(phone, surroundings.transports)
        self.steps: list[Step] = []
        self.performed: list[Output] = []
        self._flash = flash
        self._store = PhoneStore(flash, phone.device, phone.model)
        self._surroundings = surroundings
        self._now = now
        self._left = cut_after

    def run(self, most_steps: int) -> bool:
        """Boot; False: the power failed. Raises AssertionError for a boot that does not end."""
        event: Event | None = PhoneBooted()
        try:
            while event is not None:
                assert len(self.steps) < most_steps, "the boot does not end"
                event = self._step(event)
        except PowerCut:
            return False
        return True

    def _step(self, event: Event) -> Event | None:
        before = contents(self._flash)
        outputs = self.machine.handle(event, self._now)
        answer = None
        for output in outputs:
            answer = self._perform(output)
        self.steps.append(Step(event, outputs, before, contents(self._flash)))
        return answer

    def _perform(self, output: Output) -> Event | None:
        if self._left == 0:
            raise PowerCut
        if self._left is not None:
            self._left -= 1
        self.performed.append(output)
        match output:
            case InstallTrustList(kind, octets):
                self._store.save_list(kind, octets)
            case EraseTrustList(kind):
                self._store.erase_list(kind)
            case StoreVouchers(vouchers):
                self._store.save_vouchers(vouchers)
            case StoreConfiguration(octets):
                self._store.save_configuration(octets)
            case StoreFile(name, octets):
                self._store.save_file(name, octets)
            case Transfer():
                return self._surroundings.serve(output)
            case AskTVS():
                return self._surroundings.ask_tvs(self.machine, output)
            case Wait():
                return TimerFired()
            case _:
                pass
        return None
