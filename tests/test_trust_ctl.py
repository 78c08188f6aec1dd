"""CTLs: rows L1 to L6 of the decision table, as far as no voucher is involved."""

from dataclasses import replace

import pytest
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused, listed_in
from trust_lists import (
    ALL,
    CCM,
    P0,
    RECOVERY,
    SAST_RECOVERY,
    SBD,
    STRANGER,
    TFTP,
    TOKEN1,
    TOKEN2,
    TOKENS,
    TVS_RECORD,
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
    without_certificate,
)

from secd.models import Model
from secd.trust import Installed, Reason, decide, installed_after
from secd.trustlist import Function
from secd.words import FileKind

CTL = FileKind.CTL
BY_STRANGER = make_list(STRANGER, record(0, STRANGER))
every = pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)


@every
def test_l1_first_ctl_signed_by_its_own_sast(model: Model) -> None:
    octets = make_ctl(TOKEN2)
    verdict = assert_accepted(
        decide(Installed(), octets, asking(model, CTL)), Reason.FIRST_LIST, octets
    )
    assert listed_in(verdict) == [(CTL, 2, 0)]
    after = installed_after(Installed(), verdict, CTL)
    assert after == Installed(ctl=verdict.trust_list)


@every
def test_l1_first_ctl_signed_by_nobody_inside_it(model: Model) -> None:
    octets = make_list(STRANGER, *TOKENS)
    verdict = decide(Installed(), octets, asking(model, CTL))
    refusal = assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)
    assert refusal.evidence.file is not None
    assert refusal.evidence.file.octets == octets


@every
@pytest.mark.parametrize("function", [1, 2, 3, 4, 7, 21, 99])
def test_l1_first_ctl_signed_by_a_record_that_is_no_sast(model: Model, function: int) -> None:
    octets = make_list(CCM, *TOKENS, record(function, CCM))
    verdict = decide(Installed(), octets, asking(model, CTL))
    assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)


def test_l1_first_ctl_whose_sast_has_no_certificate() -> None:
    octets = make_list(TOKEN1, without_certificate(TOKENS[0]), TOKENS[1])
    verdict = decide(Installed(), octets, asking(P0, CTL))
    assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)


@sbd
def test_l1_first_ctl_beside_an_empty_itl(model: Model) -> None:
    held = holds(itl=make_empty_itl(RECOVERY))
    verdict = decide(held, BY_STRANGER, asking(model, CTL))
    assert_accepted(verdict, Reason.FIRST_LIST, BY_STRANGER)


def test_l1_p0_looks_into_no_itl() -> None:
    verdict = decide(holds(itl=make_itl(RECOVERY)), BY_STRANGER, asking(P0, CTL))
    assert_accepted(verdict, Reason.FIRST_LIST, BY_STRANGER)


@sbd
def test_l2_first_ctl_signed_by_a_sast_of_the_itl(model: Model) -> None:
    octets = make_ctl(RECOVERY, SAST_RECOVERY)
    verdict = decide(holds(itl=make_itl(RECOVERY)), octets, asking(model, CTL))
    assert_accepted(verdict, Reason.IN_ITL, octets)
    assert listed_in(verdict) == [(FileKind.ITL, 1, 0)]


@sbd
@pytest.mark.parametrize("octets", [BY_STRANGER, make_ctl(CCM, record(0, CCM))], ids=("new", "ccm"))
def test_l2_first_ctl_that_no_sast_of_the_itl_signed(model: Model, octets: bytes) -> None:
    held = holds(itl=make_itl(RECOVERY))
    assert_asks_tvs(decide(held, octets, asking(model, CTL)))


@sbd
def test_l2_first_ctl_when_the_itl_names_no_tvs(model: Model) -> None:
    held = holds(itl=make_list(RECOVERY, SAST_RECOVERY, record(2, CCM)))
    verdict = decide(held, BY_STRANGER, asking(model, CTL))
    assert_refused(verdict, Reason.TVS_NO_ANCHOR)


@every
@pytest.mark.parametrize("signer", [TOKEN1, TOKEN2], ids=("signer", "backup"))
def test_l3_either_token_of_the_installed_ctl_updates_it(model: Model, signer: Identity) -> None:
    octets = make_ctl(signer, record(2, TFTP))
    verdict = decide(holds(ctl=make_ctl(TOKEN1)), octets, asking(model, CTL))
    assert_accepted(verdict, Reason.IN_CTL, octets)
    assert listed_in(verdict) == [(CTL, 1 if signer is TOKEN1 else 2, 0)]


@every
def test_l3_the_new_list_need_not_hold_its_signer(model: Model) -> None:
    octets = make_list(TOKEN1, record(0, TOKEN2))
    verdict = decide(holds(ctl=make_ctl(TOKEN1)), octets, asking(model, CTL))
    assert_accepted(verdict, Reason.IN_CTL, octets)


