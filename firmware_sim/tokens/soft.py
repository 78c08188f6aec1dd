"""A soft eToken: a file that signs for whoever knows its PIN, and counts who does not.

The rule is the eToken's (seed guide, steps 1 and 4): fifteen attempts; one is taken before the PIN
is looked at, and is on the disk by then, so that nothing that stops the program saves a guess; the
right PIN gives all fifteen back; at 0 the key is destroyed.

The count is changed in place, not in a new file beside: so there is only one copy of the key to
destroy, the lock is on the very file, and no free space is needed. It stands in the first
sector, which a disk writes as a whole. One process at a time may use a token; another one is told.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE, S_ISREG

from cryptography.hazmat.primitives.asymmetric import rsa

from firmware_sim.cluster.tokens import token_name
from firmware_sim.tokens.file_format import (
    LIMIT_BYTES,
    Contents,
    body_of,
    decode_token_untrusted,
    encode,
    head,
)
from firmware_sim.tokens.interface import (
    ATTEMPTS,
    Attempts,
    TokenLocked,
    TokenState,
    TokenUnavailable,
    WrongPIN,
)
from firmware_sim.tokens.pkcs8 import ITERATIONS, decrypt_key, encrypt_key
from firmware_sim.tokens.proof import check_signature
from secd.crypto import Digest, sign_rsa
from secd.errors import DecryptionFailed, MalformedFile, UnusableInput

SUFFIX = ".token"


@dataclass(frozen=True, slots=True)
class FileToken:
    """A token in a file. path -- the file. certificate -- DER."""

    path: Path
    name: str
    certificate: bytes

    def attempts(self) -> Attempts:
        """Return what is left. Raises TokenUnavailable."""
        with _opened(self.path, os.O_RDONLY) as file:
            return _attempts(file.contents.left)

    def sign(self, octets: bytes, pin: str) -> bytes:
        """Return the PKCS#1 v1.5 signature of octets with SHA-1.

        Raises WrongPIN, TokenLocked, TokenUnavailable; the last without having looked at the PIN
        when the attempt could not be counted.
        """
        with _opened(self.path, os.O_RDWR) as file:
            key = _unlock(self, file, pin)
        signature = sign_rsa(key, octets, Digest.SHA1)
        check_signature(self.name, self.certificate, octets, signature)
        return signature


def open_file_token(path: Path) -> FileToken:
    """Return the token in a file. Raises TokenUnavailable."""
    with _opened(path, os.O_RDONLY) as file:
        der = file.contents.certificate
    try:
        name = token_name(der)
    except MalformedFile as error:
        raise TokenUnavailable(f"{path}: {error}") from None
    if name is None:
        raise TokenUnavailable(f"{path}: its certificate is none of a token (CN=SAST-…)")
    return FileToken(path, name, der)


def create_file_token(
    path: Path,
    certificate: bytes,
    key: rsa.RSAPrivateKey,
    pin: str,
    iterations: int = ITERATIONS,
) -> FileToken:
    """Write a new token. iterations -- less than the default is for tests only.

    Raises UnusableInput when the file exists or cannot be written.
    """
    octets = encode(Contents(ATTEMPTS, certificate, encrypt_key(key, pin, iterations)))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UnusableInput(f"{path} exists; a token is never written over") from None
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror}") from None
    try:
        _write(descriptor, octets, 0)
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise UnusableInput(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        os.close(descriptor)
    return open_file_token(path)


@dataclass(slots=True)
class _OpenFile:
    """A file that is locked. body -- what follows the head of it."""

    path: Path
    descriptor: int
    contents: Contents
    body: bytes

    def count(self, left: int) -> None:
        """Bring a count to the disk. Raises OSError."""
        _write(self.descriptor, head(left, self.body), 0)

    def destroy(self) -> None:
        """Bring a locked token without key to the disk, where it is not there yet."""
        whole = encode(Contents(0, self.contents.certificate, None))
        surplus = len(head(0, self.body) + self.body) - len(whole)
        if surplus <= 0:
            return
        with suppress(OSError):  # it is locked by the count already
            _write(self.descriptor, bytes(surplus), len(whole))
            os.ftruncate(self.descriptor, len(whole))
            _write(self.descriptor, whole, 0)


@contextmanager
def _opened(path: Path, mode: int) -> Iterator[_OpenFile]:
    try:
        descriptor = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise TokenUnavailable(f"{path}: {error.strerror}") from None
    try:
        yield _read(path, descriptor, fcntl.LOCK_EX if mode == os.O_RDWR else fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _read(path: Path, descriptor: int, lock: int) -> _OpenFile:
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no regular file")
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
        octets = os.pread(descriptor, LIMIT_BYTES, 0)
        contents = decode_token_untrusted(octets)
    except BlockingIOError:
        raise TokenUnavailable(
            f"{path}: another process is using this token; try again afterwards"
        ) from None
    except OSError as error:
        raise TokenUnavailable(f"{path}: {error.strerror}") from None
    except MalformedFile as error:
        raise TokenUnavailable(f"{path}: {error}") from None
    if S_IMODE(status.st_mode) & 0o077:
        raise TokenUnavailable(
            f"{path}: others may read or write it (mode {S_IMODE(status.st_mode):04o}), and a key "
            f"stands in it; chmod 600 {path}"
        )
    return _OpenFile(path, descriptor, contents, body_of(octets))


def _unlock(token: FileToken, file: _OpenFile, pin: str) -> rsa.RSAPrivateKey:
    """Take an attempt, look at the PIN, give all attempts back or destroy the key at the last."""
    contents = file.contents
    if contents.certificate != token.certificate:
        raise TokenUnavailable(f"{file.path}: another token is in this file by now")
    if contents.key is None:
        file.destroy()  # the last time may have been interrupted
        raise TokenLocked(token.name)
    left = contents.left - 1
    try:
        file.count(left)
    except OSError as error:
        raise TokenUnavailable(
            f"{file.path}: the attempt cannot be counted ({error.strerror}), so the PIN was not "
            "looked at"
        ) from None
    try:
        key = decrypt_key(contents.key, pin)
    except DecryptionFailed:
        if left:
            raise WrongPIN(token.name, _attempts(left)) from None
        file.destroy()
        raise TokenLocked(token.name) from None
    try:
        file.count(ATTEMPTS)
    except OSError as error:
        raise TokenUnavailable(
            f"{file.path}: the PIN is right, but the count of attempts cannot be put back to "
            f"{ATTEMPTS} ({error.strerror}); nothing was signed"
        ) from None
    return key


def _attempts(left: int) -> Attempts:
    if left == ATTEMPTS:
        return Attempts(TokenState.READY, left)
    states = {0: TokenState.LOCKED, 1: TokenState.FINAL_TRY}
    return Attempts(states.get(left, TokenState.LOW), left)


def _write(descriptor: int, octets: bytes, at: int) -> None:
    while octets:
        written = os.pwrite(descriptor, octets, at)
        octets, at = octets[written:], at + written
    os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
