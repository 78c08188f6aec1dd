"""A lab's directory: what is written comes back, secrets stay secret, errors name the place."""

from pathlib import Path
from random import Random

import pytest

from firmware_sim.cluster import (
    CAPFMode,
    CertificateMaker,
    Cluster,
    ClusterFiles,
    CTLKind,
    Device,
    PooledKeys,
    Release,
    SecurityMode,
    Subject,
    demo_cluster,
    make_node,
)
from firmware_sim.lab import is_lab, read_lab, write_files, write_firmware, write_lab
from firmware_sim.tree import Tree
from secd.certs import pem_to_der_untrusted, rsa_key_of_untrusted
from secd.crypto import Digest
from secd.envelope import components_of_untrusted, decode_signed_file_untrusted
from secd.errors import UnusableInput
from secd.trust import Accept
from secd.trust.firmware import decide_firmware

DEVICE = "SEP0011215A1AE3"


def full_cluster() -> Cluster:
    """A cluster in which no field has its default."""
    cluster = demo_cluster(PooledKeys(), Random(1))
    maker = CertificateMaker(PooledKeys(), Random(2), 1_400_000_000, bits=1024)
    subscriber = Subject("sub", "AS", "Cisco", "RTP", "NC", "US")
    cluster.nodes.append(make_node(maker, "sub.bbbburns.lab", "14.48.44.81", subscriber))
    cluster.release, cluster.digest = Release(11, 5, 1), Digest.SHA512
    cluster.signing_token, cluster.changed_at_seconds = 1, 1_500_000_000
    cluster.rollback = cluster.autoregistration = True
    mic = maker.self_signed(subscriber).certificate
    cluster.add_device(
        Device(
            "SEP0011215A1AE4",
            "7975",
            "SCCP75.9-4-2SR3-1S",
            "SIP",
            SecurityMode.ENCRYPTED,
            CAPFMode.NULL_STRING,
            encrypted_configuration=True,
            certificate=mic,
        )
    )
    return cluster


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    before = full_cluster()
    assert not is_lab(tmp_path)
    write_lab(before, tmp_path)
    assert is_lab(tmp_path)
    after = read_lab(tmp_path, before.random)
    assert (after.nodes[1].name, after.nodes[1].address) == ("sub.bbbburns.lab", "14.48.44.81")
    assert after.devices == before.devices
    scalars = [
        "release",
        "digest",
        "ctl",
        "mixed_mode",
        "rollback",
        "autoregistration",
        "signing_token",
    ]
    assert [getattr(after, name) for name in scalars] == [getattr(before, name) for name in scalars]
    for name in ("CTLFile.tlv", "ITLFile.tlv", "XMLDefault.cnf.xml", f"{DEVICE}.cnf.xml.sgn"):
        assert ClusterFiles(after).answer("x", name) == ClusterFiles(before).answer("x", name)


def test_a_cluster_without_ctl_comes_back(tmp_path: Path) -> None:
    cluster = full_cluster()
    cluster.ctl, cluster.tokens = None, []
    write_lab(cluster, tmp_path)
    assert read_lab(tmp_path, Random(1)).ctl is None
    cluster.ctl = CTLKind.TOKENLESS
    write_lab(cluster, tmp_path)
    assert read_lab(tmp_path, Random(1)).ctl is CTLKind.TOKENLESS


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    left_over = tmp_path / "keys" / "capf.pem.new"
    left_over.parent.mkdir()
    left_over.write_bytes(b"cut short")
    left_over.chmod(0o666)
    write_lab(full_cluster(), tmp_path / "new")
    write_lab(full_cluster(), tmp_path)
    keys = sorted((tmp_path / "keys").iterdir())
    assert [path.name for path in keys] == [
        *("callmanager-0.pem", "callmanager-1.pem", "capf.pem", "itlrecovery.pem"),
        *("token-0.pem", "token-1.pem", "tvs-0.pem", "tvs-1.pem"),
    ]
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    assert (tmp_path / "new" / "keys").stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in (tmp_path / "cluster.toml").read_text()


def test_the_tree_holds_what_the_publisher_serves(tmp_path: Path) -> None:
    cluster = full_cluster()
    write_lab(cluster, tmp_path)
    tree, files = Tree(tmp_path / "tftp"), ClusterFiles(cluster)
    names = sorted(path.name for path in (tmp_path / "tftp").iterdir())
    other = "SEP0011215A1AE4.cnf.xml"
    assert names == [
        *("CTLFile.tlv", "ITLFile.tlv", f"{DEVICE}.cnf.xml", f"{DEVICE}.cnf.xml.sgn"),
        *(other, f"{other}.enc.sgn", f"{other}.sgn", "XMLDefault.cnf.xml"),
    ]
    for name in set(names) - {f"{other}.enc.sgn"}:  # that one is encrypted anew each time
        assert tree.answer("x", name) == files.answer("x", name)


def test_files_that_are_no_longer_served_disappear(tmp_path: Path) -> None:
    cluster = full_cluster()
    cluster.overrides["ITLFile.tlv"] = b"corrupt"
    write_files(cluster, tmp_path)
    assert (tmp_path / "ITLFile.tlv").read_bytes() == b"corrupt"
    cluster.ctl, cluster.autoregistration = None, False
    write_files(cluster, tmp_path)
    assert not (tmp_path / "CTLFile.tlv").exists()
    assert not (tmp_path / "XMLDefault.cnf.xml").exists()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnusableInput, match="cannot be made"):
        write_lab(full_cluster(), tmp_path / "file")
    (tmp_path / "lab" / "cluster.toml").mkdir(parents=True)
    with pytest.raises(UnusableInput, match=r"cluster\.toml: cannot be written"):
        write_lab(full_cluster(), tmp_path / "lab")


