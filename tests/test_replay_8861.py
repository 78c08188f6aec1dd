"""Cisco 213407: an 8861 moves to another cluster, whose CTL its old cluster's TVS vouches for."""

from dataclasses import replace

import trio
from cryptography import x509
from cryptography.x509.oid import NameOID
from replay_site import Site, capf_named, cluster, issued, tvs_that_knows
from replay_support import (
    CapturedLine,
    assert_replays,
    before,
    caused_by,
    counts,
    load_replay,
)
from support import VECTORS
from trio.testing import MockClock

from firmware_sim.cluster import Cluster, Device, Release, Subject
from firmware_sim.tvs import TVSDirectory
from secd.configuration import CAPFMode
from secd.files.identity import LSC_FILE, MIC_FILE
from secd.trace import TVSRequestSent, TVSServerAsked, TVSServerPassedOver

OLD, NEW = "192.168.11.32", "192.168.11.51"
DEVICE = Device("SEPB000B4BA0AEE", "8861", protocol="SIP")
OLD_NAME = Subject("ucm10pub.stormin.local", "IST", "Stormin", "Brisbane", "QLD", "AU")
NEW_NAME = Subject("ucm11pub.stormin.local", "IST", "Stormin", "Brisbane", "QLD", "AU")
SERIAL = bytes.fromhex("24000000179479B8F124AC3F3B000000000017")
REPLAY, ITL = load_replay("8861-ctl-by-tvs"), load_replay("8861-itl-by-ctl")
WITHOUT_LSC = tuple(line for line in REPLAY if line.why != "TLSCertificateChosen")


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


LSC_SUBJECT = name(
    (NameOID.SERIAL_NUMBER, "PID:CP-8861 SN:FCH18198CNQ"),
    (NameOID.COUNTRY_NAME, "AU"),
    (NameOID.ORGANIZATION_NAME, "stormin"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "IST"),
    (NameOID.COMMON_NAME, "CP-8861-SEPB000B4BA0AEE"),
)
LSC_ISSUER = name(
    (NameOID.COUNTRY_NAME, "AU"),
    (NameOID.ORGANIZATION_NAME, "stormin"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "IST"),
    (NameOID.COMMON_NAME, "CAPF-a7fb32bf"),
    (NameOID.STATE_OR_PROVINCE_NAME, "NSQ"),
    (NameOID.LOCALITY_NAME, "Sydney"),
)


def old_cluster() -> Cluster:
    return cluster(OLD, OLD_NAME, Release(10, 5, 2), DEVICE, mixed_mode=True)


def new_cluster() -> Cluster:
    made = cluster(NEW, NEW_NAME, Release(11, 0, 1), DEVICE, mixed_mode=True)
    made.publisher.callmanager = issued(NEW_NAME, "stormin-WIN2012-CA", SERIAL)
    return made


def site() -> Site:
    return Site(DEVICE, "sip88xx.10-3-1-20")


