"""Two captures of family A: TVS refuses the handshake; a new CTL flushes what TVS said."""

import trio
from replay_site import Site, cluster, maker
from replay_support import assert_replays, before, caused_by, counts, load_replay
from trio.testing import MockClock

from firmware_sim.cluster import Cluster, Device, Release, Subject
from firmware_sim.tvs import TVSDirectory
from secd.models import TLSProfile, TLSVersion
from secd.trace import TVSQueryEnded

PUBLISHER = "192.168.136.6"
NAME = Subject("cucm-1051-a-pub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
DEVICE = Device("SEP0011215A1AE3", "7975")
LOAD = "SCCP75.9-3-1SR4-1S"
# A server that has TLS 1.0, and no cipher that TLS 1.0 knows.
NO_SHARED_CIPHER = TLSProfile(TLSVersion.TLS_1_0, TLSVersion.TLS_1_2, ("AES256-SHA256",), True)
ALERT, FLUSH = load_replay("79xx-tvs-alert"), load_replay("7975-tvs-flush")
FLUSH_BY_TVS = load_replay("7975-tvs-flush-by-tvs")


def site() -> Site:
    return Site(DEVICE, LOAD)


def booted_cluster() -> Cluster:
    return cluster(PUBLISHER, NAME, Release(10, 5, 2), DEVICE, mixed_mode=True)


def regenerate_callmanager(here: Cluster) -> None:
    here.publisher.callmanager = maker(7).self_signed(NAME)
    here.changed_at_seconds += 3600


async def test_118699_the_handshake_is_refused(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The server's refusal is real; what the phone wanted of it was another thing in 118699."""
    here, publisher = site(), booted_cluster()
    publisher.publisher.name = "cucm-1051-a-pub"  # the log has its address all the same
    here.network.names["cucm-1051-a-pub"] = PUBLISHER
    await here.boot_once_at(publisher)
    regenerate_callmanager(publisher)
    await here.serve_files(nursery, publisher)
    await here.serve_tvs(nursery, publisher, TVSDirectory(publisher), profile=NO_SHARED_CIPHER)
    report, log = await here.boot(PUBLISHER)
    assert_replays(ALERT, log)
    assert counts(ALERT) == {"caused": 10}
    assert report.installed == report.before


async def test_a_server_that_agrees_on_a_cipher(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here, publisher = site(), booted_cluster()
    await here.boot_once_at(publisher)
    regenerate_callmanager(publisher)
    await here.serve_files(nursery, publisher)
    await here.serve_tvs(nursery, publisher, TVSDirectory(publisher))
    report, log = await here.boot(PUBLISHER)
    assert_replays(before(ALERT, "TLSAlert"), log)
    assert not set(log.texts) & set(caused_by(ALERT, "TLSAlert", "TLSHandshakeFailed"))
    ended = [t.event for t in report.events if isinstance(t.event, TVSQueryEnded)]
    assert ended[0].outcome == "vouched"


async def test_nobody_listens_at_the_tvs_server(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here, publisher = site(), booted_cluster()
    await here.boot_once_at(publisher)
    regenerate_callmanager(publisher)
    await here.serve_files(nursery, publisher)
    _, log = await here.boot(PUBLISHER)
    assert_replays(before(ALERT, "TLSConnected"), log)
    assert not set(log.texts) & set(caused_by(ALERT, "TLSConnected", "TLSHandshakeFailed"))


async def test_118893_a_new_ctl_flushes_what_tvs_said(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here, publisher = site(), booted_cluster()
    await here.boot_once_at(publisher)
    publisher.changed_at_seconds += 3600
    await here.serve_files(nursery, publisher)
    _, log = await here.boot(PUBLISHER)
    assert_replays(FLUSH, log)
    assert counts(FLUSH) == {"caused": 6, "gap": 1}


async def test_118893_the_second_run_where_tvs_had_to_vouch(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here, publisher = site(), booted_cluster()
    await here.boot_once_at(publisher)
    regenerate_callmanager(publisher)
    await here.serve_files(nursery, publisher)
    await here.serve_tvs(nursery, publisher, TVSDirectory(publisher))
    report, log = await here.boot(PUBLISHER)
    assert_replays(FLUSH_BY_TVS, log)
    assert counts(FLUSH_BY_TVS) == {"caused": 6, "gap": 1}
    flushed = [line for line in log.lines if line.event == "TVSCacheFlushed"]
    assert len(flushed) == 6  # the ITL's signer stands in the new CTL; nothing is left to forget
    assert report.installed != report.before


async def test_the_same_ctl_flushes_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    here, publisher = site(), booted_cluster()
    await here.boot_once_at(publisher)
    await here.serve_files(nursery, publisher)
    _, log = await here.boot(PUBLISHER)
    assert not set(log.texts) & set(caused_by(FLUSH, "TVSCacheFlushed"))
