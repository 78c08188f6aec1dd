"""Whom a phone may trust, said a second time: sets of keys and functions instead of octets.

Written from docs/decision-table.md, row by row, with the default of every switch, and without
`secd.trust`: where the two disagree, one of them (or the table) is wrong. Files come as a `Claim`,
which `model_reading` makes of octets; boots are in `model_phone`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

Key = tuple[int, int]  # modulus and exponent of an RSA key
Name = tuple[bytes | None, bytes | None]  # issuer and serial

SIGNS_LISTS = frozenset({0})
SIGNS_ITLS = frozenset({0, 2})
SIGNS_FILES = frozenset({2, 3})
TVS_FOR_LISTS = frozenset({0})
TVS_FOR_FILES = frozenset({0, 2, 3})
NOT_IN_EMPTY_ITL = frozenset({1, 2, 3, 21})
CALL_MANAGERS = frozenset({1, 2})
ITL_LIMIT = 65536


class Answer(Enum):
    """What becomes of a file."""

    TAKE = "take"
    LEAVE = "leave"
    ASK = "ask"  # only TVS can tell


@dataclass(frozen=True)
class Listed:
    """A record of a list. certificate -- empty: none. key -- None: no certificate with RSA key."""

    function: int | None
    name: Name
    certificate: bytes
    key: Key | None
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Claim:
    """What a file says. made_with -- whether a key made its signature."""

    octets: bytes
    signer: Name
    digest: int
    algorithm: int
    bits: int | None
    made_with: Callable[[Key], bool] = field(compare=False)
    listed: tuple[Listed, ...] = ()
    body: bytes = b""
    encrypted: bool = False

    @property
    def empty(self) -> bool:
        """The ITL of a rollback: nothing in it has a certificate but SASTs and CAPF."""
        return not any(one.certificate and one.function in NOT_IN_EMPTY_ITL for one in self.listed)


@dataclass(frozen=True)
class Word:
    """What TVS said about a name. good -- False: it does not know it, or was not there."""

    name: Name
    good: bool
    key: Key | None = None
    functions: frozenset[int] = frozenset()
    until: float = 0.0


@dataclass(frozen=True)
class Holder:
    """A phone as far as trust goes. newer -- False: 7940 and 7960."""

    newer: bool
    digests: frozenset[int]
    bits: frozenset[int]
    ctl: Claim | None = None
    itl: Claim | None = None
    has_tvs_servers: bool = False
    now: float = 0.0

    def understands(self, claim: Claim) -> bool:
        """Row L20."""
        return claim.digest in self.digests and claim.algorithm == 0 and claim.bits in self.bits


def may_ask(holder: Holder, address: str) -> bool:
    """Rows S1 to S3: whether a TFTP server is asked."""
    if holder.newer or holder.ctl is None:
        return True
    return any(
        one.function in SIGNS_FILES and address in one.addresses for one in holder.ctl.listed
    )


def wants_signed_files(holder: Holder) -> bool:
    """Row C1."""
    lists = [one for one in (holder.ctl, holder.itl) if one is not None]
    return any(
        one.certificate and one.function in SIGNS_FILES for each in lists for one in each.listed
    )


def knows_call_manager(holder: Holder) -> bool:
    """Row T1, as far as lists go."""
    where = holder.ctl or holder.itl
    return where is not None and any(
        one.certificate and one.function in CALL_MANAGERS for one in where.listed
    )


def judge_list(kind: str, claim: Claim, holder: Holder, said: Iterable[Word]) -> Answer:
    """Rows L1 to L13, and L20, L21; kind -- CTL or ITL. Identical and empty files: see callers."""
    if kind == "ITL" and (not holder.newer or len(claim.octets) > ITL_LIMIT):
        return Answer.LEAVE
    if not holder.understands(claim):
        return Answer.LEAVE
    ctl = holder.ctl
    itl = holder.itl if holder.newer else None
    if kind == "CTL":
        functions = SIGNS_LISTS
        if ctl is not None:
            anchors, alone = [ctl, itl], False  # L3 to L6
        elif itl is not None and not itl.empty:
            anchors, alone = [itl], False  # L2
        else:
            anchors, alone = [], True  # L1
    else:
        functions = SIGNS_ITLS
        if itl is None:
            anchors, alone = [ctl], ctl is None  # L7 to L9
        elif itl.empty:
            anchors, alone = [ctl], ctl is None  # L12, L13
        else:
            anchors, alone = [ctl, itl], False  # L10
    listed = [one for anchor in anchors if anchor is not None for one in anchor.listed]
    if alone:
        own = [one for one in _namesakes(claim, claim.listed) if one.function in SIGNS_LISTS]
        return Answer.TAKE if _makers(claim, own) else Answer.LEAVE
    return _judge_signer(claim, listed, functions, TVS_FOR_LISTS, holder, said)


def judge_file(claim: Claim, holder: Holder, said: Iterable[Word]) -> Answer:
    """Rows C2 and C3: a `.sgn`; what is encrypted is none, whatever its name."""
    if claim.encrypted or not holder.understands(claim):
        return Answer.LEAVE
    lists = [holder.ctl, holder.itl if holder.newer else None]
    listed = [one for each in lists if each is not None for one in each.listed]
    return _judge_signer(claim, listed, SIGNS_FILES, TVS_FOR_FILES, holder, said)


def _judge_signer(
    claim: Claim,
    listed: list[Listed],
    functions: frozenset[int],
    by_tvs: frozenset[int],
    holder: Holder,
    said: Iterable[Word],
) -> Answer:
    named = _namesakes(claim, listed)
    makers = _makers(claim, named)
    if any(one.function in functions for one in makers):
        return Answer.TAKE
    if named and not makers:
        return Answer.LEAVE  # the right name, the wrong key
    return _judge_by_tvs(claim, by_tvs, holder, said)


def _judge_by_tvs(
    claim: Claim, functions: frozenset[int], holder: Holder, said: Iterable[Word]
) -> Answer:
    """Rows L5, L6, L9, C3, and what a voucher is worth."""
    itl = holder.itl
    knows_tvs = itl is not None and any(
        one.function == 21 and one.certificate for one in itl.listed
    )
    if not holder.newer or not knows_tvs or not holder.has_tvs_servers:
        return Answer.LEAVE
    current = [
        word
        for word in said
        if word.name == claim.signer and (not word.good or holder.now <= word.until)
    ]
    if not current:
        return Answer.ASK
    word = current[0]
    if not word.good or not word.functions & functions or word.key is None:
        return Answer.LEAVE
    return Answer.TAKE if claim.made_with(word.key) else Answer.LEAVE


def _namesakes(claim: Claim, listed: Iterable[Listed]) -> list[Listed]:
    return [one for one in listed if one.certificate and one.name == claim.signer]


def _makers(claim: Claim, listed: Iterable[Listed]) -> list[Listed]:
    return [one for one in listed if one.key is not None and claim.made_with(one.key)]
