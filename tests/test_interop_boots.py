"""Whole boots against TFTP servers written by others, serving files made by others (certutils).

`secd boot` is run as a user runs it; the servers are Debian's dnsmasq and atftpd.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from secd.cli import commands

VECTORS = Path(__file__).parent / "vectors"
DEVICE = "SEP0011215A1AE3"
LOGICAL = "14.48.44.80"
# dnsmasq serves TFTP on port 69 only: an address of its own on loopback keeps it out of the way.
DNSMASQ_ADDRESS = "127.69.0.1"

pytestmark = pytest.mark.interop


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A TFTP folder as an administrator would fill it."""
    folder = tmp_path / "tftp"
    folder.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    shutil.copy(VECTORS / "CTL-sast2-signs.tlv", folder / f"CTL{DEVICE}.tlv")
    shutil.copy(VECTORS / "ITL-sha1.tlv", folder / "ITLFile.tlv")
    name = f"{DEVICE}.cnf.xml.sgn"
    shutil.copy(VECTORS / "sha1" / name, folder / name)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


@pytest.fixture(params=["dnsmasq", "atftpd"])
def server(request: pytest.FixtureRequest, tree: Path) -> Iterator[tuple[str, Path]]:
    """Where the server listens, and its folder."""
    start = _dnsmasq if request.param == "dnsmasq" else _atftpd
    with start(tree) as address:
        yield address, tree


def test_a_7961_boots(server: tuple[str, Path], tmp_path: Path) -> None:
    address, _ = server
    result = boot("7961", address, tmp_path)
    assert result.exit_code == 0, result.output
    lines = [line.split(" ", 3)[3] for line in result.output.splitlines() if " NOT " in line]
    assert lines[:4] == [
        f"SECD: tlRequestFile: Request CTL{DEVICE}.tlv",
        f"TFTP: [27]:Requesting CTL{DEVICE}.tlv from {LOGICAL}",
        "TFTP: [27]:Finished --> rcvd 6504 bytes",
        "SECD: validate_file_envelope: File sign verify SUCCESS; header length <388>",
    ]
    assert "CTL and ITL installed" in result.output
    flash = tmp_path / "phone"
    assert (flash / "CTLFile.tlv").read_bytes() == (VECTORS / "CTL-sast2-signs.tlv").read_bytes()
    assert (flash / "ITLFile.tlv").read_bytes() == (VECTORS / "ITL-sha1.tlv").read_bytes()
    assert (flash / f"{DEVICE}.cnf.xml").read_bytes() == (
        VECTORS / f"{DEVICE}.cnf.xml"
    ).read_bytes()


def test_a_list_by_an_outsider_is_refused_and_the_old_one_kept(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    address, tree = server
    assert boot("7940", address, tmp_path).exit_code == 3  # certutils' CTL names no address
    assert boot("7965", address, tmp_path, state="other").exit_code == 0
    shutil.copy(VECTORS / "CTL-outsider.tlv", tree / f"CTL{DEVICE}.tlv")
    result = boot("7965", address, tmp_path, state="other")
    assert result.exit_code == 1, result.output
    assert "Trust List Update Failed" in result.output
    kept = (tmp_path / "other" / "CTLFile.tlv").read_bytes()
    assert kept == (VECTORS / "CTL-sast2-signs.tlv").read_bytes()


def test_a_site_without_ctl(server: tuple[str, Path], tmp_path: Path) -> None:
    address, tree = server
    (tree / f"CTL{DEVICE}.tlv").unlink()
    result = boot("9971", address, tmp_path)
    assert result.exit_code == 0, result.output
    assert "File Not Found <CTLFile.tlv>" in result.output
    assert "ITL installed" in result.output


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration names a CAPF server that is not there: three tries, 30 s apart."""
    monkeypatch.setattr("secd.boot.enrol.PAUSE_SECONDS", 0.01)


def boot(model: str, address: str, folder: Path, state: str = "phone") -> Result:
    """Boot a phone that has an LSC: its configuration is secure, By Authentication String."""
    flash = folder / state
    flash.mkdir(exist_ok=True)
    shutil.copy(VECTORS / "certs" / "mic.pem", flash / "lsc.pem")
    arguments = ["boot", DEVICE, "--model", model, "--tftp", LOGICAL]
    mapping = ["--map", f"{LOGICAL}={address}", "--state", str(folder / state)]
    return CliRunner().invoke(commands, [*arguments, *mapping], catch_exceptions=False)


@contextmanager
def _dnsmasq(folder: Path) -> Iterator[str]:
    program = _program("dnsmasq")
    if os.geteuid() != 0:
        pytest.skip("dnsmasq serves TFTP on port 69 only, which needs root")
    options = [f"--listen-address={DNSMASQ_ADDRESS}", "--bind-interfaces", "--port=0"]
    tftp = ["--enable-tftp", f"--tftp-root={folder}", "--no-daemon", "--conf-file=/dev/null"]
    with _running([program, *options, *tftp, "--user=root"], (DNSMASQ_ADDRESS, 69)):
        yield f"{DNSMASQ_ADDRESS}:69"


@contextmanager
def _atftpd(folder: Path) -> Iterator[str]:
    program = _program("atftpd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--daemon", "--no-fork", "--bind-address", "127.0.0.1", "--port", str(port)]
    user = ["--user", "root.root"] if os.geteuid() == 0 else []
    with _running([program, *options, *user, str(folder)], ("127.0.0.1", port)):
        yield f"127.0.0.1:{port}"


@contextmanager
def _running(command: list[str], address: tuple[str, int]) -> Iterator[None]:
    """Run a server; ready means that it answers a request for a file that does not exist."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_answer(process, address)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for_answer(process: subprocess.Popen[bytes], address: tuple[str, int]) -> None:
    deadline = time.monotonic() + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        while time.monotonic() < deadline:
            assert process.poll() is None, "the server ended"
            probe.sendto(b"\0\1no-such-file\0octet\0", address)
            try:
                probe.recv(600)
            except TimeoutError:
                continue
            return
    pytest.fail("the server never answered")


def _program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed; `make test-interop` installs it")
    return path
