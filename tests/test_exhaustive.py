"""Small damage to every vector: a part of `make exhaustive`, and whether its cases are all."""

import pytest

from fuzz import exhaustive
from fuzz.exhaustive import Vector, all_vectors, cases, check, damages_of
from fuzz.naive import Bad, read_file, read_list

SOME = {"bit": 97, "end": 29, "swap": 3, "length": 29}
# Of the many messages and keys of CAPF, which are much alike, every twentieth.
VECTORS = [
    one
    for number, one in enumerate(all_vectors())
    if not one.name.startswith("capf") or number % 20 == 0
]
SIGNED = [one for one in VECTORS if one.doors[0] in ("signed_file", "trust_list")]
SMALL = min(SIGNED, key=lambda one: len(one.octets))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)
def test_a_damaged_vector_is_read_like_the_naive_decoder_does_and_refused(vector: Vector) -> None:
    for kind in damages_of(vector):
        for damaged in cases(vector, kind, SOME[kind]):
            check(vector, kind, damaged)


def test_every_swap_of_two_tlvs_of_the_smallest_vector() -> None:
    for damaged in cases(SMALL, "swap"):
        check(SMALL, "swap", damaged)
        try:
            values = read_file(damaged).values
        except Bad:
            continue
        assert values == read_file(SMALL.octets).values  # order means nothing


def test_most_vectors_are_accepted_by_some_phone_before_they_are_damaged() -> None:
    """Else the refusals above would say nothing."""
    accepted = [one.name for one in SIGNED if exhaustive.accepting(one.octets) is not None]
    assert len(accepted) >= len(SIGNED) // 2
    assert "CTL-sast2-signs.tlv" in accepted


def test_the_cases_are_all_there_are() -> None:
    octets = SMALL.octets
    assert len(set(exhaustive.flips(octets))) == 8 * len(octets)
    assert len(set(exhaustive.ends(octets))) == len(octets)
    places = exhaustive.header_places(octets)
    assert b"".join(octets[a:b] for a, b in places) == octets[: int.from_bytes(octets[8:10], "big")]


def test_the_lengths_of_a_list_stand_where_its_tlvs_do() -> None:
    vector = next(one for one in VECTORS if one.name == "CTL-sast2-signs.tlv")
    found = exhaustive.length_places(vector.octets, is_list=True)
    file, records = read_list(vector.octets)
    tlvs = sum(1 for tag, _ in file.tree if tag != 13) + sum(len(one.order) for one in records)
    assert len(found) == 1 + tlvs + 2 * len(records)
