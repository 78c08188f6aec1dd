"""`secd tvs`: ask any TVS server about a certificate, as a phone would."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secd.cli.addresses import parse_server
from secd.cli.inputs import read_certificate
from secd.cli.wording import function_text
from secd.files.data import model_catalogue
from secd.models import Model
from secd.trace import TraceEvent
from secd.trust import decide_pinned
from secd.tvs import FOUND, TVSAnswer, VerifyCertificate, wire_name

if TYPE_CHECKING:
    from secd.net.tls_stream import Verify

_VOUCHED, _NOT, _UNREACHABLE = 0, 1, 3
_PORT = 2445
_DEVICE = "SEP000000000000"


@click.command()
@click.argument("server", metavar="HOST[:PORT]")
@click.argument("certificate", metavar="CERT", type=click.Path(path_type=Path))
@click.option(
    "--tvs-certificate",
    required=True,
    type=click.Path(path_type=Path),
    help="The server's own certificate (PEM or DER), as the ITL holds it.",
)
@click.option("--model", default="8861", show_default=True, help="Ask as this phone model.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def tvs(server: str, certificate: Path, tvs_certificate: Path, model: str, as_json: bool) -> None:
    """Ask a TVS server what a certificate may do.

    CERT is a file, PEM or DER. The server is known by its exact certificate; another one is
    refused inside the handshake. The model decides which TLS is offered: a 79xx speaks TLS 1.0.

    \b
      secd tvs 10.1.1.5 CallManager.pem --tvs-certificate TVS.pem

    Exit codes: 0 vouched for, 1 not, 2 unusable input, 3 unreachable.
    """
    import trio

    from secd.net.tvs import TVSFailed

    host, port = parse_server(server, _PORT)
    asked, pinned = read_certificate(certificate), read_certificate(tvs_certificate)
    found = model_catalogue().find(model)
    try:
        answer = trio.run(_ask, host, port, asked, partial(decide_pinned, pinned=pinned), found)
    except TVSFailed as error:
        _tell(as_json, {"outcome": "unreachable", "detail": str(error)}, str(error))
        sys.exit(_UNREACHABLE)
    _tell_answer(as_json, answer)
    sys.exit(_VOUCHED if answer.status == FOUND else _NOT)


async def _ask(host: str, port: int, asked: bytes, verify: "Verify", model: Model) -> TVSAnswer:
    from secd.net.clock import TrioClock
    from secd.net.kernel import KernelNetwork
    from secd.net.network import AddressBook
    from secd.net.tvs import TVSClient

    client = TVSClient(
        KernelNetwork(),
        TrioClock(),
        AddressBook(),
        model.tls,
        verify,
        wire_name(model.name, _DEVICE),
        _ignore,
    )
    return await client.ask(host, port, VerifyCertificate(asked))


def _ignore(_: TraceEvent) -> None:
    """The answer says it all."""


def _tell_answer(as_json: bool, answer: TVSAnswer) -> None:
    functions = sorted(answer.functions)
    vouched = answer.status == FOUND
    names = ", ".join(function_text(function) for function in functions) or "none"
    text = f"vouched for as {names}, for {answer.lifetime_seconds} s"
    machine: dict[str, object] = {
        "outcome": "vouched" if vouched else "denied",
        "status": answer.status,
        "functions": functions,
        "lifetime_seconds": answer.lifetime_seconds,
    }
    _tell(as_json, machine, text if vouched else f"not vouched for (status {answer.status})")


def _tell(as_json: bool, machine: dict[str, object], text: str) -> None:
    click.echo(json.dumps(machine) if as_json else text)
