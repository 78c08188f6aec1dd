"""A question to `secd.trust.decide` put to the model: what it would answer."""

from fuzz.model import Answer, Claim, Holder, Word, judge_file, judge_list
from fuzz.model_doubts import Doubts
from fuzz.model_peers import TLSServer, judge_peer
from fuzz.model_reading import claim_of_file, claim_of_list, expiry_of, key_of
from fuzz.naive import Bad
from fuzz.signing import Identity
from secd.models import (
    Absent,
    CAPFByTVS,
    CCMPeer,
    FirstCTLWithITL,
    Generation,
    P0AddressFields,
    Switches,
    TVSFlush,
)
from secd.trust import (
    Accept,
    Context,
    Installed,
    NeedsTVS,
    Verdict,
    Voucher,
    VoucherOutcome,
)
from secd.trustlist import TrustList
from secd.words import FileKind, Transport


def expected_answer(
    installed: Installed, candidate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> Answer | None:
    """Return the model's answer; None: it says nothing of such a question."""
    kind = context.kind
    holder = holder_of(installed, context)
    said = [_word(voucher) for voucher in vouchers]
    if context.server_address or kind not in (FileKind.CTL, FileKind.ITL, FileKind.SIGNED):
        return None
    if kind is FileKind.SIGNED and candidate[:3] != b"\1\0\2":
        https = context.channel is Transport.HTTPS and context.model.generation is Generation.P3
        return Answer.TAKE if https else Answer.LEAVE
    held = installed.of(kind)
    doubts = holder.doubts
    if not candidate:
        newer = holder.newer or kind is FileKind.CTL
        return Answer.TAKE if doubts.empty_erases and held and newer else Answer.LEAVE
    if doubts.knows_same and held is not None and held.octets == candidate:
        return Answer.LEAVE
    try:
        if kind is FileKind.SIGNED:
            return judge_file(claim_of_file(candidate), holder, said, context.requested_name)
        return judge_list(kind.value, claim_of_list(candidate), holder, said)
    except Bad:
        return Answer.LEAVE


def expected_of_peer(
    installed: Installed,
    who: Identity,
    function: int,
    context: Context,
    vouchers: tuple[Voucher, ...],
) -> Answer:
    """Return the model's answer about a TLS server that shows a certificate of the cast."""
    holder = holder_of(installed, context)
    said = [_word(voucher) for voucher in vouchers]
    newest = context.model.generation is Generation.P3
    server = TLSServer(who.certificate, (who.issuer, who.serial), function)
    return judge_peer(server, holder, said, newest=newest)


def answer_of(verdict: Verdict) -> Answer:
    """Return a verdict in the model's words."""
    if isinstance(verdict, Accept):
        return Answer.TAKE
    return Answer.ASK if isinstance(verdict, NeedsTVS) else Answer.LEAVE


def holder_of(held: Installed, context: Context) -> Holder:
    """Return a phone in the model's words."""
    model = context.model
    return Holder(
        newer=model.generation is not Generation.P0,
        digests=model.digests,
        bits=model.modulus_bits,
        ctl=claim_of(held.ctl),
        itl=claim_of(held.itl),
        has_tvs_servers=bool(context.tvs_servers),
        now=context.now_seconds,
        doubts=doubts_of(model.switches),
    )


def doubts_of(switches: Switches) -> Doubts:
    """Return a model's switches in the words of the model of trust."""
    fields = switches.p0_address_fields
    return Doubts(
        imprints=switches.first_ctl_with_itl is FirstCTLWithITL.IMPRINT,
        self_check=switches.first_list_self_check,
        itl_signs_ctls=switches.ctl_signer_in_itl,
        itl_signers=switches.itl_signer_functions,
        knows_same=switches.identical_shortcut,
        rollback_needs_no_ctl=switches.rollback_needs_no_ctl,
        filled_by=switches.empty_itl_functions,
        empty_erases=switches.zero_length is Absent.ERASE,
        missing_erases=switches.not_found is Absent.ERASE,
        tvs_for_files=switches.tvs_sgn_roles,
        remembers_no=switches.tvs_negative_cache,
        any_list_flushes=switches.tvs_flush is TVSFlush.ANY_LIST,
        by_address=fields is not P0AddressFields.DNS_NAME,
        by_name=fields is not P0AddressFields.IP_ADDRESS,
        ccm_by_both=switches.ccm_peer is CCMPeer.CTL_OR_ITL,
        capf_by_tvs=switches.capf_tvs is not CAPFByTVS.NEVER,
        listed_capf_by_tvs=switches.capf_tvs is CAPFByTVS.ALWAYS,
        dates=switches.check_dates,
        times=switches.check_timestamp,
        names=switches.check_sgn_name,
    )


def claim_of(trust_list: TrustList | None) -> Claim | None:
    """Return a held list in the model's words."""
    return None if trust_list is None else claim_of_list(trust_list.octets)


def _word(voucher: Voucher) -> Word:
    return Word(
        (voucher.issuer, voucher.serial),
        voucher.outcome is VoucherOutcome.VOUCHED,
        key_of(voucher.certificate),
        voucher.functions,
        voucher.until_seconds,
        expiry_of(voucher.certificate),
        voucher.certificate,
    )
