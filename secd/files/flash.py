"""The phone's flash: a few named files, each replaced as a whole or not at all.

A replacement is written beside the old file, brought to the disk, renamed over it, and the
directory is brought to the disk too. After a crash at any point the old or the new file is there,
whole. The directory is locked while it is open, so that two processes cannot be one phone.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from secd.errors import FlashUnusable

_BESIDE = ".new"  # suffix of a file that is not yet in place


class Flash(Protocol):
    """Where a phone keeps its files. Raises FlashUnusable when the medium does."""

    def read(self, name: str) -> bytes | None:
        """Return a file's octets, or None when there is no such file."""

    def write(self, name: str, octets: bytes) -> None:
        """Replace a file, durably and as a whole."""

    def erase(self, name: str) -> None:
        """Remove a file, durably; one that is not there is no error."""

    def names(self) -> frozenset[str]:
        """Return the names of all files."""


class MemoryFlash:
    """A flash in memory, for phones by the thousand."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """Return a file's octets, or None."""
        return self._files.get(name)

    def write(self, name: str, octets: bytes) -> None:
        """Replace a file."""
        self._files[name] = octets

    def erase(self, name: str) -> None:
        """Remove a file."""
        self._files.pop(name, None)

    def names(self) -> frozenset[str]:
        """Return the names of all files."""
        return frozenset(self._files)


class DirectoryFlash:
    """A flash in a directory, which is made (0700) when it does not exist. Files are 0600.

    Use it as a context manager: leaving it gives the lock back.
    Raises FlashUnusable when the directory cannot be made, is no directory, or is in use.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise FlashUnusable(
                f"{directory}: cannot be used as a flash directory: {error.strerror}"
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise FlashUnusable(
                f"{directory}: another process is using this phone's flash; "
                "wait for it, or give each phone its own --state directory"
            ) from None

    def __enter__(self) -> Self:
        """Return the flash itself; it is locked already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        self.close()

    def close(self) -> None:
        """Give the lock back. The flash cannot be used any more."""
        os.close(self._descriptor)

    def read(self, name: str) -> bytes | None:
        """Return a file's octets, or None. Raises FlashUnusable."""
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(name, error) from None

    def write(self, name: str, octets: bytes) -> None:
        """Replace a file as a whole. Raises FlashUnusable; then the old file is still there."""
        beside = name + _BESIDE
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            descriptor = os.open(beside, flags, 0o600, dir_fd=self._descriptor)
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unusable(name, error) from None

    def erase(self, name: str) -> None:
        """Remove a file. Raises FlashUnusable."""
        try:
            os.unlink(name, dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(name, error) from None

    def names(self) -> frozenset[str]:
        """Return the names of all files, leftovers of interrupted writes not among them."""
        entries = self._directory.iterdir()
        return frozenset(entry.name for entry in entries if entry.suffix != _BESIDE)

    def _unusable(self, name: str, error: OSError) -> FlashUnusable:
        path = self._directory / name
        return FlashUnusable(f"{path}: {error.strerror}; nothing was changed")
