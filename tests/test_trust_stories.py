"""Whole stories of phones and clusters, and the files that other programs made."""

from dataclasses import replace
from itertools import permutations

import pytest
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused, listed_in
from trust_lists import (
    ALL,
    CCM,
    P0,
    P1,
    P2,
    P3,
    PUBLISHER,
    RECOVERY,
    SBD,
    STRANGER,
    TOKEN1,
    TOKEN2,
    TVS_RECORD,
    asking,
    header_for,
    holds,
    identity,
    make_ctl,
    make_itl,
    make_list,
    make_sgn,
    record,
    switched,
    twin,
    vector,
    vector_identity,
    vouch,
)

from secd.models import Model
from secd.trust import (
    Accept,
    Context,
    Installed,
    Reason,
    Voucher,
    VoucherOutcome,
    decide,
    decide_peer,
    installed_after,
    signed_files_required,
    verifies_itself,
)
from secd.trustlist import Function, Record, decode_trust_list_untrusted
from secd.words import FileKind

CTL, ITL, SIGNED = FileKind.CTL, FileKind.ITL, FileKind.SIGNED


def _boot(held: Installed, model: Model, ctl: bytes, itl: bytes) -> Installed:
    """Install both lists, the CTL before the ITL is judged."""
    for kind, octets in ((CTL, ctl), (ITL, itl)):
        verdict = decide(held, octets, asking(model, kind))
        assert isinstance(verdict, Accept), verdict
        held = installed_after(held, verdict, kind)
    return held


def _itl_of_cucm_8(signer_function: Function) -> bytes:
    """Return an ITL signed by the CallManager key, which stands in it twice (118893)."""
    as_signer = record(signer_function, CCM, PUBLISHER, PUBLISHER)
    serves = record(Function.CCM_TFTP, CCM, PUBLISHER, PUBLISHER)
    header = header_for(CCM, "ITLFile.tlv")
    return make_list(CCM, as_signer, serves, TVS_RECORD, header=header)


@pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)
def test_a_fresh_phone_gets_the_seeds_ctl_and_a_callmanager_signed_itl(model: Model) -> None:
    """The seed guide's CTL: two tokens, CCM+TFTP, CAPF; then the ITL of the same cluster."""
    ctl = make_ctl(TOKEN1)
    functions = [each.function for each in decode_trust_list_untrusted(ctl).records]
    assert functions == [0, 0, 2, 4]
    itl = _itl_of_cucm_8(Function.SAST)
    held = _boot(Installed(), model, ctl, itl)
    assert held.ctl is not None
    assert held.itl is not None
    assert (held.ctl.octets, held.itl.octets) == (ctl, itl)
    assert signed_files_required(held)
    verdict = decide(held, make_sgn(CCM), asking(model, SIGNED))
    assert_accepted(verdict, Reason.IN_CTL)


def test_a_fresh_7961_without_a_ctl_imprints_on_the_itl() -> None:
    itl = _itl_of_cucm_8(Function.SAST)
    assert_accepted(decide(Installed(), itl, asking(P1, ITL)), Reason.FIRST_LIST, itl)
    unsigned_by_sast = _itl_of_cucm_8(Function.CCM)
    verdict = decide(Installed(), unsigned_by_sast, asking(P1, ITL))
    assert_refused(verdict, Reason.NOT_SELF_CONSISTENT)


def test_one_token_lost_the_other_signs() -> None:
    """Operation 12; and 11: with all tokens lost, new ones are refused."""
    held = _boot(Installed(), P1, make_ctl(TOKEN1), _itl_of_cucm_8(Function.SAST))
    one_left = make_ctl(TOKEN2)
    assert_accepted(decide(held, one_left, asking(P1, CTL)), Reason.IN_CTL, one_left)
    new_tokens = make_list(STRANGER, record(0, STRANGER))
    assert_refused(decide(held, new_tokens, asking(P0, CTL)), Reason.SIGNER_UNKNOWN)
    assert_asks_tvs(decide(held, new_tokens, asking(P1, CTL)))
    by_tvs = decide(held, new_tokens, asking(P1, CTL), (vouch(STRANGER, 0),))
    assert_accepted(by_tvs, Reason.TVS_VOUCHED, new_tokens)


@pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)
def test_a_move_between_clusters(model: Model) -> None:
    """Operation 16 (213407): the old TVS vouches for the CTL, which then knows the ITL's signer."""
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    new_ctl = make_list(STRANGER, record(0, STRANGER), record(2, STRANGER))
    new_itl = make_list(STRANGER, record(0, STRANGER), TVS_RECORD)
    vouchers = (vouch(STRANGER, 0, 2),)
    assert_asks_tvs(decide(held, new_ctl, asking(model, CTL)))
    verdict = decide(held, new_ctl, asking(model, CTL), vouchers)
    accepted = assert_accepted(verdict, Reason.TVS_VOUCHED, new_ctl)
    after = installed_after(held, accepted, CTL)
    assert_accepted(decide(after, new_itl, asking(model, ITL)), Reason.IN_CTL, new_itl)


def test_tokens_sign_ctls_and_any_function_of_a_list_signer_only_its_own_files() -> None:
    held = holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))
    assert_accepted(decide(held, make_ctl(TOKEN2), asking(P1, CTL)), Reason.IN_CTL)
    assert_asks_tvs(decide(held, make_sgn(TOKEN1), asking(P1, SIGNED)))
    assert_asks_tvs(decide(held, make_ctl(CCM), asking(P1, CTL)))


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
@pytest.mark.parametrize("function", [Function.CAPF, Function.TVS, Function.APP_SERVER])
@pytest.mark.parametrize("kind", [CTL, ITL, SIGNED])
def test_a_servers_key_signs_no_list_and_no_file(
    model: Model, function: Function, kind: FileKind
) -> None:
    key = identity("MANY")
    held = holds(ctl=make_ctl(TOKEN1, record(function, key)), itl=make_itl(RECOVERY))
    octets = make_sgn(key) if kind is SIGNED else make_list(key, record(0, key))
    verdict = decide(held, octets, asking(model, kind))
    if model is not P0:
        assert_asks_tvs(verdict)
    elif kind is ITL:
        assert_refused(verdict, Reason.LIST_NOT_USED)
    else:
        assert_refused(verdict, Reason.SIGNER_UNKNOWN)


# All records with the signer's issuer and serial are considered.


def _orders(*records: Record) -> list[tuple[Record, ...]]:
    return list(permutations(records))


@pytest.mark.parametrize("order", range(6))
def test_one_certificate_in_several_records(order: int) -> None:
    key = identity("MANY")
    records = _orders(*(record(function, key) for function in (0, 2, 4)))[order]
    held = holds(ctl=make_list(TOKEN1, record(0, TOKEN1), *records))
    for kind, octets, function in ((CTL, make_ctl(key), 0), (SIGNED, make_sgn(key), 2)):
        verdict = decide(held, octets, asking(P0, kind))
        assert_accepted(verdict, Reason.IN_CTL)
        number = 2 + [each.function for each in records].index(function)
        assert listed_in(verdict) == [(CTL, number, function)]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
def test_two_certificates_under_one_issuer_and_serial(model: Model, order: int) -> None:
    """The right one is found, and its function counts, not that of its namesake."""
    first, second = identity("MANY"), twin("MANY")
    both = _orders(record(0, first), record(4, second))[order]
    held = holds(ctl=make_list(TOKEN1, record(0, TOKEN1), *both), itl=make_itl(RECOVERY))
    by_first, by_second = make_ctl(first), make_ctl(second)
    assert_accepted(decide(held, by_first, asking(model, CTL)), Reason.IN_CTL)
    verdict = decide(held, by_second, asking(model, CTL))
    if model is P0:
        assert_refused(verdict, Reason.SIGNER_UNKNOWN)
    else:
        assert_asks_tvs(verdict)
    assert len(listed_in(verdict)) == 2


@pytest.mark.parametrize("order", range(6))
def test_neither_of_two_certificates_made_the_signature(order: int) -> None:
    """One usable key that does not fit outweighs one that cannot be used."""
    curve = replace(record(0, identity("CURVE", curve=True)), issuer=b"CN=MANY")
    curve = replace(curve, serial=identity("MANY").serial)
    records = _orders(record(0, identity("MANY")), record(2, twin("MANY")), curve)[order]
    held = holds(ctl=make_list(TOKEN1, record(0, TOKEN1), *records))
    third = replace(STRANGER, issuer=b"CN=MANY", serial=identity("MANY").serial)
    verdict = decide(held, make_ctl(third), asking(P0, CTL))
    assert_refused(verdict, Reason.SIGNATURE_INVALID)


