"""Whatever arrives: a boot ends, raises nothing, and holds only what a decision accepted."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from boot_support import (
    BOTH,
    TIMEOUT,
    Answer,
    Boot,
    answer_of,
    boot,
    failure,
    parsed,
    phone,
    xml,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_lists import (
    ALL,
    CCM,
    NOW,
    P1,
    PUBLISHER,
    RECOVERY,
    STRANGER,
    TOKEN1,
    TOKEN2,
    holds,
    make_ctl,
    make_empty_itl,
    make_itl,
    make_sgn,
    no_voucher,
    switched,
    vouch,
)

import secd.boot.judging as under_test
from secd.boot import AskTVS, Phone, StoreConfiguration, Transfer
from secd.boot.table import State
from secd.models import Absent, Model, Switches
from secd.trace import BootEnded, PhoneStarted
from secd.trust import Accept, Context, Installed, Verdict, Voucher, VoucherOutcome, decide
from secd.words import TransferFailure, Transport

CTL1, ITL1 = make_ctl(TOKEN1), make_itl(CCM)
LISTS = [
    CTL1,
    ITL1,
    make_ctl(TOKEN2),
    make_itl(RECOVERY),
    make_ctl(STRANGER),
    make_itl(STRANGER),
    make_empty_itl(RECOVERY),
    make_empty_itl(CCM),
]
CONFIGURATIONS = [
    xml(),
    xml(mode=3),
    xml(mode=2, tvs="10.9.9.9"),
    make_sgn(CCM, xml()),
    make_sgn(CCM, xml(mode=3, tvs="10.9.9.9")),
    make_sgn(STRANGER, xml()),
    make_sgn(CCM, b"<device>"),
]
FILES = LISTS + CONFIGURATIONS


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with one octet changed, or cut off."""
    octets = bytearray(draw(st.sampled_from(FILES)))
    place = draw(st.integers(0, len(octets) - 1))
    if draw(st.booleans()):
        return bytes(octets[:place])
    octets[place] ^= draw(st.integers(1, 255))
    return bytes(octets)


ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.sampled_from(FILES).map(answer_of),
    st.sampled_from(FILES).map(answer_of),
    damaged().map(answer_of),
    st.binary(max_size=40).map(answer_of),
    st.sampled_from(TransferFailure).map(failure),
)
VOUCHERS = st.sampled_from(
    [
        vouch(STRANGER, 0, 3),
        vouch(STRANGER, 21),
        vouch(STRANGER, 0, until=NOW - 1),
        vouch(STRANGER, 0, certificate=b"rubbish"),
        vouch(TOKEN2, 0),
        no_voucher(STRANGER, VoucherOutcome.DENIED),
        no_voucher(STRANGER, VoucherOutcome.UNREACHABLE),
    ]
)
MODELS = st.sampled_from(
    [
        *ALL,
        replace(P1, secure_no_ctl_retries=4),
        switched(P1, Switches(zero_length=Absent.ERASE, not_found=Absent.ERASE)),
        switched(P1, Switches(tvs_negative_cache=True, identical_shortcut=False)),
        switched(ALL[0], Switches(p0_asks_unlisted_server=True)),
    ]
)
INSTALLED = st.sampled_from(
    [
        Installed(),
        holds(ctl=CTL1),
        holds(itl=make_itl(RECOVERY)),
        holds(ctl=CTL1, itl=ITL1),
        holds(ctl=CTL1, itl=make_empty_itl(CCM)),
    ]
)
PHONES = st.builds(
    lambda model, servers, held, stored, cached: phone(
        model, *servers, installed=held, configuration=stored, vouchers=cached, round_limit=2
    ),
    MODELS,
    st.sampled_from([BOTH, (PUBLISHER,), ("10.7.7.7", PUBLISHER)]),
    INSTALLED,
    st.sampled_from([None, xml(), xml(mode=3, tvs="10.9.9.9"), xml(tvs="10.9.9.9")]),
    st.lists(VOUCHERS, max_size=2).map(tuple),
)


