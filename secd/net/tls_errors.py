"""How a TLS connection fails, one class per situation that a caller can react to.

    TLSError                   (also a trio.BrokenResourceError: the stream is of no more use)
    ├── PeerClosed             the peer said goodbye (close_notify) where more was due
    ├── PeerBrokeOff           the connection ended or was reset without a goodbye
    ├── SessionFailed          a fatal alert, or records that cannot be read, after the handshake
    └── HandshakeFailed        no session came about
        └── CertificateRefused the peer's certificate was judged, and refused

What OpenSSL says in words changed from release to release, so errors carry alert numbers (RFC 5246
section 7.2, RFC 8446 section 6) and the step of the handshake.
"""

from dataclasses import dataclass

import trio

from secd.errors import SecdError
from secd.trace import TLSStep
from secd.trust import Refuse


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. read -- it came from the peer; otherwise this side sent it.

    number -- RFC 8446 section 6: 40 handshake_failure, 42 bad_certificate, 45 certificate_expired,
    48 unknown_ca, 70 protocol_version, 0 close_notify (which is no error).
    """

    number: int
    read: bool
    fatal: bool


class TLSError(SecdError, trio.BrokenResourceError):
    """The root.

    alert -- the fatal alert that ended the connection, None where there was none.
    step -- of the handshake: what this side was waiting for or reading; OTHER after it.
    """

    def __init__(
        self, finding: str, alert: Alert | None = None, step: TLSStep = TLSStep.OTHER
    ) -> None:
        self.alert = alert
        self.step = step
        super().__init__(finding if alert is None else f"{finding} ({_described(alert)})")


class PeerClosed(TLSError):  # noqa: N818 - the name is the finding
    """The peer sent close_notify while something was due from it, or to it."""


class PeerBrokeOff(TLSError):  # noqa: N818
    """The connection ended without close_notify, or was reset."""


class SessionFailed(TLSError):  # noqa: N818
    """The session, once established, ended with a fatal alert from either side."""


class HandshakeFailed(TLSError):  # noqa: N818
    """No session came about: the two sides do not agree, or one does not speak TLS."""


class CertificateRefused(HandshakeFailed):
    """The peer's certificate was refused. decision -- why; certificate -- its DER octets."""

    def __init__(
        self, decision: Refuse, certificate: bytes, alert: Alert | None, step: TLSStep
    ) -> None:
        self.decision = decision
        self.certificate = certificate
        super().__init__(f"the peer's certificate is refused: {decision.reason}", alert, step)


def _described(alert: Alert) -> str:
    return f"alert {alert.number} {'received' if alert.read else 'sent'}"
