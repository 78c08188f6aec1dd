"""What signs a CTL with a key of its own: a token in a file, or hardware behind PKCS#11."""

from firmware_sim.tokens.interface import (
    ATTEMPTS,
    Attempts,
    Token,
    TokenLocked,
    TokenState,
    TokenUnavailable,
    WrongPIN,
)

__all__ = [
    "ATTEMPTS",
    "Attempts",
    "Token",
    "TokenLocked",
    "TokenState",
    "TokenUnavailable",
    "WrongPIN",
]
