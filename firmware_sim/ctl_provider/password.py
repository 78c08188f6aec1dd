"""The administrator's name and password, as they lie in a file: as a hash, never themselves.

    user, salt, hash (hexadecimal), n      scrypt, RFC 7914, with r = 8 and p = 1

A check takes the same time for a wrong name as for a wrong password.
"""

import hashlib
import hmac
import tomllib
from dataclasses import dataclass, field

import tomli_w

from secd.errors import UnusableInput

SALT_BYTES = 16
_HASH_BYTES = 32
_N, _R, _P = 2**14, 8, 1  # 16 MB and some 50 ms for each guess
_COSTS = {2**power for power in range(1, 15)}  # more takes more memory than OpenSSL allows
_LONGEST_BYTES = 128  # as messages carry it
_KEYS = {"user", "salt", "hash", "n"}


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who may log in. n -- cost of scrypt, a power of two."""

    user: str
    salt: bytes = field(repr=False)
    hash: bytes = field(repr=False)
    n: int = _N

    def is_this(self, user: str, password: str) -> bool:
        """Tell whether name and password are right; takes as long as `n` says."""
        found = _scrypt(password, self.salt, self.n)
        right_user = hmac.compare_digest(self.user.encode(), user.encode())
        return hmac.compare_digest(self.hash, found) and right_user

    def encode(self) -> bytes:
        """Return what the file holds."""
        table: dict[str, object] = {
            "user": self.user,
            "salt": self.salt.hex(),
            "hash": self.hash.hex(),
            "n": self.n,
        }
        return tomli_w.dumps(table).encode()


def make_administrator(user: str, password: str, salt: bytes, n: int = _N) -> Administrator:
    """Return who logs in with this password. Raises UnusableInput for what none can be."""
    for what, text in (("a name", user), ("a password", password)):
        if not (0 < len(text.encode()) <= _LONGEST_BYTES and text.isprintable()):
            raise UnusableInput(f"{what} has 1 to {_LONGEST_BYTES} printable characters")
    return Administrator(user, salt, _scrypt(password, salt, n), n)


def parse_administrator(octets: bytes, where: str) -> Administrator:
    """Read the file. Raises UnusableInput, which names it."""
    try:
        table: dict[str, object] = tomllib.loads(octets.decode())
        match table:
            case {"user": str(user), "salt": str(salt), "hash": str(found), "n": int(n)} if (
                table.keys() == _KEYS and n in _COSTS
            ):
                return Administrator(user, bytes.fromhex(salt), bytes.fromhex(found), n)
    except ValueError:  # TOMLDecodeError, UnicodeDecodeError, and no hexadecimal digits
        pass
    raise UnusableInput(
        f"{where}: is not what firmware-sim ctl provider set-password writes; use it again"
    )


def _scrypt(password: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=_R, p=_P, dklen=_HASH_BYTES)
