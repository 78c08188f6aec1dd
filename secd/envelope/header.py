"""The header that every signed file begins with: its values, and its octets in both directions.

Big endian. A TLV is tag (1 octet), length (2), value; tag 13 alone is one octet of padding without
length and value. Containers are written flat: their length covers their children, which follow as
ordinary TLVs. The order of TLVs does not matter to a reader, except that 1 and 2 come first; it is
kept (`Header.layout`), so that a file read and written back is the same file.

    tag  size  meaning
      1     2  version, major and minor: 1.2 trust list, 1.0 .sgn, 1.1 firmware, 2.0 .enc.sgn
      2     2  header length: octets of the whole header, signature and padding included
      3     -  container, signer: 4, 5, 6
      4     n  signer name, text and NUL
      5     n  signer serial, octets
      6     n  signer issuer, text and NUL
      7     -  container, signature information: 8, 9
      8     1  digest: 1 SHA-1, 2 SHA-256, 3 SHA-512
      9     -  container, signature algorithm: 10, 11
     10     1  0 = RSA PKCS#1 v1.5
     11     1  modulus size: 0 = 512, 1 = 1024, 2 = 2048, 3 = 4096 bits
     12     n  signature, as long as the modulus
     13     0  padding, one octet 0x0d
     14     n  file name, text and NUL
     15     4  time of signing, Unix seconds
  16-27     -  encryption, see `secd.envelope.encryption`
     28     2  signer version, major and minor; absent in CUCM's files

Sources: genuine CUCM lists and listings (118892, 118893), Cisco-signed firmware, and the files of
the open certutils tools, which real phones accept. What the header *means* is not decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from secd.crypto import MODULUS_BITS
from secd.envelope.encryption import Encryption, decode_encryption, encryption_values
from secd.errors import MalformedFile
from secd.wire import text, u8, u16, u32


class Tag(IntEnum):
    """Header tags."""

    VERSION = 1
    HEADER_LENGTH = 2
    SIGNER_ID = 3
    SIGNER_NAME = 4
    SERIAL_NUMBER = 5
    CA_NAME = 6
    SIGNATURE_INFO = 7
    DIGEST_ALGORITHM = 8
    SIGNATURE_ALGORITHM_INFO = 9
    SIGNATURE_ALGORITHM = 10
    SIGNATURE_MODULUS = 11
    SIGNATURE = 12
    PADDING = 13
    FILE_NAME = 14
    TIMESTAMP = 15
    SIGNER_VERSION = 28


@dataclass(frozen=True, slots=True)
class Signer:
    """Who says to have signed: the octets of tags 4, 6 and 5, names without their NUL."""

    name: bytes
    issuer: bytes
    serial: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A header's values.

    layout -- the TLVs in the order of the file, each as (tag, number of TLVs inside it); the
        number is 0 for everything that is not a container. Padding stands here and nowhere else.
    unknown -- values of tags that this module does not know, in their order in the layout.
    """

    version: tuple[int, int]
    signer: Signer
    digest: int
    signature_algorithm: int
    modulus_code: int
    signature: bytes
    file_name: bytes | None
    timestamp: int | None
    signer_version: tuple[int, int] | None = None
    encryption: Encryption | None = None
    unknown: tuple[bytes, ...] = ()
    layout: tuple[tuple[int, int], ...] = ()

    @property
    def padding(self) -> int:
        """How many octets of padding the header holds."""
        return sum(1 for tag, _ in self.layout if tag == Tag.PADDING)


