"""Changing several files of a directory at once: all of them, or none.

    NAME.new       what a file will hold, written beside it and brought to the disk
    journal        the names that change, one a line; once it is there, the change is decided

A process that dies before the journal is there has changed nothing; one that dies later has left
everything that `finish` needs. Which files change is decided by the callers, and so is the lock.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from secd.errors import UnusableInput

JOURNAL = "journal"
_BESIDE = ".new"
_SECRET, _PUBLIC = 0o600, 0o644
_SECRET_SUFFIXES = (".pem", ".secret")
_REPLACE, _REMOVE = "replace ", "remove "


def change_all(root: Path, changes: Mapping[str, bytes | None]) -> None:
    """Replace files by their names below `root`, or remove those whose content is None.

    Files that end in `.pem` or `.secret` are 0600. Raises UnusableInput when one cannot be
    written; then none has changed.
    """
    prepare(root, changes, JOURNAL).commit()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that lies beside the files, on the disk; it can be decided without writing more.

    names -- of the files. journal -- of its journal, until it is decided.
    """

    root: Path
    names: tuple[str, ...]
    journal: str

    def commit(self) -> None:
        """Decide it, and put the files into their places. Raises UnusableInput."""
        finish(self.root)  # another one that could not be finished would be forgotten
        try:
            _beside(self.root / self.journal).replace(self.root / JOURNAL)
            _sync(self.root)
        except OSError as error:
            raise UnusableInput(
                f"{self.root}: a prepared change cannot be made: {error.strerror}"
            ) from None
        finish(self.root)

    def drop(self) -> None:
        """Leave everything as it is. Raises nothing: what stays beside the files hurts nobody."""
        for name in (*self.names, self.journal):
            with suppress(OSError):
                _beside(self.root / name).unlink(missing_ok=True)


def prepare(root: Path, changes: Mapping[str, bytes | None], journal: str) -> Prepared:
    """Write what `change_all` would, and decide nothing yet.

    journal -- a name of its own where several changes are prepared at once. Raises UnusableInput
    when something cannot be written, or lies outside of `root`; then nothing is left beside the
    files.
    """
    for name in changes:
        _step_of(root, _REPLACE + name)  # what `finish` refuses must never be decided
    prepared = Prepared(root, tuple(changes), journal)
    lines = []
    try:
        for name, octets in changes.items():
            if octets is None:
                lines.append(f"{_REMOVE}{name}\n")
            else:
                _write_beside(root / name, octets)
                lines.append(f"{_REPLACE}{name}\n")
        _write_beside(root / journal, "".join(lines).encode())
    except OSError as error:
        prepared.drop()
        place = error.filename or root
        raise UnusableInput(
            f"{place}: cannot be written: {error.strerror}; nothing has been changed"
        ) from None
    return prepared


def finish(root: Path) -> None:
    """Finish a change that was decided and perhaps cut short; without one, do nothing.

    Raises UnusableInput when a file cannot be put in its place.
    """
    try:
        lines = (root / JOURNAL).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{root / JOURNAL}: is no journal: {error}") from None
    steps = [_step_of(root, line) for line in lines]
    try:
        for path, is_removed in steps:
            _do(path, is_removed)
        for folder in {path.parent for path, _ in steps}:
            if folder.exists():  # else what was removed was the last in it
                _sync(folder)
        (root / JOURNAL).unlink()
        _sync(root)
    except OSError as error:
        raise UnusableInput(
            f"{root}: a change was begun and cannot be finished: {error.filename}: "
            f"{error.strerror}; repeat the command when that is cured"
        ) from None


def _step_of(root: Path, line: str) -> tuple[Path, bool]:
    """Return which file a line is about, and whether it is removed. Raises UnusableInput."""
    name = line.removeprefix(_REMOVE).removeprefix(_REPLACE)
    parts = Path(name).parts
    outside = not parts or ".." in parts or Path(name).is_absolute()
    if name == line or outside or len(name.splitlines()) != 1:
        raise UnusableInput(f"{root / JOURNAL}: {line!a} is no line of a journal")
    return root / name, line.startswith(_REMOVE)


def _do(path: Path, is_removed: bool) -> None:
    if is_removed:
        path.unlink(missing_ok=True)
        _remove_if_empty(path.parent)
        _remove_if_empty(path.parent.parent)
    elif _beside(path).exists():  # else it was renamed before the process died
        _beside(path).replace(path)


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder with nothing in it; its being there would be no error."""
    with suppress(OSError):
        folder.rmdir()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + _BESIDE)


def _write_beside(path: Path, octets: bytes) -> None:
    secret = path.suffix in _SECRET_SUFFIXES
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    beside = _beside(path)
    beside.unlink(missing_ok=True)  # of a process that died, perhaps with another mode
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(beside, flags, _SECRET if secret else _PUBLIC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
