"""The load that a configuration names: its list, its components, and what a phone does not do."""

from dataclasses import replace

import pytest
from boot_support import DEVICE, Answer, Boot, boot, failure, phone, shelf, shelves
from test_trust_firmware import KEY, LOAD, OTHER
from trust_lists import (
    CCM,
    P0,
    P1,
    P3,
    PUBLISHER,
    SUBSCRIBER,
    TOKEN1,
    holds,
    make_ctl,
    make_itl,
    make_sgn,
)

from firmware_sim.cluster.firmware import firmware_files, sign_firmware
from secd.boot import StoreFile, Transfer
from secd.models import Model
from secd.trace import (
    EnvelopeRead,
    FileRefused,
    FirmwareComplete,
    FirmwareFileAccepted,
    FirmwareListRead,
    FirmwareMissing,
    FirmwareRefused,
    FirmwareWanted,
    FurtherFileMissing,
)
from secd.words import BootOutcome, FileKind, TransferFailure, Transport

PLAIN = f"{DEVICE}.cnf.xml"
LOADS = f"{LOAD}.loads"
FILES = firmware_files(LOAD, KEY)
COMPONENTS = [name for name in FILES if name != LOADS]
DIAL = "DR2.xml"


def xml(load: str = LOAD, server: str = "") -> bytes:
    return (
        f"<device><loadInformation>{load}</loadInformation><loadServer>{server}</loadServer>"
        f"<sipProfile><dialTemplate>{DIAL}</dialTemplate></sipProfile></device>"
    ).encode()


def booted(
    files: dict[str, bytes], *, given: bool = True, model: Model = P1, load: str = LOAD
) -> Boot:
    key = KEY.public_key() if given else None
    start = replace(phone(model), firmware_key=key)
    return boot(start, shelf({PLAIN: xml(load), **files}))


def asked_after_configuration(done: Boot) -> list[str]:
    return done.names[done.names.index(PLAIN) + 1 :]


@pytest.mark.parametrize("model", [P0, P1, P3])
def test_a_genuine_load_is_followed_to_its_last_component(model: Model) -> None:
    done = booted(FILES, model=model)
    assert asked_after_configuration(done) == [LOADS, *COMPONENTS, DIAL]
    assert done.told(FirmwareWanted) == [FirmwareWanted(LOAD, "test")]
    (read,) = done.told(FirmwareListRead)
    assert (read.components.split(", "), read.count, read.verified) == (COMPONENTS, 3, True)
    assert [event.file_name for event in done.told(FirmwareFileAccepted)] == COMPONENTS
    assert done.told(FirmwareComplete) == [FirmwareComplete(LOAD, 3)]
    assert done.did(StoreFile) == []  # nothing here could run it
    assert done.outcome is BootOutcome.BOOTED


def test_it_is_asked_for_as_it_is_named_also_where_other_files_are_signed() -> None:
    start = phone(P1, installed=holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM)))
    served = {f"{PLAIN}.sgn": make_sgn(CCM, xml()), **FILES}
    done = boot(replace(start, firmware_key=KEY.public_key()), shelf(served))
    assert done.names[-5:] == [LOADS, *COMPONENTS, f"{DIAL}.sgn"]
    assert done.refusals == []


@pytest.mark.parametrize("load", ["", "test"])
def test_nothing_is_asked_for_when_the_phone_runs_it_already_or_none_is_named(load: str) -> None:
    done = booted(FILES, load=load)
    assert asked_after_configuration(done) == [DIAL]
    assert done.told(FirmwareWanted) == []


def test_without_the_key_the_list_is_told_and_not_followed() -> None:
    done = booted(FILES, given=False)
    assert asked_after_configuration(done) == [LOADS, DIAL]
    (read,) = done.told(FirmwareListRead)
    assert (read.components.split(", "), read.verified) == (COMPONENTS, False)
    assert done.refusals == []
    assert done.told(FirmwareRefused) == []
    assert [event.file_name for event in done.told(EnvelopeRead)] == [LOADS]


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    ("octets", "reason", "detail"),
    [
        (b"apps.sbn\r\n", "UNSIGNED", "envelope"),
        (FILES[LOADS][:30], "MALFORMED", "header"),
        (sign_firmware(LOADS, b"", KEY), "MALFORMED", "names no component"),
        (sign_firmware(LOADS, b"# only a comment\n", KEY), "MALFORMED", "names no component"),
        (sign_firmware(LOADS, b"../secret\n", KEY), "MALFORMED", "no file"),
        (sign_firmware(LOADS, b"x" * 65, KEY), "MALFORMED", "no file"),
        (sign_firmware(LOADS, b"\x00\x01", KEY), "MALFORMED", "printable"),
    ],
)
def test_a_list_that_cannot_be_followed_is_refused(
    given: bool, octets: bytes, reason: str, detail: str
) -> None:
    done = booted({**FILES, LOADS: octets}, given=given)
    assert asked_after_configuration(done) == [LOADS, DIAL]
    (refused,) = done.told(FirmwareRefused)
    assert (refused.file_name, refused.reason) == (LOADS, reason)
    assert detail in refused.detail
    assert done.refusals == [(LOADS, reason)]
    assert done.outcome is BootOutcome.BOOTED