def test_a_first_list_may_hold_its_signer_twice() -> None:
    first, second = identity("MANY"), twin("MANY")
    octets = make_list(second, record(0, first), record(4, first), record(0, second))
    verdict = decide(Installed(), octets, asking(P1, CTL))
    assert listed_in(assert_accepted(verdict, Reason.FIRST_LIST)) == [(CTL, 3, 0)]


# The vectors


def _vector_model(name: str) -> Model:
    return P3 if "sha512" in name else P1


@pytest.mark.parametrize("name", ["CTL-sast1024.tlv", "CTL-sast2-signs.tlv", "CTL-outsider.tlv"])
def test_vector_ctls_are_good_first_lists(name: str) -> None:
    octets = vector(name)
    for model in ALL:
        verdict = decide(Installed(), octets, asking(model, CTL))
        assert_accepted(verdict, Reason.FIRST_LIST, octets)


def test_vector_outsider_is_refused_against_an_installed_list() -> None:
    octets = vector("CTL-outsider.tlv")
    tokens, itl = vector("CTL-sast2-signs.tlv"), vector("ITL-sha1.tlv")
    assert_refused(decide(holds(ctl=tokens), octets, asking(P0, CTL)), Reason.SIGNER_UNKNOWN)
    for model in SBD:
        without_tvs = decide(holds(ctl=tokens), octets, asking(model, CTL))
        assert_refused(without_tvs, Reason.TVS_NO_ANCHOR)
        for held in (holds(ctl=tokens, itl=itl), holds(itl=itl)):
            assert_asks_tvs(decide(held, octets, asking(model, CTL)))


@pytest.mark.parametrize("name", ["CTL-outsider.tlv", "CTL-sast1024.tlv", "ITL-sha512-v1.1-ec.tlv"])
def test_a_list_that_verifies_itself_is_not_yet_trusted(name: str) -> None:
    """As `show ctl` does: any own record with the signer's key will do, whatever its function."""
    octets = vector(name)
    assert verifies_itself(decode_trust_list_untrusted(octets))
    forged = octets[:-1] + bytes([octets[-1] ^ 1])
    assert not verifies_itself(decode_trust_list_untrusted(forged))
    assert not verifies_itself(decode_trust_list_untrusted(make_list(STRANGER, record(0, TOKEN1))))
    curve = replace(record(0, identity("CURVE", curve=True)), issuer=STRANGER.issuer)
    unusable = make_list(STRANGER, replace(curve, serial=STRANGER.serial))
    assert not verifies_itself(decode_trust_list_untrusted(unusable))


@pytest.mark.parametrize("name", ["ITL-sha1.tlv", "ITL-sha512-v1.1-ec.tlv"])
def test_vector_itls(name: str) -> None:
    octets = vector(name)
    models = (P2, P3) if "sha512" in name else SBD
    for model in models:
        first = decide(Installed(), octets, asking(model, ITL))
        assert_accepted(first, Reason.FIRST_LIST, octets)
        by_tokens = decide(holds(ctl=vector("CTL-sast2-signs.tlv")), octets, asking(model, ITL))
        assert_accepted(by_tokens, Reason.IN_CTL, octets)
    if "sha512" in name:
        verdict = decide(Installed(), octets, asking(P1, ITL))
        assert_refused(verdict, Reason.DIGEST_UNSUPPORTED)


SGN_VECTORS = (
    *(f"{digest}/SEP0011215A1AE3.cnf.xml.sgn" for digest in ("sha1", "sha512")),
    *(f"enc-{digest}/SEP0011215A1AE3.cnf.xml.sgn" for digest in ("sha1", "sha512")),
    *(f"padding/{name}.xml.sgn" for name in ("a", "ab", "abc", "abcd")),
)


