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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

from firmware_sim.administration.journal import change_all, finish
from firmware_sim.cluster import (
    CTL_FILE,
    ITL_FILE,
    Cluster,
    Credential,
    Node,
    credential_of,
    itl_file,
)
from firmware_sim.lab import is_lab, pem_of, read_lab, read_pem, state_files
from secd.errors import UnusableInput

NODES_FOLDER = "nodes"
_LOCK = "lock"
_TFTP_PEM, _CALLMANAGER_PEM, _TVS_PEM, _CAPF_PEM = (
    f"{service}.pem" for service in ("TFTP", "CallManager", "TVS", "CAPF")
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", re.ASCII)


def is_cluster_directory(root: Path) -> bool:
    """Tell whether administrators' commands work on a directory."""
    return is_lab(root) and (root / NODES_FOLDER).is_dir()


def check_node_name(name: str) -> None:
    """Refuse what cannot be a node's name: it names a folder. Raises UnusableInput."""
    if _NAME.fullmatch(name) is None:
        raise UnusableInput(f"{name!a} is no name or address of a node")


@dataclass(slots=True)
class Draft:
    """A cluster that is being changed: edit `cluster`, and put files into `files`.

    files -- by names below the directory; None: removed.
    """

    root: Path
    cluster: Cluster
    files: dict[str, bytes | None] = field(default_factory=dict)

    def node(self, name: str | None) -> Node:
        """Return the node of a name, the publisher for None. Raises UnusableInput."""
        return find_node(self.cluster, name)

    def load_tftp(self, node: Node, itl: bytes | None = None) -> None:
        """Let a node's TFTP start: it loads the CTL, makes the ITL and takes CallManager.pem.

        itl -- one that is served instead. Raises UnsupportedKey.
        """
        running = _running_name(node)
        self.files[f"{running}/{CTL_FILE}"] = self.ctl(node)
        self.files[f"{running}/{ITL_FILE}"] = itl or itl_file(self.cluster, node)
        self.files[f"{running}/{_TFTP_PEM}"] = pem_of(node.callmanager)

    def load_callmanager(self, node: Node) -> None:
        """Let a node's CallManager start with its certificate."""
        self.files[f"{_running_name(node)}/{_CALLMANAGER_PEM}"] = pem_of(node.callmanager)

    def load_tvs(self, node: Node) -> None:
        """Let a node's TVS start with its certificate."""
        self.files[f"{_running_name(node)}/{_TVS_PEM}"] = pem_of(node.tvs)

    def load_capf(self) -> None:
        """Let the publisher's CAPF start with its certificate."""
        name = f"{_running_name(self.cluster.publisher)}/{_CAPF_PEM}"
        self.files[name] = pem_of(self.cluster.capf)

    def load_all(self) -> None:
        """Let every service of every node start. Raises UnsupportedKey."""
        for node in self.cluster.nodes:
            self.load_tftp(node)
            self.load_callmanager(node)
            self.load_tvs(node)
        self.load_capf()

    def ctl(self, node: Node) -> bytes | None:
        """Return the CTL on a node's disk, this draft's if it has one."""
        name = _ctl_name(node)
        return self.files[name] if name in self.files else _read(self.root / name)

    def write_ctl(self, octets: bytes | None) -> None:
        """Write a CTL to every node, or remove it (None)."""
        for node in self.cluster.nodes:
            self.files[_ctl_name(node)] = octets


@contextmanager
def drafting(root: Path) -> Iterator[Draft]:
    """Change a cluster: what the draft holds at the end is written, all of it or nothing.

    An exception changes nothing. Raises UnusableInput when somebody else is changing it, or it
    cannot be read or written.
    """
    with _locked(root):
        finish(root)
        draft = Draft(root, read_cluster(root))
        before = state_files(draft.cluster)
        yield draft
        after = state_files(draft.cluster)
        changed = {name: octets for name, octets in after.items() if before.get(name) != octets}
        change_all(root, {**changed, **draft.files})


def create(root: Path, cluster: Cluster) -> None:
    """Write a new cluster whose services are running. Raises UnusableInput."""
    for node in cluster.nodes:
        check_node_name(node.name)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        if any(path.name != _LOCK for path in root.iterdir()):
            raise UnusableInput(f"{root} is not empty; name a new directory")
        draft = Draft(root, cluster)
        draft.load_all()
        change_all(root, {**state_files(cluster), **draft.files})
        (root / "keys").chmod(0o700)


def read_cluster(root: Path, random: Random | None = None) -> Cluster:
    """Return the cluster as it is configured. Raises UnusableInput."""
    if not is_cluster_directory(root):
        raise UnusableInput(
            f"{root} is no cluster directory; firmware-sim cluster new --dir {root} makes one"
        )
    return read_lab(root, random or SystemRandom())


def read_served(root: Path, name: str) -> tuple[Cluster, Node]:
    """Return the cluster as a node's TFTP serves it, and the node: with what it loaded.

    Raises UnusableInput.
    """
    cluster = read_cluster(root)
    node = find_node(cluster, name)
    running = running_folder(root, name)
    itl, ctl = _read(running / ITL_FILE), _read(running / CTL_FILE)
    if itl is None:
        raise UnusableInput(f"{running / ITL_FILE}: No such file; restart Cisco Tftp on {name}")
    cluster.overrides[ITL_FILE] = itl
    if ctl is None:
        cluster.ctl = None
    else:
        cluster.overrides[CTL_FILE] = ctl
    node.callmanager = credential_of(*read_pem(running / _TFTP_PEM))
    return cluster, node


def read_tvs(root: Path, name: str) -> Credential:
    """Return what a node's TVS shows. Raises UnusableInput."""
    return credential_of(*read_pem(running_folder(root, name) / _TVS_PEM))


def read_capf(root: Path, publisher: str) -> Credential:
    """Return what the publisher's CAPF shows and signs with. Raises UnusableInput."""
    return credential_of(*read_pem(running_folder(root, publisher) / _CAPF_PEM))


def running_folder(root: Path, name: str) -> Path:
    """Return where the things are that a node's services loaded."""
    return root / NODES_FOLDER / name / "running"


def read_list(root: Path, node: Node, name: str) -> bytes | None:
    """Return the CTL on a node's disk, or the ITL that it serves; None where there is none."""
    if name == CTL_FILE:
        return _read(root / _ctl_name(node))
    return _read(running_folder(root, node.name) / name)


def find_node(cluster: Cluster, name: str | None) -> Node:
    """Return the node of a name, the publisher for None. Raises UnusableInput."""
    if name is None:
        return cluster.publisher
    for node in cluster.nodes:
        if node.name == name:
            return node
    names = ", ".join(node.name for node in cluster.nodes)
    raise UnusableInput(f"there is no node {name!a}; the nodes are {names}")


def _running_name(node: Node) -> str:
    return f"{NODES_FOLDER}/{node.name}/running"


def _ctl_name(node: Node) -> str:
    return f"{NODES_FOLDER}/{node.name}/{CTL_FILE}"


def _read(path: Path) -> bytes | None:
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
            raise UnusableInput(
                f"{root}: another administrator is changing this cluster; try again afterwards"
            ) from None
        yield
    finally:
        os.close(descriptor)
