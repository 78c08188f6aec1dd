"""A signed file: header and body, and which octets the signature covers.

Trust lists, `.sgn`, `.enc.sgn` and firmware all have this form; what the body means is decided by
others. Nothing is verified here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from secd.crypto import MODULUS_BITS
from secd.envelope.header import Header, Tag, decode_header_untrusted, encode_header


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file in its envelope.

    octets -- the whole file. header_length -- where the body begins.
    signature_at -- offset of the signature TLV.
    """

    octets: bytes
    header: Header
    header_length: int
    signature_at: int

    @property
    def body(self) -> bytes:
        """What the envelope holds, verbatim."""
        return self.octets[self.header_length :]

    @property
    def signed_octets(self) -> bytes:
        """The whole file with the complete signature TLV cut out, padding included.

        The cut changes no other octet: tag 2 still counts the signature.
        """
        end = self.signature_at + 3 + len(self.header.signature)
        return self.octets[: self.signature_at] + self.octets[end:]

    @property
    def is_firmware(self) -> bool:
        """True for the placeholder signer that all of Cisco's firmware envelopes carry.

        The key behind it is not public: such a file can be parsed and never be verified.
        """
        return self.header.signer.name.startswith(b"CN=someSigner")


def looks_signed(octets: bytes) -> bool:
    """Tell whether octets claim to be an envelope: they begin with a version of two octets."""
    return octets[:3] == b"\x01\x00\x02"


def decode_signed_file_untrusted(octets: bytes) -> SignedFile:
    """Read the envelope of a file. Raises MalformedFile."""
    header, length, signature_at = decode_header_untrusted(octets)
    return SignedFile(octets, header, length, signature_at)


def encode_signed_file(header: Header, body: bytes) -> bytes:
    """Write a file from its values, the signature included as it stands in the header."""
    return encode_header(header) + body


def pad(header: Header) -> Header:
    """Return the header with padding at its end up to a multiple of 4 octets, as signers write it.

    Padding that the header already has is replaced.
    """
    bare = replace(
        header, layout=tuple(entry for entry in header.layout if entry[0] != Tag.PADDING)
    )
    missing = -len(encode_header(bare)) % 4
    return replace(bare, layout=bare.layout + ((int(Tag.PADDING), 0),) * missing)


def sign(header: Header, body: bytes, make_signature: Callable[[bytes], bytes]) -> bytes:
    """Return the signed file: `make_signature` gets the octets to sign (see `SignedFile`).

    Whatever signature the header holds is replaced; its modulus code says how long the new one
    will be. Padding is not touched (see `pad`). Raises ValueError when the length differs, when
    the modulus code is none, and for what `encode_header` refuses.
    """
    if header.modulus_code not in MODULUS_BITS:
        raise ValueError(f"modulus code {header.modulus_code} stands for no size of key")
    size = MODULUS_BITS[header.modulus_code] // 8
    blank = encode_signed_file(replace(header, signature=bytes(size)), body)
    unsigned = decode_signed_file_untrusted(blank)
    signature = make_signature(unsigned.signed_octets)
    if len(signature) != size:
        raise ValueError(f"the signature has {len(signature)} octets, the header says {size}")
    at = unsigned.signature_at + 3
    return blank[:at] + signature + blank[at + size :]