def test_a_list_under_another_key_is_refused() -> None:
    done = booted(firmware_files(LOAD, OTHER))
    assert done.refusals == [(LOADS, "FIRMWARE_SIGNATURE_INVALID")]
    assert asked_after_configuration(done) == [LOADS, DIAL]


def test_the_first_component_that_is_refused_ends_the_load() -> None:
    done = booted({**FILES, COMPONENTS[0]: FILES[COMPONENTS[0]][:-1] + b"!"})
    assert asked_after_configuration(done) == [LOADS, COMPONENTS[0], DIAL]
    assert done.refusals == [(COMPONENTS[0], "FIRMWARE_SIGNATURE_INVALID")]
    assert done.told(FirmwareComplete) == []


@pytest.mark.parametrize("missing", [LOADS, *COMPONENTS])
def test_a_file_that_does_not_come_ends_the_load(missing: str) -> None:
    done = booted({name: octets for name, octets in FILES.items() if name != missing})
    assert done.told(FirmwareMissing) == [FirmwareMissing(missing, LOAD)]
    assert asked_after_configuration(done)[-2:] == [missing, DIAL]
    assert done.told(FirmwareComplete) == []
    assert [event.base_name for event in done.told(FurtherFileMissing)] == [DIAL]


def test_a_component_that_is_named_twice_is_asked_for_once() -> None:
    twice = sign_firmware(LOADS, f"{COMPONENTS[0]}\n#+ {COMPONENTS[0]}\n".encode(), KEY)
    done = booted({**FILES, LOADS: twice})
    assert asked_after_configuration(done) == [LOADS, COMPONENTS[0], DIAL]
    assert done.told(FirmwareComplete) == [FirmwareComplete(LOAD, 1)]


@pytest.mark.parametrize("load", ["../x", "x" * 70, "über"])
def test_a_name_that_is_none_is_not_asked_for(load: str) -> None:
    done = booted(FILES, load=load)
    assert asked_after_configuration(done) == [DIAL]
    (refused,) = done.told(FirmwareRefused)
    assert (refused.file_name, refused.reason) == ("", "MALFORMED")
    assert done.told(FileRefused) == []


def test_the_load_server_is_asked_for_the_load_and_for_nothing_else() -> None:
    start = replace(phone(P1), firmware_key=KEY.public_key())
    at = shelves({PUBLISHER: {PLAIN: xml(server=SUBSCRIBER)}, SUBSCRIBER: FILES})
    done = boot(start, at)
    assert done.asked[-5:] == [
        *((SUBSCRIBER, name) for name in (LOADS, *COMPONENTS)),
        (PUBLISHER, DIAL),
    ]
    assert done.told(FirmwareComplete)


def test_a_7940_does_not_ask_a_load_server_that_its_ctl_does_not_name() -> None:
    start = phone(P0, installed=holds(ctl=make_ctl(TOKEN1)))
    configuration = {f"{PLAIN}.sgn": make_sgn(CCM, xml(server="192.0.2.1"))}
    done = boot(start, shelves({PUBLISHER: configuration, "192.0.2.1": FILES}))
    assert done.told(FirmwareMissing) == [FirmwareMissing(LOADS, LOAD)]
    assert {server for server, _ in done.asked} == {PUBLISHER}


def test_firmware_may_be_larger_than_other_files_and_comes_by_http_first() -> None:
    asked: list[Transfer] = []
    serve = shelf({PLAIN: xml(), **FILES})

    def noting(transfer: Transfer) -> Answer:
        asked.append(transfer)
        found = serve(transfer)
        return found if transfer.transport is Transport.TFTP else failure(TransferFailure.TIMEOUT)

    boot(phone(P3), noting, available=frozenset(Transport))
    firmware = [transfer for transfer in asked if transfer.file_name == LOADS]
    assert [transfer.transport for transfer in firmware] == [Transport.HTTP, Transport.TFTP]
    assert {transfer.size_limit_bytes for transfer in firmware} == {P3.firmware_limit_bytes}


def test_the_list_is_not_asked_for_while_the_phone_waits_for_its_ctl() -> None:
    secure = xml().replace(b"<device>", b"<device><deviceSecurityMode>3</deviceSecurityMode>")
    done = boot(phone(P1, round_limit=2), shelf({PLAIN: secure, **FILES}))
    assert done.names.count(PLAIN) == 3
    assert done.names.count(LOADS) == 1
    assert done.names.index(LOADS) > len(done.names) - 3
    assert done.told(FirmwareListRead)[0].verified is False
    assert {event.kind for event in done.told(EnvelopeRead)} == {FileKind.FIRMWARE}
