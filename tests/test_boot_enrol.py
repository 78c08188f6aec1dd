"""When a phone turns to CAPF in a boot, whom it asks, and what that changes."""

import hashlib

import pytest
from boot_support import NOT_FOUND, SIGNED, Boot, boot, phone, shelf, xml
from capf_boots import (
    BOTH,
    BUSY,
    DELETES,
    EC_LSC,
    FETCHES,
    LSC,
    MIC,
    NEW_LSC,
    NOTHING,
    SECOND,
    SERVER,
    Servers,
    installs,
    refuses,
)
from trust_lists import (
    CCM,
    P0,
    P1,
    STRANGER,
    TOKEN1,
    TVS,
    encryption_for,
    holds,
    identity,
    make_ctl,
    make_enc_sgn,
    make_itl,
    make_sgn,
    record,
    vouch,
)
from trust_lists import make_list as list_of

from secd.boot import (
    AskTVS,
    CAPFServerFailed,
    CAPFServerRefused,
    CAPFServerUnknown,
    Identities,
    InstallLSC,
    LSCUpdate,
    PhoneBooted,
    StoreConfiguration,
    UpdatePressed,
    Wait,
)
from secd.boot.table import State
from secd.capf import Identity
from secd.trace import (
    CAPFNoValidServer,
    CAPFRetryScheduled,
    EnrolmentEnded,
    EnrolmentStarted,
    LSCErased,
    LSCInstalled,
)
from secd.trust import Accept, Installed, NeedsTVS, Refuse
from secd.words import BootOutcome, EnrolmentCause, EnrolmentOutcome

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


def ended(done: Boot) -> EnrolmentEnded:
    [event] = done.told(EnrolmentEnded)
    return event


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_a_scheduled_operation_after_registration(mode: int) -> None:
    servers = Servers(installs())
    done = enrols(xml(capf=(SERVER,), capf_mode=mode), servers, BOTH)
    assert done.told(EnrolmentStarted) == [EnrolmentStarted(EnrolmentCause.SCHEDULED, False)]
    assert servers.addresses == [SERVER]
    assert servers.asked[0].port == 3804
    assert done.lsc == ["installed"]
    assert done.machine.enrolling.identities == Identities(NEW_LSC, MIC)
    [installed] = done.told(LSCInstalled)
    assert installed.renewed
    assert installed.kind == f"RSA {NEW_LSC.key.key_size}"
    assert done.outcome is BootOutcome.BOOTED
    taken = [state for state, _ in done.machine.taken]
    assert State.REGISTER in taken
    assert taken.index(State.REGISTER) < taken.index(State.ENROL_LSC_REGISTERED)


def test_the_configuration_is_asked_for_again_once() -> None:
    done = enrols(xml(capf=(SERVER,), capf_mode=2), Servers(installs()))
    assert done.names.count(SIGNED) == 2
    assert len(done.told(EnrolmentStarted)) == 1
    assert done.machine.state is State.REGISTER


def test_the_lsc_is_on_flash_before_the_trace_says_so() -> None:
    done = enrols(xml(capf=(SERVER,), capf_mode=2), Servers(installs()))
    kinds = [type(getattr(output, "event", output)) for output in done.outputs]
    assert kinds.index(InstallLSC) < kinds.index(LSCInstalled)


@pytest.mark.parametrize("mode", [2, 3])
def test_a_secure_mode_enrols_before_it_registers(mode: int) -> None:
    done = enrols(xml(mode=mode, capf=(SERVER,), capf_mode=2), Servers(installs()))
    assert done.told(EnrolmentStarted) == [EnrolmentStarted(EnrolmentCause.SCHEDULED, True)]
    states = [state for state, _ in done.machine.taken]
    assert states.index(State.ENROL_LSC) > states.index(State.REQUEST_CONFIGURATION)
    assert State.REGISTER not in states
    assert done.machine.state is State.REGISTER
    assert done.outcome is BootOutcome.BOOTED


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (refuses(7), EnrolmentOutcome.REFUSED),
        (CAPFServerFailed("nobody"), EnrolmentOutcome.UNREACHABLE),
        (CAPFServerRefused("another certificate"), EnrolmentOutcome.NO_VALID_SERVER),
    ],
)
def test_a_secure_mode_without_lsc_does_not_register(
    answer: object, outcome: EnrolmentOutcome
) -> None:
    done = enrols(xml(mode=3, capf=(SERVER,), capf_mode=2), Servers(answer))  # type: ignore[arg-type]
    assert ended(done).outcome is outcome
    assert done.outcome is BootOutcome.NO_LSC_IN_SECURE_MODE
    # The one that it has serves, though CAPF gave no new one.
    held = enrols(xml(mode=3, capf=(SERVER,), capf_mode=2), Servers(answer), BOTH)  # type: ignore[arg-type]
    assert held.outcome is BootOutcome.BOOTED
    # And outside a secure mode nothing waits for it.
    plain = enrols(xml(mode=1, capf=(SERVER,), capf_mode=2), Servers(answer))  # type: ignore[arg-type]
    assert plain.outcome is BootOutcome.BOOTED
    assert plain.machine.state is State.STAY_REGISTERED


