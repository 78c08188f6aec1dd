"""Configurations and other files: rows C1 to C7 and C9 of the decision table."""

from dataclasses import replace

import pytest
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused, listed_in
from trust_lists import (
    ALL,
    CCM,
    CONFIGURATION,
    P0,
    P3,
    RECOVERY,
    SAST_RECOVERY,
    SBD,
    STRANGER,
    TFTP,
    TOKEN1,
    TVS_RECORD,
    asking,
    encryption_for,
    holds,
    identity,
    make_ctl,
    make_enc_sgn,
    make_itl,
    make_list,
    make_sgn,
    record,
    switched,
    twin,
    vouch,
    without_certificate,
)

from secd.models import Absent, Model, Switches
from secd.trust import (
    Installed,
    Reason,
    Unchanged,
    decide,
    decide_absent,
    installed_after,
    signed_files_required,
)
from secd.words import FileKind, Transport

SIGNED, PLAIN, ENCRYPTED = FileKind.SIGNED, FileKind.PLAIN, FileKind.ENCRYPTED
CTL_ONLY = holds(ctl=make_ctl(TOKEN1))
ITL_ONLY = holds(itl=make_itl(RECOVERY))
BOTH = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
DEVICE = identity("DEVICE").rsa_key
every = pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)


@pytest.mark.parametrize("function", [0, 1, 2, 3, 4, 7, 21, 99])
def test_c1_signed_names_need_a_tftp_record_with_a_certificate(function: int) -> None:
    signs = function in (2, 3)
    octets = make_list(RECOVERY, record(function, CCM))
    assert signed_files_required(holds(itl=octets)) is signs
    assert signed_files_required(holds(ctl=octets)) is signs
    bare = make_list(RECOVERY, without_certificate(record(function, CCM)))
    assert not signed_files_required(holds(ctl=bare, itl=bare))


def test_c1_without_lists_plain_names() -> None:
    assert not signed_files_required(Installed())


@every
@pytest.mark.parametrize("function", [2, 3])
def test_c2_sgn_signed_by_one_of_the_ctl(model: Model, function: int) -> None:
    key = identity("MANY")
    held = holds(ctl=make_ctl(TOKEN1, record(function, key)))
    verdict = assert_accepted(decide(held, make_sgn(key), asking(model, SIGNED)), Reason.IN_CTL)
    assert verdict.payload == CONFIGURATION
    assert verdict.trust_list is None
    assert listed_in(verdict) == [(FileKind.CTL, 5, function)]


@sbd
@pytest.mark.parametrize("function", [2, 3])
def test_c2_sgn_signed_by_one_of_the_itl(model: Model, function: int) -> None:
    key = identity("MANY")
    for ctl in (None, make_ctl(TOKEN1)):
        held = holds(ctl=ctl, itl=make_itl(RECOVERY, record(function, key)))
        verdict = decide(held, make_sgn(key), asking(model, SIGNED))
        assert assert_accepted(verdict, Reason.IN_ITL).payload == CONFIGURATION
        assert listed_in(verdict) == [(FileKind.ITL, 5, function)]


@sbd
def test_c2_the_ctl_is_named_before_the_itl(model: Model) -> None:
    assert_accepted(decide(BOTH, make_sgn(CCM), asking(model, SIGNED)), Reason.IN_CTL)


def test_c2_p0_reads_the_ctl_alone() -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY, record(3, TFTP)))
    assert_accepted(decide(held, make_sgn(CCM), asking(P0, SIGNED)), Reason.IN_CTL)
    verdict = decide(held, make_sgn(TFTP), asking(P0, SIGNED))
    assert_refused(verdict, Reason.SIGNER_UNKNOWN)


@sbd
@pytest.mark.parametrize("function", [0, 1, 4, 7, 21, 99])
def test_c3_a_file_signer_listed_for_other_uses_counts_as_unknown(
    model: Model, function: int
) -> None:
    key = identity("MANY")
    held = holds(itl=make_itl(RECOVERY, record(function, key)))
    verdict = assert_asks_tvs(decide(held, make_sgn(key), asking(model, SIGNED)))
    assert listed_in(verdict) == [(FileKind.ITL, 5, function)]
    trusted = decide(held, make_sgn(key), asking(model, SIGNED), (vouch(key, 2),))
    assert_accepted(trusted, Reason.TVS_VOUCHED)


@sbd
def test_c3_sgn_signer_in_neither_list(model: Model) -> None:
    for held in (BOTH, ITL_ONLY):
        assert_asks_tvs(decide(held, make_sgn(STRANGER), asking(model, SIGNED)))
    for held in (CTL_ONLY, Installed()):
        verdict = decide(held, make_sgn(STRANGER), asking(model, SIGNED))
        assert_refused(verdict, Reason.TVS_NO_ANCHOR)


