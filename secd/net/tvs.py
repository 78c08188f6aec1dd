"""Asks one TVS server one question, over TLS; turns its answer into a voucher.

Nothing is decided here: the server's certificate is judged by the `verify` of the caller (row T3),
and what a voucher is worth by `secd.trust`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from secd.errors import RemoteProtocolViolation
from secd.models import TLSProfile
from secd.net.clock import Clock
from secd.net.network import AddressBook, Network, Unreachable
from secd.net.own_certificate import OwnCertificate
from secd.net.tls import TLSTarget, open_tls, resolve_target
from secd.net.tls_errors import CertificateRefused, TLSError
from secd.net.tls_stream import TLSStream, Verify
from secd.trace import TLSClosed, TLSPurpose, TraceEvent, TVSRequestSent, TVSResponseReceived
from secd.trust import Voucher, VoucherOutcome
from secd.tvs import FOUND, Question, TVSAnswer, TVSClientSession

# How long a phone waits for a server before it asks the next one; no source says.
_PATIENCE_SECONDS: Final = 10.0
_READ_BYTES: Final = 16 * 1024
# The longest lifetime that the open tvsctl lets one set; a longer one counts as this one.
_LONGEST_SECONDS: Final = 30 * 86_400

Report = Callable[[TraceEvent], None]


class TVSFailed(Exception):  # noqa: N818 - the name is the finding
    """A TVS server gave no answer; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class TVSClient:
    """How a phone asks TVS.

    verify -- judges the server. device_name -- see `wire_name`. own -- what is shown to a server
    that asks for a certificate.
    """

    network: Network
    clock: Clock
    book: AddressBook
    profile: TLSProfile
    verify: Verify
    device_name: bytes
    report: Report
    own: OwnCertificate | None = None

    async def ask(self, host: str, port: int, question: Question) -> TVSAnswer:
        """Ask one server, by its logical address.

        Raises TVSFailed, and OSError when this process may open no more sockets.
        """
        try:
            with trio.fail_after(_PATIENCE_SECONDS):
                return await self._converse(host, port, question)
        except trio.TooSlowError:
            raise TVSFailed(f"no answer within {_PATIENCE_SECONDS:.0f} s") from None
        except Unreachable as error:
            raise TVSFailed(error.reason) from None
        except CertificateRefused as error:
            raise TVSFailed(f"{error}: {error.decision.evidence.detail}") from None
        except (TLSError, RemoteProtocolViolation) as error:
            raise TVSFailed(str(error)) from None

    async def _converse(self, host: str, port: int, question: Question) -> TVSAnswer:
        named = TLSTarget(TLSPurpose.TVS, host, port)
        target = await resolve_target(self.network, self.book, named)
        stream = await open_tls(
            self.network, self.book, target, self.profile, self.verify, self.own, self.report
        )
        try:
            answer = await self._exchange(stream, host, question)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()
        numbers = (target.purpose, target.host, port, target.connection, target.socket)
        self.report(TLSClosed(*numbers))
        return answer

    async def _exchange(self, stream: TLSStream, host: str, question: Question) -> TVSAnswer:
        session = TVSClientSession(self.device_name)
        request = session.ask(question)
        await stream.send_all(request)
        self.report(TVSRequestSent(host, len(request)))
        received = 0
        answer = None
        while answer is None:
            octets = await stream.receive_some(_READ_BYTES)
            if not octets:
                raise RemoteProtocolViolation("TVS closed the connection without an answer")
            received += len(octets)
            answer = session.receive_octets(octets)
        self.report(TVSResponseReceived(host, received, answer.status))
        return answer


def voucher_of(issuer: bytes, serial: bytes, answer: TVSAnswer, now_seconds: float) -> Voucher:
    """Return what an answer is to trust decisions. issuer, serial -- of the question.

    An answer without lifetime is over at once, however coarse the clock is.
    """
    if answer.status != FOUND:
        return Voucher(issuer, serial, VoucherOutcome.DENIED)
    lifetime_seconds = min(answer.lifetime_seconds, _LONGEST_SECONDS)
    until = now_seconds + lifetime_seconds if lifetime_seconds else 0.0
    return Voucher(
        issuer, serial, VoucherOutcome.VOUCHED, answer.certificate, answer.functions, until
    )
