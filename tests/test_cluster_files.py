"""What the lab's cluster answers, name by name."""

import hashlib
from random import Random
from xml.etree.ElementTree import Element, fromstring

import capf_vectors
import pytest

from firmware_sim.cluster import (
    CAPFMode,
    CertificateMaker,
    Cluster,
    ClusterFiles,
    Credential,
    Device,
    NotFound,
    PooledKeys,
    SecurityMode,
    Subject,
    demo_cluster,
    make_node,
)
from secd.crypto import decrypt_cbc, digest_of, unwrap_key, verify_rsa
from secd.envelope import SignedFile, decode_signed_file_untrusted

MAC = "0011215A1AE3"
DEVICE = f"SEP{MAC}"
PHONE = "14.48.44.202"


@pytest.fixture
def cluster() -> Cluster:
    return demo_cluster(PooledKeys(), Random(1))


@pytest.fixture
def files(cluster: Cluster) -> ClusterFiles:
    return ClusterFiles(cluster)


def get(files: ClusterFiles, name: str) -> bytes:
    octets = files.answer(PHONE, name)
    assert isinstance(octets, bytes), octets
    return octets


def text_of(octets: bytes, path: str) -> str | None:
    return fromstring(octets).findtext(path)


def verified(octets: bytes, signer: Credential) -> SignedFile:
    file = decode_signed_file_untrusted(octets)
    verify_rsa(
        signer.key.public_key(), file.header.signature, file.signed_octets, file.header.digest
    )
    assert (file.header.signer.issuer, file.header.signer.serial) == (signer.issuer, signer.serial)
    assert file.header_length % 4 == 0
    return file


def test_lists_by_device_and_by_their_own_name(files: ClusterFiles) -> None:
    assert get(files, f"CTLSEP{MAC}.tlv") == get(files, "CTLFile.tlv")
    assert get(files, f"ITLSEP{MAC}.tlv") == get(files, "ITLFile.tlv")
    assert files.served_name(f"CTLSEP{MAC}.tlv") == "CTLFile.tlv"
    assert files.served_name(f"ITLSEP{MAC}.tlv") == "ITLFile.tlv"
    assert files.served_name(f"{DEVICE}.cnf.xml") == f"{DEVICE}.cnf.xml"


@pytest.mark.parametrize(
    "name",
    [
        f"ctlsep{MAC}.tlv",
        f"CTLSEP{MAC.lower()}.tlv",
        f"CTLSEP{MAC}.tlv\n",
        f"CTLSEP{MAC}0.tlv",
        f"XCTLSEP{MAC}.tlv",
        f"CTL{DEVICE}.tlv.sgn",
        f"/ITLSEP{MAC}.tlv",
        "itlfile.tlv",
        f"{DEVICE}.CNF.XML",
        f"{DEVICE}.cnf.xml.sgn.sgn",
        f"{DEVICE}.cnf",
        DEVICE,
        "SEP000000000000.cnf.xml",
        "XMLDefault.cnf.xml",
        f"{DEVICE}.cnf.xml.enc.sgn",
        "",
    ],
)
def test_anything_else_is_not_found(files: ClusterFiles, name: str) -> None:
    assert files.answer(PHONE, name) == NotFound(name)


def test_no_ctl_no_answer(cluster: Cluster, files: ClusterFiles) -> None:
    cluster.ctl = None
    assert files.answer(PHONE, f"CTLSEP{MAC}.tlv") == NotFound(f"CTLSEP{MAC}.tlv")
    assert files.answer(PHONE, "CTLFile.tlv") == NotFound("CTLFile.tlv")


def test_signed_configuration_holds_the_plain_one(cluster: Cluster, files: ClusterFiles) -> None:
    name = f"{DEVICE}.cnf.xml.sgn"
    file = verified(get(files, name), cluster.publisher.callmanager)
    assert file.body == get(files, f"{DEVICE}.cnf.xml")
    assert (file.header.version, file.header.file_name) == ((1, 0), name.encode())
    assert file.header.timestamp == cluster.changed_at_seconds


def test_a_subscriber_signs_with_its_own_key(cluster: Cluster) -> None:
    maker = CertificateMaker(PooledKeys(), Random(2), 1_400_000_000, bits=1024)
    host = Subject("sub", "AS", "Cisco", "RTP", "NC", "US")
    subscriber = make_node(maker, "sub", "14.48.44.81", host)
    cluster.nodes.append(subscriber)
    files = ClusterFiles(cluster, subscriber)
    file = verified(get(files, f"{DEVICE}.cnf.xml.sgn"), subscriber.callmanager)
    assert file.header.signer.name == subscriber.callmanager.subject


