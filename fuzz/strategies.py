"""Whole situations for a decision: what a phone holds, what arrives, what TVS said; and all files.

The one module that outsiders need; what it puts together stands in the other `strategies_…`.
"""

from dataclasses import dataclass, replace
from functools import cache, lru_cache

from hypothesis import settings
from hypothesis import strategies as st

from fuzz.signing import Identity, identity, rsa_key
from fuzz.strategies_basic import among, between
from fuzz.strategies_lists import (
    ADDRESSES,
    DEVICE_KEY,
    PAYLOADS,
    bare_record,
    cast,
    held_lists,
    list_record,
    plain_parts,
    signed_files,
    signed_lists,
    whole_list,
    whole_sgn,
    written,
)
from fuzz.strategies_mutations import mutated, vectors
from fuzz.strategies_parts import sign_parts
from fuzz.strategies_switches import switches
from secd.envelope import (
    Signer,
    decode_signed_file_untrusted,
)
from secd.errors import MalformedFile
from secd.files.data import model_catalogue
from secd.models import (
    Model,
)
from secd.trust import Context, Installed, Voucher, VoucherOutcome
from secd.trustlist import Record, TrustList, decode_trust_list_untrusted
from secd.words import FileKind, Transport

NOW = 1_600_000_000.0
MODEL_NAMES = ("7960", "7961", "8945", "8861")  # one of each generation

_usual_models: st.SearchStrategy[Model] = st.sampled_from(
    [model_catalogue().find(name) for name in (*MODEL_NAMES, *MODEL_NAMES[1:])]
)
# Half of all phones have the defaults.
models: st.SearchStrategy[Model] = _usual_models | st.builds(
    lambda model, habits: replace(model, switches=habits), _usual_models, switches
)
_newer_models = _usual_models.filter(lambda model: model.security_by_default)


def examples(short: int) -> int:
    """How many examples a law gets: `short` in `make test`, the profile's under SECD_FUZZ=long."""
    profile = settings().max_examples
    return profile if profile > 1000 else short


@dataclass(frozen=True, slots=True)
class Situation:
    """The arguments of one decision."""

    installed: Installed
    candidate: bytes
    context: Context
    vouchers: tuple[Voucher, ...]


@lru_cache(maxsize=4096)
def readable(octets: bytes) -> TrustList:
    """Read a list that was made readable; one that was read lately is not read again."""
    return decode_trust_list_untrusted(octets)


installed_lists = st.none() | st.one_of(
    held_lists(), held_lists(), signed_lists(breaking=False)
).map(readable)
installed = st.builds(Installed, installed_lists, installed_lists)

vouchers = st.builds(
    lambda named, answered, outcome, functions, until: Voucher(
        named.issuer, named.serial, outcome, answered.certificate, functions, until
    ),
    cast,
    cast,
    st.sampled_from([VoucherOutcome.VOUCHED] * 3 + list(VoucherOutcome)),
    st.frozensets(st.sampled_from([0, 0, 2, 3, 4, 21]), max_size=3),
    st.sampled_from([NOW + 60, NOW + 60, NOW, NOW - 1]),
)


_GOOD_FUNCTIONS = st.frozensets(st.sampled_from([0, 0, 2, 3]), min_size=1)


@st.composite
def honest_vouchers(draw: st.DrawFn) -> Voucher:
    """A voucher that fits a member of the cast: name and certificate are one identity's."""
    who = draw(cast)
    functions = draw(_GOOD_FUNCTIONS)
    outcome = VoucherOutcome.VOUCHED
    return Voucher(who.issuer, who.serial, outcome, who.certificate, functions, NOW + 60)


# Every signed file there is: made ones, vectors, and both damaged.
whole_files = st.one_of(
    signed_lists(), signed_lists(), signed_files(), signed_files(encrypted=True)
)
any_file = st.one_of(
    whole_files,
    whole_files,
    mutated(whole_files),
    mutated(st.sampled_from(vectors())),
    st.binary(max_size=40),
)


_ANY_KIND = st.sampled_from(FileKind)
_USUAL_KIND = st.sampled_from([FileKind.CTL, FileKind.ITL, FileKind.SIGNED, *FileKind])
_DEVICE_KEYS = st.sampled_from([None, rsa_key(DEVICE_KEY)])
_FITTING = {
    FileKind.SIGNED: signed_files(),
    FileKind.ENCRYPTED: signed_files(encrypted=True),
}
_ANY_LIST = signed_lists()
_HONEST = honest_vouchers()
_SAID = st.lists(st.one_of(vouchers, _HONEST), max_size=2)
_PERHAPS = st.booleans()


@st.composite
def contexts(draw: st.DrawFn, kind: FileKind | None = None) -> Context:
    """Any phone that asks for any kind of file."""
    return Context(
        model=draw(models),
        kind=draw(_ANY_KIND) if kind is None else kind,
        now_seconds=NOW,
        server_address=draw(among(*[""] * 6, *ADDRESSES, "192.0.2.9")),
        channel=draw(among(*[Transport.TFTP] * 3, *Transport)),
        tvs_servers=draw(among(ADDRESSES[:1], ADDRESSES[:1], ())),
        device_key=draw(_DEVICE_KEYS),
        manual_key=draw(among(None, None, bytes(range(16)))),
        requested_name=draw(among("SEP.cnf.xml.sgn", "SEP.cnf.xml.sgn", "other.sgn", "")),
    )


