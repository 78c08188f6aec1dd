"""Cisco 213407: an 8861 moves to another cluster, whose CTL its old cluster's TVS vouches for."""

from dataclasses import replace

import trio
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from replay_site import Site, capf_named, cluster, issued, tvs_that_knows
from replay_support import assert_replays, before, caused_by, counts, load_replay
from trio.testing import MockClock

from firmware_sim.cluster import Cluster, Device, Release, Subject
from firmware_sim.tvs import TVSDirectory
from secd.configuration import CAPFMode
from secd.files.identity import LSCFile
from secd.trace import (
    TLSHandshakeStarted,
    TLSPurpose,
    Traced,
    TVSRequestSent,
    TVSServerPassedOver,
)
from statusmsgs import ConsoleRenderer, console_tables

OLD, NEW = "192.168.11.32", "192.168.11.51"
DEVICE = Device("SEPB000B4BA0AEE", "8861", protocol="SIP")
ENROLS = replace(DEVICE, capf_mode=CAPFMode.NULL_STRING)
OLD_NAME = Subject("ucm10pub.stormin.local", "IST", "Stormin", "Brisbane", "QLD", "AU")
NEW_NAME = Subject("ucm11pub.stormin.local", "IST", "Stormin", "Brisbane", "QLD", "AU")
CAPF_NAME = (
    (NameOID.COUNTRY_NAME, "AU"),
    (NameOID.ORGANIZATION_NAME, "stormin"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "IST"),
    (NameOID.COMMON_NAME, "CAPF-a7fb32bf"),
    (NameOID.STATE_OR_PROVINCE_NAME, "NSQ"),
    (NameOID.LOCALITY_NAME, "Sydney"),
)
SERIAL = bytes.fromhex("24000000179479B8F124AC3F3B000000000017")
REPLAY = load_replay("8861-ctl-by-tvs")


def old_cluster() -> Cluster:
    made = cluster(OLD, OLD_NAME, Release(10, 5, 2), ENROLS, mixed_mode=True)
    made.capf = capf_named(*CAPF_NAME)
    return made


def new_cluster() -> Cluster:
    made = cluster(NEW, NEW_NAME, Release(11, 0, 1), DEVICE, mixed_mode=True)
    made.publisher.callmanager = issued(NEW_NAME, "stormin-WIN2012-CA", SERIAL)
    return made


def site() -> Site:
    return Site(DEVICE, "sip88xx.10-3-1-20")


async def test_the_capture(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    old, new, here = old_cluster(), new_cluster(), site()
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, log = await here.boot(NEW)
    assert_replays(REPLAY, log)
    # The names are those of the capture, so the question is as long as there.
    sent = [t.event for t in report.events if isinstance(t.event, TVSRequestSent)]
    assert sent[0] == TVSRequestSent(OLD, 153)


def test_what_the_capture_holds() -> None:
    assert counts(REPLAY) == {"caused": 49, "ambient": 1, "gap": 3}


async def test_the_lsc_is_the_one_that_capf_gave(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The lines about it say what stands in the phone's flash, lengths included."""
    old, new, here = old_cluster(), new_cluster(), site()
    await here.boot_once_at(old)
    lsc = LSCFile(here.flash).load()
    assert lsc is not None
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, _ = await here.boot(NEW)
    key = lsc.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    [started] = [t.event for t in report.events if isinstance(t.event, TLSHandshakeStarted)]
    assert (started.own_kind, started.certificate_bytes) == ("LSC", len(lsc.certificate))
    assert started.key_bytes == len(key)
    assert lsc.key.key_size == 2048  # 1191 octets, as there: give or take one or two


def test_the_word_for_a_mic_is_inferred() -> None:
    own = (True, "MIC", "/CN=a", "/CN=b", 900, 1190)
    traced = Traced(0.0, 1, 0, TLSHandshakeStarted(TLSPurpose.TVS, OLD, 2445, 1, 11, *own))
    plain, told = (
        ConsoleRenderer(console_tables(), "c-10.3", explain).render(traced)
        for explain in (False, True)
    )
    assert not [line for line in plain if "type=" in line]
    assert [line for line in told if "cert len=900, type=MIC   <- inferred" in line]


async def test_a_phone_without_a_certificate_does_not_speak_of_one(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    old, new, here = old_cluster(), new_cluster(), site()
    old.devices[DEVICE.name] = DEVICE
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW)
    said = [line.text for line in log.lines if line.event == "TLSHandshakeStarted"]
    assert said == caused_by(REPLAY, "TLSHandshakeStarted")[-4:]


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
    assert_replays(before(REPLAY, "TVSVoucherCached"), log)
    assert not set(log.texts) & set(caused_by(REPLAY, "TVSVoucherCached", "ListInstalled"))
    assert report.installed == report.before


async def test_a_tvs_server_that_the_itl_does_not_list(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here = site()
    old, new = await moved(nursery, here, old_cluster(), new_cluster())
    await here.serve_tvs(nursery, new, tvs_that_knows(old, new), address=OLD)
    report, log = await here.boot(NEW)
    assert_replays(before(REPLAY, "TLSHandshakeDone"), log)
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
