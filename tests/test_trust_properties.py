"""What holds for every decision, whatever the octets."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trust_lists import (
    ALL,
    CAPF,
    CCM,
    MANUAL_KEY,
    P1,
    P3,
    RECOVERY,
    SERVERS,
    STRANGER,
    TOKEN1,
    TOKEN2,
    TOKENS,
    TVS_RECORD,
    asking,
    encryption_for,
    holds,
    identity,
    make_ctl,
    make_empty_itl,
    make_enc_sgn,
    make_itl,
    make_list,
    make_sgn,
    no_voucher,
    record,
    switched,
    twin,
    vouch,
)

from secd.models import Model, Switches
from secd.trust import (
    Accept,
    Context,
    Evidence,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Unchanged,
    Verdict,
    Voucher,
    VoucherOutcome,
    decide,
    decide_peer,
    decide_server,
)
from secd.trust.values import Decision
from secd.trustlist import Function, Record
from secd.words import FileKind, Transport

DEVICE = identity("DEVICE").rsa_key
CTL, ITL = make_ctl(TOKEN1), make_itl(RECOVERY)
HELD = (
    Installed(),
    holds(ctl=CTL),
    holds(itl=ITL),
    holds(ctl=CTL, itl=ITL),
    holds(itl=make_empty_itl(RECOVERY)),
    holds(ctl=CTL, itl=make_empty_itl(RECOVERY)),
)
FILES = (
    CTL,
    ITL,
    make_ctl(TOKEN2, TVS_RECORD),
    make_list(STRANGER, record(0, STRANGER)),
    make_sgn(CCM),
    make_sgn(STRANGER),
    make_enc_sgn(CCM, *encryption_for(DEVICE)),
)
VOUCHERS = (
    (),
    (vouch(STRANGER, 0, 2),),
    (vouch(STRANGER, 4),),
    (vouch(STRANGER, 0, 2, certificate=twin("STRANGER").certificate),),
    (no_voucher(STRANGER, VoucherOutcome.DENIED),),
)
VOUCHED = VOUCHERS[1]

held = st.sampled_from(HELD)
vouchers = st.sampled_from(VOUCHERS)


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    return replace(
        asking(draw(st.sampled_from(ALL)), draw(st.sampled_from(FileKind))),
        channel=draw(st.sampled_from(Transport)),
        server_address=draw(st.sampled_from(["", "10.1.1.1", "192.0.2.7", "cucm-pub"])),
        device_key=draw(st.sampled_from([None, DEVICE])),
        manual_key=draw(st.sampled_from([None, MANUAL_KEY])),
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a good file with some octets changed, put in or taken out."""
    octets = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(octets) - 1))
        octets[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(octets)


def _check(verdict: Verdict) -> None:
    """Check what holds for every decision."""
    assert isinstance(verdict, Accept | Refuse | Unchanged | NeedsTVS)
    if isinstance(verdict, Refuse):
        assert " " in verdict.evidence.detail
    else:
        assert verdict.evidence.detail == ""
    if isinstance(verdict, NeedsTVS):
        assert verdict.evidence.file is not None


@given(held, st.binary(max_size=200), contexts(), vouchers)
@example(HELD[3], b"", asking(P1, FileKind.CTL), ())
@example(HELD[3], b"\x01\x00\x02", asking(P1, FileKind.CTL), ())
@settings(max_examples=200, deadline=None)
def test_arbitrary_octets_never_raise_and_are_never_trusted(
    installed: Installed, octets: bytes, context: Context, given_vouchers: tuple[Voucher, ...]
) -> None:
    verdict = decide(installed, octets, context, given_vouchers)
    _check(verdict)
    if context.kind is not FileKind.PLAIN and context.channel is not Transport.HTTPS:
        assert not isinstance(verdict, Accept | NeedsTVS)


@given(held, damaged(), contexts(), vouchers)
@settings(max_examples=300, deadline=None)
def test_damaged_files_never_raise_and_decisions_are_repeatable(
    installed: Installed, octets: bytes, context: Context, given_vouchers: tuple[Voucher, ...]
) -> None:
    verdict = decide(installed, octets, context, given_vouchers)
    _check(verdict)
    again = decide(installed, octets, context, given_vouchers)
    assert verdict == again


@given(st.data(), st.sampled_from(FILES[:6]))
@settings(max_examples=200, deadline=None)
def test_no_signed_octet_may_change(data: st.DataObject, octets: bytes) -> None:
    """Against lists that know the signer or a voucher that names it: everything is checked."""
    kind = FileKind.SIGNED if octets in (FILES[4], FILES[5]) else FileKind.CTL
    model = switched(P1, Switches(identical_shortcut=False))
    assert isinstance(decide(HELD[3], octets, asking(model, kind), VOUCHED), Accept)
    at = data.draw(st.integers(0, len(octets) - 1))
    mask = data.draw(st.integers(1, 255))
    changed = octets[:at] + bytes([octets[at] ^ mask]) + octets[at + 1 :]
    verdict = decide(HELD[3], changed, asking(model, kind), VOUCHED)
    assert not isinstance(verdict, Accept | Unchanged)


RECORDS = (*TOKENS, *SERVERS, record(0, CAPF), record(2, twin("CCM")), TVS_RECORD)


@given(st.permutations(RECORDS), st.permutations(RECORDS), st.sampled_from(FILES), contexts())
@settings(max_examples=200, deadline=None)
def test_the_order_of_installed_records_does_not_matter(
    ctl: list[Record], itl: list[Record], octets: bytes, context: Context
) -> None:
    straight = holds(ctl=make_list(TOKEN1, *RECORDS), itl=make_list(TOKEN1, *RECORDS))
    shuffled = holds(ctl=make_list(TOKEN1, *ctl), itl=make_list(TOKEN1, *itl))
    first, second = decide(straight, octets, context), decide(shuffled, octets, context)
    assert (type(first), first.reason) == (type(second), second.reason)
    assert first.evidence.detail == second.evidence.detail


@given(st.permutations(RECORDS))
@settings(max_examples=30, deadline=None)
def test_the_order_of_a_first_lists_own_records_does_not_matter(records: list[Record]) -> None:
    for signer, reason in (
        (TOKEN2, Reason.FIRST_LIST),
        (CAPF, Reason.FIRST_LIST),
        (CCM, Reason.NOT_SELF_CONSISTENT),
    ):
        octets = make_list(signer, *records)
        verdict = decide(Installed(), octets, asking(P1, FileKind.CTL))
        assert verdict.reason is reason


@given(held, st.binary(max_size=100), st.sampled_from(ALL), vouchers)
@settings(max_examples=100, deadline=None)
def test_arbitrary_peers_never_raise_and_are_never_trusted(
    installed: Installed, certificate: bytes, model: Model, given_vouchers: tuple[Voucher, ...]
) -> None:
    for function in (Function.CCM, Function.CAPF, Function.TVS, Function.APP_SERVER, Function.TFTP):
        context = asking(model, FileKind.PLAIN)
        verdict = decide_peer(installed, certificate, function, context, given_vouchers)
        assert isinstance(verdict, Refuse)


@given(st.integers(0, len(CCM.certificate) - 1), st.integers(1, 255), st.sampled_from(ALL))
@settings(max_examples=200, deadline=None)
def test_a_changed_peer_is_never_listed(at: int, mask: int, model: Model) -> None:
    octets = CCM.certificate
    changed = octets[:at] + bytes([octets[at] ^ mask]) + octets[at + 1 :]
    listed = holds(ctl=make_list(TOKEN1, record(2, CCM), record(4, CCM), record(7, CCM)))
    for function in (Function.CCM, Function.CAPF, Function.APP_SERVER):
        verdict = decide_peer(listed, changed, function, asking(model, FileKind.PLAIN))
        assert not isinstance(verdict, Accept)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 800), st.sampled_from([0, 7]))
