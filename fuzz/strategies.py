"""Whole situations for a decision: what a phone holds, what arrives, what TVS said; and all files.

The one module that outsiders need; what it puts together stands in the other `strategies_…`.
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from fuzz.signing import rsa_key
from fuzz.strategies_lists import (
    ADDRESSES,
    DEVICE_KEY,
    cast,
    held_lists,
    list_record,
    plain_header,
    signed_files,
    signed_lists,
    whole_list,
    whole_sgn,
)
from fuzz.strategies_mutations import mutated, vectors
from fuzz.strategies_parts import header_parts, sign_parts
from secd.envelope import Signer, decode_signed_file_untrusted, encode_header
from secd.errors import MalformedFile
from secd.files.data import model_catalogue
from secd.models import Model
from secd.trust import Context, Installed, Voucher, VoucherOutcome
from secd.trustlist import TrustList, decode_trust_list_untrusted, encode_records
from secd.words import FileKind, Transport

NOW = 1_600_000_000.0
MODEL_NAMES = ("7960", "7961", "8945", "8861")  # one of each generation

models: st.SearchStrategy[Model] = st.sampled_from(
    [model_catalogue().find(name) for name in (*MODEL_NAMES, *MODEL_NAMES[1:])]
)


@dataclass(frozen=True, slots=True)
class Situation:
    """The arguments of one decision."""

    installed: Installed
    candidate: bytes
    context: Context
    vouchers: tuple[Voucher, ...]


def readable(octets: bytes) -> TrustList:
    """Read a list that was made readable."""
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


@st.composite
def honest_vouchers(draw: st.DrawFn) -> Voucher:
    """A voucher that fits a member of the cast: name and certificate are one identity's."""
    who = draw(cast)
    functions = draw(st.frozensets(st.sampled_from([0, 0, 2, 3]), min_size=1))
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


@st.composite
def contexts(draw: st.DrawFn, kind: FileKind | None = None) -> Context:
    """Any phone that asks for any kind of file."""
    return Context(
        model=draw(models),
        kind=draw(st.sampled_from(FileKind)) if kind is None else kind,
        now_seconds=NOW,
        server_address=draw(st.sampled_from([""] * 6 + [*ADDRESSES, "192.0.2.9"])),
        channel=draw(st.sampled_from([Transport.TFTP] * 3 + list(Transport))),
        tvs_servers=draw(st.sampled_from([ADDRESSES[:1], ADDRESSES[:1], ()])),
        device_key=draw(st.sampled_from([None, rsa_key(DEVICE_KEY)])),
        manual_key=draw(st.sampled_from([None, None, bytes(range(16))])),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Arguments of `decide`: the file is mostly of the kind that was asked for."""
    kind = draw(st.sampled_from([FileKind.CTL, FileKind.ITL, FileKind.SIGNED, *FileKind]))
    fitting = {
        FileKind.SIGNED: signed_files(),
        FileKind.ENCRYPTED: signed_files(encrypted=True),
    }.get(kind, signed_lists())
    asked = draw(any_file if draw(st.integers(0, 7)) == 7 else fitting)
    said = draw(st.lists(st.one_of(vouchers, honest_vouchers()), max_size=2))
    signer = _signer_of(asked)
    if signer is not None and draw(st.booleans()):
        said.append(replace(draw(honest_vouchers()), issuer=signer.issuer, serial=signer.serial))
    return Situation(draw(installed), asked, draw(contexts(kind)), tuple(said))


@st.composite
def trusted_situations(draw: st.DrawFn) -> Situation:
    """A phone that holds lists, and a whole file that one of them lets it accept."""
    kind = draw(st.sampled_from([FileKind.CTL, FileKind.ITL, FileKind.SIGNED, FileKind.ENCRYPTED]))
    signer = draw(cast)
    parts = header_parts(encode_header(plain_header(signer)))
    held = readable(
        sign_parts(parts, encode_records((list_record(0, signer), list_record(2, signer))), signer)
    )
    context = replace(
        draw(contexts(kind)),
        model=draw(models.filter(lambda model: model.security_by_default)),
        server_address="",
        device_key=rsa_key(DEVICE_KEY),
    )
    candidate = draw(
        {
            FileKind.SIGNED: whole_sgn(signer),
            FileKind.ENCRYPTED: whole_sgn(signer, encrypted=True),
        }.get(kind, whole_list(signer))
    )
    return Situation(
        draw(st.sampled_from([Installed(held), Installed(held, held)])), candidate, context, ()
    )


def _signer_of(octets: bytes) -> Signer | None:
    try:
        return decode_signed_file_untrusted(octets).header.signer
    except MalformedFile:
        return None