@cache
def _contexts_of(kind: FileKind) -> st.SearchStrategy[Context]:
    return contexts(kind)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Arguments of `decide`: the file is mostly of the kind that was asked for."""
    kind = draw(_USUAL_KIND)
    fitting = _FITTING.get(kind, _ANY_LIST)
    asked = draw(any_file if draw(between(0, 7)) == 7 else fitting)
    said = draw(_SAID)
    signer = _signer_of(asked)
    if signer is not None and draw(_PERHAPS):
        said.append(replace(draw(_HONEST), issuer=signer.issuer, serial=signer.serial))
    return Situation(draw(installed), asked, draw(_contexts_of(kind)), tuple(said))


@st.composite
def trusted_situations(draw: st.DrawFn) -> Situation:
    """A phone that holds lists, and a whole file that one of them lets it accept."""
    kind = draw(among(FileKind.CTL, FileKind.ITL, FileKind.SIGNED, FileKind.ENCRYPTED))
    signer = draw(cast)
    held = _list_of(signer, (list_record(0, signer), list_record(2, signer)))
    context = replace(
        draw(_contexts_of(kind)),
        model=draw(_newer_models),
        server_address="",
        device_key=rsa_key(DEVICE_KEY),
    )
    candidate = draw(
        {
            FileKind.SIGNED: whole_sgn(signer),
            FileKind.ENCRYPTED: whole_sgn(signer, encrypted=True),
        }.get(kind, whole_list(signer))
    )
    return Situation(Installed(held, held if draw(_PERHAPS) else None), candidate, context, ())


@st.composite
def signer_situations(draw: st.DrawFn) -> Situation:
    """Everything about the signer, and nothing else wrong: few names, many meetings.

    Whole files with SHA-1; records of the signer's name with and without its key, with each
    function, without certificate, with another issuer; an ITL with and without TVS; words of TVS
    about the signer, good, late, too weak, or with another certificate.
    """
    named = draw(_few)
    kind = draw(among(FileKind.CTL, FileKind.ITL, FileKind.SIGNED))
    body = PAYLOADS[0] if kind is FileKind.SIGNED else written(draw(_members_of(named)))
    return Situation(
        draw(draw(among(*_holdings(named)))),
        sign_parts(
            plain_parts(named), body, draw(among(named, named, named, identity("STRANGER")))
        ),
        Context(draw(models), kind, NOW, tvs_servers=draw(among(*[ADDRESSES] * 3, ()))),
        tuple(draw(_words_of(named))),
    )


@cache
def _members_of(named: Identity) -> st.SearchStrategy[tuple[Record, ...]]:
    return _small_lists(named)


@cache
def _words_of(named: Identity) -> st.SearchStrategy[list[Voucher]]:
    return st.lists(_words_about(named), max_size=2)


@cache
def _holdings(named: Identity) -> tuple[st.SearchStrategy[Installed], ...]:
    """What it holds: anything, no signer but TVS, lists after a rollback, one list."""
    first = st.builds(Installed, _small_held(named) | _small_held(identity("RECOVERY")))
    return _any_held(named), _tvs_held, _rollback_held(named), first


def _any_held(named: Identity) -> st.SearchStrategy[Installed]:
    return st.builds(Installed, _small_held(named), _small_held(named))


def _rollback_held(named: Identity) -> st.SearchStrategy[Installed]:
    """Lists after the ITL of a rollback."""
    return st.builds(
        lambda ctl: Installed(ctl, _list_of(named, (list_record(0, named), bare_record(21)))),
        _small_held(named) | _small_held(identity("RECOVERY")),
    )


_few = st.sampled_from(["TOKEN1", "CCM"]).map(identity)


def _small_held(named: Identity) -> st.SearchStrategy[TrustList | None]:
    return st.none() | _small_lists(named).map(lambda members: _list_of(named, members))


def _list_of(signer: Identity, members: tuple[Record, ...]) -> TrustList:
    return readable(sign_parts(plain_parts(signer), written(members), signer))


@st.composite
def _small_lists(draw: st.DrawFn, named: Identity) -> tuple[Record, ...]:
    """No, one or two records of a name, and perhaps one of TVS."""
    members = []
    for _ in range(draw(among(0, 1, 1, 2))):
        function = draw(among(0, 0, 2, 3, 1, 21))
        who = draw(among(named, named, identity("TOKEN1", "CCM"), identity("TVS")))
        member = list_record(function, who)
        match draw(among(*["whole"] * 6, "bare", "issuer")):
            case "bare":
                layout = tuple(tag for tag in member.layout if tag != 9)
                member = replace(member, certificate=None, layout=layout)
            case "issuer":
                member = replace(member, issuer=b"CN=somebody else")
        members.append(member)
    tvs = draw(_TVS_OR_NOT)
    return (*members, *tvs)


@st.composite
def _words_about(draw: st.DrawFn, named: Identity) -> Voucher:
    return Voucher(
        named.issuer,
        named.serial,
        draw(among(*[VoucherOutcome.VOUCHED] * 4, *VoucherOutcome)),
        draw(among(named, named, named, identity("TVS"))).certificate,
        frozenset(draw(among((0,), (0,), (2,), (3,), (4,), (0, 2), ()))),
        draw(among(NOW + 1, NOW + 1, NOW, NOW - 1)),
    )


_TVS = list_record(21, identity("TVS"))
_TVS_OR_NOT = st.sampled_from([(), (_TVS,), (_TVS,), (bare_record(21),)])
# Lists that do not know the signer, and a TVS to ask.
_tvs_held = st.builds(
    Installed,
    _small_held(identity("RECOVERY")),
    st.just(_list_of(identity("RECOVERY"), (list_record(0, identity("RECOVERY")), _TVS))),
)


def _signer_of(octets: bytes) -> Signer | None:
    try:
        return decode_signed_file_untrusted(octets).header.signer
    except MalformedFile:
        return None
