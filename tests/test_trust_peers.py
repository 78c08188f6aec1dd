"""TLS servers: rows T1 to T5 of the decision table."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from support import lab
from trust_lists import (
    ALL,
    APP,
    CAPF,
    CCM,
    NOW,
    P0,
    P1,
    P2,
    P3,
    RECOVERY,
    SAST_RECOVERY,
    SBD,
    STRANGER,
    TFTP,
    TVS,
    TVS_RECORD,
    Identity,
    asking,
    header_for,
    holds,
    identity,
    issued,
    make_list,
    record,
    rsa_key,
    twin,
    vouch,
    with_signer_version,
    without_certificate,
)

from secd.models import Generation, Model
from secd.trust import (
    Accept,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Voucher,
    decide_peer,
    decide_pinned,
)
from secd.trust.peers import PeerVerdict
from secd.trustlist import Function, Record
from secd.words import FileKind

every = pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)
CA = (x509.BasicConstraints(ca=True, path_length=None),)
NO_CA = (x509.BasicConstraints(ca=False, path_length=None),)
FUNCTIONS = (Function.CCM, Function.CAPF, Function.TVS, Function.APP_SERVER, Function.TFTP)


def _list(*records: Record) -> bytes:
    return make_list(RECOVERY, SAST_RECOVERY, *records)


ITL = _list(record(2, CCM), record(4, CAPF), TVS_RECORD)
ONLY_TVS = holds(itl=_list(TVS_RECORD))


def _decide(
    held: Installed, peer: Identity, function: Function, model: Model, *vouchers: Voucher
) -> PeerVerdict:
    return decide_peer(held, peer.certificate, function, asking(model, FileKind.PLAIN), vouchers)


def _accepted(verdict: PeerVerdict, reason: Reason = Reason.PEER_LISTED) -> None:
    assert isinstance(verdict, Accept)
    assert (verdict.reason, verdict.payload, verdict.trust_list) == (reason, b"", None)


def _refused(verdict: PeerVerdict, reason: Reason = Reason.PEER_NOT_LISTED) -> None:
    assert isinstance(verdict, Refuse)
    assert verdict.reason is reason
    assert " " in verdict.evidence.detail


def _asks(verdict: PeerVerdict) -> None:
    assert isinstance(verdict, NeedsTVS)
    assert verdict.reason is Reason.PEER_NOT_LISTED


@every
@pytest.mark.parametrize("function", [1, 2])
def test_t1_call_manager_of_the_ctl(model: Model, function: int) -> None:
    held = holds(ctl=_list(record(function, CCM)))
    _accepted(_decide(held, CCM, Function.CCM, model))


@sbd
@pytest.mark.parametrize("function", [1, 2])
def test_t1_call_manager_of_the_itl_where_no_ctl_is_stored(model: Model, function: int) -> None:
    held = holds(itl=_list(record(function, CCM)))
    _accepted(_decide(held, CCM, Function.CCM, model))


@every
def test_t1_a_stored_ctl_alone_decides_and_tvs_never(model: Model) -> None:
    held = holds(ctl=_list(record(2, STRANGER)), itl=ITL)
    _refused(_decide(held, CCM, Function.CCM, model, vouch(CCM, 1, 2)))


@sbd
@pytest.mark.parametrize("function", [1, 2])
def test_t1_tvs_vouches_where_no_ctl_is_stored(model: Model, function: int) -> None:
    _asks(_decide(ONLY_TVS, CCM, Function.CCM, model))
    _accepted(_decide(ONLY_TVS, CCM, Function.CCM, model, vouch(CCM, function)), Reason.TVS_VOUCHED)
    useless = vouch(CCM, 0, 3, 4, 7, 21)
    _refused(_decide(ONLY_TVS, CCM, Function.CCM, model, useless), Reason.TVS_ROLE_MISSING)


@every
@pytest.mark.parametrize("function", [0, 3, 4, 7, 21])
def test_t1_other_functions_are_no_call_manager(model: Model, function: int) -> None:
    held = holds(ctl=_list(record(function, CCM)))
    _refused(_decide(held, CCM, Function.CCM, model))


@every
def test_t1_never_a_chain_and_never_a_namesake(model: Model) -> None:
    ca = issued("CA", rsa_key(), extensions=CA)
    leaf = issued("LEAF", rsa_key(), by=ca)
    held = holds(ctl=_list(record(2, ca), record(2, CCM)))
    _refused(_decide(held, leaf, Function.CCM, model))
    _refused(_decide(held, twin("CCM"), Function.CCM, model))


def test_t1_p0_without_a_ctl() -> None:
    _refused(_decide(Installed(), CCM, Function.CCM, P0, vouch(CCM, 2)))


@sbd
def test_t2_capf_of_either_list(model: Model) -> None:
    listed = _list(record(4, CAPF))
    for held in (holds(ctl=listed), holds(itl=listed), holds(ctl=_list(), itl=listed)):
        _accepted(_decide(held, CAPF, Function.CAPF, model))


def test_t2_p0_reads_the_ctl_alone() -> None:
    _accepted(_decide(holds(ctl=_list(record(4, CAPF))), CAPF, Function.CAPF, P0))
    _refused(_decide(holds(itl=ITL), CAPF, Function.CAPF, P0, vouch(CAPF, 4)))


@sbd
def test_t2_another_capf_than_the_listed_one(model: Model) -> None:
    """Operations 6 and 7: where a list knows a CAPF, TVS is not asked about another."""
    held = holds(itl=ITL)
    _refused(_decide(held, STRANGER, Function.CAPF, model, vouch(STRANGER, 4)))
    _refused(_decide(held, twin("CAPF"), Function.CAPF, model))


@sbd
def test_t2_tvs_vouches_where_no_list_knows_a_capf(model: Model) -> None:
    bare = holds(itl=_list(TVS_RECORD, without_certificate(record(4, CAPF))))
    for held in (ONLY_TVS, bare):
        _asks(_decide(held, CAPF, Function.CAPF, model))
        _accepted(_decide(held, CAPF, Function.CAPF, model, vouch(CAPF, 4)), Reason.TVS_VOUCHED)
        useless = vouch(CAPF, 0, 1, 2, 3, 7, 21)
        _refused(_decide(held, CAPF, Function.CAPF, model, useless), Reason.TVS_ROLE_MISSING)


@sbd
def test_t2_other_functions_are_no_capf(model: Model) -> None:
    held = holds(ctl=_list(*(record(function, CAPF) for function in (0, 1, 2, 3, 7, 21))))
    _refused(_decide(held, CAPF, Function.CAPF, model))


@sbd
def test_t3_tvs_of_the_installed_itl(model: Model) -> None:
    _accepted(_decide(holds(itl=ITL), TVS, Function.TVS, model))
    _refused(_decide(holds(itl=ITL), STRANGER, Function.TVS, model, vouch(STRANGER, 21)))


@sbd
def test_t3_without_a_tvs_record_there_is_no_anchor(model: Model) -> None:
    others = [record(function, TVS) for function in (0, 1, 2, 3, 4, 7)]
    for held in (
        Installed(),
        holds(ctl=_list(TVS_RECORD)),
        holds(itl=_list(*others)),
        holds(itl=_list(without_certificate(TVS_RECORD))),
    ):
        _refused(_decide(held, TVS, Function.TVS, model), Reason.TVS_NO_ANCHOR)


def test_t3_p0_never_speaks_to_tvs() -> None:
    _refused(_decide(holds(itl=ITL), TVS, Function.TVS, P0), Reason.TVS_NO_ANCHOR)


@every
def test_t4_https_service_of_the_ctl(model: Model) -> None:
    _accepted(_decide(holds(ctl=_list(record(7, APP))), APP, Function.APP_SERVER, model))


@sbd
def test_t4_https_service_of_the_itl_or_by_tvs(model: Model) -> None:
    _accepted(_decide(holds(itl=_list(record(7, APP))), APP, Function.APP_SERVER, model))
    held = holds(itl=_list(TVS_RECORD, *(record(function, APP) for function in (0, 2, 3, 4))))
    _asks(_decide(held, APP, Function.APP_SERVER, model))
    _accepted(_decide(held, APP, Function.APP_SERVER, model, vouch(APP, 7)), Reason.TVS_VOUCHED)
    useless = vouch(APP, 0, 1, 2, 3, 4, 21)
    _refused(_decide(held, APP, Function.APP_SERVER, model, useless), Reason.TVS_ROLE_MISSING)


def test_t4_p0_has_no_tvs() -> None:
    _refused(_decide(ONLY_TVS, APP, Function.APP_SERVER, P0, vouch(APP, 7)))


@every
@pytest.mark.parametrize("curve", [False, True], ids=("rsa", "ec"))
def test_t4_a_chain_to_a_listed_ca_on_p3(model: Model, curve: bool) -> None:
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa_key()
    ca = issued("CA", key, extensions=CA)
    leaf = issued("LEAF", rsa_key(), by=ca)
    verdict = _decide(holds(ctl=_list(record(7, ca))), leaf, Function.APP_SERVER, model)
    if model.generation is Generation.P3:
        _accepted(verdict, Reason.CHAIN_TO_CA)
    else:
        _refused(verdict)


def _not_chains() -> dict[str, tuple[Identity, Identity]]:
    ca = issued("CA", rsa_key(), extensions=CA)
    leaf_of_ca = issued("LEAF", rsa_key(), by=ca)
    plain, no_ca = issued("PLAIN", rsa_key()), issued("NO CA", rsa_key(), extensions=NO_CA)
    forged = issued("CA", rsa_key(), extensions=CA)
    curve = issued("CURVE", ec.generate_private_key(ec.SECP256R1()), extensions=CA)
    other_curve = issued("CURVE", ec.generate_private_key(ec.SECP256R1()), extensions=CA)
    return {
        "no CA": (no_ca, issued("LEAF", rsa_key(), by=no_ca)),
        "no basic constraints": (plain, issued("LEAF", rsa_key(), by=plain)),
        "another issuer": (ca, issued("LEAF", rsa_key(), by=curve)),
        "another name of that key": (issued("OTHER", ca.key, extensions=CA), leaf_of_ca),
        "another key of that name": (ca, issued("LEAF", rsa_key(), by=forged)),
        "another curve key of that name": (curve, issued("LEAF", rsa_key(), by=other_curve)),
        "a key of another kind": (ca, issued("CA", curve.key, extensions=CA)),
        "unreadable": (ca, replace(STRANGER, certificate=b"\x30\x00")),
    }


@pytest.mark.parametrize("way", _not_chains())
def test_t4_what_is_no_chain(way: str) -> None:
    ca, leaf = _not_chains()[way]
    _refused(_decide(holds(ctl=_list(record(7, ca))), leaf, Function.APP_SERVER, P3))


def _edwards(subject: str, issuer: str) -> bytes:
    """Return a certificate of a kind that lists cannot even describe, its own CA."""
    key = ed25519.Ed25519PrivateKey.generate()
    by, of = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (issuer, subject)
    )
    dates = x509.load_der_x509_certificate(CCM.certificate)
    builder = x509.CertificateBuilder(by, of, key.public_key(), 7)
    builder = builder.not_valid_before(dates.not_valid_before_utc)
    builder = builder.not_valid_after(dates.not_valid_after_utc)
    return builder.add_extension(CA[0], critical=True).sign(key, None).public_bytes(Encoding.DER)


def test_t4_keys_of_a_third_kind_are_no_chain() -> None:
    """A list may hold anything; a peer may send anything; neither may end in an exception."""
    rsa_ca, edwards_ca = issued("CA", rsa_key(), extensions=CA), _edwards("CA", "CA")
    leaf, edwards_leaf = issued("LEAF", rsa_key(), by=rsa_ca).certificate, _edwards("LEAF", "CA")
    for ca in (rsa_ca.certificate, edwards_ca, b"junk"):
        held = holds(ctl=_list(replace(record(7, CCM), certificate=ca)), itl=_list(TVS_RECORD))
        for peer in (edwards_leaf, leaf, b"other junk"):
            verdict = decide_peer(held, peer, Function.APP_SERVER, asking(P3, FileKind.PLAIN))
            if peer is leaf and ca is rsa_ca.certificate:
                _accepted(verdict, Reason.CHAIN_TO_CA)
            elif peer is leaf:
                _asks(verdict)
            else:
                _refused(verdict)


def test_t4_a_ca_whose_extensions_cannot_be_read() -> None:
    """One extension twice: the library reads extensions late, and raises what is no ValueError."""
    first = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0")
    second = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.5"), b"\5\0")
    ca = issued("CA", rsa_key(), extensions=(*CA, first, second))
    twice = ca.certificate.replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")
    leaf = issued("LEAF", rsa_key(), by=ca)
    listed = replace(record(7, ca), certificate=twice)
    _refused(_decide(holds(ctl=_list(listed)), leaf, Function.APP_SERVER, P3))


def test_t5_file_server_over_https() -> None:
    for version in ((1, 1), (1, 2), (2, 0)):
        header = with_signer_version(header_for(RECOVERY), version)
        itl = make_list(RECOVERY, SAST_RECOVERY, record(3, TFTP), header=header)
        _accepted(_decide(holds(itl=itl), TFTP, Function.TFTP, P3))
        _refused(_decide(holds(itl=itl), STRANGER, Function.TFTP, P3, vouch(STRANGER, 3)))


def test_t5_only_tftp_records_count() -> None:
    header = with_signer_version(header_for(RECOVERY), (1, 1))
    others = [record(function, TFTP) for function in (0, 1, 2, 4, 7, 21)]
    itl = make_list(RECOVERY, SAST_RECOVERY, *others, header=header)
    _refused(_decide(holds(itl=itl), TFTP, Function.TFTP, P3))


def test_t5_needs_signer_version_1_1_of_the_itl() -> None:
    old = with_signer_version(header_for(RECOVERY), (1, 0))
    new = with_signer_version(header_for(RECOVERY), (1, 1))
    listed = record(3, TFTP)
    for held in (
        Installed(),
        holds(itl=_list(listed)),
        holds(itl=make_list(RECOVERY, SAST_RECOVERY, listed, header=old)),
        holds(ctl=make_list(RECOVERY, SAST_RECOVERY, listed, header=new)),
    ):
        _refused(_decide(held, TFTP, Function.TFTP, P3))


@pytest.mark.parametrize("model", [P0, P1, P2], ids=lambda model: model.generation)
def test_t5_no_other_model(model: Model) -> None:
    header = with_signer_version(header_for(RECOVERY), (1, 1))
    itl = make_list(RECOVERY, SAST_RECOVERY, record(3, TFTP), header=header)
    _refused(_decide(holds(itl=itl), TFTP, Function.TFTP, model))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_t1_to_t5_a_record_without_certificate_never_matches(function: Function) -> None:
    header = with_signer_version(header_for(RECOVERY), (1, 1))
    bare = without_certificate(record(function, CCM))
    empty = replace(record(function, CCM), certificate=b"")
    octets = make_list(RECOVERY, SAST_RECOVERY, bare, empty, header=header)
    held = holds(ctl=octets, itl=octets)
    for certificate in (CCM.certificate, b""):
        verdict = decide_peer(held, certificate, function, asking(P3, FileKind.PLAIN))
        assert isinstance(verdict, Refuse)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_t1_to_t5_dates_are_not_checked(function: Function) -> None:
    old = identity("EXPIRED", years="expired")
    header = with_signer_version(header_for(RECOVERY), (1, 1))
    itl = make_list(RECOVERY, SAST_RECOVERY, record(function, old), header=header)
    _accepted(_decide(holds(itl=itl), old, function, P3))


@pytest.mark.parametrize("function", [Function.CCM, Function.CAPF, Function.APP_SERVER])
def test_t1_t2_t4_what_a_voucher_must_be(function: Function) -> None:
    expired = vouch(CCM, function, until=NOW - 1)
    _asks(_decide(ONLY_TVS, CCM, function, P1, expired, vouch(STRANGER, function)))
    lie = vouch(CCM, function, certificate=twin("CCM").certificate)
    _refused(_decide(ONLY_TVS, CCM, function, P1, lie), Reason.TVS_DENIED)
    context = replace(asking(P1, FileKind.PLAIN), tvs_servers=())
    good = (vouch(CCM, function),)
    _refused(decide_peer(ONLY_TVS, CCM.certificate, function, context, good))
    _refused(decide_peer(ONLY_TVS, b"junk", function, asking(P1, FileKind.PLAIN), good))


@pytest.mark.parametrize("function", [Function.SAST, Function.CCM_TFTP])
def test_no_server_is_judged_by_other_functions(function: Function) -> None:
    with pytest.raises(ValueError, match=function.name):
        _decide(Installed(), CCM, function, P1)


def test_a_named_certificate_is_compared_octet_for_octet() -> None:
    pinned = lab("ccm").der
    assert decide_pinned(pinned, pinned) == Accept(Reason.PEER_LISTED)
    refused = decide_pinned(lab("capf").der, pinned)
    assert isinstance(refused, Refuse)
    assert refused.reason is Reason.PEER_NOT_LISTED
