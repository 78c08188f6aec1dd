"""What a running lab serves of a cluster directory: it follows what administrators do.

A file is made from what the node's TFTP loaded; TVS answers from the certificates there are now.
While a change is being written, and when the directory cannot be read, the last state counts.
"""

from dataclasses import dataclass, field
from pathlib import Path

from firmware_sim.administration.directory import read_cluster, read_served
from firmware_sim.administration.journal import JOURNAL
from firmware_sim.cluster import ClusterFiles, NotFound
from firmware_sim.lab import STATE_FILE
from firmware_sim.tvs import TVSDirectory
from secd.errors import UnusableInput
from secd.tvs import Question, TVSAnswer

_Stamp = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class ServedNode:
    """A node's files. Making one raises UnusableInput when the directory cannot be read."""

    root: Path
    name: str
    _files: ClusterFiles = field(init=False)
    _stamp: _Stamp = field(init=False)

    def __post_init__(self) -> None:
        self._stamp = self._look()
        self._files = self._read()

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        """Return the file as the node's TFTP would now; raises what `ClusterFiles` raises."""
        stamp = self._look()
        if stamp != self._stamp and not (self.root / JOURNAL).exists():
            try:
                self._files = self._read()
            except UnusableInput:
                return self._files.answer(requester, name)
            self._stamp = stamp
        return self._files.answer(requester, name)

    def served_name(self, name: str) -> str:
        """Return the name as CUCM's TFTP trace has it."""
        return self._files.served_name(name)

    def _read(self) -> ClusterFiles:
        return ClusterFiles(*read_served(self.root, self.name))

    def _look(self) -> _Stamp:
        running = self.root / "nodes" / self.name / "running"
        names = ("CTLFile.tlv", "ITLFile.tlv", "CallManager.pem")
        return _stamp_of(self.root / STATE_FILE, *(running / name for name in names))


@dataclass(slots=True)
class CurrentTVS:
    """A cluster's TVS: what its database holds at the moment of the question."""

    root: Path
    _directory: TVSDirectory = field(init=False)
    _stamp: _Stamp = field(init=False)

    def __post_init__(self) -> None:
        self._stamp = self._look()
        self._directory = TVSDirectory(read_cluster(self.root))

    def answer(self, question: Question) -> TVSAnswer:
        """Return what TVS says."""
        stamp = self._look()
        if stamp != self._stamp and not (self.root / JOURNAL).exists():
            try:
                self._directory = TVSDirectory(read_cluster(self.root))
            except UnusableInput:
                return self._directory.answer(question)
            self._stamp = stamp
        return self._directory.answer(question)

    def _look(self) -> _Stamp:
        return _stamp_of(self.root / STATE_FILE, *sorted((self.root / "keys").glob("*.pem")))


def _stamp_of(*paths: Path) -> _Stamp:
    """Return what changes whenever one of the files is replaced: names of inodes and times."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_ino, status.st_mtime_ns))
    return tuple(found)
