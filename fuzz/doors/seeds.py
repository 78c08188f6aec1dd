"""Inputs for a fuzzer to begin with: the vectors, and one of each kind that this project makes."""

import re
from functools import cache
from pathlib import Path

from firmware_sim.tokens.file_format import head
from fuzz.doors.certificate_proxy import SESSION_ID
from fuzz.doors.decisions import made_list
from fuzz.signing import identity
from fuzz.strategies_lists import ORDINARY, PAYLOADS, bare_record, list_record, plain_header
from fuzz.strategies_parts import header_parts, sign_parts
from secd import capf
from secd.envelope import encode_header
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.tftp.packets import (
    Acknowledgement,
    Data,
    ErrorPacket,
    OptionAcknowledgement,
    ReadRequest,
)
from secd.trust import Voucher, VoucherOutcome
from secd.tvs import QueryCertificate, TVSAnswer, TVSClientSession, TVSServerSession, wire_name
from secd.tvs.session import VerifyCertificate

VECTORS = Path(__file__).parents[2] / "tests" / "vectors"
_DEVICE = "SEP0011215A1AE3"
_DEFAULT = (
    b"<Default><callManagerGroup><members><member priority='0'><callManager><processNodeName>"
    b"a</processNodeName></callManager></member></members></callManagerGroup></Default>"
)


def _vectors(pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(VECTORS.rglob(pattern))]


@cache
def _made_lists() -> tuple[bytes, ...]:
    token, ccm = identity("TOKEN1"), identity("CCM")
    return (
        made_list(token, *ORDINARY),
        made_list(ccm, list_record(2, ccm), list_record(21, identity("TVS"))),
        made_list(token, list_record(0, token)),
        made_list(ccm, bare_record(2)),
        made_list(token),
    )


def _made_file(payload: bytes) -> bytes:
    ccm = identity("CCM")
    return sign_parts(header_parts(encode_header(plain_header(ccm))), payload, ccm)


def trust_lists() -> list[bytes]:
    """Lists: vectors and made ones."""
    return [*_vectors("*.tlv"), *_made_lists()]


def signed_files() -> list[bytes]:
    """Files in envelopes, lists among them."""
    return [*_vectors("*.sgn"), *trust_lists(), *map(_made_file, PAYLOADS)]


def decisions() -> list[bytes]:
    """Files behind four octets of choice: each list and file to a phone with and without lists."""
    seeds = []
    for held in (0, 5, 6, 9, 13):
        for how in (0, 16):
            choice = bytes([held | how, 1])
            seeds += [b"\0\x13" + choice + each for each in _made_lists()]
            seeds += [b"\1\x11" + choice + each for each in _made_lists()]
            seeds += [b"\2\x12" + choice + _made_file(PAYLOADS[0])]
    return seeds + [bytes([n, 3, 5, 0]) + each for n in (2, 3) for each in _vectors("*.sgn")]


def peers() -> list[bytes]:
    """Certificates behind four octets of choice."""
    names = ("CCM", "TVS", "TOKEN1", "STRANGER")
    return [
        bytes([function, 0x13, 5, 1]) + identity(name).certificate
        for name in names
        for function in range(5)
    ]


def firmware() -> list[bytes]:
    """Bodies of `.loads` files."""
    return [
        b"# a comment\njar41sccp.8-5-2TH1-9.sbn\r\n#+ dsp41.8-5-2TH1-9.sbn\n",
        b"cnu41.8-5-2TH1-9.sbn 1234567 0123456789abcdef0123456789abcdef  \n\n",
    ]


def certificates() -> list[bytes]:
    """Certificates: DER of the cast, PEM of the vectors."""
    cast = [identity(name).certificate for name in ("CCM", "TVS")]
    pems = _vectors("*.pem")
    ends = (pem.find(b"-----END CERTIFICATE-----") for pem in pems)
    certificates = [pem[: end + 26] for pem, end in zip(pems, ends, strict=True)]
    owned = [pem for pem in pems if b"PRIVATE KEY" in pem][:2]
    return cast + owned + [each[each.find(b"-----BEGIN CERT") :] for each in certificates]


def configurations() -> list[bytes]:
    """Configurations, the vector among them."""
    return [
        *PAYLOADS,
        *_vectors("*.cnf.xml"),
        _DEFAULT,
    ]


def tftp_packets() -> list[bytes]:
    """One of each packet."""
    packets = (
        ReadRequest("CTLFile.tlv", "octet", (("blksize", "1428"), ("tsize", "0"))),
        Data(1, b"octets"),
        Acknowledgement(65535),
        ErrorPacket(1, "File not found"),
        OptionAcknowledgement((("blksize", "512"), ("windowsize", "4"))),
    )
    return [packet.encode() for packet in packets]


def tftp_transfers() -> list[bytes]:
    """Scripts: a file of two blocks, with options and without; an error; silence."""

    def datagram(octets: bytes) -> bytes:
        return bytes([0x10, len(octets)]) + octets

    options = OptionAcknowledgement((("blksize", "16"), ("windowsize", "4"), ("tsize", "20")))
    blocks = datagram(Data(1, bytes(16)).encode()) + datagram(Data(2, b"end").encode())
    return [
        b"\2" + datagram(options.encode()) + blocks,
        b"\0" + datagram(Data(1, b"short").encode()) + b"\x08\x08\x08",
        b"\1" + datagram(ErrorPacket(1, "no").encode()),
        b"\0\x08\x08\x08\x08\x08\x0c",
    ]


