"""Values of headers and records, valid in every way that the codecs can write.

Any order of TLVs, any nesting of the containers, padding and unknown tags in any place, texts that
are no UTF-8, serials of no octets: odd, and readable. What is nearly valid is made from these by
`strategies_parts`.
"""

from dataclasses import replace

from hypothesis import strategies as st

from fuzz.strategies_basic import among, between
from secd.envelope import Encryption, Header, Signer
from secd.trustlist import Record

OCTET = st.integers(0, 255)
NUMBER = st.integers(0, 0xFFFF)
TEXTS = st.binary(max_size=12).map(lambda octets: octets.replace(b"\0", b"x"))
BLOBS = st.binary(max_size=12)
CONTAINERS = (3, 7, 9, 16, 17, 21)
UNKNOWN_HEADER_TAGS = st.just(0) | st.integers(29, 255)
UNKNOWN_RECORD_TAGS = st.just(0) | st.integers(13, 255)
SIGNATURE_BYTES = {0: 64, 1: 128, 2: 256, 3: 512}

_ENCRYPTION_TAGS = (18, 19, 20, 22, 23, 24, 25, 26, 27)

encryptions = st.builds(
    Encryption,
    cipher=OCTET,
    initialisation_vector=st.binary(min_size=16, max_size=16),
    plaintext_padding=NUMBER,
    key_field_22=OCTET,
    wrapped_key_bits=NUMBER,
    key_field_24=OCTET,
    wrapped_key=BLOBS,
    plaintext_digest_number=OCTET,
    plaintext_digest=BLOBS,
)

_CODES = st.sampled_from([0, 1, 1, 2, 3]) | OCTET
_PAIRS = st.tuples(OCTET, OCTET)
_SIGNERS = st.builds(Signer, TEXTS, TEXTS, BLOBS)
_ANY_TEXT = st.none() | TEXTS
_ANY_BLOB = st.none() | BLOBS
_ANY_OCTET = st.none() | OCTET
_ANY_TIME = st.none() | st.integers(0, 2**32 - 1)
_ANY_PAIR = st.none() | _PAIRS
_ANY_ENCRYPTION = st.none() | encryptions
_ANY_FUNCTION = st.none() | st.sampled_from([0, 1, 2, 3, 4, 7, 21]) | NUMBER
_UNKNOWN_OF_HEADER = st.lists(st.tuples(UNKNOWN_HEADER_TAGS, BLOBS), max_size=2)
_UNKNOWN_OF_RECORD = st.lists(UNKNOWN_RECORD_TAGS, max_size=2)
_NESTS = st.lists(st.sampled_from(CONTAINERS), unique=True, max_size=6)

_Node = tuple[int, list["_Node"]]


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """Any header that can be written; the signature is of the right length and of no key."""
    code = draw(_CODES)
    size = SIGNATURE_BYTES.get(code)
    header = Header(
        version=draw(_PAIRS),
        signer=draw(_SIGNERS),
        digest=draw(OCTET),
        signature_algorithm=draw(OCTET),
        modulus_code=code,
        signature=draw(BLOBS) if size is None else bytes([draw(OCTET)]) * size,
        file_name=draw(_ANY_TEXT),
        timestamp=draw(_ANY_TIME),
        signer_version=draw(_ANY_PAIR),
        encryption=draw(_ANY_ENCRYPTION),
    )
    return draw(laid_out(header))


@st.composite
def laid_out(draw: st.DrawFn, header: Header) -> Header:
    """The same values in another order and nesting, with other padding and unknown tags."""
    unknown = draw(_UNKNOWN_OF_HEADER)
    tags = [4, 5, 6, 8, 10, 11, 12]
    tags += [14] if header.file_name is not None else []
    tags += [15] if header.timestamp is not None else []
    tags += [28] if header.signer_version is not None else []
    tags += _ENCRYPTION_TAGS if header.encryption is not None else ()
    tags += [13] * draw(between(0, 3)) + [tag for tag, _ in unknown]
    nodes: list[_Node] = [(tag, []) for tag in draw(st.permutations(tags))]
    for container in draw(_NESTS):
        start = draw(between(0, len(nodes)))
        end = draw(between(start, len(nodes)))
        nodes[start:end] = [(container, nodes[start:end])]
    layout = ((1, 0), (2, 0), *_flat(nodes))
    # Unknown values stand in the order of the file; two of the same tag may change places.
    left = list(unknown)
    values = [left.pop(_place(left, tag))[1] for tag, _ in layout if tag == 0 or tag > 28]
    return replace(header, unknown=tuple(values), layout=layout)


def _flat(nodes: list[_Node]) -> list[tuple[int, int]]:
    flat = []
    for tag, inside in nodes:
        below = _flat(inside)
        flat += [(tag, len(below)), *below]
    return flat


def _place(pairs: list[tuple[int, bytes]], tag: int) -> int:
    return [other for other, _ in pairs].index(tag)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any record that can be written, an empty one included."""
    record = Record(
        function=draw(_ANY_FUNCTION),
        dns_name=draw(_ANY_TEXT),
        subject=draw(_ANY_TEXT),
        issuer=draw(_ANY_TEXT),
        serial=draw(_ANY_BLOB),
        public_key=draw(_ANY_BLOB),
        signature=draw(_ANY_BLOB),
        certificate=draw(_ANY_BLOB),
        ip_address=draw(among(None, bytes(4), bytes(16))),
        certificate_hash=draw(_ANY_BLOB),
        hash_digest=draw(_ANY_OCTET),
    )
    return draw(rearranged(record))


@st.composite
def rearranged(draw: st.DrawFn, record: Record) -> Record:
    """The same values in another order, with other unknown tags."""
    by_tag = {
        2: record.dns_name,
        3: record.subject,
        4: record.function,
        5: record.issuer,
        6: record.serial,
        7: record.public_key,
        8: record.signature,
        9: record.certificate,
        10: record.ip_address,
        11: record.certificate_hash,
        12: record.hash_digest,
    }
    unknown = draw(_UNKNOWN_OF_RECORD)
    tags = [tag for tag, value in by_tag.items() if value is not None] + unknown
    values = tuple(draw(BLOBS) for _ in unknown)
    return replace(record, unknown=values, layout=tuple(draw(st.permutations(tags))))
