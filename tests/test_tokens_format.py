"""The file of a soft token: what it says, and that damage never gives an attempt back."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from support import vector
from token_support import NAME, PIN, count_in, forbid_pins, has_key, issued, new_token

from firmware_sim.cluster import listed_token
from firmware_sim.tokens import TokenLocked, TokenUnavailable, WrongPIN, open_file_token
from firmware_sim.tokens.file_format import Contents, decode_token_untrusted, encode, head
from firmware_sim.tokens.pkcs8 import (
    ITERATIONS,
    _encode,
    check_key_untrusted,
    decrypt_key,
    encrypt_key,
)
from secd.errors import DecryptionFailed, MalformedFile

KEY = issued(NAME).credential.key
CERTIFICATE = issued(NAME).credential.certificate
SEALED = encrypt_key(KEY, PIN, 1)
FILE = encode(Contents(15, CERTIFICATE, SEALED))


def changed(left: int, old: bytes, new: bytes, octets: bytes = FILE) -> bytes:
    """Return a file with another body, under a digest that fits."""
    body = octets[len(head(0, b"")) :]
    assert old in body
    body = body.replace(old, new, 1)
    return head(left, body) + body


def refused(octets: bytes) -> str:
    with pytest.raises(MalformedFile) as raised:
        decode_token_untrusted(octets)
    return str(raised.value)


@pytest.mark.parametrize("left", range(16))
def test_a_file_says_what_was_written(left: int) -> None:
    contents = Contents(left, CERTIFICATE, SEALED if left else None)
    assert decode_token_untrusted(encode(contents)) == contents


def test_every_flipped_bit_is_noticed() -> None:
    for at in range(len(FILE)):
        for bit in (1, 2, 32, 128):
            refused(FILE[:at] + bytes([FILE[at] ^ bit]) + FILE[at + 1 :])


def test_damage_to_a_count_locks_at_worst() -> None:
    octets = encode(Contents(10, CERTIFICATE, SEALED))
    at = octets.index(b": 10\n") + 2
    for count in range(100):
        damaged = octets[:at] + b"%02d" % count + octets[at + 2 :]
        if count == 0:
            assert decode_token_untrusted(damaged) == Contents(0, CERTIFICATE, None)
        elif count != 10:
            assert "damaged" in refused(damaged)


def test_every_length_but_the_right_one_is_refused() -> None:
    for size in range(len(FILE)):
        refused(FILE[:size])
    refused(FILE + b"\n")


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "no token of firmware-sim"),
        (b"-----BEGIN CERTIFICATE-----\n", "no token of firmware-sim"),
        (FILE.replace(b"format 1", b"format 2"), "a later format"),
        (FILE.replace(b"Attempts left: 15\n", b""), "the count of attempts and a digest"),
        (FILE.replace(b"left: 15", b"left: 15 "), "the count of attempts"),
        (FILE.replace(b"left: 15", b"left: -1"), "the count of attempts"),
        (changed(99, b"A", b"A"), "99 attempts, and no token has so many"),
        (changed(16, b"A", b"A"), "16 attempts"),
        (changed(15, b"BEGIN CERT", b"BEGIN  CERT"), "there is no certificate"),
        (changed(15, b"-----\nMII", b"-----\nMIJ"), "the certificate cannot be read"),
        (changed(15, b"BEGIN ENCRYPTED", b"BEGIN"), "there is no private key"),
        (changed(15, b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", b""), "no private key"),
        (changed(15, b"KEY-----\nM", b"KEY-----\n="), "no base64"),
        (changed(15, b"KEY-----\nMII", b"KEY-----\nMIJ"), "the lengths"),
    ],
)
def test_the_error_says_what_is_wrong(octets: bytes, said: str) -> None:
    assert said in refused(octets)


@pytest.mark.parametrize(
    "octets", [FILE[:-40], FILE.replace(b": 15\n", b": 14\n"), b"", b"\0" * 99]
)
def test_a_damaged_token_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    token = new_token(tmp_path)
    token.path.write_bytes(octets)
    forbid_pins(monkeypatch)
    with pytest.raises(TokenUnavailable, match=str(token.path)):
        token.sign(b"list", PIN)
    with pytest.raises(TokenUnavailable, match=str(token.path)):
        token.attempts()
    assert token.path.read_bytes() == octets


def test_a_destruction_that_was_interrupted_is_ended(tmp_path: Path) -> None:
    token = new_token(tmp_path)
    octets = encode(Contents(15, CERTIFICATE, SEALED)).replace(b"left: 15", b"left: 00")
    token.path.write_bytes(octets[:-300] + bytes(300))
    with pytest.raises(TokenLocked):
        token.sign(b"list", PIN)
    assert (count_in(token), has_key(token)) == (0, False)
    assert open_file_token(token.path) == token


def test_a_certificate_that_is_none_of_a_token(tmp_path: Path) -> None:
    authority = issued(NAME)  # its certificate, under another name
    path = tmp_path / "other.token"
    der = authority.credential.certificate.replace(b"SAST-ADN", b"SAST:ADN")
    path.write_bytes(encode(Contents(15, der, SEALED)))
    path.chmod(0o600)
    with pytest.raises(TokenUnavailable, match="none of a token"):
        open_file_token(path)
    path.write_bytes(
        encode(
            Contents(15, der.replace(b"\x06\x03U\x04\x03\x0c", b"\x06\x03U\x04\x03\x03"), SEALED)
        )
    )
    with pytest.raises(TokenUnavailable, match="the certificate cannot be read"):
        open_file_token(path)


def test_a_token_that_openssl_made(tmp_path: Path) -> None:
    path = tmp_path / "made.token"
    path.write_bytes(vector("tokens/ADN4e31f914.token"))
    path.chmod(0o600)
    token = open_file_token(path)
    assert token.sign(b"list", PIN) == vector("tokens/list.sha1-signature")
    serial = "BD:A3:02:00:00:00:D8:88:64:1F"  # of this token in the seed guide
    assert (token.name, listed_token(token.certificate).serial.hex(":").upper()) == (NAME, serial)
    with pytest.raises(WrongPIN):
        token.sign(b"list", "Cisco124")


def test_openssl_reads_a_token_file(tmp_path: Path) -> None:
    token = new_token(tmp_path)
    found = load_pem_private_key(token.path.read_bytes(), PIN.encode())
    assert found.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == plain_key()


def plain_key() -> bytes:
    return KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def test_the_key_is_stretched_as_it_should_be() -> None:
    assert ITERATIONS == 600_000
    sealed = encrypt_key(KEY, PIN)
    assert ITERATIONS.to_bytes(3, "big") in sealed
    found = load_der_private_key(sealed, PIN.encode())
    assert found.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == plain_key()
    assert encrypt_key(KEY, PIN, 1) != SEALED  # salt and IV are new each time


@pytest.mark.parametrize("iterations", [1, 127, 128, 2048, 65_535])
def test_keys_of_any_number_of_iterations(iterations: int) -> None:
    sealed = encrypt_key(KEY, PIN, iterations)
    check_key_untrusted(sealed)
    assert decrypt_key(sealed, PIN).private_numbers() == KEY.private_numbers()


def test_wrong_pins_have_one_answer() -> None:
    """Of 1500 some six leave a right padding."""
    for number in range(1500):
        with pytest.raises(DecryptionFailed, match="the PIN does not open the key"):
            decrypt_key(SEALED, f"wrong {number}")


def test_a_key_of_another_kind() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    secret = BestAvailableEncryption(PIN.encode())
    sealed = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, secret)
    check_key_untrusted(sealed)  # what others wrote in this form is taken
    with pytest.raises(DecryptionFailed, match="an RSA key"):
        decrypt_key(sealed, PIN)


def test_damage_to_the_key_is_found_before_the_pin() -> None:
    for damaged in (b"", SEALED[:-1], SEALED[:-16], SEALED + b"\0", b"\x30\x00", os.urandom(99)):
        with pytest.raises(MalformedFile):
            check_key_untrusted(damaged)
    many = encrypt_key(KEY, PIN, 300).replace(b"\x02\x02\x01\x2c", b"\x02\x02\x00\x00")
    with pytest.raises(MalformedFile, match="iterations"):
        check_key_untrusted(many)


@pytest.mark.parametrize("iterations", [0, 10_000_001, 2**31 - 1])
def test_a_file_does_not_keep_us_busy(iterations: int) -> None:
    check_key_untrusted(_encode(bytes(16), 10_000_000, bytes(16), bytes(640)))
    with pytest.raises(MalformedFile, match="iterations"):
        check_key_untrusted(_encode(bytes(16), iterations, bytes(16), bytes(640)))


def test_a_part_of_a_block_is_no_key() -> None:
    content = SEALED[4:]
    at = content.index(b"\x04\x82", 90)
    size = int.from_bytes(content[at + 2 : at + 4], "big") - 1
    content = content[: at + 2] + size.to_bytes(2, "big") + content[at + 4 : -1]
    with pytest.raises(MalformedFile, match="whole blocks"):
        check_key_untrusted(b"\x30\x82" + len(content).to_bytes(2, "big") + content)
