"""A run of the CTL Client at a terminal: ask, show, sign, write; the steps of the seed guide."""

import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from firmware_sim.cli.administration.common import is_yes
from firmware_sim.cli.pins import ask_password, ask_pin
from firmware_sim.cluster import ListedCertificate, listed_token
from firmware_sim.ctl_client.events import ClientEvent
from firmware_sim.ctl_client.facts import ClusterFacts
from firmware_sim.ctl_client.plan import Action, Plan, PlannedToken, Refusal, plan
from firmware_sim.ctl_client.texts import say, tell
from firmware_sim.ctl_provider.messages import TRANSACTION_BYTES
from firmware_sim.tokens import Attempts, Token, TokenState, WrongPIN, open_tokens
from secd.certs import facts_of_untrusted
from secd.cli.addresses import parse_server
from secd.errors import MalformedFile, UnusableInput
from secd.text import text_of

if TYPE_CHECKING:
    from firmware_sim.net.ctl_client import CTLClient, WriteOutcome
    from secd.net.network import AddressBook

_PORT = 2444
_DONE, _REFUSED, _UNREACHABLE = 0, 1, 3
_PIN_TRIES = 3
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the administrator typed. provider -- HOST[:PORT]. files, module -- of tokens."""

    action: Action
    provider: str
    user: str
    files: tuple[Path, ...]
    module: Path | None
    removed: tuple[str, ...]
    mappings: tuple[str, ...]


class _Stopped(Exception):  # noqa: N818 - not every end of a run is an error
    """A run ends before anything was written. code -- to exit with."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)


def run_client(choice: Choice) -> int:
    """Run the client and return its exit code. Raises UnusableInput."""
    if not choice.files and choice.module is None:
        raise click.UsageError("name tokens: --token FILE for each, or --pkcs11 MODULE")
    tokens = open_tokens(choice.files, choice.module)
    try:
        return _run(choice, tokens)
    except _Stopped as stop:
        click.echo(str(stop), err=True)
        click.echo(say("nothing_written"), err=True)
        return stop.code
    except UnusableInput as problem:  # a token that is locked or pulled out, no PIN, …
        raise UnusableInput(f"{problem}; {say('nothing_written')}") from None


def _run(choice: Choice, tokens: list[Token]) -> int:
    from firmware_sim.net.ctl_client import CTLClient
    from secd.net.kernel import KernelNetwork
    from secd.net.network import AddressBook

    host, port = parse_server(choice.provider, _PORT)
    book = AddressBook.from_mappings_untrusted(choice.mappings)
    fingerprint = _confirmed(host, port, book)
    password = ask_password(f"Password of {choice.user}: ")
    client = CTLClient(KernelNetwork(), book, port, choice.user, password, _report)
    cluster = _on_network(lambda: client.collect(host, fingerprint))
    planned = plan(
        cluster,
        choice.action,
        [token.certificate for token in tokens],
        choice.removed,
        int(time.time()),
    )
    if isinstance(planned, Refusal):
        raise _Stopped(_REFUSED, _refused(planned))
    by_certificate = {token.certificate: token for token in tokens}
    _show(planned, by_certificate)
    ctl = _sign(planned, by_certificate[planned.signer.certificate])
    return _write(client, host, planned, cluster, ctl)


def _confirmed(host: str, port: int, book: "AddressBook") -> bytes:
    """Return the SHA-256 of what the publisher's provider shows, once it was said to be right."""
    from firmware_sim.net.ctl_connection import certificate_shown
    from secd.net.kernel import KernelNetwork

    der = _on_network(lambda: certificate_shown(KernelNetwork(), book, host, port))
    fingerprint = hashlib.sha256(der)
    digits = fingerprint.digest().hex(":").upper()
    try:
        name = text_of(facts_of_untrusted(der).subject.encode())
    except MalformedFile:
        name = "nobody that could be read"
    question = say("provider_question", host=host, name=name, first=digits[:47], second=digits[48:])
    if not is_yes(question):
        raise _Stopped(_REFUSED, say("provider_declined"))
    return fingerprint.digest()


def _on_network(act: Callable[[], Awaitable[_Result]]) -> _Result:
    import trio

    from firmware_sim.net.ctl_connection import ProviderRefused, ProviderUnreachable

    try:
        return trio.run(act)
    except ProviderUnreachable as problem:
        raise _Stopped(_UNREACHABLE, str(problem)) from None
    except ProviderRefused as problem:
        raise _Stopped(_REFUSED, str(problem)) from None


