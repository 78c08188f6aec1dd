"""Asking for PINs and passwords: hidden, never as an argument; from a pipe each is one line."""

import sys
from getpass import getpass

from secd.crypto import same_octets
from secd.errors import UnusableInput

_LEAST, _MOST = 4, 64
_LONGEST = 256


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


def ask_password(prompt: str) -> str:
    """Return what was typed as a password. Raises UnusableInput for nothing."""
    password = _read(prompt)
    if not password:
        raise UnusableInput(f"a password has 1 to {_LONGEST} characters; none was given")
    return password


def ask_new_password(prompt: str) -> str:
    """Return a new password; a person types it twice. Raises UnusableInput."""
    password = ask_password(prompt)
    if sys.stdin.isatty() and not same_octets(
        _read("The same again: ").encode(), password.encode()
    ):
        raise UnusableInput("the two passwords differ; nothing has been changed")
    return password


def _read(question: str) -> str:
    """Return a line, perhaps empty. Raises UnusableInput, which does not show it."""
    try:
        text = getpass(question) if sys.stdin.isatty() else sys.stdin.readline(_LONGEST + 2)
        text = text.rstrip("\r\n")
        text.encode()  # undecodable octets come as what cannot be encoded, or not at all
    except EOFError:
        return ""
    except UnicodeError:
        raise UnusableInput("what was typed is no text in the encoding of this terminal") from None
    if len(text) > _LONGEST:
        raise UnusableInput(f"a PIN or password has at most {_LONGEST} characters")
    return text
