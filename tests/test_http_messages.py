"""What the lab's HTTP server understands of a request, without sockets."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.net.http_messages import (
    HEAD_LIMIT_BYTES,
    FileRequest,
    Refusal,
    RequestReader,
    encode_head,
    encode_refusal,
)
from secd.http import Get

HOST = b"\r\nHost: x\r\n\r\n"


def understood(octets: bytes) -> FileRequest | Refusal | None:
    """Return the same request, whether the octets came at once or one by one."""
    at_once = RequestReader().receive_octets(octets)
    reader, found = RequestReader(), None
    for at in range(len(octets)):
        found = reader.receive_octets(octets[at : at + 1])
        if found is not None:
            break
    assert found == at_once
    return at_once


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b"GET /CTLFile.tlv HTTP/1.1", FileRequest("CTLFile.tlv", True)),
        (b"HEAD /CTLFile.tlv HTTP/1.1", FileRequest("CTLFile.tlv", False)),
        (b"GET /New_Zealand/g3.xml.sgn?x=/y HTTP/1.0", FileRequest("New_Zealand/g3.xml.sgn", True)),
        (b"GET /a%20b%2Fc%zz HTTP/1.1", FileRequest("a b/c%zz", True)),
        (b"GET /%ff%00 HTTP/1.1", FileRequest("\udcff\0", True)),
        (b"GET /../../etc/passwd HTTP/1.1", FileRequest("../../etc/passwd", True)),
        (b"GET //x HTTP/1.1", FileRequest("/x", True)),
        (b"GET HTTP://14.48.44.80:6970/a HTTP/1.1", FileRequest("a", True)),
        (b"GET / HTTP/1.1", FileRequest("", True)),
        (b"GET http://only-a-host HTTP/1.1", Refusal(HTTPStatus.BAD_REQUEST)),
        (b"GET CTLFile.tlv HTTP/1.1", Refusal(HTTPStatus.BAD_REQUEST)),
        (b"OPTIONS * HTTP/1.1", Refusal(HTTPStatus.BAD_REQUEST)),
        (b"PUT /CTLFile.tlv HTTP/1.1", Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "CTLFile.tlv")),
        (b"get /CTLFile.tlv HTTP/1.1", Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "CTLFile.tlv")),
        (b"GET /a b HTTP/1.1", Refusal(HTTPStatus.BAD_REQUEST)),
        (b"\x16\x03\x01\x02\0", Refusal(HTTPStatus.BAD_REQUEST)),
    ],
)
def test_request_lines(line: bytes, request_: FileRequest | Refusal) -> None:
    assert understood(line + HOST) == request_


def test_half_a_request_is_none_yet() -> None:
    assert understood(b"GET /CTLFile.tlv HTTP/1.1\r\nHost: x\r\n") is None


def test_a_request_without_a_host_is_refused() -> None:
    assert understood(b"GET /a HTTP/1.1\r\n\r\n") == Refusal(HTTPStatus.BAD_REQUEST)
    assert understood(b"GET /a HTTP/1.0\r\n\r\n") == FileRequest("a", True)


def test_what_h11_does_not_speak_is_refused_with_its_number() -> None:
    coded = b"GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"
    assert understood(coded) == Refusal(HTTPStatus.NOT_IMPLEMENTED)
    endless = b"GET /a HTTP/1.1\r\nX: " + b"a" * HEAD_LIMIT_BYTES
    assert understood(endless) == Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_name_of_a_phone_arrives(name: str) -> None:
    get = Get("14.48.44.80", 6970, name, "Cisco-CP7821/12.1.1", 1000)
    assert RequestReader().receive_octets(get.request) == FileRequest(name, True)


@given(st.binary(min_size=1, max_size=200))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    understood(octets)
    understood(b"GET /" + octets + HOST)


def test_the_head_of_a_cucm_to_the_octet() -> None:
    assert encode_head(7879) == (
        b"HTTP/1.1 200 OK\r\nContent-length: 7879\r\nCache-Control: no-store\r\n"
        b"Content-type: */*\r\n\r\n"
    )


def test_answers_without_a_file() -> None:
    assert encode_refusal(HTTPStatus.SERVICE_UNAVAILABLE) == (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-length: 0\r\nConnection: close\r\n\r\n"
    )
    assert b"\r\nAllow: GET, HEAD\r\n" in encode_refusal(HTTPStatus.METHOD_NOT_ALLOWED)
