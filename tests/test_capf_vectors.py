"""Every recorded conversation of capfd and capfc: read, written back, and held by our two ends."""

import pytest
from capf_vectors import NAMES, Said, certificate, conversation, identity
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from secd.capf import (
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    CAPFServerSession,
    ClaimReceived,
    Deleted,
    ECKind,
    Fetched,
    GenerateKey,
    Identity,
    KeyReceived,
    KeyRefused,
    Message,
    MessageBuffer,
    MessageType,
    Operation,
    PrivateKey,
    Reason,
    RSAKind,
    SendOctets,
    StageLSC,
    Stored,
    Tag,
    decode_message_untrusted,
    decode_sudi_untrusted,
    encode_sudi,
    unwrap_certificate_untrusted,
    unwrap_sha512_signature_untrusted,
    verify_data,
    verify_sudi,
    wrap_certificate,
    wrap_sha512_signature,
)

LSC, EC_LSC, MIC = "lsc-rsa", "lsc-ec", "mic"
# Who proves himself in which conversation: the certificate, and the one of the SUDI data.
PROOFS = {
    "17-install-lsc-rsa": (LSC, LSC),
    "18-install-lsc-rsa-sudi-mic": (LSC, MIC),
    "19-install-lsc-ec-sudi-mic": (EC_LSC, MIC),
    "20-install-mic-rsa": (MIC, MIC),
    "21-delete-cert": (LSC, LSC),
    "22-cert-untrusted": ("other", "other"),
}
HELD = {
    "04-fetch-null": LSC,
    "05-delete-null": LSC,
    "09-fetch-ec-null": EC_LSC,
    "10-delete-ec-null": EC_LSC,
    "21-delete-cert": LSC,
}
# capfc makes RSA keys of 512 bits; the library that we use does not.
WEAK = "23-install-rsa512-null"


def test_all_conversations_are_here() -> None:
    assert len(NAMES) == 26
    assert sum(len(conversation(name)) for name in NAMES) > 150


@pytest.mark.parametrize("name", NAMES)
def test_a_message_read_and_written_back_is_the_same(name: str) -> None:
    for said in conversation(name):
        assert said.message.encode() == said.octets
        assert _rebuilt(said.message).encode() == said.octets


def _rebuilt(message: Message) -> Message:
    """The same message, with the insides of its elements read and written too."""
    elements = []
    for tag, value in message.elements:
        match tag:
            case Tag.CERTIFICATE:
                elements.append((tag, wrap_certificate(unwrap_certificate_untrusted(value))))
            case Tag.SUDI_DATA:
                elements.append((tag, encode_sudi(decode_sudi_untrusted(value))))
            case Tag.SHA2_SIGNED_DATA:
                signature = unwrap_sha512_signature_untrusted(value)
                elements.append((tag, wrap_sha512_signature(signature)))
            case _:
                elements.append((tag, value))
    return Message(message.kind, message.session_id, tuple(elements))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("phone", [True, False])
def test_messages_are_put_together_from_single_octets(name: str, phone: bool) -> None:
    buffer, messages = MessageBuffer(), []
    side = [said for said in conversation(name) if said.phone is phone]
    for octet in b"".join(said.octets for said in side):
        buffer.feed(bytes([octet]))
        message = buffer.next_message_untrusted()
        messages += [] if message is None else [message]
    assert messages == [said.message for said in side]
    assert buffer.is_empty


@pytest.mark.parametrize("name", PROOFS)
def test_the_signatures_of_capfc_are_right(name: str) -> None:
    claim = claim_in(name).claim
    proof, sudi = PROOFS[name]
    assert claim.certificate == certificate(proof)
    assert claim.signed is not None
    assert claim.sudi is not None
    verify_data(b"SEP000000000001", claim.certificate, claim.signed)
    assert claim.sudi.certificate == certificate(sudi)
    verify_sudi(conversation(name)[0].message.session_id, claim.sudi)


def claim_in(name: str) -> ClaimReceived:
    said = conversation(name)
    server = CAPFServerSession(said[0].message.session_id)
    server.start()
    [_, claim] = server.receive_octets(said[1].octets)
    assert isinstance(claim, ClaimReceived)
    return claim


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize("name", [name for name in NAMES if name != WEAK])
def test_our_phone_holds_the_conversation_of_capfc(name: str, piece: int) -> None:
    """The server says what capfd said, whole or octet by octet; our phone says what capfc said."""
    session = CAPFClientSession(applicant(name))
    expected = [said for said in conversation(name) if said.phone]
    sent: list[Message] = []
    for said in conversation(name):
        pieces = [bytes([o]) for o in said.octets] if piece else [said.octets]
        for octets in () if said.phone else pieces:
            outputs = session.receive_octets(octets)
            while outputs:
                output = outputs.pop(0)
                if isinstance(output, SendOctets):
                    sent.append(output.message)
                elif isinstance(output, GenerateKey):
                    outputs += session.key_made(the_key(name))
                elif isinstance(output, StageLSC):
                    outputs += session.staged()
    assert len(sent) == len(expected)
    for ours, theirs in zip(sent, expected, strict=True):
        assert_same(ours, theirs, name)
    session.receive_eof()
    assert session.ended == ending(name)


