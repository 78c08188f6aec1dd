"""One record of a trust list: its values, and its octets in both directions.

Record tags are a numbering of their own: 3, 7 and 9 are plain values here, and 13 is no padding.
A record begins with tag 1, whose value is the record's length, its own five octets included.

    tag  size  meaning
      1     2  record length
      2     n  DNS name, text and NUL: the server as configured, a name or a dotted address;
               a lone NUL for tokens; absent in certutils' files
      3     n  subject name, text and NUL
      4     2  function
      5     n  issuer name, text and NUL
      6     n  serial number, octets
      7     n  public key: PKCS#1 RSAPublicKey DER, or an uncompressed EC point
      8     n  the certificate's signature; absent in lists of the eToken era
      9     n  certificate, DER; absent after a return to non-secure mode
     10     4  IP address (16 octets for IPv6 are thinkable); absent in certutils' files
     11     n  certificate hash
     12     1  digest number of tag 11

Order: CUCM ascending; certutils 1, 3, 5, 6, 4, 7, 8, 9. It does not matter to a reader and is
kept. Sources: genuine listings (seed guide, 118892, 118893) and certutils' files. Certificates are
octets here: lists are compared by octets, and most records are never used.
"""

from dataclasses import dataclass
from enum import IntEnum

from secd.errors import MalformedFile
from secd.wire import text, u8, u16


class Function(IntEnum):
    """What a record's certificate may do; other numbers exist and are kept as they are.

    SAST 0 signs trust lists, CCM 1 is a call manager, CCM_TFTP 2 also signs files, TFTP 3 signs
    files, CAPF 4, APP_SERVER 7 are HTTPS services, TVS 21. Source: listings and open tools.
    """

    SAST = 0
    CCM = 1
    CCM_TFTP = 2
    TFTP = 3
    CAPF = 4
    APP_SERVER = 7
    TVS = 21


@dataclass(frozen=True, slots=True)
class Record:
    """A record's values; None: the tag is absent. Names are octets without their NUL.

    layout -- the record's tags after tag 1, in the order of the file.
    unknown -- values of tags that this module does not know, in their order in the layout.
    """

    function: int | None
    dns_name: bytes | None = None
    subject: bytes | None = None
    issuer: bytes | None = None
    serial: bytes | None = None
    public_key: bytes | None = None
    signature: bytes | None = None
    certificate: bytes | None = None
    ip_address: bytes | None = None
    certificate_hash: bytes | None = None
    hash_digest: int | None = None
    unknown: tuple[bytes, ...] = ()
    layout: tuple[int, ...] = ()


CUCM_RECORD_LAYOUT = (2, 3, 4, 5, 6, 7, 8, 9, 10)
ETOKEN_RECORD_LAYOUT = (2, 3, 4, 5, 6, 7, 9, 10)
CERTUTILS_RECORD_LAYOUT = (3, 5, 6, 4, 7, 8, 9)
NO_CERTIFICATE_RECORD_LAYOUT = (2, 4, 10)

_KNOWN = frozenset(range(2, 13))
_TEXTS = frozenset({2, 3, 5})
_SIZES = {4: (2,), 10: (4, 16), 12: (1,)}
_PLAIN = _KNOWN - _TEXTS - _SIZES.keys()


def decode_records_untrusted(octets: bytes, start: int) -> tuple[Record, ...]:
    """Read all records from `start` to the end of the file. Raises MalformedFile."""
    records: list[Record] = []
    at = start
    size = len(octets)
    while at < size:
        if octets[at : at + 3] != b"\x01\x00\x02" or at + 5 > size:
            raise MalformedFile(
                f"record {len(records) + 1} does not begin with tag 1 (record length)", at
            )
        end = at + (octets[at + 3] << 8 | octets[at + 4])
        if end < at + 5 or end > size:
            raise MalformedFile(
                f"the length of record {len(records) + 1} does not fit into the file", at + 3
            )
        records.append(_decode_record(octets, at + 5, end))
        at = end
    return tuple(records)


def encode_record(record: Record) -> bytes:
    """Write a record from its values.

    Raises ValueError for values that no record can hold: a layout that names tag 1 or a tag
    without a value or leaves one out, a NUL inside a text, a value of the wrong size. Raises
    OverflowError for a number or a length that does not fit into its octets.
    """
    values = _values_of(record)
    unknown = iter(record.unknown)
    parts = []
    for tag in record.layout:
        if tag == 1:
            raise ValueError("tag 1 (record length) is written first and only there")
        value = values.pop(tag, None) if tag in _KNOWN else next(unknown, None)
        if value is None:
            raise ValueError(f"the layout names tag {tag}, the record has no value for it")
        if tag in _SIZES and len(value) not in _SIZES[tag]:
            raise ValueError(f"tag {tag} cannot have {len(value)} octets")
        parts.append(u8(tag) + u16(len(value)) + value)
    if values or next(unknown, None) is not None:
        raise ValueError(f"the layout leaves out tags {sorted(values)} or unknown values")
    body = b"".join(parts)
    return b"\x01\x00\x02" + u16(5 + len(body)) + body


def _decode_record(octets: bytes, start: int, end: int) -> Record:
    values: list[bytes | None] = [None] * 13  # by tag
    unknown: list[bytes] = []
    layout: list[int] = []
    at = start
    while at < end:
        tag = octets[at]
        value_at = at + 3
        # The second test is not reached when even the length is cut off.
        if value_at > end or (next_at := value_at + (octets[at + 1] << 8 | octets[at + 2])) > end:
            raise MalformedFile(f"tag {tag} reaches past the end of its record", at)
        if tag in _PLAIN and values[tag] is None:
            values[tag] = octets[value_at:next_at]
        elif tag not in _KNOWN:
            if tag == 1:
                raise MalformedFile("tag 1 (record length) stands inside a record", at)
            unknown.append(octets[value_at:next_at])
        elif values[tag] is not None:
            raise MalformedFile(f"tag {tag} stands twice in one record", at)
        elif tag in _TEXTS:
            if octets.find(0, value_at, next_at) != next_at - 1:
                raise MalformedFile(f"the text of tag {tag} must end at its only NUL", at)
            values[tag] = octets[value_at : next_at - 1]
        else:
            if next_at - value_at not in _SIZES[tag]:
                raise MalformedFile(f"tag {tag} cannot have {next_at - value_at} octets", at)
            values[tag] = octets[value_at:next_at]
        layout.append(tag)
        at = next_at
    return _record_of(values, unknown, layout)


def _record_of(values: list[bytes | None], unknown: list[bytes], layout: list[int]) -> Record:
    _, _, dns_name, subject, function, issuer, serial, key, signature, der, ip, sha, number = values
    return Record(
        None if function is None else function[0] << 8 | function[1],
        dns_name,
        subject,
        issuer,
        serial,
        key,
        signature,
        der,
        ip,
        sha,
        None if number is None else number[0],
        tuple(unknown),
        tuple(layout),
    )


def _values_of(record: Record) -> dict[int, bytes]:
    texts = {2: record.dns_name, 3: record.subject, 5: record.issuer}
    values = {tag: text(octets) for tag, octets in texts.items() if octets is not None}
    plain = {
        6: record.serial,
        7: record.public_key,
        8: record.signature,
        9: record.certificate,
        10: record.ip_address,
        11: record.certificate_hash,
    }
    values |= {tag: value for tag, value in plain.items() if value is not None}
    if record.function is not None:
        values[4] = u16(record.function)
    if record.hash_digest is not None:
        values[12] = u8(record.hash_digest)
    return values
