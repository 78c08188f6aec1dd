"""Whole boots over bad networks: up to a stated loss they succeed, beyond it they fail cleanly.

`python -m fuzz.storms.networks` does the same with hundreds of seeds (docs/reliability.md).
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
import trio

from fuzz.storms.networks import NAMES, boot_through, survey, weather
from fuzz.storms.relay import Relay
from fuzz.storms.site import SERVER, boot, kept, model, versions
from secd.files.flash import MemoryFlash
from secd.models import Model
from secd.net.kernel import KernelNetwork
from secd.net.memory import Faults
from secd.net.network import AddressBook
from secd.words import BootOutcome

BOOTS = 12


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.2])
def test_boots_succeed_with_a_fifth_of_all_datagrams_lost(loss: float) -> None:
    """By the load's own budget: four retransmissions, 4 s apart."""
    assert survey("plain", loss, BOOTS)["booted"] == BOOTS


def test_boots_succeed_with_two_fifths_lost_where_both_ends_are_patient() -> None:
    assert survey("patient", 0.4, BOOTS)["booted"] == BOOTS


def test_nearly_all_boots_succeed_over_a_network_that_does_everything() -> None:
    """One octet of a hundredth of all datagrams changes: then a signature is wrong, or a length."""
    booted = survey("rough", 0.2, BOOTS)["booted"]
    assert isinstance(booted, int)
    assert booted >= BOOTS - 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loss", [0.7, 1.0])
def test_beyond_that_a_boot_ends_and_keeps_no_broken_file(name: str, loss: float) -> None:
    for seed in range(4):
        voyage = boot_through(weather(name, loss), seed)
        assert voyage.clean
        assert voyage.outcome in (BootOutcome.NO_CONFIGURATION, BootOutcome.BOOTED)
        if loss == 1.0:
            assert voyage.outcome is BootOutcome.NO_CONFIGURATION


def test_a_voyage_can_be_repeated_from_its_seed() -> None:
    one = weather("rough", 0.25)
    assert boot_through(one, 7) == boot_through(one, 7)
    assert len({boot_through(one, seed).seconds for seed in range(5)}) == 5


# The same against atftpd, through a relay on loopback


def _phone(retransmissions: int = 12) -> Model:
    """The phone with a budget that does not make the test long: some times, 0.1 s apart."""
    phone = model()
    return replace(
        phone, tftp=replace(phone.tftp, retransmit_seconds=0.1, retransmissions=retransmissions)
    )


@pytest.fixture
def atftpd() -> Iterator[int]:
    program = shutil.which("atftpd", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("atftpd is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        folder.chmod(0o755)
        for name, octets in versions()[0].items():
            (folder / name).write_bytes(octets)
        listen = ["--bind-address", "127.0.0.1", "--port", str(port), "--retry-timeout", "1"]
        command = [program, "--daemon", "--no-fork", *listen, directory]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            _wait_for(port)
            yield port
            server.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        while time.monotonic() < deadline:
            probe.sendto(b"\0\1no-such-file\0octet\0", ("127.0.0.1", port))
            try:
                probe.recv(600)
            except TimeoutError:
                continue
            return
    pytest.fail("atftpd never answered")


@pytest.mark.interop
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.2])
async def test_a_phone_boots_from_atftpd_through_a_lossy_relay(atftpd: int, loss: float) -> None:
    faults = Faults(loss, 0.1, 0.0, 0.1, 0.0, 0.05)
    relay = Relay(("127.0.0.1", atftpd), faults, Random(1))
    flash = MemoryFlash()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(relay.run)
        book = AddressBook({(SERVER, 69): ("127.0.0.1", port)})
        with trio.fail_after(60):
            report = await boot(flash, KernelNetwork(), book, _phone())
        nursery.cancel_scope.cancel()
    assert report.outcome is BootOutcome.BOOTED
    assert {name: flash.read(name) for name in kept(versions()[0])} == kept(versions()[0])
    assert relay.carried > 40
    assert relay.struck > 0


@pytest.mark.interop
async def test_a_phone_gives_up_cleanly_when_the_relay_lets_nothing_through(atftpd: int) -> None:
    relay = Relay(("127.0.0.1", atftpd), Faults(loss=1.0), Random(1))
    flash = MemoryFlash()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(relay.run)
        book = AddressBook({(SERVER, 69): ("127.0.0.1", port)})
        with trio.fail_after(60):
            report = await boot(flash, KernelNetwork(), book, _phone(3))
        nursery.cancel_scope.cancel()
    assert report.outcome is BootOutcome.NO_CONFIGURATION
    assert not [name for name in flash.names() if name.endswith(".tlv")]
