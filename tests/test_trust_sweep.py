"""The fixed sweep of bad input: every vector cut at every octet, and with every bit wrong.

Cut: every length of every vector. Flipped, one bit at a time: every bit of every header (the
signature and its TLV included) and, in the records of lists, every bit of tags, lengths, names,
serials, functions. Inside public keys, certificates, their signatures, and payloads each octet
once, the bit rotating with its place: there one bit is like another, and the sweep stays short.

What is asked is not only that nothing is accepted: the class of each refusal is computed from
what the wrong octet meant, by a walk over the TLVs that shares no code with the codecs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest
from trust_lists import (
    P3,
    TOKEN1,
    asking,
    holds,
    make_list,
    switched,
    vector,
    vector_identity,
)

from secd.models import Switches
from secd.trust import Accept, Context, Installed, NeedsTVS, Reason, Unchanged, Verdict, decide
from secd.trustlist import Record, decode_trust_list_untrusted
from secd.words import FileKind

MODEL = switched(P3, Switches(identical_shortcut=False))
VECTORS = {
    "CTL-outsider.tlv": FileKind.CTL,
    "CTL-sast1024.tlv": FileKind.CTL,
    "CTL-sast2-signs.tlv": FileKind.CTL,
    "ITL-sha1.tlv": FileKind.ITL,
    "ITL-sha512-v1.1-ec.tlv": FileKind.ITL,
    "padding/a.xml.sgn": FileKind.SIGNED,
    "padding/ab.xml.sgn": FileKind.SIGNED,
    "padding/abc.xml.sgn": FileKind.SIGNED,
    "padding/abcd.xml.sgn": FileKind.SIGNED,
    "sha1/SEP0011215A1AE3.cnf.xml.sgn": FileKind.SIGNED,
    "sha512/SEP0011215A1AE3.cnf.xml.sgn": FileKind.SIGNED,
    "enc-sha1/SEP0011215A1AE3.cnf.xml.sgn": FileKind.SIGNED,
    "enc-sha512/SEP0011215A1AE3.cnf.xml.sgn": FileKind.SIGNED,
    "enc-sha1/SEP0011215A1AE3.cnf.xml.enc.sgn": FileKind.ENCRYPTED,
    "enc-sha512/SEP0011215A1AE3.cnf.xml.enc.sgn": FileKind.ENCRYPTED,
}
every_vector = pytest.mark.parametrize("name", VECTORS)

_CONTAINERS = {3, 7, 9, 16, 17, 21}
_TEXTS = {4, 6, 14}
_RECORD_TEXTS = {2, 3, 5}
_OPAQUE = {7, 8, 9}  # of a record: public key, signature, certificate

MALFORMED, SIGNATURE_INVALID = Reason.MALFORMED, Reason.SIGNATURE_INVALID
ASKS = Reason.SIGNER_UNKNOWN


@dataclass(frozen=True, slots=True)
class Part:
    """A run of octets with one meaning. tag -- of the TLV they belong to; 0: of none."""

    where: str  # "header", "record" or "payload"
    what: str  # "tag", "length", "value" or "padding"
    tag: int
    start: int
    end: int


@cache
def _parts(name: str) -> tuple[Part, ...]:
    octets = vector(name)
    header_end = int.from_bytes(octets[8:10], "big")
    header = tuple(_tlvs(octets, "header", 0, header_end))
    if VECTORS[name].is_list:
        return header + tuple(_tlvs(octets, "record", header_end, len(octets)))
    return (*header, Part("payload", "value", 0, header_end, len(octets)))


def _tlvs(octets: bytes, where: str, at: int, stop: int) -> Iterator[Part]:
    """Walk TLVs; a record begins with its tag 1 and needs no level of its own here."""
    while at < stop:
        tag = octets[at]
        if where == "header" and tag == 13:
            yield Part(where, "padding", tag, at, at + 1)
            at += 1
            continue
        yield Part(where, "tag", tag, at, at + 1)
        yield Part(where, "length", tag, at + 1, at + 3)
        value = at + 3
        at = value
        if where == "record" or tag not in _CONTAINERS:
            at += int.from_bytes(octets[value - 2 : value], "big")
            yield Part(where, "value", tag, value, at)


@cache
def _installed() -> Installed:
    """Return lists under which every vector is accepted as it is, and TVS could be asked."""
    names = [name for name, kind in VECTORS.items() if kind is FileKind.CTL]
    lists = [decode_trust_list_untrusted(vector(name)) for name in names]
    tokens: list[Record] = [each for ctl in lists for each in ctl.records if each.function == 0]
    return holds(ctl=make_list(TOKEN1, *tokens), itl=vector("ITL-sha1.tlv"))


def _context(name: str) -> Context:
    mic = vector_identity("mic").rsa_key
    return replace(asking(MODEL, VECTORS[name]), device_key=mic)


def _decide(name: str, octets: bytes) -> Verdict:
    return decide(_installed(), octets, _context(name))


def _flips(part: Part) -> Iterator[tuple[int, int]]:
    opaque = part.where == "payload" or (
        part.where == "record" and part.what == "value" and part.tag in _OPAQUE
    )
    for at in range(part.start, part.end):
        for bit in (at % 8,) if opaque else range(8):
            yield at, 1 << bit


def _flipped(octets: bytes, at: int, mask: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ mask]) + octets[at + 1 :]


def _expected(name: str, part: Part, old: int, new: int) -> set[Reason]:
    """Say which reasons one wrong octet may end in; mostly it is exactly one."""
    if part.start < 3 and not VECTORS[name].is_list:
        return {Reason.UNSIGNED}
    if part.start < 3 or part.what == "padding":
        return {MALFORMED}
    if part.what != "value":
        return {MALFORMED, SIGNATURE_INVALID}  # an optional TLV may become an unknown one
    is_text = part.tag in (_TEXTS if part.where == "header" else _RECORD_TEXTS)
    if part.where != "payload" and is_text and 0 in (old, new):
        return {MALFORMED}
    if part.where != "header":
        return _expected_in_body(part)
    return _expected_in_header(part.tag, new)


def _expected_in_body(part: Part) -> set[Reason]:
    if part.where == "record" and part.tag == 1:
        return {MALFORMED}
    return {SIGNATURE_INVALID}


def _expected_in_header(tag: int, new: int) -> set[Reason]:
    match tag:
        case 2:
            return {MALFORMED}
        case 5 | 6:
            return {ASKS}
        case 8:
            return {SIGNATURE_INVALID if new in (1, 3) else Reason.DIGEST_UNSUPPORTED}
        case 10:
            return {Reason.KEY_UNSUPPORTED}
        case 11:
            return {MALFORMED if new < 4 else Reason.KEY_UNSUPPORTED}
        case _:
            return {SIGNATURE_INVALID}


@every_vector
def test_the_vector_as_it_is(name: str) -> None:
    verdict = _decide(name, vector(name))
    assert isinstance(verdict, Accept)
    assert verdict.reason in (Reason.IN_CTL, Reason.IN_ITL)


@every_vector
def test_the_walk_covers_every_octet(name: str) -> None:
    ends = 0
    for part in _parts(name):
        assert part.start == ends
        ends = part.end
    assert ends == len(vector(name))


@every_vector
def test_cut_at_every_octet(name: str) -> None:
    octets = vector(name)
    is_list = VECTORS[name].is_list
    header_end = int.from_bytes(octets[8:10], "big")
    heads = ("record", "tag", 1)
    starts = {each.start for each in _parts(name) if (each.where, each.what, each.tag) == heads}
    for size in range(1, len(octets)):
        verdict = _decide(name, octets[:size])
        whole = size in starts if is_list else size >= header_end
        if size < 3 and not is_list:
            assert verdict.reason is Reason.UNSIGNED, size
        else:
            assert verdict.reason is (SIGNATURE_INVALID if whole else MALFORMED), size
        assert not isinstance(verdict, Accept | Unchanged | NeedsTVS), size


@every_vector
def test_every_bit_flipped(name: str) -> None:
    octets = vector(name)
    for part in _parts(name):
        for at, mask in _flips(part):
            verdict = _decide(name, _flipped(octets, at, mask))
            wanted = _expected(name, part, octets[at], octets[at] ^ mask)
            assert verdict.reason in wanted, (part, at, mask, verdict.reason)
            assert isinstance(verdict, NeedsTVS) is (verdict.reason is ASKS), (part, at, mask)
            assert not isinstance(verdict, Accept | Unchanged), (part, at, mask)


_FIRST = {MALFORMED, SIGNATURE_INVALID, Reason.NOT_SELF_CONSISTENT}
_FIRST |= {Reason.KEY_UNSUPPORTED, Reason.DIGEST_UNSUPPORTED}


@pytest.mark.parametrize("name", ["CTL-outsider.tlv", "CTL-sast1024.tlv"])
def test_first_lists_flipped_and_cut(name: str) -> None:
    """A first list brings its own key, so a wrong octet may also spoil the key."""
    octets = vector(name)
    assert isinstance(decide(Installed(), octets, _context(name)), Accept)
    bad = [octets[:size] for size in range(1, len(octets))]
    bad += [_flipped(octets, at, 1 << at % 8) for at in range(len(octets))]
    for candidate in bad:
        verdict = decide(Installed(), candidate, _context(name))
        assert not isinstance(verdict, Accept | Unchanged)
        assert verdict.reason in _FIRST


@every_vector
def test_more_octets_before_or_behind(name: str) -> None:
    """A signed file ends where its signer ended it."""
    octets = vector(name)
    for bad in (octets + octets, octets + b"\0", b"\0" + octets, octets[::-1]):
        assert not isinstance(_decide(name, bad), Accept | Unchanged | NeedsTVS)


@every_vector
def test_what_the_signature_leaves_open_is_its_own_place_alone(name: str) -> None:
    """The signature TLV is cut out before signing, so it may stand elsewhere in the header.

    At every place between two TLVs (after version and length) the file says the same and is
    accepted, or it is refused as malformed inside a container; nowhere else.
    """
    octets = vector(name)
    sizes = {each.tag: each.end for each in _parts(name) if each.where == "header"}
    start = next(each.start for each in _parts(name) if each.tag == 12)
    tlv, rest = octets[start : sizes[12]], octets[:start] + octets[sizes[12] :]
    places = {each.start for each in _parts(name) if each.where == "header"} - {start}
    for place in (each - len(tlv) if each > start else each for each in places):
        verdict = _decide(name, rest[:place] + tlv + rest[place:])
        if isinstance(verdict, Accept):
            assert verdict.evidence.file is not None
            assert verdict.evidence.file.signed_octets == rest
        else:
            assert verdict.reason in (MALFORMED, Reason.UNSIGNED)
    last = rest[: sizes[15] - len(tlv)] + tlv + rest[sizes[15] - len(tlv) :]
    assert isinstance(_decide(name, last), Accept)
