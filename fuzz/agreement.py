"""The codecs against the naive decoder: both read the octets, and alike, or neither does."""

from fuzz.naive import Bad, NaiveFile, NaiveRecord, read_file, read_list
from secd.envelope import Header, SignedFile, decode_signed_file_untrusted
from secd.envelope.encryption import encryption_values
from secd.errors import MalformedFile
from secd.trustlist import Record, TrustList, decode_trust_list_untrusted


def assert_agreed(octets: bytes) -> None:
    """Both decoders read the file, and alike, or both refuse it; so with it as a list."""
    assert_file_agreed(octets)
    trust_list, naive_list = read_trust_list(octets), _read_list_naively(octets)
    assert (trust_list is None) == (naive_list is None)
    if trust_list is not None and naive_list is not None:
        _assert_same_file(trust_list.file, naive_list[0])
        assert [_plain(record) for record in trust_list.records] == [
            (naive.values, naive.unknown, naive.order) for naive in naive_list[1]
        ]


def assert_file_agreed(octets: bytes) -> None:
    """As `assert_agreed`, the body whatever it is."""
    file, naive = read_signed_file(octets), read_naively(octets)
    assert (file is None) == (naive is None)
    if file is not None and naive is not None:
        _assert_same_file(file, naive)


def read_signed_file(octets: bytes) -> SignedFile | None:
    """Read an envelope; None: it is none."""
    try:
        return decode_signed_file_untrusted(octets)
    except MalformedFile:
        return None


def read_trust_list(octets: bytes) -> TrustList | None:
    """Read a list; None: it is none."""
    try:
        return decode_trust_list_untrusted(octets)
    except MalformedFile:
        return None


def read_naively(octets: bytes) -> NaiveFile | None:
    """Read an envelope by the naive decoder; None: it is none."""
    try:
        return read_file(octets)
    except Bad:
        return None


def _read_list_naively(octets: bytes) -> tuple[NaiveFile, list[NaiveRecord]] | None:
    try:
        return read_list(octets)
    except Bad:
        return None


def _assert_same_file(file: SignedFile, naive: NaiveFile) -> None:
    assert file.header_length == naive.header_length
    assert file.body == naive.body()
    assert file.signed_octets == naive.signed_octets()
    assert _values(file.header, file.header_length) == naive.values
    assert file.header.unknown == tuple(naive.unknown)
    assert file.header.layout == tuple(naive.tree)


def _values(header: Header, length: int) -> dict[int, bytes]:
    """Return a header's values by tag, as octets."""
    optional = {
        14: header.file_name,
        15: None if header.timestamp is None else header.timestamp.to_bytes(4, "big"),
        28: None if header.signer_version is None else bytes(header.signer_version),
    }
    return {
        1: bytes(header.version),
        2: length.to_bytes(2, "big"),
        4: header.signer.name,
        5: header.signer.serial,
        6: header.signer.issuer,
        8: bytes([header.digest]),
        10: bytes([header.signature_algorithm]),
        11: bytes([header.modulus_code]),
        12: header.signature,
        **{tag: value for tag, value in optional.items() if value is not None},
        **({} if header.encryption is None else encryption_values(header.encryption)),
    }


def _plain(record: Record) -> tuple[dict[int, bytes], list[bytes], list[int]]:
    values = {
        2: record.dns_name,
        3: record.subject,
        4: None if record.function is None else record.function.to_bytes(2, "big"),
        5: record.issuer,
        6: record.serial,
        7: record.public_key,
        8: record.signature,
        9: record.certificate,
        10: record.ip_address,
        11: record.certificate_hash,
        12: None if record.hash_digest is None else bytes([record.hash_digest]),
    }
    plain = {tag: value for tag, value in values.items() if value is not None}
    return plain, list(record.unknown), list(record.layout)
