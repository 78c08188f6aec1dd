"""Messages of TVS and CAPF: values that can be written, and octets that are nearly messages.

The two formats are alike: a header with a length, elements of tag, length and value. What spoils
one spoils the other.
"""

from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st

from fuzz.signing import Identity, identity
from fuzz.strategies_lists import NAMES
from secd import capf, tvs
from secd.capf.names import Tag as CAPFTag
from secd.tvs import QueryCertificate, Question, Tag, TVSAnswer, VerifyCertificate

who: st.SearchStrategy[Identity] = st.sampled_from(NAMES).map(identity)
_texts = st.binary(max_size=12).map(lambda octets: octets.replace(b"\0", b"") + b"\0")
_some = st.binary(max_size=12)
_numbers = {size: st.binary(min_size=size, max_size=size) for size in (1, 2, 4)}

_TVS_VALUES = {
    Tag.DEVICE_NAME: st.just(tvs.wire_name("8861", "SEP0011215A1AE3")) | _some,
    Tag.CERTIFICATE: who.map(lambda one: one.certificate) | _some,
    Tag.SUBJECT: _texts,
    Tag.ISSUER: _texts,
    Tag.SERIAL: _some,
    Tag.STATUS: st.sampled_from([b"\0", b"\0", b"\1"]) | _numbers[1],
    Tag.FUNCTIONS: _some,
    Tag.LIFETIME: _numbers[4],
}
_CAPF_SIZES = {CAPFTag.KEY_SIZE: 2}
_CAPF_ONE = (
    *(CAPFTag.REASON, CAPFTag.CERTIFICATE_TYPE, CAPFTag.VERSION, CAPFTag.AUTH_TYPE),
    *(CAPFTag.KEY_TYPE, CAPFTag.CURVE),
)
_CAPF_VALUES: dict[int, st.SearchStrategy[bytes]] = {
    **{int(tag): _numbers[1] for tag in _CAPF_ONE},
    int(CAPFTag.KEY_SIZE): _numbers[2],
    int(CAPFTag.CERTIFICATE): who.map(lambda one: capf.wrap_certificate(one.certificate)) | _some,
    int(CAPFTag.PUBLIC_KEY): who.map(lambda one: capf.public_octets(one.key)) | _some,
    int(CAPFTag.DEVICE_NAME): _texts,
    int(CAPFTag.PASSWORD): _texts,
    int(CAPFTag.SUDI_DATA): _some,
    int(CAPFTag.SHA2_SIGNED_DATA): _some.map(capf.wrap_sha512_signature) | _some,
    30: _some,
}


@cache
def _tags_among(tags: tuple[int, ...]) -> st.SearchStrategy[list[int]]:
    return st.lists(st.sampled_from(tags), unique=True, max_size=6)


@st.composite
def _elements(
    draw: st.DrawFn, values: dict[int, st.SearchStrategy[bytes]]
) -> tuple[tuple[int, bytes], ...]:
    tags = draw(_tags_among(tuple(sorted(values))))
    return tuple((tag, draw(values[tag])) for tag in tags)


tvs_messages: st.SearchStrategy[tvs.Message] = st.builds(
    tvs.Message,
    st.integers(1, 4) | st.integers(0, 255),
    st.integers(0, 0xFFFFFFFF),
    _elements({**{int(tag): values for tag, values in _TVS_VALUES.items()}, 6: _some, 77: _some}),
    st.sampled_from([0, 0xF7]),
)
capf_messages: st.SearchStrategy[capf.Message] = st.builds(
    capf.Message,
    st.integers(1, 23) | st.integers(0, 255),
    st.sampled_from([4, 4, 4, 5, 0xFFFFFFFF]),
    _elements(_CAPF_VALUES),
)

questions: st.SearchStrategy[Question] = who.flatmap(
    lambda one: st.sampled_from(
        [
            QueryCertificate(one.subject, one.issuer, one.serial),
            VerifyCertificate(one.certificate),
        ]
    )
)
answers: st.SearchStrategy[TVSAnswer] = st.one_of(
    st.integers(1, 255).map(TVSAnswer),
    st.builds(
        TVSAnswer,
        st.just(0),
        who.map(lambda one: one.certificate),
        st.frozensets(st.integers(0, 255), max_size=5),
        st.integers(0, 0xFFFFFFFF),
    ),
)


def spoilt(messages: st.SearchStrategy[bytes], header_bytes: int) -> st.SearchStrategy[bytes]:
    """Octets of a message, whole or with one thing wrong with them."""

    def spoil(octets: bytes, how: str, at: int, value: int) -> bytes:
        place = at % len(octets)
        ways: dict[str, Callable[[], bytes]] = {
            "whole": lambda: octets,
            "cut": lambda: octets[:place],
            "more": lambda: octets + bytes([value]) * 3,
            "octet": lambda: octets[:place] + bytes([value]) + octets[place + 1 :],
            "length": lambda: (
                octets[: header_bytes - 2]
                + (len(octets) - header_bytes + value - 128).to_bytes(4, "big", signed=True)[2:]
                + octets[header_bytes:]
            ),
            "twice": lambda: (
                octets[: header_bytes - 2]
                + (2 * (len(octets) - header_bytes) % 65536).to_bytes(2, "big")
                + octets[header_bytes:] * 2
            ),
        }
        return ways[how]()

    return st.builds(
        spoil,
        messages,
        st.sampled_from(["whole", "cut", "more", "octet", "length", "twice"]),
        st.integers(0, 5000),
        st.integers(0, 255),
    )
