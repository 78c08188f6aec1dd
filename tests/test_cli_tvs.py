"""`secd tvs`, as people and scripts use it, against the lab's server and against strangers."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from click.testing import CliRunner, Result
from support import VECTORS
from tls_support import identity
from tvs_client_support import ANSWER, ANY, Says, settings

from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tls import TLSServerSettings, serve_tls
from firmware_sim.net.tvs_server import TVSSource, serve_tvs
from secd.cli import commands
from secd.errors import UnusableInput
from secd.net.network import Address
from secd.net.tls_stream import TLSStream
from secd.tvs import DENIAL, VerifyCertificate

CERTIFICATES = VECTORS / "certs"
TVS, ASKED, OTHER = (str(CERTIFICATES / f"{name}.pem") for name in ("tvs", "ccm", "outsider"))


async def say_nothing_and_go(stream: TLSStream, _: Address) -> None:
    """A server that takes the question and hangs up."""
    await stream.receive_some()


@contextmanager
def server(what: TVSSource | None, how: TLSServerSettings | None = None) -> Iterator[str]:
    """Serve in a thread, as the command runs a trio of its own; yields HOST:PORT."""
    ready, ports = threading.Event(), list[int]()
    stop, token = list[trio.CancelScope](), list[trio.lowlevel.TrioToken]()
    tls = how or settings()

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            stop.append(nursery.cancel_scope)
            token.append(trio.lowlevel.current_trio_token())
            network = KernelTCPServerNetwork()
            if what is None:
                address = await nursery.start(serve_tls, network, ANY, tls, say_nothing_and_go)
            else:
                address = await nursery.start(serve_tvs, network, ANY, tls, what, lambda _: None)
            ports.append(address[1])
            ready.set()

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    try:
        assert ready.wait(10)
        yield f"127.0.0.1:{ports[0]}"
    finally:
        token[0].run_sync_soon(stop[0].cancel)
        thread.join()


def tvs(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["tvs", *arguments])


def test_vouched_for() -> None:
    says = Says()
    with server(says) as address:
        text = tvs(address, ASKED, "--tvs-certificate", TVS)
        machine = tvs(address, ASKED, "--tvs-certificate", TVS, "--json")
    assert (text.exit_code, text.output) == (0, "vouched for as SAST, TFTP, for 86400 s\n")
    assert machine.exit_code == 0
    assert json.loads(machine.output) == {
        "outcome": "vouched",
        "status": 0,
        "functions": [0, 3],
        "lifetime_seconds": 86400,
    }
    assert says.asked == [VerifyCertificate(identity("ccm").chain[0])] * 2


def test_not_vouched_for() -> None:
    with server(Says(DENIAL)) as address:
        text = tvs(address, OTHER, "--tvs-certificate", TVS)
        machine = tvs(address, OTHER, "--tvs-certificate", TVS, "--json")
    assert (text.exit_code, text.output) == (1, "not vouched for (status 1)\n")
    assert machine.exit_code == 1
    assert json.loads(machine.output)["outcome"] == "denied"


@pytest.mark.parametrize("model", ["7961", "8861"])
def test_each_model_asks_over_its_tls(model: str) -> None:
    with server(Says(ANSWER)) as address:
        result = tvs(address, ASKED, "--tvs-certificate", TVS, "--model", model)
    assert result.exit_code == 0, result.output


def test_another_tvs_than_the_pinned_one() -> None:
    with server(Says(ANSWER), settings(identity("outsider"))) as address:
        text = tvs(address, ASKED, "--tvs-certificate", TVS)
        machine = tvs(address, ASKED, "--tvs-certificate", TVS, "--json")
    assert (text.exit_code, machine.exit_code) == (3, 3)
    assert "refused" in text.output
    assert "another certificate than the one named" in text.output
    assert json.loads(machine.output)["outcome"] == "unreachable"


def test_a_server_that_hangs_up() -> None:
    with server(None) as address:
        result = tvs(address, ASKED, "--tvs-certificate", TVS)
    assert result.exit_code == 3
    assert result.output == "TVS closed the connection without an answer\n"


def test_nobody_listens() -> None:
    with socket.socket() as bound:  # and not listening, so that nobody else can
        bound.bind(ANY)
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        result = tvs(address, ASKED, "--tvs-certificate", TVS, "--json")
    assert result.exit_code == 3
    assert json.loads(result.output)["outcome"] == "unreachable"
    assert "nobody listens" in json.loads(result.output)["detail"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("127.0.0.1", str(CERTIFICATES), "--tvs-certificate", TVS),
        ("127.0.0.1", str(VECTORS / "README.md"), "--tvs-certificate", TVS),
        ("127.0.0.1", ASKED, "--tvs-certificate", str(VECTORS / "README.md")),
        ("127.0.0.1:99999", ASKED, "--tvs-certificate", TVS),
        ("127.0.0.1", ASKED, "--tvs-certificate", TVS, "--model", "7999"),
    ],
    ids=["no file", "no certificate", "no pin", "no port", "no model"],
)
def test_unusable_input(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UnusableInput):
        CliRunner().invoke(commands, ["tvs", *arguments], catch_exceptions=False)


def test_the_pin_must_be_given() -> None:
    assert tvs("127.0.0.1", ASKED).exit_code == 2