def test_what_a_configuration_says(cluster: Cluster, files: ClusterFiles) -> None:
    device = cluster.devices[DEVICE]
    device.security_mode = SecurityMode.ENCRYPTED
    device.capf_mode = CAPFMode.NULL_STRING
    octets = get(files, f"{DEVICE}.cnf.xml")
    manager = "devicePool/callManagerGroup/members/member[@priority='0']/callManager"
    expected = {
        "fullConfig": "true",
        "deviceProtocol": "SCCP",
        f"{manager}/processNodeName": "14.48.44.80",
        f"{manager}/ports/ethernetPhonePort": "2000",
        f"{manager}/ports/securedSipPort": "5061",
        "TVS/members/member[@priority='0']/address": "14.48.44.80",
        "TVS/members/member[@priority='0']/port": "2445",
        "transportLayerProtocol": "3",
        "deviceSecurityMode": "3",
        "loadInformation": "SCCP41.8-5-2S",
        "capfAuthMode": "2",
        "capfList/capf/phonePort": "3804",
        "capfList/capf/processNodeName": "14.48.44.80",
        "certHash": "",
        "encrConfig": "false",
    }
    assert {path: text_of(octets, path) for path in expected} == expected


def test_outside_mixed_mode_no_device_is_secure(cluster: Cluster, files: ClusterFiles) -> None:
    cluster.devices[DEVICE].security_mode = SecurityMode.ENCRYPTED
    cluster.mixed_mode = False
    octets = get(files, f"{DEVICE}.cnf.xml")
    assert text_of(octets, "deviceSecurityMode") == "1"
    assert text_of(octets, "transportLayerProtocol") == "1"


def test_names_are_escaped_by_the_tree(cluster: Cluster, files: ClusterFiles) -> None:
    cluster.devices[DEVICE].load = "<&>\"'"
    assert text_of(get(files, f"{DEVICE}.cnf.xml"), "loadInformation") == "<&>\"'"


def test_a_group_has_five_members_in_order(cluster: Cluster, files: ClusterFiles) -> None:
    node = cluster.publisher
    cluster.nodes += [
        type(node)(f"node{number}", "14.48.44.81", node.callmanager, node.tvs)
        for number in range(1, 7)
    ]
    root: Element = fromstring(get(files, f"{DEVICE}.cnf.xml"))
    members = root.findall("TVS/members/member")
    assert [(member.get("priority"), member.findtext("address")) for member in members] == [
        ("0", "14.48.44.80"),
        *((str(number), f"node{number}") for number in range(1, 5)),
    ]


def test_the_stamp_changes_with_the_file_and_only_then(
    cluster: Cluster, files: ClusterFiles
) -> None:
    def stamp() -> str | None:
        return text_of(get(files, f"{DEVICE}.cnf.xml"), "versionStamp")

    first = stamp()
    assert stamp() == first
    cluster.devices[DEVICE].load = "SCCP41.9-4-2SR3-1S"
    assert stamp() != first


def encrypted_phone(cluster: Cluster) -> tuple[Device, Credential]:
    maker = CertificateMaker(PooledKeys(), Random(3), 1_400_000_000, bits=1024)
    mic = maker.self_signed(Subject(f"CP-7961G-{DEVICE}", "CTG", "Cisco", "RTP", "NC", "US"))
    device = cluster.devices[DEVICE]
    device.encrypted_configuration, device.certificate = True, mic.certificate
    return device, mic


def test_encrypted_configurations(cluster: Cluster, files: ClusterFiles) -> None:
    device, mic = encrypted_phone(cluster)
    paddings = set()
    for length in range(1, 17):
        device.load = "x" * length
        paddings.add(check_encrypted(cluster, files, mic, device.load))
    assert paddings == set(range(1, 17))


