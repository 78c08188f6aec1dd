"""The TVS query machine: one question over an ordered list of servers."""

import itertools

import pytest

from secd.boot.messages import AskTVS, QueryTVS, TVSServerAnswered, TVSServerFailed
from secd.boot.query import TRANSITIONS, Outcome, Output, QueryMachine, State
from secd.configuration import Server
from secd.trace import TraceEvent, TVSServerAsked, TVSServerPassedOver
from secd.trust import Voucher, VoucherOutcome

NAME, ISSUER, SERIAL, TASK = b"CN=signer", b"CN=issuer", b"\x24\x17", 17
VOUCHED = Voucher(ISSUER, SERIAL, VoucherOutcome.VOUCHED, b"0", frozenset({0}), 9.0)
DENIED = Voucher(ISSUER, SERIAL, VoucherOutcome.DENIED)
NOBODY = Voucher(ISSUER, SERIAL, VoucherOutcome.UNREACHABLE)
# Five members, as many as a configuration holds; a port of its own, and the first one again.
FIVE = (
    Server("10.1.1.1", 2445),
    Server("10.1.1.2", 2446),
    Server("tvs.example", 2445),
    Server("2001:db8::1", 2445),
    Server("10.1.1.1", 2445),
)


class Recording(QueryMachine):
    """A query machine that notes its transitions."""

    taken: set[tuple[State, Outcome]]

    def _move(self, outcome: Outcome) -> None:
        self.__dict__.setdefault("taken", set()).add((self.state, outcome))
        super()._move(outcome)


def machine(*servers: Server) -> Recording:
    return Recording(QueryTVS(NAME, ISSUER, SERIAL, servers, TASK))


def asks(server: Server) -> list[Output]:
    return [
        TVSServerAsked(server.address, server.port),
        AskTVS(server.address, server.port, NAME, ISSUER, SERIAL, TASK),
    ]


def failed(server: Server, text: str) -> TVSServerFailed:
    return TVSServerFailed(server.address, server.port, text)


def passed(server: Server, text: str) -> TraceEvent:
    return TVSServerPassedOver(server.address, server.port, text)


def fail(query: QueryMachine, *servers: Server) -> None:
    for server in servers:
        query.failed(failed(server, "no answer within 10 s"))


def test_without_servers_nobody_is_asked_and_that_is_a_result() -> None:
    query = machine()
    assert query.begin() == []
    assert (query.state, query.result) == (State.ENDED, NOBODY)


@pytest.mark.parametrize("voucher", [VOUCHED, DENIED, NOBODY])
@pytest.mark.parametrize("dead", range(len(FIVE)))
def test_the_first_server_that_answers_decides_whatever_it_says(
    dead: int, voucher: Voucher
) -> None:
    query = machine(*FIVE)
    assert query.begin() == asks(FIVE[0])
    for gone, following in itertools.pairwise(FIVE[: dead + 1]):
        outputs = query.failed(failed(gone, "nobody listens on this port"))
        assert outputs == [passed(gone, "nobody listens on this port"), *asks(following)]
        assert (query.state, query.result) == (State.ASK, None)
    assert query.answered(TVSServerAnswered(voucher)) == []
    assert (query.state, query.result) == (State.ENDED, voucher)


@pytest.mark.parametrize("count", range(1, len(FIVE) + 1))
def test_when_all_fail_it_is_told_of_each_with_its_reason(count: int) -> None:
    servers = FIVE[:count]
    query = machine(*servers)
    outputs = query.begin()
    for number, server in enumerate(servers):
        assert query.result is None
        outputs += query.failed(failed(server, f"reason {number}"))
    told = [output for output in outputs if isinstance(output, TVSServerPassedOver)]
    assert told == [passed(server, f"reason {n}") for n, server in enumerate(servers)]
    asked = [output for output in outputs if isinstance(output, AskTVS)]
    assert [(one.server, one.port) for one in asked] == [(s.address, s.port) for s in servers]
    assert outputs[-1] == told[-1]
    assert (query.state, query.result) == (State.ENDED, NOBODY)


def test_an_answer_to_another_question_is_handed_on_as_it_is() -> None:
    """The boot machine, not this one, knows what a voucher is worth."""
    query = machine(FIVE[0])
    query.begin()
    other = Voucher(b"CN=another", b"\1", VoucherOutcome.VOUCHED)
    query.answered(TVSServerAnswered(other))
    assert query.result == other


def test_a_query_does_not_use_up_the_list_it_was_given() -> None:
    query = QueryTVS(NAME, ISSUER, SERIAL, FIVE, TASK)
    for _ in range(2):
        run = QueryMachine(query)
        run.begin()
        fail(run, *FIVE)
        assert run.result == NOBODY
    assert query.servers == FIVE


def test_every_transition_of_the_table_is_taken_and_no_other() -> None:
    none, one, two = machine(), machine(FIVE[0]), machine(*FIVE[:2])
    for query in (none, one, two):
        query.begin()
    one.answered(TVSServerAnswered(DENIED))
    fail(two, *FIVE[:2])
    assert none.taken | one.taken | two.taken == {
        (state, outcome) for state, row in TRANSITIONS.items() for outcome in row
    }


def test_every_state_can_be_reached_and_every_outcome_happens() -> None:
    reached = {state for row in TRANSITIONS.values() for state in row.values()}
    assert TRANSITIONS.keys() == set(State) == reached | {State.READY}
    assert {outcome for row in TRANSITIONS.values() for outcome in row} == set(Outcome)


def ended() -> QueryMachine:
    query = machine()
    query.begin()
    return query


def asking() -> QueryMachine:
    query = machine(*FIVE)
    query.begin()
    return query


def test_nothing_is_answered_before_it_was_asked_or_after_the_end() -> None:
    for query in (machine(*FIVE), machine(), ended()):
        with pytest.raises(RuntimeError, match="a query cannot meet ANSWERED"):
            query.answered(TVSServerAnswered(VOUCHED))
    for query in (machine(*FIVE), machine(), ended()):
        with pytest.raises(RuntimeError, match="a query cannot meet"):
            query.failed(failed(FIVE[0], "late"))
    for query in (asking(), ended()):
        with pytest.raises(RuntimeError, match="a query cannot meet"):
            query.begin()


def test_a_refused_event_leaves_no_result_behind() -> None:
    query = machine(*FIVE)
    with pytest.raises(RuntimeError):
        query.answered(TVSServerAnswered(VOUCHED))
    assert (query.state, query.result) == (State.READY, None)
