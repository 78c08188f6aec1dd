"""Fetches a file by HTTP: pumps a `secd.http.Get` over a stream of octets.

Decided here: nothing about the protocol; only how long a phone is patient. The stream may be TLS
as well (HTTPS, port 6971): `get_over` does not ask.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from secd.http import Get, Response
from secd.transfer import Failed, Received
from secd.words import TransferFailure

_READ_BYTES: Final = 64 * 1024


class ByteStream(Protocol):
    """What is needed of a connection: a part of trio's streams."""

    async def send_all(self, octets: bytes, /) -> None:
        """Send. Raises trio.BrokenResourceError when the connection is gone."""
        ...

    async def receive_some(self, max_bytes: int, /) -> bytes:
        """Wait for octets; none: the peer sends no more.

        Raises trio.BrokenResourceError when the connection is gone.
        """
        ...

    async def aclose(self) -> None:
        """Close, at once when cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a phone waits; no source tells, so these are defaults of this project.

    silence_seconds -- for a connection, and then for the next octets.
    whole_seconds -- from the request to the last octet, however steadily they come.
    """

    silence_seconds: float = 10.0
    whole_seconds: float = 120.0


DEFAULT_PATIENCE: Final = Patience()


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
        with trio.CancelScope() as at_once:
            at_once.cancel()
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
