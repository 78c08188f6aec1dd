"""`secd capf`, as people and scripts use it, against a small server on loopback."""

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from capf_support import DEVICE, STRING, Job, holder, serving
from capf_vectors import FOLDER, certificate
from click.testing import CliRunner, Result
from tls_support import identity

from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tls import Handler
from secd.capf import CAPFServerSession, Curve, ECKind, Identity, Message, RSAKind
from secd.cli import commands
from secd.errors import UnusableInput
from secd.files.identity import identity_to_pem, load_identity_untrusted
from secd.net.network import Address
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream

CAPF_CERTIFICATE = str(FOLDER / "keys" / "capf.pem")
MIC = str(FOLDER / "keys" / "mic.pem")


@contextmanager
def server(what: Job | Handler, shown: TLSIdentity | None = None) -> Iterator[str]:
    """Serve in a thread, as the command runs a trio of its own; yields HOST:PORT."""
    ready, ports = threading.Event(), []
    stop: list[trio.CancelScope] = []
    token: list[trio.lowlevel.TrioToken] = []

    async def run() -> None:
        with trio.CancelScope() as scope:
            stop.append(scope)
            token.append(trio.lowlevel.current_trio_token())
            async with serving(
                KernelTCPServerNetwork(), ("127.0.0.1", 0), what, shown
            ) as listening:
                ports.append(listening.address[1])
                ready.set()
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    try:
        assert ready.wait(10)
        yield f"127.0.0.1:{ports[0]}"
    finally:
        token[0].run_sync_soon(stop[0].cancel)
        thread.join()


def capf(address: str, state: Path, *options: str, typed: str = "") -> Result:
    fixed = ("--capf-certificate", CAPF_CERTIFICATE, "--state", str(state))
    return CliRunner().invoke(commands, ["capf", address, DEVICE, *fixed, *options], typed)


def unwrapped(output: str) -> str:
    return " ".join(output.split())


def keep(state: Path, name: str, held: Identity) -> None:
    state.mkdir(exist_ok=True)
    (state / name).write_bytes(identity_to_pem(held))


def test_an_lsc_is_installed_and_renewed(tmp_path: Path) -> None:
    state = tmp_path / "phone"
    kept = []
    for kind in (RSAKind(2048), ECKind(Curve.P256)):
        with server(Job(kind=kind)) as address:
            result = capf(address, state)
        assert result.exit_code == 0, result.output
        assert result.output.startswith(f"LSC installed in {state / 'lsc.pem'}\n  CN={DEVICE}, ")
        assert f"{kind}, serial C0FFEE, issued by CN=CAPF;OU=CAPF;O=Lab" in result.output
        path = state / "lsc.pem"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        kept.append(load_identity_untrusted(path.read_bytes(), "it").certificate)
        assert [file.name for file in state.iterdir()] == ["lsc.pem"]
    assert kept[0] != kept[1]


@pytest.mark.parametrize(("typed", "code"), [(STRING, 0), ("271828", 1)])
def test_by_authentication_string(typed: str, code: int, tmp_path: Path) -> None:
    job = Job(string=STRING.encode())
    with server(job) as address:
        result = capf(address, tmp_path, "--string-prompt", "--trace", typed=f"{typed}\n")
    assert result.exit_code == code
    assert typed not in result.output
    assert "Password : (not shown)" in result.output
    assert (tmp_path / "lsc.pem").exists() is (code == 0)
    if code:
        assert "REFUSED: by the server: reason 7: wrong authentication string" in unwrapped(
            result.output
        )


@pytest.mark.parametrize("typed", ["", "\n", "1" * 65, "12\x0034", "zwölf"])
def test_what_cannot_be_a_string_is_not_sent(typed: str, tmp_path: Path) -> None:
    result = capf("127.0.0.1:1", tmp_path, "--string-prompt", typed=typed)
    assert isinstance(result.exception, UnusableInput)
    assert "an authentication string has" in str(result.exception)


def test_by_existing_certificate(tmp_path: Path) -> None:
    lsc = holder(ECKind(Curve.P384))
    state = tmp_path / "phone"
    keep(state, "lsc.pem", lsc)
    mic = ("--mic", MIC)
    for shown, options in (
        (lsc.certificate, ("--prove", "lsc")),
        (lsc.certificate, ("--prove", "mic")),  # there is no MIC
        (certificate("mic"), ("--prove", "mic", *mic)),
        (lsc.certificate, ("--prove", "lsc", *mic)),
    ):
        job = Job("nothing", certificate=shown, sudi="--mic" in options)
        with server(job) as address:
            result = capf(address, state, *options)
        assert (result.exit_code, job.claims[0].certificate) == (0, shown)
        assert result.output == f"nothing is scheduled for {DEVICE}\n"
    with server(Job(certificate=lsc.certificate)) as address:
        assert capf(address, state).exit_code == 1


def test_a_mic_in_the_flash_is_the_mic(tmp_path: Path) -> None:
    state = tmp_path / "phone"
    keep(state, "mic.pem", load_identity_untrusted(Path(MIC).read_bytes(), "it"))
    job = Job("fetch", certificate=certificate("mic"), also_mic=True)
    with server(job) as address:
        result = capf(address, state, "--prove", "lsc")  # there is no LSC
    assert result.output == "asked for certificates; the phone has MIC\n"
    assert (result.exit_code, job.shown) == (0, [None, certificate("mic")])


