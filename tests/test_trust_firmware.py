"""Rows F1 to F3: firmware is judged by the key that is given, and by nothing else."""

from dataclasses import replace

import pytest
from trust_lists import CCM, NOW, P0, P1, P3, holds, make_ctl, make_itl, make_sgn

from firmware_sim.cluster import PooledKeys
from firmware_sim.cluster.firmware import firmware_files, sign_firmware
from secd.envelope import (
    Encryption,
    components_of_untrusted,
    decode_signed_file_untrusted,
    encode_signed_file,
    pad,
)
from secd.errors import UnsupportedKey
from secd.models import Model
from secd.trust import Accept, Context, Installed, Reason, Refuse, Verdict, decide
from secd.words import FileKind

LOAD = "SCCP41.9-3-1SR4-1S"
KEYS = PooledKeys(2)
KEY, OTHER = KEYS.rsa(2048), KEYS.rsa(2048)
BODY = b"apps.sbn\r\n"
SIGNED = sign_firmware(f"{LOAD}.loads", BODY, KEY)


def judged(
    octets: bytes,
    *,
    given: bool = True,
    model: Model = P1,
    installed: Installed | None = None,
) -> Verdict:
    key = KEY.public_key() if given else None
    context = Context(model, FileKind.FIRMWARE, NOW, firmware_key=key)
    return decide(installed or Installed(), octets, context)


@pytest.mark.parametrize("name", [f"{LOAD}.loads", f"apps.{LOAD}.sbn"])
def test_f1_without_the_key_it_is_read_and_not_judged(name: str) -> None:
    verdict = judged(firmware_files(LOAD, KEY)[name], given=False)
    assert isinstance(verdict, Refuse)
    assert verdict.reason is Reason.FIRMWARE_KEY_UNKNOWN
    assert verdict.evidence.file is not None
    assert verdict.evidence.file.is_firmware


@pytest.mark.parametrize("model", [P0, P1, P3])
@pytest.mark.parametrize("installed", [Installed(), holds(ctl=make_ctl(CCM), itl=make_itl(CCM))])
def test_f2_signed_with_the_key_whatever_the_phone_holds(
    model: Model, installed: Installed
) -> None:
    verdict = judged(SIGNED, model=model, installed=installed)
    assert isinstance(verdict, Accept)
    assert (verdict.reason, verdict.payload) == (Reason.FIRMWARE_KEY, BODY)


def changed(**values: object) -> bytes:
    file = decode_signed_file_untrusted(SIGNED)
    return encode_signed_file(replace(file.header, **values), file.body)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", Reason.UNSIGNED),
        (BODY, Reason.UNSIGNED),
        (SIGNED[:40], Reason.MALFORMED),
        (SIGNED[:-1] + b"!", Reason.FIRMWARE_SIGNATURE_INVALID),
        (sign_firmware(f"{LOAD}.loads", BODY, OTHER), Reason.FIRMWARE_SIGNATURE_INVALID),
        # That the cluster's own key stands in every list does not count.
        (make_sgn(CCM, BODY), Reason.FIRMWARE_SIGNATURE_INVALID),
        (changed(digest=9), Reason.KEY_UNSUPPORTED),
        (changed(signature_algorithm=1), Reason.KEY_UNSUPPORTED),
        (changed(modulus_code=4), Reason.KEY_UNSUPPORTED),
    ],
)
def test_f3_everything_else_is_refused(octets: bytes, reason: Reason) -> None:
    verdict = judged(octets, installed=holds(ctl=make_ctl(CCM), itl=make_itl(CCM)))
    assert isinstance(verdict, Refuse)
    assert verdict.reason is reason
    assert verdict.evidence.detail


def test_f3_an_encrypted_file_is_no_firmware() -> None:
    wrapped = Encryption(0, bytes(16), 1, 0, 2048, 1, bytes(256), 1, bytes(20))
    layout = (*decode_signed_file_untrusted(SIGNED).header.layout, (16, 9), (17, 3))
    inside = ((18, 0), (19, 0), (20, 0), (21, 4), (22, 0), (23, 0), (24, 0), (25, 0))
    octets = changed(encryption=wrapped, layout=(*layout, *inside, (26, 0), (27, 0)))
    verdict = judged(octets)
    assert isinstance(verdict, Refuse)
    assert verdict.reason is Reason.MALFORMED


def test_every_octet_of_the_envelope_but_the_signature_is_covered() -> None:
    """The signer's names and the padding too; what breaks the format is malformed."""
    at = decode_signed_file_untrusted(SIGNED).signature_at
    for place in range(len(SIGNED)):
        octets = bytearray(SIGNED)
        octets[place] ^= 0x40
        verdict = judged(bytes(octets))
        assert isinstance(verdict, Refuse), place
        if place >= at + 3:
            known = {Reason.MALFORMED, Reason.FIRMWARE_SIGNATURE_INVALID}
            assert verdict.reason in known, place


def test_the_lab_makes_a_list_that_names_its_components() -> None:
    files = firmware_files(LOAD, KEY)
    first, *others = files
    assert first == f"{LOAD}.loads"
    body = decode_signed_file_untrusted(files[first]).body
    assert [component.name for component in components_of_untrusted(body)] == others
    header = decode_signed_file_untrusted(files[first]).header
    assert (header.version, header.timestamp, pad(header)) == ((1, 1), None, header)
    assert len(set(files.values())) == len(files)


def test_the_lab_refuses_a_key_that_no_header_can_express() -> None:
    with pytest.raises(UnsupportedKey, match="3072"):
        sign_firmware("x", b"", KEYS.rsa(3072))
