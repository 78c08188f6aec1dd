"""Tokens for tests: made in a moment, with keys of the pool and one iteration."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random

import pytest

from firmware_sim.cluster import CertificateMaker, ManufacturingCA, PooledKeys, SoftToken
from firmware_sim.tokens import FileToken, create_file_token

PIN = "Cisco123"
NAME = "ADN4e31f914"
OTHER = "ADN5bbd7b14"
MADE_AT_SECONDS = 1_300_000_000
_KEYS = PooledKeys()  # one pool: no two tokens have the same key


@cache
def issued(name: str) -> SoftToken:
    """Return a token's certificate and key, the same ones in the whole run."""
    maker = CertificateMaker(_KEYS, Random(name), MADE_AT_SECONDS, bits=1024)
    return ManufacturingCA.create(maker).issue_token(name)


def new_token(folder: Path, name: str = NAME) -> FileToken:
    """Write a token with the PIN `PIN`."""
    credential = issued(name).credential
    path = folder / f"{name}.token"
    return create_file_token(path, credential.certificate, credential.key, PIN, iterations=1)


def count_in(token: FileToken) -> int:
    """Return the count of attempts, read without the project's codec."""
    found = re.search(rb"^Attempts left: (\d\d)$", token.path.read_bytes(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def has_key(token: FileToken) -> bool:
    return b"PRIVATE KEY" in token.path.read_bytes()


def run_python(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program in another process, which may die of it."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def forbid_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail when a PIN is looked at."""

    def look(der: bytes, pin: str) -> None:
        pytest.fail("the PIN was looked at")

    monkeypatch.setattr("firmware_sim.tokens.soft.decrypt_key", look)


def full_disk(*_: object) -> int:
    raise OSError(28, os.strerror(28))
