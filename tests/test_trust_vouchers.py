"""What a voucher of TVS is worth: rows L5, L6 and C3, the same for lists and for files."""

from dataclasses import dataclass, replace

import pytest
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused
from trust_lists import (
    NOW,
    P0,
    RECOVERY,
    SBD,
    STRANGER,
    TOKEN1,
    Identity,
    asking,
    holds,
    identity,
    make_ctl,
    make_itl,
    make_list,
    make_sgn,
    no_voucher,
    record,
    switched,
    twin,
    vouch,
)

from secd.models import Model
from secd.trust import Reason, Verdict, Voucher, VoucherOutcome, decide
from secd.words import FileKind

HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))


@dataclass(frozen=True, slots=True)
class Case:
    """A file of a signer whom no list knows, and a function for which TVS helps."""

    kind: FileKind
    octets: bytes
    function: int
    useless: frozenset[int]

    def __str__(self) -> str:
        return self.kind.value


BY_STRANGER = make_list(STRANGER, record(0, STRANGER))
CASES = (
    Case(FileKind.CTL, BY_STRANGER, 0, frozenset({1, 2, 3, 4, 7, 21})),
    Case(FileKind.ITL, BY_STRANGER, 0, frozenset({1, 2, 3, 4, 7, 21})),
    Case(FileKind.SIGNED, make_sgn(STRANGER), 2, frozenset({1, 4, 7, 21})),
    Case(FileKind.SIGNED, make_sgn(STRANGER), 3, frozenset({1, 4, 7, 21})),
    Case(FileKind.SIGNED, make_sgn(STRANGER), 0, frozenset({1, 4, 7, 21})),
)
each = pytest.mark.parametrize("case", CASES, ids=str)
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)


def _decide(case: Case, model: Model, *vouchers: Voucher) -> Verdict:
    return decide(HELD, case.octets, asking(model, case.kind), vouchers)


@sbd
@each
def test_l5_first_a_question_then_acceptance(model: Model, case: Case) -> None:
    assert_asks_tvs(_decide(case, model))
    voucher = vouch(STRANGER, case.function, 99)
    verdict = assert_accepted(_decide(case, model, voucher), Reason.TVS_VOUCHED)
    assert verdict.evidence.voucher == voucher
    assert verdict.evidence.file is not None
    assert verdict.evidence.file.octets == case.octets


@sbd
def test_c3_a_vouched_file_gives_its_payload(model: Model) -> None:
    case = CASES[2]
    body = assert_accepted(_decide(case, model, vouch(STRANGER, 2)), Reason.TVS_VOUCHED).payload
    assert case.octets.endswith(body)
    assert body.startswith(b"<device>")


@sbd
@each
@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (VoucherOutcome.UNREACHABLE, Reason.TVS_UNREACHABLE),
        (VoucherOutcome.DENIED, Reason.TVS_DENIED),
    ],
)
def test_l6_tvs_did_not_vouch(
    model: Model, case: Case, outcome: VoucherOutcome, reason: Reason
) -> None:
    voucher = no_voucher(STRANGER, outcome)
    refusal = assert_refused(_decide(case, model, voucher), reason)
    assert refusal.evidence.voucher == voucher


@sbd
@each
def test_l6_tvs_vouches_for_something_else(model: Model, case: Case) -> None:
    voucher = vouch(STRANGER, *case.useless)
    refusal = assert_refused(_decide(case, model, voucher), Reason.TVS_ROLE_MISSING)
    assert refusal.evidence.voucher == voucher


@sbd
@each
def test_l6_tvs_vouches_for_nothing(model: Model, case: Case) -> None:
    assert_refused(_decide(case, model, vouch(STRANGER)), Reason.TVS_ROLE_MISSING)


@sbd
@each
def test_l6_no_anchor_beats_every_voucher(model: Model, case: Case) -> None:
    vouchers = (vouch(STRANGER, 0, 2),)
    context = asking(model, case.kind)
    no_server = decide(HELD, case.octets, replace(context, tvs_servers=()), vouchers)
    assert_refused(no_server, Reason.TVS_NO_ANCHOR)
    no_itl = decide(holds(ctl=make_ctl(TOKEN1)), case.octets, context, vouchers)
    assert_refused(no_itl, Reason.TVS_NO_ANCHOR)


