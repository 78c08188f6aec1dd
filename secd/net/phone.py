"""Runs the boot of one phone: does what the machine says and reports back what came of it.

Nothing is decided here. The trace events go to `publish` in the order in which the machine gives
them, between the actions that they belong to.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import trio

from secd.boot import (
    AskTVS,
    BootMachine,
    CAPFServerFailed,
    CAPFServerRefused,
    CAPFServerUnknown,
    CAPFSessionEnded,
    DropCAPF,
    EraseLSC,
    EraseTrustList,
    Event,
    FileNotReceived,
    FileReceived,
    Finish,
    Identities,
    InstallLSC,
    InstallTrustList,
    LSCUpdate,
    Output,
    Phone,
    PhoneBooted,
    ResumeCAPF,
    StartCAPF,
    StoreConfiguration,
    StoreFile,
    StoreVouchers,
    TimerFired,
    Transfer,
    TVSServerAnswered,
    TVSServerFailed,
    UpdatePressed,
    Wait,
)
from secd.capf import Applicant
from secd.files.store import PhoneStore
from secd.http import Get, Response, user_agent
from secd.net.capf import CAPFClient, CAPFConnection, CAPFFailed, CAPFUntrusted
from secd.net.clock import Clock
from secd.net.http import fetch_http
from secd.net.keys import FreshKeys, KeySource
from secd.net.network import AddressBook, ByteStream, Network
from secd.net.own_certificate import OwnCertificate
from secd.net.tftp import fetch_tftp
from secd.net.tls import TLSTarget, open_tls
from secd.net.tls_context import TLSIdentity
from secd.net.tvs import TVSClient, TVSFailed, voucher_of
from secd.trace import (
    HTTPHeaderReceived,
    TLSPurpose,
    Traced,
    TraceEvent,
    TransferRetransmitted,
)
from secd.transfer import Failed, Received
from secd.tvs import QueryCertificate, wire_name
from secd.words import Transport

AVAILABLE = frozenset(Transport)
_PORTS = {Transport.TFTP: 69, Transport.HTTP: 6970, Transport.HTTPS: 6971}

Publish = Callable[[Traced], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside a phone that its boot touches."""

    network: Network
    clock: Clock
    book: AddressBook
    keys: KeySource = field(default_factory=FreshKeys)


async def boot_phone(
    phone: Phone, store: PhoneStore, surroundings: Surroundings, publish: Publish
) -> BootMachine:
    """Boot one phone and return its machine, which holds what the phone holds now.

    Raises FlashUnusable when the flash cannot be written: the phone then still holds what it held
    before. Cancellation leaves the flash whole at any moment.
    """
    machine = BootMachine(phone, AVAILABLE)
    await _Runner(phone, store, surroundings, publish, machine).run(PhoneBooted())
    return machine


async def update_lsc(
    phone: Phone, store: PhoneStore, surroundings: Surroundings, publish: Publish, string: str
) -> LSCUpdate:
    """Press Update on a phone, and return the machine that holds what came of it.

    string -- the authentication string that was typed; empty: none. Raises as `boot_phone`.
    """
    machine = LSCUpdate(phone)
    await _Runner(phone, store, surroundings, publish, machine).run(UpdatePressed(string))
    return machine


