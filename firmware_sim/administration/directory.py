"""A cluster directory: the lab's, and beside it what each node has on its disk and runs with.

    DIR/cluster.toml, keys/, common/   the state, as in `firmware_sim.lab`: what was configured
    DIR/nodes/NAME/CTLFile.tlv         the CTL as it was last written to the node
    DIR/nodes/NAME/running/            what the node's services loaded when they started:
        CTLFile.tlv, ITLFile.tlv, TFTP.pem   TFTP; the CallManager.pem of then signs files
        CallManager.pem, TVS.pem, CAPF.pem   the services of these names; CAPF on the publisher
    DIR/lock                           held by the administrator who is changing something

A change is one set of files (`journal`); who comes second while it is being made is told so.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random, SystemRandom

from firmware_sim.administration.journal import JOURNAL, change_all, finish
from firmware_sim.cluster import (
    CTL_FILE,
    ITL_FILE,
    Cluster,
    Node,
    itl_file,
)
from firmware_sim.lab import STATE_FILE, is_lab, pem_of, read_lab, state_files
from secd.errors import MalformedFile, UnusableInput
from secd.trust import verifies_itself
from secd.trustlist import decode_trust_list_untrusted

NODES_FOLDER = "nodes"
_LOCK = "lock"
TFTP_PEM, CALLMANAGER_PEM, TVS_PEM, CAPF_PEM = (
    f"{service}.pem" for service in ("TFTP", "CallManager", "TVS", "CAPF")
)
_RUNNING_FILES = (CTL_FILE, ITL_FILE, TFTP_PEM, CALLMANAGER_PEM, TVS_PEM, CAPF_PEM)
# ITLRECOVERY_ and the name are a common name, which has 64 characters at most (RFC 5280).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,51}", re.ASCII)


class ClusterBusy(UnusableInput):
    """Another administrator is changing the cluster."""


def is_cluster_directory(root: Path) -> bool:
    """Tell whether administrators' commands work on a directory."""
    return is_lab(root) and (root / NODES_FOLDER).is_dir()


def check_node_name(name: str) -> None:
    """Refuse what cannot be a node's name: it names a folder. Raises UnusableInput."""
    if _NAME.fullmatch(name) is None:
        raise UnusableInput(
            f"{name!a} is no name or address of a node: 1 to 52 letters, digits, dots and hyphens"
        )


def check_nodes(nodes: Iterable[tuple[str, str]]) -> None:
    """Refuse nodes that could not be told apart on the disk or in the network.

    nodes -- name and address of each. Raises UnusableInput.
    """
    names: set[str] = set()
    addresses: set[str] = set()
    for name, address in nodes:
        check_node_name(name)
        if name in names:
            raise UnusableInput(f"two nodes have the name {name}")
        if address in addresses:
            raise UnusableInput(f"two nodes have the address {address}")
        names.add(name)
        addresses.add(address)


