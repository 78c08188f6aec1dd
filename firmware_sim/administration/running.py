"""What the services of a node run with: what they loaded when they were started.

TVS alone answers from what there is now.
"""

from collections.abc import Iterator
from pathlib import Path

from firmware_sim.administration.directory import (
    CALLMANAGER_PEM,
    CAPF_PEM,
    TFTP_PEM,
    TVS_PEM,
    find_node,
    read_cluster,
    read_if_there,
    read_list,
    running_folder,
)
from firmware_sim.cluster import (
    CTL_FILE,
    ITL_FILE,
    Cluster,
    Credential,
    ListedCertificate,
    Node,
    credential_of,
)
from firmware_sim.lab import read_pem
from firmware_sim.tvs import Entry, TVSDirectory
from secd.errors import MalformedFile, UnusableInput
from secd.trustlist import decode_trust_list_untrusted


def read_served(root: Path, name: str) -> tuple[Cluster, Node]:
    """Return the cluster as a node's TFTP serves it, and the node: with what it loaded.

    Raises UnusableInput.
    """
    cluster = read_cluster(root)
    node = find_node(cluster, name)
    running = running_folder(root, name)
    itl, ctl = read_if_there(running / ITL_FILE), read_if_there(running / CTL_FILE)
    if itl is None:
        raise UnusableInput(f"{running / ITL_FILE}: No such file; restart Cisco Tftp on {name}")
    cluster.overrides[ITL_FILE] = itl
    if ctl is None:
        cluster.ctl = None
    else:
        cluster.overrides[CTL_FILE] = ctl
    node.callmanager = _read_credential(running / TFTP_PEM)
    return cluster, node


def read_tvs(root: Path, name: str) -> Credential:
    """Return what a node's TVS shows. Raises UnusableInput."""
    return _read_credential(running_folder(root, name) / TVS_PEM)


def read_callmanager(root: Path, name: str) -> Credential:
    """Return what a node's CallManager shows. Raises UnusableInput."""
    return _read_credential(running_folder(root, name) / CALLMANAGER_PEM)


def read_capf(root: Path, publisher: str) -> Credential:
    """Return what the publisher's CAPF shows and signs with. Raises UnusableInput."""
    return _read_credential(running_folder(root, publisher) / CAPF_PEM)


def read_tvs_directory(root: Path, name: str) -> TVSDirectory:
    """Return what a node's TVS knows: the certificates there are now, and those of its CTL.

    It looks into the CTL last, and into a new one as soon as it is written ("Recaching CTL
    Certificate Cache", 118893). Raises UnusableInput.
    """
    cluster = read_cluster(root)
    ctl = read_list(root, find_node(cluster, name), CTL_FILE)
    return TVSDirectory(cluster, list(_entries_of(ctl)))


def _entries_of(ctl: bytes | None) -> Iterator[Entry]:
    if ctl is None:
        return
    try:
        records = decode_trust_list_untrusted(ctl).records
    except MalformedFile:
        return  # TVS has nothing to say of it; `check` and `show ctl` do
    for record in records:
        if record.certificate and record.issuer and record.serial and record.function is not None:
            listed = ListedCertificate(
                record.subject or b"",
                record.issuer,
                record.serial,
                record.public_key or b"",
                record.signature or b"",
                record.certificate,
            )
            yield Entry(listed, frozenset({record.function}))


def _read_credential(path: Path) -> Credential:
    try:
        return credential_of(*read_pem(path))
    except (MalformedFile, UnusableInput) as error:
        place = "" if isinstance(error, UnusableInput) else f"{path}: "
        raise UnusableInput(f"{place}{error}; restart the service, which writes it anew") from None
