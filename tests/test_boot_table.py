"""Every transition of the tables is taken by some boot; every other event is a caller's bug."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Required, TypedDict

import pytest
from boot_support import (
    BOTH,
    COMMON_ITL,
    CTL,
    DEFAULT,
    DEFAULT_SIGNED,
    DEVICE,
    ITL,
    NOT_FOUND,
    PLAIN,
    SIGNED,
    TIMEOUT,
    Boot,
    RecordingFetch,
    Shelf,
    boot,
    phone,
    shelf,
    xml,
)
from capf_boots import LSC, NOTHING, SERVER, Servers, installs
from cryptography.hazmat.primitives.asymmetric import rsa
from trust_lists import (
    CCM,
    NOW,
    P0,
    P1,
    SAST_RECOVERY,
    STRANGER,
    TOKEN1,
    Identity,
    asking,
    encryption_for,
    holds,
    make_ctl,
    make_enc_sgn,
    make_itl,
    make_list,
    make_sgn,
    vouch,
)

from secd.boot import (
    AskTVS,
    BootMachine,
    Event,
    FetchFile,
    FileNotReceived,
    FileReceived,
    Identities,
    Output,
    PhoneBooted,
    TimerFired,
    Transfer,
    TVSServerAnswered,
    TVSServerFailed,
    Wait,
)
from secd.boot import fetch as fetching
from secd.boot import table as booting
from secd.boot.table import TRANSITIONS, Outcome, State
from secd.capf import CAPFEnded
from secd.capf import Identity as OwnCertificate
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.words import FileKind, Transport

CTL1, ITL1 = make_ctl(TOKEN1), make_itl(CCM)
HELD = holds(ctl=CTL1, itl=ITL1)
STORED, SECURE = xml(tvs="10.9.9.9"), xml(mode=3, tvs="10.9.9.9")
SOFT_KEYS, POLICY, DIAL_RULES = "SK1.xml", "FP1.xml", "DR1.xml"
NAMING = (
    f"<device><TVS><members><member><address>10.9.9.9</address></member></members></TVS>"
    f"<sipProfile><softKeyFile>{SOFT_KEYS}</softKeyFile>"
    f"<dialTemplate>{DIAL_RULES}</dialTemplate></sipProfile>"
    f"<featurePolicyFile>{POLICY}</featurePolicyFile></device>"
).encode()
BY_STRANGER = make_sgn(STRANGER, xml())
# Lists that leave TVS in place, but name no call manager.
NO_CCM = holds(ctl=make_list(TOKEN1, SAST_RECOVERY), itl=ITL1)


class Configured(TypedDict, total=False):
    files: Required[Shelf]
    held: Installed


def rsa_key_of(held: OwnCertificate) -> rsa.RSAPrivateKey:
    assert isinstance(held.key, rsa.RSAPrivateKey)
    return held.key


def _boot(files: Shelf, held: Installed | None = None, stored: bytes | None = None) -> Boot:
    return boot(phone(P1, installed=held, configuration=stored, round_limit=1), shelf(files))


def _enrols(
    configuration: bytes,
    session: CAPFEnded,
    more: Shelf | None = None,
    signer: Identity = CCM,
    name: str = SIGNED,
) -> Boot:
    """Boot a phone whose configuration makes it turn to CAPF; TVS vouches for everybody."""
    files = {name: make_sgn(signer, configuration), **(more or {})}
    start = phone(P1, installed=HELD, configuration=STORED, round_limit=1)
    return boot(start, shelf(files), lambda _: vouch(STRANGER, 2), capf=Servers(session))


# A configuration in use that says that the next one is encrypted to the phone's LSC.
LSC_ONLY, LSC_KEY = Identities(LSC), rsa_key_of(LSC)
ENCRYPTED_CONFIGURATION = xml(
    tvs="10.9.9.9",
    certificate_hash=hashlib.md5(LSC.certificate, usedforsecurity=False).hexdigest(),
    encrypted=True,
)
NO_ENCRYPTED_FILE: dict[str, Configured] = {
    "a plain one": {"files": {SIGNED: make_sgn(CCM, xml())}},
    "none": {"files": {}},
    "one by TVS": {"files": {SIGNED: BY_STRANGER}},
    "one with further files": {"files": {SIGNED: make_sgn(CCM, NAMING)}},
    "a secure one": {"files": {SIGNED: make_sgn(CCM, xml(mode=3))}, "held": NO_CCM},
    "one that enrols": {"files": {SIGNED: make_sgn(CCM, xml(mode=3, capf=(SERVER,), capf_mode=2))}},
}


def _no_encrypted_file(files: Shelf, held: Installed = HELD) -> Boot:
    start = phone(
        P1,
        installed=held,
        configuration=ENCRYPTED_CONFIGURATION,
        round_limit=1,
        identities=LSC_ONLY,
    )
    return boot(start, shelf(files), lambda _: vouch(STRANGER, 2), capf=Servers(NOTHING))


SCENARIOS: dict[str, Callable[[], Boot]] = {
    "everything new": lambda: _boot({CTL: CTL1, ITL: ITL1, SIGNED: make_sgn(CCM, xml())}),
    "nothing there": lambda: _boot({}),
    "nothing there, but stored": lambda: _boot({}, stored=STORED),
    "no answer": lambda: _boot({PLAIN: TIMEOUT}),
    "an old phone": lambda: boot(phone(P0), shelf({PLAIN: xml()})),
    "a stranger signs all": lambda: _boot(
        {CTL: make_ctl(STRANGER), ITL: make_itl(STRANGER), SIGNED: BY_STRANGER}, HELD, STORED
    ),
    "a stranger signs what is common": lambda: _boot(
        {COMMON_ITL: make_itl(STRANGER), DEFAULT_SIGNED: BY_STRANGER}, HELD, STORED
    ),
    "secure without CTL": lambda: _boot({PLAIN: xml(mode=3)}),
    "secure without CTL, default": lambda: _boot({}, stored=SECURE),
    "further files, two by a stranger": lambda: _boot(
        {
            SIGNED: make_sgn(CCM, NAMING),
            f"{SOFT_KEYS}.sgn": make_sgn(CCM, b"<keys/>"),
            f"{POLICY}.sgn": make_sgn(STRANGER, b"<policy/>"),
            f"{DIAL_RULES}.sgn": make_sgn(STRANGER, b"<rules/>"),
        },
        HELD,
        STORED,
    ),
    "further files, the last missing": lambda: _boot({PLAIN: NAMING, SOFT_KEYS: b"<keys/>"}),
    "further files by the default configuration": lambda: _boot({DEFAULT: NAMING}),
    "further files by a configuration that TVS vouches for": lambda: boot(
        phone(P1, installed=HELD, configuration=STORED),
        shelf({SIGNED: make_sgn(STRANGER, NAMING)}),
        lambda _: vouch(STRANGER, 2),
    ),
    "an LSC after registration": lambda: _enrols(xml(capf=(SERVER,), capf_mode=2), installs()),
    "an LSC before registration": lambda: _enrols(
        xml(mode=3, capf=(SERVER,), capf_mode=2), installs()
    ),
    "no LSC after registration": lambda: _enrols(xml(capf=(SERVER,), capf_mode=2), NOTHING),
    "no LSC before registration": lambda: _enrols(
        xml(mode=3, capf=(SERVER,), capf_mode=2), NOTHING
    ),
    "an LSC after further files": lambda: _enrols(
        NAMING.replace(b"</device>", xml(mode=3, capf=(SERVER,), capf_mode=2)[8:]), NOTHING
    ),
    "an LSC after further files by TVS": lambda: _enrols(
        NAMING.replace(b"</device>", xml(mode=3, capf=(SERVER,), capf_mode=2)[8:]),
        NOTHING,
        {f"{DIAL_RULES}.sgn": make_sgn(STRANGER, b"<rules/>")},
    ),
    "an LSC after a configuration by TVS": lambda: _enrols(
        xml(mode=3, capf=(SERVER,), capf_mode=2), NOTHING, signer=STRANGER
    ),
    "an LSC after the default configuration": lambda: _enrols(
        xml(mode=3, capf=(SERVER,), capf_mode=2), NOTHING, name=DEFAULT_SIGNED
    ),
    **{
        f"no encrypted file: {what}": partial(_no_encrypted_file, **given)
        for what, given in NO_ENCRYPTED_FILE.items()
    },
    "an encrypted file by TVS": lambda: boot(
        phone(P1, installed=HELD, configuration=ENCRYPTED_CONFIGURATION, identities=LSC_ONLY),
        shelf({f"{PLAIN}.enc.sgn": make_enc_sgn(STRANGER, *encryption_for(LSC_KEY, xml()))}),
        lambda _: vouch(STRANGER, 2),
    ),
    "secure without CTL, TVS": lambda: _boot({SIGNED: BY_STRANGER}, NO_CCM, SECURE),
}


# A phone that has registered may still turn to CAPF; when it does not, that was the end.
ENDS = {State.REGISTER, State.STAY_REGISTERED, State.STOPPED}


def test_every_transition_of_a_boot_is_taken_and_no_other() -> None:
    taken = {step for scenario in SCENARIOS.values() for step in scenario().machine.taken}
    assert taken == {(state, outcome) for state, row in TRANSITIONS.items() for outcome in row}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_boot_ends_where_nothing_follows(scenario: str) -> None:
    assert SCENARIOS[scenario]().machine.state in ENDS


def test_every_state_has_its_row_and_all_are_reached() -> None:
    assert set(TRANSITIONS) == set(State)
    reached = {after for row in TRANSITIONS.values() for after in row.values()}
    assert reached | {State.OFF} == set(State)
    assert {outcome for row in TRANSITIONS.values() for outcome in row} == set(Outcome)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", Outcome)
def test_what_stands_in_no_row_cannot_happen(state: State, outcome: Outcome) -> None:
    if outcome in TRANSITIONS[state]:
        assert booting.following(state, outcome) is TRANSITIONS[state][outcome]
    else:
        with pytest.raises(RuntimeError, match=f"cannot meet {outcome.name} in {state.name}"):
            booting.following(state, outcome)


# Events that do not belong to a state

EVENTS: dict[type[Event], Event] = {
    PhoneBooted: PhoneBooted(),
    FileReceived: FileReceived(b""),
    FileNotReceived: TIMEOUT,
    TVSServerAnswered: TVSServerAnswered(Voucher(b"", b"", VoucherOutcome.DENIED)),
    TimerFired: TimerFired(),
}
AFTER: dict[type[Output], set[type[Event]]] = {
    Transfer: {FileReceived, FileNotReceived},
    AskTVS: {TVSServerAnswered, TVSServerFailed},
    Wait: {TimerFired},
}


def _assert_only(machine: BootMachine, allowed: set[type[Event]]) -> None:
    """Every other event raises, and leaves the machine where it was."""
    for kind in EVENTS.keys() - allowed:
        before = machine.state
        with pytest.raises(RuntimeError, match=f"{kind.__name__} cannot happen in {before.name}"):
            machine.handle(EVENTS[kind], NOW)
        assert machine.state is before


@pytest.mark.parametrize("scenario", ["a stranger signs all", "secure without CTL"])
def test_events_out_of_place_raise_in_every_state(scenario: str) -> None:
    start = {
        "a stranger signs all": phone(P1, installed=HELD, configuration=STORED),
        "secure without CTL": phone(P1, configuration=SECURE, round_limit=1),
    }[scenario]
    files = {CTL: make_ctl(STRANGER), ITL: make_itl(STRANGER), SIGNED: BY_STRANGER}
    serve = shelf(files if start.installed.ctl else {})
    machine = BootMachine(start, frozenset({Transport.TFTP}))
    _assert_only(machine, {PhoneBooted})
    last = machine.handle(PhoneBooted(), NOW)[-1]
    seen = set()
    while machine.state not in ENDS:
        seen.add(type(last))
        _assert_only(machine, AFTER[type(last)])
        last = machine.handle(_answer(last, serve), NOW)[-1]
    _assert_only(machine, set())
    assert seen == {Transfer, AskTVS if start.installed.ctl else Wait}


def _answer(output: Output, serve: Callable[[Transfer], Event]) -> Event:
    match output:
        case Transfer():
            return serve(output)
        case AskTVS():
            voucher = Voucher(output.issuer, output.serial, VoucherOutcome.DENIED)
            return TVSServerAnswered(voucher)
        case _:
            return TimerFired()


# The fetch machine


def _fetch(*answers: Event, transports: int = 1) -> RecordingFetch:
    """A fetch over two servers, given one answer after the other."""
    some = (Transport.HTTP, Transport.TFTP)[-transports:] if transports else ()
    wanted = FetchFile(f"CTL{DEVICE}.tlv", FileKind.CTL, some, BOTH, "/tmp/x")  # noqa: S108
    numbers = iter(range(1, 100))
    context = asking(P1, FileKind.CTL)
    machine = RecordingFetch(wanted, Installed(), context, frozenset(some), lambda: next(numbers))
    machine.begin(NOW)
    for answer in answers:
        if isinstance(answer, FileReceived):
            machine.received(answer, NOW)
        elif isinstance(answer, FileNotReceived):
            machine.not_received(answer, NOW)
    return machine


FOUND = FileReceived(b"x")
FETCHES: dict[str, Callable[[], RecordingFetch]] = {
    "nobody to ask": lambda: _fetch(transports=0),
    "found": lambda: _fetch(FOUND),
    "not found": lambda: _fetch(NOT_FOUND),
    "found on the second": lambda: _fetch(TIMEOUT, FOUND),
    "not found on the second": lambda: _fetch(TIMEOUT, NOT_FOUND),
    "nowhere": lambda: _fetch(TIMEOUT, TIMEOUT),
    "found by TFTP": lambda: _fetch(NOT_FOUND, FOUND, transports=2),
    "nowhere by both": lambda: _fetch(TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT, transports=2),
}


def test_every_transition_of_a_fetch_is_taken() -> None:
    taken = {step for scenario in FETCHES.values() for step in scenario().taken}
    rows = fetching.TRANSITIONS.items()
    assert taken == {(state, outcome) for state, row in rows for outcome in row}


@pytest.mark.parametrize("scenario", FETCHES)
def test_every_fetch_ends_with_a_result(scenario: str) -> None:
    machine = FETCHES[scenario]()
    assert machine.state is fetching.State.ENDED
    assert machine.result is not None
    assert isinstance(machine.result, FileReceived) == scenario.startswith("found")


@pytest.mark.parametrize("scenario", FETCHES)
def test_a_fetch_that_is_over_takes_no_more(scenario: str) -> None:
    machine = FETCHES[scenario]()
    with pytest.raises(RuntimeError, match="a fetch cannot meet FOUND in ENDED"):
        machine.received(FOUND, NOW)


def test_a_fetch_cannot_begin_twice() -> None:
    machine = _fetch()
    with pytest.raises(RuntimeError, match="a fetch cannot meet BEGUN in TRANSFER"):
        machine.begin(NOW)


def test_every_state_of_a_fetch_has_its_row() -> None:
    assert set(fetching.TRANSITIONS) == set(fetching.State)
    outcomes = {outcome for row in fetching.TRANSITIONS.values() for outcome in row}
    assert outcomes == set(fetching.Outcome)
