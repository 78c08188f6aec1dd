"""Every doubt of the decision table: the default of its switch, and what each position does.

`tvs_negative_cache`, `tvs_flush` and `secure_no_ctl_retries` belong to the boot: here stand only
the defaults.
"""

from dataclasses import fields, replace

import pytest
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused, listed_in
from trust_lists import (
    CAPF,
    CCM,
    MADE,
    P0,
    P1,
    PUBLISHER,
    RECOVERY,
    SAST_RECOVERY,
    SIGNED_NAME,
    STRANGER,
    SUBSCRIBER,
    TOKEN1,
    TVS_RECORD,
    asking,
    header_for,
    holds,
    identity,
    issued,
    make_ctl,
    make_empty_itl,
    make_itl,
    make_list,
    make_sgn,
    record,
    signed,
    switched,
    vouch,
)

from secd.certs import facts_of_untrusted
from secd.models import (
    Absent,
    CAPFByTVS,
    CCMPeer,
    FirstCTLWithITL,
    Model,
    P0AddressFields,
    Switches,
    TVSFlush,
)
from secd.trust import (
    Accept,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Unchanged,
    decide,
    decide_absent,
    decide_peer,
    decide_server,
    installed_after,
)
from secd.trustlist import Function
from secd.words import FileKind

CTL, ITL, SIGNED = FileKind.CTL, FileKind.ITL, FileKind.SIGNED
BOTH = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
BY_STRANGER = make_list(STRANGER, record(0, STRANGER))


def test_the_defaults() -> None:
    defaults = {
        "first_ctl_with_itl": "authenticate",
        "first_list_self_check": True,
        "ctl_signer_in_itl": True,
        "itl_signer_functions": {0, 2},
        "identical_shortcut": True,
        "rollback_needs_no_ctl": True,
        "empty_itl_functions": {1, 2, 3, 21},
        "zero_length": "keep",
        "not_found": "keep",
        "ccm_peer": "ctl_only_if_stored",
        "capf_tvs": "only_if_unlisted",
        "tvs_sgn_roles": {0, 2, 3},
        "tvs_negative_cache": False,
        "tvs_flush": TVSFlush.ANY_LIST,
        "p0_address_fields": "either",
        "p0_asks_unlisted_server": False,
        "check_dates": False,
        "check_timestamp": False,
        "check_sgn_name": False,
    }
    assert {each.name: getattr(Switches(), each.name) for each in fields(Switches)} == defaults


def test_first_ctl_with_itl() -> None:
    held = holds(itl=make_itl(RECOVERY))
    assert_asks_tvs(decide(held, BY_STRANGER, asking(P1, CTL)))
    imprinting = switched(P1, Switches(first_ctl_with_itl=FirstCTLWithITL.IMPRINT))
    verdict = decide(held, BY_STRANGER, asking(imprinting, CTL))
    assert_accepted(verdict, Reason.FIRST_LIST, BY_STRANGER)
    unsound = decide(held, make_ctl(STRANGER), asking(imprinting, CTL))
    assert_refused(unsound, Reason.NOT_SELF_CONSISTENT)


@pytest.mark.parametrize("kind", [CTL, ITL])
def test_first_list_self_check(kind: FileKind) -> None:
    trusting = switched(P1, Switches(first_list_self_check=False))
    octets = make_ctl(STRANGER)
    assert_refused(decide(Installed(), octets, asking(P1, kind)), Reason.NOT_SELF_CONSISTENT)
    assert_accepted(decide(Installed(), octets, asking(trusting, kind)), Reason.FIRST_LIST, octets)
    forged = octets[:-1] + b"\x01"
    assert_accepted(decide(Installed(), forged, asking(trusting, kind)), Reason.FIRST_LIST, forged)
    broken = decide(Installed(), octets[:-1], asking(trusting, kind))
    assert_refused(broken, Reason.MALFORMED)


def test_first_list_self_check_is_about_first_lists_alone() -> None:
    trusting = switched(P1, Switches(first_list_self_check=False))
    after_rollback = holds(itl=make_empty_itl(RECOVERY))
    verdict = decide(after_rollback, make_itl(STRANGER), asking(trusting, ITL))
    assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)
    assert_asks_tvs(decide(BOTH, make_ctl(STRANGER), asking(trusting, CTL)))


