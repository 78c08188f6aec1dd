"""The signed envelope around trust lists, configurations and firmware (sans-I/O codec)."""

from secd.envelope.encryption import Encryption
from secd.envelope.firmware import Component, components_of_untrusted
from secd.envelope.header import (
    CERTUTILS_ENCRYPTED_LAYOUT,
    CERTUTILS_LIST_LAYOUT,
    CERTUTILS_SIGNED_LAYOUT,
    CUCM_LAYOUT,
    FIRMWARE_LAYOUT,
    Header,
    Signer,
    Tag,
    decode_header_untrusted,
    encode_header,
)
from secd.envelope.signed_file import (
    SignedFile,
    decode_signed_file_untrusted,
    encode_signed_file,
    looks_signed,
    pad,
    sign,
)

__all__ = [
    "CERTUTILS_ENCRYPTED_LAYOUT",
    "CERTUTILS_LIST_LAYOUT",
    "CERTUTILS_SIGNED_LAYOUT",
    "CUCM_LAYOUT",
    "FIRMWARE_LAYOUT",
    "Component",
    "Encryption",
    "Header",
    "SignedFile",
    "Signer",
    "Tag",
    "components_of_untrusted",
    "decode_header_untrusted",
    "decode_signed_file_untrusted",
    "encode_header",
    "encode_signed_file",
    "looks_signed",
    "pad",
    "sign",
]
