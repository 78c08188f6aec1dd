"""The transitions of the phone's end of a CAPF connection; the diagram in docs/ is drawn from them.

END_SESSION and what breaks the protocol may come anywhere.
"""

from collections.abc import Mapping
from enum import Enum, auto


class ClientState(Enum):
    """What the phone waits for."""

    AWAIT_AUTH_REQ = auto()
    AWAIT_OPERATION = auto()
    AWAIT_KEY = auto()
    AWAIT_STORE_CERT_REQ = auto()
    AWAIT_STAGED = auto()
    AWAIT_END_SESSION = auto()
    ENDED = auto()
    FAILED = auto()


class ClientStep(Enum):
    """What happened."""

    AUTHENTICATE = auto()
    GENERATE = auto()
    KEY_MADE = auto()
    NO_KEY = auto()
    STORE = auto()
    NO_STORE = auto()
    STAGED = auto()
    FETCH = auto()
    DELETE = auto()
    AGREE = auto()
    END = auto()
    VIOLATION = auto()


_ANYWHERE = {
    ClientStep.END: ClientState.ENDED,
    ClientStep.VIOLATION: ClientState.FAILED,
}

CLIENT_TRANSITIONS: Mapping[ClientState, Mapping[ClientStep, ClientState]] = {
    ClientState.AWAIT_AUTH_REQ: {
        **_ANYWHERE,
        ClientStep.AUTHENTICATE: ClientState.AWAIT_OPERATION,
    },
    ClientState.AWAIT_OPERATION: {
        **_ANYWHERE,
        ClientStep.GENERATE: ClientState.AWAIT_KEY,
        ClientStep.NO_KEY: ClientState.AWAIT_END_SESSION,
        ClientStep.FETCH: ClientState.AWAIT_OPERATION,
        ClientStep.DELETE: ClientState.AWAIT_END_SESSION,
        ClientStep.AGREE: ClientState.AWAIT_OPERATION,
    },
    ClientState.AWAIT_KEY: {
        **_ANYWHERE,
        ClientStep.KEY_MADE: ClientState.AWAIT_STORE_CERT_REQ,
        ClientStep.NO_KEY: ClientState.AWAIT_END_SESSION,
        ClientStep.AGREE: ClientState.AWAIT_KEY,
    },
    ClientState.AWAIT_STORE_CERT_REQ: {
        **_ANYWHERE,
        ClientStep.STORE: ClientState.AWAIT_STAGED,
        ClientStep.NO_STORE: ClientState.AWAIT_END_SESSION,
        ClientStep.AGREE: ClientState.AWAIT_STORE_CERT_REQ,
    },
    ClientState.AWAIT_STAGED: {
        **_ANYWHERE,
        ClientStep.STAGED: ClientState.AWAIT_END_SESSION,
        ClientStep.AGREE: ClientState.AWAIT_STAGED,
    },
    ClientState.AWAIT_END_SESSION: {**_ANYWHERE, ClientStep.AGREE: ClientState.AWAIT_END_SESSION},
    ClientState.ENDED: {},
    ClientState.FAILED: {},
}
