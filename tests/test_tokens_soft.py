"""Soft tokens: fifteen attempts, whatever happens in between."""

import errno
import fcntl
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from token_support import (
    NAME,
    OTHER,
    PIN,
    count_in,
    forbid_pins,
    full_disk,
    has_key,
    issued,
    new_token,
    run_python,
)

from firmware_sim.tokens import (
    ATTEMPTS,
    Attempts,
    FileToken,
    TokenLocked,
    TokenState,
    TokenUnavailable,
    WrongPIN,
    create_file_token,
    open_file_token,
    open_tokens,
)
from firmware_sim.tokens import soft as soft_module
from firmware_sim.tokens.pkcs8 import decrypt_key
from secd.certs import rsa_key_of_untrusted
from secd.crypto import Digest, verify_rsa
from secd.errors import UnusableInput


@pytest.fixture
def token(tmp_path: Path) -> FileToken:
    return new_token(tmp_path)


def fail(token: FileToken, times: int) -> None:
    for _ in range(times):
        with pytest.raises(WrongPIN):
            token.sign(b"list", "wrong")


def lock(token: FileToken) -> None:
    fail(token, ATTEMPTS - 1)
    with pytest.raises(TokenLocked):
        token.sign(b"list", "wrong")


def test_a_token_signs_and_looks_like_an_etoken(token: FileToken) -> None:
    signature = token.sign(b"list", PIN)
    verify_rsa(rsa_key_of_untrusted(token.certificate), signature, b"list", Digest.SHA1)
    assert (token.name, len(signature)) == (NAME, 128)
    assert token.certificate == issued(NAME).credential.certificate
    assert token.attempts() == Attempts(TokenState.READY, 15)
    assert token.path.stat().st_mode & 0o777 == 0o600


def test_a_token_opened_again_is_the_same(token: FileToken) -> None:
    fail(token, 2)
    again = open_file_token(token.path)
    assert again == token
    assert again.attempts() == Attempts(TokenState.LOW, 13)


def test_the_warning_names_the_attempts_left_down_to_the_last(token: FileToken) -> None:
    for left in range(14, 0, -1):
        with pytest.raises(WrongPIN) as raised:
            token.sign(b"list", "wrong")
        state = TokenState.FINAL_TRY if left == 1 else TokenState.LOW
        assert raised.value.attempts == Attempts(state, left)
        assert f"only {left} more attempt" in str(raised.value)
        assert count_in(token) == left
    with pytest.raises(TokenLocked):
        token.sign(b"list", "wrong")


def test_after_fifteen_wrong_pins_it_is_dead_for_ever(token: FileToken) -> None:
    lock(token)
    assert not has_key(token)
    for pin in (PIN, "wrong"):
        with pytest.raises(TokenLocked):
            open_file_token(token.path).sign(b"list", pin)
    assert count_in(token) == 0
    assert token.attempts() == Attempts(TokenState.LOCKED, 0)
    assert open_file_token(token.path).certificate == token.certificate


def test_the_right_pin_gives_all_attempts_back(token: FileToken) -> None:
    for wrong in (1, 14):
        fail(token, wrong)
        token.sign(b"list", PIN)
        assert count_in(token) == 15


@pytest.mark.parametrize("pin", ["", "\udc80", "Cisco123 ", "cisco123", "x" * 10_000])
def test_whatever_is_not_the_pin_is_counted(token: FileToken, pin: str) -> None:
    with pytest.raises(WrongPIN):
        token.sign(b"list", pin)
    assert count_in(token) == 14


