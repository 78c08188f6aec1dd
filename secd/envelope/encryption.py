"""The encryption part of a `.enc.sgn` header (version 2.0), as certutils' enccnf writes it.

    tag  size  meaning
     16     -  container: 17, 21
     17     -  container: 18, 19, 20
     18     1  cipher, 0 = AES-128-CBC
     19    16  initialisation vector
     20     2  octets of padding after the plaintext, 1 to 16 (a whole block if it already fits)
     21     -  container: 22, 23, 24, 25
     22     1  0, meaning unknown
     23     2  bits of the wrapped key's modulus
     24     1  1, meaning unknown
     25     n  AES key wrapped with the phone's public key (RSA PKCS#1 v1.5)
     26     1  digest number of tag 27
     27     n  digest of the plaintext without its padding

26 and 27 stand outside container 16. Cisco has published no such file: the numbers are those of
an open tool whose files real phones accept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from secd.errors import MalformedFile
from secd.wire import u8, u16

_TAGS = frozenset({18, 19, 20, 22, 23, 24, 25, 26, 27})


@dataclass(frozen=True, slots=True)
class Encryption:
    """How the body is encrypted. plaintext_padding -- in octets, wrapped_key_bits -- in bits."""

    cipher: int
    initialisation_vector: bytes
    plaintext_padding: int
    key_field_22: int
    wrapped_key_bits: int
    key_field_24: int
    wrapped_key: bytes
    plaintext_digest_number: int
    plaintext_digest: bytes


def decode_encryption(values: Mapping[int, bytes]) -> Encryption | None:
    """Return the encryption part among a header's values, or None where it has none.

    Raises MalformedFile when only a part of it is there. Sizes were checked by the header.
    """
    if _TAGS.isdisjoint(values):
        return None
    if missing := _TAGS - values.keys():
        raise MalformedFile(f"the encryption part of the header lacks tag {min(missing)}")
    return Encryption(
        cipher=values[18][0],
        initialisation_vector=values[19],
        plaintext_padding=int.from_bytes(values[20], "big"),
        key_field_22=values[22][0],
        wrapped_key_bits=int.from_bytes(values[23], "big"),
        key_field_24=values[24][0],
        wrapped_key=values[25],
        plaintext_digest_number=values[26][0],
        plaintext_digest=values[27],
    )


def encryption_values(encryption: Encryption) -> dict[int, bytes]:
    """Return the TLV values of the encryption part; the inverse of `decode_encryption`."""
    return {
        18: u8(encryption.cipher),
        19: encryption.initialisation_vector,
        20: u16(encryption.plaintext_padding),
        22: u8(encryption.key_field_22),
        23: u16(encryption.wrapped_key_bits),
        24: u8(encryption.key_field_24),
        25: encryption.wrapped_key,
        26: u8(encryption.plaintext_digest_number),
        27: encryption.plaintext_digest,
    }
