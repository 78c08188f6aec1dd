"""Where a phone's private keys come from.

An RSA key takes tens to hundreds of milliseconds, so it is made in a worker thread while the phone
goes on; an EC key takes less than the way to a thread (figures: docs/figures.md).
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Final, Protocol

import trio
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from secd.capf import Curve, ECKind, KeyKind, PrivateKey, RSAKind

_CURVES: Final[dict[int, type[ec.EllipticCurve]]] = {
    Curve.P256: ec.SECP256R1,
    Curve.P384: ec.SECP384R1,
    Curve.P521: ec.SECP521R1,
}
_EXPONENT: Final = 65537


class KeySource(Protocol):
    """Makes private keys."""

    async def make(self, kind: KeyKind) -> PrivateKey:
        """Return a key of a kind that `secd.capf` asks for."""
        ...


class FreshKeys:
    """Makes each key when it is wanted."""

    async def make(self, kind: KeyKind) -> PrivateKey:
        """Return a new key. A cancelled RSA key is made to its end in its thread and dropped."""
        if isinstance(kind, ECKind):
            return ec.generate_private_key(_CURVES[kind.curve]())
        return await trio.to_thread.run_sync(_make_rsa, kind.bits, abandon_on_cancel=True)


class PooledKeys:
    """Gives out keys made before, for storms of phones; makes new ones when they are used up.

    Each key is given out once: two phones with one key could sign for each other.
    """

    def __init__(self, keys: Iterable[PrivateKey]) -> None:
        self._ready: defaultdict[KeyKind, deque[PrivateKey]] = defaultdict(deque)
        self._fresh = FreshKeys()
        for key in keys:
            self._ready[_kind_of(key)].append(key)

    async def make(self, kind: KeyKind) -> PrivateKey:
        """Return a ready key of this kind, or a new one."""
        ready = self._ready[kind]
        return ready.popleft() if ready else await self._fresh.make(kind)


def _make_rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(_EXPONENT, bits)


def _kind_of(key: PrivateKey) -> KeyKind:
    if isinstance(key, rsa.RSAPrivateKey):
        return RSAKind(key.key_size)
    curves = {curve().name: number for number, curve in _CURVES.items()}
    return ECKind(curves[key.curve.name])
