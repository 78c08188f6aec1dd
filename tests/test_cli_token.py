"""`firmware-sim token`: making, looking, and that no PIN is seen."""

import io
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from token_support import NAME, OTHER, PIN, count_in, new_token

from firmware_sim.cli import commands, pins
from firmware_sim.cli.pins import ask_new_password, ask_new_pin, ask_password, ask_pin
from firmware_sim.cluster import listed_token
from firmware_sim.tokens import TokenLocked, WrongPIN, open_file_token
from secd.errors import UnusableInput


def run(*words: str | Path, typed: str = "") -> Result:
    return CliRunner().invoke(commands, ["token", *map(str, words)], input=typed)


def done(*words: str | Path, typed: str = "") -> str:
    result = run(*words, typed=typed)
    assert result.exit_code == 0, result.output
    assert PIN not in result.output
    return result.output


def refused(*words: str | Path, typed: str = "") -> str:
    result = run(*words, typed=typed)
    assert isinstance(result.exception, UnusableInput), result.output
    assert PIN not in f"{result.exception}{result.output}"
    return str(result.exception)


def test_two_tokens_are_made_with_the_pin_that_is_given(tmp_path: Path) -> None:
    out = tmp_path / "safe" / "tokens"
    told = done("new", "--out", out, typed=f"{PIN}\n")
    files = sorted(out.iterdir())
    assert [path.stat().st_mode & 0o777 for path in (out, *files)] == [0o700, 0o600, 0o600]
    tokens = [open_file_token(path) for path in files]
    assert len({token.certificate for token in tokens}) == 2
    for path, token in zip(files, tokens, strict=True):
        assert path.name == f"{token.name}.token"
        serial = listed_token(token.certificate).serial
        assert f"{path}: serial number {serial.hex(':').upper()}" in told
        assert len(serial) == 10
        assert len(token.sign(b"list", PIN)) == 128


def test_tokens_of_certain_names(tmp_path: Path) -> None:
    done("new", NAME, "--out", tmp_path, typed=f"{PIN}\n")
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.token"]
    before = (tmp_path / f"{NAME}.token").read_bytes()
    assert "never written over" in refused("new", OTHER, NAME, "--out", tmp_path, typed="abcd\n")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize("name", ["adn4e31f914", "ADN4E31F914", "ADN4e31f91", "../ADN4e31f914", ""])
def test_what_is_no_name_of_an_etoken(tmp_path: Path, name: str) -> None:
    assert "no name of an eToken" in refused("new", name, "--out", tmp_path, typed=f"{PIN}\n")
    assert list(tmp_path.iterdir()) == []


def test_three_tokens_or_certain_ones(tmp_path: Path) -> None:
    done("new", "--count", "3", "--out", tmp_path, typed=f"{PIN}\n")
    assert len(list(tmp_path.iterdir())) == 3
    assert run("new", NAME, "--count", "3", "--out", tmp_path).exit_code == 2


def test_one_name_twice(tmp_path: Path) -> None:
    assert "the same" in refused("new", NAME, NAME, "--out", tmp_path, typed=f"{PIN}\n")


@pytest.mark.parametrize("pin", ["", "123", "x" * 65, "pässwort", "12\t34"])
def test_what_is_no_pin_for_new_tokens(tmp_path: Path, pin: str) -> None:
    assert "4 to 64" in refused("new", "--out", tmp_path / "none", typed=f"{pin}\n")
    assert not (tmp_path / "none").exists()


def test_a_place_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "File exists" in refused("new", "--out", tmp_path / "file", typed=f"{PIN}\n")


