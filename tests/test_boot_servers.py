"""Where a phone asks: servers and transports in order, and the address rule of the old phones."""

from dataclasses import replace

import pytest
from boot_support import (
    BOTH,
    CTL,
    DEFAULT,
    ITL,
    NOT_FOUND,
    PLAIN,
    SIGNED,
    TFTP_ONLY,
    TIMEOUT,
    UNREACHABLE,
    Answer,
    boot,
    failure,
    phone,
    shelf,
    shelves,
    xml,
)
from trust_lists import (
    CCM,
    P0,
    P1,
    P2,
    P3,
    PUBLISHER,
    SAST_RECOVERY,
    SBD,
    SERVERS,
    SUBSCRIBER,
    TOKEN1,
    TOKEN2,
    TOKENS,
    TVS_RECORD,
    bare_record,
    header_for,
    holds,
    make_ctl,
    make_itl,
    make_list,
    make_sgn,
    switched,
    with_signer_version,
)

from secd.boot import (
    EraseTrustList,
    FileNotReceived,
    FileReceived,
    InstallTrustList,
    Transfer,
)
from secd.models import Absent, Model, P0AddressFields, Switches
from secd.trace import (
    ConfigurationAccepted,
    FetchEnded,
    FileApproved,
    FileRequested,
    ListInstalled,
    ListsFailure,
    ServerLookedUp,
    ServerRefused,
    Traced,
    TransferFailed,
    TransferFinished,
    TransferStarted,
    TrustListsFailed,
)
from secd.trustlist import Function
from secd.words import BootOutcome, FileKind, TransferFailure, Transport

CTL1 = make_ctl(TOKEN1)
MIXED = {CTL: CTL1, ITL: make_itl(CCM), SIGNED: make_sgn(CCM, xml())}
HTTP_THEN_TFTP = replace(P2, transports=(Transport.HTTP, Transport.TFTP))
HTTP_AND_TFTP = frozenset({Transport.HTTP, Transport.TFTP})
ALL_FAILURES = sorted(set(TransferFailure) - {TransferFailure.FILE_NOT_FOUND})


# Servers in order


@pytest.mark.parametrize("kind", ALL_FAILURES)
def test_the_secondary_is_asked_when_the_primary_fails(kind: TransferFailure) -> None:
    done = boot(phone(P1, *BOTH), shelves({PUBLISHER: failure(kind), SUBSCRIBER: MIXED}))
    names = [CTL, ITL, SIGNED]
    assert done.asked == [(server, name) for name in names for server in BOTH]
    assert done.outcome is BootOutcome.BOOTED


def test_the_secondary_is_not_asked_for_what_the_primary_does_not_have() -> None:
    done = boot(phone(P1, *BOTH), shelves({PUBLISHER: {PLAIN: xml()}, SUBSCRIBER: MIXED}))
    assert {server for server, _ in done.asked} == {PUBLISHER}
    assert done.outcome is BootOutcome.BOOTED


def test_the_secondary_alone_knows_the_file() -> None:
    """What the secondary says is an answer too."""
    done = boot(phone(P1, *BOTH), shelves({PUBLISHER: TIMEOUT, SUBSCRIBER: {PLAIN: xml()}}))
    assert done.outcome is BootOutcome.BOOTED
    ended = [(event.server, event.found, event.status) for event in done.told(FetchEnded)]
    assert ended == [(SUBSCRIBER, False, 2)] * 3 + [(SUBSCRIBER, True, 100)]


def test_when_all_servers_fail_the_last_failure_counts() -> None:
    done = boot(phone(P1, *BOTH), shelves({PUBLISHER: TIMEOUT, SUBSCRIBER: UNREACHABLE}))
    assert done.asked == [(server, name) for name in (CTL, ITL, PLAIN) for server in BOTH]
    failed = [(event.server, event.failure) for event in done.told(TransferFailed)]
    assert failed[:2] == [(PUBLISHER, "timeout"), (SUBSCRIBER, "unreachable")]
    assert [event.text for event in done.told(FetchEnded)] == ["unreachable"] * 3
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_every_transfer_says_which_server_and_its_number() -> None:
    done = boot(phone(P1, *BOTH), shelves({PUBLISHER: TIMEOUT, SUBSCRIBER: MIXED}))
    started = [(e.server, e.server_number, e.fallback) for e in done.told(TransferStarted)]
    assert started == [(PUBLISHER, 1, False), (SUBSCRIBER, 2, False)] * 3
    assert {event.server for event in done.told(TransferFinished)} == {SUBSCRIBER}
    assert {event.server for event in done.told(FileRequested)} == {PUBLISHER}


