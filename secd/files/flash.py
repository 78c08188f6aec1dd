"""The phone's flash: a few named files, each replaced as a whole or not at all.

A replacement is written beside the old file, brought to the disk, renamed over it, and the
directory is brought to the disk too. After a crash at any point the old or the new file is there,
whole. The directory is locked while it is open, so that two processes cannot be one phone.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Protocol, Self

from secd.errors import FlashUnusable

_LIMIT_BYTES = 64 * 1024 * 1024  # no file that a phone keeps comes near
_BESIDE = ".new"  # suffix of a file that is not yet in place


class Flash(Protocol):
    """Where a phone keeps its files. Raises FlashUnusable when the medium does."""

    def read(self, name: str) -> bytes | None:
        """Return a file's octets, or None when there is no such file."""

    def write(self, name: str, octets: bytes) -> None:
        """Replace a file, durably and as a whole."""

    def rename(self, name: str, replaced: str) -> None:
        """Put a file in the place of another, durably, in one step."""

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

    def rename(self, name: str, replaced: str) -> None:
        """Put a file in the place of another. Raises FlashUnusable when it is not there."""
        if name not in self._files:
            raise FlashUnusable(f"{name}: cannot be renamed: there is no such file")
        self._files[replaced] = self._files.pop(name)

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
        except OSError as error:
            os.close(self._descriptor)
            if isinstance(error, BlockingIOError):
                raise FlashUnusable(
                    f"{directory}: another process is using this phone's flash; "
                    "wait for it, or give each phone its own --state directory"
                ) from None
            raise FlashUnusable(f"{directory}: cannot be locked: {error.strerror}") from None

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
            with open(name, "rb", opener=self._open) as file:
                if not S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError(errno.EINVAL, "it is no regular file")
                octets = file.read(_LIMIT_BYTES + 1)
                if len(octets) > _LIMIT_BYTES:
                    raise OSError(errno.EFBIG, f"it is larger than {_LIMIT_BYTES} octets")
                return octets
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(name, "read", error) from None

    def write(self, name: str, octets: bytes) -> None:
        """Replace a file as a whole.

        Raises FlashUnusable; then the old file is still there, unless it was only the directory
        that could not be brought to the disk: then it is the new one.
        """
        beside = name + _BESIDE
        try:
            # A leftover may have any mode, or lead elsewhere: the new file is made new.
            with suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=self._descriptor)
            with open(beside, "xb", opener=self._open) as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unusable(name, "written", error) from None

    def rename(self, name: str, replaced: str) -> None:
        """Put a file in the place of another. Raises FlashUnusable; then both are as they were."""
        try:
            os.replace(name, replaced, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unusable(name, "renamed", error) from None

    def erase(self, name: str) -> None:
        """Remove a file. Raises FlashUnusable."""
        try:
            os.unlink(name, dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(name, "erased", error) from None

    def names(self) -> frozenset[str]:
        """Return the names of all files, leftovers of interrupted writes not among them.

        Raises FlashUnusable.
        """
        try:
            names = os.listdir(self._descriptor)  # noqa: PTH208 - of the locked directory
        except OSError as error:
            raise self._unusable("", "read", error) from None
        return frozenset(name for name in names if not name.endswith(_BESIDE))

    def _open(self, name: str, flags: int) -> int:
        """Open a file of the directory that was locked, whatever has its path by now."""
        # Neither a link that leads elsewhere nor a pipe that waits for a writer is followed.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK
        return os.open(name, flags, 0o600, dir_fd=self._descriptor)

    def _unusable(self, name: str, what: str, error: OSError) -> FlashUnusable:
        return FlashUnusable(f"{self._directory / name}: cannot be {what}: {error.strerror}")
