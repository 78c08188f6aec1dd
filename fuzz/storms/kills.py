"""kill -9 of a real `secd boot` at random moments, again and again: `python -m fuzz.storms.kills`.

One flash directory for all boots. Between boots the cluster renews certificates and back, so that
there is always something to write. After each kill every file is looked at; after every fifth, a
boot is let through to its end and must work. The moments come from a seed: one kill in three at
any moment of the process's life, the others soon after its first request, when it writes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event

from firmware_sim.cluster import NotFound
from fuzz.storms.serving import served
from fuzz.storms.site import DEVICE, SERVER, Shelf, kept, model, store_on, versions
from secd.files.flash import DirectoryFlash

WORK = Path(".fuzz")
_LET_THROUGH = 5
_WRITING_SECONDS = 0.06  # from the first request to the end, and a little
_LIMIT_SECONDS = 60
_PROGRAM = "from secd.cli import main; main()"


@dataclass(slots=True)
class WatchedShelf(Shelf):
    """A shelf that tells when it is asked."""

    asked: Event = field(default_factory=Event)

    def answer(self, requester: str, name: str) -> bytes | NotFound:
        """See `Shelf.answer`."""
        self.asked.set()
        return Shelf.answer(self, requester, name)


@dataclass
class Killing:
    """What happened. killed -- boots that did not come to their end. versions -- seen on flash."""

    killed: int = 0
    too_late: int = 0
    completed: int = 0
    found: Counter[str] = field(default_factory=Counter)


def _command(port: int, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-c", _PROGRAM, "boot", DEVICE, "--model", model().name),
        *("--tftp", SERVER, "--map", f"{SERVER}=127.0.0.1:{port}", "--state", str(folder)),
    ]


def _boot_through(port: int, folder: Path) -> float:
    """Boot to the end, which must work; how long that took."""
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603 - ourselves
        _command(port, folder), capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
    )
    if done.returncode:
        raise AssertionError(f"a boot after a kill ended with {done.returncode}:\n{done.stderr}")
    return time.monotonic() - begun


def _boot_and_kill(
    port: int, folder: Path, after_seconds: float, asked: Event | None = None
) -> bool:
    """Begin a boot and kill it; False: it had ended before. asked -- wait for this first."""
    if asked is not None:
        asked.clear()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        _command(port, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        if asked is not None and not asked.wait(_LIMIT_SECONDS):
            raise AssertionError("a boot after a kill asks for nothing")
        process.wait(after_seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def look_at(folder: Path) -> str:
    """Return which version each file on flash is of; raise AssertionError for one of neither."""
    before, after = map(kept, versions())
    found = []
    for name, octets in before.items():
        path = folder / name
        held = path.read_bytes() if path.exists() else None
        if held not in (None, octets, after[name]):
            raise AssertionError(f"{name} is neither the old nor the new file")
        found.append("-" if held is None else "old" if held == octets else "new")
    with DirectoryFlash(folder) as flash:
        store_on(flash).load()  # state.toml too
    return " ".join(found)


def kill_boots(count: int, seed: int, folder: Path) -> Killing:
    """Kill that many boots (and let some through)."""
    random = Random(seed)  # noqa: S311 - repeatable
    killing = Killing()
    both = versions()
    shelf = WatchedShelf(both[0])
    with served(shelf) as port:
        lasts = min(_boot_through(port, folder) for _ in range(2))
        for number in range(1, count + 1):
            shelf.files = both[number % 2]
            if number % 3 == 0:
                killed = _boot_and_kill(port, folder, random.uniform(0.0, 1.02) * lasts)
            else:
                moment = random.uniform(0.0, _WRITING_SECONDS)
                killed = _boot_and_kill(port, folder, moment, shelf.asked)
            killing.killed += killed
            killing.too_late += not killed
            killing.found[look_at(folder)] += 1
            if number % _LET_THROUGH == 0:
                _boot_through(port, folder)
                killing.completed += 1
                expected = " ".join(["new" if number % 2 else "old"] * len(kept(both[0])))
                if look_at(folder) != expected:
                    raise AssertionError("a boot to the end did not bring the served files")
    return killing


def main() -> int:
    """Kill boots and print what was found on flash."""
    parser = argparse.ArgumentParser(description="kill -9 of secd boot at random moments.")
    parser.add_argument("--count", type=int, default=300, help="boots to kill (default 300)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        killing = kill_boots(given.count, given.seed, Path(folder) / "phone")
    for found, number in killing.found.most_common():
        print(f"{number:>6} x CTL, ITL, configuration: {found}")
    print(f"{killing.killed} killed, {killing.too_late} had ended, {killing.completed} let through")
    WORK.mkdir(exist_ok=True)
    result = {
        "killed": killing.killed,
        "too_late": killing.too_late,
        "let_through": killing.completed,
        "found": killing.found,
        "seed": given.seed,
    }
    (WORK / "kills.json").write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
