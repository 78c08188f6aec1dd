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
from secd.wire import u8, u16


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


def decode_records_untrusted(octets: bytes, start: int) -> tuple[Record, ...]:
    """Read all records from `start` to the end of the file. Raises MalformedFile."""
    records: list[Record] = []
    at = start
    while at < len(octets):
        if octets[at : at + 3] != b"\x01\x00\x02" or at + 5 > len(octets):
            raise MalformedFile(
                f"record {len(records) + 1} does not begin with tag 1 (record length)", at
            )
        end = at + int.from_bytes(octets[at + 3 : at + 5], "big")
        if end < at + 5 or end > len(octets):
            raise MalformedFile(
                f"the length of record {len(records) + 1} does not fit into the file", at + 3
            )
        records.append(_decode_record(octets, at + 5, end))
        at = end
    return tuple(records)


def encode_record(record: Record) -> bytes:
    """Write a record from its values.

    Raises ValueError when the layout names a tag that has no value or leaves one out.
    """
    values = _values_of(record)
    unknown = iter(record.unknown)
    parts = []
    for tag in record.layout:
        value = values.pop(tag, None) if tag in _KNOWN else next(unknown, None)
        if value is None:
            raise ValueError(f"the layout names tag {tag}, the record has no value for it")
        parts.append(u8(tag) + u16(len(value)) + value)
    if values or next(unknown, None) is not None:
        raise ValueError(f"the layout leaves out tags {sorted(values)} or unknown values")
    body = b"".join(parts)
    return b"\x01\x00\x02" + u16(5 + len(body)) + body


def _decode_record(octets: bytes, start: int, end: int) -> Record:
    values: dict[int, bytes] = {}
    unknown: list[bytes] = []
    layout: list[int] = []
    at = start
    while at < end:
        tag = octets[at]
        value_at = at + 3
        value_end = value_at + int.from_bytes(octets[at + 1 : value_at], "big")
        if value_end > end or value_at > end:
            raise MalformedFile(f"tag {tag} reaches past the end of its record", at)
        value = octets[value_at:value_end]
        if tag not in _KNOWN:
            if tag == 1:
                raise MalformedFile("tag 1 (record length) stands inside a record", at)
            unknown.append(value)
        elif tag in values:
            raise MalformedFile(f"tag {tag} stands twice in one record", at)
        else:
            if tag in _TEXTS:
                if value.find(0) != len(value) - 1:
                    raise MalformedFile(f"the text of tag {tag} must end at its only NUL", at)
                value = value[:-1]
            elif tag in _SIZES and len(value) not in _SIZES[tag]:
                raise MalformedFile(f"tag {tag} cannot have {len(value)} octets", at)
            values[tag] = value
        layout.append(tag)
        at = value_end
    get = values.get
    function = get(4)
    digest = get(12)
    return Record(
        None if function is None else int.from_bytes(function, "big"),
        get(2),
        get(3),
        get(5),
        get(6),
        get(7),
        get(8),
        get(9),
        get(10),
        get(11),
        None if digest is None else digest[0],
        tuple(unknown),
        tuple(layout),
    )


def _values_of(record: Record) -> dict[int, bytes]:
    texts = {2: record.dns_name, 3: record.subject, 5: record.issuer}
    values = {tag: text + b"\0" for tag, text in texts.items() if text is not None}
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
