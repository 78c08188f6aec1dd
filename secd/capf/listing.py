"""A CAPF message as people read it: the decode block of CUCM's traces, element by element.

The first four lines are those that CUCM prints for TVS (Cisco 213407), whose printer shares its
labels with CAPF: ReasonInfo, Version and PublicKey are its words. The other labels, and what stands
behind the colon, are ours. An authentication string is never shown.
"""

from dataclasses import dataclass

from secd.capf.elements import decode_sudi_untrusted, unwrap_certificate_untrusted
from secd.capf.keys import kind_of_untrusted
from secd.capf.message import Message
from secd.capf.names import CertificateType, MessageType, Reason, Tag
from secd.certs import facts_of_untrusted
from secd.errors import MalformedFile, RemoteProtocolViolation
from secd.text import text_of

_ROW_BYTES = 8
_LABELS = {
    Tag.REASON: "Reason",
    Tag.REASON_INFO: "ReasonInfo",
    Tag.CERTIFICATE_TYPE: "CertificateType",
    Tag.CERTIFICATE: "Certificate",
    Tag.CERTIFICATE_ID: "CertificateId",
    Tag.SIGNED_DATA: "SignedData",
    Tag.VERSION: "Version",
    Tag.AUTH_TYPE: "AuthType",
    Tag.PUBLIC_KEY: "PublicKey",
    Tag.KEY_SIZE: "KeySize",
    Tag.PASSWORD: "Password",
    Tag.RETRY_DELAY: "RetryDelay",
    Tag.DEVICE_NAME: "DeviceName",
    Tag.SUDI_DATA: "SudiData",
    Tag.KEY_TYPE: "KeyType",
    Tag.CURVE: "Curve",
    Tag.DIGEST_TYPE: "DigestType",
    Tag.SHA2_SIGNED_DATA: "Sha2SignedData",
}
# What the numbers in an element mean. Any other number stands alone.
_MEANINGS: dict[int, dict[int, str]] = {
    Tag.REASON: {
        Reason.NO_ACTION: "no action",
        Reason.SUCCESS: "success",
        Reason.INVALID: "invalid element",
        Reason.UNKNOWN_DEVICE: "unknown device",
    },
    Tag.CERTIFICATE_TYPE: {CertificateType.LSC: "LSC", CertificateType.MIC: "MIC"},
    Tag.VERSION: {},
    Tag.AUTH_TYPE: {
        0: "none",
        1: "authentication string",
        2: "null string",
        3: "existing certificate, LSC first",
        4: "existing certificate, MIC first",
    },
    Tag.KEY_SIZE: {},
    Tag.KEY_TYPE: {0: "RSA", 1: "EC"},
    Tag.CURVE: {0: "P-256", 1: "P-384", 2: "P-521"},
    Tag.DIGEST_TYPE: {},
}


@dataclass(frozen=True, slots=True)
class ShownElement:
    """An element, read. text -- what it says, empty where nobody knows how to read it.

    octets -- of its value, None for an authentication string.
    """

    tag: int
    label: str
    text: str
    octets: bytes | None


def message_name(kind: int) -> str:
    """Return the name of a message type, without CAPF_MSG_, or its number."""
    return MessageType(kind).name if kind in set(MessageType) else str(kind)


def show_elements(message: Message) -> list[ShownElement]:
    """Read the elements of a message, in its order. Octets that make no sense are no error."""
    return [_shown(tag, value) for tag, value in message.elements]


def show_message(message: Message) -> list[str]:
    """Return the decode block of a message; what nobody can read stands there as octets."""
    lines = [
        "Protocol Discriminator: 55",
        f"MsgType : CAPF_MSG_{message_name(message.kind)}",
        f"Session Id : {message.session_id}",
        f"Length : {sum(3 + len(value) for _, value in message.elements)}",
    ]
    for element in show_elements(message):
        if element.text:
            lines.append(f"{element.label} : {element.text}")
        else:
            lines += [f"{element.label} :", *_dump(element.octets or b"")]
    return lines


def _shown(tag: int, value: bytes) -> ShownElement:
    label = _LABELS[Tag(tag)] if tag in _LABELS else f"Element {tag}"
    if tag == Tag.PASSWORD:
        given = value.strip(b"\0")
        return ShownElement(tag, label, "(not shown)" if given else "(none)", None)
    return ShownElement(tag, label, _text(tag, value), value)


def _text(tag: int, value: bytes) -> str:
    """Return what an element says; empty: nobody knows."""
    if tag in _MEANINGS:
        number = int.from_bytes(value, "big")
        meaning = _MEANINGS[tag].get(number)
        return str(number) if meaning is None else f"{number} ({meaning})"
    try:
        match tag:
            case Tag.DEVICE_NAME | Tag.REASON_INFO:
                return text_of(value.removesuffix(b"\0"))
            case Tag.CERTIFICATE:
                return _certificate_text(unwrap_certificate_untrusted(value))
            case Tag.SUDI_DATA:
                return _certificate_text(decode_sudi_untrusted(value).certificate)
            case Tag.PUBLIC_KEY:
                return str(kind_of_untrusted(value))
            case Tag.SIGNED_DATA | Tag.SHA2_SIGNED_DATA:
                return f"{len(value)} octets"
    except (RemoteProtocolViolation, MalformedFile):
        pass  # its octets are shown
    return ""


def _certificate_text(der: bytes) -> str:
    facts = facts_of_untrusted(der)
    subject, issuer = text_of(facts.subject.encode()), text_of(facts.issuer.encode())
    return f"{subject}, serial {facts.serial.hex().upper()}, issued by {issuer}"


def _dump(octets: bytes) -> list[str]:
    rows = [octets[at : at + _ROW_BYTES] for at in range(0, len(octets), _ROW_BYTES)]
    return [f"HEX_DUMP: Len = {len(octets)}:", *(row.hex(" ") for row in rows)]
