"""The door through which files become trusted, against the model of trust.

The first four octets choose a phone and what it holds; the rest is the file. Where the third
octet says so, the file is signed anew by whom it names (or by a stranger), so that the fuzzer
gets behind the signature: what is hostile and signed correctly is the interesting case.

    octet  meaning
        0  kind of file, of 5
        1  bits 0-1 model, 2-3 channel, 4 a TVS is configured, 5 address given, 6 manual key
        2  bits 0-3 what is held, 4-5 signed anew: no, by the named, no, by the stranger
        3  what TVS has said
"""

from collections.abc import Iterable
from functools import cache

from fuzz.agreement import read_naively
from fuzz.model import Key
from fuzz.model_reading import claim_of_file, key_of
from fuzz.model_verdict import answer_of, expected_answer
from fuzz.signing import Identity, identity, rsa_key
from fuzz.strategies import MODEL_NAMES, NOW
from fuzz.strategies_lists import (
    ADDRESSES,
    DEVICE_KEY,
    NAMES,
    ORDINARY,
    bare_record,
    list_record,
    plain_header,
)
from fuzz.strategies_parts import header_parts, sign_parts
from secd.envelope import encode_header
from secd.files.data import model_catalogue
from secd.trust import (
    Accept,
    Context,
    Installed,
    Reason,
    Verdict,
    Voucher,
    VoucherOutcome,
    decide,
    decide_peer,
)
from secd.trustlist import (
    Function,
    Record,
    TrustList,
    decode_trust_list_untrusted,
    encode_records,
)
from secd.words import FileKind, Transport

CHOICE_BYTES = 4
_KINDS = (FileKind.CTL, FileKind.ITL, FileKind.SIGNED, FileKind.ENCRYPTED, FileKind.PLAIN)
_CHANNELS = (Transport.TFTP, Transport.HTTP, Transport.HTTPS, Transport.TFTP)
_MODELS = tuple(model_catalogue().find(name) for name in MODEL_NAMES)
_PEERS = (Function.CCM, Function.CAPF, Function.TVS, Function.APP_SERVER, Function.TFTP)
# Reasons to accept that rest on no signature.
_UNSIGNED = frozenset(
    {Reason.CHANNEL_AUTHENTICATED, Reason.PLAIN_ALLOWED, Reason.EMPTY_FILE, Reason.MANUAL_KEY}
)


def decision(octets: bytes) -> None:
    """Judge, and hold the verdict against the model's; accept nothing that no known key signed."""
    if len(octets) < CHOICE_BYTES:
        return
    context = _context(octets[0], octets[1])
    installed = _held()[octets[2] & 15]
    candidate = _signed_anew(octets[CHOICE_BYTES:], octets[2] >> 4 & 3)
    vouchers = _said()[octets[3] % len(_said())]
    verdict = decide(installed, candidate, context, vouchers)
    expected = expected_answer(installed, candidate, context, vouchers)
    if expected is not None:
        assert answer_of(verdict) is expected, (verdict.reason, expected)
    if isinstance(verdict, Accept):
        _assert_signed(verdict, candidate, installed, vouchers)


def peer(octets: bytes) -> None:
    """Judge a TLS server's certificate: accepted is what a list holds or issued, or TVS vouched."""
    if len(octets) < CHOICE_BYTES:
        return
    context = _context(octets[0], octets[1])
    installed = _held()[octets[2] & 15]
    certificate = octets[CHOICE_BYTES:]
    vouchers = _said()[octets[3] % len(_said())]
    function = _PEERS[octets[0] % len(_PEERS)]
    verdict = decide_peer(installed, certificate, function, context, vouchers)
    if isinstance(verdict, Accept):
        known = {record.certificate for record in _records(installed)}
        by_tvs = {voucher.certificate for voucher in vouchers}
        if verdict.reason is Reason.PEER_LISTED:
            assert certificate in known
        elif verdict.reason is Reason.TVS_VOUCHED:
            assert certificate in by_tvs
        else:
            assert verdict.reason is Reason.CHAIN_TO_CA
            assert any(record.function == Function.CAPF for record in _records(installed))


