"""Encrypted configurations in a boot: rows C8 and C9, and when they make a phone turn to CAPF."""

import hashlib

import pytest
from boot_support import NOT_FOUND, SIGNED, Boot, boot, phone, shelf, xml
from capf_boots import (
    BOTH,
    EC_LSC,
    LSC,
    MIC,
    NEW_LSC,
    NOTHING,
    SERVER,
    Servers,
    installs,
    rsa_key_of,
)
from trust_lists import (
    CCM,
    P1,
    STRANGER,
    TOKEN1,
    encryption_for,
    holds,
    make_ctl,
    make_enc_sgn,
    make_itl,
    make_sgn,
)

from secd.boot import (
    Identities,
    StoreConfiguration,
)
from secd.capf import Identity
from secd.trace import (
    EnrolmentStarted,
)
from secd.trust import Installed
from secd.words import BootOutcome, EnrolmentCause

HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM))
ENCRYPTED = SIGNED.replace(".sgn", ".enc.sgn")
NONE = Identities()


def enrols(
    configuration: bytes,
    servers: Servers,
    identities: Identities = NONE,
    held: Installed | None = None,
) -> Boot:
    """Boot a phone whose configuration is this one."""
    start = phone(P1, installed=held or HELD, identities=identities)
    return boot(start, shelf({SIGNED: make_sgn(CCM, configuration)}), capf=servers)


def md5(identity: Identity) -> str:
    return hashlib.md5(identity.certificate, usedforsecurity=False).hexdigest()


def encrypted_to(identity: Identity, body: bytes) -> bytes:
    return make_enc_sgn(CCM, *encryption_for(rsa_key_of(identity), body))


def stored_encrypted(held: Identity, load: str = "", capf: tuple[str, ...] = ()) -> bytes:
    return xml(certificate_hash=md5(held), encrypted=True, load=load, capf=capf)


@pytest.mark.parametrize("held", [LSC, MIC])
def test_c8_the_hash_is_that_of_a_certificate_of_the_phone(held: Identity) -> None:
    full = stored_encrypted(held, load="full")
    start = phone(P1, installed=HELD, configuration=stored_encrypted(held), identities=BOTH)
    done = boot(start, shelf({ENCRYPTED: encrypted_to(held, full)}))
    assert SIGNED not in done.names
    assert done.configuration == full
    assert done.outcome is BootOutcome.BOOTED
    assert done.told(EnrolmentStarted) == []


def test_c8_equal_hash_in_the_minimal_configuration_counts_from_the_next_reset() -> None:
    files = {SIGNED: make_sgn(CCM, stored_encrypted(LSC))}
    done = boot(phone(P1, installed=HELD, identities=BOTH), shelf(files))
    assert ENCRYPTED not in done.names
    again = phone(P1, installed=HELD, configuration=done.configuration, identities=BOTH)
    assert ENCRYPTED in boot(again, shelf(files)).names


@pytest.mark.parametrize(
    "certificate_hash",
    ["", "0" * 32, md5(NEW_LSC), md5(EC_LSC)],
    ids=["blank", "nobody's", "another's", "an EC certificate's"],
)
@pytest.mark.parametrize("capf_mode", [0, 2])
def test_another_hash_or_none_starts_capf(certificate_hash: str, capf_mode: int) -> None:
    minimal = xml(
        capf=(SERVER,), capf_mode=capf_mode, certificate_hash=certificate_hash, encrypted=True
    )
    servers = Servers(installs())
    done = enrols(minimal, servers, Identities(EC_LSC, MIC))
    cause = EnrolmentCause.SCHEDULED if capf_mode else EnrolmentCause.CERTIFICATE_HASH
    assert [event.cause for event in done.told(EnrolmentStarted)] == [cause]
    assert ENCRYPTED not in done.names[: done.names.index(SIGNED) + 1]


def test_a_new_lsc_makes_the_phone_ask_for_the_encrypted_file() -> None:
    minimal = stored_encrypted(NEW_LSC, capf=(SERVER,))
    full = stored_encrypted(NEW_LSC, load="full")
    files = {SIGNED: make_sgn(CCM, minimal), ENCRYPTED: encrypted_to(NEW_LSC, full)}
    start = phone(P1, installed=HELD, identities=Identities(LSC, MIC))
    done = boot(start, shelf(files), capf=Servers(installs()))
    assert [name for name in done.names if "cnf" in name] == [SIGNED, ENCRYPTED]
    assert done.configuration == full


@pytest.mark.parametrize(("stored", "file"), [(MIC, LSC), (LSC, MIC)])
def test_the_key_that_fits_opens_the_file_whichever_the_stored_hash_names(
    stored: Identity, file: Identity
) -> None:
    """A phone with a MIC has got an LSC since: the next file is encrypted to that one."""
    full = stored_encrypted(file, load="full")
    start = phone(P1, installed=HELD, configuration=stored_encrypted(stored), identities=BOTH)
    done = boot(start, shelf({ENCRYPTED: encrypted_to(file, full)}))
    assert done.configuration == full
    assert done.outcome is BootOutcome.BOOTED
    assert done.told(EnrolmentStarted) == []


def test_no_key_opens_a_file_that_was_not_asked_for_as_an_encrypted_one() -> None:
    start = phone(P1, installed=HELD, configuration=xml(), identities=BOTH)
    done = boot(start, shelf({SIGNED: encrypted_to(LSC, xml(load="full"))}))
    assert done.configuration is None
    assert done.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION


FAILING = {
    "encrypted to another": encrypted_to(NEW_LSC, xml()),
    "signed by a stranger": make_enc_sgn(STRANGER, *encryption_for(rsa_key_of(LSC), xml())),
    "not encrypted": make_sgn(CCM, xml()),
}


@pytest.mark.parametrize("what", FAILING)
def test_c8_a_failure_keeps_the_old_configuration(what: str) -> None:
    stored = stored_encrypted(LSC, capf=(SERVER,))
    start = phone(P1, installed=HELD, configuration=stored, identities=BOTH)
    servers = Servers(NOTHING)
    done = boot(start, shelf({ENCRYPTED: FAILING[what]}), capf=servers)
    assert done.configuration is None
    assert done.did(StoreConfiguration) == []
    assert done.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    causes = [event.cause for event in done.told(EnrolmentStarted)]
    decryption = [EnrolmentCause.DECRYPTION_FAILED]
    assert causes == (decryption if what == "encrypted to another" else [])


@pytest.mark.parametrize("found", [True, False])
def test_c9_encryption_was_switched_off(found: bool) -> None:
    start = phone(P1, installed=HELD, configuration=stored_encrypted(LSC), identities=BOTH)
    plain = make_sgn(CCM, xml(load="plain")) if found else NOT_FOUND
    done = boot(start, shelf({SIGNED: plain}))
    names = [name for name in done.names if "cnf" in name and "Default" not in name]
    assert names == [ENCRYPTED, SIGNED]
    outcome = BootOutcome.BOOTED if found else BootOutcome.BOOTED_OLD_CONFIGURATION
    assert done.outcome is outcome