def test_a_token_is_shown_as_lists_write_it(tmp_path: Path) -> None:
    token = new_token(tmp_path)
    with pytest.raises(WrongPIN):
        token.sign(b"list", "wrong")
    serial = listed_token(token.certificate).serial.hex(":").upper()
    assert done("show", token.path).splitlines() == [
        NAME,
        '  subject        cn="SAST-ADN4e31f914        ";ou=IPCBU;o="Cisco Systems',
        f"  serial number  {serial}",
        "  valid from     Sun Mar 13 07:06:40 UTC 2011",
        "  valid to       Fri Mar 11 07:06:40 UTC 2016  (expired)",
        "  state          low: only 14 more attempts before it is locked for ever",
        f"  file           {token.path}",
    ]
    assert count_in(token) == 14


def test_tokens_are_shown_to_machines(tmp_path: Path) -> None:
    token, other = new_token(tmp_path), new_token(tmp_path, OTHER)
    for _ in range(14):
        with pytest.raises(WrongPIN):
            other.sign(b"list", "wrong")
    with pytest.raises(TokenLocked):
        other.sign(b"list", "wrong")
    first, second = json.loads(done("show", token.path, other.path, "--json"))
    assert first == {
        "name": NAME,
        "serial": listed_token(token.certificate).serial.hex(":").upper(),
        "not_before_seconds": 1_300_000_000,
        "not_after_seconds": 1_457_680_000,
        "state": "ready",
        "attempts_left": 15,
    }
    assert (second["name"], second["state"], second["attempts_left"]) == (OTHER, "locked", 0)
    assert "  state          locked for ever\n" in done("show", other.path)
    assert "  state          ready, 15 attempts\n" in done("show", token.path)


def test_a_token_of_the_future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_200_000_000.0)
    assert "UTC 2016  (not valid yet)\n" in done("show", new_token(tmp_path).path)


def test_nothing_to_show(tmp_path: Path) -> None:
    assert run("show").exit_code == 2
    assert "No such file" in refused("show", tmp_path / "none.token")
    assert "PKCS#11 library" in refused("show", "--pkcs11", tmp_path / "none.so")


def test_no_pin_at_all_costs_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    for typed in ("", "\n"):
        with CliRunner().isolation(typed), pytest.raises(UnusableInput, match="no attempt is used"):
            ask_pin(NAME)
    with CliRunner().isolation("  a b \nnext"):
        assert ask_pin(NAME) == "  a b "


def test_a_person_types_hidden_and_a_new_pin_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["first", "first", "second", "other", "third"]
    asked: list[str] = []

    def hidden(question: str) -> str:
        asked.append(question)
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(pins, "getpass", hidden)
    assert ask_new_pin("the new token") == "first"
    with pytest.raises(UnusableInput, match="differ"):
        ask_new_pin("the new token")
    assert ask_pin(NAME) == "third"
    with pytest.raises(UnusableInput, match="no PIN was given"):
        ask_pin(NAME)
    assert asked[:3] == ["PIN for the new token: ", "The same again: ", "PIN for the new token: "]
    assert asked[4:] == [f"PIN of {NAME}: "] * 2


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_is_no_text_costs_no_attempt(monkeypatch: pytest.MonkeyPatch, errors: str) -> None:
    for ask in (ask_pin, ask_new_pin, ask_password, ask_new_password):
        typed = io.TextIOWrapper(io.BytesIO(b"12\xff34\n"), encoding="utf-8", errors=errors)
        monkeypatch.setattr(sys, "stdin", typed)
        with pytest.raises(UnusableInput, match="no text in the encoding") as refused:
            ask("the token")
        assert "34" not in str(refused.value)


def test_a_password_has_a_length() -> None:
    for typed in ("\n", "a" * 257):
        with CliRunner().isolation(typed), pytest.raises(UnusableInput, match="256 characters"):
            ask_password("Password: ")
    with CliRunner().isolation("a" * 256 + "\r\n"):
        assert ask_password("Password: ") == "a" * 256


def test_a_new_password_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["first", "first", "second", "other"]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(pins, "getpass", lambda _: typed.pop(0))
    assert ask_new_password("Password: ") == "first"
    with pytest.raises(UnusableInput, match="differ"):
        ask_new_password("Password: ")
