"""A PKCS#11 library without hardware: slots whose tokens can be pulled out at any step.

It has what `firmware_sim.tokens.hardware` uses of python-pkcs11, no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pkcs11
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from pkcs11 import Attribute, Mechanism, ObjectClass, TokenFlag
from pkcs11.types import SignMixin

from firmware_sim.cluster import Credential

USABLE = TokenFlag.TOKEN_INITIALIZED | TokenFlag.LOGIN_REQUIRED


@dataclass(frozen=True)
class FakeCertificate:
    key_id: bytes
    der: bytes

    def __getitem__(self, key: Attribute) -> bytes:
        return {Attribute.ID: self.key_id, Attribute.VALUE: self.der}[key]


class FakeKey(SignMixin):
    def __init__(self, slot: "FakeSlot", key: rsa.RSAPrivateKey) -> None:
        self._slot, self._key = slot, key

    def sign(self, data: object, **options: object) -> bytes:
        self._slot.step("sign")
        assert isinstance(data, bytes)
        assert options == {"mechanism": Mechanism.RSA_PKCS}
        return self._key.sign(data, padding.PKCS1v15(), NoDigestInfo())


@dataclass
class FakeSession:
    slot: "FakeSlot"

    def __enter__(self) -> "FakeSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.slot.step("close")

    def get_objects(self, wanted: dict[Attribute, object]) -> Iterator[FakeCertificate | FakeKey]:
        self.slot.step("search")
        if wanted[Attribute.CLASS] is ObjectClass.CERTIFICATE:
            yield from self.slot.certificates
        else:
            yield from (
                FakeKey(self.slot, key)
                for key_id, key in self.slot.keys
                if key_id == wanted[Attribute.ID]
            )


@dataclass
class FakeToken:
    slot: "FakeSlot"
    serial: bytes
    label: str
    flags: TokenFlag

    def open(self, user_pin: str | None = None) -> FakeSession:
        self.slot.step("open")
        if user_pin is not None:
            self.slot.log_in(user_pin)
        return FakeSession(self.slot)


@dataclass
class FakeSlot:
    """A slot. fails -- what a step raises: token, open, login, search, sign, close."""

    certificates: list[FakeCertificate] = field(default_factory=list)
    keys: list[tuple[bytes, rsa.RSAPrivateKey]] = field(default_factory=list)
    pin: str = "Cisco123"
    serial: bytes = b"1234"
    label: str = "eToken"
    flags: TokenFlag = USABLE
    fails: dict[str, pkcs11.PKCS11Error] = field(default_factory=dict)
    slot_description: str = "USB 1"

    def step(self, name: str) -> None:
        if name in self.fails:
            raise self.fails[name]

    def log_in(self, pin: str) -> None:
        self.step("login")
        pin.encode()
        if pin != self.pin:
            self.flags |= TokenFlag.USER_PIN_COUNT_LOW
            raise pkcs11.PinIncorrect

    def get_token(self) -> FakeToken:
        self.step("token")
        return FakeToken(self, self.serial, self.label, self.flags)


def slot_with(credential: Credential, key_id: bytes = b"\1") -> FakeSlot:
    """Return a slot with a token that holds a certificate and its key."""
    certificate = FakeCertificate(key_id, credential.certificate)
    return FakeSlot([certificate], [(key_id, credential.key)])


class FakeLibrary:
    def __init__(self, *slots: FakeSlot) -> None:
        self.slots = list(slots)

    def get_slots(self, token_present: bool = False) -> list[FakeSlot]:
        assert token_present
        return self.slots
