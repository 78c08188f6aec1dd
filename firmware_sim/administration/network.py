"""A node's name and address: with either, its certificates and its ITL are made anew.

"The Initial Trust List (ITL) file and the certificates in the ITL are regenerated" (guide on
changing IP address and hostname); the services restart by themselves, so all of it is served at
once. The node's CTL stays as it is, and other nodes' ITLs are as old as their last restart.
"""

from ipaddress import ip_address

from firmware_sim.administration.commands import Unit, regenerate
from firmware_sim.administration.directory import Draft
from firmware_sim.cluster import KeySource, Node
from secd.errors import UnusableInput


def set_hostname(draft: Draft, node: Node, name: str, keys: KeySource, now_seconds: int) -> None:
    """`set network hostname`: the name in certificates and configurations. Raises UnusableInput."""
    draft.rename(node, name)
    _restart(draft, node, keys, now_seconds, name)


def set_address(draft: Draft, node: Node, address: str, keys: KeySource, now_seconds: int) -> None:
    """`set network ip`: a node that is named by its address is renamed with it.

    Raises UnusableInput.
    """
    try:
        ip_address(address)
    except ValueError:
        raise UnusableInput(f"{address!a} is no IP address") from None
    if any(other.address == address for other in draft.cluster.nodes if other is not node):
        raise UnusableInput(f"another node has the address {address}")
    if node.name == node.address:
        draft.rename(node, address)
    node.address = address
    _restart(draft, node, keys, now_seconds, None)


def _restart(draft: Draft, node: Node, keys: KeySource, now_seconds: int, host: str | None) -> None:
    units = [Unit.CALLMANAGER, Unit.TVS]
    publisher = node is draft.cluster.publisher
    if publisher:
        units += [Unit.CAPF, Unit.ITL_RECOVERY]
    for unit in units:
        regenerate(draft, unit, node, keys, now_seconds, host)
    draft.cluster.changed_at_seconds = now_seconds
    draft.load_tftp(node)
    draft.load_callmanager(node)
    draft.load_tvs(node)
    if publisher:
        draft.load_capf()
