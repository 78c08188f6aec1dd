"""What to run, in the order that locks nobody out.

Nothing here knows rules of trust: each plan is tried on the phones first. A plan is the lists that
would be served; a phone that refuses them is locked by it. Tried are, in this order, the usual
lists, those with a reset CTL, those with a reset ITL, and both; the first that locks the fewest is
taken. The phones are those that were given, and one of each kind that holds what is served now.

    1  phones take what is served now, if they can and more will come
    2  CTL: made anew
    3  TFTP: serves the new lists; then perhaps `utils itl reset`
    4  CallManager: uses its new certificate; phones reset and take the lists
    5  by hand: phones that no plan helps
    6  lists with their usual signer again, if they were reset
    7  TVS and CAPF: only when phones hold their new certificates
    8  what comes afterwards: rollback off; or, when all is in step, the next certificate
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from firmware_sim.administration.checking.findings import Finding, FindingKind
from firmware_sim.administration.checking.judging import Files, judge
from firmware_sim.administration.checking.lists import fresh_ctl, fresh_itl
from firmware_sim.administration.checking.site import HeldPhone, Site
from firmware_sim.administration.commands import Unit
from firmware_sim.administration.recovery import recovery_signer
from firmware_sim.cluster import Credential, CTLKind, resigned
from firmware_sim.cluster.state import ITL_RECOVERY_LISTED, ITL_RECOVERY_SIGNS
from secd.errors import MalformedFile
from secd.trustlist import TrustList, decode_trust_list_untrusted


class StepKind(StrEnum):
    """Kinds of steps: keys of the table `step` in texts.toml."""

    PHONES_TAKE = "phones_take"
    UPDATE_CTL = "update_ctl"
    UPDATE_CTL_TOKENS = "update_ctl_tokens"
    RESET_CTL = "reset_ctl"
    RESTART_TFTP = "restart_tftp"
    RESET_ITL = "reset_itl"
    RESTART_CALLMANAGER = "restart_callmanager"
    ERASE_BY_HAND = "erase_by_hand"
    RESTART_TVS = "restart_tvs"
    RESTART_TVS_ROLLBACK = "restart_tvs_rollback"
    RESTART_CAPF = "restart_capf"
    ROLLBACK_OFF = "rollback_off"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. place -- the node, or the phones; unit -- the certificate."""

    kind: StepKind
    place: str = ""
    unit: str = ""


_NEW_CTL = frozenset(
    {
        FindingKind.NO_CTL,
        FindingKind.CTL_UNREADABLE,
        FindingKind.CTL_NOT_VERIFIED,
        FindingKind.CTL_DIFFERS,
        FindingKind.CTL_LACKS_NODE,
        FindingKind.CTL_OLD_ADDRESS,
        FindingKind.CTL_OLD_CERTIFICATE,
        FindingKind.CTL_CERTIFICATES_LEFT,
    }
)
_NEW_SERVED = frozenset(
    {FindingKind.TFTP_OLD, FindingKind.ITL_UNREADABLE, FindingKind.ITL_OTHER_SIGNER}
)
_CAN_TAKE = frozenset({FindingKind.PHONE_OLD_LIST, FindingKind.PHONE_NO_LIST})
_OUT_OF_DATE = frozenset({FindingKind.EXPIRED, FindingKind.EXPIRING})
_TOKEN = b'cn="SAST-'  # how the name of a token begins in a list (118892)


@dataclass(frozen=True, slots=True)
class Lists:
    """What would be served. ctl -- by all nodes; None: none. itls -- by the nodes' names."""

    ctl: bytes | None
    itls: dict[str, bytes]
    ctl_is_reset: bool = False
    itl_is_reset: bool = False


def advise(
    site: Site, phones: Sequence[HeldPhone], findings: Sequence[Finding]
) -> tuple[Step, ...]:
    """Return the steps; none where nothing has to be done.

    phones -- with what they hold once they have taken what is served now.
    """
    kinds = {finding.kind for finding in findings}
    more = bool(kinds & (_NEW_CTL | _NEW_SERVED)) or any(refusing(site, phones, served(site)))
    first = [Step(StepKind.PHONES_TAKE)] if kinds & _CAN_TAKE else []
    if not more:
        if FindingKind.PHONE_REFUSES_LIST in kinds:  # now, and not any more at the boot after it
            first = [Step(StepKind.PHONES_TAKE)]
        return (*first, *_afterwards(site, findings), *_last(findings, bool(first)))
    plan = _best(site, phones, kinds)
    lists = list(_lists_steps(site, plan, findings))
    steps = [*first, *lists]
    if lists:  # else there is nothing new for phones to reset for
        steps += _all(site, StepKind.RESTART_CALLMANAGER)
    locked = ", ".join(refusing(site, phones, plan))
    steps += [Step(StepKind.ERASE_BY_HAND, locked)] if locked else []
    steps.append(Step(StepKind.PHONES_TAKE))
    if plan.ctl_is_reset or plan.itl_is_reset:
        steps += [Step(StepKind.UPDATE_CTL)] if plan.ctl_is_reset else []
        steps += _all(site, StepKind.RESTART_TFTP)
        steps.append(Step(StepKind.PHONES_TAKE))
    steps += _afterwards(site, findings, without=StepKind.RESTART_CALLMANAGER if lists else None)
    return (*steps, *_last(findings, busy=True))


def served(site: Site) -> Lists:
    """Return what is served now (the CTL as the publisher does)."""
    return Lists(site.nodes[0].ctl, {one.node.name: one.itl for one in site.nodes})


