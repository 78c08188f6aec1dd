"""A second decoder of signed files and trust lists, slow and obvious, to hold the first against.

It shares no code with `secd` and was written from docs/formats.md alone. It cuts a file into TLVs,
then into a tree, and only then asks whether the values are good; `secd` does all of that in one
pass. What it returns are plain octets by tag, texts without their NUL. It says of a bad file only
that it is bad, never where.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

CONTAINERS = (3, 7, 9, 16, 17, 21)
PADDING = 13
HEADER_TAGS = tuple(tag for tag in range(1, 29) if tag != PADDING)
HEADER_TEXTS = (4, 6, 14)
HEADER_SIZES = {1: 2, 2: 2, 8: 1, 10: 1, 11: 1, 15: 4, 28: 2}
ENCRYPTION_SIZES = {18: 1, 19: 16, 20: 2, 22: 1, 23: 2, 24: 1, 26: 1}
ENCRYPTION_TAGS = (18, 19, 20, 22, 23, 24, 25, 26, 27)
# Without these nobody can say who signed, how, and with which signature.
NEEDED = (4, 5, 6, 8, 10, 11, 12)
SIGNATURE_BYTES = {0: 64, 1: 128, 2: 256, 3: 512}

RECORD_TAGS = tuple(range(1, 13))
RECORD_TEXTS = (2, 3, 5)
RECORD_SIZES = {4: (2,), 10: (4, 16), 12: (1,)}


class Bad(Exception):  # noqa: N818 - the name is the finding
    """The octets are no file of this format."""


@dataclass(frozen=True)
class TLV:
    """One TLV. at, end -- its place in the file, tag and length included."""

    tag: int
    at: int
    end: int
    value: bytes = b""


@dataclass
class NaiveFile:
    """A header and what follows it.

    values -- by tag, containers and unknown tags not among them. unknown -- in order.
    tree -- (tag, number of TLVs inside) in order. signature -- the place of its whole TLV.
    """

    octets: bytes
    header_length: int = 0
    values: dict[int, bytes] = field(default_factory=dict)
    unknown: list[bytes] = field(default_factory=list)
    tree: list[tuple[int, int]] = field(default_factory=list)
    signature: tuple[int, int] = (0, 0)

    def body(self) -> bytes:
        return self.octets[self.header_length :]

    def signed_octets(self) -> bytes:
        at, end = self.signature
        return self.octets[:at] + self.octets[end:]


@dataclass
class NaiveRecord:
    """A record. values -- by tag, without tag 1. order -- the tags after tag 1."""

    values: dict[int, bytes] = field(default_factory=dict)
    unknown: list[bytes] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


def read_file(octets: bytes) -> NaiveFile:
    """Read a file in its envelope. Raises Bad."""
    file = NaiveFile(octets, _header_length(octets))
    tlvs = list(_header_tlvs(octets, file.header_length))
    file.tree = _tree(tlvs)
    for tlv in tlvs:
        if tlv.tag not in HEADER_TAGS and tlv.tag != PADDING:
            file.unknown.append(tlv.value)
    _check_duplicates([tlv.tag for tlv in tlvs if tlv.tag in HEADER_TAGS])
    for tlv in tlvs:
        if tlv.tag in HEADER_TAGS and tlv.tag not in CONTAINERS:
            _check_header_value(tlv)
            file.values[tlv.tag] = _without_nul(tlv.value, tlv.tag in HEADER_TEXTS)
        if tlv.tag == 12:
            file.signature = (tlv.at, tlv.end)
    _check_whole(file.values)
    return file


def read_list(octets: bytes) -> tuple[NaiveFile, list[NaiveRecord]]:
    """Read a trust list. Raises Bad."""
    file = read_file(octets)
    records = []
    rest = file.body()
    while rest:
        if len(rest) < 5 or rest[0] != 1 or _number(rest[1:3]) != 2:
            raise Bad("no record length")
        length = _number(rest[3:5])
        if length < 5 or length > len(rest):
            raise Bad("the record length does not fit")
        records.append(_record(rest[5:length]))
        rest = rest[length:]
    return file, records


def _header_length(octets: bytes) -> int:
    """Tags 1 and 2 come first, each with two octets."""
    if len(octets) < 10:
        raise Bad("too short for a version and a header length")
    if octets[0] != 1 or _number(octets[1:3]) != 2:
        raise Bad("no version")
    if octets[5] != 2 or _number(octets[6:8]) != 2:
        raise Bad("no header length")
    length = _number(octets[8:10])
    if length < 10 or length > len(octets):
        raise Bad("the header length does not fit")
    return length


def _header_tlvs(octets: bytes, stop: int) -> Iterator[TLV]:
    """Cut the header; what is inside a container comes after it."""
    at = 0
    while at < stop:
        tag = octets[at]
        if tag == PADDING:
            yield TLV(tag, at, at + 1)
            at += 1
            continue
        if at + 3 > stop:
            raise Bad("no room for a length")
        end = at + 3 + _number(octets[at + 1 : at + 3])
        if end > stop:
            raise Bad("a value leads out of the header")
        yield TLV(tag, at, end, octets[at + 3 : end])
        at = at + 3 if tag in CONTAINERS else end


def _tree(tlvs: list[TLV]) -> list[tuple[int, int]]:
    """Count what is inside each container, and see that nothing crosses its end."""
    tree = []
    for tlv in tlvs:
        inside = 0
        if tlv.tag in CONTAINERS:
            for other in tlvs:
                if tlv.at < other.at < tlv.end:
                    inside += 1
                    if other.end > tlv.end:
                        raise Bad("a value leads out of its container")
        tree.append((tlv.tag, inside))
    return tree


def _check_header_value(tlv: TLV) -> None:
    size = (HEADER_SIZES | ENCRYPTION_SIZES).get(tlv.tag)
    if size is not None and len(tlv.value) != size:
        raise Bad("a value of the wrong size")
    if tlv.tag in HEADER_TEXTS:
        _check_text(tlv.value)


def _check_whole(values: dict[int, bytes]) -> None:
    for tag in NEEDED:
        if tag not in values:
            raise Bad("something that every header needs is missing")
    size = SIGNATURE_BYTES.get(values[11][0])
    if size is not None and len(values[12]) != size:
        raise Bad("the signature is not as long as the modulus")
    there = [tag for tag in ENCRYPTION_TAGS if tag in values]
    if there and len(there) != len(ENCRYPTION_TAGS):
        raise Bad("half an encryption")


def _record(octets: bytes) -> NaiveRecord:
    record = NaiveRecord()
    while octets:
        if len(octets) < 3 or 3 + _number(octets[1:3]) > len(octets):
            raise Bad("a value leads out of its record")
        tag, end = octets[0], 3 + _number(octets[1:3])
        value = octets[3:end]
        octets = octets[end:]
        if tag == 1:
            raise Bad("a record length inside a record")
        record.order.append(tag)
        if tag not in RECORD_TAGS:
            record.unknown.append(value)
            continue
        if len(value) not in RECORD_SIZES.get(tag, (len(value),)):
            raise Bad("a value of the wrong size")
        if tag in RECORD_TEXTS:
            _check_text(value)
        record.values[tag] = _without_nul(value, tag in RECORD_TEXTS)
    _check_duplicates([tag for tag in record.order if tag in RECORD_TAGS])
    return record


def _check_duplicates(tags: list[int]) -> None:
    if len(set(tags)) != len(tags):
        raise Bad("a tag stands twice")


def _check_text(value: bytes) -> None:
    if value.count(b"\0") != 1 or not value.endswith(b"\0"):
        raise Bad("a text must end at its only NUL")


def _without_nul(value: bytes, is_text: bool) -> bytes:
    return value[:-1] if is_text else value


def _number(octets: bytes) -> int:
    number = 0
    for octet in octets:
        number = number * 256 + octet
    return number
