"""Asking for PINs and passwords: hidden, never as an argument; from a pipe each is one line."""

import sys
from getpass import getpass

from secd.crypto import same_octets
from secd.errors import UnusableInput

_LEAST, _MOST = 4, 64


def ask_pin(token: str) -> str:
    """Return what was typed as the PIN of a token.

    Raises UnusableInput when nothing was: that must not cost an attempt.
    """
    pin = _read(f"PIN of {token}: ")
    if not pin:
        raise UnusableInput(f"{token}: no PIN was given; no attempt is used up")
    return pin


def ask_new_pin(tokens: str) -> str:
    """Return a PIN for new tokens; a person types it twice. Raises UnusableInput."""
    pin = _read(f"PIN for {tokens}: ")
    if not (_LEAST <= len(pin) <= _MOST and pin.isascii() and pin.isprintable()):
        raise UnusableInput(f"a PIN has {_LEAST} to {_MOST} printable ASCII characters")
    if sys.stdin.isatty() and not same_octets(_read("The same again: ").encode(), pin.encode()):
        raise UnusableInput("the two PINs differ; nothing was made")
    return pin


def ask_password(user: str) -> str:
    """Return what was typed as an administrator's password. Raises UnusableInput for nothing."""
    password = _read(f"Password of {user}: ")
    if not password:
        raise UnusableInput(f"no password of {user} was given")
    return password


def ask_new_password(user: str) -> str:
    """Return a new password of an administrator; a person types it twice. Raises UnusableInput."""
    password = ask_password(user)
    if sys.stdin.isatty() and not same_octets(
        _read("The same again: ").encode(), password.encode()
    ):
        raise UnusableInput("the two passwords differ; nothing has been changed")
    return password


def _read(question: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return getpass(question)
    except EOFError:
        return ""
