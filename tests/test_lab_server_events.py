"""The server's events tell what the table of CUCM's trace lines needs, and the lines come out."""

import inspect
from dataclasses import asdict, fields

import pytest

from firmware_sim import server_events
from firmware_sim.server_events import FileTransferred, ReadRequestReceived, ServerEvent
from statusmsgs.data_files import server_traces

CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(server_events, inspect.isclass)
    if issubclass(kind, ServerEvent) and not kind.__subclasses__()
}


def test_every_event_has_a_line_and_every_line_an_event() -> None:
    assert CLASSES.keys() == server_traces().lines.keys()


@pytest.mark.parametrize("name", CLASSES)
def test_an_event_tells_what_its_line_expects(name: str) -> None:
    told = {field.name for field in fields(CLASSES[name])}
    assert server_traces().lines[name].fields <= told


SEED_LINES = [
    (
        ReadRequestReceived(188, "14.48.44.202", 49530, "CTLSEP0011215A1AE3.tlv", "octet", 0),
        20.766,
        (
            "11:08:20.766 |TFTPEngine::isReadRequest[0x9950830~188~14.48.44.202~49530], "
            "[CTLSEP0011215A1AE3.tlv] opcode(1), Mode(octet), Serving Count(0)"
        ),
    ),
    (
        FileTransferred(188, "14.48.44.202", 49530, "CTLFile.tlv"),
        20.779,
        (
            "11:08:20.779 |TID[a5a4fba0] TFTPEngine::processMessage"
            "[0x9950830~188~14.48.44.202~49530], Transferred[CTLFile.tlv] Socket[5]"
        ),
    ),
]


@pytest.mark.parametrize(("event", "seconds", "line"), SEED_LINES)
def test_the_lines_of_the_seed_guide(event: ServerEvent, seconds: float, line: str) -> None:
    at_seconds = 11 * 3600 + 8 * 60 + seconds
    assert server_traces().render(type(event).__name__, asdict(event), at_seconds) == line
