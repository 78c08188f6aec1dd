"""Configurations: known values as XML, elements in any order; and XML that is not so good."""

from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from fuzz.strategies_basic import among
from secd.configuration import CallManager, Configuration, Server

_HOST = st.text(st.sampled_from("abc.-<&é1"), min_size=1, max_size=10).filter(str.strip)
_WORD = st.text(st.sampled_from("SKab1-/. ").filter(lambda c: c != " "), max_size=10)
_PORT = st.integers(0, 999_999)
_SERVERS = st.lists(st.builds(Server, _HOST, _PORT), max_size=5).map(tuple)
_MANAGERS = st.lists(st.builds(CallManager, _HOST, _PORT, _PORT, _PORT), max_size=5).map(tuple)

configurations = st.builds(
    Configuration,
    full=st.booleans(),
    protocol=st.sampled_from(["SCCP", "SIP", ""]),
    device_security_mode=st.integers(0, 9),
    call_managers=_MANAGERS,
    tvs_servers=_SERVERS,
    capf_servers=_SERVERS,
    capf_auth_mode=st.integers(0, 5),
    certificate_hash=st.text(st.sampled_from("0123456789abcdef"), max_size=32),
    encrypted=st.booleans(),
    load_information=_WORD,
    soft_key_file=_WORD,
    dial_template=_WORD,
    feature_policy_file=_WORD,
    network_locale=_WORD,
)


_UNKNOWN = st.lists(st.sampled_from(["<x/>", "<y a='b'>text</y>", "<!-- c -->", "\n"]), max_size=3)


@st.composite
def written(draw: st.DrawFn, configuration: Configuration) -> bytes:
    """The XML of a configuration; elements, members and unknown ones in any order."""
    one = configuration
    elements = [
        _element("fullConfig", "true" if one.full else "false"),
        _element("deviceProtocol", one.protocol),
        _element("deviceSecurityMode", str(one.device_security_mode)),
        _element("capfAuthMode", str(one.capf_auth_mode)),
        _element("certHash", one.certificate_hash),
        _element("encrConfig", "true" if one.encrypted else "false"),
        _element("loadInformation", one.load_information),
        _element("featurePolicyFile", one.feature_policy_file),
        _element("networkLocale", one.network_locale),
        _wrap(
            "sipProfile",
            _element("softKeyFile", one.soft_key_file)
            + _element("dialTemplate", one.dial_template),
        ),
        _wrap("TVS", _wrap("members", draw(_shuffled(_tvs_members(one))))),
        _wrap("capfList", "".join(_capf(server) for server in one.capf_servers)),
        _wrap(
            "devicePool",
            _wrap("callManagerGroup", _wrap("members", draw(_shuffled(_manager_members(one))))),
        ),
        *draw(_UNKNOWN),
    ]
    return _wrap("device", draw(_shuffled(elements))).encode()


@st.composite
def octets(draw: st.DrawFn) -> bytes:
    """A configuration with one element or attribute spoilt, or its octets damaged."""
    text = draw(written(draw(configurations)))
    old, new = draw(among(*_SPOILT))
    text = text.replace(old, new, draw(among(1, -1)))
    cut = draw(among(None, None, None, 0, 10, -1, -9))
    return text[:cut]


_SPOILT = [
    (b"<device>", b"<Default>"),
    (b"<device>", b"<!DOCTYPE x [<!ENTITY y 'z'>]><device>"),
    (b"<device>", b"<?xml version='1.0' encoding='rot13'?><device>"),
    (b"<device>", b"<device><device>"),
    (b"</device>", b""),
    (b"<deviceSecurityMode>", b"<deviceSecurityMode>-"),
    (b"<port>", b"<port>0000000"),
    (b'priority="', b'priority="x'),
    (b"<capfAuthMode>", "<capfAuthMode>٣".encode()),
    (b"<softKeyFile>", b"<softKeyFile>" + b"a" * 70),
    (b"<dialTemplate>", b"<dialTemplate>\n&#x85;"),
    (b"<address>", b"<address>&y;"),
    (b"<x/>", b"<a>" * 70 + b"</a>" * 70),
    (b"<x/>", b"\xff\xfe"),
    (b">", b">\0"),
    (b"true", b"TRUE"),
]


def _tvs_members(configuration: Configuration) -> list[str]:
    return [
        _member(place, _element("address", server.address) + _element("port", str(server.port)))
        for place, server in enumerate(configuration.tvs_servers)
    ]


def _manager_members(configuration: Configuration) -> list[str]:
    return [
        _member(
            place,
            _wrap(
                "callManager",
                _element("processNodeName", manager.address)
                + _wrap(
                    "ports",
                    _element("ethernetPhonePort", str(manager.sccp_port))
                    + _element("sipPort", str(manager.sip_port))
                    + _element("securedSipPort", str(manager.secure_sip_port)),
                ),
            ),
        )
        for place, manager in enumerate(configuration.call_managers)
    ]


def _capf(server: Server) -> str:
    return _wrap(
        "capf",
        _element("processNodeName", server.address) + _element("phonePort", str(server.port)),
    )


def _member(priority: int, inside: str) -> str:
    return f"<member priority={quoteattr(str(priority))}>{inside}</member>"


def _shuffled(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.permutations(pieces).map("".join)


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _wrap(name: str, inside: str) -> str:
    return f"<{name}>{inside}</{name}>"
