"""Whole boots with two TVS servers: when the second one counts."""

import pytest
import trio
from trio.testing import MockClock
from tvs_world import CTL, ITL, NEW, OLD, SIGNED, SUBSCRIBER, World, host, outcomes, settled, told

from firmware_sim.cluster import (
    ClusterFiles,
    Node,
    make_node,
)
from firmware_sim.net.tftp_server import serve_tftp
from firmware_sim.net.tls import LEGACY, TLSServerSettings
from firmware_sim.net.tvs_server import serve_tvs
from firmware_sim.server_events import (
    ServerEvent,
    TVSAnswerSent,
)
from secd.net.tls_context import TLSIdentity
from secd.trace import (
    TVSServerAsked,
    TVSServerPassedOver,
)
from secd.words import BootOutcome


def with_subscriber(world: World) -> Node:
    """Add a node, which is the second TVS server of every configuration."""
    cluster = world.old.cluster
    node = make_node(world.old.maker, SUBSCRIBER, SUBSCRIBER, host("cucm-sub"))
    cluster.nodes.append(node)
    return node


async def serve_subscriber(world: World, node: Node, nursery: trio.Nursery) -> list[ServerEvent]:
    seen: list[ServerEvent] = []
    settings = TLSServerSettings(LEGACY, TLSIdentity((node.tvs.certificate,), node.tvs.key))
    where = (SUBSCRIBER, 2445)
    source = world.old.directory
    await nursery.start(serve_tvs, world.network, where, settings, source, seen.append)
    return seen


@pytest.mark.parametrize("silent", [False, True], ids=["off", "silent"])
async def test_the_second_server_is_asked_when_the_first_is_dead(
    silent: bool, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    node = with_subscriber(world)
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    world.old.regenerate_callmanager()
    files = ClusterFiles(world.old.cluster)
    await nursery.start(serve_tftp, world.network, (OLD, 69), files, world.old.seen.append)
    seen = await serve_subscriber(world, node, nursery)
    if silent:
        world.network.listen((OLD, 2445))  # accepts nobody
    begun = trio.current_time()
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]
    text = "no answer within 10 s" if silent else "nobody listens on this port"
    assert told(report, TVSServerAsked, TVSServerPassedOver) == [
        TVSServerAsked(OLD, 2445),
        TVSServerPassedOver(OLD, 2445, text),
        TVSServerAsked(SUBSCRIBER, 2445),
    ]
    waited = trio.current_time() - begun
    assert waited >= 10 if silent else waited < 10
    assert [type(event) for event in seen][-1] is TVSAnswerSent


async def test_a_denial_of_the_first_server_is_final(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    world = World()
    node = with_subscriber(world)
    await settled(world, nursery)
    seen = await serve_subscriber(world, node, nursery)
    report = await world.boot(NEW)
    assert outcomes(report) == [(name, "denied") for name in (CTL, ITL, SIGNED)]
    assert told(report, TVSServerPassedOver) == []
    assert seen == []


async def test_a_server_with_a_wrong_certificate_is_passed_over(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The publisher's TVS was renewed behind the phone's back; the subscriber's was not."""
    world = World()
    node = with_subscriber(world)
    async with trio.open_nursery() as first:
        await world.old.serve(first, world.network)
        await world.boot()
        first.cancel_scope.cancel()
    world.old.cluster.publisher.tvs = world.old.maker.self_signed(host("cucm-new"))
    world.old.regenerate_callmanager()
    await world.old.serve(nursery, world.network)
    seen = await serve_subscriber(world, node, nursery)
    report = await world.boot()
    assert report.outcome is BootOutcome.BOOTED
    assert outcomes(report) == [(CTL, "vouched")]
    [passed] = told(report, TVSServerPassedOver)
    assert isinstance(passed, TVSServerPassedOver)
    assert passed.text.startswith("the peer's certificate is refused: PEER_NOT_LISTED")
    assert world.old.tvs_kinds == ["failed"]
    assert [type(event) for event in seen][-1] is TVSAnswerSent
