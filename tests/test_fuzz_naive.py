"""The codecs against the naive decoder: the same verdict and the same values, whatever arrives."""

import ast
import inspect
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzz import model, model_doubts, model_peers, model_phone, model_reading, naive
from fuzz.agreement import assert_agreed, read_naively, read_signed_file
from fuzz.strategies import any_file, examples
from fuzz.strategies_lists import signed_files, signed_lists
from fuzz.strategies_mutations import mutated, vectors
from fuzz.strategies_parts import Part, broken, header_parts, write_header
from fuzz.strategies_values import headers
from secd.envelope import encode_header

SECOND_OPINIONS = ("fuzz.naive", "fuzz.model", "fuzz.model_doubts", "fuzz.model_reading")
LAW = settings(max_examples=examples(40))
made = st.one_of(signed_lists(), signed_files(), signed_files(encrypted=True))


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
        assert read_signed_file(octets) is not None
        assert read_naively(octets) is not None
        assert_agreed(octets)


@pytest.mark.parametrize(
    "module", [naive, model, model_doubts, model_peers, model_reading, model_phone]
)
def test_the_second_opinions_share_no_code_with_the_first(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert not [name for name in imported if name.split(".")[0] in ("secd", "firmware_sim")]
    assert all(name in SECOND_OPINIONS for name in imported if name.startswith("fuzz"))
