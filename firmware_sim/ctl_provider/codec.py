"""Messages of CTL Client and CTL Provider as frames, and back.

    kind  request           elements
    0x01  Login             USER, PASSWORD
    0x02  GetCertificates
    0x03  GetCTL
    0x04  SetMode           MODE
    0x05  SaveCTL           TRANSACTION, BASE, CTL
    0x06  Commit            TRANSACTION

    kind  answer            elements
    0x81  LoggedIn
    0x82  Certificates      NAME, ADDRESS, RELEASE, MODE, CALLMANAGER;
                            of the publisher also CAPF, ITL_RECOVERY and a NODE for each node
    0x83  HeldCTL           CTL, where there is one
    0x84  ModeNoted
    0x85  CTLStaged
    0x86  Committed
    0xFF  Refused           REASON, TEXT

    tag  element       value
      1  USER          text, 1 to 128 octets of UTF-8
      2  PASSWORD      the same
      3  NAME          a node's name as configured, 1 to 63 letters, digits, dots and hyphens
      4  ADDRESS       its IP address, 4 or 16 octets
      5  RELEASE       of CUCM, text: 10.5(2)
      6  MODE          0 non-secure, 1 mixed
      7  CALLMANAGER   certificate, DER, at most 8192 octets
      8  CAPF          the same
      9  ITL_RECOVERY  the same
     10  NODE          SHA-256 of the certificate that this node's provider shows (32), then NAME
     11  CTL           a CTL file, at most 65,536 octets
     12  TRANSACTION   16 octets chosen by the client, the same for every node
     13  BASE          SHA-256 of the CTL that this one replaces (32); empty: there was none
     14  REASON        see `RefusalReason`
     15  TEXT          why, for people: 1 to 400 octets of UTF-8

A message with an element that is not its own, one twice (but NODE) or one missing is a violation:
there is one version, and both ends are ours. Whether a certificate is one is not decided here.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Final

from firmware_sim.ctl_provider.messages import (
    CTL_LIMIT_BYTES,
    FINGERPRINT_BYTES,
    NODE_LIMIT,
    TRANSACTION_BYTES,
    Answer,
    Certificates,
    ClusterNode,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    ModeNoted,
    PublisherFacts,
    RefusalReason,
    Refused,
    Request,
    SaveCTL,
    SetMode,
)
from firmware_sim.ctl_provider.wire import Frame
from secd.errors import RemoteProtocolViolation

_CERTIFICATE_LIMIT_BYTES: Final = 8192
_NAME: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_SECRET_LIMIT_BYTES: Final = 128
_TEXT_LIMIT_BYTES: Final = 400


class Kind(IntEnum):
    """Kinds of messages; an answer has bit 7."""

    LOGIN = 0x01
    GET_CERTIFICATES = 0x02
    GET_CTL = 0x03
    SET_MODE = 0x04
    SAVE_CTL = 0x05
    COMMIT = 0x06
    LOGGED_IN = 0x81
    CERTIFICATES = 0x82
    HELD_CTL = 0x83
    MODE_NOTED = 0x84
    CTL_STAGED = 0x85
    COMMITTED = 0x86
    REFUSED = 0xFF


class Tag(IntEnum):
    """Elements."""

    USER = 1
    PASSWORD = 2
    NAME = 3
    ADDRESS = 4
    RELEASE = 5
    MODE = 6
    CALLMANAGER = 7
    CAPF = 8
    ITL_RECOVERY = 9
    NODE = 10
    CTL = 11
    TRANSACTION = 12
    BASE = 13
    REASON = 14
    TEXT = 15


def encode_message(message: Request | Answer) -> bytes:
    """Return the octets of a message. Raises ValueError for an address that is none."""
    kind, elements = _parts_of(message)
    return Frame(int(kind), tuple((int(tag), value) for tag, value in elements)).encode()


def _parts_of(message: Request | Answer) -> tuple[Kind, list[tuple[Tag, bytes]]]:
    match message:
        case Login(user, password):
            return Kind.LOGIN, [(Tag.USER, user.encode()), (Tag.PASSWORD, password.encode())]
        case GetCertificates():
            return Kind.GET_CERTIFICATES, []
        case GetCTL():
            return Kind.GET_CTL, []
        case SetMode(mixed):
            return Kind.SET_MODE, [(Tag.MODE, bytes([mixed]))]
        case SaveCTL(transaction, base, ctl):
            parts = [(Tag.TRANSACTION, transaction), (Tag.BASE, base), (Tag.CTL, ctl)]
            return Kind.SAVE_CTL, parts
        case Commit(transaction):
            return Kind.COMMIT, [(Tag.TRANSACTION, transaction)]
        case LoggedIn():
            return Kind.LOGGED_IN, []
        case Certificates():
            return Kind.CERTIFICATES, _certificate_parts(message)
        case HeldCTL(octets):
            return Kind.HELD_CTL, [] if octets is None else [(Tag.CTL, octets)]
        case ModeNoted():
            return Kind.MODE_NOTED, []
        case CTLStaged():
            return Kind.CTL_STAGED, []
        case Committed():
            return Kind.COMMITTED, []
        case _:
            shown = message.text.encode()[:_TEXT_LIMIT_BYTES].decode(errors="ignore").encode()
            return Kind.REFUSED, [(Tag.REASON, bytes([message.reason])), (Tag.TEXT, shown)]


def _certificate_parts(told: Certificates) -> list[tuple[Tag, bytes]]:
    parts = [
        (Tag.NAME, told.name.encode()),
        (Tag.ADDRESS, ipaddress.ip_address(told.address).packed),
        (Tag.RELEASE, told.release.encode()),
        (Tag.MODE, bytes([told.mixed_mode])),
        (Tag.CALLMANAGER, told.callmanager),
    ]
    if told.publisher is not None:
        facts = told.publisher
        parts += [(Tag.CAPF, facts.capf), (Tag.ITL_RECOVERY, facts.itl_recovery)]
        parts += [(Tag.NODE, node.fingerprint + node.name.encode()) for node in facts.nodes]
    return parts


def decode_request_untrusted(frame: Frame) -> Request:
    """Read a request. Raises RemoteProtocolViolation."""
    read = _REQUESTS.get(frame.kind)
    if read is None:
        raise RemoteProtocolViolation(f"kind {frame.kind:#04x} is no request", 2)
    elements = _Elements(frame)
    message = read(elements)
    elements.finish()
    return message


def decode_answer_untrusted(frame: Frame) -> Answer:
    """Read an answer. Raises RemoteProtocolViolation."""
    read = _ANSWERS.get(frame.kind)
    if read is None:
        raise RemoteProtocolViolation(f"kind {frame.kind:#04x} is no answer", 2)
    elements = _Elements(frame)
    message = read(elements)
    elements.finish()
    return message


class _Elements:
    """The elements of a frame, taken one after the other by their tags; each rule in one place."""

    def __init__(self, frame: Frame) -> None:
        self._left = list(frame.elements)
        self._kind = frame.kind

    def many(self, tag: Tag) -> list[bytes]:
        """Take all elements of a tag."""
        taken = [value for number, value in self._left if number == tag]
        self._left = [(number, value) for number, value in self._left if number != tag]
        return taken

    def maybe(self, tag: Tag) -> bytes | None:
        """Take the element of a tag, if there is one."""
        taken = self.many(tag)
        if len(taken) > 1:
            raise RemoteProtocolViolation(f"{tag.name} stands twice in a message")
        return taken[0] if taken else None

    def octets(self, tag: Tag, least: int, most: int) -> bytes:
        """Take an element of `least` to `most` octets."""
        value = self.maybe(tag)
        if value is None:
            raise RemoteProtocolViolation(f"kind {self._kind:#04x} lacks {tag.name}")
        return _sized(tag, value, least, most)

    def text(self, tag: Tag, most: int) -> str:
        """Take a text of 1 to `most` octets."""
        value = self.octets(tag, 1, most)
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise RemoteProtocolViolation(f"{tag.name} is no text in UTF-8") from None

    def certificate(self, tag: Tag) -> bytes:
        """Take what should be a certificate."""
        return self.octets(tag, 1, _CERTIFICATE_LIMIT_BYTES)

    def truth(self, tag: Tag) -> bool:
        """Take 0 or 1."""
        value = self.octets(tag, 1, 1)[0]
        if value > 1:
            raise RemoteProtocolViolation(f"{tag.name} is {value}, not 0 or 1")
        return bool(value)

    def finish(self) -> None:
        """Refuse what was not taken."""
        if self._left:
            tag = self._left[0][0]
            raise RemoteProtocolViolation(f"kind {self._kind:#04x} has no element {tag}")


def _sized(tag: Tag, value: bytes, least: int, most: int) -> bytes:
    if not least <= len(value) <= most:
        rule = f"{tag.name} has {len(value)} octets, not {least} to {most}"
        raise RemoteProtocolViolation(rule)
    return value


def _name_untrusted(octets: bytes) -> str:
    if _NAME.fullmatch(octets) is None:
        raise RemoteProtocolViolation("a node's name is letters, digits, dots and hyphens")
    return octets.decode("ascii")


def _login(elements: _Elements) -> Login:
    user = elements.text(Tag.USER, _SECRET_LIMIT_BYTES)
    return Login(user, elements.text(Tag.PASSWORD, _SECRET_LIMIT_BYTES))


def _transaction(elements: _Elements) -> bytes:
    return elements.octets(Tag.TRANSACTION, TRANSACTION_BYTES, TRANSACTION_BYTES)


def _save_ctl(elements: _Elements) -> SaveCTL:
    base = elements.octets(Tag.BASE, 0, FINGERPRINT_BYTES)
    if len(base) not in (0, FINGERPRINT_BYTES):
        raise RemoteProtocolViolation(f"BASE has {len(base)} octets, not 0 or {FINGERPRINT_BYTES}")
    return SaveCTL(_transaction(elements), base, elements.octets(Tag.CTL, 1, CTL_LIMIT_BYTES))


def _certificates(elements: _Elements) -> Certificates:
    name = _name_untrusted(elements.octets(Tag.NAME, 1, 63))
    address = elements.octets(Tag.ADDRESS, 4, 16)
    if len(address) not in (4, 16):
        raise RemoteProtocolViolation(f"ADDRESS has {len(address)} octets, not 4 or 16")
    return Certificates(
        name,
        str(ipaddress.ip_address(address)),
        elements.text(Tag.RELEASE, 16),
        elements.truth(Tag.MODE),
        elements.certificate(Tag.CALLMANAGER),
        _publisher_facts(elements),
    )


def _publisher_facts(elements: _Elements) -> PublisherFacts | None:
    nodes = tuple(_cluster_node(value) for value in elements.many(Tag.NODE))
    if not nodes:
        return None
    if len(nodes) > NODE_LIMIT or len({node.name for node in nodes}) < len(nodes):
        raise RemoteProtocolViolation(
            f"a cluster has at most {NODE_LIMIT} nodes, each with a name of its own"
        )
    return PublisherFacts(
        elements.certificate(Tag.CAPF), elements.certificate(Tag.ITL_RECOVERY), nodes
    )


def _cluster_node(value: bytes) -> ClusterNode:
    _sized(Tag.NODE, value, FINGERPRINT_BYTES + 1, FINGERPRINT_BYTES + 63)
    return ClusterNode(_name_untrusted(value[FINGERPRINT_BYTES:]), value[:FINGERPRINT_BYTES])


def _held_ctl(elements: _Elements) -> HeldCTL:
    octets = elements.maybe(Tag.CTL)
    return HeldCTL(None if octets is None else _sized(Tag.CTL, octets, 1, CTL_LIMIT_BYTES))


def _refused(elements: _Elements) -> Refused:
    number = elements.octets(Tag.REASON, 1, 1)[0]
    try:
        reason = RefusalReason(number)
    except ValueError:
        raise RemoteProtocolViolation(f"{number} is no reason of a refusal") from None
    return Refused(reason, elements.text(Tag.TEXT, _TEXT_LIMIT_BYTES))


_REQUESTS: Final[Mapping[int, Callable[[_Elements], Request]]] = {
    Kind.LOGIN: _login,
    Kind.GET_CERTIFICATES: lambda _: GetCertificates(),
    Kind.GET_CTL: lambda _: GetCTL(),
    Kind.SET_MODE: lambda elements: SetMode(elements.truth(Tag.MODE)),
    Kind.SAVE_CTL: _save_ctl,
    Kind.COMMIT: lambda elements: Commit(_transaction(elements)),
}
_ANSWERS: Final[Mapping[int, Callable[[_Elements], Answer]]] = {
    Kind.LOGGED_IN: lambda _: LoggedIn(),
    Kind.CERTIFICATES: _certificates,
    Kind.HELD_CTL: _held_ctl,
    Kind.MODE_NOTED: lambda _: ModeNoted(),
    Kind.CTL_STAGED: lambda _: CTLStaged(),
    Kind.COMMITTED: lambda _: Committed(),
    Kind.REFUSED: _refused,
}
