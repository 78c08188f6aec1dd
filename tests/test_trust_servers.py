"""TFTP servers: rows S1 to S3 of the decision table."""

import pytest
from trust_lists import (
    CCM,
    P0,
    PUBLISHER,
    RECOVERY,
    SAST_RECOVERY,
    SBD,
    SUBSCRIBER,
    TOKEN1,
    TOKENS,
    asking,
    bare_record,
    holds,
    make_ctl,
    make_itl,
    make_list,
    record,
)

from secd.models import Model
from secd.trust import Accept, Installed, Reason, Refuse, decide_server
from secd.trustlist import Record
from secd.words import FileKind


def _decide(held: Installed, address: str, model: Model = P0) -> Accept | Refuse:
    return decide_server(held, address, asking(model, FileKind.CTL))


def _holding(*records: Record) -> Installed:
    return holds(ctl=make_list(RECOVERY, SAST_RECOVERY, *records))


def _reason(verdict: Accept | Refuse) -> Reason:
    assert isinstance(verdict, Refuse) is (" " in verdict.evidence.detail)
    return verdict.reason


def test_s1_p0_without_a_ctl_asks_anybody() -> None:
    for held in (Installed(), holds(itl=make_itl(RECOVERY))):
        assert _decide(held, "192.0.2.7") == Accept(Reason.NO_CTL)


@pytest.mark.parametrize("function", [2, 3])
def test_s1_p0_address_in_a_record_that_serves_files(function: int) -> None:
    held = _holding(record(function, CCM, "cucm-pub", PUBLISHER))
    assert _decide(held, PUBLISHER) == Accept(Reason.SERVER_IN_CTL)


@pytest.mark.parametrize("function", [0, 1, 4, 7, 21])
def test_s2_p0_address_in_a_record_that_does_not(function: int) -> None:
    held = _holding(record(function, CCM, PUBLISHER, PUBLISHER))
    assert _reason(_decide(held, PUBLISHER)) is Reason.SERVER_NOT_IN_CTL


def test_s1_p0_either_field_counts() -> None:
    by_name = _holding(record(2, CCM, PUBLISHER, SUBSCRIBER))
    for address in (PUBLISHER, SUBSCRIBER):
        assert _reason(_decide(by_name, address)) is Reason.SERVER_IN_CTL


def test_s1_p0_records_without_certificate_count() -> None:
    held = _holding(bare_record(2, "10.48.47.153", "10.48.47.153"))
    assert _reason(_decide(held, "10.48.47.153")) is Reason.SERVER_IN_CTL


def test_s1_p0_any_record_of_the_list_will_do() -> None:
    held = holds(ctl=make_ctl(TOKEN1, bare_record(2, "cucm-sub", SUBSCRIBER)))
    assert _reason(_decide(held, SUBSCRIBER)) is Reason.SERVER_IN_CTL
    assert _reason(_decide(held, PUBLISHER)) is Reason.SERVER_IN_CTL


def test_s1_p0_an_address_of_version_6() -> None:
    held = _holding(record(3, CCM, "", "2001:db8::1"))
    assert _reason(_decide(held, "2001:db8:0::1")) is Reason.SERVER_IN_CTL
    assert _reason(_decide(held, "2001:db8::2")) is Reason.SERVER_NOT_IN_CTL


def test_s1_p0_a_server_configured_by_name() -> None:
    """The logical address may be a name; it counts where a record has that very name."""
    held = _holding(record(2, CCM, "cucm-pub", PUBLISHER))
    assert _reason(_decide(held, "cucm-pub")) is Reason.SERVER_IN_CTL
    assert _reason(_decide(held, "cucm-sub")) is Reason.SERVER_NOT_IN_CTL


def test_s2_p0_address_in_no_record() -> None:
    for held in (holds(ctl=make_ctl(TOKEN1)), _holding(*TOKENS)):
        verdict = _decide(held, "10.1.1.10")
        assert _reason(verdict) is Reason.SERVER_NOT_IN_CTL
        assert "10.1.1.10" in verdict.evidence.detail


def test_s2_p0_names_are_not_resolved() -> None:
    held = _holding(record(2, CCM, "localhost", "0.0.0.0"))  # noqa: S104
    assert _reason(_decide(held, "127.0.0.1")) is Reason.SERVER_NOT_IN_CTL


def test_s2_p0_a_tokens_empty_name_is_no_address() -> None:
    assert _reason(_decide(_holding(record(2, CCM)), PUBLISHER)) is Reason.SERVER_NOT_IN_CTL
    layout = (4,)
    nothing = Record(2, layout=layout)
    assert _reason(_decide(_holding(nothing), PUBLISHER)) is Reason.SERVER_NOT_IN_CTL


@pytest.mark.parametrize("model", SBD, ids=lambda model: model.generation)
def test_s3_newer_phones_ask_any_address(model: Model) -> None:
    for held in (Installed(), holds(ctl=make_ctl(TOKEN1), itl=make_itl(RECOVERY))):
        assert _decide(held, "192.0.2.7", model) == Accept(Reason.ADDRESS_NOT_CHECKED)