def test_an_authentication_string_is_never_sent_by_itself() -> None:
    servers = Servers(installs())
    done = enrols(xml(capf=(SERVER,), capf_mode=1, encrypted=True), servers)
    assert servers.asked == []
    assert done.told(EnrolmentStarted) == []
    secure = enrols(xml(mode=3, capf=(SERVER,), capf_mode=1), servers)
    assert secure.outcome is BootOutcome.NO_LSC_IN_SECURE_MODE
    with_lsc = enrols(xml(mode=3, capf=(SERVER,), capf_mode=1), servers, BOTH)
    assert with_lsc.outcome is BootOutcome.BOOTED
    assert servers.asked == []


def test_nothing_scheduled_in_the_configuration() -> None:
    servers = Servers(installs())
    assert enrols(xml(capf=(SERVER,)), servers).told(EnrolmentStarted) == []
    assert servers.asked == []


PROOFS = [
    (2, BOTH, None, None),
    (3, BOTH, LSC, MIC),
    (3, Identities(None, MIC), MIC, MIC),
    (3, Identities(LSC), LSC, LSC),
    (3, Identities(EC_LSC), EC_LSC, None),
    (3, Identities(EC_LSC, MIC), EC_LSC, MIC),
    (4, BOTH, MIC, MIC),
    (4, Identities(LSC), LSC, LSC),
]


@pytest.mark.parametrize(("mode", "held", "proof", "sudi"), PROOFS)
def test_how_a_phone_proves_itself(
    mode: int, held: Identities, proof: Identity | None, sudi: Identity | None
) -> None:
    servers = Servers(NOTHING)
    enrols(xml(capf=(SERVER,), capf_mode=mode), servers, held)
    applicant = servers.asked[0].applicant
    assert (applicant.proof, applicant.sudi) == (proof, sudi)
    assert applicant.device_name == "SEP0011215A1AE3"
    assert applicant.authentication_string == ""
    assert applicant.lsc == (held.lsc and held.lsc.certificate)
    assert applicant.mic == (held.mic and held.mic.certificate)


@pytest.mark.parametrize("mode", [1, 3])
@pytest.mark.parametrize("capf_mode", [3, 4])
def test_no_certificate_to_prove_itself_with(mode: int, capf_mode: int) -> None:
    servers = Servers(NOTHING)
    done = enrols(xml(mode=mode, capf=(SERVER,), capf_mode=capf_mode), servers)
    assert servers.asked == []
    assert ended(done) == EnrolmentEnded(EnrolmentOutcome.NO_CERTIFICATE, -1, "")
    secure = BootOutcome.NO_LSC_IN_SECURE_MODE
    assert done.outcome is (secure if mode == 3 else BootOutcome.BOOTED)


@pytest.mark.parametrize(
    ("session", "outcome"),
    [
        (NOTHING, EnrolmentOutcome.NOTHING_SCHEDULED),
        (FETCHES, EnrolmentOutcome.FETCHED),
        (refuses(9), EnrolmentOutcome.REFUSED),
        (refuses(200), EnrolmentOutcome.REFUSED),
    ],
)
def test_what_changes_nothing(session: object, outcome: EnrolmentOutcome) -> None:
    done = enrols(xml(capf=(SERVER,), capf_mode=2), Servers(session), BOTH)  # type: ignore[arg-type]
    assert ended(done).outcome is outcome
    assert done.machine.enrolling.identities == BOTH
    assert done.lsc == []
    assert done.names.count(SIGNED) == 1


def test_delete() -> None:
    done = enrols(xml(capf=(SERVER,), capf_mode=3), Servers(DELETES), BOTH)
    assert done.lsc == ["erased"]
    assert done.told(LSCErased) == [LSCErased()]
    assert done.machine.enrolling.identities == Identities(None, MIC)
    assert ended(done).outcome is EnrolmentOutcome.DELETED
    assert done.names.count(SIGNED) == 2


