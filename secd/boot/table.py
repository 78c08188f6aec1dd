"""The transitions of a boot: what the phone does next, after what came of the last thing.

    OFF → REQUEST_CTL → REQUEST_ITL (→ REQUEST_COMMON_ITL) → REQUEST_CONFIGURATION
        (→ REQUEST_DEFAULT_CONFIGURATION) (→ REQUEST_FURTHER_FILE …) → REGISTER or STOPPED
    ENROL_LSC stands before REGISTER in a secure mode; else ENROL_LSC_REGISTERED comes after it

Rules:
* Every transition stands here; the diagram in docs/ is drawn from this table.
* A list that is refused, missing or unchanged is as *done* as one that is accepted: the phone goes
  on with what it holds (79xx guides; field reports of locked phones that still register).
* The CTL is settled, and committed, before the ITL is asked for (213407).
* A phone in a secure mode that holds no certificate of a call manager goes back to the CTL
  (79xx guides: continuously; 894x and 99xx guides: four times).
* `.enc.sgn` that is not on the server: the phone asks `.sgn` (row C9).
* An LSC that came or went: the configuration is asked for again.
"""

from collections.abc import Mapping
from enum import Enum, auto


class State(Enum):
    """What the phone does next."""

    OFF = auto()
    REQUEST_CTL = auto()
    ASK_TVS_ABOUT_CTL = auto()
    REQUEST_ITL = auto()
    REQUEST_COMMON_ITL = auto()
    ASK_TVS_ABOUT_ITL = auto()
    REQUEST_CONFIGURATION = auto()
    REQUEST_UNENCRYPTED_CONFIGURATION = auto()
    REQUEST_DEFAULT_CONFIGURATION = auto()
    ASK_TVS_ABOUT_CONFIGURATION = auto()
    REQUEST_FURTHER_FILE = auto()
    ASK_TVS_ABOUT_FURTHER_FILE = auto()
    WAIT_FOR_CTL = auto()
    ENROL_LSC = auto()
    REGISTER = auto()
    ENROL_LSC_REGISTERED = auto()
    STAY_REGISTERED = auto()
    STOPPED = auto()


class Outcome(Enum):
    """What came of it."""

    POWERED = auto()
    DONE = auto()  # settled, one way or the other
    DONE_WITHOUT_ITL = auto()  # settled, and this model has no ITL to ask for
    NOT_FOUND = auto()  # there is another name to ask for
    NOT_ENCRYPTED = auto()  # there is no encrypted file of this name
    TVS_NEEDED = auto()  # undecided until TVS answers
    MORE_FILES = auto()  # the configuration names a file that was not asked for yet
    CTL_NEEDED = auto()  # a secure mode, and nothing to authenticate a call manager with
    LSC_NEEDED = auto()  # before a secure mode registers
    LSC_DUE = auto()  # once the phone has registered
    LSC_CHANGED = auto()
    TIME_OVER = auto()
    UNUSABLE = auto()  # nothing to start with


_FURTHER = {
    Outcome.DONE: State.REGISTER,
    Outcome.MORE_FILES: State.REQUEST_FURTHER_FILE,
    Outcome.LSC_NEEDED: State.ENROL_LSC,
}
_CONFIGURED = {**_FURTHER, Outcome.CTL_NEEDED: State.WAIT_FOR_CTL}

TRANSITIONS: Mapping[State, Mapping[Outcome, State]] = {
    State.OFF: {Outcome.POWERED: State.REQUEST_CTL},
    State.REQUEST_CTL: {
        Outcome.DONE: State.REQUEST_ITL,
        Outcome.DONE_WITHOUT_ITL: State.REQUEST_CONFIGURATION,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_CTL,
    },
    State.ASK_TVS_ABOUT_CTL: {Outcome.DONE: State.REQUEST_ITL},
    State.REQUEST_ITL: {
        Outcome.DONE: State.REQUEST_CONFIGURATION,
        Outcome.NOT_FOUND: State.REQUEST_COMMON_ITL,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_ITL,
    },
    State.REQUEST_COMMON_ITL: {
        Outcome.DONE: State.REQUEST_CONFIGURATION,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_ITL,
    },
    State.ASK_TVS_ABOUT_ITL: {Outcome.DONE: State.REQUEST_CONFIGURATION},
    State.REQUEST_CONFIGURATION: {
        **_CONFIGURED,
        Outcome.UNUSABLE: State.STOPPED,
        Outcome.NOT_FOUND: State.REQUEST_DEFAULT_CONFIGURATION,
        Outcome.NOT_ENCRYPTED: State.REQUEST_UNENCRYPTED_CONFIGURATION,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_CONFIGURATION,
    },
    # Never UNUSABLE: it was a stored configuration that said that the file is encrypted.
    State.REQUEST_UNENCRYPTED_CONFIGURATION: {
        **_CONFIGURED,
        Outcome.NOT_FOUND: State.REQUEST_DEFAULT_CONFIGURATION,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_CONFIGURATION,
    },
    State.REQUEST_DEFAULT_CONFIGURATION: {
        **_CONFIGURED,
        Outcome.UNUSABLE: State.STOPPED,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_CONFIGURATION,
    },
    # Never UNUSABLE: who can ask TVS has a stored configuration, which names its servers.
    State.ASK_TVS_ABOUT_CONFIGURATION: {**_CONFIGURED},
    State.REQUEST_FURTHER_FILE: {
        **_FURTHER,
        Outcome.TVS_NEEDED: State.ASK_TVS_ABOUT_FURTHER_FILE,
    },
    State.ASK_TVS_ABOUT_FURTHER_FILE: {**_FURTHER},
    State.WAIT_FOR_CTL: {Outcome.TIME_OVER: State.REQUEST_CTL},
    State.ENROL_LSC: {
        Outcome.DONE: State.REGISTER,
        Outcome.LSC_CHANGED: State.REQUEST_CONFIGURATION,
    },
    State.REGISTER: {Outcome.LSC_DUE: State.ENROL_LSC_REGISTERED},
    State.ENROL_LSC_REGISTERED: {
        Outcome.DONE: State.STAY_REGISTERED,
        Outcome.LSC_CHANGED: State.REQUEST_CONFIGURATION,
    },
    State.STAY_REGISTERED: {},
    State.STOPPED: {},
}


def following(state: State, outcome: Outcome) -> State:
    """Return the next state. Raises RuntimeError for what cannot happen in a state."""
    after = TRANSITIONS[state].get(outcome)
    if after is None:
        raise RuntimeError(f"a boot cannot meet {outcome.name} in {state.name}")
    return after
