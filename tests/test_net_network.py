"""The address book: logical addresses to actual ones, and what people type for it."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secd.errors import UnusableInput
from secd.net.network import Address, AddressBook, Unreachable, parse_mapping_untrusted

MAPPINGS: dict[str, tuple[Address, Address]] = {
    "14.48.44.80=127.0.0.1:54321": (("14.48.44.80", 69), ("127.0.0.1", 54321)),
    "14.48.44.80:6970=127.0.0.1:54321": (("14.48.44.80", 6970), ("127.0.0.1", 54321)),
    "14.48.44.80:2445=127.0.0.1": (("14.48.44.80", 2445), ("127.0.0.1", 2445)),
    "CUCM-1051-a-pub=localhost": (("cucm-1051-a-pub", 69), ("localhost", 69)),
    "[2001:db8:0::1]:3804=[::1]:5000": (("2001:db8::1", 3804), ("::1", 5000)),
    "[2001:DB8::1]=[::1]": (("2001:db8::1", 69), ("::1", 69)),
    "2001:db8::1=::1": (("2001:db8::1", 69), ("::1", 69)),
    "a:1=b:65535": (("a", 1), ("b", 65535)),
}


@pytest.mark.parametrize(("text", "mapping"), MAPPINGS.items())
def test_mapping(text: str, mapping: tuple[Address, Address]) -> None:
    assert parse_mapping_untrusted(text) == mapping


UNUSABLE = {
    "": "not LOGICAL",
    "14.48.44.80": "not LOGICAL",
    "a=b=c": "not LOGICAL",
    "=127.0.0.1": "not HOST",
    "a=": "not HOST",
    "a:=b": "not HOST",
    "a:x=b": "not HOST",
    "a b=c": "not HOST",
    "a\n=c": "not HOST",
    "[::1=b": "not HOST",
    "a=::1]": "not an IPv6|not HOST",
    "[a]=b": "not an IPv6",
    "[::1::2]=b": "not an IPv6",
    "a:b:c=d": "not an IPv6",
    "a:0=b": "not a port",
    "a=b:65536": "not a port",
    "a=b:\u0661": "not HOST",
}


@pytest.mark.parametrize(("text", "finding"), UNUSABLE.items())
def test_what_is_no_mapping_is_said_in_one_line(text: str, finding: str) -> None:
    with pytest.raises(UnusableInput, match=finding) as caught:
        parse_mapping_untrusted(text)
    assert str(caught.value).isprintable()


@given(st.text(st.sampled_from("a1.:=[]-\0\n é")) | st.text())
def test_any_text_is_a_mapping_or_unusable(text: str) -> None:
    try:
        logical, actual = parse_mapping_untrusted(text)
    except UnusableInput:
        return
    assert 0 < logical[1] < 65536
    assert 0 < actual[1] < 65536


def test_a_book_leads_to_the_actual_address() -> None:
    book = AddressBook.from_mappings_untrusted(
        ["14.48.44.80=127.0.0.1:54321", "[2001:db8::1]=[::1]:1", "CUCM=127.0.0.1:2", "cucm=c:3"]
    )
    assert book.actual("14.48.44.80", 69) == ("127.0.0.1", 54321)
    assert book.actual("2001:0DB8::0001", 69) == ("::1", 1)
    assert book.actual("Cucm", 69) == ("c", 3)


def test_what_stands_in_no_entry_stands_for_itself() -> None:
    book = AddressBook.from_mappings_untrusted(["14.48.44.80=127.0.0.1:54321"])
    assert book.actual("14.48.44.82", 6970) == ("14.48.44.82", 6970)
    assert AddressBook().actual("CUCM", 69) == ("CUCM", 69)


def test_a_book_tells_the_address_that_leads_where_a_name_leads() -> None:
    book = AddressBook.from_mappings_untrusted(
        [
            "cucm-pub:2445=127.0.0.1:40000",
            "cucm-sub:2445=127.0.0.1:40001",
            "other:2445=127.0.0.1:40002",
            "14.48.44.80=127.0.0.1:40000",
            "14.48.44.81:2445=127.0.0.1:40001",
            "[2001:db8::1]:2445=127.0.0.1:40000",
        ]
    )
    assert book.address_of("CUCM-Pub", 2445) == "2001:db8::1"  # .80 has another port
    assert book.address_of("cucm-sub", 2445) == "14.48.44.81"
    assert book.address_of("other", 2445) is None
    assert book.address_of("cucm-pub", 69) is None


def test_unreachable_says_who_and_why() -> None:
    error = Unreachable(("192.0.2.1", 69), "nobody listens")
    assert str(error) == "192.0.2.1 port 69: nobody listens"


def test_reading_a_command_line_imports_no_trio() -> None:
    program = "import sys, secd.net.network; sys.exit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_host_that_leads_elsewhere_has_no_other_ports() -> None:
    book = AddressBook.from_mappings_untrusted(["14.48.44.80=127.0.0.1:6969"])
    with pytest.raises(Unreachable, match="no entry for port 6970 of"):
        book.actual("14.48.44.80", 6970)


def test_a_host_of_which_only_a_port_is_another_keeps_the_others() -> None:
    book = AddressBook.from_mappings_untrusted(["10.1.1.5=10.1.1.5:6969"])
    assert book.actual("10.1.1.5", 2445) == ("10.1.1.5", 2445)