# Servers, tries, certificates


def test_three_tries_30_s_apart_then_the_next_server() -> None:
    down = CAPFServerFailed("refused")
    servers = Servers(down, down, down, installs())
    done = enrols(xml(capf=(SERVER, SECOND), capf_mode=2), servers)
    assert servers.addresses == [SERVER, SERVER, SERVER, SECOND]
    assert [wait.seconds for wait in done.did(Wait)] == [30.0, 30.0]
    assert [event.attempt for event in done.told(CAPFRetryScheduled)] == [1, 2]
    assert done.lsc == ["installed"]


def test_five_servers_and_no_more() -> None:
    servers = Servers(CAPFServerFailed("refused"))
    done = enrols(xml(capf=tuple(f"10.1.1.{n}" for n in range(1, 8)), capf_mode=2), servers)
    assert len(servers.asked) == 15
    assert ended(done).outcome is EnrolmentOutcome.UNREACHABLE
    assert done.told(CAPFNoValidServer) == []


def test_a_busy_server_is_asked_again() -> None:
    servers = Servers(BUSY, NOTHING)
    assert ended(enrols(xml(capf=(SERVER,), capf_mode=2), servers)).outcome is (
        EnrolmentOutcome.NOTHING_SCHEDULED
    )
    assert servers.addresses == [SERVER, SERVER]


def test_an_untrusted_server_is_passed_over_at_once() -> None:
    servers = Servers(CAPFServerRefused("another"), NOTHING)
    done = enrols(xml(capf=(SERVER, SECOND), capf_mode=2), servers)
    assert servers.addresses == [SERVER, SECOND]
    assert done.did(Wait) == []


@pytest.mark.parametrize("servers", [(), (SERVER,), (SERVER, SECOND)])
def test_no_valid_capf_server(servers: tuple[str, ...]) -> None:
    done = enrols(xml(capf=servers, capf_mode=2), Servers(CAPFServerRefused("another")))
    assert done.told(CAPFNoValidServer) == [CAPFNoValidServer()]
    assert ended(done).outcome is EnrolmentOutcome.NO_VALID_SERVER


CAPF = identity("CAPF")
# No list knows any CAPF, so TVS may vouch (row T2).
WITHOUT_CAPF = holds(itl=list_of(CCM, record(2, CCM), record(0, CCM), record(21, TVS)))


@pytest.mark.parametrize(
    ("functions", "outcome"),
    [((4,), EnrolmentOutcome.INSTALLED), ((2,), EnrolmentOutcome.NO_VALID_SERVER)],
)
def test_tvs_vouches_for_a_capf_server(functions: tuple[int, ...], outcome: object) -> None:
    servers = Servers(CAPFServerUnknown(CAPF.certificate), installs())
    start = phone(P1, installed=WITHOUT_CAPF)
    files = shelf({SIGNED: make_sgn(CCM, xml(capf=(SERVER,), capf_mode=2, tvs="10.9.9.9"))})
    done = boot(start, files, lambda _: vouch(CAPF, *functions), capf=servers)
    [asked] = done.did(AskTVS)
    assert (asked.server, asked.issuer, asked.serial) == ("10.9.9.9", CAPF.issuer, CAPF.serial)
    assert ended(done).outcome is outcome
    assert len(servers.asked) == (2 if 4 in functions else 1)
    assert done.did(Wait) == []


def test_tvs_is_silent_about_a_capf_server() -> None:
    servers = Servers(CAPFServerUnknown(CAPF.certificate))
    start = phone(P1, installed=WITHOUT_CAPF)
    files = shelf({SIGNED: make_sgn(CCM, xml(capf=(SERVER,), capf_mode=2, tvs="10.9.9.9"))})
    done = boot(start, files, capf=servers)
    assert ended(done).outcome is EnrolmentOutcome.NO_VALID_SERVER
    garbage = Servers(CAPFServerUnknown(b"no certificate"))
    assert ended(boot(start, files, capf=garbage)).outcome is EnrolmentOutcome.NO_VALID_SERVER


def judged(held: Installed, certificate: bytes, *, model: object = P1) -> object:
    """What the handshake is told about a CAPF server."""
    update = LSCUpdate(
        phone(
            model,  # type: ignore[arg-type]
            installed=held,
            configuration=xml(capf=(SERVER,), tvs="10.9.9.9"),
        )
    )
    update.handle(UpdatePressed(), 0.0)
    return update.judging.capf_server(certificate)


