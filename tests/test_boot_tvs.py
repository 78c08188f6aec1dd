"""TVS at boot: when it is asked, with which servers, and what becomes of its answers."""

from dataclasses import replace

import pytest
from boot_support import (
    COMMON_ITL,
    CTL,
    DEFAULT_SIGNED,
    ITL,
    NOT_FOUND,
    PLAIN,
    SIGNED,
    TVSAnswers,
    answer_of,
    boot,
    phone,
    shelf,
    xml,
)
from trust_lists import (
    CCM,
    NOW,
    P0,
    P1,
    P2,
    RECOVERY,
    SAST_RECOVERY,
    STRANGER,
    TOKEN1,
    TOKEN2,
    TVS_RECORD,
    holds,
    identity,
    make_ctl,
    make_itl,
    make_list,
    make_sgn,
    no_voucher,
    switched,
    twin,
    vouch,
)

from secd.boot import AskTVS, InstallTrustList, Phone, StoreVouchers
from secd.models import Model, Switches, TVSFlush
from secd.trace import (
    EnvelopeRead,
    FileVerified,
    ListInstalled,
    TVSCacheFlushed,
    TVSQueryEnded,
    TVSQueryStarted,
)
from secd.trust import Voucher, VoucherOutcome
from secd.words import BootOutcome, FileKind

OLD_TVS = "10.9.9.9"
STORED = xml(tvs=OLD_TVS, load="old")
HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM))
NEW_CTL = make_ctl(STRANGER)
NEW_ITL = make_itl(STRANGER)
SGN = make_sgn(CCM, xml(load="new"))
SGN_BY_STRANGER = make_sgn(STRANGER, xml(load="new"))
SAME = {CTL: make_ctl(TOKEN1), ITL: make_itl(CCM)}


def always(voucher: Voucher) -> TVSAnswers:
    return lambda _: voucher


def knowing(model: Model = P1, vouchers: tuple[Voucher, ...] = ()) -> Phone:
    """A phone that holds both lists and a configuration with a TVS server."""
    return phone(model, installed=HELD, configuration=STORED, vouchers=vouchers)


def test_the_question_is_about_the_signer_and_goes_to_the_stored_servers() -> None:
    done = boot(knowing(), shelf({CTL: NEW_CTL, ITL: make_itl(CCM), SIGNED: SGN}))
    (asked,) = done.did(AskTVS)
    assert (asked.server, asked.port) == (OLD_TVS, 2445)
    signer = (STRANGER.subject, STRANGER.issuer, STRANGER.serial)
    assert (asked.name, asked.issuer, asked.serial) == signer
    serial = STRANGER.serial.hex().upper()
    assert done.told(TVSQueryStarted) == [TVSQueryStarted(CTL, "CN=STRANGER", serial)]
    assert done.told(TVSQueryEnded) == [TVSQueryEnded(CTL, VoucherOutcome.UNREACHABLE)]


@pytest.mark.parametrize("kind", [FileKind.CTL, FileKind.ITL])
def test_a_list_that_tvs_vouches_for_is_installed(kind: FileKind) -> None:
    octets = NEW_CTL if kind is FileKind.CTL else NEW_ITL
    name = CTL if kind is FileKind.CTL else ITL
    done = boot(knowing(), shelf({**SAME, name: octets, SIGNED: SGN}), always(vouch(STRANGER, 0)))
    assert done.did(InstallTrustList) == [InstallTrustList(kind, octets)]
    assert [event.reason for event in done.told(ListInstalled)] == ["TVS_VOUCHED"]
    # The voucher is forgotten with the rest: the new list flushes what TVS said.
    assert done.told(TVSCacheFlushed) == [TVSCacheFlushed(1, kind)]
    assert done.machine.lists.vouchers == ()


def test_the_envelope_is_read_before_tvs_is_asked() -> None:
    done = boot(knowing(), shelf({**SAME, CTL: NEW_CTL, SIGNED: SGN}), always(vouch(STRANGER, 0)))
    kinds = (EnvelopeRead, TVSQueryStarted, TVSQueryEnded, FileVerified, ListInstalled)
    of_ctl = [type(e) for e in done.events if isinstance(e, kinds)]
    assert of_ctl[:6] == [
        EnvelopeRead,
        TVSQueryStarted,
        TVSQueryEnded,
        FileVerified,
        EnvelopeRead,
        ListInstalled,
    ]


