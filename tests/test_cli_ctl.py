"""`firmware-sim ctl client` against a lab, and phones that boot afterwards: over real sockets."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result
from ctl_support import PASSWORD, PIN, USER, content, facts, held, make_site, signed
from test_cli_running import FIRMWARE_SIM
from token_support import issued, new_token

from firmware_sim.administration.directory import drafting, read_cluster
from firmware_sim.cli import commands
from firmware_sim.cluster import CertificateMaker, ManufacturingCA, PooledKeys, SoftToken
from firmware_sim.ctl_client.plan import Action, plan
from firmware_sim.net.ctl_client import CTLClient, WriteOutcome
from firmware_sim.tokens import create_file_token
from secd.cli import commands as secd_commands
from secd.errors import UnusableInput
from secd.trustlist import decode_trust_list_untrusted

DEVICE = "SEP0011215A1AE3"
LOST, LEFT, NEW = "ADN0000aaa1", "ADN0000aaa2", "ADN0000aaa3"
GOOD = ("y", PASSWORD, PIN)


@dataclass
class Lab:
    """A lab that runs on a cluster directory, and tokens in files."""

    site: Path
    tokens: Path
    phone_maps: list[str]
    client_maps: list[str]
    provider: str
    made: dict[str, SoftToken]

    def client(
        self,
        action: str,
        *names: str,
        typed: tuple[str, ...] = GOOD,
        options: tuple[str, ...] = (),
        maps: list[str] | None = None,
    ) -> Result:
        files = [word for name in names for word in ("--token", str(self.tokens / name) + ".token")]
        found = self.client_maps if maps is None else maps
        return CliRunner().invoke(
            commands,
            ["ctl", "client", action, "--provider", self.provider, *files, *found, *options],
            input="".join(f"{line}\n" for line in typed),
        )

    def restart(self) -> None:
        for name in ("cucm-0", "cucm-1"):
            words = ["utils", "service", "restart", "--dir", str(self.site), "--node", name]
            assert CliRunner().invoke(commands, [*words, "Cisco", "Tftp"]).exit_code == 0

    def boot(self, flash: Path) -> bytes:
        """Boot a 7961 that can ask no TVS; return the CTL that it holds then."""
        maps = [word for word in self.phone_maps if ":2445=" not in word]
        options = [word for one in maps for word in ("--map", one)]
        words = ["boot", DEVICE, "--model", "7961", "--tftp", "10.0.0.0", "--state", str(flash)]
        done = CliRunner().invoke(secd_commands, [*words, *options])
        assert done.exit_code in (0, 1), done.output
        return (flash / "CTLFile.tlv").read_bytes()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("ctl")
    site, tokens = make_site(folder / "site"), folder / "tokens"
    tokens.mkdir()
    authority = ManufacturingCA.create(
        CertificateMaker(PooledKeys(30), Random(3), int(time.time()) - 3600, bits=1024)
    )
    made = {name: authority.issue_token(name) for name in (LOST, LEFT, NEW)}
    for name, token in made.items():
        path, own = tokens / f"{name}.token", token.credential
        create_file_token(path, own.certificate, own.key, PIN, iterations=1)
    new_token(tokens)
    with running(site) as lines:
        block = "\n".join(lines)
        boot, client = block.split("make its CTL file with tokens:")
        provider = re.search(r"--provider (\S+)", client)
        assert provider is not None
        maps = [word for one in re.findall(r"--map (\S+)", client) for word in ("--map", one)]
        phone_maps = re.findall(r"--map (\S+)", boot)
        yield Lab(site, tokens, phone_maps, maps, provider[1], made)


@contextmanager
def running(site: Path) -> Iterator[list[str]]:
    """Run a lab with CTL Providers on free ports; yield what it says at first."""
    ports = [f"--{name}-port=0" for name in ("tftp", "http", "tvs", "capf", "ctl-provider")]
    command = [*FIRMWARE_SIM, "lab", "--dir", str(site), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines: list[str] = []
            while not lines or "--token FILE" not in lines[-1]:
                line = process.stdout.readline()
                assert line, lines
                lines.append(line)
            yield lines
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert PASSWORD not in process.stdout.read()
        finally:
            process.kill()


def refused(result: Result, code: int, *said: str) -> None:
    """A run that wrote nothing, and said so."""
    assert result.exit_code == code, result.output
    for text in (*said, "nothing has been written to any node"):
        assert text in result.stderr
    assert PIN not in result.output
    assert PASSWORD not in result.output


def unusable(result: Result, *said: str) -> None:
    """A run that wrote nothing, because of what it was given."""
    assert isinstance(result.exception, UnusableInput), result.output
    for text in (*said, "nothing has been written to any node"):
        assert text in str(result.exception)


def test_refusals_write_nothing(lab: Lab) -> None:
    before = content(lab.site)
    both = (LOST, LEFT)
    refused(lab.client("update", *both), 1, "there is no CTL file to update")
    refused(lab.client("set-non-secure-mode", *both), 1, "is not in mixed mode")
    refused(lab.client("set-mixed-mode", LOST), 1, "at least two security tokens")
    refused(
        lab.client("set-mixed-mode", "ADN4e31f914", LEFT),
        1,
        "ADN4e31f914: its certificate has expired (2016-03-",
    )
    wrong = lab.client("set-mixed-mode", *both, typed=("y", "guess"))
    refused(wrong, 1, "administrator name or password is wrong")
    for answer in (("n",), ()):
        refused(lab.client("set-mixed-mode", *both, typed=answer), 1, "nothing was sent to it")
    unusable(lab.client("set-mixed-mode", *both, typed=("y",)), "none was given")
    elsewhere = lab.client("set-mixed-mode", *both, maps=["--map", "cucm-1=127.0.0.1:1"])
    refused(elsewhere, 3, "cucm-1: --map has no entry for port")
    unusable(lab.client("set-mixed-mode", *both, typed=GOOD[:2]), "no PIN was given")
    nobody = lab.client("set-mixed-mode", *both, options=("--provider", "127.0.0.1:1"))
    refused(nobody, 3, "127.0.0.1: nobody listens on this port")
    assert {name: content(lab.site)[name] for name in before} == before
    assert held(lab.site) == [None, None]


def test_a_life_with_tokens_and_the_phones(lab: Lab, tmp_path: Path) -> None:
    flash = tmp_path / "phone"
    done = lab.client("set-mixed-mode", LOST, LEFT, typed=("y", PASSWORD, "wrong", PIN))
    assert done.exit_code == 0, done.output
    assert f"{LOST}: wrong PIN; only 14 more attempts" in done.stderr
    for text in (
        "cucm-1: CTL file checked and on the disk, not in use yet",
        "cucm-0: CTL file written",
        f"SAST       {LOST}, signs, valid to",
        "The cluster is in mixed mode now.",
        "utils service restart --dir DIR --node cucm-1 Cisco CallManager",
    ):
        assert text in done.stdout
    longest = max(len(line) for line in done.stdout.splitlines() if "(y/n)" not in line)
    assert longest <= 80
    first, second = held(lab.site)
    assert first == second is not None
    lab.restart()
    assert lab.boot(flash) == first
    strangers = lab.client("update", NEW)
    refused(strangers, 1, "The Security Token you have inserted does not exist in the CTL File")
    refused(strangers, 1, f"(the CTL file lists {LOST}, {LEFT})")

    done = lab.client("update", LEFT, NEW, options=("--remove", LOST))
    assert done.exit_code == 0, done.output
    assert f"SAST       {LOST}, removed, valid to" in done.stdout
    renewed, _ = held(lab.site)
    assert renewed is not None
    lab.restart()
    assert lab.boot(flash) == renewed
    listed = [one.certificate for one in decode_trust_list_untrusted(renewed).records[:2]]
    assert listed == [lab.made[name].credential.certificate for name in (LEFT, NEW)]

    strange = plan(
        facts(read_cluster(lab.site)),
        Action.MIXED,
        [issued(name).credential.certificate for name in ("ADN4e31f914", "ADN5bbd7b14")],
        (),
        1_310_000_000,
    )
    served = lab.site / "nodes/cucm-0/running/CTLFile.tlv"
    with drafting(lab.site) as draft:
        draft.write_ctl(signed(strange, "ADN4e31f914"))
    lab.restart()
    assert served.read_bytes() == signed(strange, "ADN4e31f914")
    assert lab.boot(flash) == renewed  # nobody that the phone trusts has signed the other one
    with drafting(lab.site) as draft:
        draft.write_ctl(renewed)

    done = lab.client("set-non-secure-mode", NEW)
    assert done.exit_code == 0, done.output
    assert "The cluster is in non-secure mode now." in done.stdout
    lab.restart()
    assert lab.boot(flash) == held(lab.site)[0] != renewed


def test_what_is_said_of_a_change_that_stops_half_way(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def half(*_: object) -> WriteOutcome:
        return WriteOutcome(("cucm-1",), (), ("cucm-0",), "cucm-0: Commit: gone")

    async def interrupted(*_: object) -> WriteOutcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(CTLClient, "write", half)
    result = lab.client("set-mixed-mode", LEFT, NEW)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-6:] == [
        "The change stopped half way: cucm-0: Commit: gone",
        "  has the new CTL file: cucm-1",
        "  has the former one:   -",
        "  does not answer:      cucm-0",
        "The cluster's mode is not known. Restart no service yet. Repeat this command when",
        "every node answers: it writes the CTL file to all, whichever they hold.",
    ]
    monkeypatch.setattr(CTLClient, "write", interrupted)
    assert "repeat this command" in lab.client("set-mixed-mode", LEFT, NEW).stderr


def test_a_token_that_dies_of_wrong_pins_writes_nothing(lab: Lab) -> None:
    before = held(lab.site)
    action = "set-mixed-mode"
    last = lab.client(action, LEFT, NEW, typed=("y", PASSWORD, "wrong", "wrong", "wrong"))
    refused(last, 1, "only 12 more attempts")
    for left in (9, 6, 3):
        again = lab.client(action, LEFT, NEW, typed=("y", PASSWORD, "wrong", "wrong", "wrong"))
        refused(again, 1, f"only {left} more attempts")
    dead = lab.client(action, LEFT, NEW, typed=("y", PASSWORD, "wrong", "wrong", "wrong", PIN))
    unusable(dead, f"{LEFT}: locked for ever")
    unusable(lab.client(action, LEFT, NEW), "use another token")
    assert held(lab.site) == before


def test_what_a_lab_wants_before_it_starts_a_provider(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    (site / "ctl-provider.secret").unlink()
    for directory, complaint in ((site, "set-password"), (tmp_path / "lab", "cluster directory")):
        words = ["lab", "--dir", str(directory), "--ctl-provider-port", "0"]
        done = CliRunner().invoke(commands, words)
        assert isinstance(done.exception, UnusableInput)
        assert complaint in str(done.exception)


def test_a_password_is_set_and_never_shown(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    words = ["ctl", "provider", "set-password", "--dir", str(site), "--user", "boss"]
    done = CliRunner().invoke(commands, words, input=f"{PASSWORD}\n")
    assert (done.exit_code, done.output) == (0, "boss may log in to the CTL Providers\n")
    assert PASSWORD.encode() not in (site / "ctl-provider.secret").read_bytes()
    empty = CliRunner().invoke(commands, words, input="\n")
    assert isinstance(empty.exception, UnusableInput)


def test_the_client_wants_tokens() -> None:
    words = ["ctl", "client", "update", "--provider", "127.0.0.1", "--user", USER]
    done = CliRunner().invoke(commands, words)
    assert done.exit_code == 2
    assert "name tokens: --token FILE" in done.output
