"""Files as raw TLVs: broken one field at a time, then signed all the same.

A `Part` says what will be written, lies included; nothing here knows what is allowed. Lengths of
containers and of the header are computed unless a part lies about its own, so that a drop, a move
or another value is the only thing wrong with a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from fuzz.signing import Identity
from fuzz.strategies_basic import among, between, octets_up_to

_CONTAINERS = (3, 7, 9, 16, 17, 21)
_PADDING = 13
_SIGNATURE = 12
_LENGTH = 2
_LIES = st.sampled_from([-2, -1, 1, 2, 255, -65535, 65535])
_WAYS = st.sampled_from(["drop", "double", "move", "retag", "value", "lie", "inside"])


@dataclass(frozen=True, slots=True)
class Part:
    """A TLV to be written.

    inside -- of a container: how many of the parts that follow are in it; None: no container.
    lie -- added to the length that is written (modulo 65536).
    """

    tag: int
    value: bytes = b""
    inside: int | None = None
    lie: int = 0


def header_parts(octets: bytes) -> list[Part]:
    """Cut the header of a well-formed file."""
    stop = int.from_bytes(octets[8:10], "big")
    places: list[tuple[int, int]] = []  # begin and end of each part, a container's contents too
    parts: list[Part] = []
    at = 0
    while at < stop:
        tag = octets[at]
        end = at + 1 if tag == _PADDING else at + 3 + int.from_bytes(octets[at + 1 : at + 3], "big")
        places.append((at, end))
        container = tag in _CONTAINERS
        parts.append(
            Part(tag, b"" if container else octets[at + 3 : end], 0 if container else None)
        )
        at = at + 3 if container else end
    for index, (part, (begin, end)) in enumerate(zip(parts, places, strict=True)):
        if part.inside is not None:
            inside = sum(1 for other, _ in places if begin < other < end)
            parts[index] = replace(part, inside=inside)
    return parts


def record_parts(octets: bytes) -> list[Part]:
    """Cut one well-formed record, its tag 1 not among the parts."""
    parts = []
    at = 5
    while at < len(octets):
        end = at + 3 + int.from_bytes(octets[at + 1 : at + 3], "big")
        parts.append(Part(octets[at], octets[at + 3 : end]))
        at = end
    return parts


def write_header(parts: list[Part], lie: int = 0) -> bytes:
    """Write a header. lie -- added to the header length."""
    return b"".join(_header_pieces(parts, lie))


def write_record(parts: list[Part], lie: int = 0) -> bytes:
    """Write a record. lie -- added to the record length."""
    body = b"".join(_piece(part, len(part.value)) for part in parts)
    return b"\x01\x00\x02" + _u16(5 + len(body) + lie) + body


def sign_parts(
    parts: Sequence[Part], body: bytes, signer: Identity, digest: int = 1, lie: int = 0
) -> bytes:
    """Write a file whose signature is right for whatever the parts are.

    A header without a signature, or with one that does not have the key's size, stays as it is.
    """
    size = signer.key.key_size // 8
    places = [at for at, part in enumerate(parts) if part.tag == _SIGNATURE]
    pieces = _header_pieces(parts, lie)
    if places and len(parts[places[0]].value) == size:
        at = places[0]
        octets = b"".join(pieces[:at] + pieces[at + 1 :]) + body
        pieces[at] = pieces[at][:3] + signer.sign(octets, digest)
    return b"".join(pieces) + body


@st.composite
def broken(draw: st.DrawFn, parts: list[Part]) -> list[Part]:
    """The same parts, one of them wrong (or, now and then, only somewhere else)."""
    if not parts:
        return [Part(draw(between(0, 30)), draw(octets_up_to(4)))]
    broken_parts = list(parts)
    at = draw(between(0, len(parts) - 1))
    to = draw(between(0, len(parts)))
    part = parts[at]
    match draw(_WAYS):
        case "drop":
            del broken_parts[at]
        case "double":
            broken_parts.insert(to, part)
        case "move":
            broken_parts.insert(to, broken_parts.pop(at))
        case "retag":
            broken_parts[at] = replace(part, tag=draw(between(0, 30)))
        case "value":
            broken_parts[at] = replace(part, value=draw(_other_values(part.value)))
        case "lie":
            broken_parts[at] = replace(part, lie=draw(_LIES))
        case _:
            inside = 0 if part.inside is None else max(0, part.inside + draw(among(-1, 1)))
            broken_parts[at] = replace(part, inside=inside)
    return broken_parts


def _other_values(value: bytes) -> st.SearchStrategy[bytes]:
    """Shorter, longer, with a NUL too many or too few, nearly equal, or quite another."""
    return st.one_of(
        st.sampled_from(
            [b"", value[:-1], value + b"\0", value + b"x", b"\0" + value, value.rstrip(b"\0")]
        ),
        st.integers(0, max(0, len(value) - 1)).map(
            lambda at: value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] if value else b"\1"
        ),
        st.binary(max_size=6),
    )


def _header_pieces(parts: Sequence[Part], lie: int) -> list[bytes]:
    pieces = [_piece(part, len(part.value)) for part in parts]
    # From the last to the first, so that inner containers have their lengths already.
    for at, part in reversed(list(enumerate(parts))):
        if part.inside is not None and part.tag != _PADDING:
            pieces[at] = _piece(part, sum(map(len, pieces[at + 1 : at + 1 + part.inside])))
    length = sum(map(len, pieces)) + lie
    for at, part in enumerate(parts):
        if part.tag == _LENGTH and len(part.value) == 2:
            pieces[at] = pieces[at][:3] + _u16(length)
            break
    return pieces


def _piece(part: Part, length: int) -> bytes:
    if part.tag == _PADDING:
        return b"\r"
    return bytes([part.tag]) + _u16(length + part.lie) + part.value


def _u16(number: int) -> bytes:
    return (number % 65536).to_bytes(2, "big")
