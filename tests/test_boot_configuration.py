"""The configuration at boot: its name, what may replace it, and the secure mode without a CTL."""

from dataclasses import replace

import pytest
from boot_support import (
    COMMON_ITL,
    CTL,
    DEFAULT,
    DEFAULT_SIGNED,
    ITL,
    NOT_FOUND,
    PLAIN,
    SIGNED,
    TIMEOUT,
    Shelf,
    answer_of,
    boot,
    failure,
    parsed,
    phone,
    shelf,
    xml,
)
from trust_lists import (
    ALL,
    CCM,
    P0,
    P1,
    P2,
    RECOVERY,
    SAST_RECOVERY,
    STRANGER,
    TFTP,
    TOKEN1,
    TOKENS,
    bare_record,
    encryption_for,
    holds,
    make_ctl,
    make_enc_sgn,
    make_itl,
    make_list,
    make_sgn,
    record,
    rsa_key,
    switched,
)
from trust_lists import PUBLISHER as ADDRESS

from secd.boot import FileNotReceived, StoreConfiguration, Wait
from secd.boot.configuring import Configuring
from secd.models import CCMPeer, Model, Switches
from secd.trace import (
    ConfigurationAccepted,
    ConfigurationKept,
    ConfigurationMissing,
    ConfigurationNotReceived,
    ConfigurationRefused,
    ListsFailure,
    NoTrustListInstalled,
    RetryScheduled,
    TrustListsFailed,
)
from secd.trust import Installed, Reason, Unchanged
from secd.trustlist import Function
from secd.words import BootOutcome, FileKind, TransferFailure, Transport

CTL1 = make_ctl(TOKEN1)
ITL1 = make_itl(CCM)
ITL_ALONE = make_itl(RECOVERY)
OLD = xml(load="old")
NEW = xml(load="new")
SGN = make_sgn(CCM, NEW)
# Lists without any certificate of a call manager or TFTP server.
BARE_CTL = make_list(TOKEN1, *TOKENS, bare_record(Function.CCM_TFTP, ADDRESS, ADDRESS))
BARE_ITL = make_list(RECOVERY, SAST_RECOVERY)


# Row C1: which name


@pytest.mark.parametrize(
    ("lists", "name"),
    [
        ({}, PLAIN),
        ({CTL: CTL1}, SIGNED),
        ({ITL: ITL_ALONE}, SIGNED),
        ({COMMON_ITL: ITL_ALONE}, SIGNED),
        ({CTL: BARE_CTL}, PLAIN),
        ({ITL: BARE_ITL}, PLAIN),
        ({CTL: make_ctl(STRANGER)}, PLAIN),  # refused
        ({CTL: BARE_CTL, ITL: make_list(TOKEN1, record(Function.TFTP, TFTP))}, SIGNED),
    ],
)
def test_the_name_goes_by_the_lists_of_this_boot(lists: Shelf, name: str) -> None:
    done = boot(phone(P1), shelf(lists))
    first = next(asked for asked in done.names if ".cnf.xml" in asked)
    assert first == name


def test_a_refused_first_list_does_not_ask_for_signatures_but_a_stored_one_does() -> None:
    held = holds(itl=ITL_ALONE)
    done = boot(phone(P1, installed=held), shelf({CTL: b"rubbish", ITL: b"rubbish"}))
    assert SIGNED in done.names
    assert PLAIN not in done.names


@pytest.mark.parametrize(
    ("lists", "names"),
    [({}, [PLAIN, DEFAULT]), ({CTL: CTL1}, [SIGNED, DEFAULT_SIGNED])],
)
@pytest.mark.parametrize("model", ALL)
def test_without_a_configuration_of_its_own_a_phone_asks_for_the_default(
    model: Model, lists: Shelf, names: list[str]
) -> None:
    done = boot(phone(model), shelf(lists))
    assert [name for name in done.names if ".cnf.xml" in name] == names
    assert done.told(ConfigurationMissing) == [ConfigurationMissing(PLAIN)]
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_the_default_configuration_is_used() -> None:
    done = boot(phone(P1), shelf({DEFAULT: b"<Default></Default>"}))
    assert done.configuration == b"<Default></Default>"
    assert done.told(ConfigurationAccepted) == [
        ConfigurationAccepted(DEFAULT, DEFAULT, FileKind.PLAIN, Transport.TFTP, "PLAIN_ALLOWED")
    ]
    assert done.outcome is BootOutcome.BOOTED


def test_a_missing_signature_is_no_reason_to_ask_for_the_plain_file() -> None:
    """Row C7."""
    done = boot(phone(P1), shelf({CTL: CTL1, PLAIN: NEW, DEFAULT: NEW}))
    assert PLAIN not in done.names
    assert DEFAULT not in done.names
    assert done.configuration is None


