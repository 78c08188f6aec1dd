"""The cluster of the page "IP Phone Security and CTL", rebuilt with keys of our own.

Names, addresses, serials and lengths of names are those of its `show ctl`; keys, certificates and
so all fingerprints are not. The second token's key is one octet longer there (141), for a reason
that nobody knows; here it is not.
"""

from random import Random

from firmware_sim.cluster.credentials import CertificateMaker, Subject
from firmware_sim.cluster.keys import KeySource
from firmware_sim.cluster.making import make_cluster
from firmware_sim.cluster.state import Cluster, CTLKind, Device, Node, Release
from firmware_sim.cluster.tokens import TOKEN_BITS, ManufacturingCA

PUBLISHER_ADDRESS = "14.48.44.80"
DEVICE_NAME = "SEP0011215A1AE3"
PUBLISHER = Subject("CUCM8-Publisher.bbbburns.lab", "AS", "Cisco", "RTP", "NC", "US")
CAPF = Subject("CAPF-9c4cba7d", "TAC", "Cisco", "RTP", "North Carolina", "US")
MADE_AT_SECONDS = 1314811683  # Wed Aug 31 13:28:03 EDT 2011, "last modified" in the listing
_TOKENS = (
    ("ADN4e31f914", bytes.fromhex("BDA302000000D888641F")),
    ("ADN5bbd7b14", bytes.fromhex("AAC92000000078C42E22")),
)
_CALLMANAGER_SERIAL = bytes.fromhex("74AE9E6BDBC2A51D")


def demo_cluster(keys: KeySource, random: Random) -> Cluster:
    """Return the page's cluster: CUCM 8.6(2), mixed mode, two tokens, one phone, a 7961.

    Its keys have 1024 bits, as in the listing.
    """
    maker = CertificateMaker(keys, random, MADE_AT_SECONDS, bits=TOKEN_BITS, serial_bytes=8)
    node = Node(
        PUBLISHER_ADDRESS,
        PUBLISHER_ADDRESS,
        callmanager=maker.self_signed(PUBLISHER, _CALLMANAGER_SERIAL),
        tvs=maker.self_signed(PUBLISHER),
    )
    cluster = make_cluster(maker, Release(8, 6, 2), node, PUBLISHER, CAPF)
    authority = ManufacturingCA.create(maker)
    cluster.tokens = [authority.issue_token(name, serial) for name, serial in _TOKENS]
    cluster.ctl = CTLKind.ETOKEN
    cluster.mixed_mode = True
    cluster.add_device(Device(DEVICE_NAME, "7961", load="SCCP41.8-5-2S"))
    return cluster
