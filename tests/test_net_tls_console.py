"""Real handshakes, and the lines that a phone of family A printed when they failed so.

Only clocks are masked; numbers, addresses and texts are the captures'.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio
from OpenSSL import SSL, crypto
from support import lab
from tls_support import OLD, accepting, doubting, identity, made, mic, refusing
from trio.testing import MockClock

from firmware_sim.net.tls import LEGACY, TLSServerSettings, serve_tls
from secd.files.data import model_catalogue
from secd.models import TLSProfile, TLSVersion
from secd.net.memory import MemoryNetwork
from secd.net.network import AddressBook, ByteStream, Unreachable
from secd.net.own_certificate import OwnCertificate
from secd.net.tls import TLSTarget, open_tls, resolve_target
from secd.net.tls_context import TLSIdentity, server_context
from secd.net.tls_errors import HandshakeFailed, TLSError
from secd.net.tls_stream import TLSStream, Verify
from secd.trace import (
    TLSAlert,
    TLSCertificateChosen,
    TLSConnected,
    TLSConnectFailed,
    TLSConnecting,
    TLSHandshakeDone,
    TLSHandshakeFailed,
    TLSHandshakeStarted,
    TLSPeerRefused,
    TLSPurpose,
    TLSStep,
    Traced,
    TraceEvent,
)
from statusmsgs import ConsoleRenderer, console_tables

CONSOLE = Path(__file__).parent / "vectors" / "console"
CLOCK = re.compile(r"\d\d:\d\d:\d\d\.\d{6}")
TVS = TLSTarget(TLSPurpose.TVS, "192.168.136.6", 2445, connection=14, socket=15)
CCM = TLSTarget(TLSPurpose.CCM, "192.0.2.7", 2443, connection=3, socket=4)
ACTUAL = ("127.0.0.1", 54321)
PHONE = model_catalogue().find("7975").tls

Serve = Callable[[ByteStream], Awaitable[None]]


def captured(name: str) -> list[str]:
    return [CLOCK.sub("-", line) for line in (CONSOLE / name).read_text().splitlines()]


def printed(events: list[TraceEvent], first: int = 1, explain: bool = False) -> list[list[str]]:
    """Return the lines of each event."""
    console = ConsoleRenderer(console_tables(), "a", explain=explain, first_sequence=first)
    lines = [console.render(Traced(0.0, 1, 0, event)) for event in events]
    return [[CLOCK.sub("-", line) for line in of_one] for of_one in lines]


async def attempt(
    serve: Serve,
    target: TLSTarget,
    verify: Verify | None = None,
    own: OwnCertificate | None = None,
    profile: TLSProfile = PHONE,
) -> list[TraceEvent]:
    """Let a phone try once against a server that is played by `serve`; return its events."""
    network = MemoryNetwork(Random(1))
    book = AddressBook({(target.host, target.port): ACTUAL})
    events: list[TraceEvent] = []

    async def accept() -> None:
        stream = await listener.accept()
        await serve(stream)
        await stream.aclose()

    with network.listen(ACTUAL) as listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            try:
                session = await open_tls(
                    network, book, target, profile, verify or accepting(), own, events.append
                )
            except TLSError:
                return events
            await session.aclose()
    return events


async def refuse_with_alert_40(stream: ByteStream) -> None:
    """A server of flesh and blood: it shares no cipher with a phone of TLS 1.0."""
    modern = TLSProfile(TLSVersion.TLS_1_0, TLSVersion.TLS_1_2, ("AES256-SHA256",), True)
    with pytest.raises(HandshakeFailed):
        await server_session(stream, modern, identity("tvs")).handshake()


def server_session(stream: ByteStream, profile: TLSProfile, shown: TLSIdentity) -> TLSStream:
    connection = SSL.Connection(server_context(profile, shown), None)
    connection.set_accept_state()
    return TLSStream(connection, stream, lambda _: None)


async def refuse_expired(stream: ByteStream) -> None:
    """A server that wants a certificate which is not expired."""

    def verify(_: SSL.Connection, __: crypto.X509, error: int, ___: int, ____: int) -> bool:
        return error != 10  # X509_V_ERR_CERT_HAS_EXPIRED

    connection = SSL.Connection(server_context(LEGACY, identity("ccm")), None)
    connection.set_accept_state()
    connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
    with pytest.raises(HandshakeFailed):
        await TLSStream(connection, stream, lambda _: None).handshake()


async def serve_well(stream: ByteStream) -> None:
    session = server_session(stream, LEGACY, identity("tvs"))
    await session.handshake()
    assert await session.receive_some() == b""


async def refused_by_the_phone(stream: ByteStream) -> None:
    with pytest.raises(HandshakeFailed):
        await server_session(stream, LEGACY, identity("tvs")).handshake()


async def send_alert_40(stream: ByteStream) -> None:
    """A server of another make: the alert as it stands on the wire, after the ClientHello."""
    hello = await stream.receive_some(10000)
    assert hello[:3] == b"\x16\x03\x01"
    await stream.send_all(b"\x15\x03\x01\x00\x02\x02\x28")


async def break_off(stream: ByteStream) -> None:
    await stream.receive_some(10000)


EXPECTED = [
    (TLSConnecting, 2),
    (TLSConnected, 1),
    (TLSHandshakeStarted, 1),
    (TLSAlert, 1),
    (TLSHandshakeFailed, 5),
]


@pytest.mark.parametrize("serve", [refuse_with_alert_40, send_alert_40])
async def test_tvs_refuses_the_handshake_as_in_cisco_118699(
    autojump_clock: MockClock, serve: Serve
) -> None:
    events = await attempt(serve, TVS)
    lines = printed(events, first=5007)
    assert [line for of_one in lines for line in of_one] == captured("79xx-tvs-alert.log")
    caused = [(type(event), len(of_one)) for event, of_one in zip(events, lines, strict=True)]
    assert caused == EXPECTED


async def test_the_registration_is_refused_because_the_phones_certificate_has_expired(
    autojump_clock: MockClock,
) -> None:
    events = await attempt(refuse_expired, CCM, own=mic(made("CP-7961-SEP001", days=-3)))
    failed = events[-1]
    assert isinstance(failed, TLSHandshakeFailed)
    assert (failed.number, failed.read, failed.step) == (45, True, TLSStep.FINISHED)
    lines = [line.split(": ", 1)[1] for line in printed(events)[-1]]
    assert lines == captured("79xx-expired.log")


async def test_a_session_that_stands(autojump_clock: MockClock) -> None:
    events = await attempt(serve_well, TVS, doubting(), mic())
    assert [type(event) for event in events] == [
        TLSConnecting,
        TLSConnected,
        TLSCertificateChosen,
        TLSHandshakeStarted,
        TLSHandshakeDone,
        TLSAlert,
    ]
    assert events[3] == TLSHandshakeStarted(TLSPurpose.TVS, "192.168.136.6", 2445, 14, 15)
    assert events[4] == TLSHandshakeDone(
        TLSPurpose.TVS, "192.168.136.6", 2445, 14, 15, "TLSv1", "AES256-SHA", True
    )
    assert events[5] == TLSAlert(TLSPurpose.TVS, "192.168.136.6", 2445, 14, 15, False, False, 0)
    lines = [line for of_one in printed(events, first=5007) for line in of_one]
    assert lines == captured("79xx-tvs-alert.log")[:4]


async def test_a_refusal_by_the_phone_is_told_before_its_alert(autojump_clock: MockClock) -> None:
    events = await attempt(refused_by_the_phone, TVS, refusing())
    numbers = (TLSPurpose.TVS, "192.168.136.6", 2445, 14, 15)
    assert events[3:] == [
        TLSPeerRefused(*numbers, "PEER_NOT_LISTED", "no TVS record holds it"),
        TLSAlert(*numbers, False, True, 48),
        TLSHandshakeFailed(*numbers, TLSStep.SERVER_CERTIFICATE, 48, False),
    ]
    lines = [line for of_one in printed(events[3:], explain=True) for line in of_one]
    assert any("SSL3 alert write:fatal:unknown CA:<192.168.136.6>" in line for line in lines)
    assert any("error in SSLv3 read server certificate B" in line for line in lines)
    by_default = [line for of_one in printed(events[3:]) for line in of_one]
    assert len(by_default) == 4
    assert not any("clpState" in line for line in by_default)


async def test_a_server_that_breaks_off_in_the_handshake(autojump_clock: MockClock) -> None:
    events = await attempt(break_off, TVS)
    numbers = (TLSPurpose.TVS, "192.168.136.6", 2445, 14, 15)
    assert events[-1] == TLSHandshakeFailed(*numbers, TLSStep.SERVER_HELLO, -1, False)
    assert len(printed(events)[-1]) == 4


async def test_nobody_listens(autojump_clock: MockClock) -> None:
    events: list[TraceEvent] = []
    network = MemoryNetwork(Random(1))
    with pytest.raises(Unreachable):
        await open_tls(network, AddressBook(), TVS, OLD, accepting(), None, events.append)
    numbers = (TLSPurpose.TVS, "192.168.136.6", 2445, 14, 15)
    assert events == [
        TLSConnecting(*numbers, False),
        TLSConnectFailed(*numbers, "nobody listens on this port"),
    ]


@pytest.mark.parametrize(("host", "ipv6"), [("2001:db8::6", True), ("cucm.example", False)])
async def test_what_is_an_address_of_ipv6(autojump_clock: MockClock, host: str, ipv6: bool) -> None:
    target = TLSTarget(TLSPurpose.TVS, host, 2445)
    events = await attempt(break_off, target)
    assert events[0] == TLSConnecting(TLSPurpose.TVS, host, 2445, 1, 1, ipv6)
    assert bool(printed(events)[0]) is not ipv6


@pytest.mark.parametrize("number", [*range(120)])
def test_every_alert_has_a_text(number: int) -> None:
    alert = TLSAlert(TLSPurpose.TVS, "h", 1, 1, 1, True, True, number)
    [[line]] = printed([alert])
    text = line.split("read:fatal:")[1].removesuffix(":<h>")
    known = {0, 10, 20, 21, 22, 30, *range(40, 52), 60, 70, 71, 80, 90, 100, *range(110, 116)}
    assert (text != "unknown") is (number in known)


async def test_the_lab_serves_a_phone_on_its_own_terms(autojump_clock: MockClock) -> None:
    network = MemoryNetwork(Random(1))
    events: list[TraceEvent] = []
    shown: list[bytes | None] = []

    async def handler(session: TLSStream, _: tuple[str, int]) -> None:
        shown.append(session.peer_certificate)
        await session.send_all(await session.receive_some())

    lab_settings = TLSServerSettings(LEGACY, identity("tvs"), ask_certificate=True)
    book = AddressBook({(TVS.host, TVS.port): ACTUAL})
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_tls, network, ACTUAL, lab_settings, handler)
        session = await open_tls(network, book, TVS, PHONE, accepting(), mic(), events.append)
        await session.send_all(b"query")
        assert await session.receive_some() == b"query"
        await session.aclose()
        nursery.cancel_scope.cancel()
    assert shown == [lab("mic").der]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("10.1.1.5", "10.1.1.5"),
        ("cucm.example", "10.1.1.6"),  # the DNS says so
        ("cucm-pub", "14.48.44.80"),  # the book leads both to one place
        ("cucm-sub", "cucm-sub"),  # the book says no address
    ],
)
async def test_a_log_prints_the_address_of_a_server_that_has_a_name(host: str, found: str) -> None:
    network = MemoryNetwork(Random(1))
    network.names["cucm.example"] = "10.1.1.6"
    network.names["cucm-pub"] = network.names["cucm-sub"] = "203.0.113.9"  # not to be asked
    book = AddressBook.from_mappings_untrusted(
        ["cucm-pub:2445=[::1]:7", "14.48.44.80:2445=[::1]:7", "cucm-sub:2445=[::1]:8"]
    )
    target = TLSTarget(TLSPurpose.TVS, host, 2445, 14, 15)
    resolved = await resolve_target(network, book, target)
    assert resolved == replace(target, host=found)
    assert book.actual(resolved.host, 2445) == book.actual(host, 2445) or host == "cucm.example"


async def test_a_name_is_not_asked_for_that_the_book_knows_by_other_ports() -> None:
    network, book = MemoryNetwork(Random(1)), AddressBook.from_mappings_untrusted(["a=b"])
    with pytest.raises(Unreachable, match="no entry for port 2445"):
        await resolve_target(network, book, TLSTarget(TLSPurpose.TVS, "a", 2445))