def test_ctl_signer_in_itl() -> None:
    octets = make_ctl(RECOVERY)
    assert_accepted(decide(BOTH, octets, asking(P1, CTL)), Reason.IN_ITL, octets)
    strict = switched(P1, Switches(ctl_signer_in_itl=False))
    assert_asks_tvs(decide(BOTH, octets, asking(strict, CTL)))
    vouched = decide(BOTH, octets, asking(strict, CTL), (vouch(RECOVERY, 0),))
    assert_accepted(vouched, Reason.TVS_VOUCHED)


@pytest.mark.parametrize(
    ("functions", "by_sast", "by_ccm"),
    [({0, 2}, True, True), ({0}, True, False), ({2}, False, True)],
)
def test_itl_signer_functions(functions: set[int], by_sast: bool, by_ccm: bool) -> None:
    model = switched(P1, Switches(itl_signer_functions=frozenset(functions)))
    held = holds(itl=make_itl(RECOVERY, record(2, STRANGER)))
    for octets, known in ((make_itl(RECOVERY), by_sast), (make_itl(CCM), by_ccm)):
        verdict = decide(held, octets, asking(model, ITL))
        if known:
            assert_accepted(verdict, Reason.IN_ITL, octets)
        else:
            assert_asks_tvs(verdict)


def test_identical_shortcut() -> None:
    octets = make_ctl(TOKEN1)
    held = holds(ctl=octets)
    assert isinstance(decide(held, octets, asking(P1, CTL)), Unchanged)
    slow = switched(P1, Switches(identical_shortcut=False))
    assert_accepted(decide(held, octets, asking(slow, CTL)), Reason.IN_CTL, octets)


def test_rollback_needs_no_ctl() -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_empty_itl(RECOVERY))
    assert_refused(decide(held, BY_STRANGER, asking(P1, ITL)), Reason.TVS_NO_ANCHOR)
    open_one = switched(P1, Switches(rollback_needs_no_ctl=False))
    verdict = decide(held, BY_STRANGER, asking(open_one, ITL))
    assert_accepted(verdict, Reason.ROLLBACK_ITL, BY_STRANGER)
    by_ctl = decide(held, make_itl(TOKEN1), asking(open_one, ITL))
    assert_accepted(by_ctl, Reason.IN_CTL)


def test_empty_itl_functions() -> None:
    held = holds(itl=make_list(RECOVERY, SAST_RECOVERY, record(Function.CCM, CCM)))
    assert_refused(decide(held, BY_STRANGER, asking(P1, ITL)), Reason.TVS_NO_ANCHOR)
    files_only = switched(P1, Switches(empty_itl_functions=frozenset({2, 3, 21})))
    verdict = decide(held, BY_STRANGER, asking(files_only, ITL))
    assert_accepted(verdict, Reason.ROLLBACK_ITL, BY_STRANGER)


@pytest.mark.parametrize("kind", [CTL, ITL])
def test_zero_length(kind: FileKind) -> None:
    erasing = switched(P1, Switches(zero_length=Absent.ERASE))
    assert decide(BOTH, b"", asking(P1, kind)) == Unchanged(Reason.EMPTY_FILE)
    verdict = decide(BOTH, b"", asking(erasing, kind))
    assert verdict == Accept(Reason.EMPTY_FILE)
    assert installed_after(BOTH, Accept(Reason.EMPTY_FILE), kind).of(kind) is None
    assert decide(Installed(), b"", asking(erasing, kind)) == Unchanged(Reason.EMPTY_FILE)
    missing = decide_absent(BOTH, Reason.FILE_NOT_FOUND, asking(erasing, kind))
    assert missing == Unchanged(Reason.FILE_NOT_FOUND)


