"""Phones that get an LSC, fifty at once: client and server in a process each, over loopback.

The client is `secd.net.capf`: TLS with the certificate pinned, key, LSC checked, staged in memory
and put in force. The server certifies keys and keeps no store of devices. Compared with bare TLS
handshakes through the same stack in the same run, and with one `secd capf` process for each phone,
as many at once as there are cores.

How long an RSA key takes is chance, so other keys are no measure: of the CPU time of client and
server together it is told how much went into these very keys, which is what making them and nothing
else would have cost.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.capf_server import CAPF_PEM
from benchmarks.figure import Figure
from secd.capf import Applicant, KeyKind, PrivateKey
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.identity import LSCFile, load_identity_untrusted
from secd.net.capf import CAPFClient
from secd.net.kernel import KernelNetwork
from secd.net.keys import FreshKeys, KeySource, PooledKeys
from secd.net.network import AddressBook
from secd.net.tls import connect_tls
from secd.trace import TraceEvent
from secd.trust import decide_pinned

_AT_ONCE = 50
_ROUNDS = 5
_PROCESSES = 8
_CORES = os.cpu_count() or 1
_PROFILE = model_catalogue().find("8861").tls
_PINNED = load_identity_untrusted(CAPF_PEM.read_bytes(), CAPF_PEM.name).certificate
_FRESH = FreshKeys()
_VERIFY = partial(decide_pinned, pinned=_PINNED)


def figures() -> list[Figure]:
    """Measure and return the ratios."""
    os.sched_setaffinity(0, range(_CORES))  # another benchmark may have kept us to one core
    with _server("bare") as (bare_port, _), _server("ec") as (ec_port, _):
        pairs = [
            (_rate(_shake_hands, bare_port, _AT_ONCE), _rate(_enrol, ec_port, _AT_ONCE))
            for _ in range(_ROUNDS)
        ]
        bare, ec = max(rate for rate, _ in pairs), max(rate for _, rate in pairs)
        process = _processes(ec_port)
    with _server("rsa") as (rsa_port, server):
        timed = _TimedKeys()
        begun = time.process_time() + _cpu_seconds(server)
        fresh = _rate(partial(_enrol, keys=timed), rsa_port, _AT_ONCE)
        spent = time.process_time() + _cpu_seconds(server) - begun
        keys = PooledKeys([_rsa_key() for _ in range(_AT_ONCE)])
        pooled = _rate(partial(_enrol, keys=keys), rsa_port, _AT_ONCE)
    return [
        Figure(
            f"LSCs with EC P-256 keys, {_AT_ONCE} phones at once, loopback",
            f"{ec / bare:.2f} x bare TLS handshakes of the same kind",
            "at least 0.25",
            f"{ec:.0f} LSCs/s, {bare:.0f} handshakes/s; best of {_ROUNDS} rounds each",
        ),
        Figure(
            "LSCs with EC P-256 keys against one Python process for each phone",
            f"{ec / process:.0f} x `secd capf`, {_CORES} processes at once",
            "at least 20",
            f"{ec:.0f} LSCs/s, {process:.2f} by processes",
        ),
        Figure(
            f"LSCs with RSA-2048 keys, {_AT_ONCE} phones at once, against making these keys alone",
            f"{timed.seconds / spent:.2f} of all CPU time went into the keys",
            "at least 0.85",
            f"{fresh:.1f} LSCs/s on {_CORES} cores, a key {timed.seconds / _AT_ONCE * 1e3:.0f} ms; "
            f"with a pool of ready keys {pooled:.0f} LSCs/s",
        ),
    ]


@contextmanager
def _server(what: str) -> Iterator[tuple[int, int]]:
    """Serve in a process of its own; yields its port and process id."""
    command = [sys.executable, "-m", "benchmarks.capf_server", what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the server's output is a pipe")
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


Phone = Callable[[int, int], Awaitable[None]]  # port, number of the phone


def _rate(phone: Phone, port: int, phones: int) -> float:
    """Return phones a second, all of them at once."""

    async def all_at_once() -> float:
        begun = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(phones):
                nursery.start_soon(phone, port, number)
        return phones / (time.perf_counter() - begun)

    return trio.run(all_at_once)


async def _shake_hands(port: int, _: int) -> None:
    stream = await KernelNetwork().open_tcp(("127.0.0.1", port))
    session = await connect_tls(stream, _PROFILE, _VERIFY)
    await session.aclose()


async def _enrol(port: int, number: int, keys: KeySource = _FRESH) -> None:
    lsc_file = LSCFile(MemoryFlash())
    client = CAPFClient(KernelNetwork(), AddressBook(), _PROFILE, _VERIFY, keys, lsc_file, _ignore)
    ended = await client.converse("127.0.0.1", port, Applicant(f"SEP{number:012X}"))
    if ended.install is None:
        raise RuntimeError("the benchmark must measure whole installations")
    lsc_file.commit()


def _ignore(_: TraceEvent) -> None:
    pass


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class _TimedKeys:
    """Makes RSA keys as `FreshKeys` does. seconds -- of CPU that they took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def make(self, _: KeyKind) -> PrivateKey:
        """Return a new RSA-2048 key."""
        key, seconds = await trio.to_thread.run_sync(_timed_rsa_key)
        self.seconds += seconds
        return key


def _timed_rsa_key() -> tuple[PrivateKey, float]:
    begun = time.thread_time()
    return _rsa_key(), time.thread_time() - begun


def _cpu_seconds(process: int) -> float:
    """Return what a process has spent so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _processes(port: int) -> float:
    """Return LSCs a second where each is the work of one process."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_CORES) as pool:

        def run(number: int) -> None:
            command = [sys.executable, "-c", "from secd.cli import main; main()", "capf"]
            command += [f"127.0.0.1:{port}", f"SEP{number:012X}", "--capf-certificate"]
            command += [str(CAPF_PEM), "--state", str(Path(folder) / str(number))]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        begun = time.perf_counter()
        list(pool.map(run, range(_PROCESSES)))
        return _PROCESSES / (time.perf_counter() - begun)
