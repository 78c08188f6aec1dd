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
from firmware_sim.tokens.opening import open_tokens
from firmware_sim.tokens.soft import SUFFIX, FileToken, create_file_token, open_file_token

__all__ = [
    "ATTEMPTS",
    "SUFFIX",
    "Attempts",
    "FileToken",
    "Token",
    "TokenLocked",
    "TokenState",
    "TokenUnavailable",
    "WrongPIN",
    "create_file_token",
    "open_file_token",
    "open_tokens",
]