def test_c3_p0_has_nobody_to_ask() -> None:
    for held in (CTL_ONLY, Installed()):
        verdict = decide(held, make_sgn(STRANGER), asking(P0, SIGNED))
        assert_refused(verdict, Reason.SIGNER_UNKNOWN)


@every
def test_c4_unsigned_body(model: Model) -> None:
    for octets in (CONFIGURATION, b"", b"\x01\x00", b"\x01\x00\x03"):
        verdict = decide(CTL_ONLY, octets, asking(model, SIGNED))
        assert_refused(verdict, Reason.UNSIGNED)


@every
def test_c4_broken_envelope(model: Model) -> None:
    for octets in (make_sgn(CCM)[:100], b"\x01\x00\x02"):
        verdict = decide(CTL_ONLY, octets, asking(model, SIGNED))
        assert_refused(verdict, Reason.MALFORMED)


@every
def test_c4_signature_wrong(model: Model) -> None:
    octets = make_sgn(CCM)
    for broken in (octets[:-1], octets + b"\n", make_sgn(twin("CCM"))):
        verdict = decide(CTL_ONLY, broken, asking(model, SIGNED))
        assert_refused(verdict, Reason.SIGNATURE_INVALID)


@every
def test_c4_an_encrypted_file_under_a_name_for_clear_ones(model: Model) -> None:
    encrypted = make_enc_sgn(CCM, *encryption_for(DEVICE))
    verdict = decide(CTL_ONLY, encrypted, asking(model, SIGNED))
    assert "is encrypted" in assert_refused(verdict, Reason.MALFORMED).evidence.detail


@every
def test_c4_a_digest_that_the_model_lacks(model: Model) -> None:
    verdict = decide(CTL_ONLY, make_sgn(CCM, digest=2), asking(model, SIGNED))
    assert_refused(verdict, Reason.DIGEST_UNSUPPORTED)


def test_c5_unsigned_body_over_https() -> None:
    context = replace(asking(P3, SIGNED), channel=Transport.HTTPS)
    verdict = decide(ITL_ONLY, CONFIGURATION, context)
    assert assert_accepted(verdict, Reason.CHANNEL_AUTHENTICATED).payload == CONFIGURATION


def test_c5_an_envelope_over_https_is_verified() -> None:
    context = replace(asking(P3, SIGNED), channel=Transport.HTTPS)
    assert_accepted(decide(ITL_ONLY, make_sgn(CCM), context), Reason.IN_ITL)
    assert_asks_tvs(decide(ITL_ONLY, make_sgn(STRANGER), context))
    broken = make_sgn(CCM) + b"\n"
    assert_refused(decide(ITL_ONLY, broken, context), Reason.SIGNATURE_INVALID)


def test_c5_no_other_channel_and_no_other_model() -> None:
    for channel in (Transport.HTTP, Transport.TFTP):
        context = replace(asking(P3, SIGNED), channel=channel)
        assert_refused(decide(ITL_ONLY, CONFIGURATION, context), Reason.UNSIGNED)
    for model in ALL[:3]:
        context = replace(asking(model, SIGNED), channel=Transport.HTTPS)
        assert_refused(decide(CTL_ONLY, CONFIGURATION, context), Reason.UNSIGNED)


@every
def test_c6_plain_asked_plain_came(model: Model) -> None:
    unsigned = holds(ctl=make_list(RECOVERY, SAST_RECOVERY, record(1, CCM), TVS_RECORD))
    for held in (Installed(), unsigned):
        for octets in (CONFIGURATION, b"\x01\x00\x02 looks like an envelope"):
            verdict = decide(held, octets, asking(model, PLAIN))
            assert assert_accepted(verdict, Reason.PLAIN_ALLOWED).payload == octets


@every
def test_c6_plain_is_not_allowed_where_signed_names_are_asked(model: Model) -> None:
    for held in (CTL_ONLY, ITL_ONLY):
        assert_refused(decide(held, CONFIGURATION, asking(model, PLAIN)), Reason.UNSIGNED)


@every
@pytest.mark.parametrize("kind", [PLAIN, SIGNED, ENCRYPTED])
def test_c7_c9_a_file_not_found_changes_nothing(model: Model, kind: FileKind) -> None:
    """Neither list may go with it, not even by the switches for missing lists."""
    erasing = switched(model, Switches(zero_length=Absent.ERASE, not_found=Absent.ERASE))
    for phone in (model, erasing):
        for reason in (Reason.FILE_NOT_FOUND, Reason.EMPTY_FILE, Reason.TRANSFER_FAILED):
            assert decide_absent(BOTH, reason, asking(phone, kind)) == Unchanged(reason)


@every
def test_c2_an_accepted_configuration_changes_no_list(model: Model) -> None:
    verdict = assert_accepted(decide(BOTH, make_sgn(CCM), asking(model, SIGNED)), Reason.IN_CTL)
    assert installed_after(BOTH, verdict, SIGNED) == BOTH