@pytest.mark.parametrize("name", SGN_VECTORS)
def test_vector_sgn_against_the_list_that_names_its_signer(name: str) -> None:
    octets = vector(name)
    held = holds(itl=vector("ITL-sha1.tlv"))
    verdict = assert_accepted(decide(held, octets, asking(P3, SIGNED)), Reason.IN_ITL)
    assert octets.endswith(verdict.payload)
    assert verdict.payload
    if name.startswith("sha"):
        assert verdict.payload == vector("SEP0011215A1AE3.cnf.xml")


@pytest.mark.parametrize("name", SGN_VECTORS)
def test_vector_sgn_of_a_signer_that_is_listed_as_ccm_alone(name: str) -> None:
    """The signer's key is in the ITL, for signalling: it must sign no file."""
    octets = vector(name)
    held = holds(itl=vector("ITL-sha512-v1.1-ec.tlv"))
    assert signed_files_required(held), "a TFTP record with an EC certificate is there"
    verdict = assert_asks_tvs(decide(held, octets, asking(P3, SIGNED)))
    assert listed_in(verdict) == [(ITL, 2, 1)]
    no_server = replace(asking(P3, SIGNED), tvs_servers=())
    assert_refused(decide(held, octets, no_server), Reason.TVS_NO_ANCHOR)
    for outcome, functions, reason in (
        (VoucherOutcome.VOUCHED, frozenset({1}), Reason.TVS_ROLE_MISSING),
        (VoucherOutcome.DENIED, frozenset[int](), Reason.TVS_DENIED),
        (VoucherOutcome.UNREACHABLE, frozenset[int](), Reason.TVS_UNREACHABLE),
    ):
        voucher = _vector_voucher(octets, outcome, functions)
        refused = decide(held, octets, asking(P3, SIGNED), (voucher,))
        assert_refused(refused, reason)


def _vector_voucher(octets: bytes, outcome: VoucherOutcome, functions: frozenset[int]) -> Voucher:
    header = decode_trust_list_untrusted(vector("ITL-sha1.tlv")).records[2]
    assert header.issuer is not None
    assert header.serial is not None
    assert header.issuer in octets
    ccm = vector_identity("ccm").certificate
    return Voucher(header.issuer, header.serial, outcome, ccm, functions, 1e12)


def _encrypted(name: str, key: str = "mic") -> tuple[bytes, Context]:
    device_key = vector_identity(key).rsa_key
    context = replace(asking(P3, FileKind.ENCRYPTED), device_key=device_key)
    return vector(f"{name}/SEP0011215A1AE3.cnf.xml.enc.sgn"), context


@pytest.mark.parametrize("name", ["enc-sha1", "enc-sha512"])
def test_vector_encrypted_file(name: str) -> None:
    held = holds(itl=vector("ITL-sha1.tlv"))
    octets, context = _encrypted(name)
    verdict = assert_accepted(decide(held, octets, context), Reason.IN_ITL)
    assert verdict.payload == vector("SEP0011215A1AE3.cnf.xml")
    octets, wrong = _encrypted(name, "tvs")
    assert_refused(decide(held, octets, wrong), Reason.DECRYPT_FAILED)


def test_vector_1024_bit_signer_needs_a_model_that_knows_the_size() -> None:
    modern = replace(switched(P3, P3.switches), modulus_bits=frozenset({2048}))
    verdict = decide(Installed(), vector("CTL-sast1024.tlv"), asking(modern, CTL))
    assert_refused(verdict, Reason.KEY_UNSUPPORTED)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ccm", Function.CCM),
        ("capf", Function.CAPF),
        ("tvs", Function.TVS),
        ("tftp-ec", Function.TFTP),
    ],
)
def test_vector_peers(name: str, function: Function) -> None:
    """The servers of the lab's ITL with signer version 1.1, its EC file server among them."""
    held = holds(itl=vector("ITL-sha512-v1.1-ec.tlv"))
    right, wrong = vector_identity(name).certificate, vector_identity("outsider").certificate
    context = asking(P3, FileKind.PLAIN)
    assert decide_peer(held, right, function, context).reason is Reason.PEER_LISTED
    assert decide_peer(held, wrong, function, context).reason is Reason.PEER_NOT_LISTED
    assert decide_peer(Installed(), right, function, context).reason is not Reason.PEER_LISTED
