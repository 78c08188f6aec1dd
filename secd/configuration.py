"""The phone's configuration (`SEP<MAC>.cnf.xml`), as far as SECD is concerned (sans-I/O codec).

A CUCM file has hundreds of elements in any order; only the paths below are read, unknown ones are
the normal case. A document type is refused altogether: without one there are no entities to expand
and nothing external to fetch. Names of servers are not resolved here.

    path under <device>                                       meaning
    fullConfig                                                false in the minimal configuration
    deviceProtocol                                            SIP or SCCP
    devicePool/callManagerGroup/members/member[@priority]/callManager
        (under <Default> without devicePool)                  up to five
        processNodeName, ports/ethernetPhonePort (2000), ports/sipPort (5060),
        ports/securedSipPort (5061)
    TVS/members/member[@priority]: address, port (2445)       up to five
    capfList/capf: processNodeName, phonePort (3804)          up to five
    deviceSecurityMode                                        1 none, 2 authenticated, 3 encrypted
    capfAuthMode                                              0 to 4
    certHash, encrConfig, loadInformation, loadServer
    sipProfile/softKeyFile, sipProfile/dialTemplate, featurePolicyFile     names of further files
    userLocale/name, networkLocale                            directories of locale and tones

Sources: the public SEP<MAC>.cnf.xml reference of usecallmanager.nz and published samples.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from secd.errors import MalformedFile

_DEPTH_LIMIT = 64  # real files nest 8 deep
_ELEMENT_LIMIT = 50_000  # real files have hundreds
_NAME_LIMIT = 64  # characters; real ones have up to 50 (SK and a UUID)
AUTHENTICATION_STRING = 1  # capfAuthMode: somebody has to type a string
_SERVER_LIMIT = 5  # what a phone keeps of each kind (SEP<MAC>.cnf.xml reference)
# Those that expat knows by itself. For any other pyexpat would ask Python's codecs, which know
# "unicode_escape" and worse.
_ENCODINGS = frozenset({"UTF-8", "UTF-16", "UTF-16BE", "UTF-16LE", "ISO-8859-1", "US-ASCII"})
# XMLDefault.cnf.xml has the group right below its root (as CUCM serves it).
_GROUPS = {"device": "devicePool/callManagerGroup", "Default": "callManagerGroup"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server as configured: name or address, and port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class CallManager:
    """A member of the call manager group, by its three ports."""

    address: str
    sccp_port: int
    sip_port: int
    secure_sip_port: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """What SECD needs of a configuration; lists are in order of priority."""

    full: bool
    protocol: str
    device_security_mode: int
    call_managers: tuple[CallManager, ...]
    tvs_servers: tuple[Server, ...]
    capf_servers: tuple[Server, ...]
    capf_auth_mode: int
    certificate_hash: str
    encrypted: bool
    load_information: str
    load_server: str = ""
    soft_key_file: str = ""
    dial_template: str = ""
    feature_policy_file: str = ""
    network_locale: str = ""
    user_locale: str = ""

    @property
    def is_secure(self) -> bool:
        """True when signalling must be authenticated or encrypted (mode 2 or 3)."""
        return self.device_security_mode in (2, 3)


def parse_configuration_untrusted(octets: bytes) -> Configuration:
    """Read a configuration.

    Raises MalformedFile, with the line where the XML is not well-formed.
    """
    device = _parse_xml(octets)
    if device.tag not in _GROUPS:
        raise MalformedFile(f"the root element is <{device.tag[:40]}>, not <device>")
    return Configuration(
        full=_text(device, "fullConfig", "true").lower() != "false",
        protocol=_text(device, "deviceProtocol", ""),
        device_security_mode=_number(device, "deviceSecurityMode", 1),
        call_managers=_call_managers(device),
        tvs_servers=tuple(
            Server(_text(member, "address", ""), _number(member, "port", 2445))
            for member in _members(device, "TVS/members/member", "address")
        ),
        capf_servers=tuple(
            Server(_text(capf, "processNodeName", ""), _number(capf, "phonePort", 3804))
            for capf in _named(device, "capfList/capf", "processNodeName")[:_SERVER_LIMIT]
        ),
        capf_auth_mode=_number(device, "capfAuthMode", 0),
        certificate_hash=_text(device, "certHash", "").lower(),
        encrypted=_text(device, "encrConfig", "false").lower() == "true",
        load_information=_text(device, "loadInformation", ""),
        load_server=_text(device, "loadServer", ""),
        soft_key_file=_file_name(device, "sipProfile/softKeyFile"),
        dial_template=_file_name(device, "sipProfile/dialTemplate"),
        feature_policy_file=_file_name(device, "featurePolicyFile"),
        network_locale=_file_name(device, "networkLocale"),
        user_locale=_file_name(device, "userLocale/name"),
    )


def _call_managers(device: Element) -> tuple[CallManager, ...]:
    return tuple(
        CallManager(
            _text(member, "callManager/processNodeName", ""),
            _number(member, "callManager/ports/ethernetPhonePort", 2000),
            _number(member, "callManager/ports/sipPort", 5060),
            _number(member, "callManager/ports/securedSipPort", 5061),
        )
        for member in _members(
            device, f"{_GROUPS[device.tag]}/members/member", "callManager/processNodeName"
        )
    )


def _members(device: Element, path: str, name: str) -> list[Element]:
    """Return the members that have a name, in order of priority, as many as a phone keeps."""
    return sorted(_named(device, path, name), key=_priority)[:_SERVER_LIMIT]


def _named(device: Element, path: str, name: str) -> list[Element]:
    return [element for element in device.findall(path) if _text(element, name, "")]


def _priority(member: Element) -> int:
    text = member.get("priority", "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise MalformedFile(f"the priority {text[:20]!r} of a member is not a number")
    return int(text)


def _text(parent: Element, path: str, default: str) -> str:
    """Return an element's text; the default where it is absent or blank, as it often is."""
    found = parent.findtext(path)
    return default if found is None or not found.strip() else found.strip()


def _file_name(parent: Element, path: str) -> str:
    """Return the name of a file or directory that the phone will ask a server for."""
    name = _text(parent, path, "")
    if len(name) > _NAME_LIMIT or not (name.isascii() and name.isprintable()):
        raise MalformedFile(f"<{path}> is no name of a file: {name[:20]!r}")
    return name


def _number(parent: Element, path: str, default: int) -> int:
    text = _text(parent, path, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise MalformedFile(f"<{path}> is {text[:20]!r}, not a number")
    return int(text)


def _parse_xml(octets: bytes) -> Element:
    """Build the tree with expat itself, because its refusal of a DOCTYPE is one handler."""
    parser = expat.ParserCreate(namespace_separator=None)
    builder = TreeBuilder()
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > _DEPTH_LIMIT or elements > _ELEMENT_LIMIT:
            raise MalformedFile(f"line {parser.CurrentLineNumber}: too many elements, or too deep")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def check_encoding(_: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.upper() not in _ENCODINGS:
            raise MalformedFile(f"line 1: the encoding {encoding[:20]!r} is not known")

    def refuse_doctype(*_: object) -> None:
        raise MalformedFile(f"line {parser.CurrentLineNumber}: a document type is not allowed")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.XmlDeclHandler = check_encoding
    parser.StartDoctypeDeclHandler = refuse_doctype
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise MalformedFile(f"line {error.lineno}: {reason}") from None
    return builder.close()
