"""Laws of decisions: whom they may trust, on what they depend, and what they must not depend on."""

from dataclasses import dataclass, replace

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from fuzz.model import Answer, Holder, wants_signed_files
from fuzz.model_reading import claim_of_file
from fuzz.model_verdict import answer_of, claim_of, expected_answer, expected_of_peer
from fuzz.naive import read_file
from fuzz.signing import Identity, identity
from fuzz.strategies import (
    Situation,
    any_file,
    examples,
    readable,
    signer_situations,
    situations,
    trusted_situations,
)
from fuzz.strategies_lists import (
    cast,
    list_headers,
    list_record,
    plain_header,
    same_in_another_order,
    usual_records,
    written,
)
from fuzz.strategies_mutations import mutated
from fuzz.strategies_parts import header_parts, sign_parts
from fuzz.strategies_peers import peer_situations
from secd.envelope import encode_header
from secd.trust import (
    Accept,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Unchanged,
    Verdict,
    decide,
    decide_peer,
    signed_files_required,
)
from secd.trustlist import Function, TrustList, decode_trust_list_untrusted
from secd.words import FileKind, Transport

LAW = settings(max_examples=examples(30))
MANY = settings(max_examples=examples(300))  # few octets, many cases
ANY = situations()
ABOUT_SIGNERS = signer_situations()


TOKEN = identity("TOKEN1")
# With TVS it is no empty ITL, whatever the switch says that one is.
_RECORDS = (list_record(0, TOKEN), list_record(2, TOKEN), list_record(21, identity("TVS")))
FULL = readable(
    sign_parts(header_parts(encode_header(plain_header(TOKEN))), written(_RECORDS), TOKEN)
)


def judge(one: Situation) -> Verdict:
    return decide(one.installed, one.candidate, one.context, one.vouchers)


def expected(one: Situation) -> Answer | None:
    return expected_answer(one.installed, one.candidate, one.context, one.vouchers)


@MANY
@given(
    peer_situations(),
    st.sampled_from(
        [Function.CCM, Function.CAPF, Function.TVS, Function.APP_SERVER, Function.TFTP]
    ),
)
def test_a_server_is_judged_as_the_model_does(
    shown: tuple[Situation, Identity], function: Function
) -> None:
    """TLS servers: octet for octet what a list holds, or by TVS where the table says so."""
    one, who = shown
    assume(one.context.model.security_by_default or one.installed.itl is None)
    held, context = one.installed, one.context
    verdict = decide_peer(held, who.certificate, function, context, one.vouchers)
    event(f"{function.name} {verdict.reason}")
    expected = expected_of_peer(held, who, int(function), context, one.vouchers)
    assert answer_of(verdict) is expected


@LAW
@given(ANY)
def test_no_error_leaves_the_door(one: Situation) -> None:
    verdict = judge(one)
    event(f"{one.context.kind} {verdict.reason}")
    assert isinstance(verdict, Accept | Refuse | Unchanged | NeedsTVS)


@LAW
@given(ANY)
def test_a_decision_is_the_models(one: Situation) -> None:
    """No signer is accepted whom the table does not allow, and none is refused whom it does."""
    answer = expected(one)
    if answer is not None:
        assert answer_of(judge(one)) is answer


@MANY
@given(ABOUT_SIGNERS)
def test_a_signer_is_judged_as_the_model_does(one: Situation) -> None:
    verdict = judge(one)
    event(f"{one.context.kind} {verdict.reason}")
    assert answer_of(verdict) is expected(one)


@LAW
@given(ANY, ANY)
def test_a_decision_depends_on_its_arguments_alone(one: Situation, other: Situation) -> None:
    first = judge(one)
    judge(other)
    judge(replace(other, installed=one.installed))
    copied = Installed(_copied(one.installed.ctl), _copied(one.installed.itl))
    again = decide(copied, bytes(bytearray(one.candidate)), one.context, one.vouchers)
    assert (first.reason, first) == (again.reason, again)


