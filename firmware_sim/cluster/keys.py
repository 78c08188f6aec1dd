"""Where the lab's RSA keys come from: fresh ones, or a small pool used over and over.

Only the making of keys is decided here. What a key is for is nobody's business in this module.
"""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

_EXPONENT = 65537
_made: dict[int, list[rsa.RSAPrivateKey]] = {}  # by bits; the pool of this process


class KeySource(Protocol):
    """Gives RSA keys."""

    def rsa(self, bits: int) -> rsa.RSAPrivateKey:
        """Return a private key with a modulus of `bits` bits; 1024 is the smallest that works."""
        ...


class FreshKeys:
    """A new key for every call: about 10 ms at 1024 bits, 50 ms at 2048, 330 ms at 4096."""

    def rsa(self, bits: int) -> rsa.RSAPrivateKey:
        """Return a key that nobody else has."""
        return rsa.generate_private_key(_EXPONENT, bits)


class PooledKeys:
    """For tests and the demo only: `size` keys per length, handed out in order, then again.

    The keys are made when first wanted and shared by every pool of the process. So two pools give
    the *same* keys: clusters that must be strangers to each other take theirs from one pool, one
    after the other, and together no more than `size`.
    """

    def __init__(self, size: int = 16) -> None:
        self._size = size
        self._given: dict[int, int] = {}

    def rsa(self, bits: int) -> rsa.RSAPrivateKey:
        """Return the next key of the pool."""
        place = self._given.get(bits, 0) % self._size
        self._given[bits] = place + 1
        made = _made.setdefault(bits, [])
        while len(made) <= place:
            made.append(rsa.generate_private_key(_EXPONENT, bits))
        return made[place]
