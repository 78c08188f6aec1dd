"""The table of a transfer: what the receiver does with what arrives, and where that leads.

Two rules. Everything that decides about states stands in this table: `secd.tftp.receiver` names
what arrived (`Arrival`), looks up the step, moves, and carries out the `Action`; no action picks
a state. And the table is total: every state has an answer to every arrival.

Theory of operation. The request goes to the server's well-known port; the answer comes from a
port that the server chose for this transfer, its transfer identifier (TID, RFC 1350 section 4).
From the first valid answer on, that address and port are the peer, and every other one is a
stranger: told so by ERROR 5, and otherwise without any influence. After the last block the file
is complete and its result known, but the last acknowledgement may get lost: so the receiver
dallies (RFC 1350 section 6), doing nothing but repeating it.

Choices where the RFCs leave one:

* What cannot be read, and what only a client sends, is ignored, not fatal: UDP gives no promise
  about who sent it or what happened to it. It counts as an arrival without progress.
* A transfer ends in finitely many steps: silence spends the budget of retransmissions, arrivals
  without progress do not restart the timer and are themselves bounded, and what makes progress
  is bounded by the size limit.
* A block that was taken before is acknowledged again, because its acknowledgement may be lost,
  but not within `receiver.ECHO_SECONDS` of our last acknowledgement. RFC 1123 section 4.2.3.1
  makes the *sender* cure the sorcerer's apprentice; with this rule a sender that is not cured
  still gets one acknowledgement for a block that the network doubled, so the doubling dies out.
* An ERROR from a stranger gets no answer: errors are not answered (RFC 1350 section 7), and two
  ends that answer ERROR with ERROR would never stop.
* Block numbers go on with 0 after 65535, as 16 bits do. A server that goes on with 1 is refused
  with an error that says so: within a window, 1 after 65535 means that block 0 is lost, and one
  number cannot mean two things.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class State(Enum):
    """What the receiver does next."""

    AWAIT_ANSWER = "await_answer"  # the request is out, nobody has answered
    AWAIT_FIRST_BLOCK = "await_first_block"  # options are agreed, ACK 0 is out
    AWAIT_BLOCK = "await_block"  # some blocks are here, not the last
    DALLY = "dally"  # the file is complete, the last acknowledgement may be lost
    ENDED = "ended"


class Arrival(Enum):
    """What arrived, as far as the table cares."""

    NEXT_BLOCK = "next_block"  # the block that is due, full
    LAST_BLOCK = "last_block"  # the block that is due, short
    OLD_BLOCK = "old_block"  # a block that is not due: taken before
    EARLY_BLOCK = "early_block"  # a later block of the window: one before it is missing
    BAD_BLOCK = "bad_block"  # longer than a block, or a roll-over to 1
    EXCESS_BLOCK = "excess_block"  # the block that is due, but beyond the size limit
    OPTIONS = "options"  # an acceptable OACK, or the accepted one again
    BAD_OPTIONS = "bad_options"  # an OACK that goes beyond the request
    EXCESS_OPTIONS = "excess_options"  # an OACK that announces more than the size limit
    ERROR = "error"  # the server gives up
    NONSENSE = "nonsense"  # unreadable, or what only a client sends
    FLOOD = "flood"  # anything, after too many arrivals without progress
    STRANGER = "stranger"  # a datagram from somebody else
    STRANGER_ERROR = "stranger_error"  # an ERROR from somebody else
    UNREACHABLE = "unreachable"  # the kernel knows that nobody listens at the peer
    TIMEOUT = "timeout"  # the timer, with retransmissions left in the budget
    LAST_TIMEOUT = "last_timeout"  # the timer, with none left


class Action(Enum):
    """What the receiver does; `secd.tftp.receiver` has one method for each."""

    IGNORE = "ignore"
    TAKE = "take"  # keep the block; acknowledge it if it fills the window
    FINISH = "finish"  # keep the block, acknowledge it, the file is complete
    AGREE = "agree"  # go by the options, acknowledge block 0
    REPEAT = "repeat"  # acknowledge again, unless that was just done
    REPORT_GAP = "report_gap"  # acknowledge the last block in order, once per gap (RFC 7440)
    SEND_AGAIN = "send_again"  # the request, or the acknowledgement of the last block in order
    TELL_STRANGER = "tell_stranger"  # ERROR 5
    REFUSE_BLOCK = "refuse_block"  # ERROR 4; failed: protocol
    REFUSE_SIZE = "refuse_size"  # ERROR 3; failed: too large
    REFUSE_OPTIONS = "refuse_options"  # ERROR 8; failed: protocol
    REFUSE_FLOOD = "refuse_flood"  # ERROR 0; failed: protocol
    REPORT_ERROR = "report_error"  # failed: file not found, or error
    REPORT_UNREACHABLE = "report_unreachable"  # failed: unreachable
    REPORT_TIMEOUT = "report_timeout"  # failed: timeout
    END = "end"  # nothing is left to do


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the table."""

    action: Action
    next_state: State


