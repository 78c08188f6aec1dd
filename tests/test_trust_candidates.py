"""What a list is like before anybody asks who signed it: rows L14 to L23."""

from dataclasses import replace

import pytest
from trust_asserts import assert_accepted, assert_refused
from trust_lists import (
    ALL,
    NOW,
    P0,
    P1,
    P2,
    P3,
    RECOVERY,
    SAST_RECOVERY,
    SBD,
    STRANGER,
    TOKEN1,
    TOKENS,
    asking,
    bare_record,
    header_for,
    holds,
    identity,
    make_ctl,
    make_itl,
    make_list,
    record,
    signed,
)

from secd.models import Model
from secd.trust import Accept, Installed, NeedsTVS, Reason, Unchanged, decide, decide_absent
from secd.trustlist import encode_records
from secd.words import FileKind

CTL, ITL = FileKind.CTL, FileKind.ITL
HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
every = pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)
KINDS = [(model, kind) for kind in (CTL, ITL) for model in (ALL if kind is CTL else SBD)]
each = pytest.mark.parametrize(
    ("model", "kind"), KINDS, ids=[f"{model.generation}-{kind}" for model, kind in KINDS]
)


def _octets(kind: FileKind) -> bytes:
    held = HELD.of(kind)
    assert held is not None
    return held.octets


def _newer(kind: FileKind) -> bytes:
    """Return a list like the installed one, signed by the same key, with one record more."""
    extra = bare_record(2, "10.1.1.9", "10.1.1.9")
    return make_ctl(TOKEN1, extra) if kind is CTL else make_itl(RECOVERY, extra)


