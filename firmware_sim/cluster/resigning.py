"""A trust list with the signature of another key, its records otherwise as they are.

That is what `utils itl reset` makes of the publisher's ITL (command line interface reference:
"replaces the signature of that ITL file"). Which key it is decided by the callers.
"""

from firmware_sim.cluster.credentials import Credential
from firmware_sim.cluster.lists import sast_record
from firmware_sim.cluster.signing import sign_list
from firmware_sim.cluster.state import Node
from secd.crypto import Digest
from secd.trustlist import Function, TrustList


def resigned(
    trust_list: TrustList, signer: Credential, node: Node, digest: Digest, now_seconds: int
) -> bytes:
    """Return the list signed by another key.

    A signer that has no SAST record in it gets one, in front, so that the list verifies by itself
    (?). node -- whose name stands in that record. Raises UnsupportedKey.
    """
    records = trust_list.records
    own = trust_list.find(signer.issuer, signer.serial)
    if not any(record.function == Function.SAST for record in own):
        records = (sast_record(signer, node), *records)
    name = (trust_list.header.file_name or b"").decode("utf-8", "backslashreplace")
    return sign_list(name, records, signer, digest, now_seconds)
