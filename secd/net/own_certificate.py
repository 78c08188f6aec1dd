"""The certificate with which a phone answers a TLS server that asks for one.

What is told of it are the facts that a phone's log prints (Cisco 213407, lines 3295 to 3300).
Which of its certificates a phone shows is decided elsewhere (`Identities.preferred`).
"""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from secd.certs import openssl_names_untrusted
from secd.net.tls_context import TLSIdentity
from secd.trace import TLSCertificateChosen, TLSPurpose
from secd.words import CertificateKind

# PKCS #1 or SEC 1. The log speaks of 1191 octets for an RSA key of, by its certificate, 2048 bits:
# PKCS #1 makes 1190 to 1193 of it, PKCS #8 would make 26 more.
_KEY_FORMAT: Final = PrivateFormat.TraditionalOpenSSL


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """One of a phone's certificates, with its key, ready for TLS."""

    kind: CertificateKind
    identity: TLSIdentity

    def chosen(
        self, purpose: TLSPurpose, host: str, port: int, connection: int, socket: int
    ) -> TLSCertificateChosen:
        """Return what is told of it. Raises MalformedFile where it cannot be read."""
        own = self.identity.chain[0]
        subject, issuer = openssl_names_untrusted(own)
        key = self.identity.key.private_bytes(Encoding.DER, _KEY_FORMAT, NoEncryption())
        return TLSCertificateChosen(
            purpose,
            host,
            port,
            connection,
            socket,
            self.kind,
            len(own),
            subject,
            issuer,
            len(key),
        )
