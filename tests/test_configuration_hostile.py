"""Configurations that are wrong, or made to do harm: MalformedFile with the line, nothing else."""

import codecs
import encodings
import pkgutil
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_lists import vector

from secd.configuration import Configuration, parse_configuration_untrusted
from secd.errors import MalformedFile

GOOD = vector("SEP0011215A1AE3.cnf.xml")


def refused(octets: bytes) -> str:
    """Parse, and return why it was refused."""
    with pytest.raises(MalformedFile) as caught:
        parse_configuration_untrusted(octets)
    return str(caught.value)


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (b"", 1),
        (b"\n\n", 3),
        (b"text", 1),
        (b"<device>", 1),
        (b"<device>\n<a>\n</b>\n</device>", 3),
        (b"<device>\n\n&nbsp;</device>", 3),  # an entity that no DTD declares
        (b"<device>\n<a b='1' b='2'/></device>", 2),
        (b"<device>\n<a>R&D</a>\n</device>", 2),  # seen in published files
        (b"<device/>\n<device/>", 2),
        (b"<device/>\ntail", 2),
        (b"\n<?xml version='1.0'?><device/>", 2),
        (b"<device>\n\0</device>", 2),
    ],
)
def test_what_is_not_well_formed_says_in_which_line(octets: bytes, line: int) -> None:
    assert refused(octets).startswith(f"line {line}: ")


@pytest.mark.parametrize("root", ["phone", "Device", "default", "x:device"])
def test_another_root(root: str) -> None:
    assert refused(f"<{root}/>".encode()) == f"the root element is <{root}>, not <device>"


def test_a_long_root_is_not_quoted_at_length() -> None:
    assert len(refused(b"<" + b"x" * 10_000 + b"/>")) < 100


# Document types

BILLION = b"""<?xml version="1.0"?>
<!DOCTYPE device [
  <!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
  <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">
]>
<device><loadInformation>&d;</loadInformation></device>"""


@pytest.mark.parametrize(
    "octets",
    [
        BILLION,
        b"\n<!DOCTYPE device><device/>",
        b"\n<!DOCTYPE device SYSTEM 'http://192.0.2.1/x.dtd'><device/>",
        b"\n<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><device>&x;</device>",
        b"\n<!DOCTYPE d [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><device/>",
    ],
)
def test_a_document_type_is_refused(octets: bytes) -> None:
    assert refused(octets) == "line 2: a document type is not allowed"


# Size


def test_deep_nesting() -> None:
    def nested(depth: int) -> bytes:
        return b"<device>" + b"<a>" * (depth - 1) + b"</a>" * (depth - 1) + b"</device>"

    parse_configuration_untrusted(nested(64))
    assert refused(nested(65)) == "line 1: too many elements, or too deep"
    assert refused(b"<device>" + b"<a>" * 1_000_000).startswith("line 1: too many")


def test_very_many_elements() -> None:
    def wide(elements: int) -> bytes:
        return b"<device>" + b"<a/>" * (elements - 1) + b"</device>"

    parse_configuration_untrusted(wide(50_000))
    assert refused(wide(50_001)) == "line 1: too many elements, or too deep"


def test_a_long_text_is_read() -> None:
    octets = b"<device><loadInformation>" + b"x" * 1_000_000 + b"</loadInformation></device>"
    assert len(parse_configuration_untrusted(octets).load_information) == 1_000_000


# Encodings


def load(octets: bytes) -> str:
    return parse_configuration_untrusted(octets).load_information


def text(encoding: str | None, value: str = "Zürich") -> str:
    declared = "" if encoding is None else f'<?xml version="1.0" encoding="{encoding}"?>'
    return f"{declared}<device><loadInformation>{value}</loadInformation></device>"


@pytest.mark.parametrize("encoding", [None, "UTF-8", "utf-8"])
def test_utf_8(encoding: str | None) -> None:
    assert load(text(encoding).encode()) == "Zürich"
    assert load(codecs.BOM_UTF8 + text(encoding).encode()) == "Zürich"


@pytest.mark.parametrize("encoding", [None, "UTF-16", "utf-16"])
def test_utf_16(encoding: str | None) -> None:
    octets = text(encoding, "Zürich 電話 🕿")
    assert load(codecs.BOM_UTF16_LE + octets.encode("utf-16-le")) == "Zürich 電話 🕿"
    assert load(codecs.BOM_UTF16_BE + octets.encode("utf-16-be")) == "Zürich 電話 🕿"


def test_latin_1() -> None:
    assert load(text("ISO-8859-1").encode("latin-1")) == "Zürich"
    assert load(text("US-ASCII", "x").encode("ascii")) == "x"


def test_what_is_not_the_declared_encoding() -> None:
    for encoding in (None, "UTF-8", "US-ASCII"):
        assert refused(text(encoding).encode("latin-1")).startswith("line 1: ")
    assert refused(text("UTF-16").encode()).startswith("line 1: ")
    assert refused(text("UTF-8").encode("utf-16")).startswith("line 1: ")
    assert refused(text(None).encode("utf-32")).startswith("line 1: ")


OF_EXPAT = {"utf_8", "utf_16"}
PYTHONS = sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)} - OF_EXPAT)


@pytest.mark.parametrize("encoding", [*PYTHONS, "no-such", "windows-1252", "UTF-7", "EBCDIC"])
def test_codecs_of_python_are_not_asked(encoding: str) -> None:
    """Some of them warn, expand or run code; a warning fails this test."""
    name = encoding.replace("_", "-")
    octets = text(name, "x").encode("ascii")
    assert refused(octets) == f"line 1: the encoding {name!r} is not known"


# Anything


def only_refuses(octets: bytes) -> None:
    with suppress(MalformedFile):
        assert isinstance(parse_configuration_untrusted(octets), Configuration)


@given(st.binary())
def test_arbitrary_octets(octets: bytes) -> None:
    only_refuses(octets)


@given(st.text(alphabet="<>/&;!?[]='\" \ndeviceDOCTYPExml#%-", max_size=60))
def test_what_looks_like_xml(octets: str) -> None:
    only_refuses(octets.encode())


ENCODED = [
    GOOD,
    GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    GOOD.decode().replace("UTF-8", "ISO-8859-1").encode("latin-1"),
]


@settings(max_examples=400)
@given(st.data())
def test_damaged_configurations(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(ENCODED)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(octets) - 1))
        replacement = data.draw(st.binary(max_size=4))
        octets[place : place + data.draw(st.integers(0, 4))] = replacement
    only_refuses(bytes(octets))


def test_every_cut_of_a_configuration_is_refused() -> None:
    whole = GOOD.rstrip()
    for end in range(len(whole)):
        refused(whole[:end])
