"""Small things that no other test noticed when mutation testing changed them (`make mutants`)."""

import pytest
from support import vector

from fuzz.signing import identity
from secd.envelope import decode_signed_file_untrusted
from secd.errors import MalformedFile, RemoteProtocolViolation
from secd.models import TFTPOptions
from secd.tftp import Receiver, State
from secd.tftp.packets import Data
from secd.trustlist import Form, decode_trust_list_untrusted, show_list
from secd.tvs import Message, MessageType, Tag, TVSAnswer, TVSClientSession, TVSServerSession
from secd.tvs import VerifyCertificate as Verify
from secd.words import FileKind

SERVER = ("192.0.2.1", 69)


def test_a_complete_file_needs_no_retransmission_to_be_let_go() -> None:
    receiver = Receiver(SERVER, "f", TFTPOptions(0, 0, False, 0, 1.0, 0), 1000, 0.0)
    receiver.receive_datagram(Data(1, b"end").encode(), SERVER, 0.1)
    assert receiver.state is State.DALLY
    timer = receiver.timer()
    assert timer is not None
    receiver.timer_fired(timer)
    assert receiver.timer() is None  # it has ended


def test_an_answer_that_vouches_for_nothing_holds_nothing() -> None:
    denial = TVSAnswer(1)
    assert (denial.certificate, denial.functions, denial.lifetime_seconds) == (b"", frozenset(), 0)


def test_an_answer_is_told_not_to_be_a_question() -> None:
    name = (int(Tag.DEVICE_NAME), b"\1x")
    octets = Message(MessageType.QUERY_CERT_RES, 1, (name,)).encode()
    with pytest.raises(RemoteProtocolViolation, match="is asked with type 4, which is no question"):
        TVSServerSession().receive_octets(octets)


def test_a_question_may_hold_a_certificate_of_some_kilobytes() -> None:
    question = Verify(identity("CCM").certificate + bytes(8000))
    (request,) = TVSServerSession().receive_octets(TVSClientSession(b"\1x").ask(question))
    assert request.question == question


def test_a_header_without_a_tag_says_which() -> None:
    octets = vector("CTL-sast2-signs.tlv")
    at = octets.index(b"\x08\x00\x01")
    with pytest.raises(MalformedFile, match=r"no tag 8 \(digest algorithm\)"):
        decode_signed_file_untrusted(octets[:at] + b"\x63" + octets[at + 1 :])


def test_a_listing_leaves_a_line_before_it_says_that_a_list_failed() -> None:
    held = decode_trust_list_untrusted(vector("CTL-sast2-signs.tlv"))
    lines = show_list(held, FileKind.CTL, "today", verified=False, form=Form.CUCM_10)
    assert lines[-2:] == ("", "Verification of the CTL File Failed")
