"""Change one field, and only its octets and the lengths around it change.

What must come out is computed here by patching the octets of the unchanged file: the project's
encoder is not asked.
"""

from dataclasses import fields, replace

import pytest
from support import TLV, header_tlvs, record_tlvs, vector

from secd.envelope import Encryption, Header, Signer, decode_signed_file_untrusted, encode_header
from secd.trustlist import Record, decode_records_untrusted, encode_record

CONTAINERS = (3, 7, 9, 16, 17, 21)

_ENCRYPTED = decode_signed_file_untrusted(vector("enc-sha1/SEP0011215A1AE3.cnf.xml.enc.sgn")).header
# Every tag that is known, and one that is not.
assert _ENCRYPTED.encryption is not None
ENCRYPTION = _ENCRYPTED.encryption
HEADER = replace(
    _ENCRYPTED,
    signer_version=(1, 1),
    unknown=(b"unheard of",),
    layout=(*_ENCRYPTED.layout, (28, 0), (77, 0)),
)
RECORD = Record(
    function=2,
    dns_name=b"14.48.44.80",
    subject=b"CN=CUCM8-Publisher.bbbburns.lab",
    issuer=b"CN=JASBURNS-AD",
    serial=bytes(8),
    public_key=bytes(140),
    signature=bytes(128),
    certificate=bytes(738),
    ip_address=bytes([14, 48, 44, 80]),
    certificate_hash=bytes(20),
    hash_digest=1,
    unknown=(b"unheard of",),
    layout=(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 77),
)

# field -> its tag, the values with another one in it, the other one's octets
HEADER_CHANGES: dict[str, tuple[int, Header, bytes]] = {
    "version": (1, replace(HEADER, version=(2, 7)), b"\x02\x07"),
    "digest": (8, replace(HEADER, digest=3), b"\x03"),
    "signature_algorithm": (10, replace(HEADER, signature_algorithm=5), b"\x05"),
    "modulus_code": (11, replace(HEADER, modulus_code=3), b"\x03"),
    "signature": (12, replace(HEADER, signature=b"short"), b"short"),
    "file_name": (14, replace(HEADER, file_name=b"ITLFile.tlv"), b"ITLFile.tlv\0"),
    "timestamp": (15, replace(HEADER, timestamp=0x01020304), b"\x01\x02\x03\x04"),
    "signer_version": (28, replace(HEADER, signer_version=(1, 0)), b"\x01\x00"),
    "unknown": (77, replace(HEADER, unknown=(b"",)), b""),
}
SIGNER_CHANGES: dict[str, tuple[int, Signer, bytes]] = {
    "name": (4, replace(HEADER.signer, name=b"CN=x"), b"CN=x\0"),
    "issuer": (6, replace(HEADER.signer, issuer=b""), b"\0"),
    "serial": (5, replace(HEADER.signer, serial=b"\x80" * 20), b"\x80" * 20),
}
ENCRYPTION_CHANGES: dict[str, tuple[int, Encryption, bytes]] = {
    "cipher": (18, replace(ENCRYPTION, cipher=9), b"\x09"),
    "initialisation_vector": (
        19,
        replace(ENCRYPTION, initialisation_vector=b"0123456789abcdef"),
        b"0123456789abcdef",
    ),
    "plaintext_padding": (20, replace(ENCRYPTION, plaintext_padding=0x0102), b"\x01\x02"),
    "key_field_22": (22, replace(ENCRYPTION, key_field_22=8), b"\x08"),
    "wrapped_key_bits": (23, replace(ENCRYPTION, wrapped_key_bits=1024), b"\x04\x00"),
    "key_field_24": (24, replace(ENCRYPTION, key_field_24=7), b"\x07"),
    "wrapped_key": (25, replace(ENCRYPTION, wrapped_key=bytes(128)), bytes(128)),
    "plaintext_digest_number": (26, replace(ENCRYPTION, plaintext_digest_number=3), b"\x03"),
    "plaintext_digest": (27, replace(ENCRYPTION, plaintext_digest=bytes(64)), bytes(64)),
}
RECORD_CHANGES: dict[str, tuple[int, Record, bytes]] = {
    "function": (4, replace(RECORD, function=0x0115), b"\x01\x15"),
    "dns_name": (2, replace(RECORD, dns_name=b""), b"\0"),
    "subject": (3, replace(RECORD, subject=b"CN=x"), b"CN=x\0"),
    "issuer": (5, replace(RECORD, issuer=b"CN=somebody else"), b"CN=somebody else\0"),
    "serial": (6, replace(RECORD, serial=b"\x80" * 16), b"\x80" * 16),
    "public_key": (7, replace(RECORD, public_key=bytes(270)), bytes(270)),
    "signature": (8, replace(RECORD, signature=bytes(256)), bytes(256)),
    "certificate": (9, replace(RECORD, certificate=b""), b""),
    "ip_address": (10, replace(RECORD, ip_address=bytes(16)), bytes(16)),
    "certificate_hash": (11, replace(RECORD, certificate_hash=bytes(64)), bytes(64)),
    "hash_digest": (12, replace(RECORD, hash_digest=3), b"\x03"),
    "unknown": (77, replace(RECORD, unknown=(b"12",)), b"12"),
}