class _Runner:
    """Performs one output of the machine after the other."""

    def __init__(
        self,
        phone: Phone,
        store: PhoneStore,
        surroundings: Surroundings,
        publish: Publish,
        machine: BootMachine | LSCUpdate,
    ) -> None:
        self._phone = phone
        self._store = store
        self._surroundings = surroundings
        self._publish = publish
        self._machine = machine  # whom handshakes ask, and what the phone shows in them
        self._waiting: CAPFConnection | None = None  # to a server that TVS is asked about

    async def run(self, event: Event | None) -> None:
        """Give the machine one event after the other, until nothing answers."""
        try:
            while event is not None:
                outputs = self._machine.handle(event, self._surroundings.clock.wall())
                event = None
                for output in outputs:
                    event = await self._perform(output)
        finally:
            await self._drop_capf(0)

    async def _perform(self, output: Output) -> Event | None:
        """Do one thing; the event that answers it, where there is one."""
        match output:
            case Traced():
                self._publish(output)
            case InstallTrustList(kind, octets):
                self._store.save_list(kind, octets)
            case EraseTrustList(kind):
                self._store.erase_list(kind)
            case StoreVouchers(vouchers):
                self._store.save_vouchers(vouchers)
            case StoreConfiguration(octets):
                self._store.save_configuration(octets)
            case StoreFile(name, octets):
                self._store.save_file(name, octets)
            case Transfer():
                return await self._transfer(output)
            case AskTVS():
                return await self._ask_tvs(output)
            case StartCAPF():
                return await self._start_capf(output)
            case ResumeCAPF():
                return await self._resume_capf(output)
            case DropCAPF(task):
                await self._drop_capf(task)
            case InstallLSC():
                self._store.lsc.commit()
            case EraseLSC():
                self._store.lsc.erase()
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
            self._machine.judging.tvs_server,
            wire_name(self._phone.model.name, self._phone.device),
            report,
            _own_certificate(self._machine.enrolling.identities),
        )
        question = QueryCertificate(ask.name, ask.issuer, ask.serial)
        try:
            answer = await client.ask(ask.server, ask.port, question)
        except TVSFailed as error:
            return TVSServerFailed(ask.server, ask.port, str(error))
        voucher = voucher_of(ask.issuer, ask.serial, answer, around.clock.wall())
        return TVSServerAnswered(voucher)

    async def _start_capf(
        self, start: StartCAPF
    ) -> CAPFSessionEnded | CAPFServerFailed | CAPFServerRefused | CAPFServerUnknown:
        client = self._capf_client(start.task)
        try:
            connection = await client.connect(start.server, start.port)
        except CAPFUntrusted as error:
            return CAPFServerRefused(str(error))
        except CAPFFailed as error:
            return CAPFServerFailed(str(error))
        if connection.unvouched is not None:
            self._waiting = connection
            return CAPFServerUnknown(connection.unvouched)
        return await self._talk(client, connection, start.applicant)

    async def _resume_capf(self, resume: ResumeCAPF) -> CAPFSessionEnded | CAPFServerFailed:
        connection, self._waiting = self._waiting, None
        if connection is None:
            raise RuntimeError("no connection to CAPF waits for TVS")
        return await self._talk(self._capf_client(resume.task), connection, resume.applicant)

    async def _drop_capf(self, task: int) -> None:
        connection, self._waiting = self._waiting, None
        if connection is not None:
            await self._capf_client(task).close(connection)

    async def _talk(
        self, client: CAPFClient, connection: CAPFConnection, applicant: Applicant
    ) -> CAPFSessionEnded | CAPFServerFailed:
        try:
            return CAPFSessionEnded(await client.talk(connection, applicant))
        except CAPFFailed as error:
            return CAPFServerFailed(str(error))

    def _capf_client(self, task: int) -> CAPFClient:
        around = self._surroundings

        def report(event: TraceEvent) -> None:
            self._publish(Traced(around.clock.wall(), task, 0, event))

        return CAPFClient(
            around.network,
            around.book,
            self._phone.model.tls,
            self._machine.judging.capf_server,
            around.keys,
            self._store.lsc,
            report,
        )

    async def _transfer(self, transfer: Transfer) -> FileReceived | FileNotReceived:
        if transfer.transport is Transport.TFTP:
            result = await self._fetch_tftp(transfer)
        else:
            result = await self._fetch_http(transfer)
        if isinstance(result, Received):
            return FileReceived(result.octets)
        return FileNotReceived(result.failure, result.code, result.text)

    async def _fetch_tftp(self, transfer: Transfer) -> Received | Failed:
        around = self._surroundings

        def retransmitted(count: int) -> None:
            self._report(transfer, TransferRetransmitted(transfer.file_name, count))

        return await fetch_tftp(
            around.network,
            around.clock,
            around.book,
            transfer.server,
            _PORTS[Transport.TFTP],
            transfer.file_name,
            self._phone.model.tftp,
            transfer.size_limit_bytes,
            retransmitted,
        )

    async def _fetch_http(self, transfer: Transfer) -> Received | Failed:
        around, model = self._surroundings, self._phone.model
        port, name = _PORTS[transfer.transport], transfer.file_name

        def responded(response: Response) -> None:
            for line in response.lines:
                self._report(transfer, HTTPHeaderReceived(name, response.status_code, line))

        async def connect() -> ByteStream:
            if transfer.transport is Transport.HTTP:
                return await around.network.open_tcp(around.book.actual(transfer.server, port))
            target = TLSTarget(TLSPurpose.HTTPS, transfer.server, port)
            report = partial(self._report, transfer)
            return await open_tls(
                around.network,
                around.book,
                target,
                model.tls,
                self._machine.judging.file_server,
                None,
                report,
            )

        get = Get(transfer.server, port, name, user_agent(model), transfer.size_limit_bytes)
        return await fetch_http(connect, get, responded)

    def _report(self, transfer: Transfer, event: TraceEvent) -> None:
        at = self._surroundings.clock.wall()
        self._publish(Traced(at, transfer.task, transfer.worker, event))


def _own_certificate(held: Identities) -> OwnCertificate | None:
    """Return what the phone shows to a server that asks for a certificate (213407)."""
    if held.preferred is None:
        return None
    kind, identity = held.preferred
    return OwnCertificate(kind, TLSIdentity((identity.certificate,), identity.key))