def _assert_signed(
    verdict: Verdict,
    candidate: bytes,
    installed: Installed,
    vouchers: tuple[Voucher, ...],
) -> None:
    """Whoever is believed, one of the keys that the phone can know made the signature."""
    if verdict.reason in _UNSIGNED:
        return
    claim = claim_of_file(candidate)
    keys = {key for record in _records(installed) if (key := _key(record)) is not None}
    keys |= {key for voucher in vouchers if (key := key_of(voucher.certificate)) is not None}
    if verdict.reason is Reason.FIRST_LIST:
        own = decode_trust_list_untrusted(candidate).records
        keys |= {key for record in own if (key := _key(record)) is not None}
    assert any(claim.made_with(key) for key in keys), verdict.reason


def _records(installed: Installed) -> Iterable[Record]:
    for held in (installed.ctl, installed.itl):
        if held is not None:
            yield from held.records


def _key(record: Record) -> Key | None:
    return key_of(record.certificate) if record.certificate else None


def _context(first: int, second: int) -> Context:
    return Context(
        model=_MODELS[second & 3],
        kind=_KINDS[first % len(_KINDS)],
        now_seconds=NOW,
        server_address=ADDRESSES[0] if second & 32 else "",
        channel=_CHANNELS[second >> 2 & 3],
        tvs_servers=ADDRESSES[:1] if second & 16 else (),
        device_key=rsa_key(DEVICE_KEY),
        manual_key=bytes(range(16)) if second & 64 else None,
    )


def _signed_anew(octets: bytes, how: int) -> bytes:
    """Put the right signature into a file that can be read and names one of the cast."""
    if how not in (1, 3):
        return octets
    file = read_naively(octets)
    if file is None:
        return octets
    at, end = file.signature
    digest = file.values[8][0]
    named = _cast().get(file.values[5])
    if end - at != 3 + 128 or digest not in (1, 2, 3) or named is None:
        return octets
    signer = named if how == 1 else identity("STRANGER")
    return octets[: at + 3] + signer.sign(file.signed_octets(), digest) + octets[end:]


@cache
def _cast() -> dict[bytes, Identity]:
    return {one.serial: one for one in map(identity, NAMES)}


def made_list(signer: Identity, *records: Record) -> bytes:
    """Return a whole list, signed."""
    parts = header_parts(encode_header(plain_header(signer)))
    return sign_parts(parts, encode_records(records), signer)


@cache
def _held() -> tuple[Installed, ...]:
    """What the phone may hold: sixteen pairs of nothing, full, foreign, empty and odd lists."""
    token, ccm, stranger = identity("TOKEN1"), identity("CCM"), identity("STRANGER")
    impostor = identity("CCM", "CCM impostor")
    lists: list[TrustList | None] = [
        None,
        decode_trust_list_untrusted(made_list(token, *ORDINARY)),
        decode_trust_list_untrusted(
            made_list(
                ccm, list_record(2, impostor), list_record(21, identity("TVS")), bare_record(1)
            )
        ),
        decode_trust_list_untrusted(
            made_list(token, list_record(0, token), list_record(4, stranger))
        ),
    ]
    return tuple(Installed(ctl, itl) for ctl in lists for itl in lists)


@cache
def _said() -> tuple[tuple[Voucher, ...], ...]:
    """Nothing; good words about everybody; and what may be wrong with a word."""

    def word(name: str, outcome: VoucherOutcome, until: float, *functions: int) -> Voucher:
        one = identity(name)
        return Voucher(
            one.issuer, one.serial, outcome, one.certificate, frozenset(functions), until
        )

    good = VoucherOutcome.VOUCHED
    return (
        (),
        tuple(word(name, good, NOW + 60, 0, 2, 3) for name in NAMES),
        tuple(word(name, good, NOW - 1, 0, 2, 3) for name in NAMES),
        tuple(word(name, good, NOW + 60, 4, 21) for name in NAMES),
        tuple(word(name, VoucherOutcome.DENIED, NOW + 60, 0, 2) for name in NAMES),
        (Voucher(stranger_issuer(), b"x", good, b"", frozenset({0}), NOW + 60),),
    )


def stranger_issuer() -> bytes:
    """Return the issuer of somebody whose certificate TVS forgot to send."""
    return identity("STRANGER").issuer
