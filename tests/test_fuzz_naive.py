"""The codecs against the naive decoder: the same verdict and the same values, whatever arrives."""

import ast
import inspect
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzz import model, model_phone, model_reading, naive
from fuzz.naive import Bad, NaiveFile, NaiveRecord, read_file, read_list
from fuzz.strategies import any_file, examples
from fuzz.strategies_lists import signed_files, signed_lists
from fuzz.strategies_mutations import mutated, vectors
from fuzz.strategies_parts import Part, broken, header_parts, write_header
from fuzz.strategies_values import headers
from secd.envelope import Header, SignedFile, decode_signed_file_untrusted, encode_header
from secd.envelope.encryption import encryption_values
from secd.errors import MalformedFile
from secd.trustlist import Record, TrustList, decode_trust_list_untrusted

SECOND_OPINIONS = ("fuzz.naive", "fuzz.model", "fuzz.model_reading")
LAW = settings(max_examples=examples(40))
made = st.one_of(signed_lists(), signed_files(), signed_files(encrypted=True))


def assert_agreed(octets: bytes) -> None:
    """Both decoders read the file, and alike, or both refuse it; so with it as a list."""
    file, naive = _read(octets), _read_naively(octets)
    assert (file is None) == (naive is None)
    if file is not None and naive is not None:
        _assert_same_file(file, naive)
    trust_list, naive_list = _read_list(octets), _read_list_naively(octets)
    assert (trust_list is None) == (naive_list is None)
    if trust_list is not None and naive_list is not None:
        _assert_same_file(trust_list.file, naive_list[0])
        assert [_plain(record) for record in trust_list.records] == [
            (naive.values, naive.unknown, naive.order) for naive in naive_list[1]
        ]


@LAW
@given(made)
def test_made_files_are_read_alike(octets: bytes) -> None:
    assert_agreed(octets)


@LAW
@given(mutated(made))
def test_mutated_files_are_read_alike(octets: bytes) -> None:
    assert_agreed(octets)


@LAW
@given(mutated(st.sampled_from(vectors())))
@example(vectors()[0])
def test_mutated_vectors_are_read_alike(octets: bytes) -> None:
    assert_agreed(octets)


@LAW
@given(headers().flatmap(lambda header: broken(header_parts(encode_header(header)))))
def test_headers_with_one_field_broken_are_read_alike(parts: list[Part]) -> None:
    assert_agreed(write_header(parts))


@LAW
@given(any_file, any_file, st.integers(0, 600))
def test_two_files_in_one_are_read_alike(first: bytes, second: bytes, at: int) -> None:
    assert_agreed(first[:at] + second)


def test_all_vectors_are_read_by_both() -> None:
    for octets in vectors():
        assert _read(octets) is not None
        assert _read_naively(octets) is not None
        assert_agreed(octets)


def _read(octets: bytes) -> SignedFile | None:
    try:
        return decode_signed_file_untrusted(octets)
    except MalformedFile:
        return None


def _read_list(octets: bytes) -> TrustList | None:
    try:
        return decode_trust_list_untrusted(octets)
    except MalformedFile:
        return None


def _read_naively(octets: bytes) -> NaiveFile | None:
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


@pytest.mark.parametrize("module", [naive, model, model_reading, model_phone])
def test_the_second_opinions_share_no_code_with_the_first(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert not [name for name in imported if name.split(".")[0] in ("secd", "firmware_sim")]
    assert all(name in SECOND_OPINIONS for name in imported if name.startswith("fuzz"))
