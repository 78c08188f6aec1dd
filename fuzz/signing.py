"""Identities with cached keys, and signatures over whatever octets: hostile files signed correctly.

The keys are made from their names by a seeded search for primes, so they are the same in every
process: an example that fails today fails tomorrow, octet for octet. They protect nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

_BITS = 1024  # the size of old clusters; the smallest that the library signs with
_EXPONENT = 65537
_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, n, 2))]
_HASHES: dict[int, hashes.HashAlgorithm] = {
    1: hashes.SHA1(),
    2: hashes.SHA256(),
    3: hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, and what records and headers say about it.

    subject, issuer -- without NUL. serial -- minimal octets. public_key -- PKCS#1 DER.
    signature -- of the certificate.
    """

    key: rsa.RSAPrivateKey
    certificate: bytes
    subject: bytes
    issuer: bytes
    serial: bytes
    public_key: bytes
    signature: bytes

    def sign(self, octets: bytes, digest: int = 1) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature; digest numbers as in header tag 8."""
        return _signature(self, octets, digest)


@lru_cache(maxsize=16384)
def _signature(signer: Identity, octets: bytes, digest: int) -> bytes:
    """These signatures are the same every time, and many lists are."""
    return signer.key.sign(octets, padding.PKCS1v15(), _HASHES[digest])


@cache
def identity(name: str, key: str = "") -> Identity:
    """Return the one self-signed identity of this name.

    key -- the name of the key, where another is wanted: the same issuer and serial, and a
    certificate and signatures that differ (an impostor, or a renewal that kept its serial).
    """
    private = rsa_key(key or name)
    public = private.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    serial = b"\x70" + name.encode()[:15]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(int.from_bytes(serial, "big"))
        .not_valid_before(datetime(2015, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2035, 1, 1, tzinfo=UTC))
        .sign(private, hashes.SHA256())
    )
    return Identity(
        key=private,
        certificate=certificate.public_bytes(Encoding.DER),
        subject=f"CN={name}".encode(),
        issuer=f"CN={name}".encode(),
        serial=serial,
        public_key=public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        signature=certificate.signature,
    )


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the one RSA key of this name, the same in every process."""
    random = Random(f"secd fuzz key {name}")  # noqa: S311 - repeatable on purpose
    p, q = _prime(random), _prime(random)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % (p - 1),
        dmq1=d % (q - 1),
        iqmp=pow(q, -1, p),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    ).private_key()


def _prime(random: Random) -> int:
    """Return a probable prime with its two highest bits set, fit for the exponent."""
    while True:
        n = random.getrandbits(_BITS // 2) | 3 << _BITS // 2 - 2 | 1
        sieved = all(n % small for small in _SMALL_PRIMES) and n % _EXPONENT != 1
        if sieved and all(pow(base, n - 1, n) == 1 for base in (2, 3, 5)):
            return n