@pytest.mark.parametrize("case", [CASES[0], *CASES[2:]], ids=str)
def test_l6_a_voucher_is_nothing_to_p0(case: Case) -> None:
    verdict = _decide(case, P0, vouch(STRANGER, 0, 2, 3))
    assert_refused(verdict, Reason.SIGNER_UNKNOWN)


@each
@pytest.mark.parametrize(("left", "asks"), [(1, False), (0, False), (-1, True)])
def test_l5_an_expired_voucher_is_asked_for_again(case: Case, left: int, asks: bool) -> None:
    verdict = _decide(case, SBD[0], vouch(STRANGER, case.function, until=NOW + left))
    if asks:
        assert_asks_tvs(verdict)
    else:
        assert_accepted(verdict, Reason.TVS_VOUCHED)


@each
def test_l5_a_fresh_voucher_stands_behind_an_expired_one(case: Case) -> None:
    expired = vouch(STRANGER, case.function, until=NOW - 1)
    verdict = _decide(case, SBD[0], expired, vouch(STRANGER, case.function))
    assert_accepted(verdict, Reason.TVS_VOUCHED)


@each
def test_l6_a_failure_after_an_expired_voucher_is_a_failure(case: Case) -> None:
    expired = vouch(STRANGER, case.function, until=NOW - 1)
    unreachable = no_voucher(STRANGER, VoucherOutcome.UNREACHABLE)
    assert_refused(_decide(case, SBD[0], expired, unreachable), Reason.TVS_UNREACHABLE)


@each
@pytest.mark.parametrize("other", [TOKEN1, identity("OTHER")], ids=("listed", "unknown"))
def test_l5_a_voucher_for_another_signer_is_no_answer(case: Case, other: Identity) -> None:
    assert_asks_tvs(_decide(case, SBD[0], vouch(other, 0, 2, certificate=STRANGER.certificate)))


@each
def test_l5_issuer_and_serial_must_both_fit(case: Case) -> None:
    right = vouch(STRANGER, 0, 2)
    for wrong in (replace(right, serial=b"\1"), replace(right, issuer=b"CN=OTHER")):
        assert_asks_tvs(_decide(case, SBD[0], wrong))


@each
def test_l6_a_voucher_with_a_certificate_that_did_not_sign(case: Case) -> None:
    lie = vouch(STRANGER, case.function, certificate=twin("STRANGER").certificate)
    assert_refused(_decide(case, SBD[0], lie), Reason.SIGNATURE_INVALID)


@each
def test_l6_a_voucher_with_a_key_that_cannot_verify(case: Case) -> None:
    curve = identity("CURVE", curve=True).certificate
    for useless in (curve, b"", b"no certificate"):
        lie = vouch(STRANGER, case.function, certificate=useless)
        assert_refused(_decide(case, SBD[0], lie), Reason.KEY_UNSUPPORTED)


@each
def test_l5_the_key_comes_from_the_voucher_not_from_the_candidate(case: Case) -> None:
    """TVS may return what it likes under the question's names: only the key counts."""
    renamed = replace(vouch(TOKEN1, 0, 2), issuer=STRANGER.issuer, serial=STRANGER.serial)
    assert_refused(_decide(case, SBD[0], renamed), Reason.SIGNATURE_INVALID)


def test_l5_roles_of_files_follow_the_switch() -> None:
    """Operation 24: function 0 from TVS lets a file through only by the default."""
    case = CASES[4]
    switches = replace(SBD[0].switches, tvs_sgn_roles=frozenset({2, 3}))
    strict = switched(SBD[0], switches)
    assert_accepted(_decide(case, SBD[0], vouch(STRANGER, 0)), Reason.TVS_VOUCHED)
    assert_refused(_decide(case, strict, vouch(STRANGER, 0)), Reason.TVS_ROLE_MISSING)
    assert_accepted(_decide(case, strict, vouch(STRANGER, 3)), Reason.TVS_VOUCHED)