def patched(octets: bytes, tlvs: list[TLV], tag: int, value: bytes) -> bytearray:
    """Put another value into a TLV and correct the lengths of the containers around it."""
    target = next(tlv for tlv in tlvs if tlv.tag == tag)
    end = target.value_at + target.size
    result = bytearray(octets[: target.value_at] + value + octets[end:])
    result[target.at + 1 : target.value_at] = len(value).to_bytes(2, "big")
    for tlv in tlvs:
        if tlv.tag in CONTAINERS and tlv.at < target.at < tlv.value_at + tlv.size:
            size = tlv.size + len(value) - target.size
            result[tlv.at + 1 : tlv.value_at] = size.to_bytes(2, "big")
    return result


def patched_header(tag: int, value: bytes) -> bytes:
    octets = encode_header(HEADER)
    result = patched(octets, list(header_tlvs(octets)), tag, value)
    result[8:10] = len(result).to_bytes(2, "big")
    return bytes(result)


def test_every_field_of_the_header_is_changed_below() -> None:
    assert {field.name for field in fields(Header)} == HEADER_CHANGES.keys() | {
        "signer",
        "encryption",
        "layout",
    }
    assert {field.name for field in fields(Signer)} == SIGNER_CHANGES.keys()
    assert {field.name for field in fields(Encryption)} == ENCRYPTION_CHANGES.keys()
    assert {field.name for field in fields(Record)} == RECORD_CHANGES.keys() | {"layout"}


@pytest.mark.parametrize("field", HEADER_CHANGES)
def test_one_field_of_the_header(field: str) -> None:
    tag, changed, octets = HEADER_CHANGES[field]
    assert encode_header(changed) == patched_header(tag, octets)


@pytest.mark.parametrize("field", SIGNER_CHANGES)
def test_one_field_of_the_signer(field: str) -> None:
    tag, signer, octets = SIGNER_CHANGES[field]
    assert encode_header(replace(HEADER, signer=signer)) == patched_header(tag, octets)


@pytest.mark.parametrize("field", ENCRYPTION_CHANGES)
def test_one_field_of_the_encryption(field: str) -> None:
    tag, encryption, octets = ENCRYPTION_CHANGES[field]
    assert encode_header(replace(HEADER, encryption=encryption)) == patched_header(tag, octets)


@pytest.mark.parametrize("field", RECORD_CHANGES)
def test_one_field_of_a_record(field: str) -> None:
    tag, changed, octets = RECORD_CHANGES[field]
    plain = encode_record(RECORD)
    expected = patched(plain, list(record_tlvs(plain)), tag, octets)
    expected[3:5] = len(expected).to_bytes(2, "big")
    assert encode_record(changed) == bytes(expected)
    assert decode_records_untrusted(bytes(expected), 0) == (changed,)


def test_one_more_octet_of_padding() -> None:
    plain = encode_header(HEADER)
    longer = replace(HEADER, layout=(*HEADER.layout, (13, 0)))
    size = (len(plain) + 1).to_bytes(2, "big")
    assert encode_header(longer) == plain[:8] + size + plain[10:] + b"\r"
    assert longer.padding == HEADER.padding + 1


def test_two_tlvs_that_change_places() -> None:
    plain = encode_header(HEADER)
    *first, second_last, last = HEADER.layout
    swapped = replace(HEADER, layout=(*first, last, second_last))
    tail = b"\x1c\x00\x02\x01\x01" + b"\x4d\x00\x0aunheard of"
    assert plain.endswith(tail)
    assert encode_header(swapped) == plain[: -len(tail)] + tail[5:] + tail[:5]


@pytest.mark.parametrize(
    ("tag", "absent"),
    [
        (14, replace(HEADER, file_name=None)),
        (15, replace(HEADER, timestamp=None)),
        (28, replace(HEADER, signer_version=None)),
    ],
)
def test_a_field_that_is_absent_has_no_octets(tag: int, absent: Header) -> None:
    plain = encode_header(HEADER)
    tlv = next(tlv for tlv in header_tlvs(plain) if tlv.tag == tag)
    rest = plain[: tlv.at] + plain[tlv.value_at + tlv.size :]
    layout = tuple(entry for entry in HEADER.layout if entry[0] != tag)
    written = encode_header(replace(absent, layout=layout))
    assert written == rest[:8] + len(rest).to_bytes(2, "big") + rest[10:]