def _changed(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


@each
def test_l14_the_installed_file_again(model: Model, kind: FileKind) -> None:
    verdict = decide(HELD, _octets(kind), asking(model, kind))
    assert isinstance(verdict, Unchanged)
    assert verdict.reason is Reason.IDENTICAL
    held = HELD.of(kind)
    assert held is not None
    assert verdict.evidence.file == held.file


def test_l14_identity_is_not_verified_again() -> None:
    """What is installed stays, however it came there."""
    forged = _changed(_octets(CTL), len(_octets(CTL)) - 1)
    verdict = decide(holds(ctl=forged), forged, asking(P1, CTL))
    assert isinstance(verdict, Unchanged)


def test_l14_the_other_list_is_not_the_installed_file() -> None:
    held = holds(ctl=_octets(ITL), itl=_octets(ITL))
    assert isinstance(decide(held, _octets(ITL), asking(P1, ITL)), Unchanged)
    only_ctl = holds(ctl=_octets(ITL))
    assert_accepted(decide(only_ctl, _octets(ITL), asking(P1, ITL)), Reason.IN_CTL)


@each
def test_l15_zero_length_leaves_the_list(model: Model, kind: FileKind) -> None:
    for held in (HELD, Installed()):
        verdict = decide(held, b"", asking(model, kind))
        assert verdict == Unchanged(Reason.EMPTY_FILE)
        assert verdict == decide_absent(held, Reason.EMPTY_FILE, asking(model, kind))


@every
def test_l16_ctl_not_found_leaves_the_list(model: Model) -> None:
    for held in (HELD, Installed()):
        verdict = decide_absent(held, Reason.FILE_NOT_FOUND, asking(model, CTL))
        assert verdict == Unchanged(Reason.FILE_NOT_FOUND)


@sbd
def test_l17_itl_not_found_leaves_the_list(model: Model) -> None:
    for held in (HELD, Installed()):
        verdict = decide_absent(held, Reason.FILE_NOT_FOUND, asking(model, ITL))
        assert verdict == Unchanged(Reason.FILE_NOT_FOUND)


@each
def test_l18_a_failed_transfer_leaves_the_list(model: Model, kind: FileKind) -> None:
    for held in (HELD, Installed()):
        verdict = decide_absent(held, Reason.TRANSFER_FAILED, asking(model, kind))
        assert verdict == Unchanged(Reason.TRANSFER_FAILED)


@each
@pytest.mark.parametrize("held", [HELD, Installed()], ids=("stored", "none"))
def test_l19_malformed(model: Model, kind: FileKind, held: Installed) -> None:
    octets = _newer(kind)
    for broken in (octets[:-1], octets + b"\0", b"\n", b"<html>", octets[1:]):
        refusal = assert_refused(decide(held, broken, asking(model, kind)), Reason.MALFORMED)
        assert refusal.evidence.matches == ()
    html = decide(held, b"<html>", asking(model, kind))
    assert html.evidence.file is None
    cut = decide(held, octets[:-1], asking(model, kind))
    assert cut.evidence.file is not None, "the envelope of a broken list can still be shown"
    headless = decide(held, octets[:50], asking(model, kind))
    assert headless.evidence.file is None


@each
def test_l19_signature_wrong(model: Model, kind: FileKind) -> None:
    octets = _newer(kind)
    for at in (len(octets) - 1, octets.index(b"\x0c\x00\x80") + 3):
        broken = _changed(octets, at)
        refusal = assert_refused(
            decide(HELD, broken, asking(model, kind)), Reason.SIGNATURE_INVALID
        )
        assert refusal.evidence.file is not None
        assert refusal.evidence.file.octets == broken


@each
def test_l19_signature_of_a_first_list_wrong(model: Model, kind: FileKind) -> None:
    octets = _newer(kind)
    verdict = decide(Installed(), _changed(octets, len(octets) - 1), asking(model, kind))
    assert_refused(verdict, Reason.SIGNATURE_INVALID)


@pytest.mark.parametrize(
    ("model", "digest", "known"),
    [
        (model, digest, digest == 1 or (digest == 3 and model in (P2, P3)))
        for model in ALL
        for digest in (1, 2, 3)
    ],
)
def test_l20_digests_of_the_model(model: Model, digest: int, known: bool) -> None:
    header = replace(header_for(TOKEN1), digest=digest)
    octets = make_list(TOKEN1, *TOKENS, header=header)
    for held, reason in ((HELD, Reason.IN_CTL), (Installed(), Reason.FIRST_LIST)):
        verdict = decide(held, octets, asking(model, CTL))
        if known:
            assert_accepted(verdict, reason, octets)
        else:
            refusal = assert_refused(verdict, Reason.DIGEST_UNSUPPORTED)
            assert ("SHA512" if digest == 3 else "SHA256") in refusal.evidence.detail


def test_l20_a_digest_with_no_name() -> None:
    header = replace(header_for(TOKEN1), digest=9, signature=bytes(128))
    octets = signed(replace(header, digest=1), b"", TOKEN1.rsa_key)
    at = octets.index(b"\x08\x00\x01\x01") + 3
    verdict = decide(HELD, octets[:at] + b"\x09" + octets[at + 1 :], asking(P1, CTL))
    assert "digest 9" in assert_refused(verdict, Reason.DIGEST_UNSUPPORTED).evidence.detail


def test_l20_a_digest_that_the_model_names_but_nobody_can_compute() -> None:
    octets = make_list(TOKEN1, *TOKENS)
    at = octets.index(b"\x08\x00\x01\x01") + 3
    model = replace(P1, digests=frozenset({1, 9}))
    verdict = decide(HELD, octets[:at] + b"\x09" + octets[at + 1 :], asking(model, CTL))
    assert_refused(verdict, Reason.KEY_UNSUPPORTED)


@every
def test_l20_key_sizes_of_the_model(model: Model) -> None:
    small = replace(model, modulus_bits=frozenset({2048}))
    octets = make_list(TOKEN1, *TOKENS)
    refusal = assert_refused(decide(HELD, octets, asking(small, CTL)), Reason.KEY_UNSUPPORTED)
    assert "1024" in refusal.evidence.detail


@every
def test_l20_a_key_that_is_not_rsa(model: Model) -> None:
    """The header of an EC signer can only lie about the key; the installed record does not."""
    curve = identity("CURVE", curve=True)
    header = header_for(TOKEN1)
    header = replace(
        header, signer=replace(header.signer, issuer=curve.issuer, serial=curve.serial)
    )
    octets = signed(header, encode_records((record(0, curve),)), TOKEN1.rsa_key)
    for held in (holds(ctl=make_ctl(TOKEN1, record(0, curve))), Installed()):
        assert_refused(decide(held, octets, asking(model, CTL)), Reason.KEY_UNSUPPORTED)


@pytest.mark.parametrize(("at_tag", "value"), [(b"\x0a\x00\x01", 1), (b"\x0b\x00\x01", 9)])
def test_l20_an_algorithm_or_size_that_no_source_defines(at_tag: bytes, value: int) -> None:
    octets = make_list(TOKEN1, *TOKENS)
    at = octets.index(at_tag) + 3
    verdict = decide(HELD, octets[:at] + bytes([value]) + octets[at + 1 :], asking(P3, CTL))
    refusal = assert_refused(verdict, Reason.KEY_UNSUPPORTED)
    assert str(value) in refusal.evidence.detail


def test_l20_comes_before_the_search_for_the_signer() -> None:
    header = replace(header_for(STRANGER), digest=3)
    octets = make_list(STRANGER, record(0, STRANGER), header=header)
    assert_refused(decide(HELD, octets, asking(P1, CTL)), Reason.DIGEST_UNSUPPORTED)
    assert isinstance(decide(HELD, octets, asking(P2, CTL)), NeedsTVS)


def _itl_of(size: int) -> bytes:
    """Return an ITL of exactly so many octets: the records' DNS names fill it up."""
    base = make_itl(RECOVERY)
    one = len(encode_records((bare_record(99, "", "10.1.1.1"),)))
    missing = size - len(base)
    filler = bare_record(99, "x" * (missing // 2 - one), "10.1.1.1")
    rest = bare_record(99, "x" * (missing - missing // 2 - one), "10.1.1.1")
    octets = make_itl(RECOVERY, filler, rest)
    assert len(octets) == size
    return octets


@sbd
@pytest.mark.parametrize("held", [HELD, Installed()], ids=("stored", "none"))
def test_l21_an_itl_over_65536_octets(model: Model, held: Installed) -> None:
    assert isinstance(decide(held, _itl_of(65536), asking(model, ITL)), Accept)
    refusal = assert_refused(decide(held, _itl_of(65537), asking(model, ITL)), Reason.TOO_LARGE)
    assert "65537" in refusal.evidence.detail


def test_l21_no_limit_for_ctls_nor_where_none_is_known() -> None:
    large = _itl_of(65537)
    assert_accepted(decide(Installed(), large, asking(P1, CTL)), Reason.FIRST_LIST, large)
    unlimited = replace(P1, itl_limit_bytes=0)
    assert_accepted(decide(Installed(), large, asking(unlimited, ITL)), Reason.FIRST_LIST, large)


@each
def test_l22_an_expired_signer_has_no_effect(model: Model, kind: FileKind) -> None:
    old = identity("EXPIRED", years="expired")
    held = holds(ctl=make_ctl(TOKEN1, record(0, old)), itl=make_itl(RECOVERY))
    assert NOW > 1_300_000_000
    assert_accepted(decide(held, make_ctl(old), asking(model, kind)), Reason.IN_CTL)
    first = make_list(old, record(0, old))
    assert_accepted(decide(Installed(), first, asking(model, kind)), Reason.FIRST_LIST)


@each
@pytest.mark.parametrize("timestamp", [0, 1, 0xFFFFFFFF])
def test_l22_the_timestamp_has_no_effect(model: Model, kind: FileKind, timestamp: int) -> None:
    header = replace(header_for(TOKEN1), timestamp=timestamp)
    octets = make_list(TOKEN1, *TOKENS, header=header)
    assert_accepted(decide(HELD, octets, asking(model, kind)), Reason.IN_CTL, octets)


@each
def test_l22_the_name_in_the_header_has_no_effect(model: Model, kind: FileKind) -> None:
    context = replace(asking(model, kind), requested_name="CTLSEP0011215A1AE3.tlv")
    for name in ("ITLFile.tlv", "x", ""):
        octets = make_list(TOKEN1, *TOKENS, header=header_for(TOKEN1, name))
        assert_accepted(decide(HELD, octets, context), Reason.IN_CTL, octets)


@each
@pytest.mark.parametrize("version", [(1, 0), (1, 3), (9, 9)])
def test_l23_the_header_version_has_no_effect(
    model: Model, kind: FileKind, version: tuple[int, int]
) -> None:
    octets = make_list(TOKEN1, *TOKENS, header=replace(header_for(TOKEN1), version=version))
    assert_accepted(decide(HELD, octets, asking(model, kind)), Reason.IN_CTL, octets)


@each
def test_l23_unknown_tags_have_no_effect(model: Model, kind: FileKind) -> None:
    plain = header_for(TOKEN1)
    header = replace(plain, unknown=(b"later",), layout=(*plain.layout, (77, 0)))
    odd = replace(SAST_RECOVERY, unknown=(b"", b"x"), layout=(*SAST_RECOVERY.layout, 50, 51))
    octets = make_list(TOKEN1, *TOKENS, odd, header=header)
    assert_accepted(decide(HELD, octets, asking(model, kind)), Reason.IN_CTL, octets)


def test_p0_checks_the_address_before_anything_else() -> None:
    context = replace(asking(P0, CTL), server_address="10.9.9.9")
    for octets in (b"", _octets(CTL), b"junk"):
        assert_refused(decide(HELD, octets, context), Reason.SERVER_NOT_IN_CTL)
    listed = replace(context, server_address="10.1.1.1")
    assert isinstance(decide(HELD, _octets(CTL), listed), Unchanged)