def restarted(site: Site, kinds: Iterable[FindingKind]) -> Lists:
    """Return what would be served if the CTL, where that is due, and then TFTP came anew.

    A CTL that a token will sign is not there yet: the one that is served stands for it.
    """
    publisher = site.nodes[0]
    ctl = publisher.disk_ctl
    if _NEW_CTL.intersection(kinds):
        ctl = publisher.ctl if made_with_tokens(site) else fresh_ctl(site).octets
    itls = {one.node.name: fresh_itl(site, one.node).octets for one in site.nodes}
    return Lists(ctl, itls)


def refusing(site: Site, phones: Iterable[HeldPhone], lists: Lists) -> Iterator[str]:
    """Yield the phones that refuse a list of some node, and still do at their next boot.

    A phone that refuses the CTL may take the ITL with the TVS that vouches for the CTL later.
    """
    for phone in phones:
        for one in site.nodes:
            itl = lists.itls[one.node.name]
            files = Files(one.node.address, lists.ctl, itl, None, one.callmanager, None)
            first = judge(site, phone, files)
            if not first.refuses_list:
                continue
            if judge(site, replace(phone, installed=first.after), files).refuses_list:
                yield phone.device
                break


def made_with_tokens(site: Site) -> bool:
    """Tell whether a token signs the CTL: who signed the one there is, else what was said last."""
    octets = site.nodes[0].disk_ctl
    if octets is not None:
        try:
            signer = decode_trust_list_untrusted(octets).header.signer.name
        except MalformedFile:
            pass  # it is in the findings
        else:
            return signer.startswith(_TOKEN)
    if site.cluster.ctl is None:
        return site.cluster.release < ITL_RECOVERY_LISTED
    return site.cluster.ctl in (CTLKind.ETOKEN, CTLKind.CTL_CLIENT)


def _best(site: Site, phones: Sequence[HeldPhone], kinds: Iterable[FindingKind]) -> Lists:
    plain = restarted(site, kinds)
    variants = [plain, *_with_ctl_reset(site, plain)]
    variants += [other for one in variants for other in _with_itl_reset(site, one)]
    locked = [len(list(refusing(site, phones, one))) for one in variants]
    return variants[locked.index(min(locked))]


def _with_ctl_reset(site: Site, lists: Lists) -> Iterator[Lists]:
    old = site.cluster.release < ITL_RECOVERY_SIGNS
    if lists.ctl is None or made_with_tokens(site) or old:
        return
    octets = _resigned(site, fresh_ctl(site), site.cluster.publisher.callmanager)
    yield replace(lists, ctl=octets, ctl_is_reset=True)


def _with_itl_reset(site: Site, lists: Lists) -> Iterator[Lists]:
    if site.cluster.release < ITL_RECOVERY_LISTED:
        return
    itl = decode_trust_list_untrusted(lists.itls[site.nodes[0].node.name])
    octets = _resigned(site, itl, recovery_signer(site.cluster))
    yield replace(lists, itls=dict.fromkeys(lists.itls, octets), itl_is_reset=True)


def _resigned(site: Site, trust_list: TrustList, signer: Credential) -> bytes:
    cluster = site.cluster
    now = int(site.now_seconds)
    return resigned(trust_list, signer, cluster.publisher, cluster.digest, now)


def _lists_steps(site: Site, plan: Lists, findings: Sequence[Finding]) -> Iterator[Step]:
    kinds = {finding.kind for finding in findings}
    new_ctl = bool(kinds & _NEW_CTL) or plan.ctl_is_reset
    if plan.ctl_is_reset:
        yield Step(StepKind.RESET_CTL)
    elif new_ctl:
        by_tokens = made_with_tokens(site)
        yield Step(StepKind.UPDATE_CTL_TOKENS if by_tokens else StepKind.UPDATE_CTL)
    older = {finding.place for finding in findings if finding.kind in _NEW_SERVED}
    if FindingKind.ROLLBACK in kinds and older and FindingKind.TVS_OLD not in kinds:
        yield from _all(site, StepKind.RESTART_TVS_ROLLBACK)
    for step in _all(site, StepKind.RESTART_TFTP):
        if new_ctl or step.place in older:
            yield step
    if plan.itl_is_reset:
        yield Step(StepKind.RESET_ITL)


def _all(site: Site, kind: StepKind) -> Iterator[Step]:
    return (Step(kind, one.node.name) for one in site.nodes)


def _afterwards(
    site: Site, findings: Sequence[Finding], without: StepKind | None = None
) -> Iterator[Step]:
    """Services that may show a new certificate once the lists that phones hold name it."""
    for found, kind in (
        (FindingKind.CALLMANAGER_OLD, StepKind.RESTART_CALLMANAGER),
        (FindingKind.TVS_OLD, StepKind.RESTART_TVS),
        (FindingKind.CAPF_OLD, StepKind.RESTART_CAPF),
    ):
        if kind is not without:
            yield from (Step(kind, one.place) for one in findings if one.kind is found)
    if any(one.kind is FindingKind.ROLLBACK for one in findings):
        yield Step(StepKind.ROLLBACK_OFF)
        yield from _all(site, StepKind.RESTART_TVS_ROLLBACK)
        yield from _all(site, StepKind.RESTART_TFTP)
        yield Step(StepKind.PHONES_TAKE)


def _last(findings: Sequence[Finding], busy: bool) -> Iterator[Step]:
    """The first certificate to renew, alone: the others when phones have taken the lists."""
    waiting = {FindingKind.TVS_OLD, FindingKind.CAPF_OLD, FindingKind.CALLMANAGER_OLD}
    if busy or any(one.kind in waiting or one.kind is FindingKind.ROLLBACK for one in findings):
        return
    due = [one for one in findings if one.kind in _OUT_OF_DATE]
    for unit in Unit:
        for one in due:
            if dict(one.values)["unit"] == unit:
                yield Step(StepKind.RENEW, one.place, unit)
                return
