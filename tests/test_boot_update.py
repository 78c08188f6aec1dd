"""Update pressed under Security > LSC: an application to CAPF that somebody asks for."""

import pytest
from boot_support import phone, xml
from capf_boots import (
    NOTHING,
    SERVER,
    Servers,
    installs,
)
from trust_lists import (
    CCM,
    P1,
    TOKEN1,
    TVS,
    holds,
    identity,
    make_ctl,
    make_itl,
    record,
    vouch,
)
from trust_lists import make_list as list_of

from secd.boot import (
    AskTVS,
    CAPFServerFailed,
    CAPFServerUnknown,
    CAPFSessionEnded,
    Identities,
    InstallLSC,
    LSCUpdate,
    PhoneBooted,
    ResumeCAPF,
    StartCAPF,
    TVSServerAnswered,
    UpdatePressed,
)
from secd.capf import Applicant
from secd.words import EnrolmentOutcome

HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM))
NONE = Identities()

CAPF = identity("CAPF")
# No list knows any CAPF, so TVS may vouch (row T2).
WITHOUT_CAPF = holds(itl=list_of(CCM, record(2, CCM), record(0, CCM), record(21, TVS)))


def pressed(configuration: bytes, identities: Identities = NONE) -> LSCUpdate:
    return LSCUpdate(phone(P1, installed=HELD, configuration=configuration, identities=identities))


def test_update_sends_the_string_that_was_typed() -> None:
    update = pressed(xml(capf=(SERVER,), capf_mode=1))
    event = UpdatePressed("20010")
    assert "20010" not in repr(event)
    start = update.handle(event, 5.0)[-1]
    assert isinstance(start, StartCAPF)
    assert start.applicant.authentication_string == "20010"
    assert "20010" not in repr(start)
    servers = Servers(installs())
    outputs = update.handle(servers(start), 6.0)
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
    assert update.handle(TVSServerAnswered(vouch(CAPF, 4)), 0.0)[-1] == ResumeCAPF(
        Applicant(start.device), asked.task
    )
    update.handle(CAPFSessionEnded(NOTHING), 0.0)
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