# Ends the transfer in every state that still waits for the file.
_FATAL: Final[Mapping[Arrival, Step]] = {
    Arrival.BAD_BLOCK: Step(Action.REFUSE_BLOCK, State.ENDED),
    Arrival.EXCESS_BLOCK: Step(Action.REFUSE_SIZE, State.ENDED),
    Arrival.ERROR: Step(Action.REPORT_ERROR, State.ENDED),
    Arrival.FLOOD: Step(Action.REFUSE_FLOOD, State.ENDED),
    Arrival.UNREACHABLE: Step(Action.REPORT_UNREACHABLE, State.ENDED),
    Arrival.LAST_TIMEOUT: Step(Action.REPORT_TIMEOUT, State.ENDED),
}
_FATAL_OPTIONS: Final[Mapping[Arrival, Step]] = {
    Arrival.BAD_OPTIONS: Step(Action.REFUSE_OPTIONS, State.ENDED),
    Arrival.EXCESS_OPTIONS: Step(Action.REFUSE_SIZE, State.ENDED),
}


def _stay(state: State, actions: Mapping[Arrival, Action]) -> dict[Arrival, Step]:
    """Return a full row that stays in `state`: `actions`, and IGNORE for all other arrivals."""
    return {arrival: Step(actions.get(arrival, Action.IGNORE), state) for arrival in Arrival}


TRANSITIONS: Final[Mapping[State, Mapping[Arrival, Step]]] = {
    # A block other than 1 and a stray packet do not answer the request: the peer stays open.
    State.AWAIT_ANSWER: {
        **_stay(
            State.AWAIT_ANSWER,
            {Arrival.STRANGER: Action.TELL_STRANGER, Arrival.TIMEOUT: Action.SEND_AGAIN},
        ),
        **_FATAL,
        **_FATAL_OPTIONS,
        Arrival.NEXT_BLOCK: Step(Action.TAKE, State.AWAIT_BLOCK),
        Arrival.LAST_BLOCK: Step(Action.FINISH, State.DALLY),
        Arrival.OPTIONS: Step(Action.AGREE, State.AWAIT_FIRST_BLOCK),
    },
    # A repeated OACK means that ACK 0 got lost.
    State.AWAIT_FIRST_BLOCK: {
        **_stay(
            State.AWAIT_FIRST_BLOCK,
            {
                Arrival.STRANGER: Action.TELL_STRANGER,
                Arrival.TIMEOUT: Action.SEND_AGAIN,
                Arrival.OPTIONS: Action.REPEAT,
                Arrival.EARLY_BLOCK: Action.REPORT_GAP,
            },
        ),
        **_FATAL,
        **_FATAL_OPTIONS,
        Arrival.NEXT_BLOCK: Step(Action.TAKE, State.AWAIT_BLOCK),
        Arrival.LAST_BLOCK: Step(Action.FINISH, State.DALLY),
    },
    # An OACK is too late here: a delayed copy, or an afterthought of the server.
    State.AWAIT_BLOCK: {
        **_stay(
            State.AWAIT_BLOCK,
            {
                Arrival.STRANGER: Action.TELL_STRANGER,
                Arrival.TIMEOUT: Action.SEND_AGAIN,
                Arrival.OLD_BLOCK: Action.REPEAT,
                Arrival.EARLY_BLOCK: Action.REPORT_GAP,
            },
        ),
        **_FATAL,
        Arrival.NEXT_BLOCK: Step(Action.TAKE, State.AWAIT_BLOCK),
        Arrival.LAST_BLOCK: Step(Action.FINISH, State.DALLY),
    },
    # The result is known; nothing that arrives can change it.
    State.DALLY: {
        **_stay(
            State.DALLY,
            {Arrival.STRANGER: Action.TELL_STRANGER, Arrival.OLD_BLOCK: Action.REPEAT},
        ),
        Arrival.ERROR: Step(Action.END, State.ENDED),
        Arrival.FLOOD: Step(Action.END, State.ENDED),
        Arrival.UNREACHABLE: Step(Action.END, State.ENDED),
        Arrival.TIMEOUT: Step(Action.END, State.ENDED),
        Arrival.LAST_TIMEOUT: Step(Action.END, State.ENDED),
    },
    State.ENDED: _stay(State.ENDED, {}),
}
