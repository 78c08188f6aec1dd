"""Whom a phone may trust, said a second time: sets of keys and functions instead of octets.

Written from docs/decision-table.md, row by row, with its switches as `model_doubts` has them, and
without `secd.trust`: where the two disagree, one of them (or the table) is wrong. Files come as a
`Claim`, which `model_reading` makes of octets; boots are in `model_phone`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from fuzz.model_doubts import DEFAULTS, Doubts

Key = tuple[int, int]  # modulus and exponent of an RSA key
Name = tuple[bytes | None, bytes | None]  # issuer and serial

SIGNS_LISTS = frozenset({0})
SIGNS_FILES = frozenset({2, 3})
TVS_FOR_LISTS = frozenset({0})
CALL_MANAGERS = frozenset({1, 2})
ITL_LIMIT = 65536


class Answer(Enum):
    """What becomes of a file."""

    TAKE = "take"
    LEAVE = "leave"
    ASK = "ask"  # only TVS can tell


@dataclass(frozen=True)
class Listed:
    """A record of a list.

    certificate -- empty: none. key -- None: no certificate with RSA key. expires -- None: no
    certificate that says so. address, dns -- empty: none.
    """

    function: int | None
    name: Name
    certificate: bytes
    key: Key | None
    expires: float | None = None
    address: str = ""
    dns: str = ""


@dataclass(frozen=True)
class Claim:
    """What a file says. made_with -- whether a key made its signature.

    signed_at -- 0: it does not say. title -- the file name in its header; empty: none.
    signer_version -- empty: none.
    """

    octets: bytes
    signer: Name
    digest: int
    algorithm: int
    bits: int | None
    made_with: Callable[[Key], bool] = field(compare=False)
    listed: tuple[Listed, ...] = ()
    body: bytes = b""
    encrypted: bool = False
    signed_at: int = 0
    title: bytes = b""
    signer_version: bytes = b""


@dataclass(frozen=True)
class Word:
    """What TVS said about a name. good -- False: it does not know it, or was not there.

    until -- how long the word counts. certificate -- what came with it.
    expires -- its last second; None: it has none.
    """

    name: Name
    good: bool
    key: Key | None = None
    functions: frozenset[int] = frozenset()
    until: float = 0.0
    expires: float | None = None
    certificate: bytes = b""


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
    doubts: Doubts = DEFAULTS

    def understands(self, claim: Claim) -> bool:
        """Row L20."""
        return claim.digest in self.digests and claim.algorithm == 0 and claim.bits in self.bits

    @property
    def itl_is_empty(self) -> bool:
        """The ITL of a rollback: nothing in it has a certificate but SASTs and CAPF."""
        return self.itl is not None and not any(
            one.certificate and one.function in self.doubts.filled_by for one in self.itl.listed
        )


def may_ask(holder: Holder, address: str) -> bool:
    """Rows S1 to S3: whether a TFTP server is asked."""
    doubts = holder.doubts
    if holder.newer or holder.ctl is None:
        return True
    return any(
        one.function in SIGNS_FILES
        and (
            (doubts.by_address and one.address == address)
            or (doubts.by_name and one.dns == address)
        )
        for one in holder.ctl.listed
    )


def wants_signed_files(holder: Holder) -> bool:
    """Row C1."""
    lists = [one for one in (holder.ctl, holder.itl) if one is not None]
    return any(
        one.certificate and one.function in SIGNS_FILES for each in lists for one in each.listed
    )


def knows_call_manager(holder: Holder) -> bool:
    """Row T1, as far as lists go."""
    return any(
        one.certificate and one.function in CALL_MANAGERS
        for each in call_manager_lists(holder)
        for one in each.listed
    )


def call_manager_lists(holder: Holder) -> list[Claim]:
    """Row T1: the lists in which a call manager may stand."""
    both = [one for one in (holder.ctl, holder.itl) if one is not None]
    return both if holder.doubts.ccm_by_both else both[:1]


def judge_list(kind: str, claim: Claim, holder: Holder, said: Iterable[Word]) -> Answer:
    """Rows L1 to L13, L20 to L22; kind -- CTL or ITL. Identical and empty files: see callers."""
    if kind == "ITL" and (not holder.newer or len(claim.octets) > ITL_LIMIT):
        return Answer.LEAVE
    if not holder.understands(claim):
        return Answer.LEAVE
    doubts = holder.doubts
    ctl = holder.ctl
    itl = holder.itl if holder.newer else None
    if kind == "CTL":
        functions = SIGNS_LISTS
        if ctl is not None:
            anchors, alone = [ctl, itl if doubts.itl_signs_ctls else None], False  # L3 to L6
        elif itl is not None and not holder.itl_is_empty and not doubts.imprints:
            anchors, alone = [itl], False  # L2
        else:
            anchors, alone = [], True  # L1
    else:
        functions = doubts.itl_signers
        if itl is None:
            anchors, alone = [ctl], ctl is None  # L7 to L9
        elif holder.itl_is_empty:
            anchors, alone = [ctl], ctl is None or not doubts.rollback_needs_no_ctl  # L12, L13
        else:
            anchors, alone = [ctl, itl], False  # L10
    listed = [one for anchor in anchors if anchor is not None for one in anchor.listed]
    held = ctl if kind == "CTL" else itl
    if alone:
        answer = _judge_alone(claim, listed, functions, holder, held is None)
    else:
        answer = _judge_signer(claim, listed, functions, TVS_FOR_LISTS, holder, said)
    if answer is Answer.TAKE and doubts.times and held and claim.signed_at < held.signed_at:
        return Answer.LEAVE
    return answer


def judge_file(claim: Claim, holder: Holder, said: Iterable[Word], asked_for: str) -> Answer:
    """Rows C2, C3 and L22: a `.sgn`; what is encrypted is none, whatever its name."""
    if claim.encrypted or not holder.understands(claim):
        return Answer.LEAVE
    lists = [holder.ctl, holder.itl if holder.newer else None]
    listed = [one for each in lists if each is not None for one in each.listed]
    roles = holder.doubts.tvs_for_files
    answer = _judge_signer(claim, listed, SIGNS_FILES, roles, holder, said)
    if answer is Answer.TAKE and holder.doubts.names and claim.title != asked_for.encode():
        return Answer.LEAVE
    return answer


def _judge_alone(
    claim: Claim, listed: list[Listed], functions: frozenset[int], holder: Holder, first: bool
) -> Answer:
    """Rows L1, L7, L12, L13: by those whom a list knows, else by a SAST of its own."""
    named = _namesakes(claim, listed)
    makers = _makers(claim, named)
    allowed = [one for one in makers if one.function in functions]
    if allowed:
        return _unless_expired(allowed[0].expires, holder)
    if named and not makers:
        return Answer.LEAVE
    if first and not holder.doubts.self_check:
        return Answer.TAKE
    own = [one for one in _namesakes(claim, claim.listed) if one.function in SIGNS_LISTS]
    signed = _makers(claim, own)
    return _unless_expired(signed[0].expires, holder) if signed else Answer.LEAVE


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
    allowed = [one for one in makers if one.function in functions]
    if allowed:
        return _unless_expired(allowed[0].expires, holder)
    if named and not makers:
        return Answer.LEAVE  # the right name, the wrong key
    return _judge_by_tvs(claim, by_tvs, holder, said)


def _judge_by_tvs(
    claim: Claim, functions: frozenset[int], holder: Holder, said: Iterable[Word]
) -> Answer:
    """Rows L5, L6, L9, C3, and what a voucher is worth."""
    if not can_ask_tvs(holder):
        return Answer.LEAVE
    word = current_word(claim.signer, holder, said)
    if word is None:
        return Answer.ASK
    if not word.good or not word.functions & functions or word.key is None:
        return Answer.LEAVE
    return _unless_expired(word.expires, holder) if claim.made_with(word.key) else Answer.LEAVE


def can_ask_tvs(holder: Holder) -> bool:
    """Whether the phone knows a TVS: a certificate by the ITL, an address by the configuration."""
    itl = holder.itl
    known = itl is not None and any(one.function == 21 and one.certificate for one in itl.listed)
    return holder.newer and known and holder.has_tvs_servers


def current_word(name: Name, holder: Holder, said: Iterable[Word]) -> Word | None:
    """What TVS said of a name, if that still counts."""
    current = [
        word for word in said if word.name == name and (not word.good or holder.now <= word.until)
    ]
    return current[0] if current else None


def _unless_expired(expires: float | None, holder: Holder) -> Answer:
    if holder.doubts.dates and (expires is None or holder.now > expires):
        return Answer.LEAVE
    return Answer.TAKE


def _namesakes(claim: Claim, listed: Iterable[Listed]) -> list[Listed]:
    return [one for one in listed if one.certificate and one.name == claim.signer]


def _makers(claim: Claim, listed: Iterable[Listed]) -> list[Listed]:
    return [one for one in listed if one.key is not None and claim.made_with(one.key)]