@settings(max_examples=200, deadline=None)
def test_damaged_certificates_inside_lists_never_raise(
    octets: bytes, at: int, function: int
) -> None:
    """The first list is anybody's: whatever certificates it holds, nothing is raised."""
    spoilt = STRANGER.certificate[:at] + octets + STRANGER.certificate[at + len(octets) :]
    first = make_list(STRANGER, replace(record(function, STRANGER), certificate=spoilt))
    dated = switched(P3, Switches(check_dates=True))
    for model in (P3, dated):
        _check(decide(Installed(), first, asking(model, FileKind.CTL)))
    peer = identity("LEAF").certificate
    context = asking(P3, FileKind.PLAIN)
    verdict = decide_peer(holds(ctl=first), peer, Function.APP_SERVER, context)
    assert isinstance(verdict, Refuse)


@given(st.text(max_size=20), st.sampled_from(ALL), held)
@settings(max_examples=100, deadline=None)
def test_arbitrary_addresses_never_raise(address: str, model: Model, installed: Installed) -> None:
    verdict = decide_server(installed, address, asking(model, FileKind.CTL))
    assert isinstance(verdict, Accept | Refuse)


@pytest.mark.parametrize("kind", [Accept, Refuse, Unchanged, NeedsTVS])
def test_a_decision_is_no_truth_value(kind: type[Decision]) -> None:
    decision = kind(Reason.IDENTICAL, Evidence())
    with pytest.raises(TypeError, match="truth value"):
        bool(decision)
    with pytest.raises(TypeError, match="truth value"):
        assert not decision
