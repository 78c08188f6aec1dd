"""OpenSSL contexts from profiles and identities; made once for each pair and then shared.

A context cannot be changed after its first connection, so everything that belongs to one
connection (its verify callback, its trace) is set on the connection. The cache is bounded: a
context takes about 60 µs to make.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from secd.certs import load_certificate_untrusted
from secd.errors import UnsupportedKey, UnusableInput
from secd.models import TLSProfile, TLSVersion

_CACHED: Final = 64
_VERSIONS: Final = {
    TLSVersion.TLS_1_0: SSL.TLS1_VERSION,
    TLSVersion.TLS_1_1: SSL.TLS1_1_VERSION,
    TLSVersion.TLS_1_2: SSL.TLS1_2_VERSION,
    TLSVersion.TLS_1_3: SSL.TLS1_3_VERSION,
}
_WEAK: Final = "@SECLEVEL=0"
# Without empty fragments a message is one record also under TLS 1.0 with CBC ciphers; peers stall
# on messages in pieces (comment in the usecallmanager daemons).
_OPTIONS: Final = (
    SSL.OP_NO_COMPRESSION
    | SSL.OP_NO_TICKET
    | SSL.OP_NO_RENEGOTIATION
    | SSL.OP_DONT_INSERT_EMPTY_FRAGMENTS
)


@dataclass(frozen=True, slots=True)
class TLSIdentity:
    """A certificate with its key. chain -- DER, the own certificate first."""

    chain: tuple[bytes, ...]
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)


@lru_cache(maxsize=_CACHED)
def client_context(profile: TLSProfile, identity: TLSIdentity | None) -> SSL.Context:
    """Return the context of clients with this profile and certificate.

    Raises UnusableInput when no cipher of the profile is available, UnsupportedKey when the
    certificate cannot be used, MalformedFile when it cannot be read.
    """
    return _context(SSL.TLS_CLIENT_METHOD, profile, identity)


@lru_cache(maxsize=_CACHED)
def server_context(profile: TLSProfile, identity: TLSIdentity) -> SSL.Context:
    """Return the context of servers with this profile and certificate; raises the same."""
    return _context(SSL.TLS_SERVER_METHOD, profile, identity)


def _context(method: int, profile: TLSProfile, identity: TLSIdentity | None) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(_VERSIONS[profile.lowest])
    context.set_max_proto_version(_VERSIONS[profile.highest])
    context.set_options(_OPTIONS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    _set_ciphers(context, profile)  # with the level of security, before any certificate
    if identity is not None:
        _use_identity(context, identity)
    return context


def _set_ciphers(context: SSL.Context, profile: TLSProfile) -> None:
    level = (_WEAK,) if profile.tolerates_weak else ()
    names = ":".join((*profile.ciphers, *level))
    try:
        context.set_cipher_list(names.encode())
    except SSL.Error:
        raise UnusableInput(f"none of these ciphers is available: {names}") from None


def _use_identity(context: SSL.Context, identity: TLSIdentity) -> None:
    own, *issuers = [load_certificate_untrusted(der) for der in identity.chain]
    try:
        context.use_certificate(own)
        context.use_privatekey(identity.key)
        context.check_privatekey()
        for issuer in issuers:
            context.add_extra_chain_cert(issuer)
    except SSL.Error:
        raise UnsupportedKey(
            "the certificate cannot be used for TLS with this profile: its key is too weak or is"
            " another one"
        ) from None
