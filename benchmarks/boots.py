"""Whole boots, a hundred at once, on one core, over loopback UDP.

A boot: CTL, ITL and signed configuration of the lab's cluster, every decision, flash in memory,
console log and status messages rendered. Compared with what a user would do without secd, one
`curl` and one verifying process for each file; and with bare transfers of the same files by trio,
plus the three verifications.
"""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

import trio

from benchmarks.figure import Figure
from benchmarks.server import tftp_server
from firmware_sim.cluster import ClusterFiles, PooledKeys, demo_cluster
from firmware_sim.cluster.seed import DEVICE_NAME, PUBLISHER_ADDRESS
from secd.certs import rsa_key_of_untrusted
from secd.crypto import verify_rsa
from secd.envelope import decode_signed_file_untrusted
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.net.clock import TrioClock
from secd.net.emulator import EmulatedPhone
from secd.net.kernel import KernelNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.trace import Traced
from secd.words import BootOutcome

_PHONES = 100
_ROUNDS = 5
_PIPELINE_BOOTS = 4

# What the pipeline runs for each file: as little as verifying one can be.
_VERIFY = """
import sys
from pathlib import Path
from secd.envelope import decode_signed_file_untrusted
from secd.certs import rsa_key_of_untrusted
from secd.crypto import verify_rsa
file = decode_signed_file_untrusted(Path(sys.argv[1]).read_bytes())
key = rsa_key_of_untrusted(Path(sys.argv[2]).read_bytes())
verify_rsa(key, file.header.signature, file.signed_octets, file.header.digest)
"""


def figures() -> list[Figure]:
    """Measure and return both ratios."""
    cluster = demo_cluster(PooledKeys(), Random(1))
    files = ClusterFiles(cluster)
    names = (f"CTL{DEVICE_NAME}.tlv", f"ITL{DEVICE_NAME}.tlv", f"{DEVICE_NAME}.cnf.xml.sgn")
    token, callmanager = (
        cluster.tokens[0].credential.certificate,
        cluster.publisher.callmanager.certificate,
    )
    signers = (token, callmanager, callmanager)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in names:
            octets = files.answer("", name)
            if not isinstance(octets, bytes):
                raise RuntimeError(f"the lab has no {name}")
            (root / name).write_bytes(octets)
        _pin(0)
        with tftp_server(root) as port:
            _pin(1)
            boots = min(trio.run(partial(_boots, port)) for _ in range(_ROUNDS))
            bare = min(trio.run(partial(_bare, port, names)) for _ in range(_ROUNDS))
            bare += min(_verifications(root, names, signers) for _ in range(_ROUNDS))
            pipeline = _pipeline(root, names, signers, port)
    per_second = _PHONES / boots
    return [
        Figure(
            f"Whole boots, {_PHONES} at once, one core, loopback",
            f"{pipeline / (boots / _PHONES):.0f} x the pipeline curl + one verifying process",
            "at least 100",
            f"{per_second:.0f} boots/s here, {1 / pipeline:.2f} boots/s by the pipeline",
        ),
        Figure(
            "CPU of those boots",
            f"{boots / bare:.2f} x (bare trio transfers of the same files + verifications)",
            "at most 3",
            f"{boots / _PHONES * 1e3:.2f} ms a boot, bare {bare / _PHONES * 1e3:.2f} ms",
        ),
    ]


def _pin(core: int) -> None:
    """Keep this process, and what it starts from now on, to one core."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


async def _boots(port: int) -> float:
    """Boot a hundred fresh phones at once; CPU seconds of this process."""
    model = model_catalogue().find("7961")
    book = AddressBook({(PUBLISHER_ADDRESS, 69): ("127.0.0.1", port)})
    surroundings = Surroundings(KernelNetwork(), TrioClock(), book)
    begun = time.process_time()
    async with trio.open_nursery() as nursery:
        for _ in range(_PHONES):
            store = PhoneStore(MemoryFlash(), DEVICE_NAME, model)
            phone = EmulatedPhone(DEVICE_NAME, model, store, (PUBLISHER_ADDRESS,))
            nursery.start_soon(_boot, phone, surroundings)
    return time.process_time() - begun


async def _boot(phone: EmulatedPhone, surroundings: Surroundings) -> None:
    report = await phone.boot(surroundings, _ignore)
    if report.outcome is not BootOutcome.BOOTED or report.installed.itl is None:
        raise RuntimeError("the benchmark must measure whole boots")


def _ignore(_: Traced, __: tuple[str, ...]) -> None:
    pass


async def _bare(port: int, names: tuple[str, ...]) -> float:
    """Fetch the same files by the shortest loop there is; CPU seconds of this process."""
    begun = time.process_time()
    async with trio.open_nursery() as nursery:
        for _ in range(_PHONES):
            nursery.start_soon(_bare_phone, port, names)
    return time.process_time() - begun


async def _bare_phone(port: int, names: tuple[str, ...]) -> None:
    for name in names:
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as socket:
            request = b"\0\1" + name.encode() + b"\0octet\0"
            await socket.sendto(request, ("127.0.0.1", port))
            blocks = []
            while True:
                packet, peer = await socket.recvfrom(600)
                blocks.append(packet[4:])
                await socket.sendto(b"\0\4" + packet[2:4], peer)
                if len(packet) < 516:
                    break
            b"".join(blocks)


def _verifications(root: Path, names: tuple[str, ...], signers: tuple[bytes, ...]) -> float:
    files = [(root / name).read_bytes() for name in names]
    begun = time.process_time()
    for _ in range(_PHONES):
        for octets, signer in zip(files, signers, strict=True):
            file = decode_signed_file_untrusted(octets)
            key = rsa_key_of_untrusted(signer)
            verify_rsa(key, file.header.signature, file.signed_octets, file.header.digest)
    return time.process_time() - begun


def _pipeline(root: Path, names: tuple[str, ...], signers: tuple[bytes, ...], port: int) -> float:
    """Seconds of one boot by `curl` and one verifying process for each file, on one core."""
    begun = time.perf_counter()
    for _ in range(_PIPELINE_BOOTS):
        for name, signer in zip(names, signers, strict=True):
            target, certificate = root / "fetched", root / "certificate"
            certificate.write_bytes(signer)
            subprocess.run(
                ["curl", "-s", "-o", str(target), f"tftp://127.0.0.1:{port}/{name}"], check=True
            )
            subprocess.run(
                [sys.executable, "-c", _VERIFY, str(target), str(certificate)], check=True
            )
    return (time.perf_counter() - begun) / _PIPELINE_BOOTS
