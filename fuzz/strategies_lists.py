"""Signed files from a small cast: right ones, forged ones, broken ones that are signed correctly.

The cast is small on purpose, so that signers and records meet: two tokens, a CallManager, the
recovery key, TVS and a stranger, each with an impostor who has the same issuer and serial and
another key. Whoever is named in a header need not be the one who signed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from hypothesis import strategies as st

from fuzz.signing import Identity, identity, rsa_key
from fuzz.strategies_basic import among, between, octets_up_to
from fuzz.strategies_parts import (
    Part,
    broken,
    header_parts,
    record_parts,
    sign_parts,
    write_record,
)
from fuzz.strategies_values import laid_out, rearranged, records
from secd.crypto import digest_of, encrypt_cbc
from secd.envelope import (
    CERTUTILS_LIST_LAYOUT,
    CUCM_LAYOUT,
    Encryption,
    Header,
    Signer,
    encode_header,
    pad,
)
from secd.trustlist import (
    CERTUTILS_RECORD_LAYOUT,
    CUCM_RECORD_LAYOUT,
    NO_CERTIFICATE_RECORD_LAYOUT,
    Record,
    decode_trust_list_untrusted,
    encode_record,
)

NAMES = ("TOKEN1", "TOKEN2", "CCM", "RECOVERY", "TVS", "STRANGER")
FUNCTIONS = (0, 0, 0, 1, 2, 2, 3, 4, 7, 21, 21)
ADDRESSES = ("10.1.1.1", "10.1.1.2")
DEVICE_KEY = "DEVICE"
PAYLOADS = (
    b"<device><fullConfig>true</fullConfig></device>",
    b"<device><TVS><members><member><address>10.1.1.1</address></member></members></TVS></device>",
    b"<device>",
    b"",
)

# One in eight is an impostor.
cast = st.builds(
    lambda name, impostor: identity(name, f"{name} impostor" if impostor else ""),
    st.sampled_from(NAMES),
    st.sampled_from([False] * 7 + [True]),
)


@cache
def list_record(function: int, who: Identity, address: str = ADDRESSES[0]) -> Record:
    """The record that CUCM writes for an identity."""
    return Record(
        function=function,
        dns_name=address.encode(),
        subject=who.subject,
        issuer=who.issuer,
        serial=who.serial,
        public_key=who.public_key,
        signature=who.signature,
        certificate=who.certificate,
        ip_address=bytes(int(part) for part in address.split(".")),
        layout=CUCM_RECORD_LAYOUT,
    )


def bare_record(function: int, address: str = ADDRESSES[0]) -> Record:
    """A record that lost its certificate when the cluster went back to non-secure mode."""
    full = list_record(function, identity("CCM"), address)
    return Record(
        function=function,
        dns_name=full.dns_name,
        ip_address=full.ip_address,
        layout=NO_CERTIFICATE_RECORD_LAYOUT,
    )


ORDINARY = (
    list_record(0, identity("TOKEN1")),
    list_record(0, identity("TOKEN2")),
    list_record(0, identity("RECOVERY")),
    list_record(2, identity("CCM")),
    list_record(21, identity("TVS")),
    list_record(4, identity("STRANGER")),
)


@st.composite
def usual_records(draw: st.DrawFn) -> Record:
    """A record of the cast: complete, by certutils, without certificate, or of odd values."""
    function = draw(among(*FUNCTIONS))
    full = list_record(function, draw(cast), draw(among(*ADDRESSES)))
    match draw(among(*["cucm"] * 6, "certutils", "bare", "lost", "garbled", "odd")):
        case "certutils":
            return replace(full, dns_name=None, ip_address=None, layout=CERTUTILS_RECORD_LAYOUT)
        case "bare":
            return bare_record(function)
        case "lost":
            layout = tuple(tag for tag in full.layout if tag != 9)
            return replace(full, certificate=None, layout=layout)
        case "garbled":
            return replace(full, certificate=draw(octets_up_to(6)))
        case "odd":
            return draw(records())
        case _:
            return full


@cache
def plain_header(named: Identity) -> Header:
    """The header that CUCM writes for a list that an identity signs, with room for a signature."""
    return pad(
        Header(
            version=(1, 2),
            signer=Signer(named.subject, named.issuer, named.serial),
            digest=1,
            signature_algorithm=0,
            modulus_code=1,
            signature=bytes(128),
            file_name=b"CTLFile.tlv",
            timestamp=1_500_000_000,
            layout=CUCM_LAYOUT,
        )
    )


@st.composite
def list_headers(draw: st.DrawFn, named: Identity) -> Header:
    """A header that names an identity as its signer, nearly always with SHA-1."""
    return _list_header(
        named,
        draw(among((1, 2), (1, 2), (1, 0), (3, 7))),
        draw(among(*[1] * 16, 2, 3)),
        draw(among(*[0] * 20, 1)),
        draw(among(1_500_000_000, 1_400_000_000, 0)),
        draw(among(None, None, (1, 0), (1, 1))),
    )


@cache
def _list_header(
    named: Identity,
    version: tuple[int, int],
    digest: int,
    algorithm: int,
    timestamp: int,
    signer_version: tuple[int, int] | None,
) -> Header:
    return pad(
        replace(
            plain_header(named),
            version=version,
            digest=digest,
            signature_algorithm=algorithm,
            timestamp=timestamp,
            signer_version=signer_version,
            layout=CUCM_LAYOUT if signer_version is None else CERTUTILS_LIST_LAYOUT,
        )
    )


@lru_cache(maxsize=4096)
def _cut(header: Header) -> tuple[Part, ...]:
    return tuple(header_parts(encode_header(header)))


@lru_cache(maxsize=4096)
def _record(record: Record) -> bytes:
    return encode_record(record)


def written(records: Iterable[Record]) -> bytes:
    """Return the body of a list; what was written lately is not encoded again."""
    return b"".join(map(_record, records))


_MISSING = st.sets(st.integers(0, len(ORDINARY) - 1), max_size=2)
_ONE_MORE = st.lists(usual_records(), max_size=1)
_PERHAPS = st.booleans()


@st.composite
def held_records(draw: st.DrawFn) -> tuple[Record, ...]:
    """Most of an ordinary cluster, in its order, and perhaps a stranger thing."""
    missing = draw(_MISSING)
    ordinary = [record for at, record in enumerate(ORDINARY) if at not in missing]
    return (*ordinary, *draw(_ONE_MORE))


_HELD = held_records()
_MEMBERS = _HELD | st.lists(usual_records(), max_size=4)


@cache
def plain_parts(named: Identity) -> tuple[Part, ...]:
    """`plain_header`, cut."""
    return _cut(plain_header(named))


@st.composite
def held_lists(draw: st.DrawFn) -> bytes:
    """What a phone of an ordinary cluster holds: readable, whoever signed it."""
    named = draw(cast)
    return sign_parts(plain_parts(named), written(draw(_HELD)), named)


@st.composite
def signed_lists(draw: st.DrawFn, *, breaking: bool = True) -> bytes:
    """A trust list, signed; mostly by the one it names, mostly whole.

    breaking -- False: it can always be read.
    """
    named = draw(cast)
    header = draw(list_headers(named))
    members = list(draw(_MEMBERS))
    if draw(_PERHAPS):  # half of all lists list their signer
        members.append(list_record(draw(among(0, 0, 0, 2, 21)), named))
    parts: Sequence[Part] = _cut(header)
    bodies = [_record(member) for member in members]
    if breaking:
        match draw(among(*["whole"] * 9, "header", "record", "tail")):
            case "header":
                parts = draw(broken(list(parts)))
            case "record" if bodies:
                at = draw(between(0, len(bodies) - 1))
                cut = draw(broken(record_parts(bodies[at])))
                bodies[at] = write_record(cut, draw(among(0, 0, 0, 1, -1)))
            case "tail":
                bodies.append(draw(octets_up_to(8)))
            case _:
                pass
    return sign_parts(parts, b"".join(bodies), draw(signers(named)), _hash_of(header))


def signers(named: Identity) -> st.SearchStrategy[Identity]:
    """Who holds the pen: nine times in ten the one who is named."""
    return among(*[named] * 9, identity("STRANGER"))


@st.composite
def signed_files(draw: st.DrawFn, *, encrypted: bool = False) -> bytes:
    """A `.sgn` or `.enc.sgn`, signed; mostly by the one it names, mostly whole."""
    named = draw(cast)
    wrong = draw(among("", "", "", "key", "digest"))
    header, body = _file(draw(list_headers(named)), draw(among(*PAYLOADS)), encrypted, wrong)
    parts: Sequence[Part] = _cut(header)
    if draw(among(*[False] * 6, True)):
        parts = draw(broken(list(parts)))
    return sign_parts(parts, body, draw(signers(named)), _hash_of(header))


@cache
def whole_sgn(signer: Identity, *, encrypted: bool = False) -> st.SearchStrategy[bytes]:
    """A `.sgn` or `.enc.sgn` with nothing wrong about it."""

    def make(payload: bytes) -> bytes:
        header, body = _file(plain_header(signer), payload, encrypted)
        return sign_parts(header_parts(encode_header(header)), body, signer)

    return st.sampled_from(PAYLOADS).map(make)


@cache
def whole_list(signer: Identity) -> st.SearchStrategy[bytes]:
    """A list with nothing wrong about it."""
    return _HELD.map(lambda held: sign_parts(plain_parts(signer), written(held), signer))


def _file(
    list_header: Header, payload: bytes, encrypted: bool, wrong: str = ""
) -> tuple[Header, bytes]:
    """Return the header of a list as that of a file, and the body for it."""
    header = replace(list_header, version=(1, 0), file_name=b"SEP.cnf.xml.sgn")
    if not encrypted:
        return header, payload
    encryption, body = _encrypt(payload, wrong)
    layout = tuple(entry for entry in header.layout if entry[0] != 13) + _ENCRYPTION_LAYOUT
    return pad(replace(header, version=(2, 0), encryption=encryption, layout=layout)), body


_ENCRYPTION_LAYOUT = (
    *((16, 9), (17, 3), (18, 0), (19, 0), (20, 0)),
    *((21, 4), (22, 0), (23, 0), (24, 0), (25, 0), (26, 0), (27, 0)),
)


def _encrypt(body: bytes, wrong: str) -> tuple[Encryption, bytes]:
    """Encrypt to the device; wrong -- the key or the digest, or nothing."""
    aes_key, vector = bytes(range(16)), bytes(16)
    missing = 16 - len(body) % 16
    encryption = Encryption(
        cipher=0,
        initialisation_vector=vector,
        plaintext_padding=missing,
        key_field_22=0,
        wrapped_key_bits=1024,
        key_field_24=1,
        wrapped_key=_wrap(aes_key if wrong != "key" else bytes(5)),
        plaintext_digest_number=1,
        plaintext_digest=digest_of(body if wrong != "digest" else body + b"x", 1),
    )
    return encryption, encrypt_cbc(aes_key, vector, body + b"\r" * missing)


@cache
def _wrap(octets: bytes) -> bytes:
    """RSAES-PKCS1-v1_5 (RFC 8017 section 7.2) with fixed padding, so that it can be repeated."""
    numbers = rsa_key(DEVICE_KEY).public_key().public_numbers()
    block = b"\0\2" + b"\x55" * (128 - 3 - len(octets)) + b"\0" + octets
    return pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(128, "big")


def _hash_of(header: Header) -> int:
    return header.digest if header.digest in (1, 2, 3) else 1


@st.composite
def same_in_another_order(draw: st.DrawFn, octets: bytes, signer: Identity) -> bytes:
    """A signed list of the same values, in another order, padding and with other unknown tags.

    octets -- a whole, well-formed list.
    """
    trust_list = decode_trust_list_untrusted(octets)
    header = draw(laid_out(trust_list.header))
    body = b"".join(encode_record(draw(rearranged(record))) for record in trust_list.records)
    return sign_parts(header_parts(encode_header(header)), body, signer, _hash_of(header))
