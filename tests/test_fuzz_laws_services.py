"""Laws of TVS and CAPF: what is written is read back, one error, and streams cut anywhere."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.doors import DOORS
from fuzz.strategies import examples
from fuzz.strategies_services import answers, capf_messages, questions, spoilt, tvs_messages
from secd import capf, tvs
from secd.errors import RemoteProtocolViolation
from secd.tvs import Question, TVSAnswer, TVSClientSession, TVSServerSession, VerifyCertificate

LAW = settings(max_examples=examples(40))
LIMIT = 16 * 1024
tvs_octets = spoilt(tvs_messages.map(tvs.Message.encode), tvs.HEADER_BYTES)
capf_octets = spoilt(capf_messages.map(capf.Message.encode), capf.HEADER_BYTES)


@LAW
@given(tvs_messages)
def test_a_tvs_message_written_is_read_back(message: tvs.Message) -> None:
    assert tvs.decode_message_untrusted(message.encode()) == message


@LAW
@given(capf_messages)
def test_a_capf_message_written_is_read_back(message: capf.Message) -> None:
    assert capf.decode_message_untrusted(message.encode()) == message


@LAW
@given(tvs_octets, st.sampled_from(["tvs_message", "tvs_client", "tvs_server"]))
def test_whatever_tvs_says_passes_its_doors(octets: bytes, door: str) -> None:
    DOORS[door].feed(octets)


@LAW
@given(
    st.lists(capf_octets, max_size=4).map(b"".join),
    st.integers(0, 255),
    st.sampled_from(["capf_message", "capf_client", "capf_server"]),
)
def test_whatever_capf_says_passes_its_doors(octets: bytes, choice: int, door: str) -> None:
    DOORS[door].feed(octets if door == "capf_message" else bytes([choice]) + octets)


@LAW
@given(st.lists(tvs_messages, max_size=4), st.lists(st.integers(1, 40), min_size=1))
def test_a_stream_cut_anywhere_gives_the_same_messages(
    messages: list[tvs.Message], cuts: list[int]
) -> None:
    octets = b"".join(message.encode() for message in messages)
    buffer, read, at, turn = tvs.MessageBuffer(LIMIT), list[tvs.Message](), 0, 0
    while at < len(octets):
        size = cuts[turn % len(cuts)]
        read += buffer.feed(octets[at : at + size])
        at, turn = at + size, turn + 1
    assert read == messages
    assert buffer.is_empty


@LAW
@given(questions, answers)
def test_a_question_is_understood_and_its_answer_too(question: Question, answer: TVSAnswer) -> None:
    client = TVSClientSession(tvs.wire_name("8861", "SEP0011215A1AE3"))
    server = TVSServerSession()
    (request,) = server.receive_octets(client.ask(question))
    assert request.question == question
    said = client.receive_octets(server.answer(request, answer))
    expected = answer if answer.status == 0 else TVSAnswer(answer.status)
    if answer.status == 0 and isinstance(question, VerifyCertificate):
        expected = TVSAnswer(
            0, question.certificate, answer.functions, answer.lifetime_seconds
        )  # it is only ever about the certificate of the question
    assert said == expected


@LAW
@given(questions, tvs_messages)
def test_an_answer_with_another_id_is_none(question: Question, message: tvs.Message) -> None:
    client = TVSClientSession(b"\1x", first_request_id=message.request_id ^ 1)
    client.ask(question)
    try:
        client.receive_octets(message.encode())
    except RemoteProtocolViolation:
        return
    raise AssertionError("an answer to another question was taken")
