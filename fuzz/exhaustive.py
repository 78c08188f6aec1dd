"""Small damage, all of it: every bit, every end, every swap and every length of every vector.

    python -m fuzz.exhaustive          everything, minutes (`make exhaustive`)
    python -m fuzz.exhaustive -n 50    every 50th case, as tests/test_exhaustive.py does

Each damaged file goes through its door (`fuzz.doors`: the naive decoder agrees, what is read is
written back), and is offered to a phone that accepts the undamaged one: it must refuse.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations, islice
from pathlib import Path

from fuzz.doors import DOORS, seeds
from fuzz.naive import read_file
from fuzz.strategies import NOW
from secd.files.data import model_catalogue
from secd.trust import Accept, Context, Installed, decide
from secd.trustlist import decode_trust_list_untrusted
from secd.words import FileKind

WORK = Path(".fuzz")
_PADDING = 13
_CONTAINERS = (3, 7, 9, 16, 17, 21)
_NEAR = 64
_EXTREMES = (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
_SIGNED_DOORS = ("signed_file", "trust_list")


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector and the doors that it goes through."""

    name: str
    octets: bytes
    doors: tuple[str, ...]


def all_vectors() -> list[Vector]:
    """Return every file under tests/vectors that a door reads."""
    found = []
    for path in sorted(seeds.VECTORS.rglob("*")):
        doors = {
            ".tlv": ("trust_list",),
            ".sgn": ("signed_file",),
            ".xml": ("configuration",),
            ".pem": ("certificate",),
        }.get(path.suffix, ())
        if doors:
            name = str(path.relative_to(seeds.VECTORS))
            found.append(Vector(name, path.read_bytes(), doors))
    certificates = [
        replace(one, octets=one.octets[one.octets.find(b"-----BEGIN CERT") :])
        for one in found
        if one.doors == ("certificate",)
    ]
    others = [one for one in found if one.doors != ("certificate",)]
    tvs = [
        Vector(f"tvs {number}", octets, ("tvs_message", "tvs_client", "tvs_server"))
        for number, octets in enumerate(seeds.tvs_messages(), 1)
    ]
    capf = [
        Vector(f"capf {number}", octets, ("capf_message",))
        for number, octets in enumerate(seeds.capf_messages(), 1)
    ]
    return [*others, *certificates, *tvs, *capf]


def flips(octets: bytes) -> Iterator[bytes]:
    """Every single bit turned."""
    for at in range(len(octets)):
        for bit in range(8):
            yield octets[:at] + bytes([octets[at] ^ 1 << bit]) + octets[at + 1 :]


def ends(octets: bytes) -> Iterator[bytes]:
    """Every shorter file, the empty one among them."""
    return (octets[:end] for end in range(len(octets)))


def header_places(octets: bytes) -> list[tuple[int, int]]:
    """Begin and end of each TLV of a header; of a container only its tag and length."""
    places, at = [], 0
    while at < int.from_bytes(octets[8:10], "big"):
        size = int.from_bytes(octets[at + 1 : at + 3], "big")
        end = at + (1 if octets[at] == _PADDING else 3 if octets[at] in _CONTAINERS else 3 + size)
        places.append((at, end))
        at = end
    return places


def swaps(octets: bytes) -> Iterator[bytes]:
    """Every two TLVs of the header in each other's place."""
    for (a, b), (c, d) in combinations(header_places(octets), 2):
        swapped = octets[:a] + octets[c:d] + octets[b:c] + octets[a:b] + octets[d:]
        if swapped != octets:
            yield swapped


def length_places(octets: bytes, *, is_list: bool) -> list[int]:
    """Return where each two-octet length stands: of the header, its TLVs, records, their TLVs."""
    places = [8] + [at + 1 for at, _ in header_places(octets) if octets[at] != _PADDING]
    at = int.from_bytes(octets[8:10], "big")
    while is_list and at < len(octets):
        end = at + int.from_bytes(octets[at + 3 : at + 5], "big")
        places.append(at + 3)
        while at < end:
            places.append(at + 1)
            at += 3 + int.from_bytes(octets[at + 1 : at + 3], "big")
    return places


