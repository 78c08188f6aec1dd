"""What CAPF knows of a device shows in its configuration, and opens its encrypted one."""

from xml.etree.ElementTree import fromstring

import pytest
from capf_lab import DEVICE, LATER, MODEL, NOW, SMALL, CAPFLab, Memory, Phone, a_lab, mic
from cryptography.hazmat.primitives.asymmetric import rsa
from trio.testing import MockClock

from firmware_sim.cluster import ClusterFiles, NotFound
from firmware_sim.cluster.signing import certificate_hash
from secd.capf import Applicant, Curve, ECKind, KeyKind, Operation
from secd.capf.proof import PrivateKey
from secd.certs import facts_of_untrusted, load_certificate_untrusted
from secd.configuration import CAPFMode
from secd.crypto import decrypt_cbc, unwrap_key
from secd.envelope import decode_signed_file_untrusted

NULL = CAPFMode.NULL_STRING
ENCRYPTED, SIGNED, PLAIN = (f"{DEVICE}.cnf.xml{end}" for end in (".enc.sgn", ".sgn", ""))


def files_of(lab: CAPFLab) -> ClusterFiles:
    return ClusterFiles(lab.cluster, device_now=lab.office.device_now)


def get(files: ClusterFiles, name: str) -> bytes:
    octets = files.answer("phone", name)
    assert isinstance(octets, bytes)
    return octets


def said(files: ClusterFiles, tag: str) -> str | None:
    return fromstring(get(files, PLAIN)).findtext(tag)


def opened(file: bytes, key: PrivateKey) -> bytes:
    signed = decode_signed_file_untrusted(file)
    encryption = signed.header.encryption
    assert encryption is not None
    assert isinstance(key, rsa.RSAPrivateKey)
    aes_key = unwrap_key(key, encryption.wrapped_key)
    octets = decrypt_cbc(aes_key, encryption.initialisation_vector, signed.body)
    return octets[: len(octets) - encryption.plaintext_padding]


def test_the_configuration_says_how_the_phone_is_to_prove_itself() -> None:
    lab = a_lab()
    files = files_of(lab)
    assert said(files, "capfAuthMode") == "0"
    for mode in CAPFMode:
        if mode is not CAPFMode.NO_PENDING_OPERATION:
            lab.schedule(Operation.INSTALL, mode)
            assert said(files, "capfAuthMode") == str(int(mode))
    lab.schedule(Operation.INSTALL, NULL, until=NOW)
    assert said(files, "capfAuthMode") == "0"


def test_what_the_state_says_is_scheduled_when_capf_knows_nothing() -> None:
    lab = a_lab()
    lab.cluster.devices[DEVICE].capf_mode = NULL
    lab.office.adopt()
    record = lab.record()
    assert (record.operation, record.authentication) == (Operation.INSTALL, NULL)
    lab.schedule(Operation.NOTHING, CAPFMode.NO_PENDING_OPERATION)
    lab.office.adopt()
    assert lab.record().operation is Operation.NOTHING


async def test_the_configuration_is_encrypted_to_the_lsc(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.cluster.devices[DEVICE].encrypted_configuration = True
    files = files_of(lab)
    assert files.answer("phone", ENCRYPTED) == NotFound(ENCRYPTED)
    assert said(files, "certHash") == ""
    lab.schedule(Operation.INSTALL, NULL)
    async with lab.serving(Memory()) as server:
        lsc = (await Phone(server).converse()).install
    assert lsc is not None
    first, second = get(files, ENCRYPTED), get(files, ENCRYPTED)
    assert first != second  # a fresh key for each file
    body = opened(first, lsc.key)
    assert body == opened(second, lsc.key)
    assert fromstring(body).findtext("fullConfig") == "true"
    assert fromstring(body).findtext("certHash") == certificate_hash(lsc.certificate)
    assert said(files, "fullConfig") == "false"
    assert said(files, "certHash") == certificate_hash(lsc.certificate)
    assert said(files, "capfAuthMode") == "0"
    lab.schedule(Operation.DELETE, NULL)
    lab.store.change(DEVICE, lambda record: record.with_mic(mic().certificate))
    async with lab.serving(Memory()) as server:
        await Phone(server).converse(_holding(lsc.certificate))
    assert opened(get(files, ENCRYPTED), mic().key).startswith(b"<?xml")
    assert said(files, "certHash") == certificate_hash(mic().certificate)


def _holding(lsc: bytes) -> Applicant:
    return Applicant(DEVICE, lsc=lsc)


async def test_an_ec_lsc_gives_no_encrypted_configuration(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.cluster.devices[DEVICE].encrypted_configuration = True
    lab.schedule(Operation.INSTALL, NULL, ECKind(Curve.P256))
    async with lab.serving(Memory()) as server:
        assert (await Phone(server).converse()).done
    files = files_of(lab)
    assert files.answer("phone", ENCRYPTED) == NotFound(ENCRYPTED)
    assert (said(files, "fullConfig"), said(files, "certHash")) == ("false", "")


@pytest.mark.parametrize("kind", [SMALL, ECKind(Curve.P384)], ids=str)
def test_a_mic_is_like_a_real_one(kind: KeyKind) -> None:
    lab = a_lab()
    certificate = load_certificate_untrusted(mic(DEVICE, kind).certificate)
    texts = [(part.rfc4514_attribute_name, part.value) for part in certificate.subject]
    assert texts == [
        ("2.5.4.5", "PID:CP-7961 SN:FCH215A1AE3"),
        ("O", "Cisco"),
        ("CN", f"CP-{MODEL}-{DEVICE}"),
    ]
    [maker] = lab.office.manufacturers
    certificate.verify_directly_issued_by(load_certificate_untrusted(maker))
    facts = facts_of_untrusted(mic(DEVICE, kind).certificate)
    assert facts.not_after_seconds - facts.not_before_seconds == 3650 * 86_400
    assert facts.not_after_seconds > LATER