def assert_same(ours: Message, theirs: Said, name: str) -> None:
    if ours.kind != MessageType.AUTH_RES or PROOFS.get(name, ("",))[0] != EC_LSC:
        assert ours.encode() == theirs.octets
        return
    # ECDSA signatures differ each time: all else is equal, and ours verify.
    random = {int(Tag.SIGNED_DATA), int(Tag.SHA2_SIGNED_DATA)}
    for mine, other in zip(ours.elements, theirs.message.elements, strict=True):
        assert mine[0] == other[0]
        assert mine[1] == other[1] or mine[0] in random
    server = CAPFServerSession(ours.session_id)
    server.start()
    [_, claimed] = server.receive_octets(ours.encode())
    assert isinstance(claimed, ClaimReceived)
    assert claimed.claim.signed is not None
    verify_data(b"SEP000000000001", certificate(EC_LSC), claimed.claim.signed)


def applicant(name: str) -> Applicant:
    device = conversation(name)[1].message.text(Tag.DEVICE_NAME)
    assert device is not None
    proof, sudi = PROOFS.get(name, (None, None))
    held = HELD.get(name)
    return Applicant(
        device.decode(),
        authentication_string(name),
        None if proof is None else identity(proof),
        None if sudi is None else identity(sudi),
        lsc=None if held is None else certificate(held),
    )


def authentication_string(name: str) -> str:
    return (conversation(name)[1].message.text(Tag.PASSWORD) or b"").decode()


class OnlyPublic:
    """Stands for a private key of which only the public half was recorded."""

    def __init__(self, public_key: bytes) -> None:
        self._public = load_der_public_key(public_key)

    def public_key(self) -> object:
        return self._public


def the_key(name: str) -> PrivateKey:
    public = next(
        value
        for said in conversation(name)
        if (value := said.message.element(Tag.PUBLIC_KEY)) is not None
    )
    return OnlyPublic(public)  # type: ignore[return-value]


def ending(name: str) -> CAPFEnded:
    reason = conversation(name)[-1].message.number(Tag.REASON)
    if "install" in name:
        stored = next(s for s in conversation(name) if s.message.kind == MessageType.STORE_CERT_REQ)
        wrapped = stored.message.element(Tag.CERTIFICATE)
        assert wrapped is not None
        session_end = CAPFEnded(Operation.INSTALL, reason)
        return _with_certificate(session_end, unwrap_certificate_untrusted(wrapped))
    if "delete" in name:
        return CAPFEnded(Operation.DELETE, reason, erase="missing" not in name)
    if "fetch" in name:
        return CAPFEnded(Operation.FETCH, reason)
    return CAPFEnded(Operation.NOTHING, reason)


def _with_certificate(ended: CAPFEnded, der: bytes) -> CAPFEnded:
    class AnyKey:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, OnlyPublic)

        __hash__ = None  # type: ignore[assignment]

    return CAPFEnded(ended.operation, ended.reason, Identity(der, AnyKey()))  # type: ignore[arg-type]


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_our_server_holds_the_conversation_of_capfd(name: str, piece: int) -> None:
    """The phone says what capfc said; our server, told what to do, says what capfd said."""
    said = conversation(name)
    session = CAPFServerSession(said[0].message.session_id)
    sent = [session.start()]
    for one in said:
        pieces = [bytes([o]) for o in one.octets] if piece else [one.octets]
        for octets in pieces if one.phone else ():
            for output in session.receive_octets(octets):
                match output:
                    case ClaimReceived():
                        sent.append(operation(session, name))
                    case KeyReceived(_, kind):
                        assert kind == kind_in(name)
                        sent.append(session.store(ending(name).install.certificate))  # type: ignore[union-attr]
                    case KeyRefused():
                        pytest.fail("no conversation has this")
                    case Stored() | Deleted():
                        sent.append(session.end(Reason.SUCCESS))
                    case Fetched(_, shown):
                        held = HELD.get(name)
                        assert shown == (None if held is None else certificate(held))
                        sent.append(session.end(Reason.NO_ACTION))
    assert [message.encode() for message in sent] == [one.octets for one in said if not one.phone]


def operation(session: CAPFServerSession, name: str) -> Message:
    """Have the server do what capfd did."""
    if "install" in name:
        return session.install(kind_in(name))
    if "fetch" in name:
        return session.fetch()
    if "delete" in name:
        return session.delete()
    reason = conversation(name)[-1].message.number(Tag.REASON)
    assert reason is not None
    return session.end(reason)


def kind_in(name: str) -> RSAKind | ECKind:
    asked = next(s.message for s in conversation(name) if s.message.kind == 3)
    if asked.number(Tag.KEY_TYPE) == 1:
        return ECKind(asked.number(Tag.CURVE) or 0)
    return RSAKind(asked.number(Tag.KEY_SIZE) or 0)


def test_a_key_of_512_bits_is_refused_cleanly() -> None:
    said = conversation(WEAK)
    session = CAPFClientSession(applicant(WEAK))
    session.receive_octets(said[0].octets)
    [_, refusal] = session.receive_octets(said[2].octets)
    assert isinstance(refusal, SendOctets)
    assert refusal.octets == bytes.fromhex("5504 00000017 0004 010001 07")
    [_, ended] = session.receive_octets(bytes.fromhex("550f 00000017 0004 010001 07"))
    assert isinstance(ended, CAPFEnded)
    assert not ended.done
    assert ended.refused == "no key can be made as asked: key type 0, key size 512"


def test_ec_keys_of_the_lsc_are_ec() -> None:
    assert isinstance(identity(EC_LSC).key, ec.EllipticCurvePrivateKey)


def test_strings_are_not_shown() -> None:
    said = conversation("15-install-password-ok")[1]
    assert authentication_string("15-install-password-ok")
    shown = repr(decode_message_untrusted(said.octets))
    assert "<secret>" in shown
    assert authentication_string("15-install-password-ok") not in shown