def test_the_attempt_is_on_the_disk_before_the_pin_is_looked_at(
    token: FileToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync = os.fsync

    def look(der: bytes, pin: str) -> rsa.RSAPrivateKey:
        done.append("look")
        return decrypt_key(der, pin)

    def sync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(f"{count_in(token)} on the disk")

    monkeypatch.setattr(soft_module, "decrypt_key", look)
    monkeypatch.setattr(os, "fsync", sync)
    token.sign(b"list", PIN)
    assert done == ["14 on the disk", "look", "15 on the disk"]


DYING = """
import os, sys
from pathlib import Path
from firmware_sim.tokens import open_file_token, soft
soft.decrypt_key = lambda der, pin: os.kill(os.getpid(), 9)
open_file_token(Path(sys.argv[1])).sign(b"list", sys.argv[2])
"""


def test_a_process_killed_before_the_check_has_used_its_attempt(token: FileToken) -> None:
    for left in (14, 13):
        assert run_python(DYING, token.path, "wrong").returncode == -9
        assert count_in(token) == left
    fail(token, 12)
    assert run_python(DYING, token.path, PIN).returncode == -9
    with pytest.raises(TokenLocked):
        token.sign(b"list", PIN)
    assert not has_key(token)  # destroyed by the next who came


def test_without_a_count_no_pin_is_looked_at(
    token: FileToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_pins(monkeypatch)
    monkeypatch.setattr(os, "pwrite", full_disk)
    with pytest.raises(TokenUnavailable, match=r"cannot be counted \(No space left on device\)"):
        token.sign(b"list", PIN)
    monkeypatch.undo()
    forbid_pins(monkeypatch)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(TokenUnavailable, match="cannot be counted"):
        token.sign(b"list", PIN)


LIMITED = """
import resource, sys
from pathlib import Path
from firmware_sim.tokens import open_file_token, soft
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
soft.decrypt_key = lambda der, pin: print("decrypting")
try:
    open_file_token(Path(sys.argv[1])).sign(b"list", "Cisco123")
except soft.TokenUnavailable as error:
    print(error)
"""


def test_a_file_that_the_system_lets_nobody_write_counts_nothing(token: FileToken) -> None:
    done = run_python(LIMITED, token.path)
    assert "the attempt cannot be counted (File too large)" in done.stdout
    assert "decrypting" not in done.stdout
    assert count_in(token) == 15


def test_a_count_that_cannot_be_put_back_gives_no_signature(
    token: FileToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite

    def once(descriptor: int, octets: bytes, at: int) -> int:
        monkeypatch.setattr(os, "pwrite", full_disk)
        return pwrite(descriptor, octets, at)

    monkeypatch.setattr(os, "pwrite", once)
    with pytest.raises(TokenUnavailable, match="nothing was signed"):
        token.sign(b"list", PIN)
    assert count_in(token) == 14


def test_a_key_that_could_not_be_destroyed_is_of_no_use(
    token: FileToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(token, 14)
    destroy = os.ftruncate
    monkeypatch.setattr(os, "ftruncate", full_disk)
    with pytest.raises(TokenLocked):
        token.sign(b"list", "wrong")
    assert token.attempts().state is TokenState.LOCKED
    monkeypatch.setattr(os, "ftruncate", destroy)
    with pytest.raises(TokenLocked):
        token.sign(b"list", PIN)
    assert token.path.read_bytes().endswith(b"-----END CERTIFICATE-----\n")


def test_the_octets_of_the_key_are_written_over(
    token: FileToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only cut off: what is cut off stays on the disk."""
    whole, cut = token.path.read_bytes(), os.ftruncate
    seen: list[bytes] = []

    def look(descriptor: int, size: int) -> None:
        seen.append(os.pread(descriptor, len(whole), size))
        cut(descriptor, size)

    monkeypatch.setattr(os, "ftruncate", look)
    lock(token)
    at = whole.index(b"-----BEGIN ENCRYPTED")
    assert seen == [bytes(len(whole) - at)]


def test_a_second_process_is_told(token: FileToken, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_pins(monkeypatch)
    with token.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TokenUnavailable, match="another process is using this token"):
            token.sign(b"list", PIN)
        with pytest.raises(TokenUnavailable, match="another process"):
            token.attempts()
        fcntl.flock(other, fcntl.LOCK_SH)
        assert token.attempts().left == 15
        with pytest.raises(TokenUnavailable, match="another process"):
            token.sign(b"list", PIN)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_or_write_is_refused(token: FileToken, mode: int) -> None:
    token.path.chmod(mode)
    with pytest.raises(TokenUnavailable, match=f"mode 0{mode:o}.*chmod 600"):
        token.sign(b"list", PIN)
    with pytest.raises(TokenUnavailable, match="chmod 600"):
        open_file_token(token.path)
    assert count_in(token) == 15


def test_a_file_that_is_gone_or_none(token: FileToken, tmp_path: Path) -> None:
    token.path.unlink()
    with pytest.raises(TokenUnavailable, match="No such file"):
        token.sign(b"list", PIN)
    with pytest.raises(TokenUnavailable, match="no regular file"):
        open_file_token(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(TokenUnavailable, match="no regular file"):
        open_file_token(tmp_path / "pipe")


def test_a_file_exchanged_since_it_was_opened_is_not_tried(
    token: FileToken, tmp_path: Path
) -> None:
    other = new_token(tmp_path, OTHER)
    other.path.replace(token.path)
    with pytest.raises(TokenUnavailable, match="another token is in this file"):
        token.sign(b"list", PIN)
    assert count_in(token) == 15


def test_a_key_of_another_certificate_signs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "odd.token"
    certificate, key = issued(NAME).credential.certificate, issued(OTHER).credential.key
    token = create_file_token(path, certificate, key, PIN, iterations=1)
    with pytest.raises(TokenUnavailable, match="not the one of its certificate"):
        token.sign(b"list", PIN)


def test_a_token_is_never_written_over(token: FileToken) -> None:
    before = token.path.read_bytes()
    with pytest.raises(UnusableInput, match="never written over"):
        new_token(token.path.parent)
    assert token.path.read_bytes() == before


def test_a_token_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnusableInput, match="No such file"):
        new_token(tmp_path / "nowhere")
    monkeypatch.setattr(os, "pwrite", full_disk)
    with pytest.raises(UnusableInput, match=os.strerror(errno.ENOSPC)):
        new_token(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_pin_shows(token: FileToken) -> None:
    with pytest.raises(WrongPIN) as raised:
        token.sign(b"list", "s3cret")
    assert "s3cret" not in f"{token!r} {raised.value!r} {raised.value}"
    assert raised.value.__cause__ is None


def test_tokens_are_opened_in_order_and_once(token: FileToken, tmp_path: Path) -> None:
    other = new_token(tmp_path, OTHER)
    assert [found.name for found in open_tokens([other.path, token.path])] == [OTHER, NAME]
    copy = tmp_path / "copy.token"
    copy.write_bytes(token.path.read_bytes())
    copy.chmod(0o600)
    with pytest.raises(TokenUnavailable, match="named twice"):
        open_tokens([token.path, copy])
