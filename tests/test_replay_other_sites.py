"""The same loads at another site: what the captures imply for other names, servers and files.

The captured lines are rewritten as another site would have printed them, and must come all the
same: nothing of a capture's own site may stand in the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import trio
from replay_site import Site, cluster, tvs_that_knows
from replay_support import CapturedLine, assert_replays, caused_by, load_replay, masked
from trio.testing import MockClock

from firmware_sim.cluster import Cluster, ClusterFiles, Device, NotFound, Release, Subject
from secd.net.memory import MemoryNetwork

OLD, NEW, SECOND = "10.44.0.5", "10.77.12.250", "10.77.12.251"
OLD_NAME = Subject("a", "Voice", "Example GmbH", "Köln", "NRW", "DE")
NEW_NAME = Subject("cucm-pub-01.voice.example.com", "IT", "Example", "Oslo", "Oslo", "NO")
TONES = "Norway/g3-tones.xml"
LISTS, SIGNED = load_replay("7821-lists"), load_replay("7821-signed-file")
BY_TVS = load_replay("8861-ctl-by-tvs")
SK = "SKb0ec918f-b9ee-994b-57ae-345883c1fde8.xml"


def elsewhere(captured: Sequence[CapturedLine], changes: Mapping[str, str]) -> list[CapturedLine]:
    """Return the lines as another site would have printed them."""
    lines = []
    for line in captured:
        text = line.text
        for here, there in changes.items():
            text = text.replace(here, there)
        lines.append(replace(line, text=text))
    return lines


async def serve_http_of_another_make(
    nursery: trio.Nursery, network: MemoryNetwork, host: str, files: ClusterFiles
) -> None:
    """Serve by HTTP as other servers do: 404 for what is not there, other lines in the head."""

    async def converse() -> None:
        stream = await listener.accept()
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += await stream.receive_some(4096)
        found = files.answer("", request.split()[1].decode().lstrip("/"))
        if isinstance(found, NotFound):
            await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            head = f"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-length: {len(found)}\r\n\r\n"
            await stream.send_all(head.encode() + found)
        await stream.aclose()

    async def serve() -> None:
        while True:
            await converse()

    listener = network.listen((host, 6970))
    nursery.start_soon(serve)


def moved(device: Device) -> tuple[Cluster, Cluster]:
    """Return the cluster where the phone was and the one where it is now; neither has a CTL."""
    old = cluster(OLD, OLD_NAME, Release(10, 5, 2), replace(device, soft_keys=""), mixed_mode=False)
    new = cluster(NEW, NEW_NAME, Release(11, 5, 1), device, mixed_mode=False)
    new.common_files |= {device.soft_keys: b"<softKeys/>", TONES: b"<tones/>"}
    return old, new


async def test_a_7821_with_two_servers_and_an_http_server_of_another_make(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    device = Device("SEP0C11672A99F0", "7821", protocol="SIP", soft_keys="SK7.xml")
    here, (old, new) = Site(device, "sip78xx.12-1-1"), moved(device)
    await here.boot_once_at(old)
    await here.serve_tftp_but_the_first(nursery, new)
    await serve_http_of_another_make(nursery, here.network, NEW, ClusterFiles(new))
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    _, log = await here.boot(NEW, SECOND)
    changes = {
        "SEPC80084AA8743": device.name,
        "192.168.7.200": NEW,
        "look up server - 1 - 0.0.0.0": f"look up server - 1 - {SECOND}",
        "HTTP/1.1 503 Service Unavailab": "HTTP/1.1 404 Not Found",
        "Cache-Control: no-store": "Server: nginx",
        SK: "SK7.xml",
    }
    lists, signed = (
        # This server sends one line less, and in another order.
        [line for line in elsewhere(lines, changes) if line.why != "HTTPHeaderReceived"]
        for lines in (LISTS, SIGNED)
    )
    log.lines, heads = (
        [line for line in log.lines if (line.event == "HTTPHeaderReceived") is wanted]
        for wanted in (False, True)
    )
    assert_replays(lists, log)
    assert_replays(signed, log)
    head = ["HTTP/1.1 200 OK", "Server: nginx", "Content-length: #"]
    expected = [f"# NOT (#:#) GHTTP-hdr->{line}" for line in head] * 3
    assert [line.text for line in heads] == expected  # ITL, configuration, soft keys


@pytest.mark.parametrize("name", ["soft keys", "tones"])
async def test_any_signed_file_is_told_as_the_soft_keys_were(
    name: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    device = Device("SEP0C11672A99F0", "7821", protocol="SIP", soft_keys="SK7.xml")
    here, (_, new) = Site(device, "sip78xx.12-1-1"), moved(device)
    new.network_locale = "Norway"
    await here.serve_files(nursery, new)
    _, log = await here.boot(NEW)
    asked = TONES if name == "tones" else device.soft_keys
    changes = {"192.168.7.200": NEW, SK: asked}
    if name == "tones":
        changes["cache/SK-2103396823"] = f"cache/{TONES}"
    assert_replays(elsewhere(SIGNED, changes), log)


async def test_an_8861_whose_new_cluster_has_an_itl_and_no_ctl(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """What 213407 shows of a CTL, an ITL causes too: TVS, the hashes, the commit."""
    device = Device("SEP2C3124000001", "8861", protocol="SIP")
    here, (old, new) = Site(device, "sip88xx.10-3-1-20"), moved(device)
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, log = await here.boot(NEW)
    start = next(n for n, line in enumerate(BY_TVS) if line.why == "TLSConnecting")
    end = max(n for n, line in enumerate(BY_TVS) if line.why == "ListInstalled")
    # This phone has no certificate of its own.
    said = [line for line in BY_TVS[start : end + 1] if line.why != "TLSCertificateChosen"]
    assert_replays(elsewhere(said, {"192.168.11.32": OLD}), log)
    asked = elsewhere(BY_TVS[end + 1 :], {"SEPB000B4BA0AEE": device.name})
    for text in caused_by(asked, "FileRequested"):
        assert text in log.texts
    assert report.installed.itl != report.before.itl
    assert report.installed.ctl is None


async def test_nothing_of_the_captures_sites_is_in_our_lines(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    device = Device("SEP0C11672A99F0", "7821", protocol="SIP", soft_keys="SK7.xml")
    here, (old, new) = Site(device, "sip78xx.12-1-1"), moved(device)
    await here.boot_once_at(old)
    await here.serve_files(nursery, new)
    await here.serve_tvs(nursery, old, tvs_that_knows(old, new))
    report, _ = await here.boot(NEW)
    text = "\n".join(masked(line) for line in report.lines)
    for foreign in ("192.168.", "C80084AA8743", "b0ec918f", "home.lab"):
        assert foreign not in text
