"""A cluster in one file, and back; archives that others made."""

import errno
import io
import os
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from administration_site import DEVICE, NOW, content, new_cluster, typed
from administration_site import site as site  # a fixture
from checking_site import boot, is_locked, new_phone, renew, report_of, restart_everywhere

from firmware_sim.administration.backup import back_up, restore
from firmware_sim.administration.commands import Service, Unit, set_mixed_mode
from firmware_sim.administration.directory import create, drafting, read_cluster
from firmware_sim.lab import capf_store
from secd.errors import UnusableInput


def test_there_and_back(site: Path, tmp_path: Path) -> None:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    common = site / "common" / "United_States"
    common.mkdir(parents=True)
    (common / "g3-tones.xml").write_bytes(b"<tones/>")
    with closing(capf_store(site)) as store:  # and a lab has it open while the backup is made
        store.change(DEVICE, lambda record: replace(record, string="1234"))
        kept = store.get(DEVICE)
        file, copy = tmp_path / "backup.tar", tmp_path / "copy"
        count = back_up(site, file)
    assert file.stat().st_mode & 0o777 == 0o600
    copy.mkdir()
    assert restore(file, copy) == count
    before, after = content(site), content(copy)
    assert before.pop("capf.sqlite")
    assert after.pop("capf.sqlite")
    assert after == before
    secrets = {path.stat().st_mode & 0o777 for path in copy.rglob("*.pem")}
    assert secrets | {(copy / "capf.sqlite").stat().st_mode & 0o777} == {0o600}
    assert (copy / "keys").stat().st_mode & 0o777 == 0o700
    old, new = site / "nodes/cucm-0/CTLFile.tlv", copy / "nodes/cucm-0/CTLFile.tlv"
    assert int(new.stat().st_mtime) == int(old.stat().st_mtime)
    with closing(capf_store(copy)) as store:
        assert store.get(DEVICE) == kept
    assert report_of(copy).findings == report_of(site).findings
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "copy", "site"]


def test_a_restored_cluster_is_trusted_again(site: Path, tmp_path: Path) -> None:
    """Operation 21: the old ITL is back, and with it trust."""
    phone = new_phone(site)
    back_up(site, tmp_path / "b.tar")
    renew(site, Unit.CALLMANAGER, Unit.TVS, Unit.ITL_RECOVERY)
    renew(site, Unit.TVS, node="cucm-1")
    restart_everywhere(site, Service.TFTP, Service.TVS)
    assert is_locked(site, phone)
    restore(tmp_path / "b.tar", tmp_path / "new")
    assert not is_locked(tmp_path / "new", boot(tmp_path / "new", phone))


