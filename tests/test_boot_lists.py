"""Trust lists at boot: what is asked for in which order, and what becomes of it."""

from dataclasses import replace
from random import Random

import pytest
from boot_support import (
    COMMON_ITL,
    CTL,
    DEVICE,
    ITL,
    PLAIN,
    SIGNED,
    TIMEOUT,
    Boot,
    after,
    answer_of,
    boot,
    phone,
    shelf,
    xml,
)
from trust_lists import (
    CCM,
    P0,
    P1,
    P2,
    P3,
    RECOVERY,
    SBD,
    STRANGER,
    TOKEN1,
    TOKEN2,
    holds,
    make_ctl,
    make_empty_itl,
    make_itl,
    make_sgn,
    switched,
)

from firmware_sim.cluster import ClusterFiles, NotFound, PooledKeys, demo_cluster
from firmware_sim.cluster.seed import PUBLISHER_ADDRESS
from secd.boot import EraseTrustList, FileNotReceived, FileReceived, InstallTrustList, Transfer
from secd.files.data import model_catalogue
from secd.models import Absent, Model, Switches
from secd.trace import (
    BootEnded,
    EnvelopeRead,
    FetchEnded,
    FileVerified,
    ListErased,
    ListInstalled,
    ListKept,
    ListMissing,
    ListsChange,
    ListsFailure,
    NoTrustListInstalled,
    PhoneStarted,
    Traced,
    TransferFinished,
    TransferStarted,
    TrustListsChanged,
    TrustListsFailed,
)
from secd.trust import Installed, Reason
from secd.words import BootOutcome, FileKind

CTL1, CTL2 = make_ctl(TOKEN1), make_ctl(TOKEN2)
ITL_BY_CCM = make_itl(CCM)
ITL_ALONE = make_itl(RECOVERY)
SGN = make_sgn(CCM, xml())
MIXED = {CTL: CTL1, ITL: ITL_BY_CCM, SIGNED: SGN}


def test_a_fresh_7961_boots_from_the_seed_guides_cluster() -> None:
    cluster = ClusterFiles(demo_cluster(PooledKeys(), Random(1)))

    def serve(transfer: Transfer) -> FileReceived:
        found = cluster.answer(DEVICE, transfer.file_name)
        assert not isinstance(found, NotFound)
        return FileReceived(found)

    done = boot(phone(model_catalogue().find("7961"), PUBLISHER_ADDRESS), serve)
    assert done.asked == [(PUBLISHER_ADDRESS, name) for name in (CTL, ITL, SIGNED)]
    assert done.conclusions == [TrustListsChanged(ListsChange.BOTH_INSTALLED)]
    assert done.flash == {
        FileKind.CTL: cluster.answer(DEVICE, CTL),
        FileKind.ITL: cluster.answer(DEVICE, ITL),
    }
    assert done.outcome is BootOutcome.BOOTED
    assert isinstance(done.events[0], PhoneStarted)
    assert done.events[-1] == BootEnded(BootOutcome.BOOTED)


def test_a_first_boot_and_what_it_keeps() -> None:
    done = boot(phone(P1), shelf(MIXED))
    assert done.names == [CTL, ITL, SIGNED]
    assert done.flash == {FileKind.CTL: CTL1, FileKind.ITL: ITL_BY_CCM}
    assert done.configuration == xml()
    assert done.installed == holds(ctl=CTL1, itl=ITL_BY_CCM)
    assert [event.reason for event in done.told(ListInstalled)] == ["FIRST_LIST", "IN_CTL"]


def test_a_second_boot_with_the_same_files_changes_nothing() -> None:
    done = boot(after(boot(phone(P1), shelf(MIXED)), P1), shelf(MIXED))
    assert done.names == [CTL, ITL, SIGNED]
    assert done.flash == {}
    assert [event.reason for event in done.told(ListKept)] == ["IDENTICAL", "IDENTICAL"]
    assert done.conclusions == []
    assert done.outcome is BootOutcome.BOOTED


def test_the_itl_of_no_phone_is_the_common_one() -> None:
    done = boot(phone(P1), shelf({CTL: CTL1, COMMON_ITL: ITL_BY_CCM, SIGNED: SGN}))
    assert done.names == [CTL, ITL, COMMON_ITL, SIGNED]
    assert done.conclusions == [TrustListsChanged(ListsChange.BOTH_INSTALLED)]
    assert done.told(ListMissing) == []


@pytest.mark.parametrize("answer", [TIMEOUT, b"", b"rubbish"])
def test_the_common_itl_is_asked_for_only_where_the_server_has_none(
    answer: bytes | FileNotReceived,
) -> None:
    serve = shelf({})
    done = boot(phone(P1), lambda t: answer_of(answer) if t.file_name == ITL else serve(t))
    assert COMMON_ITL not in done.names


