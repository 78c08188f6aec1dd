"""A disk that forgets what was never brought to it: what may be on it after the power failed.

`Disk` watches the calls that `fuzz.storms.power` lets through. What was written to a file counts
only once the file was synced; that a name was made, moved or removed only once the directory was.
All that is younger may be there or not, in any combination: `images` yields every disk that can be
found afterwards. A file whose octets were not synced is found whole, empty, cut, or all zeros.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from stat import S_ISDIR

Image = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the directory. gone, made -- names; inode -- of the file under the name made."""

    gone: str | None
    made: str | None
    inode: int = 0


@dataclass
class Disk:
    """One directory. names -- as they are on the disk for certain; changes -- since then.

    written -- the octets of each file, by inode; synced -- those on the disk for certain.
    lies_about -- `file`, `directory`: what is not brought to the disk although fsync says so.
    """

    folder: Path
    lies_about: frozenset[str] = frozenset()
    names: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    written: dict[int, bytes] = field(default_factory=dict)
    synced: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.folder.iterdir():
            inode = path.stat().st_ino
            self.names[path.name] = inode
            self.written[inode] = self.synced[inode] = path.read_bytes()

    def created(self, name: str, descriptor: int) -> None:
        """A new file was opened."""
        inode = os.fstat(descriptor).st_ino
        self.written[inode], self.synced[inode] = b"", b""
        self.changes.append(Change(None, name, inode))

    def wrote(self, descriptor: int, octets: bytes) -> None:
        """Octets were added to a file."""
        self.written[os.fstat(descriptor).st_ino] += octets

    def fsync(self, descriptor: int) -> None:
        """A file or the directory was brought to the disk."""
        found = os.fstat(descriptor)
        if S_ISDIR(found.st_mode):
            if "directory" not in self.lies_about:
                self.names, self.changes = self._changed(self.changes), []
        elif "file" not in self.lies_about:
            self.synced[found.st_ino] = self.written[found.st_ino]

    def replace(self, gone: str, made: str) -> None:
        """A file was given the name of another."""
        self.changes.append(Change(gone, made, self._changed(self.changes)[gone]))

    def unlink(self, name: str) -> None:
        """A name was removed."""
        self.changes.append(Change(name, None))

    def _changed(self, changes: list[Change]) -> dict[str, int]:
        names = dict(self.names)
        for change in changes:
            if change.gone is not None:
                names.pop(change.gone, None)
            if change.made is not None:
                names[change.made] = change.inode
        return names

    def images(self) -> Iterator[Image]:
        """Yield all that may be on the disk, were the power to fail now."""
        for kept in product((True, False), repeat=len(self.changes)):
            names = self._changed(
                [each for each, there in zip(self.changes, kept, strict=True) if there]
            )
            found = [self._found(inode) for inode in names.values()]
            for contents in product(*found):
                yield dict(zip(names, contents, strict=True))

    def _found(self, inode: int) -> list[bytes]:
        octets = self.written[inode]
        if octets == self.synced[inode]:
            return [octets]
        return [octets, b"", octets[: len(octets) // 2], bytes(len(octets))]


def put(image: Image, folder: Path) -> Path:
    """Write what was found on a disk into a new directory."""
    folder.mkdir()
    for name, octets in image.items():
        (folder / name).write_bytes(octets)
    return folder