def test_no_lab_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"cluster\.toml: No such file"):
        read_lab(tmp_path, Random(1))


EDITS = [
    ("format = 1", "format = 2", r"format is 2, this version reads 1 only"),
    ("format = 1", "format = ", r"cluster\.toml: "),
    ('release = "11.5(1)"', 'release = "11.5"', "'11.5' is no release"),
    ('release = "11.5(1)"', "release = 11.5", "release must be a text"),
    ('digest = "SHA512"', 'digest = "MD5"', "digest must be one of sha1, sha256, sha512"),
    ("rollback = true", "rollback = 1", "rollback must be true or false"),
    ("rollback = true", "rollbock = true", "rollbock is not known here"),
    ("rollback = true", "", "rollback must be true or false"),
    ("signing_token = 1", "signing_token = -1", "signing_token must be a number"),
    ("signing_token = 1", "signing_token = true", "signing_token must be a number"),
    ("signing_token = 1", "signing_token = 2", "signing_token is 2, there are 2 tokens"),
    ('model = "7975"', "model = 7975", "device 2: model must be a text"),
    ('model = "7975"', 'modell = "7975"', "device 2: modell is not known here"),
    ('"SEP0011215A1AE4"', '"../SEP0011215A1AE4"', "is no device name"),
    ('"SEP0011215A1AE4"', '"SEP0011215A1AE3"', "device SEP0011215A1AE3 stands there twice"),
    ('address = "14.48.44.81"', 'address = "sub"', "node 2: address must be an IP address"),
    ("-----BEGIN CERTIFICATE-----\n", "", "device 2: certificate must be a certificate"),
]


@pytest.mark.parametrize(("before", "after", "complaint"), EDITS)
def test_what_is_edited_wrongly_is_named(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    write_lab(full_cluster(), tmp_path)
    state = tmp_path / "cluster.toml"
    text = state.read_text()
    assert text.count(before) == 1
    state.write_text(text.replace(before, after))
    with pytest.raises(UnusableInput, match=complaint):
        read_lab(tmp_path, Random(1))


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [("node = 1", r"node must be tables, each headed \[\[node\]\]"), ("", "at least one")],
)
def test_nodes_that_are_none(tmp_path: Path, tables: str, complaint: str) -> None:
    write_lab(full_cluster(), tmp_path)
    state = tmp_path / "cluster.toml"
    scalars, _, _ = state.read_text().partition("node = [")
    state.write_text(scalars + tables)
    with pytest.raises(UnusableInput, match=complaint):
        read_lab(tmp_path, Random(1))


def test_a_state_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_bytes(b"\xff")
    with pytest.raises(UnusableInput, match=r"cluster\.toml: "):
        read_lab(tmp_path, Random(1))


def test_keys_that_are_missing_foreign_or_none(tmp_path: Path) -> None:
    write_lab(full_cluster(), tmp_path)
    capf, tvs = tmp_path / "keys" / "capf.pem", tmp_path / "keys" / "tvs-0.pem"
    begin = b"-----BEGIN CERTIFICATE-----"
    whole = capf.read_bytes()
    key, certificate = whole.split(begin)
    foreign = (
        b"-----BEGIN CERTIFICATE-----" + tvs.read_bytes().split(b"-----BEGIN CERTIFICATE-----")[1]
    )
    for octets, complaint in (
        (key, "is not a private key and a certificate"),
        (begin + certificate, "is not a private key and a certificate"),
        (key + foreign, "not the certificate's"),
    ):
        capf.write_bytes(octets)
        with pytest.raises(UnusableInput, match=rf"capf\.pem: .*{complaint}"):
            read_lab(tmp_path, Random(1))
    capf.unlink()
    with pytest.raises(UnusableInput, match=r"capf\.pem: No such file"):
        read_lab(tmp_path, Random(1))


def test_a_stand_in_load_is_served_from_then_on_under_one_key(tmp_path: Path) -> None:
    write_lab(full_cluster(), tmp_path)
    keys = PooledKeys(2)
    path = write_firmware(tmp_path, "SCCP41.9-3-1SR4-1S", keys, 1_500_000_000)
    first = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert write_firmware(tmp_path, "SIP41.9-3-1SR4-1S", keys, 1_500_000_000) == path
    assert path.read_bytes() == first
    files = ClusterFiles(read_lab(tmp_path, Random(1)))
    key = rsa_key_of_untrusted(pem_to_der_untrusted(first))
    for load in ("SCCP41.9-3-1SR4-1S", "SIP41.9-3-1SR4-1S"):
        served = files.answer("", f"{load}.loads")
        assert isinstance(served, bytes)
        assert isinstance(decide_firmware(served, key), Accept)
        names = [c.name for c in components_of_untrusted(decode_signed_file_untrusted(served).body)]
        components = [files.answer("", name) for name in names]
        assert all(isinstance(octets, bytes) for octets in components)


def test_a_key_of_another_kind_signs_no_load(tmp_path: Path) -> None:
    write_firmware(tmp_path, "SCCP41.9-3-1SR4-1S", PooledKeys(2), 1_500_000_000)
    (tmp_path / "keys" / "firmware.pem").write_text("nothing")
    with pytest.raises(UnusableInput, match=r"firmware\.pem: is not a private key"):
        write_firmware(tmp_path, "SCCP41.9-3-1SR4-1S", PooledKeys(2), 1_500_000_000)