def _report(event: ClientEvent) -> None:
    click.echo(tell(event))


def _refused(refusal: Refusal) -> str:
    values = dict(refusal.values)
    if "seconds" in values:
        values["date"] = _moment(int(values["seconds"]))
    return say(refusal.why, **values)


def _show(planned: Plan, tokens: dict[bytes, Token]) -> None:
    """List certificates and tokens, as the client's windows do."""
    cluster = planned.cluster
    click.echo("")
    for node in cluster.nodes:
        _show_certificate("CCM+TFTP", node.name, node.callmanager)
    _show_certificate("CAPF", cluster.publisher.name, cluster.capf)
    for one in planned.tokens:
        _show_token(one, tokens.get(one.certificate))


def _show_certificate(function: str, node: str, listed: ListedCertificate) -> None:
    line = say(
        "certificate",
        function=function,
        node=node,
        subject=text_of(listed.subject),
        serial=listed.serial.hex(":").upper(),
        until=_until(listed.certificate),
    )
    click.echo(line)


def _show_token(one: PlannedToken, token: Token | None) -> None:
    listed = listed_token(one.certificate)
    line = say(
        "token",
        function="SAST",
        name=text_of(one.name.encode()),
        part=one.part,
        serial=listed.serial.hex(":").upper(),
        until=_until(one.certificate),
    )
    click.echo(line)
    if token is not None:
        issuer = text_of(listed.issuer)
        click.echo(say("token_issuer", issuer=issuer, state=_state(token.attempts())))


def _state(attempts: Attempts) -> str:
    if attempts.state is TokenState.READY and attempts.left is not None:
        return f"{attempts.left} attempts left"
    return attempts.warning or attempts.state.value


def _until(der: bytes) -> str:
    try:
        return _moment(facts_of_untrusted(der).not_after_seconds)
    except MalformedFile:
        return "(unreadable)"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _sign(planned: Plan, token: Token) -> bytes:
    click.echo("")
    for tries_left in reversed(range(_PIN_TRIES)):
        try:
            sign = partial(_signature, token, ask_pin(token.name))
            ctl = planned.make_ctl(int(time.time()), sign)
        except WrongPIN as problem:
            if not tries_left:
                raise _Stopped(_REFUSED, str(problem)) from None
            click.echo(say("wrong_pin", problem=str(problem)), err=True)
        else:
            click.echo(say("signed", token=token.name))
            return ctl
    raise RuntimeError("the last try returns or raises")


def _signature(token: Token, pin: str, octets: bytes) -> bytes:
    return token.sign(octets, pin)


def _write(client: "CTLClient", host: str, planned: Plan, before: ClusterFacts, ctl: bytes) -> int:
    transaction = os.urandom(TRANSACTION_BYTES)
    try:
        outcome = _on_network(lambda: client.write(before, host, ctl, planned.mixed, transaction))
    except KeyboardInterrupt:
        click.echo(say("interrupted"), err=True)
        raise
    if outcome.why:
        return _tell_half(outcome, before, planned)
    mode = "mixed" if planned.cluster.mixed_mode else "non-secure"
    click.echo(say("mode_set", mode=mode))
    if not planned.phones_know_signer:
        click.echo(say("other_signers"))
    click.echo(say("next_steps"))
    for service in ("Cisco Tftp", "Cisco CallManager"):
        for node in before.nodes:
            click.echo(say("next_step", node=node.name, service=service))
    return _DONE


def _tell_half(outcome: "WriteOutcome", before: ClusterFacts, planned: Plan) -> int:
    """Say precisely which nodes have what; the publisher's commit comes last and sets the mode."""
    publisher = before.publisher.name
    if publisher in outcome.unknown:
        mode = "not known"
    else:
        after = planned.cluster if publisher in outcome.written else before
        mode = "mixed" if after.mixed_mode else "non-secure"
    line = say(
        "partly_written",
        why=outcome.why,
        written=", ".join(outcome.written) or "-",
        missing=", ".join(outcome.missing) or "-",
        unknown=", ".join(outcome.unknown) or "-",
        mode=mode,
    )
    click.echo(line, err=True)
    return _UNREACHABLE
