"""The vectors, the identities they were made with, and TLVs found without the project's codecs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from hypothesis import settings

VECTORS = Path(__file__).parent / "vectors"
LISTS = sorted(path.name for path in VECTORS.glob("*.tlv"))
SIGNED = sorted(str(path.relative_to(VECTORS)) for path in VECTORS.rglob("*.sgn"))
ENCRYPTED = [name for name in SIGNED if name.endswith(".enc.sgn")]

# The same examples in every run: a test that fails, fails for everybody.
PROPERTY = settings(derandomize=True, deadline=None, database=None, max_examples=150)


def vector(name: str) -> bytes:
    """Return the octets of a file under tests/vectors."""
    return (VECTORS / name).read_bytes()


@dataclass(frozen=True, slots=True)
class LabIdentity:
    """A certificate of tests/vectors/certs; `key` is its RSA key, where it has one."""

    certificate: x509.Certificate
    pem: bytes

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key(self) -> rsa.RSAPrivateKey:
        key = load_pem_private_key(self.pem, None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


@cache
def lab(name: str) -> LabIdentity:
    """Return the identity in tests/vectors/certs/<name>.pem."""
    pem = vector(f"certs/{name}.pem")
    return LabIdentity(x509.load_pem_x509_certificate(pem), pem)


@dataclass(frozen=True, slots=True)
class TLV:
    """Where a TLV stands in a file: its tag's offset, and offset and size of its value."""

    tag: int
    at: int
    size: int

    @property
    def value_at(self) -> int:
        return self.at + 3


def header_tlvs(octets: bytes) -> Iterator[TLV]:
    """Find the TLVs of a header, containers and their children one after the other."""
    at = 0
    while at < int.from_bytes(octets[8:10], "big"):
        tag = octets[at]
        size = int.from_bytes(octets[at + 1 : at + 3], "big")
        if tag == 13:
            at += 1
        else:
            yield TLV(tag, at, size)
            at += 3 if tag in (3, 7, 9, 16, 17, 21) else 3 + size


def record_tlvs(octets: bytes) -> Iterator[TLV]:
    """Find the TLVs of a record, its tag 1 among them."""
    at = 0
    while at < len(octets):
        size = int.from_bytes(octets[at + 1 : at + 3], "big")
        yield TLV(octets[at], at, size)
        at += 3 + size
