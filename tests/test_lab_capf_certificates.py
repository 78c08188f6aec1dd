"""Certificates that prove a phone to the lab's CAPF, and those that do not."""

import pytest
import trio
from capf_lab import (
    DEVICE,
    MODEL,
    NOW,
    SMALL,
    CAPFLab,
    Memory,
    Phone,
    a_lab,
    doubled,
    foreign_mic,
    made,
    mic,
    own_lsc,
)
from trio.testing import MockClock

from firmware_sim.capf import CAPFDenied, LSCSubject, PhoneFacts
from secd.capf import (
    Applicant,
    Claim,
    Curve,
    ECKind,
    Identity,
    KeyKind,
    Operation,
    RSAKind,
)
from secd.configuration import CAPFMode

NULL = CAPFMode.NULL_STRING
LSC_FIRST, MIC_FIRST = CAPFMode.EXISTING_CERTIFICATE_LSC, CAPFMode.EXISTING_CERTIFICATE_MIC
INSTALL = Operation.INSTALL


@pytest.mark.parametrize("mode", [LSC_FIRST, MIC_FIRST])
@pytest.mark.parametrize("kind", [SMALL, ECKind(Curve.P256)], ids=str)
@pytest.mark.parametrize("style", LSCSubject)
@pytest.mark.parametrize("with_sudi", [False, True])
def test_an_lsc_by_the_lsc_that_is_there(
    mode: CAPFMode, kind: KeyKind, style: LSCSubject, with_sudi: bool
) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, mode)
    proof = own_lsc(lab, kind, style)
    sudi = mic() if with_sudi else None
    assert outcome(lab, Applicant(DEVICE, proof=proof, sudi=sudi)) == (1, "")


@pytest.mark.parametrize("kind", [SMALL, ECKind(Curve.P384)], ids=str)
def test_an_lsc_by_the_mic(kind: KeyKind) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, MIC_FIRST)
    own = mic(DEVICE, kind)
    assert outcome(lab, Applicant(DEVICE, proof=own, sudi=own)) == (1, "")


def outcome(lab: CAPFLab, applicant: Applicant) -> tuple[int | None, str]:
    """Return the reason of END_SESSION, and what the server says of it."""

    async def converse() -> tuple[int | None, str]:
        async with lab.serving(Memory()) as server:
            ended = await Phone(server).converse(applicant)
        return ended.reason, server.refusals[0][1] if server.refusals else ""

    return trio.run(converse, clock=MockClock(autojump_threshold=0))


def test_proofs_that_are_none() -> None:
    lab = a_lab()
    task = lab.schedule(INSTALL, LSC_FIRST)
    other, own = "SEP000000000009", own_lsc(lab)
    swapped = Identity(own.certificate, made(RSAKind(2048)))
    proofs = {
        "the phone shows no certificate": None,
        "the certificate is not that of": own_lsc(lab, device=other),
        "the certificate is not valid now": own_lsc(lab, at=NOW - 6 * 365 * 86_400),
        "the certificate was issued by nobody": foreign_mic(),
        "the certificate cannot be read: Duplicate": Identity(doubled(), own.key),
        "the certificate cannot be read: the certificate": Identity(b"none", own.key),
        "the certificate is not one for signing": Identity(lab.authority_certificate(), own.key),
        "the proof is wrong: the SHA1 signature": swapped,
    }
    for complaint, proof in proofs.items():
        reason, detail = outcome(lab, Applicant(DEVICE, proof=proof))
        assert reason == 7
        assert detail.startswith(complaint), detail
    assert outcome(lab, Applicant(DEVICE, proof=own_lsc(lab, at=NOW + 60)))[0] == 7
    assert lab.record().is_same_task(task)
    assert lab.record().lsc is None


def test_a_certificate_that_is_only_shown() -> None:
    lab = a_lab()
    lab.schedule(INSTALL, LSC_FIRST)
    with pytest.raises(CAPFDenied, match="does not prove that the certificate is its own"):
        lab.office.judge(Claim(DEVICE.encode(), certificate=own_lsc(lab).certificate), 1)


def test_a_certificate_that_is_not_for_signing() -> None:
    lab = a_lab()
    lab.schedule(INSTALL, LSC_FIRST)
    proof = Identity(lab.certificate_for_encryption(), made(SMALL))
    assert outcome(lab, Applicant(DEVICE, proof=proof)) == (
        *(7, "the certificate is not one for signing, or an authority's"),
    )


@pytest.mark.parametrize(
    ("common_name", "is_it"),
    [
        (DEVICE, True),
        (f"CP-7961-{DEVICE}", True),
        (f"CP-7961G-GE-{DEVICE}", True),
        (f"CP-7961{DEVICE}", False),
        (f"7961-{DEVICE}", False),
        (f"CP-7961-{DEVICE}X", False),
        ("", False),
    ],
)
def test_names_in_certificates_of_a_phone(common_name: str, is_it: bool) -> None:
    assert PhoneFacts(DEVICE, MODEL).is_called(common_name) is is_it


@pytest.mark.parametrize("model", ["7961", "CP-7961", "cp-7961"])
def test_models_are_spelled_in_more_than_one_way(model: str) -> None:
    assert PhoneFacts(DEVICE, model).common_name == f"CP-7961-{DEVICE}"


@pytest.mark.parametrize("mode", [NULL, LSC_FIRST])
def test_sudi_data_counts_where_it_comes(mode: CAPFMode) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, mode)
    proof, stolen = own_lsc(lab), Identity(mic().certificate, made(RSAKind(2048)))
    cases = {
        "the SUDI certificate was issued by nobody": foreign_mic(),
        "the SUDI certificate is not that of": mic("SEP000000000009"),
        "the SUDI data is wrong: the SHA1 signature": stolen,
    }
    for complaint, sudi in cases.items():
        reason, detail = outcome(lab, Applicant(DEVICE, proof=proof, sudi=sudi))
        assert reason == 7
        assert detail.startswith(complaint), detail
