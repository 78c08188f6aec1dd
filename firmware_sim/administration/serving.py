"""What a running lab serves of a cluster directory: it follows what administrators do.

A file is made from what the node's TFTP loaded; TVS and CAPF show the certificates that they
loaded when they started, TVS answers from the certificates there are now. While a change is being
written, and when the directory cannot be read, the last state counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

from firmware_sim.administration.directory import (
    NODES_FOLDER,
    read_cluster,
    running_folder,
)
from firmware_sim.administration.journal import JOURNAL
from firmware_sim.administration.running import (
    read_callmanager,
    read_capf,
    read_served,
    read_tvs,
    read_tvs_directory,
)
from firmware_sim.cluster import CTL_FILE, Cluster, ClusterFiles, Credential, Device, NotFound
from firmware_sim.lab import KEYS_FOLDER, STATE_FILE
from firmware_sim.tvs import TVSDirectory
from secd.errors import UnusableInput
from secd.tvs import Question, TVSAnswer

_T = TypeVar("_T")


@dataclass(slots=True)
class _Followed(Generic[_T]):
    """Something read from files, and read again whenever one of them was replaced.

    look -- the files that it depends on. Making one raises what `read` raises.
    """

    root: Path
    look: Callable[[], Sequence[Path]]
    read: Callable[[], _T]
    _value: _T = field(init=False)
    _stamp: tuple[tuple[int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._stamp = _stamp_of(self.look())
        self._value = self.read()

    def now(self) -> _T:
        """Return it as it is now."""
        stamp = _stamp_of(self.look())
        if stamp != self._stamp and not (self.root / JOURNAL).exists():
            try:
                self._value = self.read()
            except UnusableInput:
                return self._value
            self._stamp = stamp
        return self._value


@dataclass(slots=True)
class ServedNode:
    """A node's files. Making one raises UnusableInput when the directory cannot be read.

    device_now -- as in `ClusterFiles`.
    """

    root: Path
    name: str
    device_now: Callable[[Device], Device]
    _files: _Followed[ClusterFiles] = field(init=False)

    def __post_init__(self) -> None:
        self._files = _Followed(self.root, self._look, self._read)

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        """Return the file as the node's TFTP would now; raises what `ClusterFiles` raises."""
        return self._files.now().answer(requester, name)

    def served_name(self, name: str) -> str:
        """Return the name as CUCM's TFTP trace has it."""
        return self._files.now().served_name(name)

    def _read(self) -> ClusterFiles:
        return ClusterFiles(*read_served(self.root, self.name), device_now=self.device_now)

    def _look(self) -> Sequence[Path]:
        return [self.root / STATE_FILE, *_running_files(self.root, self.name)]


@dataclass(slots=True)
class CurrentTVS:
    """A node's TVS: it answers what its database holds at the moment of the question."""

    root: Path
    name: str
    _directory: _Followed[TVSDirectory] = field(init=False)
    _identity: _Followed[Credential] = field(init=False)

    def __post_init__(self) -> None:
        root, name = self.root, self.name
        self._directory = _Followed(
            root,
            lambda: [
                root / STATE_FILE,
                root / NODES_FOLDER / name / CTL_FILE,
                *sorted((root / KEYS_FOLDER).glob("*.pem")),
            ],
            lambda: read_tvs_directory(root, name),
        )
        self._identity = _Followed(
            root, lambda: _running_files(root, name), lambda: read_tvs(root, name)
        )

    def answer(self, question: Question) -> TVSAnswer:
        """Return what TVS says."""
        return self._directory.now().answer(question)

    def identity(self) -> Credential:
        """Return what it shows: the TVS.pem of when it was started."""
        return self._identity.now()


@dataclass(slots=True)
class CurrentCAPF:
    """What the publisher's CAPF knows of its cluster: its devices now, its key of when it started.

    random -- for serials of LSCs.
    """

    root: Path
    random: Random
    _devices: _Followed[dict[str, Device]] = field(init=False)
    _credential: _Followed[Credential] = field(init=False)

    def __post_init__(self) -> None:
        root = self.root
        publisher = read_cluster(root).publisher.name
        self._devices = _Followed(
            root, lambda: [root / STATE_FILE], lambda: read_cluster(root).devices
        )
        self._credential = _Followed(
            root,
            lambda: _running_files(root, publisher),
            lambda: read_capf(root, publisher),
        )

    @property
    def devices(self) -> dict[str, Device]:
        """The phones of the cluster."""
        return self._devices.now()

    @property
    def capf(self) -> Credential:
        """What signs LSCs."""
        return self._credential.now()

    def identity(self) -> Credential:
        """Return what it shows."""
        return self.capf


@dataclass(slots=True)
class CurrentCluster:
    """A cluster as it is configured; read again only when it has changed."""

    root: Path
    _cluster: _Followed[Cluster] = field(init=False)

    def __post_init__(self) -> None:
        root = self.root
        self._cluster = _Followed(
            root,
            lambda: [root / STATE_FILE, *sorted((root / KEYS_FOLDER).glob("*.pem"))],
            lambda: read_cluster(root),
        )

    def now(self) -> Cluster:
        """Return it; not to be changed."""
        return self._cluster.now()


@dataclass(slots=True)
class CurrentCallManager:
    """What a node's CTL Provider shows: the CallManager.pem of when CallManager was started."""

    root: Path
    name: str
    _identity: _Followed[Credential] = field(init=False)

    def __post_init__(self) -> None:
        root, name = self.root, self.name
        self._identity = _Followed(
            root,
            lambda: _running_files(root, name),
            lambda: read_callmanager(root, name),
        )

    def identity(self) -> Credential:
        """Return it."""
        return self._identity.now()


def _running_files(root: Path, name: str) -> list[Path]:
    """Return what a node's services loaded; nothing for a node that was given another name."""
    return sorted(running_folder(root, name).glob("*"))


def _stamp_of(paths: Sequence[Path]) -> tuple[tuple[int, int], ...]:
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
