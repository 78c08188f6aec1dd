"""Cisco 214535: a 7821 boots at a cluster outside mixed mode; HTTP, TFTP, TVS, soft keys."""

from dataclasses import replace

import trio
from replay_site import Site, cluster, tvs_that_knows
from replay_support import (
    CapturedLine,
    ambient,
    assert_replays,
    before,
    caused_by,
    counts,
    load_replay,
)
from trio.testing import MockClock

from firmware_sim.cluster import Cluster, CTLKind, Device, Release, Subject
from firmware_sim.tvs import TVSDirectory
from secd.trace import FileRefused
from secd.trust import Reason

OLD, NEW = "192.168.7.100", "192.168.7.200"
SOFT_KEYS = "SKb0ec918f-b9ee-994b-57ae-345883c1fde8.xml"
DEVICE = Device("SEPC80084AA8743", "7821", protocol="SIP", soft_keys=SOFT_KEYS)
OLD_NAME = Subject("cucm-115.home.lab", "TAC", "Cisco", "RTP", "NC", "US")
NEW_NAME = Subject("clstr-2-pub.home.lab", "TAC", "Cisco", "RTP", "NC", "US")
JUDGED = ("EnvelopeRead", "FileVerified", "ListInstalled")
LISTS, SIGNED = load_replay("7821-lists"), load_replay("7821-signed-file")
CONFIGURATION = load_replay("7821-configuration")


def old_cluster() -> Cluster:
    plain = replace(DEVICE, soft_keys="")
    return cluster(OLD, OLD_NAME, Release(11, 5, 1), plain, mixed_mode=False)


def new_cluster() -> Cluster:
    made = cluster(NEW, NEW_NAME, Release(11, 5, 1), DEVICE, mixed_mode=False)
    made.common_files[SOFT_KEYS] = b"<softKeys/>"
    return made


def site() -> Site:
    return Site(DEVICE, "sip78xx.12-1-1")


async def serve(nursery: trio.Nursery, here: Site, new: Cluster) -> None:
    """Serve the new cluster's files; the first datagram of TFTP gets lost, as in the capture."""
    await here.serve_tftp_but_the_first(nursery, new)
    await here.serve_http(nursery, new)


async def test_the_captures(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    here, old, new = site(), old_cluster(), new_cluster()
    await here.boot_once_at(old)
    await serve(nursery, here, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW)
    # One run: the page leaves out what stands between the configuration and the soft keys.
    assert_replays((*LISTS, *CONFIGURATION, CapturedLine("gap", "4987-5104", ""), *SIGNED), log)


def test_what_the_captures_hold() -> None:
    assert counts(LISTS) == {"caused": 66, "late": 2, "ambient": 56, "gap": 2}
    assert ambient(LISTS) == {
        "Extension Mobility Cross Cluster": 19,
        "the Java side": 32,
        "another process": 5,
    }
    assert counts(CONFIGURATION) == {"caused": 22, "ambient": 11}
    assert ambient(CONFIGURATION) == {
        "the Java side": 2,
        "Extension Mobility Cross Cluster": 9,
    }
    assert counts(SIGNED) == {"caused": 22, "ambient": 9}
    assert ambient(SIGNED) == {"Extension Mobility Cross Cluster": 9}


async def test_no_datagram_gets_lost(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    here, old, new = site(), old_cluster(), new_cluster()
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW)
    assert_replays([line for line in LISTS if line.why != "TransferRetransmitted"], log)
    assert not set(log.texts) & set(caused_by(LISTS, "TransferRetransmitted"))


async def test_the_server_has_a_ctl(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """200 instead of 503: the head of the answer is printed, and TFTP is not asked."""
    here, new = site(), new_cluster()
    new.ctl, new.mixed_mode = CTLKind.TOKENLESS, True
    await serve(nursery, here, new)
    _, log = await here.boot(NEW)
    assert_replays(before(LISTS, "TransferFailed"), log)
    assert not set(log.texts) & set(caused_by(LISTS, "TransferFailed"))
    assert "# NOT (#:#) downd-XXX arg[0] /usr/sbin/tftpd" not in log.texts
    head = caused_by(LISTS, "HTTPHeaderReceived")
    assert [line.text for line in log.lines if line.event == "HTTPHeaderReceived"] == head * 4


async def test_tvs_knows_nobody(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    here, old, new = site(), old_cluster(), new_cluster()
    await here.boot_once_at(old)
    await serve(nursery, here, new)
    await here.serve_tvs(nursery, old, TVSDirectory(old))
    report, log = await here.boot(NEW)
    assert_replays(before(LISTS, "FileVerified"), log)
    assert not set(log.texts) & set(caused_by(LISTS, "FileVerified", "ListInstalled"))
    refused = [t.event for t in report.events if isinstance(t.event, FileRefused)]
    assert refused[0].reason == Reason.TVS_DENIED
    assert report.installed == report.before


async def test_nobody_is_at_tvs(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    here, old, new = site(), old_cluster(), new_cluster()
    await here.boot_once_at(old)
    await serve(nursery, here, new)
    report, log = await here.boot(NEW)
    assert_replays(before(LISTS, "TLSHandshakeDone"), log)
    assert not [line for line in log.lines if line.event.startswith(("TLS", "TVS"))]
    assert report.installed == report.before


async def test_an_itl_whose_signer_is_known(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Another ITL: it is verified without a word about TVS."""
    here, old = site(), old_cluster()
    await here.boot_once_at(old)
    old.changed_at_seconds += 3600
    await here.serve_files(nursery, old)
    await here.serve_tvs(nursery, old, TVSDirectory(old))
    report, log = await here.boot(OLD)
    assert not [line for line in log.lines if line.event.startswith(("TLS", "TVS"))]
    # The envelope is read once before and once after: the signer needs no answer between.
    judged = [line.text for line in log.lines if line.event in JUDGED]
    assert judged[:9] == caused_by(LISTS, *JUDGED)
    assert report.installed != report.before
