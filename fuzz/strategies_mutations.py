"""Octets that were a file once: real vectors and made files, damaged without knowing the format.

What knows the format stands in `strategies_parts`; here octets are flipped, cut, doubled, moved
and mixed with those of another file.
"""

from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from fuzz.strategies_basic import between, octets_up_to

_EARLY = st.booleans()
_SIZES = st.sampled_from([1, 1, 2, 3, 4, 8, 50])
_WAYS = st.sampled_from(["flip", "flip", "length", "cut", "drop", "put", "double", "cross"])
_OFF = st.sampled_from([-64, -3, -1, 1, 3, 64, 0x8000])
VECTORS = Path(__file__).parent.parent / "tests" / "vectors"


@cache
def vectors() -> tuple[bytes, ...]:
    """Return the signed files under tests/vectors, lists first."""
    paths = sorted(VECTORS.glob("*.tlv")) + sorted(VECTORS.rglob("*.sgn"))
    return tuple(path.read_bytes() for path in paths)


@st.composite
def mutated(draw: st.DrawFn, sources: st.SearchStrategy[bytes]) -> bytes:
    """A file of `sources` after one to three mutations."""
    octets = draw(sources)
    for _ in range(draw(between(1, 3))):
        octets = draw(_once(octets, sources))
    return octets


@st.composite
def _once(draw: st.DrawFn, octets: bytes, sources: st.SearchStrategy[bytes]) -> bytes:
    # Most of what can go wrong in reading goes wrong in the header or at the first record.
    at = draw(between(0, min(len(octets), 40) if draw(_EARLY) else len(octets)))
    size = draw(_SIZES)
    match draw(_WAYS):
        case "flip":
            mask = draw(between(1, 255))
            return (
                octets[:at]
                + bytes(octet ^ mask for octet in octets[at : at + 1])
                + octets[at + 1 :]
            )
        case "length":
            number = int.from_bytes(octets[at : at + 2], "big")
            number += draw(_OFF)
            return octets[:at] + (number % 65536).to_bytes(2, "big") + octets[at + 2 :]
        case "cut":
            return octets[:at]
        case "drop":
            return octets[:at] + octets[at + size :]
        case "put":
            return octets[:at] + draw(octets_up_to(8)) + octets[at:]
        case "double":
            return octets[: at + size] + octets[at:]
        case _:
            return octets[:at] + draw(sources)[at:]
