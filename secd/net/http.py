"""Fetches a file by HTTP or HTTPS: pumps a `secd.http.Get` over a stream of octets.

Decided here: nothing about the protocol; only how long a phone is patient.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from secd.http import Get, Response
from secd.net.network import ByteStream, Unreachable
from secd.net.tls_errors import TLSError
from secd.transfer import Failed, Received
from secd.words import TransferFailure

_READ_BYTES: Final = 64 * 1024
_GOODBYE_SECONDS: Final = 2.0  # which a TLS session says, and a peer need not take


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a phone waits; no source tells, so these are defaults of this project.

    silence_seconds -- for a connection, and then for the next octets.
    whole_seconds -- from the request to the last octet, however steadily they come.
    """

    silence_seconds: float = 10.0
    whole_seconds: float = 120.0


DEFAULT_PATIENCE: Final = Patience()


async def fetch_http(
    connect: Callable[[], Awaitable[ByteStream]],
    get: Get,
    on_response: Callable[[Response], None],
    patience: Patience = DEFAULT_PATIENCE,
) -> Received | Failed:
    """Connect and run one exchange. connect -- opens the connection, plain or TLS.

    Never raises because of what the network does, a refused certificate included. Raises OSError
    when this process may open no more sockets.
    """
    try:
        with trio.fail_after(patience.silence_seconds):
            stream = await connect()
    except trio.TooSlowError:
        return Failed(TransferFailure.TIMEOUT, 0, _silent_for(patience.silence_seconds))
    except Unreachable as error:
        return Failed(error.failure, 0, error.reason)
    except TLSError as error:
        return Failed(TransferFailure.PROTOCOL, 0, str(error))
    return await get_over(stream, get, on_response, patience)


async def get_over(
    stream: ByteStream,
    get: Get,
    on_response: Callable[[Response], None],
    patience: Patience = DEFAULT_PATIENCE,
) -> Received | Failed:
    """Run one exchange over an open connection, and close it.

    on_response -- called with the head of the answer, as soon as that is there. Never raises
    because of what the network does.
    """
    try:
        with trio.move_on_after(patience.whole_seconds):
            with trio.move_on_after(patience.silence_seconds) as silence:
                await _exchange(stream, get, on_response, silence, patience.silence_seconds)
            get.give_up(TransferFailure.TIMEOUT, _silent_for(patience.silence_seconds))
    finally:
        with trio.move_on_after(_GOODBYE_SECONDS):
            await stream.aclose()
    text = f"the file was not complete after {patience.whole_seconds:g} seconds"
    return get.give_up(TransferFailure.TIMEOUT, text)


async def _exchange(
    stream: ByteStream,
    get: Get,
    on_response: Callable[[Response], None],
    silence: trio.CancelScope,
    seconds: float,
) -> None:
    try:
        await stream.send_all(get.request)
        while get.result is None:
            octets = await stream.receive_some(_READ_BYTES)
            silence.deadline = trio.current_time() + seconds
            had_response = get.response is not None
            get.receive_octets(octets)
            if get.response is not None and not had_response:
                on_response(get.response)
    except trio.BrokenResourceError:
        get.give_up(TransferFailure.PROTOCOL, "the connection broke off")


def _silent_for(seconds: float) -> str:
    return f"nothing came for {seconds:g} seconds"
