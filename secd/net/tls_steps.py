"""Which step of a client's handshake a state of OpenSSL is.

The state is what was done last; the step is the message that comes next. OpenSSL gives a state
only as a text, whose wording changed with 1.1.0 (before: `SSLv3 read server hello A`). What a
later release may call otherwise becomes OTHER: the name of the step is lost, nothing else.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from secd.trace import TLSStep

_ERROR: Final = b"error"
_STEPS: Final[Mapping[bytes, TLSStep]] = MappingProxyType(
    {
        b"SSLv3/TLS write client hello": TLSStep.SERVER_HELLO,
        b"SSLv3/TLS read server hello": TLSStep.SERVER_CERTIFICATE,
        b"SSLv3/TLS read server certificate": TLSStep.SERVER_CERTIFICATE,
        b"SSLv3/TLS read server key exchange": TLSStep.SERVER_KEY_EXCHANGE,
        b"SSLv3/TLS read server certificate request": TLSStep.SERVER_HELLO_DONE,
        b"SSLv3/TLS read server done": TLSStep.FINISHED,
        b"SSLv3/TLS write client certificate": TLSStep.FINISHED,
        b"SSLv3/TLS write client key exchange": TLSStep.FINISHED,
        b"SSLv3/TLS write certificate verify": TLSStep.FINISHED,
        b"SSLv3/TLS write change cipher spec": TLSStep.FINISHED,
        b"SSLv3/TLS write finished": TLSStep.FINISHED,
        b"SSLv3/TLS read server session ticket": TLSStep.FINISHED,
        b"SSLv3/TLS read change cipher spec": TLSStep.FINISHED,
    }
)


def step_of(state: bytes) -> TLSStep | None:
    """Return the step; None for the state of a failed handshake, which tells nothing."""
    return None if state == _ERROR else _STEPS.get(state, TLSStep.OTHER)
