"""What the renderers do with any table: numbers, time, marks, hostile texts, JSON, rings."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secd.trace import (
    BootEnded,
    ConfigurationAccepted,
    ConfigurationRefused,
    FileRefused,
    FileVerified,
    ListInstalled,
    ServerLookedUp,
    Traced,
    TransferFailed,
    TrustListsChanged,
)
from secd.trace import ListsChange as Change
from secd.words import BootOutcome, FileKind, TransferFailure, Transport
from statusmsgs import (
    ConsoleRenderer,
    StatusMessage,
    StatusRenderer,
    StatusRing,
    console_tables,
    event_to_json,
    explain_reason,
    format_status,
    ring_from_rows,
    server_traces,
    status_table,
)
from statusmsgs.as_json import json_value
from statusmsgs.clock import time_fields
from statusmsgs.events import printable

CTL, ITL = FileKind.CTL, FileKind.ITL
INSTALLED = Traced(0.0, 5, 6, ListInstalled("ITL.tlv", ITL, True, 10, "FIRST_LIST"))
REFUSED = FileRefused("C.tlv", "/x", CTL, True, "TVS_DENIED", "two lists searched", "CN=a", "0A")


# --- time -------------------------------------------------------------------------------------


@given(
    seconds=st.integers(0, 4_102_444_799),
    microsecond=st.integers(0, 999_999),
)
def test_microseconds_survive_a_float(seconds: int, microsecond: int) -> None:
    fields = time_fields(seconds + microsecond / 1_000_000)
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    assert fields["clock"] == f"{moment:%H:%M:%S}.{microsecond:06d}"


def test_a_time_that_cutting_off_would_print_wrong() -> None:
    at_seconds = datetime(2011, 10, 5, 9, 13, 17, 594689, tzinfo=UTC).timestamp()
    cut_off = int(at_seconds % 1 * 1_000_000)
    assert cut_off == 594688
    assert time_fields(at_seconds)["clock"] == "09:13:17.594689"


@pytest.mark.parametrize(
    ("hour", "hour12", "half"),
    [(0, "12", "am"), (11, "11", "am"), (12, "12", "pm"), (23, "11", "pm")],
)
def test_twelve_hours(hour: int, hour12: str, half: str) -> None:
    fields = time_fields(hour * 3600.0)
    assert (fields["hour12"], fields["half"]) == (hour12, half)


# --- console ----------------------------------------------------------------------------------


def test_numbers_count_lines_and_go_on() -> None:
    console = ConsoleRenderer(console_tables(), "c-12.1", first_sequence=9998)
    lines = (*console.render(INSTALLED), *console.render(INSTALLED))
    assert [line.split()[0] for line in lines] == ["9998", "9999", "10000", "10001"]
    assert console.next_sequence == 10002


def test_an_event_without_an_entry_prints_and_shows_nothing() -> None:
    console = ConsoleRenderer(console_tables(), "a")
    ended = Traced(0.0, 1, 0, BootEnded(BootOutcome.BOOTED))
    assert console.render(ended) == ()
    assert console.next_sequence == 1
    assert StatusRenderer(status_table(), "79xx").render(ended) == ()


def test_a_server_is_explained_once_unless_the_ctl_has_a_say() -> None:
    console = ConsoleRenderer(console_tables(), "silent", explain=True)

    def explained(verdict: str, kind: FileKind) -> bool:
        looked_up = ServerLookedUp(0, "10.0.0.1", verdict, False, kind)
        return bool(console.render(Traced(0.0, 1, 0, looked_up)))

    assert explained("ADDRESS_NOT_CHECKED", CTL)
    assert not explained("ADDRESS_NOT_CHECKED", ITL)
    assert explained("SERVER_NOT_IN_CTL", FileKind.PLAIN)


def test_inferred_lines_come_marked_and_only_on_demand() -> None:
    verified = Traced(
        0.0, 1, 0, FileVerified("S.sgn", FileKind.SIGNED, False, 300, "IN_CTL", "CN=a", "0A")
    )
    assert ConsoleRenderer(console_tables(), "a").render(verified) == ()
    first, *_ = ConsoleRenderer(console_tables(), "a", explain=True).render(verified)
    assert first == (
        "1: NOT 00:00:00.000000 SECD: validate_file_envelope: File sign verify SUCCESS; "
        "header length <300>   <- inferred"
    )


def test_captured_lines_are_not_marked_in_an_explained_log() -> None:
    plain = ConsoleRenderer(console_tables(), "c-12.1").render(INSTALLED)
    explained = ConsoleRenderer(console_tables(), "c-12.1", explain=True).render(INSTALLED)
    assert explained[: len(plain)] == plain
    assert all(line.startswith("    -- ") for line in explained[len(plain) :])
    assert len(explained) > len(plain)


@pytest.mark.parametrize("family", ["silent", "a", "c-12.1", "89xx"])
def test_a_refusal_is_explained_with_its_meaning_and_cure_in_80_columns(family: str) -> None:
    traced = Traced(0.0, 1, 0, REFUSED)
    console = ConsoleRenderer(console_tables(), family, explain=True)
    ours = [line for line in console.render(traced) if line.startswith("    -- ")]
    assert all(len(line) <= 80 for line in ours)
    said = " ".join(line.removeprefix("    -- ").removeprefix("00:00:00").strip() for line in ours)
    text = explain_reason("TVS_DENIED")
    for part in (text.meaning, text.cure, "two lists searched", "CN=a", "TVS_DENIED"):
        assert part in said


def test_ours_does_not_count() -> None:
    console = ConsoleRenderer(console_tables(), "c-12.1", explain=True)
    console.render(Traced(0.0, 1, 0, REFUSED))
    assert console.next_sequence == 1


def test_an_unlisted_server_slot_is_printed_as_the_zero_address() -> None:
    looked_up = ServerLookedUp(1, "", "ADDRESS_NOT_CHECKED", False, CTL)
    (line,) = ConsoleRenderer(console_tables(), "c-12.1").render(Traced(0.0, 1, 0, looked_up))
    assert line.endswith("look up server - 1 - 0.0.0.0")


def test_an_unknown_family_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"'b'; known: 89xx, a, c-10\.3"):
        ConsoleRenderer(console_tables(), "b")
    with pytest.raises(KeyError, match="'b'; known: 7832, 7940, 79xx"):
        StatusRenderer(status_table(), "b")


# --- hostile texts ----------------------------------------------------------------------------

HOSTILE = "no\n4900 NOT Mar 09 forged\x1b[2J\x9b\u2028\ud800"


def server_error(text: str) -> Traced:
    failed = TransferFailed(
        "C.tlv", CTL, True, Transport.TFTP, "1.2.3.4", TransferFailure.ERROR, 0, text
    )
    return Traced(0.0, 1, 2, failed)


@pytest.mark.parametrize("family", ["c-12.1", "c-10.3", "89xx", "silent"])
@pytest.mark.parametrize("explain", [False, True])
def test_a_server_cannot_forge_lines_or_steer_the_terminal(family: str, explain: bool) -> None:
    lines = ConsoleRenderer(console_tables(), family, explain).render(server_error(HOSTILE))
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("4900") for line in lines)


def test_braces_from_a_server_are_only_braces() -> None:
    lines = ConsoleRenderer(console_tables(), "89xx").render(server_error("{worker} {0.x} {"))
    assert lines[0] == "Error code 0: {worker} {0.x} {"


def test_file_names_in_status_messages_are_printable() -> None:
    accepted = ConfigurationAccepted(
        "S\x1b.sgn", "S\x1b", FileKind.SIGNED, Transport.HTTP, "IN_CTL"
    )
    (message,) = StatusRenderer(status_table(), "88xx").render(Traced(0.0, 1, 0, accepted))
    assert message.text == "S\\x1b.sgn(HTTP)"


@given(st.text())
def test_printable_is_printable_and_leaves_printable_texts_alone(text: str) -> None:
    shown = printable(text)
    assert isinstance(shown, str)
    assert shown.isprintable()
    assert not text.isprintable() or shown == text


# --- status messages --------------------------------------------------------------------------

AT = datetime(2018, 10, 9, 16, 1, 16, tzinfo=UTC).timestamp()
EARLY = datetime(2018, 10, 9, 1, 33, 26, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("family", "form", "at_seconds", "shown"),
    [
        ("79xx", "line", AT, "16:01:16 Trust List Updated"),
        ("79xx", "web", EARLY, "1:33:26a Trust List Updated"),
        ("7940", "line", AT, "16:01:16 Trust List Updated"),
        ("88xx", "line", AT, "4:01:16pm 10/09/18 Trust List updated"),
        ("88xx", "web", AT, "4:01:16pm 10/09/18 \nTrust List updated"),
        ("88xx", "xml", EARLY, "[1:33:26am 10/09/18] Trust List updated"),
        ("7832", "xml", EARLY, "[1:33:26am 10/09/18] Trust List Updated"),
        ("89xx", "line", AT, "16:01:16, 10/09/2018 : Trust List updated"),
        ("99xx", "line", AT, "16:01:16 Trust List updated"),
    ],
)
def test_an_updated_list_in_each_family(
    family: str, form: str, at_seconds: float, shown: str
) -> None:
    renderer = StatusRenderer(status_table(), family)
    traced = Traced(at_seconds, 1, 0, TrustListsChanged(Change.UPDATED))
    (message,) = renderer.render(traced)
    assert message.key == "tl_upd"
    assert format_status(message, renderer.family, form) == shown


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (TransferFailure.TIMEOUT, "TFTP timeout"),
        (TransferFailure.UNREACHABLE, "TFTP timeout"),
        (TransferFailure.ERROR, "TFTP error"),
        (TransferFailure.PROTOCOL, "TFTP error"),
        (TransferFailure.FILE_NOT_FOUND, None),
    ],
)
@pytest.mark.parametrize("transport", [Transport.TFTP, Transport.HTTP])
def test_failed_transfers(failure: TransferFailure, text: str | None, transport: Transport) -> None:
    failed = TransferFailed("C.tlv", CTL, True, transport, "1.2.3.4", failure, 0, "x")
    messages = StatusRenderer(status_table(), "79xx").render(Traced(0.0, 1, 0, failed))
    expected = [text] if text is not None and transport is Transport.TFTP else []
    assert [message.text for message in messages] == expected


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("79xx", "File auth error"),
        ("89xx", "invalid file SEP1.cnf.xml.sgn, authenticated fail. Reason:14."),
    ],
)
def test_a_refused_configuration(family: str, text: str) -> None:
    refused = ConfigurationRefused("SEP1.cnf.xml.sgn", "SEP1.cnf.xml", "TVS_DENIED", "")
    (message,) = StatusRenderer(status_table(), family).render(Traced(0.0, 1, 0, refused))
    assert message.text == text


@pytest.mark.parametrize("family", ["7940", "79xx", "89xx", "99xx", "88xx", "7832"])
def test_what_a_phone_says_of_unreadable_xml_is_not_known(family: str) -> None:
    reason = "CONFIGURATION_UNREADABLE"
    refused = ConfigurationRefused("SEP1.cnf.xml", "SEP1.cnf.xml", reason, "line 3")
    assert StatusRenderer(status_table(), family).render(Traced(0.0, 1, 0, refused)) == ()


# --- the ring ---------------------------------------------------------------------------------


def numbered(*numbers: int) -> tuple[StatusMessage, ...]:
    return tuple(StatusMessage(float(number), f"text {number}", "key") for number in numbers)


def test_a_ring_keeps_the_newest_and_shows_them_oldest_first() -> None:
    ring = StatusRing(3).added(numbered(1, 2)).added(numbered(3, 4))
    assert ring.messages == numbered(2, 3, 4)
    assert ring.newest(2) == numbered(3, 4)
    assert ring.newest(9) == numbered(2, 3, 4)
    assert ring.newest(0) == ()


def test_a_ring_survives_its_rows() -> None:
    ring = StatusRing(3).added(numbered(1, 2, 3))
    assert ring_from_rows(3, ring.to_rows()) == ring
    assert ring_from_rows(3, [list(row) for row in ring.to_rows()]) == ring
    assert ring_from_rows(2, ring.to_rows()).messages == numbered(2, 3)


@pytest.mark.parametrize(
    "row", ["abc", (1.0, "a"), ("1", "a", "b"), (1.0, 2, "b"), (math.inf, "a", "b"), (-1, "a", "b")]
)
def test_rows_of_another_shape_are_named(row: object) -> None:
    with pytest.raises(ValueError, match="not a stored status message"):
        ring_from_rows(3, [row])


def test_a_ring_holds_at_least_one_and_never_too_many() -> None:
    with pytest.raises(ValueError, match="at least one"):
        StatusRing(0)
    with pytest.raises(ValueError, match="2 messages in a ring of 1"):
        StatusRing(1, numbered(1, 2))


def test_how_many_are_kept_is_data() -> None:
    family = status_table().family("88xx")
    assert (family.web_kept, family.screen_kept) == (10, 30)


# --- JSON -------------------------------------------------------------------------------------


def test_an_event_as_json() -> None:
    value = event_to_json(Traced(12.5, 5, 6, REFUSED))
    assert value == {
        "event": "FileRefused",
        "at_seconds": 12.5,
        "task": 5,
        "worker": 6,
        "fields": {
            "file_name": "C.tlv",
            "path": "/x",
            "kind": "CTL",
            "is_list": True,
            "reason": "TVS_DENIED",
            "detail": "two lists searched",
            "signer_name": "CN=a",
            "signer_serial": "0A",
        },
    }
    assert json.loads(json.dumps(value)) == value


@dataclass(frozen=True)
class Odd:
    octets: bytes
    numbers: frozenset[int]
    pair: tuple[str, None]


def test_values_of_other_kinds_as_json() -> None:
    odd = Odd(b"\x01\xff", frozenset({3, 1}), ("a", None))
    assert json_value([odd]) == [{"octets": "01ff", "numbers": [1, 3], "pair": ["a", None]}]


def test_what_has_no_json_form_is_named() -> None:
    with pytest.raises(TypeError, match="no JSON form for 1j"):
        json_value(1j)


def test_an_event_is_a_dataclass_instance() -> None:
    @dataclass(frozen=True)
    class NotAnEvent:
        at_seconds: float = 0.0
        task: int = 0
        worker: int = 0
        event: object = "text"

    with pytest.raises(TypeError, match="must be a dataclass"):
        event_to_json(NotAnEvent())


# --- the server's trace -----------------------------------------------------------------------


def test_a_refused_request_is_marked_as_ours() -> None:
    fields: dict[str, str | int] = {
        "request_number": 1,
        "phone_address": "10.0.0.1",
        "phone_port": 2,
        "file_name": "a\nb",
        "code": 1,
        "message": "File not found",
    }
    line = server_traces().render("RequestRefused", fields, 0.0)
    assert line == "00:00:00.000 |(lab) [1~10.0.0.1~2], [a\\nb] refused: error 1 File not found"
    with pytest.raises(KeyError):
        server_traces().render("Unheard", fields, 0.0)
