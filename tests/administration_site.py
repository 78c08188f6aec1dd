"""A cluster directory with keys from the pool, as tests of administrators' commands want it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from firmware_sim.administration.directory import Draft, create, drafting
from firmware_sim.administration.journal import JOURNAL
from firmware_sim.cli import commands
from firmware_sim.cluster import (
    CertificateMaker,
    Cluster,
    Device,
    NotFound,
    PooledKeys,
    Release,
    Subject,
    make_cluster,
    make_node,
)
from secd.trustlist import TrustList, decode_trust_list_untrusted

MADE_AT, NOW = 1_400_000_000, 1_500_000_000
KEYS = PooledKeys(24)
DEVICE = "SEP0011215A1AE3"
BEFORE_12, FROM_12 = Release(10, 5, 2), Release(12, 0, 1)


def subject(name: str) -> Subject:
    return Subject(name, "AS", "Cisco", "RTP", "NC", "US")


def new_cluster(nodes: int = 2, release: Release = BEFORE_12, made_at: int = MADE_AT) -> Cluster:
    maker = CertificateMaker(KEYS, Random(5), made_at, bits=1024)
    names = [f"cucm-{number}" for number in range(nodes)]
    made = [make_node(maker, name, f"10.0.0.{n}", subject(name)) for n, name in enumerate(names)]
    cluster = make_cluster(maker, release, made[0], subject(names[0]))
    cluster.nodes = made
    cluster.autoregistration = True
    cluster.add_device(Device(DEVICE, "7961"))
    return cluster


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    create(root, new_cluster())
    return root


def list_of(octets: bytes | NotFound | None) -> TrustList:
    assert isinstance(octets, bytes)
    return decode_trust_list_untrusted(octets)


def content(root: Path) -> dict[str, bytes]:
    """Everything a cluster is; what a change leaves beside the files does not count."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in files
        if path.suffix != ".new" and path.name not in ("lock", JOURNAL)
    }


class Died(BaseException):
    """The process was killed."""


def deaths(
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Draft], None],
) -> Iterator[tuple[Path, bool]]:
    """Yield copies of a cluster in which a process died while changing it, one step later each.

    Whoever came next has been there. True: it died; the last copy is that of one that did not.
    """
    real = {name: getattr(Path, name) for name in ("replace", "unlink", "rmdir")}
    for last in count():
        steps = count()

        def step(steps: "count[int]" = steps, last: int = last) -> None:
            if next(steps) == last:
                raise Died

        def replace(path: Path, target: Path, step: Callable[[], None] = step) -> None:
            step()
            real["replace"](path, target)

        def unlink(path: Path, missing_ok: bool = False, step: Callable[[], None] = step) -> None:
            step()
            real["unlink"](path, missing_ok)

        def rmdir(path: Path, step: Callable[[], None] = step) -> None:
            step()
            real["rmdir"](path)

        root = tmp_path / f"copy{last}"
        subprocess.run(["cp", "-a", site, root], check=True)
        died = False
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", replace)
            patched.setattr(Path, "unlink", unlink)
            patched.setattr(Path, "rmdir", rmdir)
            patched.setattr(os, "fsync", lambda _, step=step: step())
            try:
                with drafting(root) as draft:
                    change(draft)
            except Died:
                died = True
        with drafting(root):
            pass
        yield root, died
        if not died:
            return


def typed(root: Path, *words: str, answer: str = "") -> tuple[int, str]:
    """Run a command on a directory; return its exit code and what it says."""
    done = CliRunner().invoke(commands, [*words, "--dir", str(root)], input=answer)
    return done.exit_code, done.output
