"""What the cluster's TVS knows: which certificate is whose, and what it may do. No network.

As in CUCM's traces (213407, 118699) an entry is found by the upper-case hexadecimal serial and the
issuer's text, both as lists write them; for a verification the certificate must compare equal.
Whether phones write the zero octet before a serial's high bit is not public: leading zeros do not
count.

    functions   certificate                        source
    0           eTokens, ITLRecovery               118893 (eToken {0})
    0, 2        the publisher's CallManager        118893
    0, 2        other nodes' CallManager, before   inferred: they sign the ITLs that they serve
                release 12.0
    2           the same from 12.0 on              inferred from the lists they stand in
    4, 21       CAPF, TVS                          the same
    0           Phone-SAST-trust                   118893, 213407
    3           CallManager-trust                  213407: a foreign CallManager has {0, 3}
    as given    imported ones                      of the caller

A certificate that stands in several places may do what each of them allows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_sim.cluster import (
    Cluster,
    ListedCertificate,
    Node,
    TrustStore,
    listed_token,
)
from firmware_sim.cluster.state import ITL_RECOVERY_SIGNS
from secd.trustlist import Function
from secd.tvs import DENIAL, FOUND, QueryCertificate, Question, TVSAnswer

_FUNCTION_OF_STORE = {
    TrustStore.PHONE_SAST: Function.SAST,
    TrustStore.CALLMANAGER: Function.TFTP,
}
DEFAULT_LIFETIME_SECONDS = 86_400  # 00 01 51 80 in 213407


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate that TVS knows."""

    credential: ListedCertificate
    functions: frozenset[int]


@dataclass(slots=True)
class TVSDirectory:
    """A cluster's TVS; it follows the cluster's state.

    imported -- what else it knows: certificates of another cluster, or those of a CTL.
    lifetime_seconds -- how long phones may keep an answer.
    """

    cluster: Cluster
    imported: list[Entry] = field(default_factory=list)
    lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS

    def entries(self) -> Iterator[Entry]:
        """Yield everything that TVS knows now."""
        cluster = self.cluster
        for token in cluster.tokens:
            yield Entry(token.credential, frozenset({int(Function.SAST)}))
        for node in cluster.nodes:
            yield Entry(node.callmanager, self._functions_of(node))
            yield Entry(node.tvs, frozenset({int(Function.TVS)}))
        yield Entry(cluster.capf, frozenset({int(Function.CAPF)}))
        yield Entry(cluster.itl_recovery, frozenset({int(Function.SAST)}))
        for one in cluster.trusted:
            functions = frozenset({int(_FUNCTION_OF_STORE[one.store])})
            yield Entry(listed_token(one.certificate), functions)
        yield from self.imported

    def find(self, question: Question) -> Entry | None:
        """Return the entry that a question is about, with the functions of all its places."""
        found = [entry for entry in self.entries() if _is_about(question, entry)]
        if not found:
            return None
        credential = found[0].credential
        same = (e for e in found if e.credential.certificate == credential.certificate)
        return Entry(credential, frozenset().union(*(entry.functions for entry in same)))

    def answer(self, question: Question) -> TVSAnswer:
        """Return what TVS says."""
        entry = self.find(question)
        if entry is None:
            return DENIAL
        certificate = entry.credential.certificate
        return TVSAnswer(FOUND, certificate, entry.functions, self.lifetime_seconds)

    def _functions_of(self, node: Node) -> frozenset[int]:
        signs = node is self.cluster.publisher or self.cluster.release < ITL_RECOVERY_SIGNS
        functions = {Function.SAST, Function.CCM_TFTP} if signs else {Function.CCM_TFTP}
        return frozenset(int(function) for function in functions)


def _is_about(question: Question, entry: Entry) -> bool:
    credential = entry.credential
    if isinstance(question, QueryCertificate):
        same_serial = question.serial.lstrip(b"\0") == credential.serial.lstrip(b"\0")
        return same_serial and question.issuer == credential.issuer
    return credential.certificate == question.certificate


def unique_map_id(issuer: bytes, serial: bytes) -> str:
    """Return the key of CUCM's certificate cache: serial in upper-case hex, then the issuer."""
    return serial.hex().upper() + issuer.decode("utf-8", "backslashreplace")
