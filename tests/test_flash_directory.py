"""The flash in a directory: whole files or none, whatever crashes, and one process only."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secd.errors import FlashUnusable
from secd.files.flash import DirectoryFlash, Flash, MemoryFlash

NAME = "CTLFile.tlv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "phone"


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, leftovers too."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("lead", ["/dev/zero", "elsewhere"])
def test_a_link_is_not_followed(folder: Path, lead: str) -> None:
    with DirectoryFlash(folder) as flash:
        (folder / "CTLFile.tlv").symlink_to(lead)
        with pytest.raises(FlashUnusable, match=r"CTLFile\.tlv: cannot be read"):
            flash.read("CTLFile.tlv")


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    with DirectoryFlash(folder) as flash:
        os.mkfifo(folder / "CTLFile.tlv")
        with pytest.raises(FlashUnusable, match="it is no regular file"):
            flash.read("CTLFile.tlv")


def test_a_file_without_end_is_not_read(folder: Path) -> None:
    with DirectoryFlash(folder) as flash:
        (folder / "CTLFile.tlv").touch()
        os.truncate(folder / "CTLFile.tlv", 64 * 1024 * 1024 + 1)
        with pytest.raises(FlashUnusable, match="it is larger than 67108864 octets"):
            flash.read("CTLFile.tlv")


# What a flash is, in a directory and in memory


@pytest.fixture(params=["directory", "memory"])
def flash(request: pytest.FixtureRequest, folder: Path) -> Iterator[Flash]:
    if request.param == "memory":
        yield MemoryFlash()
    else:
        with DirectoryFlash(folder) as opened:
            yield opened


def test_a_file_is_replaced_as_a_whole(flash: Flash) -> None:
    assert flash.read(NAME) is None
    flash.write(NAME, b"long, long ago")
    flash.write(NAME, b"short")
    assert flash.read(NAME) == b"short"
    flash.write(NAME, b"")
    assert flash.read(NAME) == b""
    assert flash.names() == {NAME}


def test_a_file_is_erased(flash: Flash) -> None:
    flash.write(NAME, b"x")
    flash.erase(NAME)
    flash.erase(NAME)
    assert flash.read(NAME) is None
    assert flash.names() == frozenset()


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "erase"]), st.sampled_from("ab"), st.binary(max_size=3))
)


@given(STEPS)
def test_both_flashes_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, bytes]]
) -> None:
    memory = MemoryFlash()
    with DirectoryFlash(tmp_path_factory.mktemp("flash")) as directory:
        for action, name, octets in steps:
            for one in (memory, directory):
                if action == "write":
                    one.write(name, octets)
                else:
                    one.erase(name)
            assert directory.names() == memory.names()
            assert [directory.read(n) for n in "ab"] == [memory.read(n) for n in "ab"]


# Crashes


class Crash(BaseException):
    """The power went off."""


SYSTEM_CALLS = ("open", "fsync", "replace", "unlink")


def crash_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the process die at a system call, counted from 1; returns the calls so far."""
    calls: list[str] = []

    def replace_by_dying(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **options: object) -> object:
            calls.append(name)
            if len(calls) == step:
                raise Crash
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    for name in SYSTEM_CALLS:
        replace_by_dying(name)
    return calls


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("new", [b"new", None])
def test_after_a_crash_the_old_or_the_new_file_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: int, old: bytes | None, new: bytes | None
) -> None:
    with DirectoryFlash(folder) as flash:
        flash.write("other", b"untouched")
        if old is not None:
            flash.write(NAME, old)
        with monkeypatch.context() as patch:
            calls = crash_at(step, patch)
            try:
                if new is None:
                    flash.erase(NAME)
                else:
                    flash.write(NAME, new)
            except Crash:
                assert len(calls) == step
                finished = False
            else:
                assert len(calls) < step
                finished = True
    with DirectoryFlash(folder) as again:
        assert again.read(NAME) in ((new,) if finished else (old, new))
        assert again.read("other") == b"untouched"
        assert again.names() <= {NAME, "other"}
        again.write(NAME, b"later")
        assert contents(folder) == {NAME: b"later", "other": b"untouched"}


def test_a_write_reaches_the_disk_in_the_right_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's octets first, then its name, then the directory."""
    with DirectoryFlash(folder) as flash:
        calls = crash_at(0, monkeypatch)
        flash.write(NAME, b"x")
        flash.erase(NAME)
    durable = [call for call in calls if call != "open"]
    assert durable[-5:] == ["fsync", "replace", "fsync", "unlink", "fsync"]


def test_a_full_disk_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        return real("/dev/full", os.O_WRONLY) if flags & os.O_CREAT else real(path, flags, mode)

    with DirectoryFlash(folder) as flash:
        flash.write(NAME, b"old")
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", full)
            with pytest.raises(
                FlashUnusable, match=r"phone/CTLFile.tlv: cannot be written: .*pace"
            ):
                flash.write(NAME, b"new" * 10_000)
        assert flash.read(NAME) == b"old"