# CUCM's order (genuine lists; firmware has the same without 15) and certutils' order.
CUCM_LAYOUT = (
    *((1, 0), (2, 0), (3, 3), (4, 0), (5, 0), (6, 0)),
    *((7, 4), (8, 0), (9, 2), (10, 0), (11, 0), (12, 0), (14, 0), (15, 0)),
)
FIRMWARE_LAYOUT = CUCM_LAYOUT[:-1]
_CERTUTILS_SIGNER = (
    *((3, 3), (4, 0), (6, 0), (5, 0)),
    *((7, 4), (8, 0), (9, 2), (10, 0), (11, 0), (12, 0), (14, 0), (15, 0)),
)
CERTUTILS_LIST_LAYOUT = ((1, 0), (2, 0), (28, 0), *_CERTUTILS_SIGNER)
CERTUTILS_SIGNED_LAYOUT = ((1, 0), (2, 0), *_CERTUTILS_SIGNER)
CERTUTILS_ENCRYPTED_LAYOUT = (
    *CERTUTILS_SIGNED_LAYOUT,
    *((16, 9), (17, 3), (18, 0), (19, 0), (20, 0)),
    *((21, 4), (22, 0), (23, 0), (24, 0), (25, 0), (26, 0), (27, 0)),
)

_CONTAINERS = frozenset({3, 7, 9, 16, 17, 21})
_TEXTS = frozenset({4, 6, 14})
_SIZES = {1: 2, 2: 2, 8: 1, 10: 1, 11: 1, 15: 4, 28: 2}
_SIZES |= {18: 1, 19: 16, 20: 2, 22: 1, 23: 2, 24: 1, 26: 1}
_KNOWN = frozenset(range(1, 29)) - {13}
_REQUIRED = frozenset({4, 5, 6, 8, 10, 11, 12})


def decode_header_untrusted(octets: bytes) -> tuple[Header, int, int]:
    """Read the header at the start of a file.

    Returns the header, its length in octets, and the offset of the signature TLV.
    Raises MalformedFile.
    """
    length = _header_length(octets)
    values, unknown, layout, signature_at = _scan(octets, length)
    if not values.keys() >= _REQUIRED:
        tag = min(_REQUIRED - values.keys())
        raise MalformedFile(f"the header has no tag {tag} ({_name_of(tag)})")
    header = _header_of(values, unknown, layout)
    size = MODULUS_BITS.get(header.modulus_code)
    if size is not None and len(header.signature) * 8 != size:
        raise MalformedFile(
            f"the signature has {len(header.signature) * 8} bits, tag 11 says {size}", signature_at
        )
    return header, length, signature_at


def encode_header(header: Header) -> bytes:
    """Write a header from its values; lengths are computed, nothing else is.

    Raises ValueError for values that no header can hold: a layout that does not begin with tags 1
    and 2, that names a tag without a value, leaves one out or promises more TLVs in a container
    than follow; a NUL inside a text; a value of the wrong size. Raises OverflowError for a number
    or a length that does not fit into its octets.
    """
    if header.layout[:2] != ((1, 0), (2, 0)):
        raise ValueError("the layout must begin with tags 1 and 2")
    parts = _parts_of(header)
    for index, (tag, children) in enumerate(header.layout):
        if tag in _CONTAINERS:
            inside = parts[index + 1 : index + 1 + children]
            if len(inside) != children:
                raise ValueError(f"the layout ends inside tag {tag}")
            parts[index] = u8(tag) + u16(sum(map(len, inside)))
    written = b"".join(parts)
    # 1 and 2 come first and their sizes are fixed, so the length stands at octets 8 and 9.
    return written[:8] + u16(len(written)) + written[10:]


def _parts_of(header: Header) -> list[bytes]:
    """Write one part for each entry of the layout, the lengths of containers left at 0."""
    values = _values_of(header)
    unknown = iter(header.unknown)
    parts: list[bytes] = []
    for tag, _ in header.layout:
        if tag == Tag.PADDING:
            parts.append(b"\x0d")
        elif tag in _CONTAINERS:
            parts.append(u8(tag) + bytes(2))
        else:
            value = values.pop(tag, None) if tag in _KNOWN else next(unknown, None)
            if value is None:
                raise ValueError(f"the layout names tag {tag}, the header has no value for it")
            if len(value) != _SIZES.get(tag, len(value)):
                raise ValueError(f"tag {tag} must have {_SIZES[tag]} octets, not {len(value)}")
            parts.append(u8(tag) + u16(len(value)) + value)
    if values or next(unknown, None) is not None:
        raise ValueError(f"the layout leaves out tags {sorted(values)} or unknown values")
    return parts