def test_row_t2_is_asked() -> None:
    with_capf = holds(itl=list_of(CCM, record(0, CCM), record(4, CAPF), record(21, TVS)))
    assert isinstance(judged(with_capf, CAPF.certificate), Accept)
    assert isinstance(judged(with_capf, STRANGER.certificate), Refuse)
    assert isinstance(judged(WITHOUT_CAPF, CAPF.certificate), NeedsTVS)
    assert isinstance(judged(with_capf, CAPF.certificate, model=P0), Refuse)  # no CTL


def test_nobody_judges_capf_before_it_is_asked() -> None:
    update = LSCUpdate(phone(P1, configuration=xml()))
    with pytest.raises(RuntimeError, match="no CAPF server was asked"):
        update.judging.capf_server(b"")


# Encrypted configuration: rows C8 and C9


def md5(identity: Identity) -> str:
    return hashlib.md5(identity.certificate, usedforsecurity=False).hexdigest()


def encrypted_to(identity: Identity, body: bytes) -> bytes:
    return make_enc_sgn(CCM, *encryption_for(identity.key, body))  # type: ignore[arg-type]


def stored_encrypted(held: Identity, **more: object) -> bytes:
    return xml(certificate_hash=md5(held), encrypted=True, **more)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("certificate_hash", ["", "0" * 32, md5(NEW_LSC), md5(EC_LSC)])
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


FAILING = {
    "encrypted to another": encrypted_to(NEW_LSC, xml()),
    "signed by a stranger": make_enc_sgn(STRANGER, *encryption_for(LSC.key, xml())),  # type: ignore[arg-type]
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


# Update pressed


def pressed(configuration: bytes, identities: Identities = NONE) -> LSCUpdate:
    return LSCUpdate(phone(P1, installed=HELD, configuration=configuration, identities=identities))


def test_update_sends_the_string_that_was_typed() -> None:
    update = pressed(xml(capf=(SERVER,), capf_mode=1))
    event = UpdatePressed("20010")
    assert "20010" not in repr(event)
    start = update.handle(event, 5.0)[-1]
    assert start.applicant.authentication_string == "20010"  # type: ignore[union-attr]
    assert "20010" not in repr(start)
    servers = Servers(installs())
    outputs = update.handle(servers(start), 6.0)  # type: ignore[arg-type]
    assert InstallLSC() in outputs
    assert update.outcome is EnrolmentOutcome.INSTALLED
    with pytest.raises(RuntimeError, match="UpdatePressed cannot happen"):
        update.handle(UpdatePressed(), 7.0)


def test_update_without_servers_or_certificates() -> None:
    update = pressed(xml())
    assert len(update.handle(UpdatePressed(), 0.0)) == 3
    assert update.outcome is EnrolmentOutcome.NO_VALID_SERVER
    update = pressed(xml(capf=(SERVER,), capf_mode=4))
    update.handle(UpdatePressed(), 0.0)
    assert update.outcome is EnrolmentOutcome.NO_CERTIFICATE


def test_update_needs_a_configuration() -> None:
    with pytest.raises(RuntimeError, match="no configuration"):
        LSCUpdate(phone(P1)).handle(UpdatePressed(), 0.0)


def test_update_asks_tvs_too_and_remembers() -> None:
    start = phone(
        P1, installed=WITHOUT_CAPF, configuration=xml(capf=(SERVER,), tvs="10.9.9.9", capf_mode=2)
    )
    update = LSCUpdate(start)
    update.handle(UpdatePressed(), 0.0)
    asked = update.handle(CAPFServerUnknown(CAPF.certificate), 0.0)[-1]
    assert isinstance(asked, AskTVS)
    from secd.boot import TVSServerAnswered

    update.handle(TVSServerAnswered(vouch(CAPF, 4)), 0.0)
    update.handle(Servers(NOTHING)(None), 0.0)  # type: ignore[arg-type]
    assert update.outcome is EnrolmentOutcome.NOTHING_SCHEDULED
    assert update.lists.vouchers == (vouch(CAPF, 4),)


def test_events_out_of_place() -> None:
    update = pressed(xml(capf=(SERVER,), capf_mode=2))
    for event in (PhoneBooted(), CAPFServerFailed("")):
        with pytest.raises(RuntimeError, match="cannot happen in an update"):
            update.handle(event, 0.0)
    update.handle(UpdatePressed(), 0.0)
    with pytest.raises(RuntimeError, match="PhoneBooted cannot happen in ASK_CAPF"):
        update.handle(PhoneBooted(), 0.0)