def test_a_backup_overwrites_nothing_and_waits_for_nobody(site: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"mine")
    with pytest.raises(UnusableInput, match="File exists"):
        back_up(site, tmp_path / "b.tar")
    with drafting(site), pytest.raises(UnusableInput, match="another administrator"):
        back_up(site, tmp_path / "other.tar")
    assert not (tmp_path / "other.tar").exists()
    with pytest.raises(UnusableInput, match="is not empty"):
        restore(tmp_path / "b.tar", site)
    with pytest.raises(UnusableInput, match="is no backup"):
        restore(tmp_path / "b.tar", tmp_path / "new")
    with pytest.raises(UnusableInput, match="No such file"):
        restore(tmp_path / "none.tar", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_no_half_backup_and_no_half_cluster(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(site, tmp_path / "b.tar")
    real, calls = os.fsync, iter(range(100))

    def full(descriptor: int) -> None:
        if next(calls) >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    at = 0
    with pytest.raises(UnusableInput, match="No space left"):
        back_up(site, tmp_path / "second.tar")
    calls, at = iter(range(100)), 5
    with pytest.raises(UnusableInput, match="No space left"):
        restore(tmp_path / "b.tar", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "site"]


@pytest.mark.parametrize("name", ["common/\u00dcmlaut.loads", "common/a/b\nc", "common/.hidden"])
def test_what_a_restore_would_refuse_is_not_left_out_in_silence(
    site: Path, tmp_path: Path, name: str
) -> None:
    (site / name).parent.mkdir(parents=True)
    (site / name).write_bytes(b"x")
    (site / "nodes/cucm-0/CTLFile.tlv.new").write_bytes(b"of a death")
    with pytest.raises(UnusableInput, match="plain ASCII name"):
        back_up(site, tmp_path / "b.tar")
    (site / name).unlink()
    back_up(site, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "new")
    assert not list((tmp_path / "new").rglob("*.new"))


def test_what_could_not_be_restored_is_no_backup(site: Path, tmp_path: Path) -> None:
    (site / "common").mkdir()
    with (site / "common" / "load.sbn").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)  # no octet of it is on the disk
    with pytest.raises(UnusableInput, match=r"load\.sbn: is larger"):
        back_up(site, tmp_path / "b.tar")
    (site / "common" / "load.sbn").unlink()
    (site / "nodes/cucm-1/running/TVS.pem").write_bytes(b"rubbish")
    with pytest.raises(UnusableInput, match=r"TVS\.pem: .*restart the service"):
        back_up(site, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize("name", ["../../outside", "a/b", ".."])
def test_an_archive_that_names_a_node_like_a_way_out(site: Path, tmp_path: Path, name: str) -> None:
    back_up(site, tmp_path / "b.tar")
    members = members_of(tmp_path / "b.tar")
    members["cluster.toml"] = members["cluster.toml"].replace(b'"cucm-1"', f'"{name}"'.encode())
    archive_of([member(*one) for one in members.items()], tmp_path / "bad.tar")
    with pytest.raises(UnusableInput, match="no name or address of a node"):
        restore(tmp_path / "bad.tar", tmp_path / "new")


def members_of(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {
            one.name: opened.read()
            for one in archive
            if (opened := archive.extractfile(one)) is not None
        }


def archive_of(members: list[tuple[tarfile.TarInfo, bytes]], file: Path) -> None:
    with tarfile.open(file, "w") as archive:
        for info, octets in members:
            archive.addfile(info, io.BytesIO(octets))


def member(
    name: str, octets: bytes = b"", kind: bytes = tarfile.REGTYPE
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(octets), "/etc/passwd"
    return info, octets


@pytest.mark.parametrize(
    "extra",
    [
        member("../outside", b"x"),
        member("/etc/outside", b"x"),
        member("common/../../outside", b"x"),
        member("common/a/../x", b"x"),
        member("nodes/../x/CTLFile.tlv", b"x"),
        member("keys/x.pem", kind=tarfile.SYMTYPE),
        member("keys/x.pem", kind=tarfile.LNKTYPE),
        member("keys/x.pem", kind=tarfile.CHRTYPE),
        member("keys/x.pem", kind=tarfile.FIFOTYPE),
        member("keys", kind=tarfile.DIRTYPE),
        member("lock", b""),
        member("journal", b"remove cluster.toml\n"),
        member("cluster.toml", b"twice"),
        member("nodes/cucm-0/running/other.pem", b"x"),
        member("common/a\nb", b"x"),
        member("common/" + "a/" * 10 + "b", b"x"),
    ],
    ids=lambda extra: f"{extra[0].name[:30]!a} {extra[0].type!a}",
)
def test_what_no_cluster_has_is_refused(
    site: Path, tmp_path: Path, extra: tuple[tarfile.TarInfo, bytes]
) -> None:
    back_up(site, tmp_path / "b.tar")
    good = [member(name, octets) for name, octets in members_of(tmp_path / "b.tar").items()]
    archive_of([*good, extra], tmp_path / "bad.tar")
    with pytest.raises(UnusableInput, match=r"bad\.tar"):
        restore(tmp_path / "bad.tar", tmp_path / "deep" / "new")
    assert list((tmp_path / "deep").iterdir()) == []
    assert not (tmp_path / "outside").exists()


def lose(members: dict[str, bytes], name: str) -> None:
    del members[name]


def garble(members: dict[str, bytes], name: str) -> None:
    members[name] = b"rubbish"


@pytest.mark.parametrize("harm", [lose, garble])
@pytest.mark.parametrize(
    "name",
    [
        "cluster.toml",
        "keys/capf.pem",
        "keys/callmanager-1.pem",
        "nodes/cucm-0/running/TVS.pem",
        "nodes/cucm-0/running/CAPF.pem",
        "nodes/cucm-1/running/TFTP.pem",
        "nodes/cucm-1/running/CallManager.pem",
    ],
)
def test_what_is_no_whole_cluster_is_refused(
    site: Path, tmp_path: Path, harm: Callable[[dict[str, bytes], str], None], name: str
) -> None:
    back_up(site, tmp_path / "b.tar")
    members = members_of(tmp_path / "b.tar")
    harm(members, name)
    archive_of([member(*one) for one in members.items()], tmp_path / "bad.tar")
    with pytest.raises(UnusableInput, match=r"bad\.tar: ") as caught:
        restore(tmp_path / "bad.tar", tmp_path / "new")
    assert ".new-" not in str(caught.value)  # no word of where it was tried
    assert not (tmp_path / "new").exists()


def test_an_archive_cut_anywhere_is_refused(site: Path, tmp_path: Path) -> None:
    back_up(site, tmp_path / "b.tar")
    octets = (tmp_path / "b.tar").read_bytes()
    size = len(octets.rstrip(b"\0"))
    for at in [0, 1, 300, 511, 512, 600, *range(1000, size, size // 12)]:
        (tmp_path / "cut.tar").write_bytes(octets[:at])
        with pytest.raises(UnusableInput, match=r"cut\.tar"):
            restore(tmp_path / "cut.tar", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_archive_with_any_octet_changed_is_a_cluster_or_refused(
    site: Path, tmp_path: Path
) -> None:
    back_up(site, tmp_path / "b.tar")
    octets = (tmp_path / "b.tar").read_bytes()
    random, refused = Random(7), 0
    for number in range(60):
        changed = bytearray(octets)
        for _ in range(random.randrange(1, 4)):
            changed[random.randrange(2048 if number % 2 else len(octets))] = random.randrange(256)
        (tmp_path / "bad.tar").write_bytes(changed)
        root = tmp_path / f"new{number}"
        try:
            restore(tmp_path / "bad.tar", root)
        except UnusableInput:
            refused += 1
            assert not root.exists()
        else:
            read_cluster(root)
    assert refused


def test_headers_that_announce_headers(tmp_path: Path) -> None:
    info, octets = member("x", b"7 a=b\n\n\n", tarfile.XHDTYPE)
    header = info.tobuf() + octets.ljust(512, b"\0")
    (tmp_path / "deep.tar").write_bytes(header * 3000 + bytes(1024))
    with pytest.raises(UnusableInput, match=r"deep\.tar"):
        restore(tmp_path / "deep.tar", tmp_path / "new")


def test_a_file_that_claims_to_be_huge(tmp_path: Path) -> None:
    info, _ = member("common/x")
    info.size = 1 << 40
    (tmp_path / "huge.tar").write_bytes(info.tobuf() + bytes(1024))
    with pytest.raises(UnusableInput, match="larger than any file of a cluster"):
        restore(tmp_path / "huge.tar", tmp_path / "new")


def test_the_commands(tmp_path: Path) -> None:
    create(tmp_path / "site", new_cluster())
    file = str(tmp_path / "b.tar")
    code, said = typed(tmp_path / "site", "cluster", "backup", file)
    assert (code, said) == (0, f"{file}: {len(content(tmp_path / 'site'))} files\n")
    code, said = typed(tmp_path / "new", "cluster", "restore", file)
    assert (code, f"firmware-sim check --dir {tmp_path / 'new'}" in said) == (0, True)
    assert read_cluster(tmp_path / "new").publisher.name == "cucm-0"
