"""The lab's trust lists: the lengths of the published listings, who stands in them, who signs."""

from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    ClusterFiles,
    Credential,
    CTLKind,
    ManufacturingCA,
    Node,
    PooledKeys,
    Release,
    SoftToken,
    Subject,
    ctl_file,
    demo_cluster,
    itl_file,
    make_cluster,
    make_node,
)
from secd.crypto import Digest, verify_rsa
from secd.errors import SignatureInvalid, UnsupportedKey
from secd.trustlist import Function, Record, TrustList, decode_trust_list_untrusted

HOST = Subject("cucm-pub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
SUBSCRIBER = Subject("cucm-sub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")


def filler(
    name: int, issuer: int, serial: int, public_key: int, signature: int, certificate: int
) -> Credential:
    """A credential with fields of these lengths (names with their NUL) that signs all the same."""
    bits = 2048 if public_key > 200 else 1024
    return Credential(
        subject=b"s" * (name - 1),
        issuer=b"i" * (issuer - 1),
        serial=b"\x11" * serial,
        public_key=bytes(public_key),
        signature=bytes(signature),
        certificate=bytes(certificate),
        key=PooledKeys().rsa(bits),
    )


def filler_node(name: str, callmanager: Credential) -> Node:
    return Node(name, "10.48.47.153", callmanager, callmanager)


def filler_cluster(release: Release, capf: Credential, *nodes: Node) -> Cluster:
    return Cluster(list(nodes), capf, capf, release, Random(1), 1_400_000_000)


def list_of(octets: bytes | None) -> TrustList:
    assert octets is not None
    return decode_trust_list_untrusted(octets)


def record_lengths(octets: bytes, header_length: int) -> list[int]:
    """Walk the records by hand: tag 1, length 2, then the record's length."""
    lengths = []
    at = header_length
    while at < len(octets):
        assert octets[at : at + 3] == b"\x01\x00\x02"
        lengths.append(int.from_bytes(octets[at + 3 : at + 5], "big"))
        at += lengths[-1]
    assert at == len(octets)
    return lengths


def arithmetic(octets: bytes | None) -> tuple[int, int, list[int]]:
    """File length, header length as the file states it, record lengths."""
    assert octets is not None
    header = int.from_bytes(octets[8:10], "big")
    return len(octets), header, record_lengths(octets, header)


def test_seed_listing_4712() -> None:
    """Seed guide, `show ctl` of CUCM 8.6: two tokens, CallManager, CAPF."""
    cluster = filler_cluster(
        Release(8, 6, 2),
        filler(61, 61, 8, 140, 128, 674),
        filler_node("14.48.44.80", filler(63, 63, 8, 140, 128, 738)),
    )
    cluster.tokens = [
        SoftToken("ADN4e31f914", filler(56, 42, 10, 140, 128, 894)),
        SoftToken("ADN5bbd7b14", filler(56, 42, 10, 141, 128, 895)),
    ]
    cluster.ctl, cluster.mixed_mode = CTLKind.ETOKEN, True
    assert arithmetic(ctl_file(cluster)) == (4712, 304, [1178, 1180, 1059, 991])


def test_listing_3746_after_return_to_non_secure_mode() -> None:
    """118892: CCM+TFTP records shrink to 33 octets, the one of CAPF follows the publisher's."""
    callmanager = filler(60, 60, 16, 140, 128, 690)
    cluster = filler_cluster(
        Release(10, 0, 1),
        filler(60, 60, 16, 140, 128, 680),
        filler_node("10.48.47.153", callmanager),
        filler_node("10.48.47.154", callmanager),
    )
    cluster.tokens = [
        SoftToken("ADN0054f509", filler(56, 42, 10, 140, 128, 902)),
        SoftToken("ADN008580ef", filler(56, 42, 10, 140, 128, 902)),
    ]
    cluster.ctl = CTLKind.ETOKEN
    assert arithmetic(ctl_file(cluster)) == (3746, 304, [1186, 1186, 33, 1004, 33])


@pytest.mark.parametrize(
    ("publisher", "expected"),
    [
        ((62, 62, 16, 140, 128, 694), (4947, 336, [1156, 1156, 1138, 1161])),
        ((62, 62, 16, 270, 256, 955), (6113, 464, [1675, 1675, 1138, 1161])),
    ],
)
def test_tokenless_listings(
    publisher: tuple[int, int, int, int, int, int], expected: tuple[int, int, list[int]]
) -> None:
    """118893, CUCM 10.5.1: before and after the publisher's key went from 1024 to 2048 bits."""
    cluster = filler_cluster(
        Release(10, 5, 1),
        filler(60, 60, 16, 140, 128, 680),
        filler_node("cucm-1051-a-pub", filler(*publisher)),
        filler_node("cucm-1051-a-sub1", filler(63, 63, 16, 140, 128, 696)),
    )
    cluster.ctl, cluster.mixed_mode = CTLKind.TOKENLESS, True
    assert arithmetic(ctl_file(cluster)) == expected


def cluster_of(release: Release, kind: CTLKind | None = None) -> Cluster:
    """A cluster of two nodes with real certificates."""
    maker = CertificateMaker(PooledKeys(), Random(7), 1_400_000_000, bits=1024)
    publisher = make_node(maker, "cucm-pub", "10.0.0.1", HOST)
    cluster = make_cluster(maker, release, publisher, HOST)
    cluster.nodes.append(make_node(maker, "10.0.0.2", "10.0.0.2", SUBSCRIBER))
    authority = ManufacturingCA.create(maker)
    cluster.tokens = [authority.issue_token("ADN00000001"), authority.issue_token("ADN00000002")]
    cluster.ctl, cluster.mixed_mode = kind, kind is not None
    return cluster


def contents(trust_list: TrustList) -> list[tuple[int | None, str]]:
    """Function and common name of each record; no name where there is no certificate."""
    return [
        (record.function, (record.subject or b"").decode().partition(";")[0])
        for record in trust_list.records
    ]


def verify_by_first_signer(trust_list: TrustList, key: rsa.RSAPrivateKey) -> None:
    """Cut the signature out by hand and verify it; tag 12 is found by its own octets."""
    octets, header = trust_list.octets, trust_list.header
    tlv = b"\x0c" + len(header.signature).to_bytes(2, "big") + header.signature
    assert octets.count(tlv) == 1
    verify_rsa(key.public_key(), header.signature, octets.replace(tlv, b""), header.digest)


PUBLISHER_CN = "CN=cucm-pub"
RECOVERY_CN = "CN=ITLRECOVERY_cucm-pub"
TOKENS = ['cn="SAST-ADN00000001        "', 'cn="SAST-ADN00000002        "']

SASTS = {
    "tokens 10.5": (Release(10, 5, 2), CTLKind.ETOKEN, TOKENS),
    "tokens 11.5": (Release(11, 5, 1), CTLKind.ETOKEN, [*TOKENS, RECOVERY_CN, PUBLISHER_CN]),
    "tokenless 10.0": (Release(10, 0, 1), CTLKind.TOKENLESS, [PUBLISHER_CN]),
    "tokenless 10.5(1)": (Release(10, 5, 1), CTLKind.TOKENLESS, [PUBLISHER_CN]),
    "tokenless 10.5(2)": (Release(10, 5, 2), CTLKind.TOKENLESS, [PUBLISHER_CN, RECOVERY_CN]),
    "tokenless 11.5": (Release(11, 5, 1), CTLKind.TOKENLESS, [PUBLISHER_CN, RECOVERY_CN]),
    "tokenless 12.0": (Release(12, 0, 1), CTLKind.TOKENLESS, [RECOVERY_CN, PUBLISHER_CN]),
}


@pytest.mark.parametrize("case", SASTS)
def test_sasts_of_a_ctl_by_release(case: str) -> None:
    release, kind, names = SASTS[case]
    trust_list = list_of(ctl_file(cluster_of(release, kind)))
    sasts = [name for function, name in contents(trust_list) if function == Function.SAST]
    assert sasts == names
    signer = trust_list.signer_records
    assert signer[0] == trust_list.records[0]
    assert trust_list.header.signer.name == signer[0].subject
    assert trust_list.header.file_name == b"CTLFile.tlv"


def test_a_ctl_never_holds_tvs() -> None:
    trust_list = list_of(ctl_file(cluster_of(Release(11, 5, 1), CTLKind.TOKENLESS)))
    assert Function.TVS not in {record.function for record in trust_list.records}


def test_no_ctl_was_ever_made() -> None:
    assert ctl_file(cluster_of(Release(11, 5, 1))) is None


def test_publisher_stands_twice_with_the_same_certificate() -> None:
    trust_list = list_of(ctl_file(cluster_of(Release(10, 5, 1), CTLKind.TOKENLESS)))
    sast, ccm_tftp = trust_list.records[:2]
    assert (sast.function, ccm_tftp.function) == (Function.SAST, Function.CCM_TFTP)
    assert sast.certificate == ccm_tftp.certificate
    assert trust_list.signer_records == (sast, ccm_tftp)


@pytest.mark.parametrize("signing", [0, 1])
def test_either_token_signs_and_only_with_sha1(signing: int) -> None:
    cluster = cluster_of(Release(10, 0, 1), CTLKind.ETOKEN)
    cluster.digest, cluster.signing_token = Digest.SHA512, signing
    trust_list = list_of(ctl_file(cluster))
    assert trust_list.header.digest == Digest.SHA1
    assert trust_list.signer_records == (trust_list.records[signing],)
    verify_by_first_signer(trust_list, cluster.tokens[signing].credential.key)
    with pytest.raises(SignatureInvalid):
        verify_by_first_signer(trust_list, cluster.tokens[1 - signing].credential.key)


def test_records_of_tokens_have_no_name_and_no_signature() -> None:
    trust_list = list_of(ctl_file(cluster_of(Release(10, 0, 1), CTLKind.ETOKEN)))
    token: Record = trust_list.records[0]
    assert (token.dns_name, token.signature, token.ip_address) == (b"", None, bytes(4))
    assert token.issuer == b"cn=Cisco Manufacturing CA;o=Cisco Systems"
    assert token.subject == b'cn="SAST-ADN00000001        ";ou=IPCBU;o="Cisco Systems'


def test_records_of_nodes_carry_the_name_as_configured() -> None:
    trust_list = list_of(ctl_file(cluster_of(Release(10, 0, 1), CTLKind.ETOKEN)))
    nodes = [record for record in trust_list.records if record.function == Function.CCM_TFTP]
    assert [(record.dns_name, record.ip_address) for record in nodes] == [
        (b"cucm-pub", bytes([10, 0, 0, 1])),
        (b"10.0.0.2", bytes([10, 0, 0, 2])),
    ]


ITL_SASTS = {
    "8.6": (Release(8, 6, 2), [PUBLISHER_CN]),
    "10.0": (Release(10, 0, 1), [PUBLISHER_CN, RECOVERY_CN]),
    "11.5": (Release(11, 5, 1), [PUBLISHER_CN, RECOVERY_CN]),
    "12.0": (Release(12, 0, 1), [RECOVERY_CN, PUBLISHER_CN]),
}


@pytest.mark.parametrize("case", ITL_SASTS)
def test_itl_by_release(case: str) -> None:
    release, sasts = ITL_SASTS[case]
    cluster = cluster_of(release)
    trust_list = list_of(itl_file(cluster, cluster.publisher))
    capf = cluster.capf.subject.decode().partition(";")[0]
    assert contents(trust_list) == [
        *((Function.SAST, name) for name in sasts),
        (Function.CCM_TFTP, PUBLISHER_CN),
        (Function.CCM_TFTP, "CN=cucm-sub"),
        (Function.TVS, PUBLISHER_CN),
        (Function.TVS, "CN=cucm-sub"),
        (Function.CAPF, capf),
    ]
    assert all(record.signature for record in trust_list.records)
    signer = cluster.itl_recovery if release.major >= 12 else cluster.publisher.callmanager
    verify_by_first_signer(trust_list, signer.key)


def test_each_node_signs_its_own_itl_before_12() -> None:
    cluster = cluster_of(Release(11, 5, 1))
    subscriber = cluster.nodes[1]
    trust_list = list_of(itl_file(cluster, subscriber))
    assert trust_list.header.signer.name == subscriber.callmanager.subject
    verify_by_first_signer(trust_list, subscriber.callmanager.key)


def test_the_empty_itl_keeps_its_signer_and_loses_tftp_and_tvs() -> None:
    cluster = cluster_of(Release(8, 6, 2))
    cluster.rollback = True
    trust_list = list_of(itl_file(cluster, cluster.publisher))
    with_certificate = {r.function for r in trust_list.records if r.certificate is not None}
    assert with_certificate == {Function.SAST, Function.CAPF}
    assert [r.layout for r in trust_list.records if r.function == Function.TVS] == [(2, 4, 10)] * 2


@pytest.mark.parametrize("digest", [Digest.SHA1, Digest.SHA512])
def test_the_digest_is_the_clusters(digest: Digest) -> None:
    cluster = cluster_of(Release(12, 0, 1), CTLKind.TOKENLESS)
    cluster.digest = digest
    for octets in (ctl_file(cluster), itl_file(cluster, cluster.publisher)):
        trust_list = list_of(octets)
        assert trust_list.header.digest == digest
        verify_by_first_signer(trust_list, cluster.itl_recovery.key)


def test_a_list_changes_only_with_the_cluster() -> None:
    cluster = cluster_of(Release(8, 6, 2))
    before = itl_file(cluster, cluster.publisher)
    assert itl_file(cluster, cluster.publisher) == before
    cluster.changed_at_seconds += 1
    assert itl_file(cluster, cluster.publisher) != before


def test_a_key_that_no_header_can_express_is_refused() -> None:
    cluster = cluster_of(Release(8, 6, 2))
    maker = CertificateMaker(PooledKeys(), Random(1), 1_400_000_000, bits=1536)
    cluster.publisher.callmanager = maker.self_signed(HOST)
    with pytest.raises(UnsupportedKey, match="1536"):
        itl_file(cluster, cluster.publisher)


def test_the_seed_cluster_has_the_header_of_the_listing() -> None:
    cluster = demo_cluster(PooledKeys(), Random(1))
    octets = ClusterFiles(cluster).answer("14.48.44.202", "CTLSEP0011215A1AE3.tlv")
    assert isinstance(octets, bytes)
    trust_list = list_of(octets)
    assert trust_list.file.header_length == 304
    assert trust_list.header.signer.serial == bytes.fromhex("BDA302000000D888641F")
    ccm, capf = trust_list.records[2:]
    assert ccm.subject == b"CN=CUCM8-Publisher.bbbburns.lab;OU=AS;O=Cisco;L=RTP;ST=NC;C=US"
    assert capf.subject == b"CN=CAPF-9c4cba7d;OU=TAC;O=Cisco;L=RTP;ST=North Carolina;C=US"
    assert ccm.serial == bytes.fromhex("74AE9E6BDBC2A51D")
    assert len(ccm.public_key or b"") == 140
