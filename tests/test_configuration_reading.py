"""What is read of a configuration: every field, its default, and the order of servers."""

from dataclasses import replace

import pytest
from trust_lists import vector

from secd.configuration import (
    CallManager,
    Configuration,
    Server,
    parse_configuration_untrusted,
)
from secd.errors import MalformedFile

NOTHING = Configuration(
    full=True,
    protocol="",
    device_security_mode=1,
    call_managers=(),
    tvs_servers=(),
    capf_servers=(),
    capf_auth_mode=0,
    certificate_hash="",
    encrypted=False,
    load_information="",
)


def read(inside: str, root: str = "device") -> Configuration:
    return parse_configuration_untrusted(f"<{root}>{inside}</{root}>".encode())


def test_the_configuration_inside_the_vectors() -> None:
    assert parse_configuration_untrusted(vector("SEP0011215A1AE3.cnf.xml")) == Configuration(
        full=True,
        protocol="SCCP",
        device_security_mode=3,
        call_managers=(CallManager("127.0.0.1", 2000, 5060, 5061),),
        tvs_servers=(Server("127.0.0.1", 2445),),
        capf_servers=(Server("127.0.0.1", 3804),),
        capf_auth_mode=2,
        certificate_hash="",
        encrypted=False,
        load_information="SCCP41.8-5-2S",
    )


def test_an_empty_configuration_is_all_defaults() -> None:
    assert read("") == NOTHING
    assert read("<other><deviceSecurityMode>3</deviceSecurityMode></other>") == NOTHING
    assert read("", root="Default") == NOTHING


FIELDS = [
    ("<fullConfig>false</fullConfig>", replace(NOTHING, full=False)),
    ("<fullConfig>FALSE</fullConfig>", replace(NOTHING, full=False)),
    ("<fullConfig>true</fullConfig>", NOTHING),
    ("<deviceProtocol>SIP</deviceProtocol>", replace(NOTHING, protocol="SIP")),
    (
        "<deviceSecurityMode>2</deviceSecurityMode>",
        replace(NOTHING, device_security_mode=2),
    ),
    ("<capfAuthMode>4</capfAuthMode>", replace(NOTHING, capf_auth_mode=4)),
    ("<certHash>0A1B</certHash>", replace(NOTHING, certificate_hash="0a1b")),
    ("<encrConfig>true</encrConfig>", replace(NOTHING, encrypted=True)),
    ("<encrConfig>True</encrConfig>", replace(NOTHING, encrypted=True)),
    ("<encrConfig>1</encrConfig>", NOTHING),
    (
        "<loadInformation model='7961'>SCCP41.9-3-1SR4-1S</loadInformation>",
        replace(NOTHING, load_information="SCCP41.9-3-1SR4-1S"),
    ),
    (
        "<loadInformation><![CDATA[a&b]]></loadInformation>",
        replace(NOTHING, load_information="a&b"),
    ),
    ("<loadInformation>a&amp;&#x62;</loadInformation>", replace(NOTHING, load_information="a&b")),
]


@pytest.mark.parametrize(("inside", "expected"), FIELDS)
def test_every_field(inside: str, expected: Configuration) -> None:
    assert read(inside) == expected


BLANKS = ["<{}/>", "<{}></{}>", "<{}>  </{}>", "<{}>\n\t</{}>"]
TAGS = [
    "fullConfig",
    "deviceProtocol",
    "deviceSecurityMode",
    "capfAuthMode",
    "certHash",
    "encrConfig",
    "loadInformation",
]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("tag", TAGS)
def test_a_blank_element_is_its_default(tag: str, blank: str) -> None:
    assert read(blank.format(tag, tag)) == NOTHING


def test_blanks_around_a_value_do_not_count() -> None:
    assert read("<deviceSecurityMode>\n  3\n</deviceSecurityMode>").device_security_mode == 3
    assert read("<deviceProtocol> SIP </deviceProtocol>").protocol == "SIP"


@pytest.mark.parametrize(("mode", "secure"), [(0, False), (1, False), (2, True), (3, True)])
def test_which_modes_are_secure(mode: int, secure: bool) -> None:
    assert read(f"<deviceSecurityMode>{mode}</deviceSecurityMode>").is_secure is secure


# Servers


def manager(name: str, priority: str | None = None, ports: str = "") -> str:
    attribute = "" if priority is None else f" priority='{priority}'"
    inside = f"<ports>{ports}</ports><processNodeName>{name}</processNodeName>"
    return f"<member{attribute}><callManager>{inside}</callManager></member>"


def group(*members: str) -> str:
    return f"<callManagerGroup><members>{''.join(members)}</members></callManagerGroup>"


