"""What both trust lists together come to, once they are done: which status messages are due.

The phone reports on the pair, not on each list (decision table section 4). One in and one refused:
the success, then the failure; no source says so.
"""

from dataclasses import dataclass
from enum import Enum, auto

from secd.trace import (
    ListsChange,
    ListsFailure,
    NoTrustListInstalled,
    TraceEvent,
    TrustListsChanged,
    TrustListsFailed,
)
from secd.trust import Installed, Reason
from secd.words import FileKind

_VERIFICATION = frozenset(
    {
        Reason.MALFORMED,
        Reason.SIGNATURE_INVALID,
        Reason.DIGEST_UNSUPPORTED,
        Reason.KEY_UNSUPPORTED,
        Reason.NOT_SELF_CONSISTENT,
    }
)


class ListOutcome(Enum):
    """What became of one list."""

    KEPT = auto()
    FIRST = auto()
    UPDATED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class ListResult:
    """One list of this boot. reason -- of the refusal or failure, where outcome is FAILED."""

    kind: FileKind
    outcome: ListOutcome
    reason: Reason | None = None


def conclude(
    results: tuple[ListResult, ...], before: Installed, after: Installed
) -> list[TraceEvent]:
    """Return the events that the two lists are due, in order.

    before, after -- what the phone held when the boot began, and holds now.
    """
    events: list[TraceEvent] = []
    change = _change({result.kind: result.outcome for result in results})
    if change is not None:
        events.append(TrustListsChanged(change))
    failures = [_failure(r, before) for r in results if r.outcome is ListOutcome.FAILED]
    failure = next((failure for failure in failures if failure is not None), None)
    if failure is not None:  # one message for both lists: the first that is due
        events.append(TrustListsFailed(failure))
    if after.ctl is None and after.itl is None:
        events.append(NoTrustListInstalled())
    return events


def _change(outcomes: dict[FileKind, ListOutcome]) -> ListsChange | None:
    first = ListOutcome.FIRST
    ctl, itl = outcomes.get(FileKind.CTL), outcomes.get(FileKind.ITL)
    if ctl is first and itl is first:
        return ListsChange.BOTH_INSTALLED
    if ctl is first:
        return ListsChange.CTL_INSTALLED
    if itl is first and ctl is not ListOutcome.UPDATED:
        return ListsChange.ITL_INSTALLED
    if ListOutcome.UPDATED in (ctl, itl):
        return ListsChange.UPDATED
    return None


def _failure(failed: ListResult, before: Installed) -> ListsFailure | None:
    holds_any = before.ctl is not None or before.itl is not None
    if failed.reason is Reason.TRANSFER_FAILED:
        # The transfer has its own message; the list adds one only where a list is stored (L18).
        return ListsFailure.UPDATE_FAILED if holds_any else None
    if failed.reason in _VERIFICATION:
        if failed.kind is FileKind.CTL and not holds_any:
            return ListsFailure.FIRST_LIST_BAD
        return ListsFailure.VERIFICATION_FAILED
    return ListsFailure.UPDATE_FAILED