@pytest.mark.parametrize("name", [SIGNED, DEFAULT_SIGNED])
def test_a_configuration_that_tvs_vouches_for_is_used_and_the_answer_cached(name: str) -> None:
    voucher = vouch(STRANGER, 3)
    done = boot(knowing(), shelf({**SAME, name: SGN_BY_STRANGER}), always(voucher))
    assert done.configuration == xml(load="new")
    assert done.machine.lists.vouchers == (voucher,)
    assert done.told(TVSCacheFlushed) == []
    assert done.outcome is BootOutcome.BOOTED


def test_a_cached_answer_is_not_asked_for_again() -> None:
    done = boot(knowing(vouchers=(vouch(STRANGER, 3),)), shelf({**SAME, SIGNED: SGN_BY_STRANGER}))
    assert done.did(AskTVS) == []
    assert done.outcome is BootOutcome.BOOTED


def test_a_new_answer_takes_the_place_of_one_that_ran_out() -> None:
    stale, fresh = vouch(STRANGER, 3, until=NOW - 1), vouch(STRANGER, 3, until=NOW + 86400)
    other = vouch(identity("SOMEBODY"), 3)
    start = knowing(vouchers=(stale, other))
    done = boot(start, shelf({**SAME, SIGNED: SGN_BY_STRANGER}), always(fresh))
    assert len(done.did(AskTVS)) == 1
    assert done.machine.lists.vouchers == (other, fresh)


REFUSED: dict[str, tuple[Voucher, str]] = {
    "denied": (no_voucher(STRANGER, VoucherOutcome.DENIED), "TVS_DENIED"),
    "unreachable": (no_voucher(STRANGER, VoucherOutcome.UNREACHABLE), "TVS_UNREACHABLE"),
    "role": (vouch(STRANGER, 2), "TVS_ROLE_MISSING"),
    "about another": (vouch(TOKEN2, 0), "TVS_UNREACHABLE"),
    "run out": (vouch(STRANGER, 0, until=NOW - 1), "TVS_UNREACHABLE"),
    "another key": (
        vouch(STRANGER, 0, certificate=twin("STRANGER").certificate),
        "SIGNATURE_INVALID",
    ),
    "no certificate": (vouch(STRANGER, 0, certificate=b"rubbish"), "KEY_UNSUPPORTED"),
}


@pytest.mark.parametrize("answer", REFUSED)
@pytest.mark.parametrize("name", [CTL, ITL, COMMON_ITL, SIGNED, DEFAULT_SIGNED])
def test_without_a_good_voucher_nothing_changes(name: str, answer: str) -> None:
    voucher, reason = REFUSED[answer]
    octets = {CTL: NEW_CTL, ITL: NEW_ITL, COMMON_ITL: NEW_ITL}.get(name, SGN_BY_STRANGER)
    if ".cnf.xml" in name and answer == "role":
        voucher = replace(voucher, functions=frozenset({21}))
    files = {k: v for k, v in SAME.items() if not (k == ITL and name == COMMON_ITL)}
    done = boot(knowing(), shelf({**files, name: octets}), always(voucher))
    assert len(done.did(AskTVS)) == 1
    assert done.refusals[0] == (name, reason)
    assert done.installed == HELD
    assert done.flash == {}
    assert done.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION


@pytest.mark.parametrize("answer", ["about another", "run out"])
def test_an_answer_to_no_question_is_not_remembered(answer: str) -> None:
    voucher, _ = REFUSED[answer]
    done = boot(knowing(), shelf({**SAME, CTL: NEW_CTL}), always(voucher))
    assert done.machine.lists.vouchers == ()


@pytest.mark.parametrize("cached", [False, True])
def test_refusals_are_remembered_only_by_the_switch(cached: bool) -> None:
    model = switched(P1, Switches(tvs_negative_cache=cached))
    denied = no_voucher(STRANGER, VoucherOutcome.DENIED)
    done = boot(
        knowing(model), shelf({**SAME, CTL: NEW_CTL, SIGNED: SGN_BY_STRANGER}), always(denied)
    )
    assert len(done.did(AskTVS)) == (1 if cached else 2)
    assert done.machine.lists.vouchers == ((denied,) if cached else ())
    assert done.refusals == [(CTL, "TVS_DENIED"), (SIGNED, "TVS_DENIED")]


def test_an_old_phone_never_asks() -> None:
    done = boot(knowing(P0), shelf({CTL: NEW_CTL, SIGNED: SGN_BY_STRANGER}))
    assert done.did(AskTVS) == []
    assert done.refusals == [(CTL, "SIGNER_UNKNOWN"), (SIGNED, "SIGNER_UNKNOWN")]


