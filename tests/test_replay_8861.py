"""Cisco 213407: an 8861 moves to another cluster, whose CTL its old cluster's TVS vouches for."""

import trio
from replay_site import Site, cluster, issued, tvs_that_knows
from replay_support import (
    assert_replays,
    before,
    caused_by,
    counts,
    load_replay,
    masked,
)
from trio.testing import MockClock

from firmware_sim.cluster import Cluster, Device, Release, Subject
from firmware_sim.tvs import TVSDirectory
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
OLD_NAME = Subject("ucm10pub.stormin.local", "IST", "Stormin", "Brisbane", "QLD", "AU")
NEW_NAME = Subject("ucm11pub.stormin.local", "IST", "Stormin", "Brisbane", "QLD", "AU")
SERIAL = bytes.fromhex("24000000179479B8F124AC3F3B000000000017")
REPLAY = load_replay("8861-ctl-by-tvs")


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
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, log = await here.boot(NEW)
    assert_replays(REPLAY, log)
    # The names are those of the capture, so the question is as long as there.
    sent = [t.event for t in report.events if isinstance(t.event, TVSRequestSent)]
    assert sent[0] == TVSRequestSent(OLD, 153)


def test_what_the_capture_holds() -> None:
    """The 11 unsaid lines are about the phone's LSC, which the phone of the test has not."""
    assert counts(REPLAY) == {"caused": 38, "unsaid": 11, "ambient": 1, "gap": 3}


def test_a_phone_with_a_certificate_says_what_it_knows_of_it() -> None:
    """Only this event is fed by hand: no phone has a certificate before CAPF gave it one."""
    started = TLSHandshakeStarted(TLSPurpose.TVS, OLD, 2445, 1, 11, own_certificate=True)
    console = ConsoleRenderer(console_tables(), "c-10.3")
    lines = [masked(line) for line in console.render(Traced(0.0, 1, 0, started))]
    assert lines == caused_by(REPLAY, "TLSHandshakeStarted")
    assert len(lines) == 11


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
