"""TLS servers that show a certificate, and what a phone holds that speaks of them."""

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from fuzz.signing import Identity, identity
from fuzz.strategies import NOW, Situation, contexts, readable
from fuzz.strategies_basic import among
from fuzz.strategies_lists import cast, list_record, plain_header, written
from fuzz.strategies_parts import header_parts, sign_parts
from secd.envelope import CERTUTILS_LIST_LAYOUT, encode_header, pad
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.trustlist import TrustList
from secd.words import FileKind

_PERHAPS = st.booleans()
_CONTEXTS = contexts(FileKind.PLAIN)
_TVS = list_record(21, identity("TVS"))


@st.composite
def peer_situations(draw: st.DrawFn) -> tuple[Situation, Identity]:
    """A TLS server that shows a certificate, and lists and words that nearly all speak of it."""
    who = draw(cast)
    held = [draw(_lists_about(who)) if draw(_PERHAPS) else None for _ in range(2)]
    context = replace(draw(_CONTEXTS), server_address="")
    return Situation(Installed(*held), b"", context, tuple(draw(_words_to_servers(who)))), who


@cache
def _lists_about(who: Identity) -> st.SearchStrategy[TrustList]:
    return _server_lists(who)


@st.composite
def _server_lists(draw: st.DrawFn, who: Identity) -> TrustList:
    """A list of one or two records, most of a server, and with TVS, most times."""
    members = [
        list_record(draw(among(0, 1, 2, 3, 4, 7, 21)), draw(among(who, who, identity("OTHER"))))
        for _ in range(draw(among(1, 1, 2)))
    ]
    version = draw(among(None, (1, 0), (1, 1), (2, 0)))
    header = plain_header(identity("RECOVERY"))
    if version is not None:
        header = pad(replace(header, signer_version=version, layout=CERTUTILS_LIST_LAYOUT))
    parts = header_parts(encode_header(header))
    tvs = draw(among((), (_TVS,), (_TVS,)))
    return readable(sign_parts(parts, written((*members, *tvs)), identity("RECOVERY")))


@cache
def _words_to_servers(who: Identity) -> st.SearchStrategy[list[Voucher]]:
    return st.lists(_word_to_server(who), max_size=2)


@st.composite
def _word_to_server(draw: st.DrawFn, who: Identity) -> Voucher:
    return Voucher(
        who.issuer,
        who.serial,
        draw(among(*[VoucherOutcome.VOUCHED] * 4, *VoucherOutcome)),
        draw(among(who, who, who, identity("TVS"))).certificate,
        frozenset(draw(among((1,), (2,), (4,), (7,), (1, 4, 7), (0,), ()))),
        draw(among(NOW + 1, NOW + 1, NOW, NOW - 1)),
    )
