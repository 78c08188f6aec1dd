"""The lab's TVS server: one connection at a time is one task, with deadlines of its own.

What is answered is decided by the source (`firmware_sim.tvs`), what is said by `secd.tvs`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from firmware_sim.net.tcp import TCPServerNetwork
from firmware_sim.net.tls import TLSServerSettings, serve_tls
from firmware_sim.server_events import (
    ServerEvent,
    TVSAnswerSent,
    TVSCertificateLookedUp,
    TVSCertificateNotFound,
    TVSCertificateVerified,
    TVSConnectionAccepted,
    TVSConnectionFailed,
    TVSEntryFound,
    TVSEntryMissing,
    TVSFunctionFound,
    TVSQuestionReceived,
    TVSSignerNamed,
)
from firmware_sim.tvs import unique_map_id
from secd.errors import RemoteProtocolViolation, SecdError
from secd.net.network import Address
from secd.net.tls_errors import TLSError
from secd.net.tls_stream import TLSStream
from secd.text import text_of
from secd.tvs import (
    FOUND,
    QueryCertificate,
    Question,
    Request,
    TVSAnswer,
    TVSServerSession,
    VerifyCertificate,
)

# How long a connection may go without a whole question before it is closed; CUCM starts a timer,
# its length is not public.
_IDLE_SECONDS: Final = 30.0
_READ_BYTES: Final = 16 * 1024
# How CUCM's traces name question and answer.
_NAMES: Final[dict[type[Question], tuple[str, str]]] = {
    QueryCertificate: ("QUERY_CERT_REQ", "QUERY_CERT_RES"),
    VerifyCertificate: ("CERT_VERIFICATION_REQ", "CERT_VERIF_RES"),
}


class TVSSource(Protocol):
    """Something that answers questions: a directory of certificates, or a test's liar."""

    def answer(self, question: Question) -> TVSAnswer:
        """Return what TVS says."""
        ...


async def serve_tvs(
    network: TCPServerNetwork,
    address: Address,
    settings: TLSServerSettings,
    source: TVSSource,
    on_event: Callable[[ServerEvent], None],
    *,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; raises what `serve_tls` raises."""
    server = _Server(source, on_event)
    await serve_tls(
        network, address, settings, server.converse, server.failed, task_status=task_status
    )


@dataclass(slots=True)
class _Server:
    source: TVSSource
    on_event: Callable[[ServerEvent], None]
    connections: int = 0

    async def converse(self, stream: TLSStream, peer: Address) -> None:
        """Answer questions until the phone goes, asks nothing any more, or talks nonsense."""
        number = self._next_number()
        self.on_event(TVSConnectionAccepted(number, *peer, stream.cipher))
        try:
            await self._answer_all(stream, number, peer)
        except (TLSError, RemoteProtocolViolation) as failure:
            self.on_event(TVSConnectionFailed(number, *peer, str(failure)))

    async def _answer_all(self, stream: TLSStream, number: int, peer: Address) -> None:
        session = TVSServerSession()
        deadline = trio.current_time() + _IDLE_SECONDS
        while True:
            octets = b""
            with trio.move_on_at(deadline):
                octets = await stream.receive_some(_READ_BYTES)
            if not octets:
                return
            for request in session.receive_octets(octets):
                answer = self._answer(session, number, peer, request)
                with trio.move_on_after(_IDLE_SECONDS) as patience:
                    await stream.send_all(answer)
                if patience.cancelled_caught:
                    return
                deadline = trio.current_time() + _IDLE_SECONDS

    def _next_number(self) -> int:
        self.connections += 1
        return self.connections

    def _answer(
        self, session: TVSServerSession, number: int, peer: Address, request: Request
    ) -> bytes:
        question = request.question
        asked, said = _NAMES[type(question)]
        self.on_event(TVSQuestionReceived(number, *peer, asked, text_of(request.device_name)))
        answer = self.source.answer(question)
        if isinstance(question, QueryCertificate):
            self._tell_look_up(number, peer, question, answer)
        elif answer.status == FOUND:
            self.on_event(TVSCertificateVerified(number, *peer))
        else:
            self.on_event(TVSCertificateNotFound(number, *peer))
        functions = ", ".join(str(function) for function in sorted(answer.functions))
        self.on_event(TVSAnswerSent(number, *peer, said, answer.status, functions))
        return session.answer(request, answer)

    def _tell_look_up(
        self, number: int, peer: Address, question: QueryCertificate, answer: TVSAnswer
    ) -> None:
        for part, value in (
            ("Subject Name", text_of(question.subject)),
            ("Issuer Name", text_of(question.issuer)),
            ("Serial Number", question.serial.hex().upper()),
        ):
            self.on_event(TVSSignerNamed(number, *peer, part, value))
        key = text_of(unique_map_id(question.issuer, question.serial).encode())
        self.on_event(TVSCertificateLookedUp(number, *peer, key))
        if answer.status != FOUND:
            self.on_event(TVSEntryMissing(number, *peer))
            return
        self.on_event(TVSEntryFound(number, *peer, len(answer.functions)))
        for function in sorted(answer.functions):
            self.on_event(TVSFunctionFound(number, *peer, function))

    def failed(self, peer: Address, failure: SecdError) -> None:
        """Tell of a handshake that came to nothing; it counts as a connection too."""
        self.on_event(TVSConnectionFailed(self._next_number(), *peer, str(failure)))
