"""Decisions told as trace events: what was read, verified or refused, and whose signature it was.

The envelope is told twice on acceptance, before the signature is judged and after: so phones read
it (213407, 214535).
"""

from secd.envelope import SignedFile, Tag
from secd.text import text_of
from secd.trace import EnvelopeRead, FileRefused, FileVerified, TraceEvent
from secd.trust import Accept, Refuse, Verdict
from secd.words import FileKind

_KNOWN_VERSION = (1, 1)  # "knows only upto 1.1", printed by every 88xx and 78xx in the corpus


def envelope_events(name: str, kind: FileKind, verdict: Verdict) -> list[TraceEvent]:
    """Return what reading the envelope tells; nothing where it could not be read."""
    file = verdict.evidence.file
    return [] if file is None else [_envelope_read(name, kind, file)]


def acceptance_events(name: str, kind: FileKind, verdict: Accept) -> list[TraceEvent]:
    """Return the events of an accepted file; none for one that carries no signature."""
    file = verdict.evidence.file
    if file is None:
        return []
    read = _envelope_read(name, kind, file)
    verified = FileVerified(
        name,
        kind,
        kind.is_list,
        file.header_length,
        verdict.reason,
        text_of(file.header.signer.name),
        file.header.signer.serial.hex().upper(),
    )
    return [read, verified, read] if kind.is_list else [read, verified]


def refusal_events(name: str, kind: FileKind, path: str, verdict: Refuse) -> list[TraceEvent]:
    """Return the events of a refused file. path -- where the phone had put it."""
    file = verdict.evidence.file
    refused = FileRefused(
        name,
        path,
        kind,
        kind.is_list,
        verdict.reason,
        verdict.evidence.detail,
        "" if file is None else text_of(file.header.signer.name),
        "" if file is None else file.header.signer.serial.hex().upper(),
    )
    return [*envelope_events(name, kind, verdict), refused]


def _envelope_read(name: str, kind: FileKind, file: SignedFile) -> EnvelopeRead:
    header = file.header
    tags = [tag for tag, _ in header.layout]
    pads = header.padding
    unknown = sum(3 + len(value) for value in header.unknown)
    return EnvelopeRead(
        name,
        kind,
        f"{header.version[0]}.{header.version[1]}",
        header.version > _KNOWN_VERSION,
        file.header_length,
        tags.index(Tag.PADDING) + 1 if pads else 0,
        pads + unknown,
    )