@dataclass
class Script:
    """Answers in a row; when they are at an end, nobody answers any more."""

    answers: list[Answer]
    vouchers: list[Voucher]

    def serve(self, _: Transfer) -> Answer:
        return self.answers.pop(0) if self.answers else TIMEOUT

    def ask(self, query: AskTVS) -> Voucher:
        if self.vouchers:
            return self.vouchers.pop(0)
        return Voucher(query.issuer, query.serial, VoucherOutcome.UNREACHABLE)


Judged = list[tuple[bytes, Verdict]]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Everything that `decide` was asked and said."""
    log: Judged = []

    def noting(
        installed: Installed, candidate: bytes, context: Context, vouchers: tuple[Voucher, ...] = ()
    ) -> Verdict:
        verdict = decide(installed, candidate, context, vouchers)
        log.append((candidate, verdict))
        return verdict

    monkeypatch.setattr(under_test, "decide", noting)
    return log


Play = Callable[[Phone, list[Answer], list[Voucher]], tuple[Boot, Judged]]


@pytest.fixture
def play(judged: Judged) -> Play:
    def played(start: Phone, answers: list[Answer], vouchers: list[Voucher]) -> tuple[Boot, Judged]:
        judged.clear()
        script = Script(list(answers), list(vouchers))
        done = boot(start, script.serve, script.ask, available=frozenset(Transport))
        return done, list(judged)

    return played


SITUATIONS = st.tuples(PHONES, st.lists(ANSWERS, max_size=16), st.lists(VOUCHERS, max_size=3))


def _check(start: Phone, done: Boot, judged: Judged) -> None:
    assert done.machine.state in (State.REGISTER, State.STAY_REGISTERED, State.STOPPED)
    assert [type(e) for e in done.events if isinstance(e, PhoneStarted | BootEnded)] == [
        PhoneStarted,
        BootEnded,
    ]
    assert done.outcome is done.machine.outcome
    accepted = {octets for octets, verdict in judged if isinstance(verdict, Accept)}
    payloads = {verdict.payload for _, verdict in judged if isinstance(verdict, Accept)}
    lists = done.installed
    for held, before in ((lists.ctl, start.installed.ctl), (lists.itl, start.installed.itl)):
        assert held is None or held == before or held.octets in accepted
    written = [octets for octets in done.flash.values() if octets is not None]
    assert accepted.issuperset(written)
    assert {held.octets for held in (lists.ctl, lists.itl) if held}.issuperset(written)
    for action in done.did(StoreConfiguration):
        assert action.octets in payloads
    expected = parsed(done.configuration) if done.configuration else start.configuration
    assert done.machine.configuring.current == expected


def test_whatever_arrives(play: Play) -> None:
    @settings(max_examples=300)
    @given(SITUATIONS)
    def holds_for(situation: tuple[Phone, list[Answer], list[Voucher]]) -> None:
        start, answers, vouchers = situation
        done, judged = play(start, answers, vouchers)
        _check(start, done, judged)

    holds_for()


@given(st.sampled_from(ALL), INSTALLED, st.sampled_from(LISTS), st.sampled_from(LISTS))
def test_a_server_that_changes_nothing_soon_changes_no_phone(
    model: Model, held: Installed, ctl: bytes, itl: bytes
) -> None:
    """Each boot takes at least one of two lists that it can take, so the third finds nothing."""
    files = {"CTL": ctl, "ITL": itl}

    def serve(transfer: Transfer) -> Answer:
        return answer_of(files.get(transfer.file_name[:3], TIMEOUT))

    first = boot(phone(model, installed=held), serve)
    second = boot(phone(model, installed=first.installed), serve)
    third = boot(phone(model, installed=second.installed), serve)
    assert third.flash == {}
    assert third.installed == second.installed
