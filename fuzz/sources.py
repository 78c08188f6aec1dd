"""Of which sources a figure is: one digest of the program, its tests and the fuzzing."""

from hashlib import sha256
from pathlib import Path

_FOLDERS = ("secd", "firmware_sim", "statusmsgs", "tests", "fuzz")
_TEXTS = (".md", ".pyc")  # what changes no figure


def digest_of_sources() -> str:
    """Return a digest that changes with any file that a figure depends on."""
    digest = sha256()
    for folder in _FOLDERS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.suffix not in _TEXTS:
                digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