def test_the_common_ctl_is_never_asked_for() -> None:
    done = boot(phone(P1), shelf({}))
    assert done.names[:3] == [CTL, ITL, COMMON_ITL]
    assert "CTLFile.tlv" not in done.names
    assert [(event.kind, event.local_name) for event in done.told(ListMissing)] == [
        (FileKind.CTL, "CTLFile.tlv"),
        (FileKind.ITL, COMMON_ITL),
    ]
    assert done.conclusions == [NoTrustListInstalled()]


def test_an_old_phone_asks_for_no_itl() -> None:
    done = boot(phone(P0), shelf({**MIXED, PLAIN: xml()}))
    # The CTL's records name 10.1.1.1, so the phone goes on asking there.
    assert done.names == [CTL, SIGNED]
    assert done.flash == {FileKind.CTL: CTL1}
    assert done.conclusions == [TrustListsChanged(ListsChange.CTL_INSTALLED)]


@pytest.mark.parametrize("model", SBD)
def test_the_ctl_is_on_flash_before_the_itl_is_asked_for(model: Model) -> None:
    done = boot(phone(model), shelf(MIXED))
    actions = [o for o in done.outputs if isinstance(o, InstallTrustList | Transfer)]
    kinds = [a.kind if isinstance(a, InstallTrustList) else a.file_name for a in actions]
    assert kinds == [CTL, FileKind.CTL, ITL, FileKind.ITL, SIGNED]


def test_the_trace_says_installed_only_after_the_action() -> None:
    done = boot(phone(P1), shelf(MIXED))
    place = next(i for i, o in enumerate(done.outputs) if isinstance(o, InstallTrustList))
    told = done.outputs[place + 1]
    assert isinstance(told, Traced)
    assert isinstance(told.event, ListInstalled)


def test_the_envelope_of_a_list_is_read_before_and_after_its_signature() -> None:
    done = boot(phone(P3), shelf(MIXED))
    started = [i for i, e in enumerate(done.events) if isinstance(e, TransferStarted)]
    of_ctl = done.events[started[0] : started[1]]
    kinds = (TransferFinished, FetchEnded, EnvelopeRead, FileVerified, ListInstalled)
    assert [type(event) for event in of_ctl if isinstance(event, kinds)] == [
        TransferFinished,
        FetchEnded,
        EnvelopeRead,
        FileVerified,
        EnvelopeRead,
        ListInstalled,
    ]


@pytest.mark.parametrize("octets", [make_ctl(STRANGER), b"rubbish", CTL1[:-1], CTL1 + b"\0"])
def test_a_refused_ctl_leaves_what_is_installed(octets: bytes) -> None:
    held = holds(ctl=CTL1, itl=ITL_BY_CCM)
    done = boot(phone(P1, installed=held), shelf({**MIXED, CTL: octets}))
    assert done.names == [CTL, ITL, SIGNED]
    assert done.flash == {}
    assert done.installed == held
    assert [name for name, _ in done.refusals] == [CTL]
    assert done.outcome is BootOutcome.BOOTED


def test_a_refused_first_ctl_leaves_no_list_and_the_itl_is_judged_without_it() -> None:
    files = {CTL: make_ctl(STRANGER), ITL: ITL_ALONE, SIGNED: SGN}
    done = boot(phone(P1), shelf(files))
    assert done.refusals == [(CTL, "NOT_SELF_CONSISTENT")]
    assert done.flash == {FileKind.ITL: ITL_ALONE}
    assert done.conclusions == [
        TrustListsChanged(ListsChange.ITL_INSTALLED),
        TrustListsFailed(ListsFailure.FIRST_LIST_BAD),
    ]


def test_the_itl_is_judged_by_the_ctl_of_this_boot() -> None:
    """213407: after a new CTL the new ITL needs no TVS."""
    held = holds(itl=make_itl(RECOVERY))
    new = make_ctl(RECOVERY)
    done = boot(phone(P1, installed=held), shelf({CTL: new, ITL: ITL_BY_CCM, SIGNED: SGN}))
    assert [event.reason for event in done.told(ListInstalled)] == ["IN_ITL", "IN_CTL"]
    assert done.conclusions == [TrustListsChanged(ListsChange.CTL_INSTALLED)]


@pytest.mark.parametrize("held", [Installed(), holds(ctl=CTL1), holds(ctl=CTL1, itl=ITL_BY_CCM)])
def test_an_empty_list_is_no_list(held: Installed) -> None:
    done = boot(phone(P1, installed=held), shelf({CTL: b"", ITL: b""}))
    assert done.names[:2] == [CTL, ITL]
    assert done.installed == held
    assert [event.reason for event in done.told(ListKept)] == ["EMPTY_FILE", "EMPTY_FILE"]
    assert len(done.told(ListMissing)) == 2
    assert done.conclusions == ([] if held.ctl else [NoTrustListInstalled()])


