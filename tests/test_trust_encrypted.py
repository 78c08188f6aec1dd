"""Encrypted configurations: rows C8 and C10 of the decision table."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from trust_asserts import assert_accepted, assert_asks_tvs, assert_refused
from trust_lists import (
    ALL,
    CCM,
    CONFIGURATION,
    MANUAL_KEY,
    P0,
    P1,
    RECOVERY,
    SBD,
    STRANGER,
    TOKEN1,
    asking,
    encryption_for,
    holds,
    identity,
    make_ctl,
    make_enc_sgn,
    make_itl,
    make_sgn,
    rsa_key,
    vouch,
)

from secd.models import Model
from secd.trust import (
    Context,
    Installed,
    Reason,
    decide,
)
from secd.words import FileKind

ENCRYPTED = FileKind.ENCRYPTED
CTL_ONLY = holds(ctl=make_ctl(TOKEN1))
ITL_ONLY = holds(itl=make_itl(RECOVERY))
DEVICE = identity("DEVICE").rsa_key
every = pytest.mark.parametrize("model", ALL, ids=lambda model: model.generation)
sbd = pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)


def _asks_encrypted(model: Model, key: rsa.RSAPrivateKey | None = DEVICE) -> Context:
    return replace(asking(model, ENCRYPTED), device_key=key)


@sbd
def test_c8_signature_first_then_key_body_and_digest(model: Model) -> None:
    octets = make_enc_sgn(CCM, *encryption_for(DEVICE))
    for held, reason in ((CTL_ONLY, Reason.IN_CTL), (ITL_ONLY, Reason.IN_ITL)):
        verdict = assert_accepted(decide(held, octets, _asks_encrypted(model)), reason)
        assert verdict.payload == CONFIGURATION
        assert verdict.evidence.file is not None


@sbd
def test_c8_vouched_by_tvs(model: Model) -> None:
    octets = make_enc_sgn(STRANGER, *encryption_for(DEVICE))
    assert_asks_tvs(decide(ITL_ONLY, octets, _asks_encrypted(model)))
    verdict = decide(ITL_ONLY, octets, _asks_encrypted(model), (vouch(STRANGER, 3),))
    assert assert_accepted(verdict, Reason.TVS_VOUCHED).payload == CONFIGURATION


@sbd
@pytest.mark.parametrize("size", [1, 15, 16, 17, 32])
def test_c8_bodies_of_every_padding(model: Model, size: int) -> None:
    body = b"<" * size
    octets = make_enc_sgn(CCM, *encryption_for(DEVICE, body))
    verdict = decide(CTL_ONLY, octets, _asks_encrypted(model))
    assert assert_accepted(verdict, Reason.IN_CTL).payload == body


@sbd
def test_c8_one_answer_for_every_way_to_fail(model: Model) -> None:
    """Signed by a trusted key, and yet not to be read: nothing may tell at which step."""
    encryption, body = encryption_for(DEVICE)
    ways = {
        "another phone's key": encryption_for(rsa_key()),
        "a wrapped key of no modulus": (replace(encryption, wrapped_key=b"x"), body),
        "a key of another size": (encryption_for(DEVICE, key=bytes(32))[0], body),
        "half a block": (encryption, body[:-1]),
        "a changed block": (encryption, body[:-1] + bytes([body[-1] ^ 1])),
        "no block": (encryption, b""),
        "no padding": (replace(encryption, plaintext_padding=0), body),
        "more than a block of padding": (replace(encryption, plaintext_padding=17), body),
        "another digest": (replace(encryption, plaintext_digest=bytes(20)), body),
        "an unknown digest number": (replace(encryption, plaintext_digest_number=9), body),
    }
    refusals = {
        way: assert_refused(
            decide(CTL_ONLY, make_enc_sgn(CCM, *parts), _asks_encrypted(model)),
            Reason.DECRYPT_FAILED,
        )
        for way, parts in ways.items()
    }
    assert len({refusal.evidence.detail for refusal in refusals.values()}) == 1


@sbd
def test_c8_a_phone_without_a_key(model: Model) -> None:
    octets = make_enc_sgn(CCM, *encryption_for(DEVICE))
    verdict = decide(CTL_ONLY, octets, _asks_encrypted(model, None))
    assert_refused(verdict, Reason.DECRYPT_FAILED)


@sbd
def test_c8_the_signature_is_judged_before_the_key_is_used(model: Model) -> None:
    """Else whoever can send files could use the phone to try wrapped keys (no oracle)."""
    encryption, body = encryption_for(rsa_key())
    context = _asks_encrypted(model)
    broken = make_enc_sgn(CCM, encryption, body) + bytes(16)
    assert_refused(decide(CTL_ONLY, broken, context), Reason.SIGNATURE_INVALID)
    unknown = make_enc_sgn(STRANGER, encryption, body)
    assert_refused(decide(CTL_ONLY, unknown, context), Reason.TVS_NO_ANCHOR)


@every
def test_c8_a_clear_file_under_the_encrypted_name(model: Model) -> None:
    verdict = decide(CTL_ONLY, make_sgn(CCM), _asks_encrypted(model))
    assert "is not encrypted" in assert_refused(verdict, Reason.MALFORMED).evidence.detail
    assert_refused(decide(CTL_ONLY, CONFIGURATION, _asks_encrypted(model)), Reason.UNSIGNED)


def test_c10_p0_with_a_manual_key_ignores_the_signature() -> None:
    context = replace(asking(P0, ENCRYPTED), manual_key=MANUAL_KEY)
    octets = make_enc_sgn(STRANGER, *encryption_for(DEVICE))
    for held in (Installed(), CTL_ONLY):
        verdict = assert_accepted(decide(held, octets, context), Reason.MANUAL_KEY)
        assert verdict.payload == CONFIGURATION


@pytest.mark.parametrize("key", [bytes(16), b"short", b""])
def test_c10_p0_with_a_wrong_manual_key(key: bytes) -> None:
    context = replace(asking(P0, ENCRYPTED), manual_key=key)
    octets = make_enc_sgn(CCM, *encryption_for(DEVICE))
    assert_refused(decide(CTL_ONLY, octets, context), Reason.DECRYPT_FAILED)


def test_c10_p0_without_a_manual_key_judges_the_signature() -> None:
    octets = make_enc_sgn(STRANGER, *encryption_for(DEVICE))
    verdict = decide(CTL_ONLY, octets, asking(P0, ENCRYPTED))
    assert_refused(verdict, Reason.SIGNER_UNKNOWN)


@sbd
def test_c10_newer_phones_have_no_manual_key(model: Model) -> None:
    context = replace(asking(model, ENCRYPTED), manual_key=MANUAL_KEY)
    octets = make_enc_sgn(STRANGER, *encryption_for(DEVICE))
    assert_refused(decide(CTL_ONLY, octets, context), Reason.TVS_NO_ANCHOR)
    assert_asks_tvs(decide(ITL_ONLY, octets, context))
    assert_refused(
        decide(CTL_ONLY, make_enc_sgn(CCM, *encryption_for(DEVICE)), context),
        Reason.DECRYPT_FAILED,
    )


def test_secrets_do_not_show_in_the_context() -> None:
    context = replace(asking(P1, ENCRYPTED), manual_key=b"very secret", device_key=DEVICE)
    assert "secret" not in repr(context)