@every
def test_l3_the_key_is_that_of_the_installed_record(model: Model) -> None:
    """The candidate lists a forger's certificate under a token's issuer and serial."""
    forger = twin("TOKEN1")
    octets = make_list(forger, record(0, forger))
    verdict = decide(holds(ctl=make_ctl(TOKEN1)), octets, asking(model, CTL))
    assert_refused(verdict, Reason.SIGNATURE_INVALID)


@every
def test_l3_issuer_and_serial_must_both_fit(model: Model) -> None:
    """The key alone makes no signer known: records are found by the two names in the header."""
    for near in (
        replace(TOKENS[0], serial=TOKEN1.serial + b"\0"),
        replace(TOKENS[0], issuer=TOKENS[1].issuer),
        replace(TOKENS[0], issuer=TOKEN1.issuer + b" "),
    ):
        held = holds(ctl=make_list(TOKEN2, near, TOKENS[1]), itl=make_itl(RECOVERY))
        verdict = decide(held, make_ctl(TOKEN1), asking(model, CTL))
        assert verdict.reason is Reason.SIGNER_UNKNOWN
        assert listed_in(verdict) == []


@sbd
def test_l4_signer_of_the_ctl_stands_in_the_itl_alone(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    octets = make_ctl(RECOVERY)
    verdict = decide(held, octets, asking(model, CTL))
    assert_accepted(verdict, Reason.IN_ITL, octets)
    assert listed_in(verdict) == [(FileKind.ITL, 1, 0)]


def test_l4_p0_looks_into_no_itl() -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    verdict = decide(held, make_ctl(RECOVERY), asking(P0, CTL))
    assert_refused(verdict, Reason.SIGNER_UNKNOWN)


@sbd
def test_l4_the_ctl_is_named_before_the_itl(model: Model) -> None:
    held = holds(ctl=make_ctl(RECOVERY, SAST_RECOVERY), itl=make_itl(RECOVERY))
    verdict = decide(held, make_ctl(RECOVERY), asking(model, CTL))
    assert_accepted(verdict, Reason.IN_CTL)


@sbd
def test_l5_signer_in_neither_list_asks_tvs(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    verdict = assert_asks_tvs(decide(held, BY_STRANGER, asking(model, CTL)))
    assert verdict.evidence.file is not None
    assert verdict.evidence.file.header.signer.serial == STRANGER.serial
    assert listed_in(verdict) == []


@sbd
@pytest.mark.parametrize("function", [1, 2, 3, 4, 7, 21, 99])
def test_l5_a_ctl_signer_known_under_no_sast_record_counts_as_unknown(
    model: Model, function: int
) -> None:
    key = identity("MANY")
    held = holds(ctl=make_ctl(TOKEN1, record(function, key)), itl=make_itl(RECOVERY))
    verdict = assert_asks_tvs(decide(held, make_ctl(key), asking(model, CTL)))
    assert listed_in(verdict) == [(CTL, 5, function)]


def test_l6_p0_has_no_tvs() -> None:
    verdict = decide(holds(ctl=make_ctl(TOKEN1)), BY_STRANGER, asking(P0, CTL))
    assert_refused(verdict, Reason.SIGNER_UNKNOWN)


@pytest.mark.parametrize("function", [Function.CCM_TFTP, Function.CAPF, Function.TVS])
def test_l6_p0_refuses_a_signer_listed_under_another_function(function: Function) -> None:
    key = identity("MANY")
    held = holds(ctl=make_ctl(TOKEN1, record(function, key)))
    refusal = assert_refused(decide(held, make_ctl(key), asking(P0, CTL)), Reason.SIGNER_UNKNOWN)
    assert listed_in(refusal) == [(CTL, 5, function)]


@sbd
def test_l6_no_itl_means_no_tvs(model: Model) -> None:
    verdict = decide(holds(ctl=make_ctl(TOKEN1)), BY_STRANGER, asking(model, CTL))
    assert_refused(verdict, Reason.TVS_NO_ANCHOR)


@sbd
def test_l6_no_tvs_record_with_a_certificate(model: Model) -> None:
    itl = make_list(RECOVERY, SAST_RECOVERY, record(2, CCM), without_certificate(TVS_RECORD))
    held = holds(ctl=make_ctl(TOKEN1), itl=itl)
    verdict = decide(held, BY_STRANGER, asking(model, CTL))
    assert_refused(verdict, Reason.TVS_NO_ANCHOR)


@sbd
def test_l6_no_tvs_server_in_the_stored_configuration(model: Model) -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    context = replace(asking(model, CTL), tvs_servers=())
    assert_refused(decide(held, BY_STRANGER, context), Reason.TVS_NO_ANCHOR)


@sbd
def test_l6_a_tvs_record_of_the_ctl_is_no_anchor(model: Model) -> None:
    verdict = decide(holds(ctl=make_ctl(TOKEN1, TVS_RECORD)), BY_STRANGER, asking(model, CTL))
    assert_refused(verdict, Reason.TVS_NO_ANCHOR)
