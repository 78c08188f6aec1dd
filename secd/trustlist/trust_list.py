"""A whole trust list (CTL or ITL): envelope and records.

Which of the two kinds it is does not stand in the file in a way that counts: it is known from the
request. There is no trailer: header length and record lengths add up to the file's length.
"""

from dataclasses import dataclass

from secd.envelope import Header, SignedFile, decode_signed_file_untrusted, encode_header
from secd.trustlist.record import Record, decode_records_untrusted, encode_record


@dataclass(frozen=True, slots=True)
class TrustList:
    """What a trust list says. file -- the envelope with the octets as received."""

    file: SignedFile
    records: tuple[Record, ...]

    @property
    def header(self) -> Header:
        """The envelope's header."""
        return self.file.header

    @property
    def octets(self) -> bytes:
        """The file as received."""
        return self.file.octets

    @property
    def signer_records(self) -> tuple[Record, ...]:
        """The list's own records that carry its signer's issuer and serial."""
        return self.find(self.header.signer.issuer, self.header.signer.serial)

    def find(self, issuer: bytes, serial: bytes) -> tuple[Record, ...]:
        """Return all records with these octets as issuer and serial.

        One certificate may stand in two records, so the result may have several. The octets of
        the two TLVs are compared, never the certificate's own fields: eToken serials stand in
        lists in another order of octets.
        """
        return tuple(
            record for record in self.records if record.serial == serial and record.issuer == issuer
        )


def decode_trust_list_untrusted(octets: bytes) -> TrustList:
    """Read a trust list. Raises MalformedFile."""
    file = decode_signed_file_untrusted(octets)
    return TrustList(file, decode_records_untrusted(octets, file.header_length))


def encode_trust_list(header: Header, records: tuple[Record, ...]) -> bytes:
    """Write a trust list from its values, the signature included as it stands in the header."""
    return encode_header(header) + encode_records(records)


def encode_records(records: tuple[Record, ...]) -> bytes:
    """Write the body of a trust list: what `secd.envelope.sign` signs together with a header."""
    return b"".join(encode_record(record) for record in records)
