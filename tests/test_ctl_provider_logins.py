"""Who may log in to a CTL Provider: hashes, and how slow guessing is."""

import hashlib
from pathlib import Path

import pytest
from ctl_provider_support import Site, refusal
from ctl_provider_support import root as root  # a fixture
from ctl_provider_support import site as site  # a fixture
from ctl_support import PASSWORD, USER

from firmware_sim.administration.provider import NodeProvider, read_administrator
from firmware_sim.ctl_provider.gate import ATTEMPTS, WINDOW_SECONDS, Gate
from firmware_sim.ctl_provider.messages import LoggedIn, Login, RefusalReason
from firmware_sim.ctl_provider.password import make_administrator, parse_administrator
from secd.errors import UnusableInput

SALT = bytes(range(16))


def test_a_password_is_a_hash_and_found_again() -> None:
    made = make_administrator("Administrator", "pässword", SALT, n=2)
    octets = made.encode()
    assert b"ssword" not in octets
    read = parse_administrator(octets, "file")
    assert read == made
    assert read.is_this("Administrator", "pässword")
    assert not read.is_this("Administrator", "password")
    assert not read.is_this("administrator", "pässword")
    assert made.hash == hashlib.scrypt("pässword".encode(), salt=SALT, n=2, r=8, p=1, dklen=32)
    assert repr(made) == "Administrator(user='Administrator', n=2)"


def test_a_guess_costs_as_much_as_rfc_7914_asks_of_logins() -> None:
    assert make_administrator("a", "b", SALT).n == 16384


def test_a_wrong_name_costs_as_much_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    made, hashed = make_administrator("a", "b", SALT, n=2), []
    real = hashlib.scrypt

    def scrypt(password: bytes, *, salt: bytes, n: int, r: int, p: int, dklen: int) -> bytes:
        hashed.append(password)
        return real(password, salt=salt, n=n, r=r, p=p, dklen=dklen)

    monkeypatch.setattr(hashlib, "scrypt", scrypt)
    assert [made.is_this(user, "b") for user in ("a", "nobody")] == [True, False]
    assert len(hashed) == 2


@pytest.mark.parametrize("text", ["", "x" * 129, "a\nb"])
def test_what_cannot_be_a_name_or_password(text: str) -> None:
    with pytest.raises(UnusableInput, match="a name has 1 to 128"):
        make_administrator(text, "b", SALT)
    with pytest.raises(UnusableInput, match="a password has 1 to 128"):
        make_administrator("a", text, SALT)


GOOD = 'user = "a"\nsalt = "00"\nhash = "00"\nn = 2\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "\udcff",
        GOOD.replace('"a"', "1"),
        GOOD.replace("n = 2", "n = 3"),
        GOOD.replace("n = 2", "n = 32768"),
        GOOD.replace("n = 2", "n = true"),
        GOOD.replace('salt = "00"', 'salt = "xx"'),
        GOOD + "more = 1\n",
    ],
)
def test_files_that_are_none(text: str) -> None:
    assert parse_administrator(GOOD.encode(), "f").user == "a"
    with pytest.raises(UnusableInput, match="f: is not what firmware-sim ctl provider set-pass"):
        parse_administrator(text.encode("utf-8", "surrogateescape"), "f")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_address_has_five_attempts_in_a_quarter_of_an_hour() -> None:
    clock = Clock()
    gate = Gate(clock)
    for _ in range(ATTEMPTS):
        assert gate.begin("10.0.0.1") == 0
        clock.now += 1
    assert gate.begin("10.0.0.1") == WINDOW_SECONDS - ATTEMPTS
    assert gate.begin("10.0.0.2") == 0
    clock.now = 100.0 + WINDOW_SECONDS
    assert gate.begin("10.0.0.1") == 0  # the first is forgotten
    assert gate.begin("10.0.0.1") > 0  # the others are not


def test_a_right_password_gives_the_attempts_back() -> None:
    gate = Gate(Clock())
    for _ in range(ATTEMPTS - 1):
        gate.begin("10.0.0.1")
    gate.succeeded("10.0.0.1")
    assert [gate.begin("10.0.0.1") for _ in range(ATTEMPTS)] == [0] * ATTEMPTS


def test_many_addresses_win_nothing_and_cost_little() -> None:
    clock = Clock()
    gate = Gate(clock)
    for number in range(256):
        assert gate.begin(f"a{number}") == 0
    assert gate.begin("one more") == WINDOW_SECONDS
    assert gate.begin("a0") == 0
    clock.now += WINDOW_SECONDS
    assert gate.begin("one more") == 0
    assert len(gate._attempts) == 1


def test_logins(site: Site) -> None:
    provider = NodeProvider(site.site, "cucm-1")
    right, wrong = Login(USER, PASSWORD), Login(USER, "wrong")
    assert provider.log_in("10.0.0.9", right) == LoggedIn()
    for _ in range(5):
        assert refusal(provider.log_in("10.0.0.9", wrong)) == (
            RefusalReason.WRONG_LOGIN,
            "administrator name or password is wrong",
        )
    other = NodeProvider(site.site, "cucm-0")
    reason, text = refusal(other.log_in("10.0.0.9", right))  # the right one is not looked at
    assert reason is RefusalReason.TOO_MANY_LOGINS
    assert text == "too many wrong passwords from 10.0.0.9; try again in 901 s"
    assert other.log_in("10.0.0.8", right) == LoggedIn()
    site.now = 900
    assert other.log_in("10.0.0.9", right) == LoggedIn()


def test_a_provider_without_administrator_lets_nobody_in(site: Site) -> None:
    (site.root / "ctl-provider.secret").unlink()
    reason, text = refusal(NodeProvider(site.site, "cucm-0").log_in("a", Login(USER, PASSWORD)))
    assert (reason, "firmware-sim ctl provider set-password" in text) == (
        RefusalReason.UNABLE,
        True,
    )


def test_an_administrators_file_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "ctl-provider.secret").unlink()
    (root / "ctl-provider.secret").mkdir()
    with pytest.raises(UnusableInput, match=r"ctl-provider\.secret: Is a directory"):
        read_administrator(root)


def test_a_hash_is_its_owners(root: Path) -> None:
    assert (root / "ctl-provider.secret").stat().st_mode & 0o777 == 0o600
