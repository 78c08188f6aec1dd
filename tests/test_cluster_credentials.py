"""Certificates, tokens, keys and releases of the lab."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.cluster import (
    CertificateMaker,
    FreshKeys,
    ManufacturingCA,
    PooledKeys,
    Release,
    Subject,
    demo_cluster,
    make_cluster,
    make_node,
)
from secd.errors import UnsupportedKey, UnusableInput

HOST = Subject("CUCM8-Publisher.bbbburns.lab", "AS", "Cisco", "RTP", "NC", "US")
MADE_AT = 1_314_811_683


def maker(seed: int = 1, serial_bytes: int = 8) -> CertificateMaker:
    return CertificateMaker(PooledKeys(), Random(seed), MADE_AT, 1024, serial_bytes)


def test_a_self_signed_certificate_is_what_the_list_says_of_it() -> None:
    credential = maker().self_signed(HOST)
    certificate = x509.load_der_x509_certificate(credential.certificate)
    name = b"CN=CUCM8-Publisher.bbbburns.lab;OU=AS;O=Cisco;L=RTP;ST=NC;C=US"
    assert (credential.subject, credential.issuer) == (name, name)
    assert int.from_bytes(credential.serial, "big") == certificate.serial_number
    assert credential.signature == certificate.signature
    begin = datetime.fromtimestamp(MADE_AT, UTC)
    assert certificate.not_valid_before_utc == begin
    assert certificate.not_valid_after_utc - begin == timedelta(days=1825)
    certificate.verify_directly_issued_by(certificate)


@settings(deadline=None)  # the first example makes the key
@given(st.integers(min_value=0, max_value=2**32), st.sampled_from([8, 16]))
def test_serials_have_the_stated_length_and_no_high_bit(seed: int, octets: int) -> None:
    serial = maker(seed, octets).self_signed(HOST).serial
    assert len(serial) == octets
    assert 1 <= serial[0] <= 127


def test_serials_come_from_the_seeded_source() -> None:
    assert maker(5).self_signed(HOST).serial == maker(5).self_signed(HOST).serial
    assert maker(5).self_signed(HOST).serial != maker(6).self_signed(HOST).serial


def test_names_of_capf_and_itl_recovery() -> None:
    one = maker()
    cluster = make_cluster(one, Release(12, 0, 1), make_node(one, "a", "10.0.0.1", HOST), HOST)
    common_names = [
        name.subject.decode().partition(";")[0] for name in (cluster.capf, cluster.itl_recovery)
    ]
    assert common_names[1] == "CN=ITLRECOVERY_CUCM8-Publisher.bbbburns.lab"
    assert common_names[0].startswith("CN=CAPF-")
    int(common_names[0].removeprefix("CN=CAPF-"), 16)
    assert len(common_names[0]) == len("CN=CAPF-9c4cba7d")


def test_a_token_is_issued_by_the_manufacturing_ca() -> None:
    authority = ManufacturingCA.create(maker())
    token = authority.issue_token("ADN4e31f914")
    certificate = x509.load_der_x509_certificate(token.credential.certificate)
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(authority.certificate))
    names = [str(part.value) for part in certificate.subject]
    assert names == ["SAST-ADN4e31f914        ", "IPCBU", "Cisco Systems"]
    assert token.credential.subject == b'cn="SAST-ADN4e31f914        ";ou=IPCBU;o="Cisco Systems'
    assert len(token.credential.subject) + 1 == 56
    assert len(token.credential.issuer) + 1 == 42


def test_a_tokens_serial_stands_reversed_in_lists() -> None:
    authority = ManufacturingCA.create(maker())
    for number in (1, 2):
        listed = authority.issue_token(f"ADN0000000{number}").credential
        serial = x509.load_der_x509_certificate(listed.certificate).serial_number
        assert listed.serial[::-1] == serial.to_bytes(10, "big")
        assert listed.serial[:6] == bytes([number, 0, 0, 0, 0, 0])


def test_a_token_signs_with_sha1() -> None:
    token = demo_cluster(PooledKeys(), Random(1)).tokens[0]
    signature = token.sign(b"octets")
    token.credential.key.public_key().verify(
        signature, b"octets", padding.PKCS1v15(), hashes.SHA1()
    )


def test_an_unknown_digest_is_refused() -> None:
    with pytest.raises(UnsupportedKey):
        maker().self_signed(HOST).sign(b"octets", 9)


def test_fresh_keys_differ_and_pooled_ones_come_round() -> None:
    fresh = FreshKeys()
    assert fresh.rsa(1024).private_numbers() != fresh.rsa(1024).private_numbers()
    pool = PooledKeys(size=2)
    first, second, third = (pool.rsa(1024) for _ in range(3))
    assert first is third
    assert first is not second
    assert isinstance(first, rsa.RSAPrivateKey)
    assert PooledKeys(size=2).rsa(1024) is first


@given(st.tuples(*[st.integers(min_value=0, max_value=999)] * 3))
def test_releases_are_read_as_written(numbers: tuple[int, int, int]) -> None:
    release = Release(*numbers)
    assert Release.parse(str(release)) == release


def test_releases_have_an_order() -> None:
    assert Release(8, 6, 2) < Release(10, 0, 1) < Release(10, 5, 1) < Release(10, 5, 2)


@pytest.mark.parametrize("text", ["", "10.5", "10.5.2", "10.5(2)\n", "٣.5(1)", "10.5(2)SU1"])
def test_other_texts_are_no_release(text: str) -> None:
    with pytest.raises(UnusableInput, match="no release"):
        Release.parse(text)
