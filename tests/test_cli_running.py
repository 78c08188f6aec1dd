"""The commands as processes: ports in use, Ctrl-C, full disks, foreign directories; exit codes."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VECTORS = Path(__file__).parent / "vectors"
CTL, ITL = str(VECTORS / "CTL-sast2-signs.tlv"), str(VECTORS / "ITL-sha1.tlv")
SECD = [sys.executable, "-c", "from secd.cli import main; main()"]
FIRMWARE_SIM = [sys.executable, "-c", "from firmware_sim.cli import main; main()"]
BOOT = ("boot", "SEP0011215A1AE3", "--model", "7961", "--state", "never-made")


def lab_command(folder: Path, port: int = 0) -> list[str]:
    free = ["--http-port", "0", "--tvs-port", "0", "--capf-port", "0"]
    return [*FIRMWARE_SIM, "lab", "--dir", str(folder), "--tftp-port", str(port), *free]


@contextmanager
def running_lab(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A lab that serves, and its TFTP port."""
    with subprocess.Popen(lab_command(folder), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith("serving "))
            yield process, int(line.split("TFTP on UDP ")[1].split(",")[0])
        finally:
            process.kill()


def refused(command: list[str]) -> str:
    """Run a command that must say in one line what cannot be used."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_lab_ends_with_ctrl_c_and_is_taken_up_again(tmp_path: Path) -> None:
    for _ in range(2):
        with running_lab(tmp_path) as (process, _port):
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert process.stdout is not None
            assert process.stdout.read().endswith("stopped\n")


def test_a_lab_takes_no_port_that_is_taken_and_no_directory_that_is_in_use(tmp_path: Path) -> None:
    with running_lab(tmp_path / "one") as (_, port):
        error = refused(lab_command(tmp_path / "two", port))
        assert f"port {port}: Address already in use" in error
        assert "another lab is running there" in refused(lab_command(tmp_path / "one"))


def test_a_lab_does_not_write_over_what_is_no_lab(tmp_path: Path) -> None:
    (tmp_path / "tftp").mkdir()
    (tmp_path / "tftp" / "CTLFile.tlv").write_bytes(b"mine")
    assert "holds 'tftp' and no cluster.toml" in refused(lab_command(tmp_path))
    assert (tmp_path / "tftp" / "CTLFile.tlv").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify",), "Missing argument 'FILE'"),
        (("verify", CTL, "--modle", "7961"), "No such option"),
        (("verify", CTL, "--ctl", ITL), "is no CTL: its header names 'ITL"),
        (("verify", ITL, "--itl", CTL), "is no ITL: its header names 'CTL"),
        ((*BOOT, "--tftp", ""), "names no host"),
        ((*BOOT, "--tftp", "127.0.0.1:1", "--tftp", "127.0.0.1:2"), "two ports"),
        ((*BOOT, *("--tftp", "127.0.0.1") * 3), "a phone knows two servers"),
    ],
)
def test_what_cannot_be_used_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    assert message in refused([*SECD, *arguments])


@pytest.mark.parametrize("command", [SECD, FIRMWARE_SIM])
def test_without_arguments_there_is_help(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")


def test_a_full_disk_is_not_a_refusal() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*SECD, "show", CTL], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "secd: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("command", [[*SECD, "show", CTL], [*FIRMWARE_SIM, "demo"]])
def test_a_reader_that_goes_away_is_not_a_refusal(command: list[str]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 141


def test_ctrl_c_is_not_a_refusal(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        command = [*SECD, *BOOT[:-1], str(tmp_path / "phone"), "--tftp"]
        command.append(f"127.0.0.1:{deaf.getsockname()[1]}")
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            deaf.recv(2048)  # it has asked and waits now
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