@pytest.mark.parametrize("kind", [CTL, ITL])
def test_not_found(kind: FileKind) -> None:
    erasing = switched(P1, Switches(not_found=Absent.ERASE))
    missing = Reason.FILE_NOT_FOUND
    assert decide_absent(BOTH, missing, asking(P1, kind)) == Unchanged(missing)
    assert decide_absent(BOTH, missing, asking(erasing, kind)) == Accept(missing)
    assert decide_absent(Installed(), missing, asking(erasing, kind)) == Unchanged(missing)
    assert decide(BOTH, b"", asking(erasing, kind)) == Unchanged(Reason.EMPTY_FILE)
    lost = decide_absent(BOTH, Reason.TRANSFER_FAILED, asking(erasing, kind))
    assert lost == Unchanged(Reason.TRANSFER_FAILED)


def _ccm(held: Installed, model: Model) -> Reason | str:
    verdict = decide_peer(held, CCM.certificate, Function.CCM, asking(model, FileKind.PLAIN))
    return "asks" if isinstance(verdict, NeedsTVS) else verdict.reason


def test_ccm_peer() -> None:
    either = switched(P1, Switches(ccm_peer=CCMPeer.CTL_OR_ITL))
    tokens = make_list(TOKEN1, record(0, TOKEN1))
    only_in_itl = holds(ctl=tokens, itl=make_itl(RECOVERY))
    assert _ccm(only_in_itl, P1) is Reason.PEER_NOT_LISTED
    assert _ccm(only_in_itl, either) is Reason.PEER_LISTED
    in_neither = holds(ctl=tokens, itl=_itl_with_tvs())
    assert _ccm(in_neither, either) is Reason.PEER_NOT_LISTED
    assert _ccm(holds(itl=_itl_with_tvs()), either) == "asks"


def _itl_with_tvs() -> bytes:
    return make_list(RECOVERY, SAST_RECOVERY, TVS_RECORD)


def _capf(held: Installed, model: Model, who: bytes) -> Reason | str:
    verdict = decide_peer(held, who, Function.CAPF, asking(model, FileKind.PLAIN))
    return "asks" if isinstance(verdict, NeedsTVS) else verdict.reason


@pytest.mark.parametrize(
    ("switch", "another", "unlisted"),
    [
        (CAPFByTVS.ONLY_IF_UNLISTED, Reason.PEER_NOT_LISTED, "asks"),
        (CAPFByTVS.ALWAYS, "asks", "asks"),
        (CAPFByTVS.NEVER, Reason.PEER_NOT_LISTED, Reason.PEER_NOT_LISTED),
    ],
)
def test_capf_tvs(switch: CAPFByTVS, another: Reason | str, unlisted: Reason | str) -> None:
    model = switched(P1, Switches(capf_tvs=switch))
    assert _capf(BOTH, model, CAPF.certificate) is Reason.PEER_LISTED
    assert _capf(BOTH, model, STRANGER.certificate) == another
    assert _capf(holds(itl=_itl_with_tvs()), model, CAPF.certificate) == unlisted


@pytest.mark.parametrize("function", [0, 2, 3])
def test_tvs_sgn_roles(function: int) -> None:
    octets, voucher = make_sgn(STRANGER), (vouch(STRANGER, function),)
    verdict = decide(BOTH, octets, asking(P1, SIGNED), voucher)
    assert_accepted(verdict, Reason.TVS_VOUCHED)
    without = switched(P1, Switches(tvs_sgn_roles=frozenset({0, 2, 3}) - {function}))
    refused = decide(BOTH, octets, asking(without, SIGNED), voucher)
    assert_refused(refused, Reason.TVS_ROLE_MISSING)


@pytest.mark.parametrize(
    ("switch", "by_address", "by_name"),
    [
        (P0AddressFields.EITHER, True, True),
        (P0AddressFields.IP_ADDRESS, True, False),
        (P0AddressFields.DNS_NAME, False, True),
    ],
)
def test_p0_address_fields(switch: P0AddressFields, by_address: bool, by_name: bool) -> None:
    held = holds(ctl=make_list(TOKEN1, record(2, CCM, dns=SUBSCRIBER, address=PUBLISHER)))
    context = asking(switched(P0, Switches(p0_address_fields=switch)), CTL)
    for address, listed in ((PUBLISHER, by_address), (SUBSCRIBER, by_name)):
        verdict = decide_server(held, address, context)
        assert isinstance(verdict, Accept if listed else Refuse)