def test_a_plain_configuration() -> None:
    done = boot(phone(P1), shelf({PLAIN: NEW}))
    assert done.configuration == NEW
    assert done.told(ConfigurationAccepted)[0].reason == "PLAIN_ALLOWED"
    assert done.outcome is BootOutcome.BOOTED


def test_a_signed_configuration() -> None:
    done = boot(phone(P1), shelf({CTL: CTL1, ITL: ITL1, SIGNED: SGN}))
    assert done.told(ConfigurationAccepted) == [
        ConfigurationAccepted(SIGNED, PLAIN, FileKind.SIGNED, Transport.TFTP, "IN_CTL")
    ]
    assert done.did(StoreConfiguration) == [StoreConfiguration(NEW)]


# What does not replace the last good one

TROUBLES: dict[str, Shelf] = {
    "refused": {CTL: CTL1, SIGNED: make_sgn(STRANGER, NEW)},
    "unsigned": {CTL: CTL1, SIGNED: NEW},
    "damaged": {CTL: CTL1, SIGNED: SGN[:-1] + b"!"},
    "not XML": {CTL: CTL1, SIGNED: make_sgn(CCM, b"<device><a></device>")},
    "not XML, plain": {PLAIN: b"<device>"},
    "another root": {PLAIN: b"<phone/>"},
    "missing": {},
    "timeout": {PLAIN: TIMEOUT},
    "timeout, signed": {CTL: CTL1, SIGNED: TIMEOUT},
    "default times out": {PLAIN: NOT_FOUND, DEFAULT: TIMEOUT},
    "default is refused": {CTL: CTL1, DEFAULT_SIGNED: make_sgn(STRANGER, NEW)},
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("model", [P0, P1])
def test_the_last_good_configuration_stays(model: Model, trouble: str) -> None:
    done = boot(phone(model, configuration=OLD), shelf(TROUBLES[trouble]))
    assert done.configuration is None
    assert done.machine.configuring.current == parsed(OLD)
    assert done.told(ConfigurationKept) == [ConfigurationKept(PLAIN)]
    assert done.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_a_configuration_no_phone_starts(trouble: str) -> None:
    done = boot(phone(P1), shelf(TROUBLES[trouble]))
    assert done.configuration is None
    assert done.told(ConfigurationKept) == []
    assert done.outcome is BootOutcome.NO_CONFIGURATION


def test_a_broken_configuration_says_which_line() -> None:
    done = boot(phone(P1), shelf({PLAIN: b"<device>\n<a>\n</device>"}))
    (refused,) = done.told(ConfigurationRefused)
    assert refused == ConfigurationRefused(PLAIN, PLAIN, "CONFIGURATION_UNREADABLE", refused.detail)
    assert refused.detail.startswith("line 3: ")


def test_an_encrypted_body_under_the_name_of_a_signed_one_is_refused() -> None:
    octets = make_enc_sgn(CCM, *encryption_for(rsa_key()))
    done = boot(phone(P1, configuration=OLD), shelf({CTL: CTL1, SIGNED: octets}))
    assert done.refusals == [(SIGNED, "MALFORMED")]


def test_what_no_decision_says_about_a_configuration_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="Unchanged"):
        Configuring(None, P1).judged(
            PLAIN, FileKind.PLAIN, Transport.TFTP, PLAIN, Unchanged(Reason.IDENTICAL)
        )


# A secure mode without any certificate of a call manager

SECURE = xml(mode=3)
SECURE_WITHOUT_CTL: Shelf = {CTL: NOT_FOUND, PLAIN: SECURE}


def test_a_secure_phone_without_ctl_goes_back_to_the_ctl() -> None:
    done = boot(phone(P1, round_limit=1), shelf(SECURE_WITHOUT_CTL))
    one_round = [CTL, ITL, COMMON_ITL, PLAIN]
    assert done.names == one_round * 2
    assert done.did(Wait) == [Wait(P1.retry_seconds)]
    assert done.told(RetryScheduled) == [RetryScheduled(1, P1.retry_seconds)]
    assert done.outcome is BootOutcome.NO_CTL_IN_SECURE_MODE


@pytest.mark.parametrize(
    ("retries", "round_limit", "waits"),
    [(None, 7, 7), (None, 0, 0), (4, None, 4), (4, 2, 2), (4, 9, 4), (0, None, 0)],
)
def test_how_often(retries: int | None, round_limit: int | None, waits: int) -> None:
    model = replace(P2, secure_no_ctl_retries=retries)
    done = boot(phone(model, round_limit=round_limit), shelf(SECURE_WITHOUT_CTL))
    assert [event.attempt for event in done.told(RetryScheduled)] == list(range(1, waits + 1))
    assert done.names.count(CTL) == waits + 1
    assert done.outcome is BootOutcome.NO_CTL_IN_SECURE_MODE


