"""Which key a server asks for, and whether a key or certificate is the one that was meant."""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from secd.capf.message import Message
from secd.capf.names import Curve, KeyType, Tag
from secd.capf.proof import PrivateKey
from secd.certs import facts_of_untrusted, load_certificate_untrusted
from secd.errors import MalformedFile

# 512 is a size of the protocol too, but the library makes no key so weak.
RSA_BITS: Final = (1024, 2048, 3072, 4096)
_CURVE_NAMES: Final = {Curve.P256: "secp256r1", Curve.P384: "secp384r1", Curve.P521: "secp521r1"}


@dataclass(frozen=True, slots=True)
class RSAKind:
    """An RSA key of so many bits, as asked: any number that fits two octets."""

    bits: int

    def __str__(self) -> str:
        return f"RSA {self.bits}"


@dataclass(frozen=True, slots=True)
class ECKind:
    """An EC key. curve -- a `Curve`, or a number that nobody knows."""

    curve: int

    def __str__(self) -> str:
        known = {Curve.P256: "P-256", Curve.P384: "P-384", Curve.P521: "P-521"}
        return f"EC {known.get(Curve(self.curve)) if self.curve in known else self.curve}"


KeyKind = RSAKind | ECKind


def kind_asked(message: Message) -> KeyKind | None:
    """Return the kind of key in a KEY_GEN_REQ, None where it asks for none that can be made.

    CUCM leaves the key type out for RSA (Jabber4Linux); capfd always writes it.
    """
    kind = message.number(Tag.KEY_TYPE)
    if kind == KeyType.EC:
        curve = message.number(Tag.CURVE)
        return ECKind(curve) if curve is not None and curve in _CURVE_NAMES else None
    bits = message.number(Tag.KEY_SIZE)
    if kind in (None, KeyType.RSA) and bits is not None and bits in RSA_BITS:
        return RSAKind(bits)
    return None


def elements_of(kind: KeyKind) -> tuple[tuple[int, bytes], ...]:
    """Return the elements of a KEY_GEN_REQ, as capfd writes them."""
    if isinstance(kind, ECKind):
        return ((Tag.KEY_TYPE, bytes([KeyType.EC])), (Tag.CURVE, bytes([kind.curve])))
    return ((Tag.KEY_SIZE, kind.bits.to_bytes(2, "big")), (Tag.KEY_TYPE, bytes([KeyType.RSA])))


def public_octets(key: PrivateKey) -> bytes:
    """Return the public half of a key as DER SubjectPublicKeyInfo: tag 9."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def kind_of_untrusted(public_key: bytes) -> KeyKind:
    """Return what kind of key a SubjectPublicKeyInfo holds. Raises MalformedFile."""
    try:
        key = load_der_public_key(public_key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise MalformedFile("the public key cannot be read") from None
    if isinstance(key, rsa.RSAPublicKey):
        return RSAKind(key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        for curve, name in _CURVE_NAMES.items():
            if key.curve.name == name:
                return ECKind(curve)
    raise MalformedFile("the public key is neither RSA nor EC on one of the three curves")


def certifies(certificate: bytes, public_key: bytes) -> bool:
    """Tell whether a DER certificate is for a key (SubjectPublicKeyInfo), octet for octet.

    One of which a field cannot be read is for none: the phone could not load it from its flash.
    """
    try:
        facts_of_untrusted(certificate)
        key = load_certificate_untrusted(certificate).public_key()
        octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (MalformedFile, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return octets == public_key
