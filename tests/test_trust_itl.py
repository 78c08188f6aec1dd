"""ITLs: rows L7 to L13 of the decision table."""

from dataclasses import replace

import pytest
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused, listed_in
from trust_lists import (
    CCM,
    P0,
    RECOVERY,
    SAST_RECOVERY,
    SBD,
    STRANGER,
    TOKEN1,
    TOKENS,
    Identity,
    asking,
    holds,
    identity,
    make_ctl,
    make_empty_itl,
    make_itl,
    make_list,
    record,
    twin,
    vouch,
    without_certificate,
)

from secd.models import Model, Switches
from secd.trust import Installed, Reason, decide, installed_after
from secd.trustlist import Function
from secd.words import FileKind

ITL = FileKind.ITL
BY_STRANGER = make_list(STRANGER, record(0, STRANGER))
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)


def test_p0_has_no_itl() -> None:
    for octets in (make_itl(RECOVERY), b"", b"junk"):
        verdict = decide(Installed(), octets, asking(P0, ITL))
        assert_refused(verdict, Reason.LIST_NOT_USED)


@sbd
def test_l7_first_itl_signed_by_its_own_sast(model: Model) -> None:
    octets = make_itl(RECOVERY)
    verdict = assert_accepted(
        decide(Installed(), octets, asking(model, ITL)), Reason.FIRST_LIST, octets
    )
    assert listed_in(verdict) == [(ITL, 1, 0)]
    after = installed_after(Installed(), verdict, ITL)
    assert after == Installed(itl=verdict.trust_list)


@sbd
@pytest.mark.parametrize("signer", [STRANGER, CCM], ids=("absent", "CCM+TFTP"))
def test_l7_first_itl_not_signed_by_its_own_sast(model: Model, signer: Identity) -> None:
    octets = make_itl(signer)
    verdict = decide(Installed(), octets, asking(model, ITL))
    assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)


@sbd
@pytest.mark.parametrize("function", [0, 2])
def test_l8_first_itl_signed_by_one_of_the_ctl(model: Model, function: int) -> None:
    key = identity("MANY")
    held = holds(ctl=make_ctl(TOKEN1, record(function, key)))
    octets = make_itl(key)
    verdict = assert_accepted(decide(held, octets, asking(model, ITL)), Reason.IN_CTL, octets)
    assert listed_in(verdict) == [(FileKind.CTL, 5, function)]
    after = installed_after(held, verdict, ITL)
    assert (after.ctl, after.itl) == (held.ctl, verdict.trust_list)


@sbd
@pytest.mark.parametrize("function", [1, 3, 4, 7, 21, 99])
def test_l9_first_itl_whose_signer_the_ctl_lists_for_other_uses(
    model: Model, function: int
) -> None:
    key = identity("MANY")
    held = holds(ctl=make_ctl(TOKEN1, record(function, key)))
    verdict = decide(held, make_itl(key), asking(model, ITL))
    assert_refused(verdict, Reason.TVS_NO_ANCHOR)


@sbd
def test_l9_first_itl_whose_signer_the_ctl_does_not_know(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1))
    for vouchers in ((), (vouch(RECOVERY, 0),)):
        verdict = decide(held, make_itl(RECOVERY), asking(model, ITL), vouchers)
        assert_refused(verdict, Reason.TVS_NO_ANCHOR)


@sbd
@pytest.mark.parametrize("function", [0, 2])
def test_l10_itl_update_by_one_of_the_itl(model: Model, function: int) -> None:
    key = identity("MANY")
    octets = make_itl(key)
    for ctl in (None, make_ctl(TOKEN1)):
        held = holds(ctl=ctl, itl=make_itl(RECOVERY, record(function, key)))
        verdict = assert_accepted(decide(held, octets, asking(model, ITL)), Reason.IN_ITL, octets)
        assert listed_in(verdict) == [(ITL, 5, function)]


