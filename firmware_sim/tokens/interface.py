"""What every token can do, and how it says no.

A token gives its certificate to anybody and signs for whoever knows its PIN. It keeps count of
wrong PINs itself: a soft one to the number (15, seed guide), hardware in three steps (PKCS#11,
CKF_USER_PIN_COUNT_LOW, …_FINAL_TRY, …_LOCKED).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from secd.errors import UnusableInput

ATTEMPTS: Final = 15  # seed guide, step 4: "only 14 more attempts" after the first wrong one


class TokenState(Enum):
    """How near a token is to its end."""

    READY = "ready"
    LOW = "low"  # some wrong PIN since the last right one
    FINAL_TRY = "final try"
    LOCKED = "locked"  # for ever


@dataclass(frozen=True, slots=True)
class Attempts:
    """What a token says of the attempts it still grants. left -- None: it does not say how many."""

    state: TokenState
    left: int | None = None

    @property
    def warning(self) -> str:
        """What is to be told to who may try again; empty when there is nothing to warn of."""
        if self.state is TokenState.READY:
            return ""
        if self.state is TokenState.LOCKED:
            return "locked for ever"
        if self.state is TokenState.FINAL_TRY:
            return "only 1 more attempt before it is locked for ever"
        if self.left is None:
            return "some attempts are used up; it does not say how many are left"
        return f"only {self.left} more attempts before it is locked for ever"


class WrongPIN(UnusableInput):
    """A PIN was wrong, and counted. attempts -- what is left; the message tells."""

    def __init__(self, token: str, attempts: Attempts) -> None:
        self.attempts = attempts
        warning = f"; {attempts.warning}" if attempts.warning else ""
        super().__init__(f"{token}: wrong PIN{warning}")


class TokenLocked(UnusableInput):
    """A token has seen too many wrong PINs; it will never sign again."""

    def __init__(self, token: str) -> None:
        super().__init__(f"{token}: locked for ever after too many wrong PINs; use another token")


class TokenUnavailable(UnusableInput):
    """A token was pulled out, cannot be read, or does not do what it should."""


class Token(Protocol):
    """A token."""

    @property
    def name(self) -> str:
        """What is printed on it, like `ADN4e31f914`, or the label of its key."""
        ...

    @property
    def certificate(self) -> bytes:
        """Its certificate (DER); the RSA key in it is the one that signs."""
        ...

    def attempts(self) -> Attempts:
        """Return what is left. Raises TokenUnavailable."""
        ...

    def sign(self, octets: bytes, pin: str) -> bytes:
        """Return the PKCS#1 v1.5 signature of octets with SHA-1, as CTLs made with tokens have it.

        Raises WrongPIN, TokenLocked, TokenUnavailable.
        """
        ...