def lengths(octets: bytes, *, is_list: bool) -> Iterator[bytes]:
    """Every length within 64 of the truth, and at the extremes."""
    for at in length_places(octets, is_list=is_list):
        truth = int.from_bytes(octets[at : at + 2], "big")
        near = range(max(0, truth - _NEAR), min(0xFFFF, truth + _NEAR) + 1)
        for value in sorted({*near, *_EXTREMES} - {truth}):
            yield octets[:at] + value.to_bytes(2, "big") + octets[at + 2 :]


Damage = Callable[[bytes], Iterator[bytes]]


def damages_of(vector: Vector) -> dict[str, Damage]:
    """Return the kinds of damage that a vector can suffer."""
    kinds: dict[str, Damage] = {"bit": flips, "end": ends}
    if vector.doors[0] in _SIGNED_DOORS:
        is_list = vector.doors[0] == "trust_list"
        kinds |= {"swap": swaps, "length": partial(lengths, is_list=is_list)}
    return kinds


@cache
def accepting(octets: bytes) -> tuple[Installed, Context] | None:
    """Return a phone that accepts a signed file; None: there is none among those we have."""
    lists = [None, *(decode_trust_list_untrusted(each) for each in seeds.trust_lists())]
    for kind in (FileKind.CTL, FileKind.ITL, FileKind.SIGNED):
        for name in ("7961", "8861"):
            context = Context(model_catalogue().find(name), kind, NOW)
            for held in lists:
                installed = Installed(held)
                if isinstance(decide(installed, octets, context), Accept):
                    return installed, context
    return None


def check(vector: Vector, kind: str, damaged: bytes) -> None:
    """Assert that a damaged file passes its doors, and is refused.

    One swap is none to the signature: its own TLV may stand elsewhere, because it is cut out of
    what is signed.
    """
    for door in vector.doors:
        DOORS[door].feed(damaged)
    phone = accepting(vector.octets) if vector.doors[0] in _SIGNED_DOORS else None
    if phone is not None:
        verdict = decide(phone[0], damaged, phone[1])
        if isinstance(verdict, Accept):
            assert kind == "swap", verdict.reason
            assert read_file(damaged).signed_octets() == read_file(vector.octets).signed_octets()


def cases(vector: Vector, kind: str, step: int = 1) -> Iterator[bytes]:
    """Return every `step`th damage of a kind, from a place that depends on the vector."""
    first = len(vector.octets) % step
    return islice(damages_of(vector)[kind](vector.octets), first, None, step)


def run(step: int, report: Callable[[str], None]) -> Counter[str]:
    """Check all cases; return how many of each kind."""
    counts: Counter[str] = Counter()
    for vector in all_vectors():
        started = time.monotonic()
        before = counts.total()
        for kind in damages_of(vector):
            for damaged in cases(vector, kind, step):
                check(vector, kind, damaged)
                counts[kind] += 1
        seconds = time.monotonic() - started
        report(f"{vector.name}: {counts.total() - before:,} in {seconds:.0f} s")
    return counts


def main() -> int:
    """Run the sweep; it ends with an error at the first case that fails."""
    parser = argparse.ArgumentParser(description="Every small damage to every vector.")
    parser.add_argument("-n", "--every", type=int, default=1, help="every Nth case (default 1)")
    given = parser.parse_args()
    counts = run(given.every, lambda line: print(line, flush=True))
    WORK.mkdir(exist_ok=True)
    accepted = sum(
        accepting(one.octets) is not None for one in all_vectors() if one.doors[0] in _SIGNED_DOORS
    )
    result = {"every": given.every, "cases": counts, "accepted_undamaged": accepted}
    (WORK / "exhaustive.json").write_text(json.dumps(result, indent=1))
    print(f"{counts.total():,} cases, no signed octet changed in any accepted: {dict(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
