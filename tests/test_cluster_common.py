"""The lab's common files: served plain and signed, and kept in the lab's directory."""

from pathlib import Path
from random import Random

from trust_lists import P1

from firmware_sim.cluster import ClusterFiles, NotFound, PooledKeys, demo_cluster
from firmware_sim.cluster.seed import DEVICE_NAME
from firmware_sim.lab import read_lab, write_lab
from secd.boot.further import further_files
from secd.configuration import parse_configuration_untrusted
from secd.trust import Accept, Context, Installed, decide
from secd.trustlist import decode_trust_list_untrusted
from secd.words import FileKind

NAME, TONES = "SKb0ec918f.xml", "United_States/g3-tones.xml"


def served(files: ClusterFiles, name: str) -> bytes:
    answer = files.answer("", name)
    assert isinstance(answer, bytes)
    return answer


def test_common_files_are_served_plain_and_signed_and_named_by_the_configuration() -> None:
    cluster = demo_cluster(PooledKeys(), Random(1))
    cluster.common_files = {NAME: b"<keys/>", TONES: b"<tones/>"}
    cluster.network_locale = "United_States"
    cluster.devices[DEVICE_NAME].soft_keys = NAME
    files = ClusterFiles(cluster)
    assert served(files, NAME) == b"<keys/>"
    itl = decode_trust_list_untrusted(served(files, "ITLFile.tlv"))
    context = Context(P1, FileKind.SIGNED, 0.0, requested_name=f"{NAME}.sgn")
    verdict = decide(Installed(itl=itl), served(files, f"{NAME}.sgn"), context)
    assert isinstance(verdict, Accept)
    assert verdict.payload == b"<keys/>"
    assert isinstance(files.answer("", "SK2.xml.sgn"), NotFound)
    configuration = parse_configuration_untrusted(served(files, f"{DEVICE_NAME}.cnf.xml"))
    assert [file.name for file in further_files(configuration, P1)] == [TONES, NAME]


def test_the_lab_directory_keeps_them(tmp_path: Path) -> None:
    cluster = demo_cluster(PooledKeys(), Random(1))
    cluster.network_locale = "United_States"
    cluster.devices[DEVICE_NAME].soft_keys = NAME
    write_lab(cluster, tmp_path)
    folder = tmp_path / "common" / "United_States"
    folder.mkdir(parents=True)
    (folder / "g3-tones.xml").write_bytes(b"<tones/>")
    (tmp_path / "common" / NAME).write_bytes(b"<keys/>")
    again = read_lab(tmp_path, Random(1))
    assert again.common_files == {NAME: b"<keys/>", TONES: b"<tones/>"}
    assert again.network_locale == "United_States"
    assert again.devices[DEVICE_NAME].soft_keys == NAME