def check_encrypted(cluster: Cluster, files: ClusterFiles, mic: Credential, load: str) -> int:
    """Decrypt the phone's configuration step by step; return the number of padding octets."""
    name = f"{DEVICE}.cnf.xml.enc.sgn"
    file = verified(get(files, name), cluster.publisher.callmanager)
    assert (file.header.version, file.header.file_name) == ((2, 0), name.encode())
    part = file.header.encryption
    assert part is not None
    assert (part.wrapped_key_bits, len(part.wrapped_key)) == (1024, 128)
    aes_key = unwrap_key(mic.key, part.wrapped_key)
    padded = decrypt_cbc(aes_key, part.initialisation_vector, file.body)
    assert 1 <= part.plaintext_padding <= 16
    assert padded[-part.plaintext_padding :] == b"\r" * part.plaintext_padding
    plain = padded[: -part.plaintext_padding]
    assert digest_of(plain, part.plaintext_digest_number) == part.plaintext_digest
    assert text_of(plain, "fullConfig") == "true"
    assert text_of(plain, "encrConfig") == "true"
    assert text_of(plain, "loadInformation") == load
    return part.plaintext_padding


def test_every_encrypted_file_has_a_key_of_its_own(cluster: Cluster, files: ClusterFiles) -> None:
    _, mic = encrypted_phone(cluster)
    keys = set()
    for _ in range(3):
        part = decode_signed_file_untrusted(get(files, f"{DEVICE}.cnf.xml.enc.sgn")).header
        assert part.encryption is not None
        keys.add(unwrap_key(mic.key, part.encryption.wrapped_key))
    assert len(keys) == 3


def test_beside_the_encrypted_stands_the_minimal(cluster: Cluster, files: ClusterFiles) -> None:
    _, mic = encrypted_phone(cluster)
    plain = get(files, f"{DEVICE}.cnf.xml")
    assert verified(get(files, f"{DEVICE}.cnf.xml.sgn"), cluster.publisher.callmanager).body == (
        plain
    )
    assert text_of(plain, "fullConfig") == "false"
    assert text_of(plain, "encrConfig") == "true"
    expected = hashlib.md5(mic.certificate, usedforsecurity=False).hexdigest()
    assert text_of(plain, "certHash") == expected
    assert fromstring(plain).find("devicePool") is None


def test_without_a_certificate_nothing_can_be_encrypted(
    cluster: Cluster, files: ClusterFiles
) -> None:
    cluster.devices[DEVICE].encrypted_configuration = True
    name = f"{DEVICE}.cnf.xml.enc.sgn"
    assert files.answer(PHONE, name) == NotFound(name)
    assert text_of(get(files, f"{DEVICE}.cnf.xml"), "certHash") == ""


def test_a_certificate_that_cannot_be_encrypted_to(cluster: Cluster, files: ClusterFiles) -> None:
    """Only to RSA keys: with an EC one the phone finds what it finds without a certificate."""
    device, _ = encrypted_phone(cluster)
    name = f"{DEVICE}.cnf.xml.enc.sgn"
    for certificate in (capf_vectors.certificate("lsc-ec"), b"no certificate"):
        device.certificate = certificate
        assert files.answer(PHONE, name) == NotFound(name)
        minimal = get(files, f"{DEVICE}.cnf.xml")
        assert text_of(minimal, "fullConfig") == "false"
        assert text_of(minimal, "certHash") == ""


def test_the_default_configuration_comes_with_autoregistration(
    cluster: Cluster, files: ClusterFiles
) -> None:
    cluster.autoregistration = True
    octets = get(files, "XMLDefault.cnf.xml")
    assert fromstring(octets).tag == "Default"
    member = "callManagerGroup/members/member/callManager/processNodeName"
    assert text_of(octets, member) == "14.48.44.80"


def test_overrides_by_served_and_by_requested_name(cluster: Cluster, files: ClusterFiles) -> None:
    cluster.overrides["CTLFile.tlv"] = b"broken for all"
    cluster.overrides[f"CTLSEP{MAC}.tlv"] = b""
    assert get(files, f"CTLSEP{MAC}.tlv") == b""
    assert get(files, "CTLSEP000000000000.tlv") == b"broken for all"
    cluster.overrides["RINGLIST.XML"] = b"<CiscoIPPhoneRingList/>"
    assert get(files, "RINGLIST.XML") == b"<CiscoIPPhoneRingList/>"


def test_who_asked_for_what_is_remembered_within_bounds(files: ClusterFiles) -> None:
    for number in range(1001):
        files.answer(PHONE, str(number))
    assert len(files.asked) == 1000
    assert (files.asked[0], files.asked[-1]) == ((PHONE, "1"), (PHONE, "1000"))
