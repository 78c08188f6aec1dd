"""Octets of others become text that can do no harm where it is printed."""

from hypothesis import given
from hypothesis import strategies as st

from secd.text import ascii_of, text_of


@given(st.binary())
def test_no_name_can_break_a_line(name: bytes) -> None:
    text = text_of(name)
    assert text.isprintable()
    assert text_of(text.encode()) == text


def test_an_ordinary_name_is_itself() -> None:
    name = "CN=Zürich;OU=電話"
    assert text_of(name.encode()) == name


@given(st.binary())
def test_ascii_is_one_line_of_ascii(octets: bytes) -> None:
    text = ascii_of(octets)
    assert text.isascii()
    assert text.isprintable()


def test_what_is_not_ascii_is_escaped() -> None:
    assert ascii_of(b"File not found\r\x1b\xe9") == r"File not found\x0d\x1b\xe9"
