"""The lab's TFTP server: read requests only, each transfer on a socket and in a task of its own.

What is served is decided by the source (`firmware_sim.cluster.files`), what goes into a transfer
by `tftp_sender`. Decided here:

* Writing is refused (error 2), a file that does not exist too (error 1), and so are modes other
  than octet (error 4), which no phone uses. Whatever is no request is dropped without an answer.
* A request that is repeated before its transfer has got anywhere is dropped: its packets are on
  their way, and a second transfer would only confuse the phone.
* At the limit of concurrent transfers the server stops reading requests until one has ended; the
  kernel keeps them meanwhile, and what it cannot keep the phones send again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from firmware_sim.cluster.files import FileSource, NotFound
from firmware_sim.net.kernel import ServerNetwork, ServerSocket
from firmware_sim.net.tftp_packets import (
    ACCESS_VIOLATION,
    FILE_NOT_FOUND,
    ILLEGAL_OPERATION,
    NOT_DEFINED,
    Request,
    decode_untrusted,
    encode_error,
)
from firmware_sim.net.tftp_sender import Sender, agree
from firmware_sim.net.tftp_transfer import Transfer
from firmware_sim.server_events import (
    FileTransferred,
    ReadRequestReceived,
    RequestRefused,
    ServerEvent,
)
from secd.errors import RemoteProtocolViolation, SecdError, UnusableInput
from secd.net.network import Address, Unreachable


@dataclass(frozen=True, slots=True)
class TFTPServerSettings:
    """How a server behaves.

    retransmit_seconds -- how long it waits for an acknowledgement, unless the client says.
    retransmissions -- how often in a row it sends a window again before it gives up.
    transfer_limit -- how many transfers run at once; each needs a descriptor.
    """

    retransmit_seconds: float = 1.0
    retransmissions: int = 5
    transfer_limit: int = 400


DEFAULT_SETTINGS = TFTPServerSettings()


async def serve_tftp(
    network: ServerNetwork,
    address: Address,
    source: FileSource,
    on_event: Callable[[ServerEvent], None],
    settings: TFTPServerSettings = DEFAULT_SETTINGS,
    *,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `await nursery.start(serve_tftp, …)` returns the address bound.

    Raises UnusableInput when the server cannot listen on `address` (numeric; port 0: any free).
    """
    try:
        listening = network.bind(address)
    except OSError as error:
        raise UnusableInput(
            f"cannot listen on {address[0]} port {address[1]}: {error.strerror}"
        ) from None
    server = _Server(network, listening, source, on_event, settings)
    with listening:
        task_status.started(listening.address)
        await server.run()


@dataclass(slots=True)
class _Server:
    network: ServerNetwork
    listening: ServerSocket
    source: FileSource
    on_event: Callable[[ServerEvent], None]
    settings: TFTPServerSettings
    requests: int = 0
    running: dict[tuple[Address, str], Sender] = field(default_factory=dict)

    async def run(self) -> None:
        slots = trio.Semaphore(self.settings.transfer_limit)
        async with trio.open_nursery() as nursery:
            while True:
                await slots.acquire()
                transfer = None
                while transfer is None:
                    transfer = await self._next_transfer()
                nursery.start_soon(self._run_transfer, transfer, slots)

    async def _next_transfer(self) -> Transfer | None:
        """Take one datagram; return the transfer that it begins, if it begins one."""
        try:
            octets, peer = await self.listening.receive()
            request = decode_untrusted(octets)
        except (Unreachable, RemoteProtocolViolation):
            return None
        if not isinstance(request, Request) or self._is_repeated(peer, request.file_name):
            return None
        self.requests += 1
        if request.write:
            self._refuse(request, peer, ACCESS_VIOLATION, "Access violation")
            return None
        self._note_read_request(request, peer)
        if request.mode != "octet":
            self._refuse(request, peer, ILLEGAL_OPERATION, "Illegal TFTP operation")
            return None
        return self._begin(request, peer)

    def _is_repeated(self, peer: Address, name: str) -> bool:
        sender = self.running.get((peer, name))
        return sender is not None and sender.acknowledged <= 0

    def _note_read_request(self, request: Request, peer: Address) -> None:
        serving = len(self.running)
        self.on_event(
            ReadRequestReceived(self.requests, *peer, request.file_name, request.mode, serving)
        )

    def _refuse(self, request: Request, peer: Address, code: int, message: str) -> None:
        self.listening.send_to(encode_error(code, message), peer)
        self.on_event(RequestRefused(self.requests, *peer, request.file_name, code, message))

    def _begin(self, request: Request, peer: Address) -> Transfer | None:
        name = request.file_name
        try:
            file = self.source.answer(peer[0], name)
            if isinstance(file, NotFound):
                self._refuse(request, peer, FILE_NOT_FOUND, "File not found")
                return None
            socket = self.network.bind((self.listening.address[0], 0))
        except (SecdError, OSError) as error:
            self._refuse(request, peer, NOT_DEFINED, str(error))
            return None
        terms = agree(request.options, len(file))
        sender = self.running[peer, name] = Sender(file, terms)
        seconds = terms.timeout_seconds or self.settings.retransmit_seconds
        return Transfer(socket, peer, self.requests, name, sender, seconds)

    async def _run_transfer(self, transfer: Transfer, slots: trio.Semaphore) -> None:
        key = transfer.peer, transfer.name
        try:
            with transfer.socket:
                complete = await transfer.run(self.settings.retransmissions)
        finally:
            slots.release()
            if self.running.get(key) is transfer.sender:
                del self.running[key]
        if complete:
            served_name = self.source.served_name(transfer.name)
            self.on_event(FileTransferred(transfer.number, *transfer.peer, served_name))
