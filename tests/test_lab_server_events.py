"""The server's events tell what the table of CUCM's trace lines needs, and the lines come out."""

import inspect
from dataclasses import asdict, fields

import pytest

from firmware_sim import server_events
from firmware_sim.server_events import (
    CAPFCertificateGenerated,
    CAPFConnectionAccepted,
    CAPFEventReceived,
    CAPFHandshakeDone,
    CAPFMessage,
    CAPFMessageReceived,
    CAPFUpgradeSuccessful,
    FileTransferred,
    ReadRequestReceived,
    ServerEvent,
)
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


CAPF = (3, "14.48.44.202", 49700)
CAPF_NAMED = (*CAPF, "SEP0011215A1AE3")
CAPF_SEED_LINES = [
    (
        CAPFConnectionAccepted(*CAPF),
        "10:03:06.983 | debug 3:UNKNOWN:Got a new ph conn 14.48.44.202 on 15",
    ),
    (CAPFHandshakeDone(*CAPF), "10:03:08.060 | debug TLS HS Done for ph_conn ."),
    (
        CAPFMessage(*CAPF, "UNKNOWN", "AUTH_REQ"),
        "10:03:08.065 | debug MsgType : CAPF_MSG_AUTH_REQ",
    ),
    (
        CAPFMessage(*CAPF_NAMED, "REQ_IN_PROGRESS"),
        "10:03:08.341 | debug MsgType : CAPF_MSG_REQ_IN_PROGRESS",
    ),
    (
        CAPFEventReceived(*CAPF_NAMED, "REQUEST_IN_PROGRESS", "AWAIT_KEY_GEN_RES"),
        (
            "10:03:08.341 | debug 3:SEP0011215A1AE3:CAPF CORE: Rcvd Event: "
            "CAPF_EV_REQUEST_IN_PROGRESS in State: CAPF_STATE_AWAIT_KEY_GEN_RES"
        ),
    ),
    (
        CAPFMessageReceived(*CAPF_NAMED),
        "10:03:21.148 | debug 3:SEP0011215A1AE3:Incoming Phone Msg:",
    ),
    (
        CAPFMessage(*CAPF_NAMED, "KEY_GEN_RES"),
        "10:03:21.158 | debug MsgType : CAPF_MSG_KEY_GEN_RES",
    ),
    (CAPFCertificateGenerated(*CAPF_NAMED), "10:03:21.162 | debug Generated the cert"),
    (
        CAPFUpgradeSuccessful(*CAPF_NAMED),
        "10:03:21.724 | debug 3:SEP0011215A1AE3:Certificate upgrade successful",
    ),
]


@pytest.mark.parametrize(("event", "line"), CAPF_SEED_LINES)
def test_the_lines_of_the_seed_guide_about_capf(event: ServerEvent, line: str) -> None:
    hours, minutes, seconds = line[:12].split(":")
    at_seconds = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    assert server_traces().render(type(event).__name__, asdict(event), at_seconds) == line
