"""The files that a configuration names: asked for after it, judged, kept, missed."""

from dataclasses import replace

import pytest
from boot_support import Boot, boot, phone, shelf
from trust_lists import CCM, P0, P1, P2, P3, STRANGER, TOKEN1, holds, make_ctl, make_itl, make_sgn

from secd.boot import StoreFile
from secd.boot.further import FurtherFile, further_files
from secd.boot.table import State
from secd.configuration import parse_configuration_untrusted
from secd.errors import MalformedFile
from secd.files.data import model_catalogue
from secd.models import Model
from secd.trace import FurtherFileAccepted, FurtherFileMissing, FurtherFileRefused
from secd.words import BootOutcome, FilePurpose

DEVICE = "SEP0011215A1AE3"
NAMES = ("United_States/g3-tones.xml", "SKb0ec918f.xml", "FP1.xml", "DR2.xml")
SIGNED = f"{DEVICE}.cnf.xml.sgn"
PLAIN = f"{DEVICE}.cnf.xml"
CONFIGURATION = (
    b"<device><deviceSecurityMode>1</deviceSecurityMode>"
    b"<sipProfile><softKeyFile>SKb0ec918f.xml</softKeyFile>"
    b"<dialTemplate>DR2.xml</dialTemplate></sipProfile>"
    b"<featurePolicyFile>FP1.xml</featurePolicyFile>"
    b"<networkLocale>United_States</networkLocale></device>"
)
HELD = holds(ctl=make_ctl(TOKEN1), itl=make_itl(CCM))


def signed_site(**files: bytes) -> Boot:
    served = {SIGNED: make_sgn(CCM, CONFIGURATION), **{f"{n}.sgn": o for n, o in files.items()}}
    return boot(phone(P1, installed=HELD), shelf(served))


def test_which_files_a_configuration_names_and_their_order() -> None:
    configuration = parse_configuration_untrusted(CONFIGURATION)
    assert further_files(configuration, P1) == (
        FurtherFile(NAMES[0], FilePurpose.TONES),
        FurtherFile(NAMES[1], FilePurpose.SOFT_KEYS),
        FurtherFile(NAMES[2], FilePurpose.FEATURE_POLICY),
        FurtherFile(NAMES[3], FilePurpose.DIAL_RULES),
    )
    assert further_files(parse_configuration_untrusted(b"<device/>"), P1) == ()


@pytest.mark.parametrize(
    ("model", "protocol", "archive"),
    [
        ("7942", "SIP", "English_United_Kingdom/mk-sip.jar"),
        ("7961", "SCCP", "English_United_Kingdom/mk-sccp.jar"),
        ("8861", "SIP", "English_United_Kingdom/sl-be-sip.jar"),
    ],
)
def test_the_locale_archive_comes_first_under_the_name_of_its_model(
    model: str, protocol: str, archive: str
) -> None:
    octets = (
        f"<device><deviceProtocol>{protocol}</deviceProtocol>"
        "<userLocale><name>English_United_Kingdom</name></userLocale></device>"
    ).encode()
    configuration = parse_configuration_untrusted(octets)
    found = model_catalogue().find(model)
    assert further_files(configuration, found) == (FurtherFile(archive, FilePurpose.LOCALE),)
    unknown = model_catalogue().find("9971")
    assert further_files(configuration, unknown) == ()


@pytest.mark.parametrize("model", [P0, P1, P2, P3])
def test_without_lists_they_are_asked_for_plain(model: Model) -> None:
    done = boot(phone(model), shelf({PLAIN: CONFIGURATION, **dict.fromkeys(NAMES, b"<x/>")}))
    assert done.names[-4:] == list(NAMES)
    assert done.did(StoreFile) == [StoreFile(name, b"<x/>") for name in NAMES]
    assert done.outcome is BootOutcome.BOOTED