def test_a_phone_without_servers_asks_nobody() -> None:
    done = boot(replace(phone(P1), servers=()), shelf(MIXED))
    assert done.asked == []
    assert [event.text for event in done.told(FetchEnded)] == ["no server may be asked"] * 3
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_the_look_ups_fill_a_list_of_two() -> None:
    done = boot(phone(P1), shelf({PLAIN: xml()}))
    looked_up = [(event.index, event.server) for event in done.told(ServerLookedUp)]
    assert looked_up == [(0, PUBLISHER), (1, "")] * 4
    three = boot(phone(P1, *BOTH, "10.1.1.3"), shelf({PLAIN: xml()}))
    assert [event.index for event in three.told(ServerLookedUp)] == [0, 1, 2] * 4


# Transports in order


def by_transport(transfer: Transfer, http: FileNotReceived) -> Answer:
    if transfer.transport is Transport.HTTP:
        return http
    return shelf(MIXED)(transfer)


@pytest.mark.parametrize("kind", TransferFailure)
def test_whatever_fails_by_http_is_asked_for_by_tftp_on_the_same_server(
    kind: TransferFailure,
) -> None:
    done = boot(
        phone(HTTP_THEN_TFTP, *BOTH),
        lambda transfer: by_transport(transfer, failure(kind)),
        available=HTTP_AND_TFTP,
    )
    both = (Transport.HTTP, Transport.TFTP)
    assert [(t.server, t.transport) for t in done.did(Transfer)] == [
        (PUBLISHER, transport) for transport in both
    ] * 3
    started = [(e.transport, e.fallback) for e in done.told(TransferStarted)]
    assert started == [(Transport.HTTP, False), (Transport.TFTP, True)] * 3
    assert done.told(ConfigurationAccepted)[0].transport is Transport.TFTP


def test_the_next_server_is_asked_by_every_transport_again() -> None:
    done = boot(
        phone(HTTP_THEN_TFTP, *BOTH),
        shelf(dict.fromkeys((CTL, ITL, PLAIN), TIMEOUT)),
        available=HTTP_AND_TFTP,
    )
    assert [(t.server, t.transport) for t in done.did(Transfer)][:4] == [
        (PUBLISHER, Transport.HTTP),
        (PUBLISHER, Transport.TFTP),
        (SUBSCRIBER, Transport.HTTP),
        (SUBSCRIBER, Transport.TFTP),
    ]
    fallbacks = [event.fallback for event in done.told(TransferStarted)][:4]
    assert fallbacks == [False, True, False, True]


def test_a_file_that_comes_by_http_is_not_asked_for_by_tftp() -> None:
    done = boot(phone(HTTP_THEN_TFTP), shelf(MIXED), available=HTTP_AND_TFTP)
    assert {transfer.transport for transfer in done.did(Transfer)} == {Transport.HTTP}
    assert done.outcome is BootOutcome.BOOTED


def test_not_found_by_http_and_by_tftp_is_not_found() -> None:
    done = boot(phone(HTTP_THEN_TFTP, *BOTH), shelf({}), available=HTTP_AND_TFTP)
    assert {transfer.server for transfer in done.did(Transfer)} == {PUBLISHER}
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_only_what_is_available_is_used() -> None:
    done = boot(phone(HTTP_THEN_TFTP), shelf(MIXED), available=TFTP_ONLY)
    assert {transfer.transport for transfer in done.did(Transfer)} == {Transport.TFTP}
    nothing = boot(phone(HTTP_THEN_TFTP), shelf(MIXED), available=frozenset())
    assert nothing.asked == []


