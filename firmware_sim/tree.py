"""A folder of files as a source for the lab's servers: the TFTP tree.

Decided here: which names reach which files. A name is a path below the root with `/` between its
parts, compared exactly. Nothing outside of the root can be had: absolute names and `..` are not
found, nor is a symbolic link that leads out; links that stay inside are followed. Directories,
pipes and devices are not found either.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.cluster.files import NotFound

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Tree:
    """The files below `root`."""

    root: Path

    def answer(self, requester: str, name: str) -> bytes | NotFound:  # noqa: ARG002 - all get the same
        """Return the file of this name, read now, or NotFound."""
        parts = _parts_untrusted(name)
        if parts is None:
            return NotFound(name)
        try:
            return self._read(parts)
        except (OSError, ValueError, RuntimeError):
            # ValueError: no file system takes the name. RuntimeError: pathlib's word, up to
            # Python 3.12, for links that lead round in a circle.
            return NotFound(name)

    def served_name(self, name: str) -> str:
        """Return the name itself."""
        return name

    def _read(self, parts: list[str]) -> bytes:
        """Read a file that lies inside, links resolved; raise OSError for any other.

        The resolved path is walked without following links: one that is put in place between the
        two steps is refused.
        """
        root = self.root.resolve(strict=True)
        inside = root.joinpath(*parts).resolve(strict=True)
        if not inside.is_relative_to(root) or inside == root:
            raise FileNotFoundError(parts)
        *folders, last = inside.relative_to(root).parts
        descriptor = os.open(root, _DIRECTORY)
        for folder in folders:
            descriptor = _open_below(descriptor, folder, _DIRECTORY)
        return _read_regular(_open_below(descriptor, last, _FILE))


def _parts_untrusted(name: str) -> list[str] | None:
    """Return the parts of a name, or None when it is not one of a path below the root."""
    parts = name.split("/")
    return None if any(part in ("", ".", "..") or "\0" in part for part in parts) else parts


def _open_below(folder: int, name: str, flags: int) -> int:
    """Open `name` in an open folder, which is closed in any case."""
    try:
        return os.open(name, flags, dir_fd=folder)
    finally:
        os.close(folder)


def _read_regular(descriptor: int) -> bytes:
    """Read an open file, which is closed in any case."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
