"""One GET without a network: every way an answer can come, and every way it can be wrong."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secd.http import HEAD_LIMIT_BYTES, Get, Response
from secd.transfer import Failed, Received
from secd.words import TransferFailure

LIMIT = 1000
FILE = b"x" * 600
HEADERS = b"Cache-Control: no-store\r\nContent-type: */*\r\n\r\n"
CAPTURED = b"HTTP/1.1 200 OK\r\nContent-length: 600\r\n" + HEADERS  # Cisco 214535, lines 4925-4928
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\n"


def begun(limit: int = LIMIT) -> Get:
    return Get("192.168.7.200", 6970, "CTLFile.tlv", "Cisco-CP7821/12.1.1", limit)


def whole(octets: bytes) -> Iterator[bytes]:
    yield octets


def octet_by_octet(octets: bytes) -> Iterator[bytes]:
    yield from (octets[at : at + 1] for at in range(len(octets)))


WAYS = [whole, octet_by_octet]


def answered(octets: bytes, limit: int = LIMIT, *, close: bool = True) -> Get:
    """Return the same exchange, whether the octets came at once or one by one."""
    gets = []
    for way in WAYS:
        get = begun(limit)
        for part in way(octets):
            get.receive_octets(part)
        if close:
            get.receive_octets(b"")
        gets.append(get)
    first, second = gets
    assert (first.response, kind_of(first)) == (second.response, kind_of(second))
    return first


def kind_of(get: Get) -> tuple[TransferFailure, int] | bytes | None:
    if isinstance(get.result, Failed):
        return (get.result.failure, get.result.code)
    return None if get.result is None else get.result.octets


def test_the_answer_of_a_cucm() -> None:
    get = answered(CAPTURED + FILE, close=False)
    assert get.result == Received(FILE)
    assert get.response == Response(
        200,
        (
            "HTTP/1.1 200 OK",
            "Content-length: 600",
            "Cache-Control: no-store",
            "Content-type: */*",
        ),
    )


def test_nothing_is_known_before_the_head_is_complete() -> None:
    get = answered(CAPTURED[:-2], close=False)
    assert (get.response, get.result) == (None, None)
    get.receive_octets(CAPTURED[-2:] + FILE[:-1])
    assert get.response is not None
    assert get.result is None
    get.receive_octets(FILE[-1:])
    assert get.result == Received(FILE)


@pytest.mark.parametrize(
    "octets",
    [
        CHUNKED + b"12c\r\n" + FILE[:300] + b"\r\n12C;why=not\r\n" + FILE[300:] + b"\r\n0\r\n\r\n",
        CHUNKED + b"258\r\n" + FILE + b"\r\n0\r\nTrailer: 1\r\n\r\n",
        UNTIL_CLOSE + FILE,
        b"HTTP/1.1 100 Continue\r\n\r\n" + CAPTURED + FILE,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 20 + CAPTURED + FILE,
        CAPTURED + FILE + b"HTTP/1.1 200 OK\r\n\r\nand more",
    ],
    ids=["chunks", "trailer", "until close", "100", "103", "octets after the answer"],
)
def test_other_framings(octets: bytes) -> None:
    assert answered(octets).result == Received(FILE)


def test_a_file_of_no_octets_is_a_file() -> None:
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").result == Received(b"")


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("503 Service Unavailable", TransferFailure.ERROR),
        ("404 Not Found", TransferFailure.FILE_NOT_FOUND),
        ("410 Gone", TransferFailure.FILE_NOT_FOUND),
        ("403 Forbidden", TransferFailure.ERROR),
        ("500 Internal Server Error", TransferFailure.ERROR),
        ("206 Partial Content", TransferFailure.ERROR),
        ("204 No Content", TransferFailure.ERROR),
        ("304 Not Modified", TransferFailure.ERROR),
        ("999 ", TransferFailure.ERROR),
    ],
)
def test_only_200_brings_a_file(status: str, failure: TransferFailure) -> None:
    line = f"HTTP/1.1 {status}"
    get = answered(line.encode() + b"\r\n\r\n", close=False)
    assert get.result == Failed(failure, int(status[:3]), line.rstrip())
    assert get.response == Response(int(status[:3]), (line.rstrip(),))


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_redirections_are_not_followed(status: str) -> None:
    get = answered(f"HTTP/1.1 {status}\r\nLocation: http://evil/CTL\r\n\r\n".encode())
    assert kind_of(get) == (TransferFailure.ERROR, int(status[:3]))


def test_what_a_server_says_becomes_one_printable_line() -> None:
    get = answered(b"HTTP/1.1 503 \x1b[2J\tSor\xffry\r\nX: \t a\x80\r\n folded\r\n\r\n")
    assert get.result is not None
    assert get.response == Response(
        503, ("HTTP/1.1 503 \\x1b[2J\\x09Sor\\xffry", "X: a\\x80 folded")
    )
    long = answered(b"HTTP/1.1 503 " + b"a" * 10_000 + b"\r\n\r\n").result
    assert isinstance(long, Failed)
    assert len(long.text) == 512


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-length: 99999999999999999999\r\n\r\n",
        UNTIL_CLOSE + b"x" * 1001,
        CHUNKED + b"3e9\r\n" + b"x" * 1001,
        CHUNKED + b"ffffffffffffffffffff\r\n" + b"x" * 1001,
        CHUNKED + b"1\r\nx\r\n" * 1001,
    ],
    ids=["announced", "announced far", "until close", "chunk", "huge chunk", "small chunks"],
)
def test_too_large_is_seen_before_the_end(octets: bytes) -> None:
    assert kind_of(answered(octets, close=False)) == (TransferFailure.TOO_LARGE, 0)


def test_exactly_at_the_limit_is_not_too_large() -> None:
    file = b"x" * LIMIT
    head = b"HTTP/1.1 200 OK\r\nContent-length: 1000\r\n\r\n"
    assert answered(head + file).result == Received(file)
    assert answered(UNTIL_CLOSE + file).result == Received(file)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"", "closed the connection without an answer"),
        (CAPTURED[:20], "breaks HTTP"),
        (CAPTURED + FILE[:-1], "received 599 bytes, expected 600"),
        (CHUNKED + b"258\r\n" + FILE, "breaks HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "breaks HTTP"),
        (b"\x15\x03\x03\0\x02\x02\x46", "breaks HTTP"),
        (b"HTTP/2.0 200 OK\r\n", "breaks HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "breaks HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-length: 5\r\nContent-length: 6\r\n\r\nabcdef", "conflicting"),
        (b"HTTP/1.1 200 OK\r\nContent-length: -1\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-length: " + b"9" * 5000 + b"\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "chunked"),
        (CHUNKED + b"xyz\r\n", "breaks HTTP"),
        (CHUNKED + b"fffffffffffffffffffff\r\n", "breaks HTTP"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "breaks HTTP"),
    ],
)
def test_answers_that_break_the_protocol(octets: bytes, text: str) -> None:
    result = answered(octets).result
    assert isinstance(result, Failed)
    assert (result.failure, result.code) == (TransferFailure.PROTOCOL, 0)
    assert text in result.text
    assert result.text.isprintable()


HEAD = b"HTTP/1.1 200 OK\r\nContent-length: 0\r\nX: %b\r\n\r\n"


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100])
def test_the_limit_of_headers_counts_all_that_comes_before_the_body(interim: bytes) -> None:
    room = HEAD_LIMIT_BYTES - len(interim) - len(HEAD % b"")
    assert answered(interim + HEAD % (b"a" * room)).result == Received(b"")
    get = answered(interim + HEAD % (b"a" * (room + 1)), close=False)
    assert kind_of(get) == (TransferFailure.PROTOCOL, 0)
    assert get.response is None


@pytest.mark.parametrize(
    "octets", [b"a" * 16_385, b"HTTP/1.1 100 x\r\n\r\n" * 1000, b"\r\n" * 9000]
)
def test_headers_that_never_end(octets: bytes) -> None:
    assert kind_of(answered(octets, close=False)) == (TransferFailure.PROTOCOL, 0)


def test_giving_up() -> None:
    get = begun()
    get.give_up(TransferFailure.TIMEOUT, "nothing came")
    get.receive_octets(CAPTURED + FILE)
    get.give_up(TransferFailure.UNREACHABLE, "too late to say so")
    assert get.result == Failed(TransferFailure.TIMEOUT, 0, "nothing came")
    assert get.response is None


PIECES = [
    *(b"HTTP/1.1 ", b"HTTP/1.0 ", b"200", b"503", b"100", b" OK", b"\r\n", b"\n", b"\r\n\r\n"),
    *(b"Content-length: ", b"Transfer-Encoding: chunked", b"5", b"3e9", b"hello", b"0\r\n\r\n"),
    *(b"Connection: keep-alive", b": ", b" ", b"\0", b"\xff", b"ffff", b";", b"a" * 400),
]
ANSWERS = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map(lambda p: CHUNKED + b"".join(p)),
    st.lists(st.sampled_from(PIECES), max_size=40).map(lambda p: CAPTURED + b"".join(p)),
)


@given(ANSWERS, st.lists(st.integers(0, 300), max_size=5))
@example(CAPTURED + FILE, [10])
def test_any_answer_ends_the_exchange_and_how_it_is_cut_does_not_matter(
    octets: bytes, cuts: list[int]
) -> None:
    get = begun()
    bounds = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    for start, end in pairwise(bounds):
        if start < end:
            get.receive_octets(octets[start:end])
    get.receive_octets(b"")
    assert get.result is not None
    assert kind_of(get) == kind_of(answered(octets))
    if isinstance(get.result, Received):
        assert len(get.result.octets) <= LIMIT
        assert get.response is not None
        assert get.response.status_code == 200
    else:
        assert get.result.text.isprintable()
