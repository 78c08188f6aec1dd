"""The cluster's CTL and ITL: which records stand in them, in which order, and who signs.

    CTL   SAST records; then for each node CCM+TFTP, and after the publisher's the one of CAPF
          (order of the listings in 118892 and 118893)
    ITL   SAST records, the signer's first; CCM+TFTP per node; TVS per node; CAPF

Who is a SAST and who signs, by release (214231, 118893, certificate regeneration guide):

    CTL with tokens    the tokens; from 11.5 also ITLRecovery and CallManager. A token signs.
    CTL, tokenless     CallManager; from 10.5(2) also ITLRecovery; from 12.0 ITLRecovery first.
                       The first one signs. All of the publisher.
    ITL                CallManager of the serving node; from 10.0 also ITLRecovery; from 12.0
                       ITLRecovery first. The first one signs.

Records of CTLs signed by a token have no tag 8 (seed guide, 118892). ITLs have it: no listing of
one is public, but the 3899 octets of the seed guide's ITL are those of a header (328) and three
records (1190, 1190, 1191) with it, and of no number of records without it.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

from firmware_sim.cluster.credentials import Credential, ListedCertificate
from firmware_sim.cluster.signing import sign_list
from firmware_sim.cluster.state import (
    CLUSTER_KEYS_IN_TOKEN_CTL,
    ITL_RECOVERY_IN_TOKENLESS_CTL,
    ITL_RECOVERY_LISTED,
    ITL_RECOVERY_SIGNS,
    Cluster,
    CTLKind,
    Node,
    Release,
)
from secd.crypto import Digest
from secd.trustlist import (
    CUCM_RECORD_LAYOUT,
    ETOKEN_RECORD_LAYOUT,
    NO_CERTIFICATE_RECORD_LAYOUT,
    Function,
    Record,
)

CTL_FILE = "CTLFile.tlv"
ITL_FILE = "ITLFile.tlv"
_NO_ADDRESS = bytes(4)  # tag 10 of a token has four octets; which ones is not published


class ListedNode(Protocol):
    """What a CTL says of a node: the lab's own, or what a CTL Client collected of one."""

    @property
    def name(self) -> str:
        """As configured."""
        ...

    @property
    def address(self) -> str:
        """Its IP address."""
        ...

    @property
    def callmanager(self) -> ListedCertificate:
        """CallManager.pem."""
        ...


class ListedCluster(Protocol):
    """What a CTL says of a cluster."""

    @property
    def release(self) -> Release:
        """Of CUCM."""
        ...

    @property
    def mixed_mode(self) -> bool:
        """Whether CallManager certificates are listed."""
        ...

    @property
    def nodes(self) -> Sequence[ListedNode]:
        """The publisher first."""
        ...

    @property
    def publisher(self) -> ListedNode:
        """The first node."""
        ...

    @property
    def capf(self) -> ListedCertificate:
        """CAPF.pem of the publisher."""
        ...

    @property
    def itl_recovery(self) -> ListedCertificate:
        """ITLRecovery.pem."""
        ...


def ctl_file(cluster: Cluster) -> bytes | None:
    """Return the CTL, or None where there is none to be made. Raises UnsupportedKey.

    One that tokens from outside signed cannot be made here: it is a file, and stands among
    `Cluster.overrides` where it is served.
    """
    if cluster.ctl in (None, CTLKind.CTL_CLIENT):
        return None
    if cluster.ctl is CTLKind.ETOKEN:
        token = cluster.tokens[cluster.signing_token]
        return sign_list(
            CTL_FILE,
            token_ctl_records(cluster, [one.credential for one in cluster.tokens]),
            token.credential,
            Digest.SHA1,
            cluster.changed_at_seconds,
        )
    keys = _cluster_keys(cluster, cluster.publisher, ITL_RECOVERY_IN_TOKENLESS_CTL)
    records = _sasts(cluster, keys, CUCM_RECORD_LAYOUT)
    records += _node_records(cluster, CUCM_RECORD_LAYOUT)
    return sign_list(CTL_FILE, records, keys[0], cluster.digest, cluster.changed_at_seconds)


def token_ctl_records(
    cluster: ListedCluster, tokens: Sequence[ListedCertificate]
) -> tuple[Record, ...]:
    """Return the records of a CTL made with tokens, the signing one first or not."""
    return _token_sasts(cluster, tokens) + _node_records(cluster, ETOKEN_RECORD_LAYOUT)


