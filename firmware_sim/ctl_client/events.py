"""What a CTL Client did, node by node: facts, whose words stand in texts.toml by class name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """The root of them all. node -- the node's name."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeAsked(ClientEvent):
    """The client connects to a node's provider. host, port -- the logical address."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class NodeCollected(ClientEvent):
    """A node has told its certificates and its CTL. ctl_bytes -- 0: it has none."""

    ctl_bytes: int


@dataclass(frozen=True, slots=True)
class NodeDiffers(ClientEvent):
    """A node holds another CTL than the publisher: perhaps a change was cut short."""


@dataclass(frozen=True, slots=True)
class CTLStagedOn(ClientEvent):
    """A node has checked the CTL and has it on its disk, beside the one that is there."""


@dataclass(frozen=True, slots=True)
class CTLWrittenTo(ClientEvent):
    """The CTL is in its place."""
