"""Whole boots with TVS, in memory and virtual time: rows L5, L6 and C3 of the decision table."""

import pytest
import trio
from boot_support import DEVICE
from trio.testing import MockClock
from tvs_world import (
    BOOTED_AT_SECONDS,
    CTL,
    DAY_SECONDS,
    ITL,
    NEW,
    NEWER_PHONES,
    SIGNED,
    World,
    host,
    outcomes,
    reasons,
    settled,
    told,
)

from firmware_sim.cluster.lists import ctl_file, itl_file
from firmware_sim.server_events import (
    TVSCertificateLookedUp,
    TVSQuestionReceived,
)
from secd.models import Switches, TVSFlush
from secd.trace import (
    TLSPeerRefused,
    TVSCacheFlushed,
)
from secd.trust import VoucherOutcome
from secd.words import BootOutcome, FileKind

# --- CallManager.pem is regenerated -------------------------------------------------------------


@pytest.mark.parametrize("model", NEWER_PHONES)
async def test_row_l5_a_regenerated_callmanager_is_accepted_by_tvs(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(model), nursery)
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]  # the new CTL then knows the signer of the rest
    assert reasons(report)[0] == (CTL, "TVS_VOUCHED")
    assert world.old.answers == [(0, "0, 2")]
    assert world.old.tvs_kinds == ["accepted", "question", "looked up", "answer"]
    question, found = world.old.tvs_events[1:3]
    assert isinstance(question, TVSQuestionReceived)
    assert isinstance(found, TVSCertificateLookedUp)
    assert (question.message, question.device_name) == ("QUERY_CERT_REQ", f"CP-{model}-{DEVICE}")
    signer = world.old.cluster.publisher.callmanager
    assert found.unique_map_id == signer.serial.hex().upper() + signer.issuer.decode()
    assert world.held()["CTLFile.tlv"] == ctl_file(world.old.cluster)
    assert world.held()["ITLFile.tlv"] == itl_file(world.old.cluster, world.old.cluster.publisher)


async def test_what_tvs_vouched_for_is_forgotten_with_the_list_it_let_in(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert told(report, TVSCacheFlushed) == [
        TVSCacheFlushed(1, FileKind.CTL),
        TVSCacheFlushed(0, FileKind.ITL),
    ]
    assert world.store.load().vouchers == ()


@pytest.mark.parametrize("model", NEWER_PHONES)
async def test_row_c3_a_voucher_is_remembered_until_a_new_list_flushes_it(
    model: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(model), nursery)
    world.old.keep_lists()
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(SIGNED, "vouched")]
    assert reasons(report) == [(SIGNED, "TVS_VOUCHED")]
    [voucher] = world.store.load().vouchers
    signer = world.old.cluster.publisher.callmanager
    assert (voucher.issuer, voucher.serial) == (signer.issuer, signer.serial)
    assert voucher.certificate == signer.certificate
    assert (voucher.outcome, voucher.functions) == (VoucherOutcome.VOUCHED, frozenset({0, 2}))
    boots_end = BOOTED_AT_SECONDS + trio.current_time()
    assert 0 <= boots_end + DAY_SECONDS - voucher.until_seconds < 60

    # The next boot asks nobody, though nothing else has changed.
    report = await world.boot()
    assert outcomes(report) == []
    assert reasons(report) == [(SIGNED, "TVS_VOUCHED")]
    assert world.store.load().vouchers == (voucher,)

    # The new lists are let in by what is remembered, and flush it.
    world.old.cluster.overrides.clear()
    report = await world.boot()
    assert outcomes(report) == []
    assert reasons(report)[0] == (CTL, "TVS_VOUCHED")
    assert told(report, TVSCacheFlushed)[0] == TVSCacheFlushed(1, FileKind.CTL)
    assert world.store.load().vouchers == ()
    assert len(world.old.answers) == 1