def test_check_dates() -> None:
    old = identity("EXPIRED", years="expired")
    strict = switched(P1, Switches(check_dates=True))
    held = holds(ctl=make_ctl(TOKEN1, record(0, old), record(2, old)), itl=make_itl(RECOVERY))
    for kind, octets in ((CTL, make_ctl(old)), (ITL, make_itl(old)), (SIGNED, make_sgn(old))):
        assert_accepted(decide(held, octets, asking(P1, kind)), Reason.IN_CTL)
        refused = decide(held, octets, asking(strict, kind))
        assert_refused(refused, Reason.SIGNER_EXPIRED)
        by_tvs = decide(BOTH, octets, asking(strict, kind), (vouch(old, 0),))
        assert_refused(by_tvs, Reason.SIGNER_EXPIRED)
    assert_accepted(decide(held, make_itl(TOKEN1), asking(strict, ITL)), Reason.IN_CTL)
    assert_accepted(decide(held, make_sgn(CCM), asking(strict, SIGNED)), Reason.IN_CTL)


def test_check_dates_of_a_voucher_looks_at_the_vouched_certificate() -> None:
    """The key is listed too, in an expired certificate that may not sign lists."""
    good = identity("MANY")
    listed = record(4, issued("MANY", good.key, "expired"))
    strict = switched(P1, Switches(check_dates=True))
    held = holds(ctl=make_ctl(TOKEN1, listed), itl=make_itl(RECOVERY))
    verdict = decide(held, make_ctl(good), asking(strict, CTL), (vouch(good, 0),))
    assert_accepted(verdict, Reason.TVS_VOUCHED)


def test_check_dates_of_a_first_list() -> None:
    old = identity("EXPIRED", years="expired")
    octets = make_list(old, record(0, old))
    strict = switched(P1, Switches(check_dates=True))
    assert_accepted(decide(Installed(), octets, asking(P1, CTL)), Reason.FIRST_LIST)
    assert_refused(decide(Installed(), octets, asking(strict, CTL)), Reason.SIGNER_EXPIRED)


def test_check_dates_of_a_certificate_that_cannot_be_read() -> None:
    """Its key verifies; its name is no UTF-8, and so whoever asks for dates gets none."""
    who = identity("MANY")
    unreadable = who.certificate.replace(b"MANY", b"M\xffNY")
    listed = replace(record(0, who), certificate=unreadable)
    strict = switched(P1, Switches(check_dates=True))
    held = holds(ctl=make_ctl(TOKEN1, listed))
    assert_accepted(decide(held, make_ctl(who), asking(P1, CTL)), Reason.IN_CTL)
    verdict = decide(held, make_ctl(who), asking(strict, CTL))
    assert_refused(verdict, Reason.KEY_UNSUPPORTED)


@pytest.mark.parametrize(
    ("timestamp", "older"), [(MADE - 1, True), (MADE, False), (MADE + 1, False), (None, True)]
)
def test_check_timestamp(timestamp: int | None, older: bool) -> None:
    header = replace(header_for(TOKEN1), timestamp=timestamp)
    if timestamp is None:
        header = replace(header, layout=tuple(tlv for tlv in header.layout if tlv[0] != 15))
    octets = make_list(TOKEN1, record(0, TOKEN1), header=header)
    strict = switched(P1, Switches(check_timestamp=True))
    assert_accepted(decide(BOTH, octets, asking(P1, CTL)), Reason.IN_CTL)
    verdict = decide(BOTH, octets, asking(strict, CTL))
    if older:
        assert_refused(verdict, Reason.OLDER_THAN_INSTALLED)
    else:
        assert_accepted(verdict, Reason.IN_CTL)
    assert_accepted(decide(Installed(), octets, asking(strict, CTL)), Reason.FIRST_LIST)
    only_ctl = holds(ctl=make_ctl(TOKEN1))
    assert_accepted(decide(only_ctl, octets, asking(strict, ITL)), Reason.IN_CTL)
    assert_accepted(decide(BOTH, make_sgn(CCM), asking(strict, SIGNED)), Reason.IN_CTL)


