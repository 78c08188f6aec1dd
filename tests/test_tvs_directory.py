"""What the lab's TVS knows: CUCM's keys and functions, and that phones can use its answers."""

from dataclasses import replace
from functools import cache
from random import Random

import pytest
from test_tvs_vectors import TRACED_ISSUER, TRACED_SERIAL

from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    Credential,
    CTLKind,
    ManufacturingCA,
    PooledKeys,
    Release,
    Subject,
    ctl_file,
    itl_file,
    make_cluster,
    make_node,
)
from firmware_sim.tvs import Entry, TVSDirectory, unique_map_id
from secd.certs import rsa_key_of_untrusted
from secd.crypto import verify_rsa
from secd.trustlist import decode_trust_list_untrusted
from secd.tvs import (
    DENIAL,
    FOUND,
    QueryCertificate,
    TVSAnswer,
    TVSClientSession,
    TVSServerSession,
    VerifyCertificate,
    wire_name,
)

HOST = Subject("cucm-pub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
SUBSCRIBER = Subject("cucm-sub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
FOREIGN = Subject("ucm11pub", "IST", "Stormin", "Brisbane", "QLD", "AU")
BEFORE_12, FROM_12 = Release(11, 5, 1), Release(12, 0, 1)


@cache
def maker() -> CertificateMaker:
    return CertificateMaker(PooledKeys(), Random(7), 1_400_000_000, bits=1024)


def cluster_of(release: Release = BEFORE_12) -> Cluster:
    """Two nodes, two tokens."""
    cluster = make_cluster(maker(), release, make_node(maker(), "cucm-pub", "10.0.0.1", HOST), HOST)
    cluster.nodes.append(make_node(maker(), "cucm-sub", "10.0.0.2", SUBSCRIBER))
    authority = ManufacturingCA.create(maker())
    cluster.tokens = [authority.issue_token(name) for name in ("ADN4e31f914", "ADN5bbd7b14")]
    return cluster


def query(credential: Credential) -> QueryCertificate:
    return QueryCertificate(credential.subject, credential.issuer, credential.serial)


def known(cluster: Cluster, subscriber: set[int]) -> list[tuple[Credential, set[int]]]:
    publisher, other = cluster.nodes
    return [
        *((token.credential, {0}) for token in cluster.tokens),
        (publisher.callmanager, {0, 2}),
        (other.callmanager, subscriber),
        (cluster.capf, {4}),
        (publisher.tvs, {21}),
        (other.tvs, {21}),
        (cluster.itl_recovery, {0}),
    ]


@pytest.mark.parametrize(
    ("release", "subscriber"), [(BEFORE_12, {0, 2}), (FROM_12, {2})], ids=["before 12", "from 12"]
)
def test_all_certificates_of_a_cluster_and_what_they_may_do(
    release: Release, subscriber: set[int]
) -> None:
    cluster = cluster_of(release)
    directory = TVSDirectory(cluster)
    for credential, functions in known(cluster, subscriber):
        expected = TVSAnswer(FOUND, credential.certificate, frozenset(functions), 86_400)
        assert directory.answer(query(credential)) == expected
        assert directory.answer(VerifyCertificate(credential.certificate)) == expected
    assert len(list(directory.entries())) == len(known(cluster, subscriber))


def test_the_key_is_the_one_in_the_trace_of_213407() -> None:
    assert (
        unique_map_id(TRACED_ISSUER, TRACED_SERIAL)
        == "24000000179479B8F124AC3F3B000000000017CN=stormin-WIN2012-CA"
    )


def test_the_key_of_hostile_text_is_still_text() -> None:
    assert unique_map_id(b"CN=\xff", b"\0\xab") == "00ABCN=\\xff"


def test_issuer_and_serial_find_a_signer_and_its_subject_does_not() -> None:
    cluster = cluster_of()
    directory = TVSDirectory(cluster)
    asked = query(cluster.publisher.callmanager)
    assert directory.answer(replace(asked, subject=b"CN=anybody")).status == FOUND
    assert directory.answer(replace(asked, issuer=asked.issuer.lower())) == DENIAL
    assert directory.answer(replace(asked, issuer=b"")) == DENIAL
    assert directory.answer(replace(asked, serial=asked.serial[:-1])) == DENIAL
    assert directory.answer(replace(asked, serial=asked.serial + b"\0")) == DENIAL


def test_a_token_is_found_by_the_list_s_texts_not_by_those_of_its_certificate() -> None:
    """118893: serial and issuer as CTLs have them; there the serial is turned round."""
    cluster = cluster_of()
    asked = query(cluster.tokens[0].credential)
    assert asked.issuer == b"cn=Cisco Manufacturing CA;o=Cisco Systems"
    assert TVSDirectory(cluster).answer(asked).functions == {0}
    assert TVSDirectory(cluster).answer(replace(asked, serial=asked.serial[::-1])) == DENIAL


def test_leading_zeros_of_a_serial_do_not_count_on_either_side() -> None:
    cluster = cluster_of()
    plain = maker().self_signed(FOREIGN, serial=b"\x91\x02")
    padded = maker().self_signed(FOREIGN, serial=b"\x92\x02")
    entries = [
        Entry(plain, frozenset({0})),
        Entry(replace(padded, serial=b"\0\x92\x02"), frozenset({3})),
    ]
    directory = TVSDirectory(cluster, entries)
    for serial in (b"\x91\x02", b"\0\x91\x02"):
        assert directory.answer(replace(query(plain), serial=serial)).functions == {0}
    for serial in (b"\x92\x02", b"\0\x92\x02"):
        assert directory.answer(replace(query(padded), serial=serial)).functions == {3}


def test_a_verified_certificate_must_be_equal_in_every_octet() -> None:
    cluster = cluster_of()
    certificate = bytearray(cluster.capf.certificate)
    certificate[-1] ^= 1
    assert TVSDirectory(cluster).answer(VerifyCertificate(bytes(certificate))) == DENIAL
    assert TVSDirectory(cluster).answer(VerifyCertificate(b"")) == DENIAL


def test_a_stranger_is_unknown() -> None:
    stranger = maker().self_signed(FOREIGN)
    directory = TVSDirectory(cluster_of())
    assert directory.answer(query(stranger)) == DENIAL
    assert directory.answer(VerifyCertificate(stranger.certificate)) == DENIAL


def test_the_directory_follows_the_cluster() -> None:
    cluster = cluster_of()
    directory = TVSDirectory(cluster, lifetime_seconds=3600)
    before = cluster.publisher.callmanager
    cluster.publisher.callmanager = after = maker().self_signed(HOST)
    assert directory.answer(query(before)) == DENIAL
    assert directory.answer(query(after)).lifetime_seconds == 3600


def test_a_certificate_in_two_trust_stores_may_do_what_both_allow() -> None:
    """213407: the foreign CallManager is uploaded twice, its entry has {rolecount : 2}, 0 and 3."""
    foreign = maker().self_signed(FOREIGN)
    directory = TVSDirectory(cluster_of())
    directory.imported.append(Entry(foreign, frozenset({0})))
    assert directory.answer(query(foreign)).functions == {0}
    directory.imported.append(Entry(foreign, frozenset({3})))
    assert directory.answer(query(foreign)).functions == {0, 3}
    assert directory.answer(VerifyCertificate(foreign.certificate)).functions == {0, 3}


def test_functions_of_two_certificates_under_one_key_are_not_mixed() -> None:
    first, second = (maker().self_signed(FOREIGN, serial=b"\x11\x22") for _ in range(2))
    entries = [Entry(first, frozenset({3})), Entry(second, frozenset({0}))]
    directory = TVSDirectory(cluster_of(), entries)
    answer = directory.answer(query(second))
    assert answer.certificate == first.certificate
    assert answer.functions == {3}
    assert directory.answer(VerifyCertificate(second.certificate)).functions == {0}


LISTS = [
    (Release(8, 6, 2), CTLKind.ETOKEN),
    (Release(10, 5, 1), CTLKind.TOKENLESS),
    (Release(11, 5, 1), CTLKind.ETOKEN),
    (Release(12, 0, 1), CTLKind.TOKENLESS),
]


@pytest.mark.parametrize(("release", "kind"), LISTS, ids=[str(one) for one, _ in LISTS])
def test_whoever_signs_a_list_is_found_by_the_list_s_header(
    release: Release, kind: CTLKind
) -> None:
    """Both ends talk in octets; the certificate that comes back made the signature, and is SAST."""
    cluster = cluster_of(release)
    cluster.ctl, cluster.mixed_mode = kind, True
    directory = TVSDirectory(cluster)
    client, server = TVSClientSession(wire_name("8861", "SEP0011215A1AE3")), TVSServerSession()
    ctl = ctl_file(cluster)
    assert ctl is not None
    for octets in (ctl, *(itl_file(cluster, node) for node in cluster.nodes)):
        file = decode_trust_list_untrusted(octets).file
        signer, header = file.header.signer, file.header
        asked = client.ask(QueryCertificate(signer.name, signer.issuer, signer.serial))
        [request] = server.receive_octets(asked)
        answer = client.receive_octets(server.answer(request, directory.answer(request.question)))
        assert answer is not None
        assert answer.status == FOUND
        assert 0 in answer.functions
        key = rsa_key_of_untrusted(answer.certificate)
        verify_rsa(key, header.signature, file.signed_octets, header.digest)
