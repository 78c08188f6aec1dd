"""Doors for CAPF, both ends: messages, the phone's and the server's side of a session."""

from contextlib import suppress

from fuzz.signing import identity
from secd.capf import (
    HEADER_BYTES,
    Applicant,
    CAPFClientSession,
    CAPFEnded,
    CAPFServerSession,
    ClaimReceived,
    ClientOutput,
    ClientState,
    Fetched,
    GenerateKey,
    Identity,
    KeyReceived,
    RSAKind,
    SendOctets,
    ServerState,
    StageLSC,
    certifies,
    decode_message_untrusted,
    public_octets,
    verify_data,
    verify_sudi,
)
from secd.capf.message import MessageBuffer
from secd.errors import MalformedFile, RemoteProtocolViolation, SignatureInvalid, UnsupportedKey
from secd.files.identity import identity_to_pem, load_identity_untrusted

SECRET = "1234567890"  # noqa: S105 - nobody's
SESSION_ID = 4
_LSC = identity("CCM")


def capf_message(octets: bytes) -> None:
    """Read one message: written back it is the same; shown, its secrets are not."""
    with suppress(RemoteProtocolViolation):
        message = decode_message_untrusted(octets)
        assert message.encode() == octets
        assert repr(message).isprintable()
    buffer = MessageBuffer()
    buffer.feed(octets)
    with suppress(RemoteProtocolViolation):
        while (message_read := buffer.next_message_untrusted()) is not None:
            assert decode_message_untrusted(message_read.encode()) == message_read


def capf_client(octets: bytes) -> None:
    """Be a phone to whatever the server says: what it installs is for the key it made.

    The first octet chooses who the phone is, and whether the octets come at once.
    """
    if not octets:
        return
    client = CAPFClientSession(_applicant(octets[0]))
    try:
        for piece in _pieces(octets[1:]) if octets[0] & 4 else [octets[1:]]:
            _do(client, client.receive_octets(piece))
        client.receive_eof()
    except RemoteProtocolViolation as violation:
        assert str(violation).isprintable()
        assert client.state is ClientState.FAILED
    if client.ended is not None and client.ended.install is not None:
        installed = client.ended.install
        assert certifies(installed.certificate, public_octets(installed.key))
        assert installed.key is _LSC.key


def _applicant(choice: int) -> Applicant:
    own = Identity(_LSC.certificate, _LSC.key)
    return Applicant(
        "SEP0011215A1AE3",
        SECRET if choice & 1 else "",
        own if choice & 2 else None,
        own if choice & 8 else None,
        _LSC.certificate if choice & 16 else None,
    )


def _do(client: CAPFClientSession, outputs: list[ClientOutput]) -> None:
    """Do what the session says; what it sends can be read."""
    for output in outputs:
        match output:
            case SendOctets():
                assert decode_message_untrusted(output.octets) == output.message
                assert SECRET not in repr(output)
            case GenerateKey(kind):
                made = _LSC.key if isinstance(kind, RSAKind) else None
                if made is not None:
                    _do(client, client.key_made(made))
            case StageLSC(lsc):
                # Whatever is staged, the next boot can load.
                loaded = load_identity_untrusted(identity_to_pem(lsc), "LSC")
                assert loaded.certificate == lsc.certificate
                _do(client, client.staged())
            case CAPFEnded():
                assert client.state is ClientState.ENDED
            case _:
                pass


def _pieces(octets: bytes) -> list[bytes]:
    """Cut a stream where its messages end, as far as they say so."""
    pieces = []
    while len(octets) >= HEADER_BYTES:
        end = HEADER_BYTES + int.from_bytes(octets[HEADER_BYTES - 2 : HEADER_BYTES], "big")
        pieces.append(octets[:end])
        octets = octets[end:]
    return [*pieces, octets] if octets else pieces


def capf_server(octets: bytes) -> None:
    """Be a server to whatever a phone says; the first octet chooses what it has it do."""
    if not octets:
        return
    server = CAPFServerSession(SESSION_ID)
    server.start()
    try:
        for piece in _pieces(octets[1:]):
            for output in server.receive_octets(piece):
                _answer(server, output, octets[0])
    except RemoteProtocolViolation as violation:
        assert str(violation).isprintable()
        if server.state is not ServerState.ENDED:
            assert decode_message_untrusted(server.end(7).encode())


def _answer(server: CAPFServerSession, output: object, choice: int) -> None:
    match output:
        case ClaimReceived(claim):
            with suppress(SignatureInvalid, UnsupportedKey, MalformedFile):
                if claim.certificate is not None and claim.signed is not None:
                    verify_data(claim.device_name, claim.certificate, claim.signed)
            with suppress(SignatureInvalid, UnsupportedKey, MalformedFile):
                if claim.sudi is not None:
                    verify_sudi(SESSION_ID, claim.sudi)
            if server.state is ServerState.AWAIT_OPERATION:
                orders = (
                    lambda: server.install(RSAKind(2048)),
                    server.fetch,
                    server.delete,
                    lambda: server.end(1),
                )
                assert decode_message_untrusted(orders[choice % 4]().encode())
        case KeyReceived(public_key) if server.state is ServerState.AWAIT_CERTIFICATE:
            assert public_key
            assert decode_message_untrusted(server.store(_LSC.certificate).encode())
        case Fetched(_, certificate):
            assert certificate is None or certificate
        case _:
            pass