@pytest.mark.parametrize("name", ["SEP001AE21D0A3C.cnf.xml.sgn", "ringlist.xml.sgn", ""])
def test_check_sgn_name(name: str) -> None:
    octets = make_sgn(CCM)
    strict = switched(P1, Switches(check_sgn_name=True))
    for model, asked, accepted in ((P1, name, True), (strict, name, False), (strict, "", False)):
        context = replace(asking(model, SIGNED), requested_name=asked)
        verdict = decide(BOTH, octets, context)
        if accepted:
            assert_accepted(verdict, Reason.IN_CTL)
        else:
            refusal = assert_refused(verdict, Reason.NAME_MISMATCH)
            assert SIGNED_NAME in refusal.evidence.detail
    right = replace(asking(strict, SIGNED), requested_name=SIGNED_NAME)
    assert_accepted(decide(BOTH, octets, right), Reason.IN_CTL)


def test_check_sgn_name_is_about_files_alone() -> None:
    strict = switched(P1, Switches(check_sgn_name=True))
    context = replace(asking(strict, CTL), requested_name="CTLSEP0011215A1AE3.tlv")
    assert_accepted(decide(BOTH, make_itl(TOKEN1), context), Reason.IN_CTL)


def test_check_dates_lets_the_last_second_pass() -> None:
    strict = switched(P1, Switches(check_dates=True, identical_shortcut=False))
    ends = facts_of_untrusted(TOKEN1.certificate).not_after_seconds
    for now, accepted in ((ends, True), (ends + 1, False)):
        verdict = decide(BOTH, make_ctl(TOKEN1), replace(asking(strict, CTL), now_seconds=now))
        assert isinstance(verdict, Accept if accepted else Refuse)


@pytest.mark.parametrize(("held", "new", "older"), [(1, None, True), (None, 0, False)])
def test_check_timestamp_takes_no_time_for_zero(
    held: int | None, new: int | None, older: bool
) -> None:
    def stamped(timestamp: int | None) -> bytes:
        header = replace(header_for(TOKEN1), timestamp=timestamp)
        if timestamp is None:
            header = replace(header, layout=tuple(tlv for tlv in header.layout if tlv[0] != 15))
        return make_list(TOKEN1, record(0, TOKEN1), header=header)

    strict = switched(P1, Switches(check_timestamp=True, identical_shortcut=False))
    verdict = decide(holds(ctl=stamped(held)), stamped(new), asking(strict, CTL))
    assert isinstance(verdict, Refuse if older else Accept)


def test_check_sgn_name_of_a_file_without_a_name() -> None:
    header = header_for(CCM)
    layout = tuple(tlv for tlv in header.layout if tlv[0] != 14)
    octets = signed(replace(header, file_name=None, layout=layout), b"<device/>", CCM.rsa_key)
    strict = switched(P1, Switches(check_sgn_name=True))
    context = replace(asking(strict, SIGNED), requested_name="X")
    refusal = assert_refused(decide(BOTH, octets, context), Reason.NAME_MISMATCH)
    assert refusal.evidence.detail.startswith("the header names '', ")


def test_a_first_list_rests_on_one_record_of_its_own() -> None:
    octets = make_list(TOKEN1, record(0, TOKEN1), record(0, TOKEN1))
    verdict = decide(Installed(), octets, asking(P1, CTL))
    assert listed_in(verdict) == [(CTL, 1, 0)]


def test_a_voucher_without_the_function_tells_which_it_has() -> None:
    verdict = decide(BOTH, make_ctl(STRANGER), asking(P1, CTL), (vouch(STRANGER, 21, 4),))
    refusal = assert_refused(verdict, Reason.TVS_ROLE_MISSING)
    assert refusal.evidence.detail.startswith("TVS gives functions 4, 21, needed is one of ")
    verdict = decide(BOTH, make_ctl(STRANGER), asking(P1, CTL), (vouch(STRANGER),))
    refusal = assert_refused(verdict, Reason.TVS_ROLE_MISSING)
    assert refusal.evidence.detail.startswith("TVS gives functions none, ")
