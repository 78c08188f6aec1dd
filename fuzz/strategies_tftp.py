"""TFTP packets: values that can be written, and datagrams that are nearly packets."""

from hypothesis import strategies as st

from fuzz.strategies_basic import among, between, octets_up_to
from secd.tftp.packets import (
    Acknowledgement,
    Data,
    ErrorPacket,
    OptionAcknowledgement,
    Packet,
    ReadRequest,
)

_BLOCKS = st.integers(0, 0xFFFF)
_STRINGS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_WORDS = st.sampled_from(["blksize", "windowsize", "tsize", "timeout", "x", ""])
_OPTIONS = st.lists(
    st.tuples(_WORDS, _STRINGS), max_size=4, unique_by=lambda option: option[0]
).map(tuple)
_PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)

packets: st.SearchStrategy[Packet] = st.one_of(
    st.builds(ReadRequest, _STRINGS.filter(bool), st.sampled_from(["octet", "netascii"]), _OPTIONS),
    st.builds(Data, _BLOCKS, st.binary(max_size=20)),
    st.builds(Acknowledgement, _BLOCKS),
    st.builds(ErrorPacket, _BLOCKS, _PRINTABLE),
    st.builds(OptionAcknowledgement, _OPTIONS),
)


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """A packet, whole, cut, longer, under another opcode, or with a NUL too many or too few."""
    octets = draw(packets).encode()
    match draw(among("whole", "cut", "more", "opcode", "nul", "text")):
        case "cut":
            return octets[: draw(between(0, len(octets)))]
        case "more":
            return octets + draw(octets_up_to(6))
        case "opcode":
            return bytes([draw(among(0, 1)), draw(between(0, 7))]) + octets[2:]
        case "nul":
            return octets.replace(b"\0", draw(among(b"", b"\0\0")))
        case "text":
            return octets[:4] + draw(octets_up_to(20))
        case _:
            return octets
