"""When a phone turns to CAPF in a boot, whom it asks, and what that changes."""

import pytest
from boot_support import SIGNED, Boot, boot, phone, shelf, xml
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
    holds,
    identity,
    make_ctl,
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
    CAPFSessionEnded,
    DropCAPF,
    Event,
    Identities,
    InstallLSC,
    LSCUpdate,
    UpdatePressed,
    Wait,
)
from secd.boot.table import State
from secd.capf import CAPFEnded, Identity
from secd.models import Model
from secd.trace import (
    CAPFNoValidServer,
    CAPFRetryScheduled,
    CAPFServerAsked,
    EnrolmentEnded,
    EnrolmentStarted,
    LSCErased,
    LSCInstalled,
)
from secd.trust import Accept, Installed, NeedsTVS, Refuse
from secd.words import BootOutcome, EnrolmentCause, EnrolmentOutcome

HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM))
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
        (CAPFSessionEnded(refuses(7)), EnrolmentOutcome.REFUSED),
        (CAPFServerFailed("nobody"), EnrolmentOutcome.UNREACHABLE),
        (CAPFServerRefused("another certificate"), EnrolmentOutcome.NO_VALID_SERVER),
    ],
)
def test_a_secure_mode_without_lsc_does_not_register(
    answer: Event, outcome: EnrolmentOutcome
) -> None:
    done = enrols(xml(mode=3, capf=(SERVER,), capf_mode=2), Servers(answer))
    assert ended(done).outcome is outcome
    assert done.outcome is BootOutcome.NO_LSC_IN_SECURE_MODE
    # The one that it has serves, though CAPF gave no new one.
    held = enrols(xml(mode=3, capf=(SERVER,), capf_mode=2), Servers(answer), BOTH)
    assert held.outcome is BootOutcome.BOOTED
    # And outside a secure mode nothing waits for it.
    plain = enrols(xml(mode=1, capf=(SERVER,), capf_mode=2), Servers(answer))
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
def test_what_changes_nothing(session: CAPFEnded, outcome: EnrolmentOutcome) -> None:
    done = enrols(xml(capf=(SERVER,), capf_mode=2), Servers(session), BOTH)
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
    # One connection: it waits while TVS is asked, and is resumed or closed.
    assert len(servers.asked) == 1
    vouched = 4 in functions
    assert [r.applicant for r in servers.resumed] == [servers.asked[0].applicant] * vouched
    assert len(done.did(DropCAPF)) == (0 if vouched else 1)
    assert len(done.told(CAPFServerAsked)) == 1
    assert done.did(Wait) == []


def test_a_connection_that_breaks_while_tvs_is_asked_is_a_failed_try() -> None:
    broken = CAPFServerFailed("the connection was reset")
    servers = Servers(CAPFServerUnknown(CAPF.certificate), broken, installs())
    start = phone(P1, installed=WITHOUT_CAPF)
    files = shelf({SIGNED: make_sgn(CCM, xml(capf=(SERVER,), capf_mode=2, tvs="10.9.9.9"))})
    done = boot(start, files, lambda _: vouch(CAPF, 4), capf=servers)
    assert [event.attempt for event in done.told(CAPFServerAsked)] == [1, 2]
    assert [wait.seconds for wait in done.did(Wait)] == [30.0]
    assert len(done.did(AskTVS)) == 1  # what TVS said counts for the second try too
    assert done.lsc == ["installed"]


def test_tvs_is_silent_about_a_capf_server() -> None:
    servers = Servers(CAPFServerUnknown(CAPF.certificate))
    start = phone(P1, installed=WITHOUT_CAPF)
    files = shelf({SIGNED: make_sgn(CCM, xml(capf=(SERVER,), capf_mode=2, tvs="10.9.9.9"))})
    done = boot(start, files, capf=servers)
    assert ended(done).outcome is EnrolmentOutcome.NO_VALID_SERVER
    garbage = Servers(CAPFServerUnknown(b"no certificate"))
    done = boot(start, files, capf=garbage)
    assert ended(done).outcome is EnrolmentOutcome.NO_VALID_SERVER
    assert len(done.did(DropCAPF)) == 1


def judged(held: Installed, certificate: bytes, *, model: Model = P1) -> object:
    """What the handshake is told about a CAPF server."""
    update = LSCUpdate(
        phone(
            model,
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
