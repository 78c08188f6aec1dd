"""The tokens that the user means: files, or what is behind a PKCS#11 library."""

from collections.abc import Iterable
from pathlib import Path

from firmware_sim.tokens.interface import Token, TokenUnavailable
from firmware_sim.tokens.soft import open_file_token


def open_tokens(files: Iterable[Path] = (), module: Path | None = None) -> list[Token]:
    """Return the tokens in files, then those behind a PKCS#11 library.

    module -- the library of the hardware's maker (a shared object); all tokens there are meant.
    Raises TokenUnavailable, also when the same token is named twice.
    """
    tokens: list[Token] = [open_file_token(path) for path in files]
    if module is not None:
        # Imported only here: it is compiled code that nobody with tokens in files needs.
        from firmware_sim.tokens.hardware import open_hardware_tokens

        tokens += open_hardware_tokens(module)
    _check_different(tokens)
    return tokens


def _check_different(tokens: list[Token]) -> None:
    seen: set[bytes] = set()
    for token in tokens:
        if token.certificate in seen:
            raise TokenUnavailable(f"{token.name}: this token is named twice; give another one")
        seen.add(token.certificate)
