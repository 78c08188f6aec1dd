"""Tokens of hardware, behind the PKCS#11 library of their maker (PKCS#11 v2.40).

A token here is a certificate with an RSA key, and a private key of the same CKA_ID, which is seen
only after the PIN. How many wrong PINs it takes it counts itself; it shows three flags of that.

A token may be pulled out at any time: each call looks whether the one that was listed is still
there. What it signed is verified before it is used.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pkcs11
from pkcs11 import Attribute, CertificateType, KeyType, Mechanism, ObjectClass, TokenFlag
from pkcs11.exceptions import (
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    TokenNotPresent,
    TokenNotRecognised,
)
from pkcs11.types import SignMixin

from firmware_sim.cluster.tokens import token_name
from firmware_sim.tokens.interface import (
    Attempts,
    TokenLocked,
    TokenState,
    TokenUnavailable,
    WrongPIN,
)
from firmware_sim.tokens.pkcs11_errors import text_of_error
from firmware_sim.tokens.proof import check_signature
from secd.certs import rsa_key_of_untrusted
from secd.errors import MalformedFile, UnsupportedKey
from secd.text import text_of

# DigestInfo of SHA-1 (RFC 8017 section 9.2, note 1). CKM_RSA_PKCS over it is CKM_SHA1_RSA_PKCS
# without the token's own SHA-1, which newer ones refuse.
_DIGEST_INFO: Final = bytes.fromhex("3021300906052b0e03021a05000414")
_STATES: Final = (  # the worst first
    (TokenFlag.USER_PIN_LOCKED, TokenState.LOCKED),
    (TokenFlag.USER_PIN_FINAL_TRY, TokenState.FINAL_TRY),
    (TokenFlag.USER_PIN_COUNT_LOW, TokenState.LOW),
)


@dataclass(frozen=True, slots=True)
class HardwareToken:
    """A token in a slot.

    serial -- of the hardware. label -- of the hardware. key_id -- CKA_ID of certificate and key.
    certificate -- DER.
    """

    slot: pkcs11.Slot
    serial: bytes
    label: str
    key_id: bytes
    name: str
    certificate: bytes

    def attempts(self) -> Attempts:
        """Return what the token says of its attempts. Raises TokenUnavailable."""
        return _attempts(self._present())

    def sign(self, octets: bytes, pin: str) -> bytes:
        """Return the PKCS#1 v1.5 signature of octets with SHA-1.

        Raises WrongPIN, TokenLocked, TokenUnavailable.
        """
        token = self._present()
        if _attempts(token).state is TokenState.LOCKED:
            raise TokenLocked(self.name)
        try:
            with token.open(user_pin=pin) as session:
                signature = self._signature(session, octets)
        except (PinIncorrect, PinInvalid, PinLenRange, UnicodeEncodeError):
            left = self.attempts()
            if left.state is TokenState.LOCKED:
                raise TokenLocked(self.name) from None
            raise WrongPIN(self.name, left) from None
        except PinLocked:
            raise TokenLocked(self.name) from None
        except PKCS11Error as error:
            raise TokenUnavailable(f"{self.name}: {text_of_error(error)}") from None
        check_signature(self.name, self.certificate, octets, signature)
        return signature

    def _signature(self, session: pkcs11.Session, octets: bytes) -> bytes:
        wanted = {
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.KEY_TYPE: KeyType.RSA,
            Attribute.ID: self.key_id,
        }
        # All of them at once: a search that is still open would forbid to sign.
        keys = [key for key in list(session.get_objects(wanted)) if isinstance(key, SignMixin)]
        if not keys:
            raise TokenUnavailable(
                f"{self.name}: there is no private key on this token for its certificate (CKA_ID "
                f"{self.key_id.hex()}); use another token"
            )
        digest = hashlib.sha1(octets, usedforsecurity=False).digest()
        return keys[0].sign(_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS)

    def _present(self) -> pkcs11.Token:
        """Return the token as it is now. Raises TokenUnavailable when it is not this one."""
        try:
            token = self.slot.get_token()
        except PKCS11Error as error:
            raise TokenUnavailable(f"{self.name}: {text_of_error(error)}") from None
        if (token.serial, token.label) != (self.serial, self.label):
            raise TokenUnavailable(
                f"{self.name}: another token is in its slot by now; put this one back"
            )
        return token


def open_hardware_tokens(module: Path) -> list[HardwareToken]:
    """Return the tokens behind a PKCS#11 library.

    Raises TokenUnavailable when the library cannot be used or there is none.
    """
    library = str(module.absolute())  # a bare name would be looked for among the system's
    try:
        slots = pkcs11.lib(library).get_slots(token_present=True)
    except PKCS11Error as error:
        text = (str(error) or type(error).__name__).rpartition(f"{library}: ")[2]
        raise TokenUnavailable(f"{module}: cannot be used as a PKCS#11 library: {text}") from None
    found = [token for slot in slots for token in _tokens_in(slot)]
    if found:
        return found
    raise TokenUnavailable(
        f"{module}: there is no token with a certificate of an RSA key; is it plugged in, and is "
        "this the library of its maker?"
    )


def _tokens_in(slot: pkcs11.Slot) -> Iterator[HardwareToken]:
    """Find the certificates in a slot; only Cisco's where there are some: others may be a CA's."""
    try:
        token = slot.get_token()
        if not token.flags & TokenFlag.TOKEN_INITIALIZED:
            return
        with token.open() as session:
            found = list(_certificates(session))
    except (TokenNotPresent, TokenNotRecognised):
        return  # pulled out by now, or no token of this library's
    except PKCS11Error as error:
        raise TokenUnavailable(
            f"slot {slot.slot_description!a}: its token: {text_of_error(error)}"
        ) from None
    named = [(key_id, der, token_name(der)) for key_id, der in found]
    of_cisco = [one for one in named if one[2] is not None]
    label = text_of(token.label.encode())
    for key_id, der, name in of_cisco or named:
        yield HardwareToken(slot, token.serial, token.label, key_id, name or label, der)


def _certificates(session: pkcs11.Session) -> Iterator[tuple[bytes, bytes]]:
    """Find certificates (CKA_ID, DER) with an RSA key."""
    wanted = {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
    }
    for found in list(session.get_objects(wanted)):
        key_id, der = found[Attribute.ID], found[Attribute.VALUE]
        try:
            rsa_key_of_untrusted(der)
            token_name(der)
        except (UnsupportedKey, MalformedFile):
            continue  # nothing that could sign a list
        yield key_id, der


def _attempts(token: pkcs11.Token) -> Attempts:
    for flag, state in _STATES:
        if token.flags & flag:
            return Attempts(state)
    return Attempts(TokenState.READY)