@pytest.mark.parametrize(
    ("switches", "files"),
    [
        (Switches(zero_length=Absent.ERASE), {CTL: b"", ITL: b""}),
        (Switches(not_found=Absent.ERASE), {}),
    ],
)
def test_by_the_switches_a_missing_list_erases(switches: Switches, files: dict[str, bytes]) -> None:
    held = holds(ctl=CTL1, itl=ITL_BY_CCM)
    done = boot(phone(switched(P1, switches), installed=held), shelf(files))
    assert done.flash == {FileKind.CTL: None, FileKind.ITL: None}
    assert done.did(EraseTrustList) == [EraseTrustList(FileKind.CTL), EraseTrustList(FileKind.ITL)]
    assert [event.kind for event in done.told(ListErased)] == [FileKind.CTL, FileKind.ITL]
    assert done.installed == Installed()
    assert done.conclusions == [NoTrustListInstalled()]
    # Nothing held asks for signatures any more.
    assert PLAIN in done.names


@pytest.mark.parametrize("switches", [Switches(zero_length=Absent.ERASE), Switches()])
def test_a_missing_itl_erases_nothing_while_the_common_one_is_there(switches: Switches) -> None:
    held = holds(ctl=CTL1, itl=ITL_BY_CCM)
    model = switched(P1, replace(switches, not_found=Absent.ERASE))
    done = boot(phone(model, installed=held), shelf({CTL: CTL1, COMMON_ITL: ITL_BY_CCM}))
    assert done.flash == {}
    assert done.installed == held


def test_a_transfer_that_fails_keeps_the_lists() -> None:
    held = holds(ctl=CTL1, itl=ITL_BY_CCM)
    done = boot(phone(P1, installed=held), shelf(dict.fromkeys((CTL, ITL, SIGNED), TIMEOUT)))
    assert done.installed == held
    assert [event.reason for event in done.told(ListKept)] == ["TRANSFER_FAILED"] * 2
    assert done.conclusions == [TrustListsFailed(ListsFailure.UPDATE_FAILED)]


def test_without_lists_a_transfer_that_fails_is_no_failure_of_a_list() -> None:
    done = boot(phone(P1), shelf(dict.fromkeys((CTL, ITL, PLAIN), TIMEOUT)))
    assert done.conclusions == [NoTrustListInstalled()]


def test_a_refused_itl_is_reported_although_the_ctl_could_not_be_fetched() -> None:
    done = boot(phone(P1), shelf({CTL: TIMEOUT, ITL: b"rubbish"}))
    assert done.refusals == [(ITL, "MALFORMED")]
    assert done.conclusions == [
        TrustListsFailed(ListsFailure.VERIFICATION_FAILED),
        NoTrustListInstalled(),
    ]


def test_rollback_and_the_way_back() -> None:
    """A phone without CTL takes the empty ITL, and then any ITL."""
    first = boot(phone(P2), shelf({ITL: ITL_ALONE, SIGNED: SGN}))
    emptied = boot(
        after(first, P2), shelf({ITL: make_empty_itl(RECOVERY), PLAIN: xml(load="test")})
    )
    assert emptied.names == [CTL, ITL, PLAIN]
    again = boot(after(emptied, P2), shelf({ITL: ITL_ALONE, SIGNED: SGN}))
    assert [event.reason for event in again.told(ListInstalled)] == [Reason.ROLLBACK_ITL]


def test_names_from_files_are_made_safe_to_print() -> None:
    done = boot(phone(P1), shelf(MIXED))
    assert {event.signer_name for event in done.told(FileVerified)} == {"CN=TOKEN1", "CN=CCM"}
    assert all(event.signer_serial.isalnum() for event in done.told(FileVerified))


@pytest.mark.parametrize("name", ["8861", "7961", "7960"])
def test_tasks_count_up_from_the_first_of_the_boot(name: str) -> None:
    model = model_catalogue().find(name)
    done = boot(phone(model), shelf({}))
    numbers = [output.task for output in done.outputs if isinstance(output, Traced)]
    assert numbers == sorted(numbers)
    (ctl, *_) = done.did(Transfer)
    assert ctl.task == model.first_task_id
    assert ctl.worker == (model.worker_id or ctl.task + 1)


def _installs(done: Boot) -> list[FileKind]:
    return [action.kind for action in done.did(InstallTrustList)]


def test_a_ctl_update_and_a_first_itl() -> None:
    held = holds(ctl=CTL1)
    done = boot(phone(P1, installed=held), shelf({CTL: CTL2, ITL: ITL_BY_CCM, SIGNED: SGN}))
    assert _installs(done) == [FileKind.CTL, FileKind.ITL]
    assert done.conclusions == [TrustListsChanged(ListsChange.UPDATED)]
