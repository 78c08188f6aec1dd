"""A question to `secd.trust.decide` put to the model: what it would answer."""

from fuzz.model import Answer, Claim, Holder, Word, judge_file, judge_list
from fuzz.model_reading import claim_of_file, claim_of_list, key_of
from fuzz.naive import Bad
from secd.models import Generation
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
    if not candidate or (held is not None and held.octets == candidate):
        return Answer.LEAVE
    try:
        if kind is FileKind.SIGNED:
            return judge_file(claim_of_file(candidate), holder, said)
        return judge_list(kind.value, claim_of_list(candidate), holder, said)
    except Bad:
        return Answer.LEAVE


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
    )
