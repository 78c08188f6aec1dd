"""Proof that a phone holds the key of its certificate: signed data and SUDI data.

    signed data    over device name, one NUL, DER certificate; once with SHA-1, once with SHA-512
    SUDI data      over the session id as a little-endian u32 and the DER certificate; the only
                   proof that cannot be replayed in another session

With an RSA key the padded block holds the bare digest, without the DigestInfo that PKCS #1 has:
00 01, FF octets, 00, digest. With an EC key it is an ordinary DER ECDSA signature. Sources: capfd
and capfc (the conversations in the tests). A session id in the other order of octets fails there.
capfd compares only the last octets of the block, and no EC SUDI at all; here everything counts.
"""

import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from secd.capf.elements import SUDI
from secd.certs import load_certificate_untrusted
from secd.crypto import same_octets
from secd.errors import MalformedFile, SignatureInvalid, UnsupportedKey

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_Hash = hashes.SHA1 | hashes.SHA512


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate of the phone (DER), LSC or MIC, and its key."""

    certificate: bytes
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedData:
    """The two signatures of tags 6 and 20."""

    sha1_signature: bytes
    sha512_signature: bytes


def sign_data(identity: Identity, device_name: bytes) -> SignedData:
    """Return the signatures by which a phone proves that a certificate is its own.

    Raises UnsupportedKey for an RSA key too small for a SHA-512 digest.
    """
    octets = _proven(device_name, identity.certificate)
    return SignedData(*_signatures(identity.key, octets))


def sign_sudi(identity: Identity, session_id: int) -> SUDI:
    """Return the SUDI data for a session; raises as `sign_data`."""
    octets = _bound(session_id, identity.certificate)
    return SUDI(identity.certificate, *_signatures(identity.key, octets))


def verify_data(device_name: bytes, certificate: bytes, signed: SignedData) -> None:
    """Check both signatures of signed data.

    Raises SignatureInvalid; MalformedFile for a certificate that cannot be read, UnsupportedKey
    for a key that is neither RSA nor EC.
    """
    octets = _proven(device_name, certificate)
    _verify(certificate, octets, signed.sha1_signature, signed.sha512_signature)


def verify_sudi(session_id: int, sudi: SUDI) -> None:
    """Check both signatures of SUDI data; raises as `verify_data`."""
    octets = _bound(session_id, sudi.certificate)
    _verify(sudi.certificate, octets, sudi.sha1_signature, sudi.sha512_signature)


def _proven(device_name: bytes, certificate: bytes) -> bytes:
    return device_name + b"\0" + certificate


def _bound(session_id: int, certificate: bytes) -> bytes:
    return session_id.to_bytes(4, "little") + certificate


def _signatures(key: PrivateKey, octets: bytes) -> tuple[bytes, bytes]:
    return _sign(key, octets, hashes.SHA1()), _sign(key, octets, hashes.SHA512())


def _sign(key: PrivateKey, octets: bytes, algorithm: _Hash) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(octets, ec.ECDSA(algorithm))
    try:
        return key.sign(_digest(octets, algorithm), padding.PKCS1v15(), utils.NoDigestInfo())
    except ValueError:
        raise UnsupportedKey(f"a key of {key.key_size} bits is too small to sign with") from None


def _verify(certificate: bytes, octets: bytes, sha1: bytes, sha512: bytes) -> None:
    try:
        key = load_certificate_untrusted(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm) as reason:
        raise MalformedFile(f"the key of the certificate cannot be read: {reason}") from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise UnsupportedKey("the key of the certificate is neither RSA nor EC")
    for algorithm, signature in ((hashes.SHA1(), sha1), (hashes.SHA512(), sha512)):
        try:
            if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, octets, ec.ECDSA(algorithm))
            else:
                # The library checks the whole padded block; what is left is the bare digest.
                shown = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
                if not same_octets(shown, _digest(octets, algorithm)):
                    raise InvalidSignature
        except InvalidSignature:
            raise SignatureInvalid(
                f"the {algorithm.name.upper()} signature was not made by the certificate's key"
            ) from None


def _digest(octets: bytes, algorithm: _Hash) -> bytes:
    return hashlib.new(algorithm.name, octets, usedforsecurity=False).digest()