def test_an_unsigned_body_over_https_is_taken_and_over_tftp_is_not() -> None:
    """Row C5: the channel of the attempt counts, not that of the request."""
    header = with_signer_version(header_for(CCM, "ITLFile.tlv"), (1, 1))
    itl = make_list(CCM, SAST_RECOVERY, *SERVERS, TVS_RECORD, header=header)
    held = holds(ctl=CTL1, itl=itl)
    unsigned = {CTL: CTL1, ITL: itl, SIGNED: xml()}
    everything = frozenset(Transport)
    good = boot(phone(P3, installed=held), shelf(unsigned), available=everything)
    assert good.told(ConfigurationAccepted)[0].reason == "CHANNEL_AUTHENTICATED"

    def no_https(transfer: Transfer) -> Answer:
        return UNREACHABLE if transfer.transport is Transport.HTTPS else shelf(unsigned)(transfer)

    bad = boot(phone(P3, installed=held), no_https, available=everything)
    assert bad.refusals == [(SIGNED, "UNSIGNED")]


def test_https_is_for_the_configuration_and_lists_of_signer_version_1_1_only() -> None:
    held = holds(ctl=CTL1, itl=make_itl(CCM))  # CUCM's lists name no signer version
    done = boot(phone(P3, installed=held), shelf(MIXED), available=frozenset(Transport))
    assert Transport.HTTPS not in {transfer.transport for transfer in done.did(Transfer)}
    header = with_signer_version(header_for(CCM, "ITLFile.tlv"), (1, 1))
    new = holds(itl=make_list(CCM, SAST_RECOVERY, *SERVERS, TVS_RECORD, header=header))
    done = boot(phone(P3, installed=new), shelf({}), available=frozenset(Transport))
    asked = {t.file_name for t in done.did(Transfer) if t.transport is Transport.HTTPS}
    assert asked == {SIGNED, f"{DEFAULT}.sgn"}


# Numbers and limits that go with a transfer


def test_a_transfer_carries_limit_task_and_worker() -> None:
    model = replace(P1, worker_id=27, size_limit_bytes=1234, first_task_id=5)
    done = boot(phone(model), shelf(MIXED))
    (first, second, third) = done.did(Transfer)
    assert (first.task, first.worker, first.size_limit_bytes) == (5, 27, 1234)
    assert first.task < second.task < third.task
    tasks = [o.task for o in done.outputs if isinstance(o, Traced)]
    assert tasks == sorted(tasks)


def test_every_transfer_has_a_worker_of_its_own_where_they_count() -> None:
    done = boot(phone(P1, *BOTH), shelf(dict.fromkeys((CTL, ITL, PLAIN), TIMEOUT)))
    workers = [transfer.worker for transfer in done.did(Transfer)]
    assert len(set(workers)) == len(workers)


def test_only_other_files_than_lists_are_asked_for_with_a_limit() -> None:
    done = boot(phone(replace(P1, printed_limit_bytes=550001)), shelf(MIXED))
    limits = [event.size_limit_bytes for event in done.told(FileRequested)]
    assert limits == [0, 0, 550001]
    assert [event.size_limit_bytes for event in done.told(TransferStarted)] == limits
    assert [event.secure for event in done.told(FileRequested)] == [False, False, True]


# Rows S1 to S3: the address rule

ELSEWHERE = "10.7.7.7"
OF_PUBLISHER = holds(ctl=CTL1)


def test_an_old_phone_asks_nothing_at_a_server_that_its_ctl_does_not_name() -> None:
    done = boot(phone(P0, ELSEWHERE, installed=OF_PUBLISHER), shelf(MIXED))
    assert done.asked == []
    assert [(event.server, event.file_name) for event in done.told(ServerRefused)] == [
        (ELSEWHERE, CTL),
        (ELSEWHERE, SIGNED),
    ]
    assert done.told(FileApproved) == []
    assert done.installed == OF_PUBLISHER
    assert done.conclusions == []
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_an_old_phone_asks_only_the_listed_server() -> None:
    done = boot(phone(P0, ELSEWHERE, PUBLISHER, installed=OF_PUBLISHER), shelf(MIXED))
    assert done.asked == [(PUBLISHER, CTL), (PUBLISHER, SIGNED)]
    assert [event.server_number for event in done.told(TransferStarted)] == [2, 2]
    assert {event.server for event in done.told(ServerRefused)} == {ELSEWHERE}
    assert done.outcome is BootOutcome.BOOTED


