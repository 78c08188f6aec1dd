"""Phones that get an LSC, fifty at once: client and server in a process each, over loopback.

The client is `secd.net.capf`: TLS with the certificate pinned, key, LSC checked, staged in memory
and put in force. The server certifies keys and keeps no store of devices. Compared with bare TLS
handshakes through the same stack in the same run, and with one `secd capf` process for each phone,
as many at once as there are cores.

RSA keys are compared by the clock: fifty LSCs, then fifty keys and nothing else through the same
threads, and so on by turns. How long a key takes is chance, one may cost ten times another. So the
figure is how much work on keys (CPU seconds in their threads) gets done in a second of the clock,
beside LSCs and alone; everything else, the server's process included, is charged to the LSCs. LSCs
against keys with that luck left in are told too, and the share of all CPU time that went into keys,
which neighbours on the machine disturb least.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import trio
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.capf_server import CAPF_PEM
from benchmarks.figure import Figure
from secd.capf import Applicant, KeyKind, PrivateKey, RSAKind
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
_RSA_ROUNDS = 15
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
        rounds = [_rsa_round(rsa_port, server) for _ in range(_RSA_ROUNDS)]
        keys = PooledKeys([_rsa_key() for _ in range(_AT_ONCE)])
        pooled = _rate(partial(_enrol, keys=keys), rsa_port, _AT_ONCE)
    lscs, alone = _Timed.of(lsc for lsc, _ in rounds), _Timed.of(key for _, key in rounds)
    shares = sorted(lsc.work / key.work for lsc, key in rounds)
    middle = median(shares)
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
            f"LSCs with RSA-2048 keys, {_AT_ONCE} phones at once, and making keys alone, by turns",
            f"{lscs.work / alone.work:.2f} x the work on keys done in the same time "
            f"({_RSA_ROUNDS} turns: {shares[0]:.2f} to {shares[-1]:.2f}, median {middle:.2f})",
            "at least 0.85",
            f"{lscs.rate:.1f} LSCs/s, {alone.rate:.1f} keys/s on {_CORES} cores; "
            f"{lscs.rate / alone.rate:.2f} with the keys' luck left in; "
            f"{lscs.share:.2f} of the CPU time; with a pool of ready keys {pooled:.0f} LSCs/s",
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


@dataclass(frozen=True, slots=True)
class _Timed:
    """Keys that were made.

    seconds -- by the clock. key_seconds -- of CPU, in the keys' threads. cpu_seconds -- of client
    and server.
    """

    keys: int
    seconds: float
    key_seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Keys a second."""
        return self.keys / self.seconds

    @property
    def work(self) -> float:
        """CPU seconds spent on keys in a second of the clock."""
        return self.key_seconds / self.seconds

    @property
    def share(self) -> float:
        """How much of the CPU time went into keys."""
        return self.key_seconds / self.cpu_seconds

    @classmethod
    def of(cls, parts: Iterable["_Timed"]) -> "_Timed":
        """Return several together."""
        every = list(parts)
        return cls(
            sum(part.keys for part in every),
            sum(part.seconds for part in every),
            sum(part.key_seconds for part in every),
            sum(part.cpu_seconds for part in every),
        )


def _rsa_round(port: int, server: int) -> tuple[_Timed, _Timed]:
    """Return LSCs and then keys alone, as many of each. server -- its process."""

    async def key_alone(keys: KeySource, _: int, __: int) -> None:
        await keys.make(RSAKind(2048))

    def measured(phone: Callable[[KeySource], Phone]) -> _Timed:
        timed = _TimedKeys()
        begun = time.process_time() + _cpu_seconds(server)
        rate = _rate(phone(timed), port, _AT_ONCE)
        spent = time.process_time() + _cpu_seconds(server) - begun
        return _Timed(_AT_ONCE, _AT_ONCE / rate, timed.seconds, spent)

    return (
        measured(lambda keys: partial(_enrol, keys=keys)),
        measured(lambda keys: partial(key_alone, keys)),
    )


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