@pytest.mark.parametrize("call", ["fsync", "replace", "unlink"])
def test_what_the_kernel_refuses_is_a_clear_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with DirectoryFlash(folder) as flash:
        flash.write(NAME, b"old")
        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            with pytest.raises(FlashUnusable, match="cannot be written: Input/output"):
                flash.write(NAME, b"new")
            if call != "replace":
                with pytest.raises(FlashUnusable, match="cannot be erased: Input/"):
                    flash.erase(NAME)
        assert flash.read(NAME) == (b"old" if call != "fsync" else None)


def test_a_directory_that_does_not_reach_the_disk_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    with DirectoryFlash(folder) as flash:
        with pytest.raises(FlashUnusable, match="cannot be written: Input/output error"):
            flash.write(NAME, b"new")
        assert flash.read(NAME) == b"new"


# Modes and leftovers


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read(folder: Path) -> None:
    with DirectoryFlash(folder) as flash:
        flash.write(NAME, b"secret")
    assert mode_of(folder) == 0o700
    assert mode_of(folder / NAME) == 0o600


def test_a_leftover_does_not_lend_its_mode_or_its_octets(folder: Path) -> None:
    folder.mkdir()
    leftover = folder / f"{NAME}.new"
    leftover.write_bytes(b"half of a long file")
    leftover.chmod(0o666)
    twin = folder.parent / "twin"
    twin.hardlink_to(leftover)
    with DirectoryFlash(folder) as flash:
        assert flash.names() == frozenset()
        flash.write(NAME, b"x")
        assert flash.names() == {NAME}
    assert contents(folder) == {NAME: b"x"}
    assert mode_of(folder / NAME) == 0o600
    assert twin.read_bytes() == b"half of a long file"


@pytest.mark.parametrize("name", [NAME, f"{NAME}.new"])
def test_a_write_follows_no_symbolic_link(folder: Path, name: str) -> None:
    folder.mkdir()
    outside = folder.parent / "outside"
    outside.write_bytes(b"precious")
    (folder / name).symlink_to(outside)
    with DirectoryFlash(folder) as flash:
        flash.write(NAME, b"x")
        assert flash.read(NAME) == b"x"
        flash.erase(NAME)
    assert outside.read_bytes() == b"precious"


# Who may use the directory


def test_a_second_flash_on_the_same_directory_is_refused(folder: Path) -> None:
    with DirectoryFlash(folder):
        with pytest.raises(FlashUnusable, match="another process is using this phone's flash"):
            DirectoryFlash(folder)
        linked = folder.parent / "link"
        linked.symlink_to(folder)
        with pytest.raises(FlashUnusable, match="another process"):
            DirectoryFlash(linked)
    with DirectoryFlash(folder) as again:
        assert again.names() == frozenset()


HOLDER = """
import sys
from pathlib import Path
from secd.files.flash import DirectoryFlash
with DirectoryFlash(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_ends(folder: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(FlashUnusable, match="another process"):
            DirectoryFlash(folder)
        holder.kill()
    DirectoryFlash(folder).close()


def test_a_lock_that_the_file_system_does_not_know_is_not_another_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(FlashUnusable, match="cannot be locked: No locks available"):
        DirectoryFlash(folder)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    for path in (file, file / "below"):
        with pytest.raises(FlashUnusable, match="cannot be used as a flash directory"):
            DirectoryFlash(path)
    assert file.read_bytes() == b"x"


def test_a_directory_in_the_place_of_a_file(folder: Path) -> None:
    for name in (NAME, "console.log.new"):
        (folder / name).mkdir(parents=True)
    with DirectoryFlash(folder) as flash:
        with pytest.raises(FlashUnusable, match="cannot be read: Is a directory"):
            flash.read(NAME)
        with pytest.raises(FlashUnusable, match="cannot be erased: Is a directory"):
            flash.erase(NAME)
        with pytest.raises(FlashUnusable, match="cannot be written: Is a directory"):
            flash.write(NAME, b"x")
        with pytest.raises(FlashUnusable, match="cannot be written: Is a directory"):
            flash.write("console.log", b"x")


def test_a_flash_is_where_it_was_opened(folder: Path) -> None:
    """Moved away under a running phone, its directory stays the phone's."""
    with DirectoryFlash(folder) as flash:
        flash.write(NAME, b"mine")
        folder.rename(folder.parent / "moved")
        folder.mkdir()
        (folder / NAME).write_bytes(b"somebody else's")
        assert flash.read(NAME) == b"mine"
        assert flash.names() == {NAME}


def test_an_error_of_the_directory_is_a_clear_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> list[str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with DirectoryFlash(folder) as flash:
        monkeypatch.setattr(os, "listdir", refuse)
        with pytest.raises(FlashUnusable, match="phone: cannot be read: Input/output error"):
            flash.names()


def test_a_new_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    with DirectoryFlash(tmp_path / "a" / "b") as flash:
        flash.write(NAME, b"x")
    assert mode_of(tmp_path / "a" / "b") == 0o700
