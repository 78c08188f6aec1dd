"""What a phone writes into its requests: names that stay names, and who it says it is."""

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secd.errors import UnusableInput
from secd.files.data import model_catalogue
from secd.http import Get, encode_target, user_agent
from secd.words import Transport

AGENT = "Cisco-CP7821/12.1.1"


def request(server: str = "192.168.7.200", name: str = "CTLSEPC80084AA8743.tlv") -> bytes:
    return Get(server, 6970, name, AGENT, 1000).request


def test_the_request_of_a_7821() -> None:
    assert request() == (
        b"GET /CTLSEPC80084AA8743.tlv HTTP/1.1\r\n"
        b"Host: 192.168.7.200:6970\r\n"
        b"User-Agent: Cisco-CP7821/12.1.1\r\n"
        b"Connection: close\r\n\r\n"
    )


def test_an_ipv6_server_stands_in_brackets() -> None:
    assert b"\r\nHost: [2001:db8::1]:6970\r\n" in request(server="2001:db8::1")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("New_Zealand/g3-tones.xml.sgn", "/New_Zealand/g3-tones.xml.sgn"),
        ("a b", "/a%20b"),
        ("a?b#c", "/a%3Fb%23c"),
        ("a\r\nHost: evil", "/a%0D%0AHost%3A%20evil"),
        ("100%", "/100%25"),
        ("ü", "/%C3%BC"),
        ("http://evil/x", "/http%3A//evil/x"),
    ],
)
def test_names_become_targets(name: str, target: str) -> None:
    assert encode_target(name) == target


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_name_adds_anything_to_the_request(name: str) -> None:
    plain = request(name="x").replace(b"/x ", b"")
    octets = request(name=name)
    method, target, rest = octets.split(b" ", 2)
    assert unquote(target.decode("ascii")) == f"/{name}"
    assert not set(target) & set(b"?# \t\r\n\0")
    assert b" ".join([method, rest]) == plain


@pytest.mark.parametrize("name", ["", "\udcff", "a\ud800"])
def test_names_that_no_request_can_carry(name: str) -> None:
    with pytest.raises(UnusableInput):
        request(name=name)


@pytest.mark.parametrize("server", ["a\r\nEvil: 1", "a\0", "bücher.example"])
def test_servers_that_no_request_can_name(server: str) -> None:
    with pytest.raises(UnusableInput, match="a server named"):
        request(server=server)


def test_what_a_phone_calls_itself() -> None:
    find = model_catalogue().find
    assert user_agent(find("7821", "sip78xx.12-1-1")) == AGENT  # Cisco 214535
    assert user_agent(find("8861", "sip88xx.10-3-1-20")) == "Cisco-CP8861/10.3.1"
    assert user_agent(find("8945")) == "Cisco-CP8945/9.2.3"
    with pytest.raises(UnusableInput, match="no release"):
        user_agent(replace(find("7821"), load="P00308010100"))


def test_every_phone_that_speaks_http_has_a_release() -> None:
    catalogue = model_catalogue()
    models = [catalogue.find(name) for name in catalogue.names()]
    asking = [model for model in models if Transport.HTTP in model.transports]
    assert len(asking) > 10
    assert all(user_agent(model).startswith(f"Cisco-CP{model.name}/") for model in asking)