def _header_length(octets: bytes) -> int:
    if octets[:3] != b"\x01\x00\x02":
        raise MalformedFile("the file does not begin with tag 1 (version) of two octets", 0)
    if octets[5:8] != b"\x02\x00\x02" or len(octets) < 10:
        raise MalformedFile(
            "tag 2 (header length) of two octets does not follow the version", min(5, len(octets))
        )
    length = octets[8] << 8 | octets[9]
    if not 10 <= length <= len(octets):
        raise MalformedFile(f"the header length {length} does not fit into the file", 8)
    return length


def _scan(
    octets: bytes, length: int
) -> tuple[dict[int, bytes], list[bytes], list[tuple[int, int]], int]:
    """Walk the TLVs of a header: values by tag, unknown values, layout, place of the signature.

    Plain index arithmetic: a phone that boots reads every list several times over.
    """
    values: dict[int, bytes] = {}
    unknown: list[bytes] = []
    layout: list[tuple[int, int]] = []
    open_containers: list[tuple[int, int]] = []  # (where it ends, its place in the layout)
    signature_at = 0
    at = 0
    while at < length:
        tag = octets[at]
        if tag == 13:
            end = at + 1
        else:
            start = at + 3
            # The second test is not reached when even the length is cut off.
            if start > length or (end := start + (octets[at + 1] << 8 | octets[at + 2])) > length:
                raise MalformedFile(f"tag {tag} reaches past the end of the header", at)
            if tag not in _KNOWN:
                unknown.append(octets[start:end])
            elif tag in values:
                raise MalformedFile(f"tag {tag} stands twice in the header", at)
            elif tag in _CONTAINERS:
                if open_containers and end > open_containers[-1][0]:
                    raise MalformedFile(f"tag {tag} reaches past the container around it", at)
                open_containers.append((end, len(layout)))
                values[tag] = b""  # only to find a second one
                end = start
            elif tag in _TEXTS:
                if octets.find(0, start, end) != end - 1:
                    raise MalformedFile(f"the text of tag {tag} must end at its only NUL", at)
                values[tag] = octets[start : end - 1]
            else:
                if tag in _SIZES and end - start != _SIZES[tag]:
                    raise MalformedFile(f"tag {tag} must have {_SIZES[tag]} octets", at)
                if tag == 12:
                    signature_at = at
                values[tag] = octets[start:end]
        layout.append((tag, 0))
        at = end
        while open_containers and at >= open_containers[-1][0]:
            end, index = open_containers.pop()
            if at > end:
                raise MalformedFile(f"tag {layout[index][0]} ends inside another tag", end)
            layout[index] = (layout[index][0], len(layout) - 1 - index)
    return values, unknown, layout, signature_at


def _header_of(
    values: Mapping[int, bytes], unknown: list[bytes], layout: list[tuple[int, int]]
) -> Header:
    get = values.get
    version = values[1]
    stamp = get(15)
    signer_version = get(28)
    return Header(
        (version[0], version[1]),
        Signer(values[4], values[6], values[5]),
        values[8][0],
        values[10][0],
        values[11][0],
        values[12],
        get(14),
        None if stamp is None else int.from_bytes(stamp, "big"),
        None if signer_version is None else (signer_version[0], signer_version[1]),
        decode_encryption(values),
        tuple(unknown),
        tuple(layout),
    )


def _values_of(header: Header) -> dict[int, bytes]:
    values = {
        1: bytes(header.version),
        2: bytes(2),
        4: text(header.signer.name),
        5: header.signer.serial,
        6: text(header.signer.issuer),
        8: u8(header.digest),
        10: u8(header.signature_algorithm),
        11: u8(header.modulus_code),
        12: header.signature,
    }
    if header.file_name is not None:
        values[14] = text(header.file_name)
    if header.timestamp is not None:
        values[15] = u32(header.timestamp)
    if header.signer_version is not None:
        values[28] = bytes(header.signer_version)
    if header.encryption is not None:
        values |= encryption_values(header.encryption)
    return values


def _name_of(tag: int) -> str:
    return Tag(tag).name.lower().replace("_", " ")
