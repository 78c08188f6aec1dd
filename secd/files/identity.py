"""A phone's certificates with their keys: the LSC in its flash, and PEM files.

lsc.pem          certificate and private key of the LSC, in one file, so that one rename
                 replaces both; mode 0600 like all of a flash
lsc.pem.staged   the next one, until CAPF has said that it is in force
mic.pem          the MIC: put there once, as by the manufacturer
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from secd.capf import Identity, certifies, public_octets
from secd.certs import facts_of_untrusted, load_certificate_untrusted, pem_to_der_untrusted
from secd.errors import FlashUnusable, MalformedFile, UnusableInput
from secd.files.flash import Flash

LSC_FILE, MIC_FILE = "lsc.pem", "mic.pem"
STAGED_FILE = LSC_FILE + ".staged"


def load_identity_untrusted(octets: bytes, what: str) -> Identity:
    """Read a certificate and its private key from one PEM file.

    what -- names the file in the error. Raises UnusableInput.
    """
    try:
        certificate = pem_to_der_untrusted(octets)
        facts_of_untrusted(certificate)
        key = load_pem_private_key(octets, None)
    except (MalformedFile, ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise UnusableInput(
            f"{what}: holds no certificate together with its private key (PEM, no passphrase)"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise UnusableInput(f"{what}: the key is neither RSA nor EC")
    if not certifies(certificate, public_octets(key)):
        raise UnusableInput(f"{what}: the key is not that of the certificate")
    return Identity(certificate, key)


def identity_to_pem(identity: Identity) -> bytes:
    """Return certificate and private key as PEM."""
    certificate = load_certificate_untrusted(identity.certificate).public_bytes(Encoding.PEM)
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate + key


class LSCFile:
    """The LSC in a flash. Every method may raise FlashUnusable."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash

    def load(self) -> Identity | None:
        """Return the LSC, None where the phone has none."""
        return load_from_flash(self._flash, LSC_FILE)

    def stage(self, identity: Identity) -> None:
        """Put a new LSC beside the old one, which stays in force."""
        self._flash.write(STAGED_FILE, identity_to_pem(identity))

    def commit(self) -> None:
        """Put the staged LSC in force, in one step."""
        self._flash.rename(STAGED_FILE, LSC_FILE)

    def erase(self) -> None:
        """Remove the LSC."""
        self._flash.erase(LSC_FILE)


def load_from_flash(flash: Flash, name: str) -> Identity | None:
    """Return the identity in a file of a flash, None where there is none. Raises FlashUnusable."""
    octets = flash.read(name)
    if octets is None:
        return None
    try:
        return load_identity_untrusted(octets, f"{name} in the flash directory")
    except UnusableInput as error:
        raise FlashUnusable(f"{error}: erase it") from None