@sbd
def test_l10_itl_update_by_one_of_the_ctl(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    octets = make_itl(TOKEN1)
    assert_accepted(decide(held, octets, asking(model, ITL)), Reason.IN_CTL, octets)


@sbd
def test_l10_the_ctl_is_named_before_the_itl(model: Model) -> None:
    held = holds(ctl=make_ctl(RECOVERY, SAST_RECOVERY), itl=make_itl(RECOVERY))
    octets = make_itl(RECOVERY, *TOKENS)
    assert_accepted(decide(held, octets, asking(model, ITL)), Reason.IN_CTL, octets)


@sbd
@pytest.mark.parametrize("function", [1, 3, 4, 7, 21, 99])
def test_l5_an_itl_signer_known_for_other_uses_counts_as_unknown(
    model: Model, function: int
) -> None:
    key = identity("MANY")
    held = holds(itl=make_itl(RECOVERY, record(function, key)))
    verdict = assert_asks_tvs(decide(held, make_itl(key), asking(model, ITL)))
    assert listed_in(verdict) == [(ITL, 5, function)]


@sbd
def test_l10_an_itl_update_is_not_a_leap_of_faith(model: Model) -> None:
    held = holds(itl=make_itl(RECOVERY))
    assert_asks_tvs(decide(held, BY_STRANGER, asking(model, ITL)))


@sbd
def test_l11_the_empty_itl_is_accepted_like_any_other(model: Model) -> None:
    octets = make_empty_itl(RECOVERY)
    by_itl = decide(holds(itl=make_itl(RECOVERY)), octets, asking(model, ITL))
    accepted = assert_accepted(by_itl, Reason.IN_ITL, octets)
    assert installed_after(Installed(), accepted, ITL).itl_is_empty(Switches())
    first = decide(Installed(), octets, asking(model, ITL))
    assert_accepted(first, Reason.FIRST_LIST, octets)
    by_ctl = decide(holds(ctl=make_ctl(TOKEN1)), make_empty_itl(TOKEN1), asking(model, ITL))
    assert_accepted(by_ctl, Reason.IN_CTL)


@sbd
def test_l11_the_empty_itl_is_refused_like_any_other(model: Model) -> None:
    octets = make_empty_itl(STRANGER, record(0, STRANGER))
    held = holds(itl=make_itl(RECOVERY))
    assert_asks_tvs(decide(held, octets, asking(model, ITL)))
    without_servers = replace(asking(model, ITL), tvs_servers=())
    assert_refused(decide(held, octets, without_servers), Reason.TVS_NO_ANCHOR)
    assert_refused(
        decide(holds(ctl=make_ctl(TOKEN1)), octets, asking(model, ITL)), Reason.TVS_NO_ANCHOR
    )


@sbd
def test_l12_after_a_rollback_any_itl_is_accepted(model: Model) -> None:
    held = holds(itl=make_empty_itl(RECOVERY))
    verdict = decide(held, BY_STRANGER, asking(model, ITL))
    assert_accepted(verdict, Reason.ROLLBACK_ITL, BY_STRANGER)


@sbd
def test_l12_after_a_rollback_an_itl_must_still_sign_itself(model: Model) -> None:
    held = holds(itl=make_empty_itl(RECOVERY))
    verdict = decide(held, make_itl(STRANGER), asking(model, ITL))
    assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)


@sbd
def test_l12_after_a_rollback_an_old_record_stands_in_nobodys_way(model: Model) -> None:
    """Any self-consistent ITL: also one under the issuer and serial of an old certificate."""
    held = holds(itl=make_empty_itl(RECOVERY, record(0, identity("AGAIN"))))
    again = twin("AGAIN")
    octets = make_list(again, record(0, again))
    verdict = decide(held, octets, asking(model, ITL))
    assert_accepted(verdict, Reason.ROLLBACK_ITL, octets)


@sbd
@pytest.mark.parametrize("function", [1, 2, 3, 21])
def test_l12_what_makes_an_itl_no_rollback(model: Model, function: int) -> None:
    kept = record(function, CCM)
    full = holds(itl=make_list(RECOVERY, SAST_RECOVERY, kept))
    assert not full.itl_is_empty(Switches())
    verdict = decide(full, BY_STRANGER, asking(model, ITL))
    if function == Function.TVS:
        assert_asks_tvs(verdict)
    else:
        assert_refused(verdict, Reason.TVS_NO_ANCHOR)
    bare = holds(itl=make_list(RECOVERY, SAST_RECOVERY, without_certificate(kept)))
    assert bare.itl_is_empty(Switches())
    assert_accepted(decide(bare, BY_STRANGER, asking(model, ITL)), Reason.ROLLBACK_ITL)


@pytest.mark.parametrize("function", [0, 4, 7, 99])
def test_l12_what_an_empty_itl_may_still_hold(function: int) -> None:
    assert holds(itl=make_empty_itl(RECOVERY, record(function, CCM))).itl_is_empty(Switches())


def test_l12_no_itl_is_no_empty_itl() -> None:
    assert not Installed().itl_is_empty(Switches())


@sbd
def test_l13_an_empty_itl_beside_a_ctl_locks_the_phone(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_empty_itl(RECOVERY))
    for octets in (BY_STRANGER, make_itl(RECOVERY)):
        for vouchers in ((), (vouch(STRANGER, 0), vouch(RECOVERY, 0))):
            verdict = decide(held, octets, asking(model, ITL), vouchers)
            assert_refused(verdict, Reason.TVS_NO_ANCHOR)


@sbd
def test_l13_the_ctl_alone_opens_it_again(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_empty_itl(RECOVERY))
    octets = make_itl(TOKEN1)
    assert_accepted(decide(held, octets, asking(model, ITL)), Reason.IN_CTL, octets)


@sbd
def test_an_itl_of_the_limit_is_taken_and_a_larger_one_refused(model: Model) -> None:
    octets = make_itl(RECOVERY)
    fits = replace(model, itl_limit_bytes=len(octets))
    small = replace(model, itl_limit_bytes=len(octets) - 1)
    assert_accepted(decide(Installed(), octets, asking(fits, ITL)), Reason.FIRST_LIST, octets)
    assert_refused(decide(Installed(), octets, asking(small, ITL)), Reason.TOO_LARGE)


@sbd
def test_the_limit_is_that_of_itls_alone(model: Model) -> None:
    octets = make_ctl(TOKEN1)
    small = replace(model, itl_limit_bytes=1)
    verdict = decide(Installed(), octets, asking(small, FileKind.CTL))
    assert_accepted(verdict, Reason.FIRST_LIST, octets)