@pytest.mark.parametrize(
    "start",
    [
        phone(P1, installed=HELD),  # no configuration, so no servers
        phone(P1, installed=HELD, configuration=xml()),
        phone(P1, installed=holds(ctl=make_ctl(TOKEN1)), configuration=STORED),  # no TVS record
    ],
)
def test_without_server_or_anchor_nobody_is_asked(start: Phone) -> None:
    done = boot(start, shelf({CTL: NEW_CTL}))
    assert done.did(AskTVS) == []
    assert done.refusals[0] == (CTL, "TVS_NO_ANCHOR")


def test_the_servers_are_those_of_the_configuration_stored_when_asked() -> None:
    """The first round stores a configuration; the second asks the servers that it names."""
    secure = xml(mode=3, tvs="10.1.1.5")
    bare = make_list(RECOVERY, SAST_RECOVERY, TVS_RECORD)
    rounds: list[str] = []

    def answer(name: str) -> bytes | None:
        rounds.append(name)
        if name == ITL:
            return bare
        if name == CTL and rounds.count(CTL) == 2:
            return NEW_CTL
        return secure if name == PLAIN else None

    done = boot(phone(P2, round_limit=1), lambda t: answer_of(answer(t.file_name) or NOT_FOUND))
    assert [asked.server for asked in done.did(AskTVS)] == ["10.1.1.5"]


# The flush after an accepted list

FLUSHES: list[tuple[TVSFlush, dict[str, bytes], list[FileKind]]] = [
    (TVSFlush.ANY_LIST, {CTL: make_ctl(TOKEN2)}, [FileKind.CTL]),
    (TVSFlush.ANY_LIST, {ITL: make_itl(TOKEN1)}, [FileKind.ITL]),
    (TVSFlush.ANY_LIST, {CTL: make_ctl(TOKEN2), ITL: make_itl(TOKEN1)}, [*FileKind][:2]),
    (TVSFlush.CTL, {CTL: make_ctl(TOKEN2), ITL: make_itl(TOKEN1)}, [FileKind.CTL]),
    (TVSFlush.CTL, {ITL: make_itl(TOKEN1)}, []),
    (TVSFlush.ANY_LIST, {CTL: b"rubbish"}, []),
    (TVSFlush.ANY_LIST, {}, []),
]


@pytest.mark.parametrize(("flush", "files", "kinds"), FLUSHES)
def test_an_updated_list_flushes_what_tvs_said(
    flush: TVSFlush, files: dict[str, bytes], kinds: list[FileKind]
) -> None:
    cached = (vouch(STRANGER, 3), vouch(TOKEN2, 3))
    start = knowing(switched(P1, Switches(tvs_flush=flush)), cached)
    done = boot(start, shelf({**SAME, **files, SIGNED: SGN}))
    expected = [TVSCacheFlushed(0 if i else 2, kind) for i, kind in enumerate(kinds)]
    assert done.told(TVSCacheFlushed) == expected
    assert done.machine.lists.vouchers == (() if kinds else cached)


@pytest.mark.parametrize(("flush", "files", "kinds"), FLUSHES)
def test_the_flash_forgets_before_the_list_that_makes_it_forget_is_there(
    flush: TVSFlush, files: dict[str, bytes], kinds: list[FileKind]
) -> None:
    start = knowing(switched(P1, Switches(tvs_flush=flush)), (vouch(STRANGER, 3),))
    done = boot(start, shelf({**SAME, **files, SIGNED: SGN}))
    writes = [a for a in done.outputs if isinstance(a, StoreVouchers | InstallTrustList)]
    if kinds:
        assert writes[0] == StoreVouchers(())
        assert isinstance(writes[1], InstallTrustList)
        assert writes[1].kind is kinds[0]
    assert len([a for a in writes if isinstance(a, StoreVouchers)]) == len(kinds[:1])


def test_a_first_list_flushes_nothing() -> None:
    done = boot(phone(P1), shelf({**SAME, SIGNED: SGN}))
    assert done.told(TVSCacheFlushed) == []


def test_an_old_phone_has_no_cache_to_flush() -> None:
    done = boot(knowing(P0), shelf({CTL: make_ctl(TOKEN2), SIGNED: SGN}))
    assert [event.kind for event in done.told(ListInstalled)] == [FileKind.CTL]
    assert done.told(TVSCacheFlushed) == []