async def test_a_voucher_whose_time_is_over_is_asked_for_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    world.old.keep_lists()
    world.old.regenerate_callmanager()
    await world.boot()
    await trio.sleep(DAY_SECONDS + 60)
    report = await world.boot()
    assert outcomes(report) == [(SIGNED, "vouched")]
    [voucher] = world.store.load().vouchers
    assert voucher.until_seconds > BOOTED_AT_SECONDS + 2 * DAY_SECONDS


async def test_an_answer_without_lifetime_vouches_for_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Also where the clock stands still between question and answer, as it does here."""
    world = await settled(World(), nursery)
    before = world.held()
    world.old.directory.lifetime_seconds = 0
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert world.old.answers == [(0, "0, 2")] * 3
    assert reasons(report) == [(name, "TVS_UNREACHABLE") for name in (CTL, ITL, SIGNED)]
    assert world.held() == before
    assert world.store.load().vouchers == ()


async def test_tvs_alone_is_regenerated_and_the_lists_follow(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Whoever regenerates one at a time locks no phone out."""
    world = World()
    await world.old.serve(nursery, world.network)
    await world.boot()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    world.old.cluster.changed_at_seconds += 3600
    report = await world.boot()
    assert outcomes(report) == []
    assert reasons(report)[0] == (CTL, "IN_CTL")
    assert world.held()["ITLFile.tlv"] == itl_file(world.old.cluster, world.old.cluster.publisher)


async def test_operation_4_both_regenerated_together_lock_the_phone_out(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    before = world.held()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    world.old.regenerate_callmanager()
    await world.old.serve(nursery, world.network)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    assert world.held() == before
    assert outcomes(report) == [(name, "unreachable") for name in (CTL, ITL, SIGNED)]
    assert reasons(report) == [(name, "TVS_UNREACHABLE") for name in (CTL, ITL, SIGNED)]
    assert len(told(report, TLSPeerRefused)) == 3
    await trio.testing.wait_all_tasks_blocked()
    assert world.old.tvs_kinds == ["failed"] * 3  # alerts; nothing was ever asked
    assert "Trust List update failed" in [message.text for message in report.statuses]


# --- row L6, and phones without TVS -------------------------------------------------------------


async def test_row_l6_a_7940_refuses_and_connects_to_nobody(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World("7940"), nursery)
    before = world.held()
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION
    assert world.held() == before
    assert reasons(report) == [(CTL, "SIGNER_UNKNOWN"), (SIGNED, "SIGNER_UNKNOWN")]
    assert world.old.tvs_events == []


async def test_a_phone_that_holds_no_configuration_has_nobody_to_ask(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(), nursery)
    world.flash.erase(f"{DEVICE}.cnf.xml")
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert reasons(report)[:2] == [(CTL, "TVS_NO_ANCHOR"), (ITL, "TVS_NO_ANCHOR")]
    assert world.old.tvs_events == []


# --- switches -----------------------------------------------------------------------------------


async def test_with_the_flush_of_the_ctl_only_a_new_itl_leaves_the_cache(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World(switches=Switches(tvs_flush=TVSFlush.CTL))
    world.old.cluster.ctl, world.old.cluster.mixed_mode = None, False
    await settled(world, nursery)
    world.old.regenerate_callmanager()
    report = await world.boot()
    assert outcomes(report) == [(ITL, "vouched")]
    assert told(report, TVSCacheFlushed) == []
    assert len(world.store.load().vouchers) == 1


async def test_a_denial_that_is_remembered_is_asked_for_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = await settled(World(switches=Switches(tvs_negative_cache=True)), nursery)
    report = await world.boot(NEW)
    assert outcomes(report) == [(CTL, "denied")]
    assert reasons(report) == [(name, "TVS_DENIED") for name in (CTL, ITL, SIGNED)]
    [kept] = world.store.load().vouchers
    assert kept.outcome is VoucherOutcome.DENIED
    assert outcomes(await world.boot(NEW)) == []
