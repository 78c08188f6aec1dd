"""Whether a firmware file is loaded: rows F1 to F3 of the decision table.

Trust in firmware has nothing to do with CTL and ITL (old phones refuse a load whose key is newer
than the one in their own, whatever lists they hold): Cisco signs it with a key that every load
carries and that is not public. So only who has a key can have a decision; without one a file can
be read, never accepted, and that is no refusal of the phone's.

What the envelope covers is taken to be the same as in every other signed file (inferred: no
firmware could be verified without the key).
"""

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.crypto import MODULUS_BITS, verify_rsa
from secd.envelope import decode_signed_file_untrusted, looks_signed
from secd.errors import SignatureInvalid
from secd.trust.reasons import Reason
from secd.trust.values import Accept, Evidence, Refuse

_RSA_PKCS1 = 0


def decide_firmware(candidate: bytes, key: rsa.RSAPublicKey | None) -> Accept | Refuse:
    """Judge a `.loads` file or a component by the key that firmware is signed with.

    The name in the header is not compared with the one asked for: a `.bin` may be named `.sb2`
    inside (files of Cisco's releases). Raises MalformedFile or UnsupportedKey, which the outer door
    turns into refusals.
    """
    if not looks_signed(candidate):
        return Refuse(Reason.UNSIGNED, Evidence("the file has no signed envelope"))
    file = decode_signed_file_untrusted(candidate)
    if file.header.encryption is not None:
        return Refuse(Reason.MALFORMED, Evidence("the file is encrypted, firmware never is", file))
    if key is None:
        return Refuse(Reason.FIRMWARE_KEY_UNKNOWN, Evidence("no key was given", file))
    if file.header.signature_algorithm != _RSA_PKCS1:
        detail = f"signature algorithm {file.header.signature_algorithm} is not RSA"
        return Refuse(Reason.KEY_UNSUPPORTED, Evidence(detail, file))
    if file.header.modulus_code not in MODULUS_BITS:
        detail = f"modulus size code {file.header.modulus_code} stands for no size of key"
        return Refuse(Reason.KEY_UNSUPPORTED, Evidence(detail, file))
    try:
        verify_rsa(key, file.header.signature, file.signed_octets, file.header.digest)
    except SignatureInvalid as error:
        return Refuse(Reason.FIRMWARE_SIGNATURE_INVALID, Evidence(str(error), file))
    return Accept(Reason.FIRMWARE_KEY, Evidence("", file), payload=file.body)