def http_responses() -> list[bytes]:
    """Answers behind one octet that says where they are cut."""
    answers = (
        b"HTTP/1.1 200 OK\r\nContent-length: 5\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end",
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-length: 0\r\n\r\n",
    )
    return [b"\x80" + answer for answer in answers]


def http_requests() -> list[bytes]:
    """Requests, good and odd."""
    return [
        b"GET /CTLFile.tlv HTTP/1.1\r\nHost: a:6970\r\nConnection: close\r\n\r\n",
        b"HEAD http://a/x/../%2e%2e/etc/passwd?x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.0\r\n\r\n",
    ]


def tvs_messages() -> list[bytes]:
    """Vectors, and whole conversations of ours in both directions."""
    known = identity("CCM")
    seeds = [
        octets
        for path in sorted(VECTORS.glob("tvs/0*.hex"))
        for octets in _spoken(path.read_text())
    ]
    for question in (
        QueryCertificate(known.subject, known.issuer, known.serial),
        VerifyCertificate(known.certificate),
    ):
        client = TVSClientSession(wire_name("8861", _DEVICE))
        server = TVSServerSession()
        octets = client.ask(question)
        (request,) = server.receive_octets(octets)
        answer = TVSAnswer(0, known.certificate, frozenset({0, 3}), 86400)
        seeds += [octets, server.answer(request, answer), server.answer(request, TVSAnswer(1))]
    return seeds


def _spoken(text: str, speaker: str = "") -> list[bytes]:
    """Return the messages of a recorded conversation: lines of hex below a line for each.

    speaker -- `C->S` or `S->C`; empty: both.
    """
    spoken: list[tuple[str, bytes]] = []
    for line in text.splitlines():
        octets = re.match(r"  ((?:[0-9a-f]{2} ?)+)", line)
        if line.startswith(("C->S", "S->C")):
            spoken.append((line[:4], b""))
        elif octets is not None:
            spoken[-1] = (spoken[-1][0], spoken[-1][1] + bytes.fromhex(octets[1]))
    return [octets for who, octets in spoken if speaker in (who, "")]


def _capf() -> list[str]:
    return [path.read_text() for path in sorted(VECTORS.glob("capf/*.hex"))]


def capf_transcripts() -> list[bytes]:
    """The recorded conversations as they are written, the shorter ones."""
    return [text.encode() for text in _capf() if len(text) < 5_000]


def capf_messages() -> list[bytes]:
    """Every message of the recorded conversations, each once."""
    return sorted({octets for text in _capf() for octets in _spoken(text)})


def capf_of_phones() -> list[bytes]:
    """What the phone says in each conversation, in this session; each order once."""
    spoken = [_spoken(text, "C->S") for text in _capf()]
    return [
        bytes([order]) + b"".join(_in_session(octets) for octets in messages)
        for order, messages in enumerate(spoken)
    ]


def capf_of_servers() -> list[bytes]:
    """What the server says in each conversation, and one that gives the certificate of our key."""
    made = identity("CCM")
    store = capf.Message(9, SESSION_ID, ((3, b"\1"), (4, capf.wrap_certificate(made.certificate))))
    whole = (
        capf.Message(1, SESSION_ID, ((7, b"\3"), (8, b"\0"))),
        capf.Message(3, SESSION_ID, ((10, b"\x08\0"), (17, b"\0"))),
        store,
        capf.Message(15, SESSION_ID, ((1, b"\1"),)),
    )
    said = [b"".join(_spoken(text, "S->C")) for text in _capf()]
    said.append(b"".join(message.encode() for message in whole))
    return [bytes([number % 32 | 4]) + octets for number, octets in enumerate(said)]


def _in_session(octets: bytes) -> bytes:
    """Put a message into the session that the door's server holds."""
    return octets[:2] + SESSION_ID.to_bytes(4, "big") + octets[6:]


def flashes() -> list[bytes]:
    """A state.toml, a list and a configuration, each behind the octet that says which it is."""
    flash = MemoryFlash()
    ccm = identity("CCM")
    words = (
        Voucher(ccm.issuer, ccm.serial, VoucherOutcome.VOUCHED, b"der", frozenset({0, 3}), 1.5e9),
    )
    store = PhoneStore(flash, _DEVICE, model_catalogue().find("8861"))
    store.save_state(words, [(1.5e9, "a text", "a key")])
    state = flash.read("state.toml") or b""
    huge = state.replace(b"1500000000.0", b"1" + b"0" * 400)  # once an OverflowError
    return [b"\0" + state, b"\0" + huge, b"\1" + _made_lists()[1], b"\3" + PAYLOADS[0]]


def mappings() -> list[bytes]:
    """What `--map` takes."""
    return [b"14.48.44.80:69=127.0.0.1:54321", b"[2001:db8::1]:69=[::1]:7", b"a=b", b"::1=::2"]


def token_files() -> list[bytes]:
    """The token that openssl made, and what is left of it when it is locked."""
    [whole] = _vectors("*.token")
    certificate = whole[whole.index(b"-----BEGIN") : whole.index(b"-----BEGIN ENCRYPTED")]
    return [whole, head(0, certificate) + certificate]
