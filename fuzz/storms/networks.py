"""Whole boots over bad networks, in virtual time: `python -m fuzz.storms.networks`.

Each boot has a seed. The network loses, doubles, holds back, delays and corrupts datagrams, and a
stranger sends blocks and errors to the phone's ports. The phone is a 7961, which sends its last
packet again four times, 4 s apart (docs: secd/models/data/p1.toml), for each of three files.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import trio
from trio.testing import MockClock

from firmware_sim.net.tftp_server import DEFAULT_SETTINGS, serve_tftp
from fuzz.storms.site import SERVER, Shelf, boot, kept, model, versions
from secd.files.flash import MemoryFlash
from secd.net.memory import Faults, MemoryNetwork
from secd.net.network import Unreachable
from secd.tftp.packets import Data, ErrorPacket
from secd.words import BootOutcome

NAMES = ("plain", "patient", "rough")
PATIENCE = 16
WORK = Path(".fuzz")
STRANGER = ("203.0.113.66", 69)
LOSSES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0)
# What a network does besides losing.
ROUGH = Faults(
    duplication=0.1, corruption=0.01, reordering=0.1, delay_seconds=0.02, reordering_seconds=0.3
)
MOST_SECONDS = 3600.0  # virtual; a boot that takes longer hangs
_FIRST_PORT = 49152


@dataclass(frozen=True, slots=True)
class Weather:
    """A network: its faults, and whether a stranger is about.

    retransmissions -- of phone and server, in a row; 0: what they do by themselves.
    """

    name: str
    faults: Faults
    stranger: bool = False
    retransmissions: int = 0


def weather(name: str, loss: float) -> Weather:
    """Return `plain` (loss alone), `patient` (the same, both ends try more often), or `rough`."""
    if name in ("plain", "patient"):
        faults = Faults(loss=loss, delay_seconds=0.02)
        return Weather(name, faults, retransmissions=PATIENCE if name == "patient" else 0)
    return Weather(name, replace(ROUGH, loss=loss), stranger=True)


@dataclass(frozen=True, slots=True)
class Voyage:
    """How a boot went. seconds -- virtual. clean -- each file on flash is whole or not there."""

    outcome: BootOutcome
    seconds: float
    clean: bool


async def _molest(network: MemoryNetwork) -> None:
    """Send what a server could say to every port that the phone may have, again and again."""
    words = [Data(1, b"\1\0\2 nonsense").encode(), ErrorPacket(1, "no such file").encode()]
    with network.bind(STRANGER) as socket:
        while True:
            for port in range(_FIRST_PORT, _FIRST_PORT + 40):
                for word in words:
                    socket.send_to(word, ("10.0.0.0", port))
            try:
                while socket.receive_nowait() is not None:
                    pass
            except Unreachable:
                pass
            await trio.sleep(0.5)


def boot_through(one: Weather, seed: int) -> Voyage:
    """Boot a fresh phone once through a network."""
    files = versions()[0]
    flash = MemoryFlash()
    phone, settings = model(), DEFAULT_SETTINGS
    if one.retransmissions:
        tftp = replace(phone.tftp, retransmissions=one.retransmissions)
        phone = replace(phone, tftp=tftp)
        settings = replace(settings, retransmissions=4 * one.retransmissions)  # 1 s apart, not 4

    async def run() -> Voyage:
        network = MemoryNetwork(Random(seed), one.faults)  # noqa: S311 - repeatable
        async with trio.open_nursery() as nursery:
            shelf = Shelf(files)
            await nursery.start(serve_tftp, network, (SERVER, 69), shelf, lambda _: None, settings)
            if one.stranger:
                nursery.start_soon(_molest, network)
            begun = trio.current_time()
            with trio.fail_after(MOST_SECONDS):
                report = await boot(flash, network, phone=phone)
            seconds = trio.current_time() - begun
            nursery.cancel_scope.cancel()
        whole = all(flash.read(name) in (None, octets) for name, octets in kept(files).items())
        return Voyage(report.outcome, seconds, whole)

    return trio.run(run, clock=MockClock(autojump_threshold=0))


def survey(name: str, loss: float, boots: int, first_seed: int = 0) -> dict[str, object]:
    """Boot many times at one loss; return what came of it."""
    voyages = [boot_through(weather(name, loss), first_seed + n) for n in range(boots)]
    outcomes = Counter(voyage.outcome for voyage in voyages)
    if not all(voyage.clean for voyage in voyages):
        raise AssertionError(f"{name}, loss {loss}: a file on flash is not as it was served")
    return {
        "weather": name,
        "loss": loss,
        "boots": boots,
        "booted": outcomes[BootOutcome.BOOTED],
        "failed_cleanly": boots - outcomes[BootOutcome.BOOTED],
        "slowest_seconds": round(max(voyage.seconds for voyage in voyages), 1),
    }


def main() -> int:
    """Boot at every loss in both weathers, and print a table."""
    parser = argparse.ArgumentParser(description="Boots over bad networks, in virtual time.")
    parser.add_argument("--boots", type=int, default=500, help="at each loss (default 500)")
    given = parser.parse_args()
    options = model().tftp
    print(f"{options.retransmissions} retransmissions, {options.retransmit_seconds} s apart")
    rows = []
    for name in NAMES:
        for loss in LOSSES:
            row = survey(name, loss, given.boots)
            rows.append(row)
            print(
                f"{name:7} loss {loss:4.0%}: {row['booted']:>5} of {row['boots']} booted,"
                f" slowest {row['slowest_seconds']} s",
                flush=True,
            )
    WORK.mkdir(exist_ok=True)
    (WORK / "networks.json").write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
