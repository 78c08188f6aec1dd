"""What the cluster's TVS knows: which certificate is whose, and what it may do. No network.

As in CUCM's traces (213407, 118699) an entry is found by the upper-case hexadecimal serial and the
issuer's text, both as lists write them; for a verification the certificate must compare equal.

    functions   certificate                        source
    0           eTokens, ITLRecovery               118893 (eToken {0})
    0, 2        the publisher's CallManager        118893
    2           other nodes' CallManager           inferred from the lists they stand in
    4, 21       CAPF, TVS                          the same
    as given    imported ones                      213407: a foreign CallManager has {0, 3}
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_sim.cluster import Cluster, Credential
from secd.trustlist import Function
from secd.tvs import DENIAL, FOUND, QueryCertificate, Question, TVSAnswer

DEFAULT_LIFETIME_SECONDS = 86_400  # 00 01 51 80 in 213407


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate that TVS knows."""

    credential: Credential
    functions: frozenset[int]

    @property
    def key(self) -> str:
        """CUCM's "Unique MAP ID"."""
        return unique_map_id(self.credential.issuer, self.credential.serial)


@dataclass(slots=True)
class TVSDirectory:
    """A cluster's TVS; it follows the cluster's state.

    imported -- certificates of other clusters, uploaded as Phone-SAST-trust (0) or
        CallManager-trust (3), with those functions.
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
            functions = {int(Function.CCM_TFTP)}
            if node is cluster.publisher:
                functions.add(int(Function.SAST))
            yield Entry(node.callmanager, frozenset(functions))
            yield Entry(node.tvs, frozenset({int(Function.TVS)}))
        yield Entry(cluster.capf, frozenset({int(Function.CAPF)}))
        yield Entry(cluster.itl_recovery, frozenset({int(Function.SAST)}))
        yield from self.imported

    def find(self, question: Question) -> Entry | None:
        """Return the entry that a question is about."""
        for entry in self.entries():
            if isinstance(question, QueryCertificate):
                if entry.key == unique_map_id(question.issuer, question.serial):
                    return entry
            elif entry.credential.certificate == question.certificate:
                return entry
        return None

    def answer(self, question: Question) -> TVSAnswer:
        """Return what TVS says."""
        entry = self.find(question)
        if entry is None:
            return DENIAL
        certificate = entry.credential.certificate
        return TVSAnswer(FOUND, certificate, entry.functions, self.lifetime_seconds)


def unique_map_id(issuer: bytes, serial: bytes) -> str:
    """Return the key of CUCM's certificate cache: serial in upper-case hex, then the issuer."""
    return serial.hex().upper() + issuer.decode("utf-8", "backslashreplace")
