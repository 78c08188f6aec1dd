"""Tokens of hardware: three states, and every step at which one may be pulled out."""

import os
from pathlib import Path
from typing import Protocol

import pkcs11
import pytest
from fake_pkcs11 import USABLE, FakeCertificate, FakeLibrary, FakeSlot, slot_with
from pkcs11 import TokenFlag
from pkcs11.exceptions import (
    DeviceRemoved,
    FunctionFailed,
    GeneralError,
    MechanismInvalid,
    PinExpired,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    TokenNotPresent,
    TokenNotRecognised,
    UserPinNotInitialized,
)
from support import lab
from token_support import NAME, OTHER, PIN, issued, new_token

from firmware_sim.cluster import Credential
from firmware_sim.tokens import (
    Attempts,
    Token,
    TokenLocked,
    TokenState,
    TokenUnavailable,
    WrongPIN,
    open_tokens,
)
from firmware_sim.tokens.proof import check_signature
from secd.certs import rsa_key_of_untrusted
from secd.crypto import Digest, verify_rsa

MODULE = Path("libeToken.so")
EC_DER = lab("tftp-ec").der


class Plug(Protocol):
    """Puts slots behind the library."""

    def __call__(self, *slots: FakeSlot) -> None: ...


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Return what puts slots behind the library."""

    def put(*slots: FakeSlot) -> None:
        library = FakeLibrary(*slots)

        def load(name: str) -> FakeLibrary:
            assert name == str(MODULE.absolute())
            return library

        monkeypatch.setattr(pkcs11, "lib", load)

    return put


def credential(name: str = NAME) -> Credential:
    return issued(name).credential


def only(slot: FakeSlot, plug: Plug) -> Token:
    plug(slot)
    [token] = open_tokens(module=MODULE)
    return token


def test_a_token_signs(plug: Plug) -> None:
    token = only(slot_with(credential()), plug)
    verify_rsa(
        rsa_key_of_untrusted(token.certificate), token.sign(b"list", PIN), b"list", Digest.SHA1
    )
    assert (token.name, token.certificate) == (NAME, credential().certificate)
    assert token.attempts() == Attempts(TokenState.READY)


def test_several_are_listed_and_none_twice(plug: Plug, tmp_path: Path) -> None:
    plug(slot_with(credential()), slot_with(credential(OTHER)))
    assert [token.name for token in open_tokens(module=MODULE)] == [NAME, OTHER]
    with pytest.raises(TokenUnavailable, match="named twice"):
        open_tokens([new_token(tmp_path).path], MODULE)


def test_what_no_token_of_cisco_is_has_the_name_of_its_label(plug: Plug) -> None:
    der = lab("ccm").der
    slot = FakeSlot([FakeCertificate(b"\1", der)], label="my\x1b[2Jkey")
    assert only(slot, plug).name == "my\\x1b[2Jkey"
    slot.certificates.append(FakeCertificate(b"\2", credential().certificate))
    assert only(slot, plug).name == NAME  # the other certificate may be a CA's


def test_what_cannot_sign_is_not_listed(plug: Plug) -> None:
    empty, fresh, gone, foreign, odd = (FakeSlot() for _ in range(5))
    fresh.flags, fresh.fails = TokenFlag(0), {"open": GeneralError()}
    gone.fails = {"token": TokenNotPresent()}
    foreign.fails = {"open": TokenNotRecognised()}
    odd.certificates = [FakeCertificate(b"\1", der) for der in (b"", b"no certificate", EC_DER)]
    plug(empty, fresh, gone, foreign, odd, slot_with(credential()))
    assert [token.name for token in open_tokens(module=MODULE)] == [NAME]
    plug(empty, fresh, gone, foreign, odd)
    with pytest.raises(TokenUnavailable, match="is it plugged in"):
        open_tokens(module=MODULE)


def test_a_slot_in_trouble_is_named(plug: Plug) -> None:
    slot = slot_with(credential())
    slot.fails = {"search": GeneralError()}
    plug(slot)
    with pytest.raises(TokenUnavailable, match=r"slot 'USB 1'.*plug it in.*\(GeneralError\)"):
        open_tokens(module=MODULE)


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        (0, TokenState.READY),
        (TokenFlag.USER_PIN_COUNT_LOW, TokenState.LOW),
        (TokenFlag.USER_PIN_FINAL_TRY, TokenState.FINAL_TRY),
        (TokenFlag.USER_PIN_COUNT_LOW | TokenFlag.USER_PIN_FINAL_TRY, TokenState.FINAL_TRY),
        (TokenFlag.USER_PIN_LOCKED | TokenFlag.USER_PIN_COUNT_LOW, TokenState.LOCKED),
    ],
)
def test_flags_are_states(flags: int, state: TokenState, plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    slot.flags = USABLE | flags
    assert token.attempts() == Attempts(state)


def test_wrong_pins_up_to_the_lock(plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    with pytest.raises(WrongPIN, match="some attempts are used up") as raised:
        token.sign(b"list", "wrong")
    assert raised.value.attempts == Attempts(TokenState.LOW)
    slot.flags |= TokenFlag.USER_PIN_FINAL_TRY
    with pytest.raises(WrongPIN, match="only 1 more attempt") as raised:
        token.sign(b"list", "wrong")
    assert raised.value.attempts == Attempts(TokenState.FINAL_TRY)
    slot.flags |= TokenFlag.USER_PIN_LOCKED
    slot.fails = {"login": AssertionError("asked a locked token")}  # type: ignore[dict-item]
    with pytest.raises(TokenLocked):
        token.sign(b"list", PIN)


def test_the_wrong_pin_that_locks(plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)

    def log_in(pin: str) -> None:
        slot.flags |= TokenFlag.USER_PIN_LOCKED
        raise pkcs11.PinIncorrect

    slot.log_in = log_in  # type: ignore[method-assign]
    with pytest.raises(TokenLocked):
        token.sign(b"list", "wrong")


def test_a_token_that_shows_no_flags_is_locked_when_it_says_so(plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    slot.fails = {"login": PinLocked()}
    with pytest.raises(TokenLocked):
        token.sign(b"list", PIN)


@pytest.mark.parametrize("error", [PinInvalid(), PinLenRange()])
def test_a_pin_that_cannot_be_one_is_a_wrong_one(error: PKCS11Error, plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    slot.fails = {"login": error}
    with pytest.raises(WrongPIN, match=f"{NAME}: wrong PIN$"):
        token.sign(b"list", "1")
    with pytest.raises(WrongPIN):
        only(slot_with(credential()), plug).sign(b"list", "\udc80")


@pytest.mark.parametrize("step", ["token", "open", "login", "search", "sign", "close"])
@pytest.mark.parametrize("error", [DeviceRemoved(), GeneralError()])
def test_pulled_out_at_any_step(step: str, error: PKCS11Error, plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    slot.fails = {step: error}
    with pytest.raises(TokenUnavailable, match=f"{NAME}: it was pulled out.*plug it in"):
        token.sign(b"list", PIN)
    slot.fails = {}
    assert token.sign(b"list", PIN)


def test_pulled_out_after_a_wrong_pin(plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)

    def log_in(pin: str) -> None:
        slot.fails = {"token": DeviceRemoved()}
        raise pkcs11.PinIncorrect

    slot.log_in = log_in  # type: ignore[method-assign]
    with pytest.raises(TokenUnavailable, match="pulled out"):
        token.sign(b"list", "wrong")


@pytest.mark.parametrize(("serial", "label"), [(b"99", "eToken"), (b"1234", "another")])
def test_another_token_in_the_slot_gets_no_pin(serial: bytes, label: str, plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    slot.serial, slot.label = serial, label
    slot.fails = {"login": AssertionError("asked")}  # type: ignore[dict-item]
    for act in (token.attempts, lambda: token.sign(b"list", PIN)):
        with pytest.raises(TokenUnavailable, match="another token is in its slot"):
            act()


def test_a_token_that_signs_with_another_key_is_found_out(plug: Plug) -> None:
    slot = slot_with(credential())
    slot.keys = [(b"\1", credential(OTHER).key)]
    with pytest.raises(TokenUnavailable, match="not the one of its certificate"):
        only(slot, plug).sign(b"list", PIN)
    slot.keys = [(b"\2", credential().key)]
    with pytest.raises(TokenUnavailable, match=r"no private key .*\(CKA_ID 01\)"):
        only(slot, plug).sign(b"list", PIN)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PinExpired(), "its PIN has expired"),
        (UserPinNotInitialized(), "it has no PIN yet"),
        (MechanismInvalid(), "use another token"),
        (FunctionFailed(), r"the PKCS#11 library refused: FunctionFailed"),
        (PKCS11Error("vendor 0x80000001"), "refused: vendor 0x80000001"),
    ],
)
def test_errors_say_what_to_do(error: PKCS11Error, said: str, plug: Plug) -> None:
    slot = slot_with(credential())
    token = only(slot, plug)
    slot.fails = {"login": error}
    with pytest.raises(TokenUnavailable, match=said):
        token.sign(b"list", PIN)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.so", "cannot open shared object file: No such file"),
        (os.devnull, ""),
        (__file__, "invalid ELF header|not a mach-o"),
    ],
)
def test_what_is_no_library(name: str, said: str) -> None:
    with pytest.raises(TokenUnavailable, match=f"^{name}: cannot be .* library: ({said})"):
        open_tokens(module=Path(name))


def test_a_library_that_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: str) -> None:
        raise GeneralError

    monkeypatch.setattr(pkcs11, "lib", load)
    with pytest.raises(TokenUnavailable, match="PKCS#11 library: GeneralError"):
        open_tokens(module=MODULE)


def test_a_certificate_without_an_rsa_key_proves_nothing() -> None:
    with pytest.raises(TokenUnavailable, match="use another token"):
        check_signature("odd", EC_DER, b"list", bytes(64))


def test_no_pin_shows(plug: Plug) -> None:
    token = only(slot_with(credential()), plug)
    with pytest.raises(WrongPIN) as raised:
        token.sign(b"list", "s3cret")
    assert "s3cret" not in f"{raised.value} {raised.value!r}"
