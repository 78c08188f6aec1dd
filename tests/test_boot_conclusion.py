"""What both lists together come to: every pair of outcomes, as one table."""

from itertools import product

import pytest
from trust_lists import CCM, TOKEN1, holds, make_ctl, make_itl

from secd.boot.conclusion import ListOutcome, ListResult, conclude
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

NONE, FIRST, UPDATED = None, ListOutcome.FIRST, ListOutcome.UPDATED
HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM))
CTL_ONLY = Installed(HELD.ctl)

CHANGES = {
    (NONE, NONE): None,
    (NONE, FIRST): ListsChange.ITL_INSTALLED,
    (NONE, UPDATED): ListsChange.UPDATED,
    (FIRST, NONE): ListsChange.CTL_INSTALLED,
    (FIRST, FIRST): ListsChange.BOTH_INSTALLED,
    (FIRST, UPDATED): ListsChange.CTL_INSTALLED,
    (UPDATED, NONE): ListsChange.UPDATED,
    (UPDATED, FIRST): ListsChange.UPDATED,
    (UPDATED, UPDATED): ListsChange.UPDATED,
}

UNKNOWN, BROKEN, LOST = Reason.SIGNER_UNKNOWN, Reason.MALFORMED, Reason.TRANSFER_FAILED
UPDATE, VERIFICATION = ListsFailure.UPDATE_FAILED, ListsFailure.VERIFICATION_FAILED
FIRST_BAD = ListsFailure.FIRST_LIST_BAD

# Reasons of CTL and ITL; the failure with lists held before, and without.
FAILURES = {
    (NONE, NONE): (None, None),
    (NONE, UNKNOWN): (UPDATE, UPDATE),
    (NONE, BROKEN): (VERIFICATION, VERIFICATION),
    (NONE, LOST): (UPDATE, None),
    (UNKNOWN, NONE): (UPDATE, UPDATE),
    (UNKNOWN, UNKNOWN): (UPDATE, UPDATE),
    (UNKNOWN, BROKEN): (UPDATE, UPDATE),
    (UNKNOWN, LOST): (UPDATE, UPDATE),
    (BROKEN, NONE): (VERIFICATION, FIRST_BAD),
    (BROKEN, UNKNOWN): (VERIFICATION, FIRST_BAD),
    (BROKEN, BROKEN): (VERIFICATION, FIRST_BAD),
    (BROKEN, LOST): (VERIFICATION, FIRST_BAD),
    (LOST, NONE): (UPDATE, None),
    (LOST, UNKNOWN): (UPDATE, UPDATE),
    (LOST, BROKEN): (UPDATE, VERIFICATION),
    (LOST, LOST): (UPDATE, None),
}


def results(
    ctl: ListOutcome | Reason | None, itl: ListOutcome | Reason | None
) -> tuple[ListResult, ...]:
    """An outcome of success, the reason of a failure, or nothing to tell, for each list."""
    pairs = ((FileKind.CTL, ctl), (FileKind.ITL, itl))
    return tuple(
        ListResult(kind, ListOutcome.FAILED, what)
        if isinstance(what, Reason)
        else ListResult(kind, what)
        for kind, what in pairs
        if what is not None
    )


@pytest.mark.parametrize(("ctl", "itl"), CHANGES)
def test_changes(ctl: ListOutcome | None, itl: ListOutcome | None) -> None:
    change = CHANGES[ctl, itl]
    expected = [] if change is None else [TrustListsChanged(change)]
    assert conclude(results(ctl, itl), HELD, HELD) == expected


def test_the_tables_are_complete() -> None:
    outcomes, reasons = (NONE, FIRST, UPDATED), (NONE, UNKNOWN, BROKEN, LOST)
    assert set(CHANGES) == set(product(outcomes, outcomes))
    assert set(FAILURES) == set(product(reasons, reasons))


@pytest.mark.parametrize(("ctl", "itl"), FAILURES)
def test_failures(ctl: Reason | None, itl: Reason | None) -> None:
    with_lists, without = FAILURES[ctl, itl]
    told: list[TraceEvent] = [] if with_lists is None else [TrustListsFailed(with_lists)]
    assert conclude(results(ctl, itl), HELD, HELD) == told
    nothing: list[TraceEvent] = [] if without is None else [TrustListsFailed(without)]
    assert conclude(results(ctl, itl), Installed(), Installed()) == [
        *nothing,
        NoTrustListInstalled(),
    ]


MIXED: list[tuple[ListOutcome | Reason, ListOutcome | Reason, ListsChange, ListsFailure | None]] = [
    (FIRST, UNKNOWN, ListsChange.CTL_INSTALLED, UPDATE),  # row L9
    (FIRST, BROKEN, ListsChange.CTL_INSTALLED, VERIFICATION),
    (FIRST, LOST, ListsChange.CTL_INSTALLED, None),
    (BROKEN, FIRST, ListsChange.ITL_INSTALLED, FIRST_BAD),
    (UNKNOWN, FIRST, ListsChange.ITL_INSTALLED, UPDATE),
    (LOST, FIRST, ListsChange.ITL_INSTALLED, None),
]


@pytest.mark.parametrize(("ctl", "itl", "change", "failure"), MIXED)
def test_one_in_one_refused_is_success_then_failure(
    ctl: ListOutcome | Reason,
    itl: ListOutcome | Reason,
    change: ListsChange,
    failure: ListsFailure | None,
) -> None:
    told = conclude(results(ctl, itl), Installed(), CTL_ONLY)
    expected: list[TraceEvent] = [TrustListsChanged(change)]
    assert told == expected + ([] if failure is None else [TrustListsFailed(failure)])


@pytest.mark.parametrize(("ctl", "itl"), [(UPDATED, UNKNOWN), (BROKEN, UPDATED), (UPDATED, LOST)])
def test_an_update_beside_a_failure(ctl: ListOutcome | Reason, itl: ListOutcome | Reason) -> None:
    told = conclude(results(ctl, itl), HELD, HELD)
    assert told[0] == TrustListsChanged(ListsChange.UPDATED)
    assert isinstance(told[1], TrustListsFailed)
    assert len(told) == 2


VERIFICATION_REASONS = {
    Reason.MALFORMED,
    Reason.SIGNATURE_INVALID,
    Reason.DIGEST_UNSUPPORTED,
    Reason.KEY_UNSUPPORTED,
    Reason.NOT_SELF_CONSISTENT,
}


@pytest.mark.parametrize("reason", Reason)
def test_which_reasons_are_failures_of_verification(reason: Reason) -> None:
    """Rows L19 and L20; a list that is not signed by itself counts with them (L1)."""
    told = conclude(results(reason, None), HELD, HELD)
    expected = VERIFICATION if reason in VERIFICATION_REASONS else UPDATE
    assert told == [TrustListsFailed(expected)]


@pytest.mark.parametrize("after", [HELD, CTL_ONLY, Installed(None, HELD.itl), Installed()])
def test_no_list_is_told_where_none_is_held_in_the_end(after: Installed) -> None:
    told = conclude((), HELD, after)
    assert told == ([NoTrustListInstalled()] if after == Installed() else [])