def test_an_lsc_is_shown_and_deleted(tmp_path: Path) -> None:
    lsc = holder(ECKind(Curve.P256))
    state = tmp_path / "phone"
    keep(state, "lsc.pem", lsc)
    job = Job("fetch")
    with server(job) as address:
        assert capf(address, state).output == "asked for certificates; the phone has LSC\n"
    assert job.shown == [lsc.certificate]
    with server(Job("delete")) as address:
        assert capf(address, state).output == f"LSC deleted from {state / 'lsc.pem'}\n"
        assert list(state.iterdir()) == []
        again = capf(address, state)  # the server says 7, having heard that there is none
    assert again.exit_code == 1
    with server(Job("fetch")) as address:
        assert capf(address, state).output == "asked for certificates; the phone has none\n"


async def deleting_as_capfd(stream: TLSStream, _: Address) -> None:
    """capfd says success whatever the phone says."""
    session = CAPFServerSession(1)
    await stream.send_all(session.start().encode())
    for message in (Message(13, 1), Message(15, 1, ((1, b"\1"),))):
        await stream.receive_some()
        await stream.send_all(message.encode())


def test_there_was_nothing_to_delete(tmp_path: Path) -> None:
    with server(deleting_as_capfd) as address:
        result = capf(address, tmp_path)
    assert (result.exit_code, result.output) == (0, "there was no LSC to delete\n")


def ending(*elements: tuple[int, bytes], kind: int = 15) -> Handler:
    async def end(stream: TLSStream, _: Address) -> None:
        await stream.send_all(Message(kind, 1, elements).encode())

    return end


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (
            ending((1, b"\x09")),
            "by the server: reason 9: CAPF does not know the device. What to do: ",
        ),
        (ending((1, b"\x2a")), "by the server: reason 42: its meaning is not known"),
        (ending(kind=16), "by the server: RETRY_LATER: it is busy"),
    ],
)
def test_a_refusal_says_its_number_and_what_it_means(
    handler: Handler, text: str, tmp_path: Path
) -> None:
    with server(handler) as address:
        result = capf(address, tmp_path)
    assert result.exit_code == 1
    assert f"REFUSED: {text}" in unwrapped(result.output)
    assert max(map(len, result.output.splitlines())) <= 80


def test_a_key_that_is_too_small_is_refused_by_the_phone(tmp_path: Path) -> None:
    with server(Job(kind=RSAKind(512))) as address:
        result = capf(address, tmp_path)
    assert result.exit_code == 1
    refused = "REFUSED: by the phone: no key can be made as asked: key type 0, key size 512"
    assert refused in unwrapped(result.output)
    assert "(the server ended with reason 7)" in unwrapped(result.output)


def test_a_server_that_says_success_to_a_refusal(tmp_path: Path) -> None:
    async def praise(stream: TLSStream, _: Address) -> None:
        await stream.send_all(CAPFServerSession(1).start().encode())
        for message in (Message(3, 1), Message(15, 1, ((1, b"\1"),))):
            await stream.receive_some()
            await stream.send_all(message.encode())

    with server(praise) as address:
        result = capf(address, tmp_path)
    assert result.exit_code == 1
    assert "made as asked: nothing (the server ended with success)" in unwrapped(result.output)


def test_another_server_and_none_are_unreachable(tmp_path: Path) -> None:
    with server(Job(), identity("outsider")) as address:
        other = capf(address, tmp_path)
    assert other.exit_code == 3
    assert "PEER_NOT_LISTED (alert 48 sent); nothing has changed" in unwrapped(other.output)
    none = capf(address, tmp_path, "--json")
    assert none.exit_code == 3
    assert json.loads(none.output)["outcome"] == "unreachable"


def test_everything_as_json(tmp_path: Path) -> None:
    with server(Job(string=STRING.encode())) as address:
        result = capf(
            address, tmp_path, "--string-prompt", "--json", "--trace", typed=f"{STRING}\n"
        )
    *messages, outcome = [json.loads(line) for line in result.output.splitlines()]
    assert [one["message"]["name"] for one in messages] == [
        *("AUTH_REQ", "AUTH_RES", "KEY_GEN_REQ", "REQ_IN_PROGRESS", "KEY_GEN_RES"),
        *("STORE_CERT_REQ", "STORE_CERT_RES", "END_SESSION"),
    ]
    said = {element["label"]: element for element in messages[1]["message"]["elements"]}
    assert (messages[1]["message"]["from"], said["Password"]["octets"]) == ("phone", None)
    assert said["DeviceName"]["octets"] == DEVICE.encode().hex() + "00"
    assert STRING.encode().hex() not in result.output
    assert (outcome["outcome"], outcome["exit_code"], outcome["reason"]) == ("installed", 0, 1)
    assert (outcome["operation"], outcome["lsc"].startswith(f"CN={DEVICE}")) == ("install", True)


UNUSABLE: list[tuple[list[str], str]] = [
    (["--prove", "lsc"], "holds neither lsc.pem nor mic.pem"),
    (["--prove", "lsc", "--string-prompt"], "two ways to prove one thing"),
    (["--mic", "nowhere.pem"], "No such file"),
    (["--mic", str(FOLDER / "keys" / "manufacturing-ca.pem")], "holds no certificate together"),
]


@pytest.mark.parametrize(("options", "text"), UNUSABLE)
def test_what_cannot_be_used_is_said_before_anybody_is_asked(
    options: list[str], text: str, tmp_path: Path
) -> None:
    result = capf("127.0.0.1:1", tmp_path, *options)
    assert isinstance(result.exception, UnusableInput)
    assert text in str(result.exception)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:65536", ":3804"])
def test_what_is_no_address(address: str, tmp_path: Path) -> None:
    assert isinstance(capf(address, tmp_path).exception, UnusableInput)


def test_an_lsc_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "lsc.pem").write_text("damaged")
    job = Job()
    with server(job) as address:
        result = capf(address, tmp_path)
    assert isinstance(result.exception, UnusableInput)
    assert (job.claims, (tmp_path / "lsc.pem").read_text()) == ([], "damaged")