def test_an_old_phone_without_ctl_asks_anybody_until_it_has_one() -> None:
    """The first CTL names 10.1.1.1 alone: the configuration is not asked for elsewhere."""
    done = boot(phone(P0, ELSEWHERE), shelf(MIXED))
    assert done.asked == [(ELSEWHERE, CTL)]
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_by_the_switch_the_request_goes_out_and_the_file_is_refused() -> None:
    asking = switched(P0, Switches(p0_asks_unlisted_server=True))
    done = boot(
        phone(asking, ELSEWHERE, installed=OF_PUBLISHER), shelf({**MIXED, CTL: make_ctl(TOKEN2)})
    )
    assert done.asked == [(ELSEWHERE, CTL), (ELSEWHERE, SIGNED)]
    assert done.refusals == [(CTL, "SERVER_NOT_IN_CTL"), (SIGNED, "SERVER_NOT_IN_CTL")]
    assert done.did(InstallTrustList) == []
    assert done.conclusions == [TrustListsFailed(ListsFailure.UPDATE_FAILED)]


def test_by_the_switch_an_unlisted_server_erases_no_list_by_having_none() -> None:
    """Found by the histories of fuzz/: then it gave an unsigned configuration as well."""
    switches = Switches(p0_asks_unlisted_server=True, not_found=Absent.ERASE)
    done = boot(phone(switched(P0, switches), ELSEWHERE, installed=OF_PUBLISHER), shelf({}))
    assert done.asked[0] == (ELSEWHERE, CTL)
    assert done.did(EraseTrustList) == []
    listed = boot(phone(switched(P0, switches), PUBLISHER, installed=OF_PUBLISHER), shelf({}))
    assert listed.did(EraseTrustList) == [EraseTrustList(FileKind.CTL)]


@pytest.mark.parametrize(
    ("fields", "dns", "address", "asked"),
    [
        (P0AddressFields.EITHER, PUBLISHER, PUBLISHER, True),
        (P0AddressFields.EITHER, PUBLISHER, ELSEWHERE, True),
        (P0AddressFields.EITHER, "cucm", PUBLISHER, True),
        (P0AddressFields.EITHER, "cucm", ELSEWHERE, False),
        (P0AddressFields.IP_ADDRESS, PUBLISHER, ELSEWHERE, False),
        (P0AddressFields.DNS_NAME, "cucm", PUBLISHER, False),
    ],
)
def test_which_field_names_the_server(
    fields: P0AddressFields, dns: str, address: str, asked: bool
) -> None:
    ctl = make_list(TOKEN1, *TOKENS, bare_record(Function.CCM_TFTP, dns, address))
    model = switched(P0, Switches(p0_address_fields=fields))
    done = boot(phone(model, installed=holds(ctl=ctl)), shelf({CTL: ctl, PLAIN: xml()}))
    assert done.names == ([CTL, PLAIN] if asked else [])


def test_a_server_that_is_also_named_as_capf_only_is_not_asked() -> None:
    ctl = make_list(TOKEN1, *TOKENS, bare_record(Function.CAPF, PUBLISHER, PUBLISHER))
    assert boot(phone(P0, installed=holds(ctl=ctl)), shelf({})).asked == []


@pytest.mark.parametrize("model", SBD)
def test_newer_phones_ask_any_address(model: Model) -> None:
    done = boot(phone(model, ELSEWHERE, installed=OF_PUBLISHER), shelf(MIXED))
    assert done.asked == [(ELSEWHERE, name) for name in (CTL, ITL, SIGNED)]
    assert done.told(ServerRefused) == []
    assert {event.verdict for event in done.told(ServerLookedUp)} == {"ADDRESS_NOT_CHECKED"}


def test_a_new_ctl_that_names_the_other_server_moves_the_phone_there() -> None:
    """The cure of the seed guide: the old cluster's CTL names the new address first."""
    moved = make_list(TOKEN1, *TOKENS, bare_record(Function.CCM_TFTP, SUBSCRIBER, SUBSCRIBER))
    done = boot(phone(P0, *BOTH, installed=OF_PUBLISHER), shelf({CTL: moved, PLAIN: xml()}))
    assert done.asked == [(PUBLISHER, CTL), (SUBSCRIBER, PLAIN)]
    assert len(done.told(ListInstalled)) == 1
    assert done.outcome is BootOutcome.BOOTED


def test_answers_are_values() -> None:
    assert shelf({})(Transfer(Transport.TFTP, "", "x", 0, 0, 0)) == NOT_FOUND
    assert shelf({"x": b"1"})(Transfer(Transport.TFTP, "", "x", 0, 0, 0)) == FileReceived(b"1")
