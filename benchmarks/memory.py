"""Memory of a phone that waits for a TFTP server that never answers."""

import resource
import socket
from functools import partial
from pathlib import Path

import trio

from benchmarks.figure import Figure
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.net.clock import TrioClock
from secd.net.emulator import EmulatedPhone
from secd.net.kernel import KernelNetwork
from secd.net.network import AddressBook
from secd.net.phone import Surroundings
from secd.trace import Traced

_PHONES = 2_000
_WARM = 50
_SETTLE_SECONDS = 0.3  # for all sockets to have sent their request; shorter than any timeout


def figures() -> list[Figure]:
    """Measure and return the octets of resident memory that one waiting phone costs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _PHONES * 2 + 200), hard))
    try:
        each = trio.run(_measure)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return [
        Figure(
            f"Memory of a waiting phone ({_PHONES} at once, sockets of the kernel)",
            f"{each / 1024:.1f} KB",
            "at most 16 KB",
            "resident memory of the process, kernel buffers not counted",
        )
    ]


async def _measure() -> float:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    try:
        async with trio.open_nursery() as nursery:
            start = partial(_start, nursery, silent.getsockname()[1])
            await start(_WARM)
            before = _resident_bytes()
            await start(_PHONES)
            after = _resident_bytes()
            nursery.cancel_scope.cancel()
    finally:
        silent.close()
    return (after - before) / _PHONES


async def _start(nursery: trio.Nursery, port: int, phones: int) -> None:
    model = model_catalogue().find("7961")
    book = AddressBook({("14.48.44.80", 69): ("127.0.0.1", port)})
    surroundings = Surroundings(KernelNetwork(), TrioClock(), book)
    for number in range(phones):
        device = f"SEP{number:012X}"
        store = PhoneStore(MemoryFlash(), device, model)
        phone = EmulatedPhone(device, model, store, ("14.48.44.80",))
        nursery.start_soon(phone.boot, surroundings, _ignore)
    await trio.sleep(_SETTLE_SECONDS)


def _ignore(_: Traced, __: tuple[str, ...]) -> None:
    pass


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
