"""Which TLS servers a phone may trust, in the words of the model: rows T1 to T5.

Chains (the end of row T4) are not here: nobody in the cast of `strategies_lists` is a CA.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fuzz.model import (
    CALL_MANAGERS,
    Answer,
    Claim,
    Holder,
    Name,
    Word,
    call_manager_lists,
    can_ask_tvs,
    current_word,
)

CALL_MANAGER, FILES, CAPF, SERVICE, TVS = 1, 3, 4, 7, 21
NEW_SIGNER = b"\1\1"  # signer version from which there is HTTPS 6971


@dataclass(frozen=True)
class TLSServer:
    """What a server shows. name -- issuer and serial in it. wanted_for -- a function."""

    certificate: bytes
    name: Name
    wanted_for: int


def judge_peer(server: TLSServer, holder: Holder, said: Iterable[Word], *, newest: bool) -> Answer:
    """Rows T1 to T5. newest -- 78xx and 88xx."""
    doubts = holder.doubts
    ctl, itl = holder.ctl, holder.itl if holder.newer else None
    both = [one for one in (ctl, itl) if one is not None]
    match server.wanted_for:
        case 1:
            if _listed(server, call_manager_lists(holder), CALL_MANAGERS):
                return Answer.TAKE
            roles, asks = CALL_MANAGERS, ctl is None
        case 4:
            if _listed(server, both, frozenset({CAPF})):
                return Answer.TAKE
            known = any(one.function == CAPF and one.certificate for c in both for one in c.listed)
            asks = doubts.capf_by_tvs and (doubts.listed_capf_by_tvs or not known)
            roles = frozenset({CAPF})
        case 7:
            if _listed(server, both, frozenset({SERVICE})):
                return Answer.TAKE
            roles, asks = frozenset({SERVICE}), True
        case 21:
            roles, asks = frozenset(), False
            if _listed(server, [itl] if itl else [], frozenset({TVS})):
                return Answer.TAKE
        case _:
            roles, asks = frozenset(), False
            offered = newest and itl is not None and itl.signer_version >= NEW_SIGNER
            if itl and offered and _listed(server, [itl], frozenset({FILES})):
                return Answer.TAKE
    return _by_tvs(server, roles, holder, said) if asks else Answer.LEAVE


def _listed(server: TLSServer, lists: Iterable[Claim], functions: frozenset[int]) -> bool:
    return any(
        one.certificate == server.certificate and one.function in functions
        for each in lists
        for one in each.listed
    )


def _by_tvs(
    server: TLSServer, roles: frozenset[int], holder: Holder, said: Iterable[Word]
) -> Answer:
    if not can_ask_tvs(holder):
        return Answer.LEAVE
    word = current_word(server.name, holder, said)
    if word is None:
        return Answer.ASK
    fits = word.good and word.functions & roles and word.certificate == server.certificate
    return Answer.TAKE if fits else Answer.LEAVE
