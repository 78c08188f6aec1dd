"""Tokens of hardware against a PKCS#11 library that others wrote: SoftHSM.

The tokens get their keys and certificates by the commands that docs/tokens.md gives.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from click.testing import CliRunner
from token_support import NAME, OTHER, PIN, issued, new_token

from firmware_sim.cli import commands
from firmware_sim.tokens import (
    Attempts,
    FileToken,
    Token,
    TokenState,
    TokenUnavailable,
    WrongPIN,
    open_tokens,
)
from secd.certs import rsa_key_of_untrusted
from secd.crypto import Digest, verify_rsa

pytestmark = pytest.mark.interop
LIBRARIES = sorted(Path("/usr").glob("lib*/**/softhsm/libsofthsm2.so"))
UTIL, TOOL = (shutil.which(name) for name in ("softhsm2-util", "pkcs11-tool"))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the library a directory of its own; return the library."""
    if not LIBRARIES or UTIL is None or TOOL is None:
        pytest.skip("softhsm2 or opensc is not installed")
    (tmp_path / "slots").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tmp_path / 'slots'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    yield LIBRARIES[0]
    pkcs11.unload(str(LIBRARIES[0]))


def run(*command: str | Path | None) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def plug_in(module: Path, key_of: FileToken, certificate_of: FileToken, label: str) -> None:
    """Make a token of SoftHSM from soft tokens."""
    run(UTIL, "--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", PIN)
    words = ("--token", label, "--pin", PIN, "--file-pin", PIN, "--label", label, "--id", "01")
    run(UTIL, "--import", key_of.path, *words)
    der = key_of.path.with_suffix(".der")
    der.write_bytes(certificate_of.certificate)
    login = ("--module", module, "--token-label", label, "--login", "--pin", PIN)
    run(TOOL, *login, "--write-object", der, "--type", "cert", "--id", "01", "--label", label)


def plugged(module: Path, folder: Path, name: str = NAME) -> None:
    token = new_token(folder, name)
    plug_in(module, token, token, name)


def only(module: Path) -> Token:
    [token] = open_tokens(module=module)
    return token


def test_two_tokens_are_listed_and_sign(module: Path, tmp_path: Path) -> None:
    for name in (NAME, OTHER):
        plugged(module, tmp_path, name)
    tokens = {token.name: token for token in open_tokens(module=module)}
    assert set(tokens) == {NAME, OTHER}
    for name, token in tokens.items():
        assert token.certificate == issued(name).credential.certificate
        key = rsa_key_of_untrusted(token.certificate)
        verify_rsa(key, token.sign(b"list", PIN), b"list", Digest.SHA1)


def test_a_hardware_and_a_soft_token_with_one_key_sign_alike(module: Path, tmp_path: Path) -> None:
    soft = new_token(tmp_path)
    plug_in(module, soft, soft, NAME)
    assert only(module).sign(b"list", PIN) == soft.sign(b"list", PIN)


def test_a_wrong_pin_shows_until_a_right_one(module: Path, tmp_path: Path) -> None:
    plugged(module, tmp_path)
    token = only(module)
    assert token.attempts() == Attempts(TokenState.READY)
    for pin in ("wrong", "", "\udc80", "x" * 300, PIN.lower()):
        with pytest.raises(WrongPIN, match="some attempts are used up"):
            token.sign(b"list", pin)
    assert token.attempts() == Attempts(TokenState.LOW)
    assert token.sign(b"list", PIN)
    assert token.attempts() == Attempts(TokenState.READY)


def test_the_login_ends_with_the_signature(module: Path, tmp_path: Path) -> None:
    plugged(module, tmp_path)
    token = only(module)
    for _ in range(3):
        assert token.sign(b"list", PIN)
        with pytest.raises(WrongPIN):
            token.sign(b"list", "wrong")


def test_a_token_pulled_out_after_it_was_listed(module: Path, tmp_path: Path) -> None:
    plugged(module, tmp_path)
    token = only(module)
    (tmp_path / "slots").rename(tmp_path / "away")
    with pytest.raises(TokenUnavailable, match="plug it in"):
        token.attempts()
    with pytest.raises(TokenUnavailable, match="plug it in"):
        token.sign(b"list", PIN)
    (tmp_path / "away").rename(tmp_path / "slots")
    pkcs11.unload(str(module))  # SoftHSM looks again only in a new process
    assert only(module).sign(b"list", PIN)


def test_a_token_pulled_out_while_it_signs(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged(module, tmp_path)
    token = only(module)
    sha1 = hashlib.sha1

    def pull(octets: bytes, usedforsecurity: bool) -> object:
        shutil.rmtree(tmp_path / "slots")  # the PIN is accepted, the key found
        return sha1(octets, usedforsecurity=usedforsecurity)

    monkeypatch.setattr(hashlib, "sha1", pull)
    with pytest.raises(TokenUnavailable, match="pulled out"):
        token.sign(b"list", PIN)


def test_a_certificate_beside_another_key_is_found_out(module: Path, tmp_path: Path) -> None:
    plug_in(module, new_token(tmp_path, OTHER), new_token(tmp_path), NAME)
    with pytest.raises(TokenUnavailable, match="not the one of its certificate"):
        only(module).sign(b"list", PIN)


def test_a_library_without_tokens(module: Path) -> None:
    with pytest.raises(TokenUnavailable, match="is it plugged in"):
        open_tokens(module=module)


def test_they_are_shown_by_the_command(module: Path, tmp_path: Path) -> None:
    plugged(module, tmp_path)
    words = ["token", "show", "--pkcs11", str(module)]
    shown = CliRunner().invoke(commands, words)
    assert (shown.exit_code, shown.output.splitlines()[0]) == (0, NAME)
    assert "  state          ready\n" in shown.output
    with pytest.raises(WrongPIN):
        only(module).sign(b"list", "wrong")
    [machine] = json.loads(CliRunner().invoke(commands, [*words, "--json"]).output)
    assert (machine["state"], machine["attempts_left"]) == ("low", None)