@dataclass(slots=True)
class Draft:
    """A cluster that is being changed: edit `cluster`, and put files into `files`.

    files -- by names below the directory; None: removed.
    """

    root: Path
    cluster: Cluster
    files: dict[str, bytes | None] = field(default_factory=dict)
    _before: dict[str, bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._before = state_files(self.cluster)

    def changes(self) -> dict[str, bytes | None]:
        """Return the files that change, by their names below the directory."""
        after = state_files(self.cluster)
        changed = {n: octets for n, octets in after.items() if self._before.get(n) != octets}
        return {**changed, **self.files}

    def node(self, name: str | None) -> Node:
        """Return the node of a name, the publisher for None. Raises UnusableInput."""
        return find_node(self.cluster, name)

    def load_tftp(self, node: Node, itl: bytes | None = None) -> None:
        """Let a node's TFTP start: it loads the CTL, makes the ITL and takes CallManager.pem.

        An ITL that says what the last one says is not made again: "the checksum changes only
        when there is a change in the ITL file" (security by default guide).
        itl -- one that is served instead. Raises UnsupportedKey.
        """
        running = _running_name(node)
        name = f"{running}/{ITL_FILE}"
        last = read_if_there(self.root / name)
        made = itl or itl_file(self.cluster, node)
        self.files[f"{running}/{CTL_FILE}"] = self.ctl(node)
        self.files[name] = made if last is None or _says_more(made, last) else last
        self.files[f"{running}/{TFTP_PEM}"] = pem_of(node.callmanager)

    def load_callmanager(self, node: Node) -> None:
        """Let a node's CallManager start with its certificate."""
        self.files[f"{_running_name(node)}/{CALLMANAGER_PEM}"] = pem_of(node.callmanager)

    def load_tvs(self, node: Node) -> None:
        """Let a node's TVS start with its certificate."""
        self.files[f"{_running_name(node)}/{TVS_PEM}"] = pem_of(node.tvs)

    def load_capf(self) -> None:
        """Let the publisher's CAPF start with its certificate."""
        name = f"{_running_name(self.cluster.publisher)}/{CAPF_PEM}"
        self.files[name] = pem_of(self.cluster.capf)

    def load_all(self) -> None:
        """Let every service of every node start. Raises UnsupportedKey."""
        for node in self.cluster.nodes:
            self.load_tftp(node)
            self.load_callmanager(node)
            self.load_tvs(node)
        self.load_capf()

    def write_itl(self, octets: bytes) -> None:
        """Let every node's TFTP serve an ITL from now on, until it starts again."""
        for node in self.cluster.nodes:
            self.files[f"{_running_name(node)}/{ITL_FILE}"] = octets

    def rename(self, node: Node, name: str) -> None:
        """Give a node a new name; what stands in its folder goes with it.

        What its services run with does not: let them start. Raises UnusableInput.
        """
        check_node_name(name)
        if any(other.name == name for other in self.cluster.nodes if other is not node):
            raise UnusableInput(f"there is a node {name} already")
        if name == node.name:
            return
        ctl = self.ctl(node)
        self.files[ctl_name(node)] = None
        for file in _RUNNING_FILES:
            self.files[f"{_running_name(node)}/{file}"] = None
        node.name = name
        self.files[ctl_name(node)] = ctl

    def ctl(self, node: Node) -> bytes | None:
        """Return the CTL on a node's disk, this draft's if it has one."""
        name = ctl_name(node)
        return self.files[name] if name in self.files else read_if_there(self.root / name)

    def write_ctl(self, octets: bytes | None) -> None:
        """Write a CTL to every node, or remove it (None)."""
        for node in self.cluster.nodes:
            self.files[ctl_name(node)] = octets

    def delete_ctl(self, node: Node) -> None:
        """Remove the CTL from one node."""
        self.files[ctl_name(node)] = None


@contextmanager
def drafting(root: Path) -> Iterator[Draft]:
    """Change a cluster: what the draft holds at the end is written, all of it or nothing.

    An exception changes nothing. Raises UnusableInput when somebody else is changing it, or it
    cannot be read or written.
    """
    with holding(root) as draft:
        yield draft
        change_all(root, draft.changes())


@contextmanager
def holding(root: Path) -> Iterator[Draft]:
    """Hold a cluster, so that nobody else changes it; the draft is written by the caller or not.

    Raises ClusterBusy when somebody else holds it, UnusableInput when it cannot be read.
    """
    with being_changed(root):
        yield Draft(root, read_cluster(root))


@contextmanager
def being_changed(root: Path) -> Iterator[None]:
    """Keep other administrators away from a cluster in which no change is left half done.

    Raises UnusableInput as `drafting` does, and for what is no cluster's directory.
    """
    if not (root / JOURNAL).exists():  # else it may become one when that is finished
        _refuse_foreign(root)
    with _locked(root):
        finish(root)
        yield


def create(root: Path, cluster: Cluster) -> None:
    """Write a new cluster whose services are running. Raises UnusableInput."""
    check_nodes((node.name, node.address) for node in cluster.nodes)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        if any(path.name != _LOCK for path in root.iterdir()):
            raise UnusableInput(f"{root} is not empty; name a new directory")
        draft = Draft(root, cluster)
        draft.load_all()
        change_all(root, {**state_files(cluster), **draft.files})
        (root / "keys").chmod(0o700)


def read_cluster(root: Path, random: Random | None = None) -> Cluster:
    """Return the cluster as it is configured, after a change that was cut short is finished.

    Raises UnusableInput, ClusterBusy while such a change is being written.
    """
    if (root / JOURNAL).exists():
        with being_changed(root):
            pass
    _refuse_foreign(root)
    cluster = read_lab(root, random or SystemRandom())
    try:  # the file may come out of an archive, and a name is a folder's
        check_nodes((node.name, node.address) for node in cluster.nodes)
    except UnusableInput as error:
        raise UnusableInput(f"{root / STATE_FILE}: {error}") from None
    return cluster


def running_folder(root: Path, name: str) -> Path:
    """Return where the things are that a node's services loaded."""
    return root / NODES_FOLDER / name / "running"


def read_list(root: Path, node: Node, name: str) -> bytes | None:
    """Return the CTL on a node's disk, or the ITL that it serves; None where there is none."""
    if name == CTL_FILE:
        return read_if_there(root / ctl_name(node))
    return read_if_there(running_folder(root, node.name) / name)


def find_node(cluster: Cluster, name: str | None) -> Node:
    """Return the node of a name, the publisher for None. Raises UnusableInput."""
    if name is None:
        return cluster.publisher
    for node in cluster.nodes:
        if node.name == name:
            return node
    names = ", ".join(node.name for node in cluster.nodes)
    raise UnusableInput(f"there is no node {name!a}; the nodes are {names}")


def _refuse_foreign(root: Path) -> None:
    if not is_cluster_directory(root):
        raise UnusableInput(
            f"{root} is no cluster directory; firmware-sim cluster new --dir {root} makes one"
        )


def _says_more(made: bytes, last: bytes) -> bool:
    """Tell whether two lists differ in more than when they were signed."""
    try:
        new, old = decode_trust_list_untrusted(made), decode_trust_list_untrusted(last)
    except MalformedFile:
        return True
    header = replace(new.header, signature=old.header.signature, timestamp=old.header.timestamp)
    return (header, new.records) != (old.header, old.records) or not verifies_itself(old)


def _running_name(node: Node) -> str:
    return f"{NODES_FOLDER}/{node.name}/running"


def ctl_name(node: Node) -> str:
    """Return the name of a node's CTL below the directory."""
    return f"{NODES_FOLDER}/{node.name}/{CTL_FILE}"


def read_if_there(path: Path) -> bytes | None:
    """Return a file's octets, None where there is none. Raises UnusableInput."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror}") from None


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    try:
        descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UnusableInput(f"{root}: cannot be locked: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterBusy(
                f"{root}: another administrator is changing this cluster; try again afterwards"
            ) from None
        yield
    finally:
        os.close(descriptor)
