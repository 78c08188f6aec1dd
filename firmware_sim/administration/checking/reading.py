"""Reading what is checked from directories: a cluster's, and phones' flashes."""

from functools import partial
from pathlib import Path

from firmware_sim.administration.checking.site import HeldPhone, RunningNode, Site
from firmware_sim.administration.directory import read_cluster, read_list
from firmware_sim.administration.running import (
    read_callmanager,
    read_capf,
    read_served,
    read_tvs,
    read_tvs_directory,
)
from firmware_sim.cluster import CTL_FILE, ITL_FILE, Cluster, ClusterFiles, Node
from secd.errors import FlashUnusable, UnusableInput
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.store import PhoneStore, owner_of


def read_site(root: Path, now_seconds: float) -> Site:
    """Return a cluster and what its nodes run with. Raises UnusableInput, which names the file."""
    cluster = read_cluster(root)
    nodes = tuple(_read_node(root, cluster, node) for node in cluster.nodes)
    return Site(cluster, nodes, now_seconds)


def read_phone(directory: Path) -> HeldPhone:
    """Return what a phone's flash holds. Raises UnusableInput."""
    if not directory.is_dir():
        raise UnusableInput(f"{directory}: No such directory")
    try:
        with DirectoryFlash(directory) as flash:
            owner = owner_of(flash)
            model = model_catalogue().find(owner.model, owner.load)
            kept = PhoneStore(flash, owner.device, model).load()
    except FlashUnusable as error:
        raise UnusableInput(f"{directory}: {error}") from None
    return HeldPhone(owner.device, model, kept.installed, kept.configuration, kept.vouchers)


def _read_node(root: Path, cluster: Cluster, node: Node) -> RunningNode:
    served, serving = read_served(root, node.name)
    files = ClusterFiles(served, serving)
    is_publisher = node is cluster.publisher
    return RunningNode(
        node,
        read_list(root, node, CTL_FILE),
        served.overrides.get(CTL_FILE),
        served.overrides[ITL_FILE],
        serving.callmanager.certificate,
        read_callmanager(root, node.name).certificate,
        read_tvs(root, node.name).certificate,
        read_capf(root, node.name).certificate if is_publisher else None,
        partial(_configuration, files),
        read_tvs_directory(root, node.name).answer,
    )


def _configuration(files: ClusterFiles, device: str) -> bytes | None:
    answer = files.answer("check", f"{device}.cnf.xml.sgn")
    return answer if isinstance(answer, bytes) else None
