"""Runs the boot of one phone: does what the machine says and reports back what came of it.

Nothing is decided here. The trace events go to `publish` in the order in which the machine gives
them, between the actions that they belong to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import trio

from secd.boot import (
    AskTVS,
    BootMachine,
    EraseTrustList,
    Event,
    FileNotReceived,
    FileReceived,
    Finish,
    InstallTrustList,
    Output,
    Phone,
    PhoneBooted,
    StoreConfiguration,
    StoreFile,
    TimerFired,
    Transfer,
    TVSServerAnswered,
    TVSServerFailed,
    Wait,
)
from secd.files.store import PhoneStore
from secd.net.clock import Clock
from secd.net.network import AddressBook, Network
from secd.net.tftp import fetch_tftp
from secd.net.tls_stream import Verify
from secd.net.tvs import TVSClient, TVSFailed, voucher_of
from secd.tftp import Received
from secd.trace import Traced, TraceEvent, TransferRetransmitted
from secd.tvs import QueryCertificate, wire_name
from secd.words import Transport

AVAILABLE = frozenset({Transport.TFTP})
_TFTP_PORT = 69

Publish = Callable[[Traced], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside a phone that its boot touches."""

    network: Network
    clock: Clock
    book: AddressBook


async def boot_phone(
    phone: Phone, store: PhoneStore, surroundings: Surroundings, publish: Publish
) -> BootMachine:
    """Boot one phone and return its machine, which holds what the phone holds now.

    Raises FlashUnusable when the flash cannot be written: the phone then still holds what it held
    before. Cancellation leaves the flash whole at any moment.
    """
    machine = BootMachine(phone, AVAILABLE)
    runner = _Runner(phone, store, surroundings, publish, machine.judge_tvs_server)
    event: Event | None = PhoneBooted()
    while event is not None:
        outputs = machine.handle(event, surroundings.clock.wall())
        event = None
        for output in outputs:
            event = await runner.perform(output)
    return machine


class _Runner:
    """Performs one output of the machine after the other."""

    def __init__(
        self,
        phone: Phone,
        store: PhoneStore,
        surroundings: Surroundings,
        publish: Publish,
        judge_tvs_server: Verify,
    ) -> None:
        self._phone = phone
        self._store = store
        self._surroundings = surroundings
        self._publish = publish
        self._judge_tvs_server = judge_tvs_server

    async def perform(self, output: Output) -> Event | None:
        """Do one thing; the event that answers it, where there is one."""
        match output:
            case Traced():
                self._publish(output)
            case InstallTrustList(kind, octets):
                self._store.save_list(kind, octets)
            case EraseTrustList(kind):
                self._store.erase_list(kind)
            case StoreConfiguration(octets):
                self._store.save_configuration(octets)
            case StoreFile(name, octets):
                self._store.save_file(name, octets)
            case Transfer():
                return await self._transfer(output)
            case AskTVS():
                return await self._ask_tvs(output)
            case Wait(seconds):
                await trio.sleep(seconds)
                return TimerFired()
            case Finish():  # the trace has told how it ended
                pass
        return None

    async def _ask_tvs(self, ask: AskTVS) -> TVSServerAnswered | TVSServerFailed:
        around = self._surroundings

        def report(event: TraceEvent) -> None:
            self._publish(Traced(around.clock.wall(), ask.task, 0, event))

        client = TVSClient(
            around.network,
            around.clock,
            around.book,
            self._phone.model.tls,
            self._judge_tvs_server,
            wire_name(self._phone.model.name, self._phone.device),
            report,
        )
        question = QueryCertificate(ask.name, ask.issuer, ask.serial)
        try:
            answer = await client.ask(ask.server, ask.port, question)
        except TVSFailed as error:
            return TVSServerFailed(ask.server, ask.port, str(error))
        voucher = voucher_of(ask.issuer, ask.serial, answer, around.clock.wall())
        return TVSServerAnswered(voucher)

    async def _transfer(self, transfer: Transfer) -> FileReceived | FileNotReceived:
        clock = self._surroundings.clock

        def retransmitted(count: int) -> None:
            event = TransferRetransmitted(transfer.file_name, count)
            self._publish(Traced(clock.wall(), transfer.task, transfer.worker, event))

        result = await fetch_tftp(
            self._surroundings.network,
            clock,
            self._surroundings.book,
            transfer.server,
            _TFTP_PORT,
            transfer.file_name,
            self._phone.model.tftp,
            transfer.size_limit_bytes,
            retransmitted,
        )
        if isinstance(result, Received):
            return FileReceived(result.octets)
        return FileNotReceived(result.failure, result.code, result.text)
