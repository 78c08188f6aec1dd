"""Update pressed under Security > LSC: an application to CAPF that somebody asks for.

It rests on what the phone's flash holds, its last good configuration above all, and asks no file
server. By Authentication String it is the only way to an LSC (CUCM security guide).
"""

from collections.abc import Iterable

from secd.boot.configuring import Configuring
from secd.boot.enrol import EnrolMachine
from secd.boot.enrolling import Enrolling
from secd.boot.judging import Judging
from secd.boot.lists import TrustLists
from secd.boot.messages import Action, Event, UpdatePressed
from secd.boot.phone import Phone
from secd.trace import Traced, TraceEvent
from secd.words import EnrolmentCause, EnrolmentOutcome

Output = Action | Traced


class LSCUpdate:
    """Applies once. lists, enrolling, judging -- as of `BootMachine`.

    phone -- must hold a configuration, else RuntimeError comes from the first event.
    """

    def __init__(self, phone: Phone) -> None:
        self.lists = TrustLists(phone.model, phone.installed, phone.vouchers)
        self.enrolling = Enrolling(phone.device, phone.identities)
        configuring = Configuring(phone.configuration, phone.model)
        self.judging = Judging(phone, self.lists, configuring, self.enrolling)
        self._task = phone.model.first_task_id
        self._now_seconds = 0.0

    @property
    def outcome(self) -> EnrolmentOutcome | None:
        """How it ended; None before it has."""
        return self.enrolling.outcome

    def handle(self, event: Event, now_seconds: float) -> list[Output]:
        """Take one event and return what is to be done and told, in order; at the end, nothing.

        Raises RuntimeError for an event that does not belong here.
        """
        self._now_seconds = self.judging.now_seconds = now_seconds
        machine = self.enrolling.machine
        match event:
            case UpdatePressed(string) if self.enrolling.outcome is None and machine is None:
                self.enrolling.due = EnrolmentCause.USER
                application = self.judging.application(self._task, string)
                outputs = self._told(self.enrolling.begin(application, False))
                begun = self.enrolling.machine
                return outputs if begun is None else outputs + self._settle(begun)
            case _ if machine is not None:
                return self._told(machine.handle(event)) + self._settle(machine)
            case _:
                raise RuntimeError(f"{type(event).__name__} cannot happen in an update")

    def _settle(self, machine: EnrolMachine) -> list[Output]:
        if not machine.over:
            return []
        voucher = machine.voucher
        remembered = [] if voucher is None else self.lists.remember(voucher, self._now_seconds)
        return self._told([*remembered, *self.enrolling.settle(machine)])

    def _told(self, items: Iterable[Action | TraceEvent]) -> list[Output]:
        return [
            Traced(self._now_seconds, self._task, 0, item) if isinstance(item, TraceEvent) else item
            for item in items
        ]