async def test_the_capture(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    old, new, here = old_cluster(), new_cluster(), site()
    here.hold_lsc(LSC_SUBJECT, LSC_ISSUER)
    here.flash.write(MIC_FILE, (VECTORS / "certs" / "mic.pem").read_bytes())  # the LSC goes first
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, log = await here.boot(NEW)
    # Then the ITL, from another run: its signer stands in the new CTL, so nobody is asked again.
    assert_replays((*REPLAY, CapturedLine("gap", "3346-", ""), *ITL), log)
    itl = log.since("[src=ITLSEPB000B4BA0AEE.tlv]")
    assert not [line for line in itl.lines if line.event.startswith(("TLS", "TVS"))]
    # The names are those of the capture, so the question is as long as there.
    sent = [t.event for t in report.events if isinstance(t.event, TVSRequestSent)]
    assert sent == [TVSRequestSent(OLD, 153)]


async def test_the_capture_with_an_lsc_that_capf_gave(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The lab's CAPF makes up another serial number of the phone; all else is as captured."""
    old, new, here = old_cluster(), new_cluster(), site()
    old.devices[DEVICE.name] = replace(DEVICE, capf_mode=CAPFMode.NULL_STRING)
    old.capf = capf_named(LSC_ISSUER)
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW)
    made_up = ("SN:FCH18198CNQ", f"SN:FCH{DEVICE.name[-8:]}")
    assert_replays([replace(line, text=line.text.replace(*made_up)) for line in REPLAY], log)


def test_what_the_captures_hold() -> None:
    assert counts(REPLAY) == {"caused": 49, "ambient": 1, "gap": 3}
    assert counts(ITL) == {"caused": 9, "gap": 1}


async def test_tvs_servers_that_are_configured_by_name_are_told_by_their_address(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    old, new, here = old_cluster(), new_cluster(), site()
    old.publisher.name = "ucm10pub.stormin.local"
    here.network.names[old.publisher.name] = OLD
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, log = await here.boot(NEW)
    assert_replays(WITHOUT_LSC, log)
    asked = [t.event.server for t in report.events if isinstance(t.event, TVSServerAsked)]
    assert asked == [old.publisher.name]
    assert not any(old.publisher.name in text for text in log.texts)


async def test_a_phone_with_a_mic_only_speaks_of_it(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    old, new, here = old_cluster(), new_cluster(), site()
    here.hold_lsc(LSC_SUBJECT, LSC_ISSUER)
    await here.boot_once_at(old)
    here.flash.rename(LSC_FILE, MIC_FILE)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW)
    # No capture shows the word for a MIC, so that line is not printed; the names are.
    assert_replays([line for line in REPLAY if "type=LSC" not in line.text], log)
    assert not any("type=" in text for text in log.texts)


async def test_a_phone_without_a_certificate_does_not_speak_of_one(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    old, new, here = old_cluster(), new_cluster(), site()
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW)
    assert_replays(WITHOUT_LSC, log)
    assert not set(log.texts) & set(caused_by(REPLAY, "TLSCertificateChosen"))


# What happens otherwise, reads otherwise


async def moved(
    nursery: trio.Nursery, here: Site, old: Cluster, new: Cluster
) -> tuple[Cluster, Cluster]:
    """Boot at the old cluster, and serve the new one's files."""
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    return old, new


async def test_tvs_knows_nobody(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    here = site()
    old, _ = await moved(nursery, here, old_cluster(), new_cluster())
    await here.serve_tvs(nursery, old, TVSDirectory(old))
    report, log = await here.boot(NEW)
    assert_replays(before(WITHOUT_LSC, "TVSVoucherCached"), log)
    assert not set(log.texts) & set(caused_by(REPLAY, "TVSVoucherCached", "ListInstalled"))
    assert report.installed == report.before


async def test_a_tvs_server_that_the_itl_does_not_list(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here = site()
    old, new = await moved(nursery, here, old_cluster(), new_cluster())
    await here.serve_tvs(nursery, new, tvs_that_knows(old, new), address=OLD)
    report, log = await here.boot(NEW)
    assert_replays(before(WITHOUT_LSC, "TLSHandshakeDone"), log)
    events = {line.event for line in log.lines}
    assert not events & {"TLSHandshakeDone", "TVSRequestSent", "TVSResponseReceived"}
    assert report.installed == report.before


async def test_nobody_has_to_be_asked_where_the_signer_is_known(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here, old = site(), old_cluster()
    await here.boot_once_at(old)
    await here.serve_files(nursery, old)
    old.changed_at_seconds += 3600
    report, log = await here.boot(OLD)
    assert caused_by(REPLAY, "ListInstalled")[0] in log.texts
    assert not [line for line in log.lines if line.event.startswith(("TLS", "TVS"))]
    assert report.installed != report.before


async def test_a_dead_server_is_passed_over(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    second = "192.168.11.33"
    here, old, new = site(), old_cluster(), new_cluster()
    old.nodes.append(cluster(second, OLD_NAME, Release(10, 5, 2), DEVICE, mixed_mode=True).nodes[0])
    await moved(nursery, here, old, new)
    source = tvs_that_knows(old, new)
    await here.serve_tvs(nursery, old, source, address=second)
    report, log = await here.boot(NEW)
    passed = [t.event for t in report.events if isinstance(t.event, TVSServerPassedOver)]
    assert passed == [TVSServerPassedOver(OLD, 2445, "nobody listens on this port")]
    tried = [line.text for line in log.lines if line.event == "TLSConnecting"]
    at_first = caused_by(REPLAY, "TLSConnecting")
    assert tried == at_first + [text.replace(OLD, second) for text in at_first]
    connected = [line.text for line in log.lines if line.event == "TLSConnected"]
    assert connected == [t.replace(OLD, second) for t in caused_by(REPLAY, "TLSConnected")]
    installed = [line.text for line in log.lines if line.event == "ListInstalled"]
    assert installed == caused_by(REPLAY, "ListInstalled") * 2
