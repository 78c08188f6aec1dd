"""Whether a token signed with the key of its certificate: checked before a signature is used."""

from firmware_sim.tokens.interface import TokenUnavailable
from secd.certs import rsa_key_of_untrusted
from secd.crypto import Digest, verify_rsa
from secd.errors import SignatureInvalid, UnsupportedKey


def check_signature(name: str, certificate: bytes, octets: bytes, signature: bytes) -> None:
    """Refuse a signature that phones would refuse. Raises TokenUnavailable."""
    try:
        verify_rsa(rsa_key_of_untrusted(certificate), signature, octets, Digest.SHA1)
    except SignatureInvalid:
        raise TokenUnavailable(
            f"{name}: the key on this token is not the one of its certificate; use another token"
        ) from None
    except UnsupportedKey as error:
        raise TokenUnavailable(f"{name}: {error}; use another token") from None
