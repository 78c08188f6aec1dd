"""Reading what the user names on the command line, with errors that say what to do."""

import os
import re
import sys
from getpass import getpass
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric import rsa

from secd.capf import Identity
from secd.certs import (
    load_certificate_untrusted,
    pem_to_der_untrusted,
    pem_to_rsa_key_untrusted,
    rsa_key_of_untrusted,
)
from secd.errors import MalformedFile, UnsupportedKey, UnusableInput
from secd.files.identity import load_identity_untrusted
from secd.models import Model
from secd.text import text_of
from secd.trustlist import TrustList, decode_trust_list_untrusted
from secd.words import FileKind

_FILE_LIMIT_BYTES = 64 * 1024 * 1024  # components of firmware have up to some 20 MB
_FIRMWARE_NAMES = (".loads", ".sbn", ".sb2", ".zz.sgn")  # in any case
_STRING_CHARACTERS = 64  # CUCM takes 4 to 10 digits, the open capfctl 4 to 15 characters
_DEVICE = re.compile(r"SEP[0-9A-F]{12}")


class Folder(click.Path):
    """A directory on the command line. An empty name, as of an unset variable, is none."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Return the path; click turns the failure into one line and exit code 2."""
        if not os.fspath(value):
            self.fail("an empty name is no directory", param, ctx)
        return super().convert(value, param, ctx)


def existing_flash(state: Path) -> Path:
    """Return the directory of a flash that must be there: nothing is made for these commands."""
    if not state.is_dir():
        raise click.BadParameter(f"{state} is no directory: no phone has booted there")
    return state


def read_file(path: Path) -> bytes:
    """Return a file's octets. Raises UnusableInput."""
    try:
        with path.open("rb") as file:
            octets = file.read(_FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror}") from None
    if len(octets) > _FILE_LIMIT_BYTES:
        raise UnusableInput(f"{path}: larger than {_FILE_LIMIT_BYTES} octets, no phone takes that")
    return octets


def read_trust_list(path: Path | None, kind: FileKind) -> TrustList | None:
    """Return the trust list in a file, or None without a path or for an empty file.

    Raises UnusableInput when it is no trust list, or by the name in its header of the other kind.
    """
    octets = b"" if path is None else read_file(path)
    if not octets:
        return None
    try:
        trust_list = decode_trust_list_untrusted(octets)
    except MalformedFile as error:
        raise UnusableInput(f"{path}: not a trust list: {error}") from None
    other = FileKind.ITL if kind is FileKind.CTL else FileKind.CTL
    name = trust_list.header.file_name or b""
    if name.upper().startswith(other.value.upper().encode()):
        raise UnusableInput(f"{path}: is no {kind}: its header names {text_of(name)!r}")
    return trust_list


def read_certificate(path: Path) -> bytes:
    """Return the certificate in a file, DER or PEM, as DER. Raises UnusableInput."""
    octets = read_file(path)
    try:
        if b"-----BEGIN CERTIFICATE-----" in octets:
            octets = pem_to_der_untrusted(octets)
        load_certificate_untrusted(octets)
    except MalformedFile as error:
        raise UnusableInput(f"{path}: is no certificate, PEM or DER: {error}") from None
    return octets


def read_firmware_key(path: Path | None) -> rsa.RSAPublicKey | None:
    """Return the RSA key in a file, a certificate (PEM or DER) or a public key (PEM).

    None without a path. Raises UnusableInput.
    """
    if path is None:
        return None
    octets = read_file(path)
    try:
        if b"-----BEGIN PUBLIC KEY-----" in octets:
            return pem_to_rsa_key_untrusted(octets)
        return rsa_key_of_untrusted(read_certificate(path))
    except (MalformedFile, UnsupportedKey) as error:
        raise UnusableInput(f"{path}: {error}") from None


def read_mic(path: Path, model: Model) -> Identity:
    """Return a MIC: certificate and private key in one PEM file. Raises UnusableInput."""
    if not model.has_mic:
        raise UnusableInput(f"a {model.name} has no MIC; leave --mic out")
    return load_identity_untrusted(read_file(path), str(path))


def parse_device(text: str) -> str:
    """Return a device name as in file names. Raises UnusableInput."""
    device = text.upper()
    if not _DEVICE.fullmatch(device):
        raise UnusableInput(
            f"{text!r} is not a device name: SEP and the twelve digits of the MAC address, "
            "like SEP0011215A1AE3"
        )
    return device


def read_authentication_string(device: str) -> str:
    """Ask for the authentication string of a device, hidden; from a pipe it is the first line.

    Raises UnusableInput for what cannot be one. The error does not show it.
    """
    if sys.stdin.isatty():
        try:
            string = getpass(f"Authentication string for {device}: ")
        except EOFError:
            string = ""
    else:
        string = sys.stdin.readline(_STRING_CHARACTERS + 2).rstrip("\r\n")
    if not (0 < len(string) <= _STRING_CHARACTERS and string.isascii() and string.isprintable()):
        raise UnusableInput(
            f"an authentication string has 1 to {_STRING_CHARACTERS} printable characters "
            "(CUCM: 4 to 10 digits)"
        )
    return string


def kind_of_name(name: str) -> FileKind:
    """Return what a file is to a phone, from the name it is asked for by.

    Raises UnusableInput where the name does not tell.
    """
    base = name.rsplit("/", 1)[-1]
    if base.endswith(".tlv"):
        for kind in (FileKind.CTL, FileKind.ITL):
            if base.upper().startswith(kind):
                return kind
    elif base.lower().endswith(_FIRMWARE_NAMES):
        return FileKind.FIRMWARE
    elif base.endswith(".enc.sgn"):
        return FileKind.ENCRYPTED
    elif base.endswith(".sgn"):
        return FileKind.SIGNED
    elif base.endswith(".xml"):
        return FileKind.PLAIN
    raise UnusableInput(
        f"{base!r} does not tell what the file is to a phone: say with --name how the phone asks "
        "for it (CTLSEP….tlv, ITLSEP….tlv, SEP….cnf.xml.sgn, ….loads, …)"
    )
