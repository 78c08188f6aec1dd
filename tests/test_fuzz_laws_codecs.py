"""Laws of the codecs: what is written is read back, what is read is written back, one error."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzz import strategies_configurations as xml
from fuzz.strategies import any_file, examples
from fuzz.strategies_mutations import mutated, vectors
from fuzz.strategies_parts import Part, broken, header_parts, write_header
from fuzz.strategies_tftp import datagrams, packets
from fuzz.strategies_values import headers, records
from secd.configuration import Configuration, parse_configuration_untrusted
from secd.envelope import (
    Header,
    components_of_untrusted,
    decode_header_untrusted,
    decode_signed_file_untrusted,
    encode_header,
    encode_signed_file,
)
from secd.errors import MalformedFile, RemoteProtocolViolation
from secd.tftp.packets import Packet, decode_packet_untrusted
from secd.trustlist import (
    Record,
    decode_records_untrusted,
    decode_trust_list_untrusted,
    encode_record,
    encode_trust_list,
)

LAW = settings(max_examples=examples(40))
T = TypeVar("T")


@LAW
@given(headers())
def test_a_header_written_is_read_back(header: Header) -> None:
    octets = encode_header(header)
    assert decode_header_untrusted(octets)[:2] == (header, len(octets))


@LAW
@given(records())
def test_a_record_written_is_read_back(record: Record) -> None:
    assert decode_records_untrusted(encode_record(record), 0) == (record,)


@LAW
@given(headers(), st.lists(records(), max_size=4).map(tuple))
def test_a_list_written_is_read_back(header: Header, members: tuple[Record, ...]) -> None:
    trust_list = decode_trust_list_untrusted(encode_trust_list(header, members))
    assert (trust_list.header, trust_list.records) == (header, members)


@LAW
@given(any_file)
def test_a_file_read_is_written_back(octets: bytes) -> None:
    _assert_written_back(octets)


@LAW
@given(headers().flatmap(lambda header: broken(header_parts(encode_header(header)))))
def test_a_broken_header_read_is_written_back(parts: list[Part]) -> None:
    _assert_written_back(write_header(parts))


@example(b"\x01\x00\x02")  # the place of its error was named behind the end of the file
@LAW
@given(mutated(st.sampled_from(vectors())))
def test_a_vector_read_is_written_back(octets: bytes) -> None:
    _assert_written_back(octets)


@LAW
@given(headers())
def test_the_raw_writer_writes_what_the_codec_writes(header: Header) -> None:
    octets = encode_header(header)
    assert write_header(header_parts(octets)) == octets


@LAW
@given(packets)
def test_a_packet_written_is_read_back(packet: Packet) -> None:
    assert decode_packet_untrusted(packet.encode()) == packet


@LAW
@given(datagrams())
def test_a_packet_read_keeps_its_meaning_when_it_is_written(datagram: bytes) -> None:
    """Not its octets: names of options lose their case, texts what follows their NUL."""
    try:
        packet = decode_packet_untrusted(datagram)
    except RemoteProtocolViolation:
        return
    if len(packet.encode()) > 3:
        assert decode_packet_untrusted(packet.encode()) == packet


@LAW
@given(xml.configurations.flatmap(lambda one: st.tuples(st.just(one), xml.written(one))))
def test_a_configuration_written_is_read_back(pair: tuple[Configuration, bytes]) -> None:
    configuration, octets = pair
    assert parse_configuration_untrusted(octets) == configuration


@LAW
@given(xml.octets() | mutated(xml.octets()) | st.binary(max_size=60))
def test_a_configuration_is_read_or_malformed(octets: bytes) -> None:
    assert str(_read(parse_configuration_untrusted, octets)).isprintable()


@LAW
@given(st.binary(max_size=60) | any_file)
def test_components_are_read_or_malformed(octets: bytes) -> None:
    assert str(_read(components_of_untrusted, octets)).isprintable()


def _assert_written_back(octets: bytes) -> None:
    file = _read(decode_signed_file_untrusted, octets)
    if not isinstance(file, MalformedFile):
        assert encode_signed_file(file.header, file.body) == octets
    trust_list = _read(decode_trust_list_untrusted, octets)
    if not isinstance(trust_list, MalformedFile):
        assert encode_trust_list(trust_list.header, trust_list.records) == octets


def _read(read: Callable[[bytes], T], octets: bytes) -> T | MalformedFile:
    """Return what a door says, or its one error, which names a place inside the file."""
    try:
        return read(octets)
    except MalformedFile as malformed:
        error = malformed
    assert error.offset is None or 0 <= error.offset <= len(octets)
    return error
