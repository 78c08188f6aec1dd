"""Stand-ins for a firmware load: a `.loads` file and its components, signed with a key of ours.

The envelopes are those of Cisco's files (version 1.1, SHA-1, no time of signing, the placeholder
signer); the key is not Cisco's, and what is inside is filler: nothing of it could run on a phone.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.crypto import MODULUS_CODES, Digest, sign_rsa
from secd.envelope import FIRMWARE_LAYOUT, Header, Signer, pad, sign
from secd.errors import UnsupportedKey

_SIGNER = Signer(
    b"CN=someSigner;OU=someOrgUnit;O=someOrg",
    b"CN=someCA;OU=someOrgUnit;O=someOrg",
    bytes.fromhex("1234567890abcdef"),
)
_COMPONENTS = ("apps", "cnu", "dsp")  # as the first letters of components of 79xx loads
_FILLER_BYTES = 4096


def sign_firmware(name: str, body: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """Return a firmware file that carries `name`. Raises UnsupportedKey for an odd size of key."""
    code = MODULUS_CODES.get(key.key_size)
    if code is None:
        raise UnsupportedKey(f"a header cannot express a key of {key.key_size} bits")
    header = Header(
        version=(1, 1),
        signer=_SIGNER,
        digest=Digest.SHA1,
        signature_algorithm=0,
        modulus_code=code,
        signature=bytes(key.key_size // 8),
        file_name=name.encode(),
        timestamp=None,
        layout=FIRMWARE_LAYOUT,
    )
    return sign(pad(header), body, lambda octets: sign_rsa(key, octets, Digest.SHA1))


def firmware_files(load: str, key: rsa.RSAPrivateKey) -> dict[str, bytes]:
    """Return the files of a load by name: the file list, and the components that it names."""
    names = [f"{component}.{load}.sbn" for component in _COMPONENTS]
    body = "".join(f"{name}\r\n" for name in names).encode()
    files = {f"{load}.loads": sign_firmware(f"{load}.loads", body, key)}
    return files | {name: sign_firmware(name, _filler(name), key) for name in names}


def _filler(name: str) -> bytes:
    """Return octets that differ from file to file and are the same every time."""
    block = hashlib.sha256(name.encode()).digest()
    return block * (_FILLER_BYTES // len(block))
