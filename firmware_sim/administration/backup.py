"""A cluster in one file, and back: a tar archive as CUCM's disaster recovery system makes one.

In it is everything a cluster is: state, keys, common files, what each node has on its disk and
runs with, what CAPF knows. So phones find the lists again that they trust (117598 names a restore
as a cure). An archive may come from anybody: on the way back only names that a cluster has are
taken, sizes are bounded, keys are 0600 again, the whole is read as a cluster before it is put in
its place by one rename.

Unlike CUCM's, the archive is not encrypted: it is the owner's only.
"""

import io
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from firmware_sim.administration.directory import (
    being_changed,
    is_cluster_directory,
    read_cluster,
)
from firmware_sim.administration.running import (
    read_callmanager,
    read_capf,
    read_served,
    read_tvs,
)
from firmware_sim.lab import CAPF_FILE, COMMON_FOLDER
from secd.errors import UnusableInput

_FILE_LIMIT_BYTES: Final = 64 * 1024 * 1024  # components of firmware have up to some 20 MB
_ARCHIVE_LIMIT_BYTES: Final = 1024 * 1024 * 1024
_COUNT_LIMIT: Final = 20_000
_SECRET_SUFFIXES: Final = frozenset({".pem", ".sqlite", ".secret"})
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.@+ -]{0,99}"
_NAMES: Final = re.compile(
    rf"cluster\.toml|capf\.sqlite|ctl-provider\.secret|keys/{_NAME}\.pem|common/{_NAME}(/{_NAME}){{0,8}}"
    rf"|troubleshoot/{_NAME}\.pem|nodes/{_NAME}/CTLFile\.tlv"
    r"|nodes/[A-Za-z0-9][A-Za-z0-9.-]{0,62}/running/"
    r"(CTLFile\.tlv|ITLFile\.tlv|(TFTP|CallManager|TVS|CAPF)\.pem)",
    re.ASCII,
)


def back_up(root: Path, file: Path) -> int:
    """Write a cluster into a new file (0600); return how many files are in it.

    Raises UnusableInput, also when somebody is changing the cluster, and for one that could not
    be restored.
    """
    with being_changed(root):
        _read_whole(root)
        names = _names_in(root)
        try:
            descriptor = os.open(
                file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode=0o600
            )
        except OSError as error:
            raise UnusableInput(f"{file}: cannot be written: {error.strerror}") from None
        try:
            with os.fdopen(descriptor, "wb") as written:
                _write_archive(root, names, written)
                written.flush()
                os.fsync(descriptor)
        except (OSError, sqlite3.Error) as error:
            file.unlink(missing_ok=True)
            raise UnusableInput(f"{file}: the backup failed: {error}") from None
    return len(names)


def restore(file: Path, root: Path) -> int:
    """Make a cluster of an archive in an empty or new directory; return how many files it has.

    Raises UnusableInput; then nothing has been made.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UnusableInput(f"{root} is not empty; name a new directory")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    except OSError as error:
        raise UnusableInput(f"{root}: cannot be made: {error.strerror}") from None
    try:
        count = _unpack(file, beside)
        _check(beside, file)
        beside.chmod(0o755)
        beside.replace(root)  # an empty directory gives way
    except OSError as error:
        raise UnusableInput(f"{root}: cannot be made: {error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return count


def _names_in(root: Path) -> list[str]:
    """Return what belongs into a backup. Raises UnusableInput for what no restore would take."""
    found: list[str] = []
    total = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file():
            continue
        if _NAMES.fullmatch(name) is None:
            if name.startswith(f"{COMMON_FOLDER}/"):
                raise UnusableInput(f"{path}: give it a plain ASCII name, so that it can be kept")
            continue  # locks, and what a death left beside the files
        size = path.stat().st_size
        total += size
        if size > _FILE_LIMIT_BYTES or total > _ARCHIVE_LIMIT_BYTES or len(found) == _COUNT_LIMIT:
            raise UnusableInput(f"{path}: is larger, or one more, than a backup may hold")
        found.append(name)
    return found


def _write_archive(root: Path, names: list[str], written: io.BufferedWriter) -> None:
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            octets = _octets_of(root, name)
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(octets), 0o600
            member.mtime = int((root / name).stat().st_mtime)
            archive.addfile(member, io.BytesIO(octets))


def _octets_of(root: Path, name: str) -> bytes:
    if name != CAPF_FILE:
        return (root / name).read_bytes()
    # A lab may be writing into it: the database itself gives one moment's state.
    with (
        closing(sqlite3.connect(root / name)) as source,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        source.backup(copy)
        return copy.serialize()


def _unpack(file: Path, folder: Path) -> int:
    try:
        if file.stat().st_size > _ARCHIVE_LIMIT_BYTES:
            raise UnusableInput(f"{file}: larger than {_ARCHIVE_LIMIT_BYTES} octets")
        with tarfile.open(file, mode="r:") as archive:
            return _unpack_members(archive, file, folder)
    except OSError as error:
        raise UnusableInput(f"{file}: {error.strerror or error}") from None
    except (tarfile.TarError, EOFError, ValueError, RecursionError) as error:
        # ValueError: numbers and names that are none. RecursionError: headers that announce
        # headers, as many as the archive holds.
        raise UnusableInput(f"{file}: is no backup (tar archive): {error}") from None


def _unpack_members(archive: tarfile.TarFile, file: Path, folder: Path) -> int:
    names: set[str] = set()
    total = 0
    for member in archive:
        name = member.name
        if not member.isreg() or member.issparse() or _NAMES.fullmatch(name) is None:
            raise UnusableInput(f"{file}: {name!a} is nothing that a cluster has")
        if name in names or len(names) == _COUNT_LIMIT:
            raise UnusableInput(f"{file}: {name!a} stands there twice, or is one too many")
        total += member.size
        if member.size > _FILE_LIMIT_BYTES or total > _ARCHIVE_LIMIT_BYTES:
            raise UnusableInput(f"{file}: {name!a} is larger than any file of a cluster")
        names.add(name)
        source = archive.extractfile(member)
        octets = b"" if source is None else source.read()
        if len(octets) != member.size:
            raise UnusableInput(f"{file}: is cut short in {name!a}")
        _write(folder / name, octets, member.mtime)
    return len(names)


def _write(path: Path, octets: bytes, changed_at: float) -> None:
    secret = path.suffix in _SECRET_SUFFIXES
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode=0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(descriptor)
    moment = min(max(changed_at, 0), 2**40)
    os.utime(path, (moment, moment))


def _check(folder: Path, file: Path) -> None:
    """Read what was unpacked as a cluster whose services run. Raises UnusableInput."""
    if not is_cluster_directory(folder):
        raise UnusableInput(f"{file}: holds no cluster")
    (folder / "keys").chmod(0o700)
    try:
        _read_whole(folder)
    except UnusableInput as error:
        inside = str(error).replace(f"{folder}: ", "").replace(f"{folder}/", "")
        raise UnusableInput(f"{file}: {inside}") from None


def _read_whole(folder: Path) -> None:
    """Read a cluster and all that its services run with. Raises UnusableInput."""
    cluster = read_cluster(folder)
    for node in cluster.nodes:
        read_served(folder, node.name)
        read_callmanager(folder, node.name)
        read_tvs(folder, node.name)
    read_capf(folder, cluster.publisher.name)