def managers(configuration: Configuration) -> list[str]:
    return [one.address for one in configuration.call_managers]


def in_pool(*members: str) -> list[str]:
    return managers(read(f"<devicePool>{group(*members)}</devicePool>"))


def test_call_managers_come_in_order_of_priority() -> None:
    assert in_pool(manager("c", "2"), manager("a", "0"), manager("b", "1")) == ["a", "b", "c"]
    assert in_pool(manager("j", "10"), manager("b", "2")) == ["b", "j"]


def test_members_without_priority_come_first_in_their_own_order() -> None:
    members = (manager("x", "1"), manager("a"), manager("b", ""), manager("c", " "))
    assert in_pool(*members) == ["a", "b", "c", "x"]


def test_a_phone_keeps_five() -> None:
    members = [manager(str(n), str(n)) for n in (6, 5, 4, 3, 2, 1, 0)]
    assert in_pool(*members) == ["0", "1", "2", "3", "4"]


def test_members_without_name_take_no_place() -> None:
    blanks = [manager("", str(n)) for n in range(5)]
    assert in_pool(*blanks, "<member priority='0'/>", manager("a", "5")) == ["a"]


def test_the_group_of_the_default_configuration_stands_below_its_root() -> None:
    """As CUCM serves XMLDefault.cnf.xml."""
    inside = group(manager("a"))
    assert managers(read(inside, root="Default")) == ["a"]
    assert managers(read(inside)) == []
    assert managers(read(f"<devicePool>{inside}</devicePool>", root="Default")) == []


def test_ports() -> None:
    ports = "<sipPort>1</sipPort><ethernetPhonePort>2</ethernetPhonePort>"
    one = manager("a", "0", ports + "<securedSipPort>3</securedSipPort>")
    (found,) = read(f"<devicePool>{group(one)}</devicePool>").call_managers
    assert found == CallManager("a", sccp_port=2, sip_port=1, secure_sip_port=3)
    (found,) = read(f"<devicePool>{group(manager('a'))}</devicePool>").call_managers
    assert found == CallManager("a", 2000, 5060, 5061)


def test_tvs_servers() -> None:
    members = "".join(
        f"<member priority='{n}'><port>{port}</port><address>{name}</address></member>"
        for n, port, name in [(1, 9, "b"), (0, "", "a"), (2, 1, ""), (3, 1, "d")]
    )
    found = read(f"<TVS><members>{members}</members></TVS>").tvs_servers
    assert found == (Server("a", 2445), Server("b", 9), Server("d", 1))


def test_capf_servers_come_in_their_own_order() -> None:
    def capf(name: str, port: str = "") -> str:
        inside = f"<phonePort>{port}</phonePort><processNodeName>{name}</processNodeName>"
        return f"<capf>{inside}</capf>"

    several = capf("") * 5 + capf("b", "1") + "".join(capf(str(n)) for n in range(9))
    found = read(f"<capfList>{several}</capfList>").capf_servers
    assert found == (Server("b", 1), *(Server(str(n), 3804) for n in range(4)))


# Numbers that are none

NUMBERS = [
    "<deviceSecurityMode>{}</deviceSecurityMode>",
    "<capfAuthMode>{}</capfAuthMode>",
    "<capfList><capf><processNodeName>a</processNodeName><phonePort>{}</phonePort></capf></capfList>",
    "<TVS><members><member><address>a</address><port>{}</port></member></members></TVS>",
    "<TVS><members><member priority='{}'><address>a</address></member></members></TVS>",
    "<devicePool>" + group(manager("a", "0", "<sipPort>{}</sipPort>")) + "</devicePool>",
    "<devicePool>" + group(manager("a", "{}")) + "</devicePool>",
]


@pytest.mark.parametrize("place", NUMBERS)
@pytest.mark.parametrize("number", ["x", "-1", "+1", "1.0", "0x1", "1 2", "٣", "²", "9" * 7])
def test_a_number_that_is_none_is_refused(place: str, number: str) -> None:
    with pytest.raises(MalformedFile, match=r"is .*not a number"):
        read(place.format(number))


@pytest.mark.parametrize("place", NUMBERS)
@pytest.mark.parametrize("number", ["0", "00", "999999"])
def test_a_number_that_is_one(place: str, number: str) -> None:
    read(place.format(number))


def test_a_long_value_is_not_quoted_at_length() -> None:
    with pytest.raises(MalformedFile) as caught:
        read("<deviceSecurityMode>" + "x" * 10_000 + "</deviceSecurityMode>")
    assert len(str(caught.value)) < 100
