"""Power that fails, and disks that fail, at every single call that touches the flash.

`Failing` stands in for the calls of `secd.files.flash` to the kernel: open, write, fsync, rename,
unlink. It counts them, and at one of them something happens. A power cut ends the process as far
as the test can tell: every later call fails too, and of what was being written only a half has
reached the file. What a disk forgets because it was never synced is not the directory's affair: a
`fuzz.storms.forgetting.Disk` that watches says what else may be found.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from io import IOBase
from types import SimpleNamespace
from typing import BinaryIO, TypeVar
from unittest.mock import patch

from fuzz.storms.forgetting import Disk

T = TypeVar("T")


class PowerCut(BaseException):
    """There is no power any more."""


class Fault(Enum):
    """What happens at the chosen call."""

    CUT_BEFORE = "power cut before the call"
    CUT_AFTER = "power cut after the call"
    FULL = "no space left on device"
    BROKEN = "input/output error"


@dataclass
class Failing:
    """Fails at one call. at -- which, from 0; None: at none. calls -- those so far, by name."""

    fault: Fault
    at: int | None
    calls: list[str] = field(default_factory=list)
    dead: bool = False

    def call(self, name: str, do: Callable[[], T], half: Callable[[], object]) -> T:
        """Do a call, or fail. half -- what of it is done when the power fails on the way."""
        if self.dead:
            raise PowerCut
        number = len(self.calls)
        self.calls.append(name)
        if number != self.at:
            return do()
        if self.fault is Fault.FULL:
            half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.fault is Fault.BROKEN:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.dead = True
        if self.fault is Fault.CUT_AFTER:
            done = do()
            if isinstance(done, IOBase):
                done.close()  # nobody gets it
        else:
            half()
        raise PowerCut


class _File:
    """A file whose writes may fail. Reading is as ever."""

    def __init__(self, file: BinaryIO, failing: Failing, disk: Disk | None) -> None:
        self._file, self._failing, self._disk = file, failing, disk

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def fileno(self) -> int:
        return self._file.fileno()

    def flush(self) -> None:
        self._file.flush()

    def write(self, octets: bytes) -> None:
        def put(some: bytes) -> None:
            self._file.write(some)
            self._file.flush()
            if self._disk is not None:
                self._disk.wrote(self._file.fileno(), some)

        self._failing.call("write", lambda: put(octets), lambda: put(octets[: len(octets) // 2]))


@contextmanager
def failing(fault: Fault, at: int | None, disk: Disk | None = None) -> Iterator[Failing]:
    """Let the flash fail at one of its calls. disk -- watches those that are done."""
    one = Failing(fault, at)

    def nothing() -> None:
        pass

    def opened(name: str, mode: str, opener: Callable[[str, int], int]) -> object:
        if mode == "rb":
            return open(name, "rb", opener=opener)

        def make() -> BinaryIO:
            made = open(name, "xb", opener=opener)  # noqa: SIM115 - closed by _File
            if disk is not None:
                disk.created(name, made.fileno())
            return made

        return _File(one.call("open", make, nothing), one, disk)

    def wrapped(name: str) -> object:
        real = getattr(os, name)

        def stand_in(*given: object, **named: object) -> object:
            def do() -> object:
                done = real(*given, **named)
                if disk is not None:
                    getattr(disk, name)(*given)
                return done

            return one.call(name, do, nothing)

        return stand_in

    calls = {name: wrapped(name) for name in ("fsync", "replace", "unlink")}
    kernel = SimpleNamespace(**{**vars(os), **calls})
    with (
        patch("secd.files.flash.open", opened, create=True),
        patch("secd.files.flash.os", kernel),
    ):
        yield one
