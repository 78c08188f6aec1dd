"""Where a phone's private keys come from."""

import pytest
from capf_net_phone import EC
from capf_support import KINDS, key_of
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from secd.capf import (
    Curve,
    ECKind,
    KeyKind,
    RSAKind,
    public_octets,
)
from secd.net.keys import FreshKeys, PooledKeys


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (RSAKind(3072), RSAKind(4096))])
async def test_fresh_keys_are_of_the_kind_asked_for_and_new(kind: KeyKind) -> None:
    one, other = await FreshKeys().make(kind), await FreshKeys().make(kind)
    assert public_octets(one) != public_octets(other)
    for key in (one, other):
        if isinstance(kind, RSAKind):
            assert isinstance(key, rsa.RSAPrivateKey)
            assert key.key_size == kind.bits
        else:
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            assert key.curve.name == f"secp{(256, 384, 521)[kind.curve]}r1"


async def test_a_pool_gives_each_key_once_and_then_makes_new_ones() -> None:
    ready = [key_of(kind) for kind in (RSAKind(1024), EC, ECKind(Curve.P521))]
    pool = PooledKeys(ready)
    kinds: list[KeyKind] = [EC, RSAKind(1024), ECKind(Curve.P521)]
    assert {id(await pool.make(kind)) for kind in kinds} == {id(key) for key in ready}
    for kind in kinds:
        new = await pool.make(kind)
        assert all(new is not key for key in ready)