def test_a_ctl_that_comes_in_a_later_round_ends_it() -> None:
    rounds = 0

    def by_round(asked: str) -> bytes | FileNotReceived:
        nonlocal rounds
        if asked == CTL:
            rounds += 1
        if rounds == 3:
            return {CTL: CTL1, SIGNED: make_sgn(CCM, SECURE)}.get(asked, NOT_FOUND)
        return SECURE_WITHOUT_CTL.get(asked, NOT_FOUND)

    done = boot(phone(P1, round_limit=None), lambda t: answer_of(by_round(t.file_name)))
    assert done.names.count(CTL) == 3
    assert done.outcome is BootOutcome.BOOTED


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_which_modes_need_a_call_managers_certificate(mode: int) -> None:
    done = boot(phone(P1, round_limit=1), shelf({PLAIN: xml(mode=mode)}))
    assert len(done.did(Wait)) == (0 if mode == 1 else 1)


EITHER = Switches(ccm_peer=CCMPeer.CTL_OR_ITL)
ITL_CCM = make_list(RECOVERY, SAST_RECOVERY, record(Function.CCM, CCM))


@pytest.mark.parametrize(
    ("held", "switches", "lacks"),
    [
        (Installed(), Switches(), True),
        (holds(ctl=CTL1), Switches(), False),
        (holds(itl=ITL_ALONE), Switches(), False),  # CCM+TFTP
        (holds(itl=ITL_CCM), Switches(), False),  # phones on Asterisk
        (holds(itl=BARE_ITL), Switches(), True),
        (holds(ctl=BARE_CTL), Switches(), True),
        (holds(ctl=BARE_CTL, itl=ITL_ALONE), Switches(), True),  # row T1: the CTL counts alone
        (holds(ctl=BARE_CTL, itl=ITL_ALONE), EITHER, False),
        (holds(ctl=CTL1, itl=BARE_ITL), EITHER, False),
        (holds(ctl=BARE_CTL, itl=BARE_ITL), EITHER, True),
        (holds(itl=ITL_ALONE), EITHER, False),
        (Installed(), EITHER, True),
    ],
)
def test_what_authenticates_a_call_manager(
    held: Installed, switches: Switches, lacks: bool
) -> None:
    model = switched(P1, switches)
    secure = phone(model, installed=held, configuration=SECURE, round_limit=1)
    done = boot(secure, shelf({}))
    assert len(done.did(Wait)) == int(lacks)
    kept = BootOutcome.BOOTED_OLD_CONFIGURATION
    assert done.outcome is (BootOutcome.NO_CTL_IN_SECURE_MODE if lacks else kept)


def test_a_configuration_of_an_earlier_round_is_one_of_this_boot() -> None:
    rounds: list[str] = []

    def serve_once(asked: str) -> bytes | FileNotReceived:
        rounds.append(asked)
        fresh = asked == PLAIN and rounds.count(PLAIN) == 1
        return SECURE if fresh else NOT_FOUND

    done = boot(phone(P1, round_limit=1), lambda t: answer_of(serve_once(t.file_name)))
    assert done.did(StoreConfiguration) == [StoreConfiguration(SECURE)]
    assert done.told(ConfigurationKept) == []
    assert done.told(ConfigurationMissing) == [ConfigurationMissing(PLAIN)]
    assert done.outcome is BootOutcome.NO_CTL_IN_SECURE_MODE


def test_every_round_is_concluded_by_itself() -> None:
    asked: list[str] = []

    def by_round(name: str) -> bytes | FileNotReceived:
        asked.append(name)
        if name == CTL and asked.count(CTL) == 1:
            return b"rubbish"
        return SECURE if name == PLAIN else NOT_FOUND

    done = boot(phone(P1, round_limit=1), lambda t: answer_of(by_round(t.file_name)))
    assert done.conclusions == [
        TrustListsFailed(ListsFailure.FIRST_LIST_BAD),
        NoTrustListInstalled(),
        NoTrustListInstalled(),
    ]


def test_a_configuration_that_does_not_come_is_told_with_the_cause() -> None:
    done = boot(phone(P1), shelf({PLAIN: failure(TransferFailure.TOO_LARGE)}))
    assert done.told(ConfigurationNotReceived) == [
        ConfigurationNotReceived(PLAIN, TransferFailure.TOO_LARGE)
    ]
    assert done.told(ConfigurationMissing) == []
    missing = boot(phone(P1), shelf({}))
    assert missing.told(ConfigurationNotReceived) == []
