"""Doors for files: envelopes, lists, firmware, certificates, configurations."""

from fuzz.agreement import assert_agreed, assert_file_agreed, read_signed_file, read_trust_list
from secd.capf import public_octets
from secd.certs import (
    facts_of_untrusted,
    load_certificate_untrusted,
    openssl_names_untrusted,
    pem_to_der_untrusted,
    pem_to_rsa_key_untrusted,
    rsa_key_of_untrusted,
)
from secd.configuration import parse_configuration_untrusted
from secd.envelope import components_of_untrusted, encode_signed_file
from secd.errors import MalformedFile, UnsupportedKey, UnusableInput
from secd.files.identity import identity_to_pem, load_identity_untrusted
from secd.trustlist import Form, encode_trust_list, show_list, show_unreadable
from secd.words import FileKind

_MODIFIED = "Mon Nov 23 10:00:00 UTC 2026"


def signed_file(octets: bytes) -> None:
    """Read, compare with the naive decoder, write back."""
    assert_file_agreed(octets)
    file = read_signed_file(octets)
    if file is not None:
        assert encode_signed_file(file.header, file.body) == octets


def trust_list(octets: bytes) -> None:
    """Read, compare with the naive decoder, write back, and show as CUCM's command line does."""
    assert_agreed(octets)
    held = read_trust_list(octets)
    if held is None:
        lines = show_unreadable(octets, FileKind.ITL, _MODIFIED, Form.CUCM_10)
    else:
        assert encode_trust_list(held.header, held.records) == octets
        lines = show_list(held, FileKind.ITL, _MODIFIED, verified=False, form=Form.CUCM_10)
    assert all(line.isprintable() or not line.strip() for line in lines)


def firmware(octets: bytes) -> None:
    """Read a `.loads` body: what it names is printable."""
    try:
        components = components_of_untrusted(octets)
    except MalformedFile as error:
        assert str(error).isprintable()
        return
    assert all(component.name.isprintable() and component.name for component in components)


def certificate(octets: bytes) -> None:
    """Read as DER and as PEM; whatever has facts can be loaded."""
    try:
        facts = facts_of_untrusted(octets)
        assert load_certificate_untrusted(octets) is not None
        assert facts.der == octets
        assert all(name.isascii() for name in openssl_names_untrusted(octets))
    except MalformedFile as error:
        assert str(error)
    try:
        rsa_key_of_untrusted(octets)
    except UnsupportedKey as error:
        assert str(error)
    try:
        assert pem_to_der_untrusted(octets)
    except MalformedFile as error:
        assert str(error)
    try:
        assert pem_to_rsa_key_untrusted(octets)
    except MalformedFile as error:
        assert str(error)
    try:
        owned = load_identity_untrusted(octets, "the file")
    except UnusableInput as error:
        assert str(error).isprintable()
    else:
        again = load_identity_untrusted(identity_to_pem(owned), "again")
        assert again.certificate == owned.certificate
        assert public_octets(again.key) == public_octets(owned.key)


def configuration(octets: bytes) -> None:
    """Read; what comes out is bounded, and names of files are no paths with odd characters."""
    try:
        one = parse_configuration_untrusted(octets)
    except MalformedFile as error:
        assert str(error).isprintable()
        return
    for servers in (one.call_managers, one.tvs_servers, one.capf_servers):
        assert len(servers) <= 5
        assert all(server.address for server in servers)
    for name in (one.soft_key_file, one.dial_template, one.feature_policy_file, one.user_locale):
        assert name == "" or (name.isascii() and name.isprintable())
