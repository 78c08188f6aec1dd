"""The TFTP folder of a node as `file list tftp` and `file delete tftp` see it.

In it are the CTL as it was last written to the node, the ITL, and the common files. What TFTP
serves of the CTL is what it loaded when it was started.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from firmware_sim.administration.directory import NODES_FOLDER, Draft, running_folder
from firmware_sim.cluster import CTL_FILE, ITL_FILE, Node
from firmware_sim.lab import COMMON_FOLDER
from secd.errors import UnusableInput


@dataclass(frozen=True, slots=True)
class TFTPFile:
    """A file. changed_at_seconds -- Unix time."""

    name: str
    size: int
    changed_at_seconds: float


def list_files(root: Path, node: Node, pattern: str) -> list[TFTPFile]:
    """Return the files whose names match, `*` and `?` as in a shell. Raises UnusableInput."""
    common = root / COMMON_FOLDER
    try:
        paths = {CTL_FILE: root / NODES_FOLDER / node.name / CTL_FILE}
        paths |= {ITL_FILE: running_folder(root, node.name) / ITL_FILE}
        paths |= {path.relative_to(common).as_posix(): path for path in common.rglob("*")}
        return [
            TFTPFile(name, path.stat().st_size, path.stat().st_mtime)
            for name, path in sorted(paths.items())
            if fnmatchcase(name, pattern) and path.is_file()
        ]
    except OSError as error:
        raise UnusableInput(f"{error.filename}: {error.strerror}") from None


def delete_file(draft: Draft, node: Node, name: str) -> int:
    """Remove the CTL from a node's folder; TFTP serves it until it is restarted.

    Returns how many files were removed. Raises UnusableInput for any other file.
    """
    if name != CTL_FILE:
        raise UnusableInput(f"{name!a}: only {CTL_FILE} can be deleted; TFTP makes {ITL_FILE} anew")
    if draft.ctl(node) is None:
        return 0
    draft.delete_ctl(node)
    return 1