def test_with_lists_they_are_asked_for_signed_and_verified() -> None:
    done = signed_site(**{NAMES[0]: make_sgn(CCM, b"<keys/>")})
    assert done.names[-4:] == [f"{name}.sgn" for name in NAMES]
    assert done.did(StoreFile) == [StoreFile(NAMES[0], b"<keys/>")]
    (accepted,) = done.told(FurtherFileAccepted)
    assert (accepted.asked_name, accepted.reason) == (f"{NAMES[0]}.sgn", "IN_CTL")
    missing = [event.base_name for event in done.told(FurtherFileMissing)]
    assert missing == list(NAMES[1:])


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"<keys/>", "UNSIGNED"),
        (make_sgn(CCM, b"<keys/>")[:-1] + b"!", "SIGNATURE_INVALID"),
        (make_sgn(STRANGER, b"<keys/>"), "TVS_NO_ANCHOR"),
    ],
)
def test_what_is_not_trusted_is_not_kept_and_the_boot_goes_on(octets: bytes, reason: str) -> None:
    done = signed_site(**{NAMES[0]: octets})
    assert done.did(StoreFile) == []
    (refused,) = done.told(FurtherFileRefused)
    assert (refused.base_name, refused.reason) == (NAMES[0], reason)
    assert done.names[-1] == f"{NAMES[3]}.sgn"
    assert done.outcome is BootOutcome.BOOTED


def test_they_are_not_asked_for_when_the_configuration_is_the_old_one() -> None:
    done = boot(phone(P1, configuration=CONFIGURATION), shelf({}))
    assert NAMES[0] not in done.names
    assert done.outcome is BootOutcome.BOOTED_OLD_CONFIGURATION


def test_a_name_that_no_server_could_be_asked_for_breaks_the_configuration() -> None:
    long_name = b"<device><featurePolicyFile>" + b"x" * 65 + b"</featurePolicyFile></device>"
    with pytest.raises(MalformedFile, match="featurePolicyFile"):
        parse_configuration_untrusted(long_name)


def test_the_table_leads_through_them_to_registration() -> None:
    done = boot(phone(P1), shelf({PLAIN: CONFIGURATION}))
    assert done.machine.state is State.REGISTER


RINGS = "Ringlist.xml"
RINGING = replace(phone(P1, installed=HELD), ring_menu=True)


def test_ring_lists_are_asked_for_last_and_only_when_somebody_opens_the_menu() -> None:
    served = {SIGNED: make_sgn(CCM, CONFIGURATION), f"{RINGS}.sgn": make_sgn(CCM, b"<rings/>")}
    done = boot(RINGING, shelf(served))
    assert done.names[-2:] == [f"{NAMES[3]}.sgn", f"{RINGS}.sgn"]
    assert done.did(StoreFile) == [StoreFile(RINGS, b"<rings/>")]
    (accepted,) = done.told(FurtherFileAccepted)
    assert accepted.purpose is FilePurpose.RING_LIST
    assert f"{RINGS}.sgn" not in signed_site().names


def test_a_ring_list_that_is_not_trusted_is_refused() -> None:
    """Signed by a proxy TFTP of another cluster: the case of the Proxy TFTP chapter."""
    served = {SIGNED: make_sgn(CCM, CONFIGURATION), f"{RINGS}.sgn": make_sgn(STRANGER, b"<rings/>")}
    done = boot(RINGING, shelf(served))
    assert done.did(StoreFile) == []
    assert [event.base_name for event in done.told(FurtherFileRefused)] == [RINGS]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("7940", ("Ringlist.xml", "DistinctiveRinglist.xml")),
        ("7961", ("Ringlist.xml", "DistinctiveRinglist.xml")),
        ("9971", ("Ringlist.xml",)),
        ("7821", ("Ringlist-wb.xml",)),
        ("8861", ("Ringlist-wb.xml",)),
    ],
)
def test_what_ring_lists_are_called_depends_on_the_model(
    model: str, names: tuple[str, ...]
) -> None:
    assert model_catalogue().find(model).ring_lists == names