def itl_file(cluster: Cluster, node: Node) -> bytes:
    """Return the ITL that `node` serves; the empty one while rollback is prepared.

    The empty one keeps its signer and CAPF, and its CCM+TFTP and TVS records lose their
    certificates (security by default guide: "empty TFTP and TVS sections").
    Raises UnsupportedKey.
    """
    keys = _cluster_keys(cluster, node, ITL_RECOVERY_LISTED)
    certificates = not cluster.rollback
    records = [
        *_sasts(cluster, keys, CUCM_RECORD_LAYOUT),
        *(_ccm_tftp(one, CUCM_RECORD_LAYOUT, certificates) for one in cluster.nodes),
        *(_tvs(one, certificates) for one in cluster.nodes),
        _capf(cluster, CUCM_RECORD_LAYOUT),
    ]
    return sign_list(ITL_FILE, tuple(records), keys[0], cluster.digest, cluster.changed_at_seconds)


def sast_record(signer: ListedCertificate, node: ListedNode) -> Record:
    """Return a record that lets a certificate sign lists. node -- whose name stands in it."""
    return _record(signer, Function.SAST, node, CUCM_RECORD_LAYOUT)


def _cluster_keys(cluster: Cluster, node: Node, both_from: Release) -> list[Credential]:
    """Return the cluster's own SASTs, the signer first; ITLRecovery among them by release."""
    if cluster.release >= ITL_RECOVERY_SIGNS:
        return [cluster.itl_recovery, node.callmanager]
    if cluster.release >= both_from:
        return [node.callmanager, cluster.itl_recovery]
    return [node.callmanager]


def _token_sasts(cluster: ListedCluster, tokens: Sequence[ListedCertificate]) -> tuple[Record, ...]:
    records = tuple(_token_record(token) for token in tokens)
    if cluster.release < CLUSTER_KEYS_IN_TOKEN_CTL:
        return records
    keys = [cluster.itl_recovery, cluster.publisher.callmanager]
    return records + _sasts(cluster, keys, ETOKEN_RECORD_LAYOUT)


def _sasts(
    cluster: ListedCluster, keys: Sequence[ListedCertificate], layout: tuple[int, ...]
) -> tuple[Record, ...]:
    where = cluster.publisher
    return tuple(_record(key, Function.SAST, where, layout) for key in keys)


def _node_records(cluster: ListedCluster, layout: tuple[int, ...]) -> tuple[Record, ...]:
    first, *others = (
        _ccm_tftp(node, layout, with_certificate=cluster.mixed_mode) for node in cluster.nodes
    )
    return (first, _capf(cluster, layout), *others)


def _ccm_tftp(node: ListedNode, layout: tuple[int, ...], with_certificate: bool) -> Record:
    if not with_certificate:
        return _bare_record(Function.CCM_TFTP, node)
    return _record(node.callmanager, Function.CCM_TFTP, node, layout)


def _tvs(node: Node, with_certificate: bool) -> Record:
    if not with_certificate:
        return _bare_record(Function.TVS, node)
    return _record(node.tvs, Function.TVS, node, CUCM_RECORD_LAYOUT)


def _capf(cluster: ListedCluster, layout: tuple[int, ...]) -> Record:
    return _record(cluster.capf, Function.CAPF, cluster.publisher, layout)


def _token_record(token: ListedCertificate) -> Record:
    return _listed(token, Function.SAST, b"", _NO_ADDRESS, ETOKEN_RECORD_LAYOUT)


def _record(
    credential: ListedCertificate, function: Function, node: ListedNode, layout: tuple[int, ...]
) -> Record:
    return _listed(credential, function, node.name.encode(), _packed(node), layout)


def _bare_record(function: Function, node: ListedNode) -> Record:
    """A record without certificate: tags 1, 2, 4 and 10 (118892, after non-secure mode)."""
    return Record(
        function=function,
        dns_name=node.name.encode(),
        ip_address=_packed(node),
        layout=NO_CERTIFICATE_RECORD_LAYOUT,
    )


def _listed(
    credential: ListedCertificate,
    function: Function,
    dns_name: bytes,
    ip: bytes,
    layout: tuple[int, ...],
) -> Record:
    return Record(
        function=function,
        dns_name=dns_name,
        subject=credential.subject,
        issuer=credential.issuer,
        serial=credential.serial,
        public_key=credential.public_key,
        signature=credential.signature if 8 in layout else None,
        certificate=credential.certificate,
        ip_address=ip,
        layout=layout,
    )


def _packed(node: ListedNode) -> bytes:
    return ip_address(node.address).packed
