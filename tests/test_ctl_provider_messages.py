"""The octets of a conversation with a CTL Provider: what is written is read, nothing else is."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.ctl_provider.codec import (
    Kind,
    Tag,
    decode_answer_untrusted,
    decode_request_untrusted,
    encode_message,
)
from firmware_sim.ctl_provider.messages import (
    CTL_LIMIT_BYTES,
    NODE_LIMIT,
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
from firmware_sim.ctl_provider.wire import (
    FRAME_LIMIT_BYTES,
    HEADER_BYTES,
    Frame,
    FrameBuffer,
    decode_frame_untrusted,
)
from secd.errors import RemoteProtocolViolation

names = st.text(string.ascii_letters + string.digits, min_size=1, max_size=9).map("{}.lab-1".format)
texts = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30
)  # what UTF-8 can express
certificates = st.binary(min_size=1, max_size=60)
sha256 = st.binary(min_size=32, max_size=32)
transactions = st.binary(min_size=16, max_size=16)
publishers = st.builds(
    PublisherFacts,
    certificates,
    certificates,
    st.lists(
        st.builds(ClusterNode, names, sha256), min_size=1, max_size=4, unique_by=lambda n: n.name
    ).map(tuple),
)
requests: st.SearchStrategy[Request] = st.one_of(
    st.builds(Login, texts, texts),
    st.just(GetCertificates()),
    st.just(GetCTL()),
    st.builds(SetMode, st.booleans()),
    st.builds(SaveCTL, transactions, st.just(b"") | sha256, st.binary(min_size=1, max_size=99)),
    st.builds(Commit, transactions),
)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.just(LoggedIn()),
    st.builds(
        Certificates,
        names,
        st.ip_addresses().map(str),
        st.text(string.digits + ".()", min_size=1, max_size=16),
        st.booleans(),
        certificates,
        st.none() | publishers,
    ),
    st.builds(HeldCTL, st.none() | st.binary(min_size=1, max_size=99)),
    st.just(ModeNoted()),
    st.just(CTLStaged()),
    st.just(Committed()),
    st.builds(Refused, st.sampled_from(RefusalReason), texts),
)


@given(requests)
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    assert decode_request_untrusted(decode_frame_untrusted(encode_message(request))) == request


@given(answers)
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    assert decode_answer_untrusted(decode_frame_untrusted(encode_message(answer))) == answer


@given(requests | answers, st.data())
def test_a_frame_comes_in_any_pieces(message: Request | Answer, data: st.DataObject) -> None:
    octets = encode_message(message)
    at = data.draw(st.integers(0, len(octets) - 1))
    buffer = FrameBuffer()
    assert buffer.feed(octets[:at]) is None
    assert buffer.feed(octets[at:]) == decode_frame_untrusted(octets)


@given(st.binary(max_size=80))
def test_rubbish_is_a_violation_or_a_message_that_is_written_back(body: bytes) -> None:
    for kind in Kind:
        octets = bytes([0xC2, 1, kind, 0]) + len(body).to_bytes(4, "big") + body
        try:
            frame = decode_frame_untrusted(octets)
            message: Request | Answer = (
                decode_answer_untrusted(frame) if kind & 0x80 else decode_request_untrusted(frame)
            )
        except RemoteProtocolViolation:
            continue
        again = decode_frame_untrusted(encode_message(message))
        assert sorted(again.elements) == sorted(frame.elements)


def test_octets_as_the_document_shows_them() -> None:
    assert encode_message(SetMode(True)).hex(" ") == "c2 01 04 00 00 00 00 06 06 00 00 00 01 01"
    assert encode_message(Login("a", "b")).hex() == (
        "c2010100" + "0000000c" + "0100000001" + b"a".hex() + "0200000001" + b"b".hex()
    )


HEADS = [
    ("c1 01 02 00 00 00 00 00", "begins with 0xc2 and version 1, not 0xc1 and 1"),
    ("c2 02 02 00 00 00 00 00", "not 0xc2 and 2"),
    ("c2 01 02 01 00 00 00 00", "begins with"),
    ("c2 01 02 00 ff ff ff ff", "taken are at most"),
    ("c2 01 02 00 00 00 00", "shorter than its header"),
    ("c2 01 02 00 00 00 00 01", "not that in its header"),
    ("c2 01 02 00 00 00 00 00 00", "not that in its header"),
    ("c2 01 02 00 00 00 00 03 01 00 00", "ends before its length"),
    ("c2 01 02 00 00 00 00 06 01 00 00 00 02 aa", "element 1 reaches past the message"),
]


@pytest.mark.parametrize(("octets", "rule"), HEADS)
def test_frames_that_are_none(octets: str, rule: str) -> None:
    with pytest.raises(RemoteProtocolViolation, match=rule):
        decode_frame_untrusted(bytes.fromhex(octets))


def test_the_longest_frame_is_refused_by_its_header() -> None:
    head = bytes([0xC2, 1, Kind.SAVE_CTL, 0])
    length = FRAME_LIMIT_BYTES - HEADER_BYTES
    assert FrameBuffer().feed(head + length.to_bytes(4, "big")) is None
    with pytest.raises(RemoteProtocolViolation, match="at most"):
        FrameBuffer().feed(head + (length + 1).to_bytes(4, "big"))


def test_a_second_message_before_the_answer_is_refused() -> None:
    with pytest.raises(RemoteProtocolViolation, match="a second message"):
        FrameBuffer().feed(encode_message(GetCTL()) * 2)


CERTIFICATES = (
    (Tag.NAME, b"cucm"),
    (Tag.ADDRESS, bytes(4)),
    (Tag.RELEASE, b"10.5(2)"),
    (Tag.MODE, b"\0"),
    (Tag.CALLMANAGER, b"der"),
)
PUBLISHER = ((Tag.CAPF, b"der"), (Tag.ITL_RECOVERY, b"der"))
NODE = bytes(32) + b"cucm"


def with_tag(tag: Tag, value: bytes) -> tuple[tuple[int, bytes], ...]:
    return tuple((number, value if number == tag else old) for number, old in CERTIFICATES)


BAD: list[tuple[int, tuple[tuple[int, bytes], ...], str]] = [
    (0x07, (), "kind 0x07 is no request"),
    (Kind.LOGGED_IN, (), "kind 0x81 is no request"),
    (Kind.GET_CTL, ((Tag.CTL, b"x"),), "has no element 11"),
    (Kind.GET_CTL, ((99, b"x"),), "has no element 99"),
    (Kind.LOGIN, ((Tag.USER, b"a"),), "lacks PASSWORD"),
    (Kind.LOGIN, ((Tag.USER, b"a"), (Tag.USER, b"a")), "USER stands twice"),
    (Kind.LOGIN, ((Tag.USER, b""), (Tag.PASSWORD, b"b")), "USER has 0 octets"),
    (Kind.LOGIN, ((Tag.USER, b"a" * 129), (Tag.PASSWORD, b"b")), "USER has 129 octets"),
    (Kind.LOGIN, ((Tag.USER, b"\xff"), (Tag.PASSWORD, b"b")), "USER is no text in UTF-8"),
    (Kind.SET_MODE, ((Tag.MODE, b"\2"),), "MODE is 2, not 0 or 1"),
    (Kind.COMMIT, ((Tag.TRANSACTION, bytes(15)),), "TRANSACTION has 15 octets"),
    (
        Kind.SAVE_CTL,
        ((Tag.TRANSACTION, bytes(16)), (Tag.BASE, bytes(5)), (Tag.CTL, b"x")),
        "BASE has 5 octets, not 0 or 32",
    ),
    (
        Kind.SAVE_CTL,
        ((Tag.TRANSACTION, bytes(16)), (Tag.BASE, b""), (Tag.CTL, bytes(CTL_LIMIT_BYTES + 1))),
        "CTL has 65537 octets",
    ),
]
BAD_ANSWERS: list[tuple[int, tuple[tuple[int, bytes], ...], str]] = [
    (Kind.LOGIN, (), "kind 0x01 is no answer"),
    (Kind.CERTIFICATES, with_tag(Tag.NAME, b"../x"), "a node's name is letters"),
    (Kind.CERTIFICATES, with_tag(Tag.ADDRESS, bytes(5)), "ADDRESS has 5 octets, not 4 or 16"),
    (Kind.CERTIFICATES, with_tag(Tag.CALLMANAGER, bytes(8193)), "CALLMANAGER has 8193 octets"),
    (Kind.CERTIFICATES, (*CERTIFICATES, (Tag.NODE, NODE)), "lacks CAPF"),
    (Kind.CERTIFICATES, (*CERTIFICATES, *PUBLISHER), "has no element 8"),
    (Kind.CERTIFICATES, (*CERTIFICATES, *PUBLISHER, (Tag.NODE, NODE), (Tag.NODE, NODE)), "own"),
    (Kind.CERTIFICATES, (*CERTIFICATES, *PUBLISHER, (Tag.NODE, bytes(32))), "NODE has 32 octets"),
    (Kind.HELD_CTL, ((Tag.CTL, b""),), "CTL has 0 octets"),
    (Kind.REFUSED, ((Tag.REASON, b"\0"), (Tag.TEXT, b"x")), "0 is no reason"),
]


@pytest.mark.parametrize(("kind", "elements", "rule"), BAD)
def test_requests_that_are_none(
    kind: int, elements: tuple[tuple[int, bytes], ...], rule: str
) -> None:
    with pytest.raises(RemoteProtocolViolation, match=rule):
        decode_request_untrusted(Frame(kind, elements))


@pytest.mark.parametrize(("kind", "elements", "rule"), BAD_ANSWERS)
def test_answers_that_are_none(
    kind: int, elements: tuple[tuple[int, bytes], ...], rule: str
) -> None:
    with pytest.raises(RemoteProtocolViolation, match=rule):
        decode_answer_untrusted(Frame(kind, elements))


def test_a_cluster_of_too_many_nodes_is_refused() -> None:
    nodes = tuple((int(Tag.NODE), bytes(32) + f"n{i}".encode()) for i in range(NODE_LIMIT + 1))
    whole = Frame(Kind.CERTIFICATES, (*CERTIFICATES, *PUBLISHER, *nodes[:-1]))
    told = decode_answer_untrusted(whole)
    assert isinstance(told, Certificates)
    assert told.publisher is not None
    assert len(told.publisher.nodes) == NODE_LIMIT
    with pytest.raises(RemoteProtocolViolation, match="at most 64 nodes"):
        decode_answer_untrusted(Frame(Kind.CERTIFICATES, (*CERTIFICATES, *PUBLISHER, *nodes)))


def test_a_long_refusal_is_cut_between_characters() -> None:
    octets = encode_message(Refused(RefusalReason.UNABLE, "ü" * 399))
    refused = decode_answer_untrusted(decode_frame_untrusted(octets))
    assert refused == Refused(RefusalReason.UNABLE, "ü" * 200)


def test_a_password_is_not_shown() -> None:
    login = Login("admin", "hunter22")
    assert "hunter22" not in repr(login)
    assert "hunter22" not in repr(decode_frame_untrusted(encode_message(login)))
