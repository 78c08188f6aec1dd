"""The recorded conversations of capfd and capfc (tests/vectors/capf), and the keys in them."""

from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from support import VECTORS

from secd.capf import Identity, Message, PrivateKey, decode_message_untrusted

FOLDER = VECTORS / "capf"
NAMES = sorted(path.stem for path in FOLDER.glob("*.hex"))


@dataclass(frozen=True, slots=True)
class Said:
    """One message. phone -- whether the phone said it."""

    phone: bool
    octets: bytes

    @property
    def message(self) -> Message:
        return decode_message_untrusted(self.octets)


@cache
def conversation(name: str) -> tuple[Said, ...]:
    """Read a transcript: a line of direction and name, then comments and hexadecimal octets."""
    said: list[tuple[bool, bytearray]] = []
    for line in (FOLDER / f"{name}.hex").read_text().splitlines():
        if line.startswith(("C->S", "S->C")):
            said.append((line.startswith("C->S"), bytearray()))
        elif line.strip() and not line.lstrip().startswith("#"):
            said[-1][1].extend(bytes.fromhex(line))
    return tuple(Said(phone, bytes(octets)) for phone, octets in said)


@cache
def identity(name: str) -> Identity:
    octets = (FOLDER / "keys" / f"{name}.pem").read_bytes()
    return Identity(certificate(name), _private(octets))


@cache
def certificate(name: str) -> bytes:
    octets = (FOLDER / "keys" / f"{name}.pem").read_bytes()
    return x509.load_pem_x509_certificate(octets).public_bytes(Encoding.DER)


def _private(octets: bytes) -> PrivateKey:
    key = load_pem_private_key(octets, None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key
