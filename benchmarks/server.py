"""A TFTP server in a process of its own, so that the phones' CPU time is theirs alone."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import sys, trio
from pathlib import Path
from firmware_sim.net.kernel import KernelServerNetwork
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.tree import Tree

async def main():
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            serve_tftp, KernelServerNetwork(), ("127.0.0.1", 0), Tree(Path(sys.argv[1])),
            lambda event: None)
        print(address[1], flush=True)

trio.run(main)
"""


@contextmanager
def tftp_server(folder: Path) -> Iterator[int]:
    """Serve a folder on loopback; yields the port, and ends the server afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server's output is a pipe")
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