@LAW
@given(st.data(), trusted_situations())
def test_no_signed_octet_of_what_is_accepted_may_change(
    data: st.DataObject, one: Situation
) -> None:
    """What else is accepted has the same signed octets: only the signature's own place is open."""
    accepted = judge(one)
    assert isinstance(accepted, Accept)
    changed = data.draw(mutated(st.just(one.candidate)))
    verdict = judge(replace(one, candidate=changed))
    event(verdict.reason)
    if isinstance(verdict, Accept) and verdict.reason is not Reason.CHANNEL_AUTHENTICATED:
        assert read_file(changed).signed_octets() == read_file(one.candidate).signed_octets()


@LAW
@given(ANY)
def test_what_is_accepted_is_what_arrived(one: Situation) -> None:
    verdict = judge(one)
    if verdict.reason is Reason.EMPTY_FILE:
        return  # a list that is erased (switch zero_length), or stays
    if isinstance(verdict, Accept) and one.context.kind.is_list:
        assert verdict.trust_list == readable(one.candidate)
    elif isinstance(verdict, Accept) and one.context.kind is FileKind.SIGNED:
        arrived = one.candidate
        unsigned = verdict.reason is Reason.CHANNEL_AUTHENTICATED
        assert verdict.payload == (arrived if unsigned else read_file(arrived).body())


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lists of the same values, both signed by the same key."""

    signer: Identity
    straight: bytes
    shuffled: bytes


_MEMBERS = st.lists(usual_records(), max_size=4)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    signer = draw(cast)
    header = draw(list_headers(signer))
    members = draw(_MEMBERS)
    body = written((*members, list_record(0, signer)))
    straight = sign_parts(header_parts(encode_header(header)), body, signer, header.digest)
    return Pair(signer, straight, draw(same_in_another_order(straight, signer)))


PAIRS = pairs()


@LAW
@given(ANY, PAIRS, st.sampled_from([FileKind.CTL, FileKind.ITL]))
def test_order_unknown_tags_and_padding_decide_nothing(
    one: Situation, pair: Pair, kind: FileKind
) -> None:
    context = replace(one.context, kind=kind)
    held = one.installed.of(kind)
    assume(held is None or held.octets not in (pair.straight, pair.shuffled))  # row L14
    straight = decide(one.installed, pair.straight, context, one.vouchers)
    shuffled = decide(one.installed, pair.shuffled, context, one.vouchers)
    assert _said(straight) == _said(shuffled)


@LAW
@given(ANY, PAIRS, PAIRS)
def test_order_unknown_tags_and_padding_of_what_is_held_decide_nothing(
    one: Situation, ctl: Pair, itl: Pair
) -> None:
    straight = Installed(readable(ctl.straight), readable(itl.straight))
    shuffled = Installed(readable(ctl.shuffled), readable(itl.shuffled))
    assume(one.candidate not in (ctl.straight, itl.straight, ctl.shuffled, itl.shuffled))
    first = decide(straight, one.candidate, one.context, one.vouchers)
    second = decide(shuffled, one.candidate, one.context, one.vouchers)
    assert _said(first) == _said(second)


@LAW
@given(ABOUT_SIGNERS)
def test_signed_files_are_asked_for_as_the_model_says(one: Situation) -> None:
    held = one.installed
    holder = Holder(True, frozenset(), frozenset(), claim_of(held.ctl), claim_of(held.itl))
    assert signed_files_required(held) == wants_signed_files(holder)


@LAW
@given(ANY, any_file)
def test_with_full_lists_and_without_tvs_only_the_listed_key_counts(
    one: Situation, octets: bytes
) -> None:
    context = replace(one.context, tvs_servers=(), channel=Transport.TFTP, manual_key=None)
    verdict = decide(Installed(FULL, FULL), octets, context, one.vouchers)
    if isinstance(verdict, Accept) and verdict.reason is not Reason.EMPTY_FILE:
        assert verdict.reason in (Reason.IN_CTL, Reason.IN_ITL)
        numbers = TOKEN.key.public_key().public_numbers()
        assert claim_of_file(octets).made_with((numbers.n, numbers.e))


def _copied(trust_list: TrustList | None) -> TrustList | None:
    if trust_list is None:
        return None
    return decode_trust_list_untrusted(bytes(bytearray(trust_list.octets)))


def _said(verdict: Verdict) -> tuple[type[Verdict], Reason, str]:
    return type(verdict), verdict.reason, verdict.evidence.detail
