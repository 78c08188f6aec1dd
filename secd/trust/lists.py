"""Whether a trust list is installed: rows L1 to L22 of the decision table.

Order of checks: size, format, digest and key, signer, signature, function, TVS. (The server's
address, the empty file and the identical file come before, in `secd.trust.decide`.)

    candidate  installed             counts as anchor             functions     else
    CTL        no CTL, no/empty ITL  itself                       SAST          refuse   L1
    CTL        no CTL, ITL           ITL                          SAST          TVS      L2
    CTL        CTL                   CTL, then ITL                SAST          TVS      L3-L6
    ITL        none                  itself                       SAST          refuse   L7
    ITL        CTL only              CTL                          SAST, 2       refuse   L8, L9
    ITL        empty ITL, no CTL     itself                       SAST          refuse   L12
    ITL        empty ITL, CTL        CTL                          SAST, 2       refuse   L13
    ITL        ITL (and CTL)         CTL, then ITL                SAST, 2       TVS      L10

An empty ITL is an anchor of CTLs alone (L4): for an ITL after it, its records neither help nor
stand in the way.

The key always comes from the installed record (of a first list: from its own SAST record; by TVS:
from the returned certificate), never from a later candidate.
"""

from dataclasses import dataclass

from secd.models import FirstCTLWithITL
from secd.trust.reasons import Reason
from secd.trust.signers import (
    find_matches,
    judge_voucher,
    refuse_algorithms,
    refuse_by_switches,
    verified_matches,
)
from secd.trust.values import (
    Accept,
    Context,
    Evidence,
    Installed,
    Match,
    Refuse,
    Verdict,
    Voucher,
)
from secd.trustlist import Function, TrustList, decode_trust_list_untrusted
from secd.words import FileKind

_SAST = frozenset({int(Function.SAST)})


@dataclass(frozen=True, slots=True)
class _Anchors:
    """What a candidate is measured by: one line of the table above.

    functions -- a record must have one of these. itself -- the reason with which a candidate
    that no list vouches for is accepted if it is signed by a SAST of its own.
    """

    lists: tuple[tuple[FileKind, TrustList], ...]
    functions: frozenset[int]
    itself: Reason | None = None


def decide_list(
    installed: Installed, candidate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> Verdict:
    """Judge a trust list of `context.kind`.

    Raises MalformedFile, SignatureInvalid or UnsupportedKey, which the outer door turns into
    refusals.
    """
    limit = context.model.itl_limit_bytes
    if context.kind is FileKind.ITL and limit and len(candidate) > limit:
        detail = f"the ITL has {len(candidate)} octets, phones load at most {limit}"
        return Refuse(Reason.TOO_LARGE, Evidence(detail))
    new = decode_trust_list_untrusted(candidate)
    refusal = refuse_algorithms(new.file, context)
    if refusal is not None:
        return refusal
    anchors = _anchors(installed, context)
    matches = find_matches(anchors.lists, new.file)
    allowed = [
        match
        for match in verified_matches(new.file, matches)
        if match.record.function in anchors.functions
    ]
    if allowed:
        first = allowed[0]
        reason = Reason.IN_CTL if first.holder is FileKind.CTL else Reason.IN_ITL
        return _accept(new, reason, (first,), None, installed, context)
    if anchors.itself is not None:
        return _by_itself(new, anchors.itself, installed, context)
    # What TVS vouches with for a trust list is function 0 alone (118893).
    voucher = judge_voucher(installed, new.file, matches, context, vouchers, _SAST)
    if not isinstance(voucher, Voucher):
        return voucher
    return _accept(new, Reason.TVS_VOUCHED, matches, voucher, installed, context)


def _anchors(installed: Installed, context: Context) -> _Anchors:
    if context.kind is FileKind.CTL:
        return _anchors_of_ctl(installed, context)
    return _anchors_of_itl(installed, context)


def _anchors_of_ctl(installed: Installed, context: Context) -> _Anchors:
    switches = context.model.switches
    by_itl = context.model.security_by_default and installed.itl is not None
    if installed.ctl is not None:
        lists = [(FileKind.CTL, installed.ctl)]
        if by_itl and switches.ctl_signer_in_itl and installed.itl is not None:
            lists.append((FileKind.ITL, installed.itl))
        return _Anchors(tuple(lists), _SAST)
    imprints = switches.first_ctl_with_itl is FirstCTLWithITL.IMPRINT
    if installed.itl is None or not by_itl or installed.itl_is_empty(switches) or imprints:
        return _Anchors((), _SAST, Reason.FIRST_LIST)
    return _Anchors(((FileKind.ITL, installed.itl),), _SAST)


def _anchors_of_itl(installed: Installed, context: Context) -> _Anchors:
    switches = context.model.switches
    functions = switches.itl_signer_functions
    ctl = () if installed.ctl is None else ((FileKind.CTL, installed.ctl),)
    itl = () if installed.itl is None else ((FileKind.ITL, installed.itl),)
    if not itl:
        return _Anchors(ctl, functions, None if ctl else Reason.FIRST_LIST)
    if not installed.itl_is_empty(switches):
        return _Anchors(ctl + itl, functions)
    if ctl and switches.rollback_needs_no_ctl:
        return _Anchors(ctl, functions)
    return _Anchors(ctl, functions, Reason.ROLLBACK_ITL)


def _by_itself(new: TrustList, reason: Reason, installed: Installed, context: Context) -> Verdict:
    """Judge a list by its own SAST record (rows L1, L7, L12)."""
    if reason is Reason.FIRST_LIST and not context.model.switches.first_list_self_check:
        return Accept(reason, Evidence("", new.file), trust_list=new)
    own = tuple(
        match
        for match in find_matches(((context.kind, new),), new.file)
        if match.record.function == Function.SAST
    )
    if not own:
        detail = "no SAST record of the list carries its signer's issuer and serial"
        return Refuse(Reason.NOT_SELF_CONSISTENT, Evidence(detail, new.file))
    return _accept(new, reason, verified_matches(new.file, own)[:1], None, installed, context)


def _accept(
    new: TrustList,
    reason: Reason,
    matches: tuple[Match, ...],
    voucher: Voucher | None,
    installed: Installed,
    context: Context,
) -> Verdict:
    certificate = voucher.certificate if voucher else matches[0].record.certificate or b""
    refusal = refuse_by_switches(new.file, certificate, installed.of(context.kind), context)
    if refusal is not None:
        return refusal
    return Accept(reason, Evidence("", new.file, matches, voucher), trust_list=new)
