"""A trust list in the words of CUCM's `show ctl` and `show itl`.

Nothing is decided here: whether a list verifies, and when its file was last modified, is known to
the caller. Rows stand in the order of the file's own TLVs; padding has no row.

What is known of the layout, and what is guessed:

* Words, lengths, order of rows and sentences are CUCM's, read off three public pages: the seed
  guide (CUCM 8.x), Cisco documents 118892 (10.0.1) and 118893 (10.5.1).
* Columns begin at 0, 8, 24 and 32: both later pages keep the blanks. A name that reaches the third
  column pushes what follows to the next multiple of eight, as tabs would (`DIGESTALGORTITHM`).
* The pages fold line breaks, so these are guesses: where blank lines stand (the seed guide shows
  most of them), whether a record's title is indented, how wide a cell of the signature is (two
  blanks follow each octet in 118892, cells are four wide in 118893; here they are four wide).
* No public page shows a whole `show itl`. `ITL` for `CTL` in every sentence is inferred, and so
  are the names of the functions that no listing shows (CCM, TFTP, APP-SERVER, TVS).
* Rows for tags that CUCM does not write, names for unknown functions, `\\n` and the like for
  characters that would forge lines, and the sentences marked so below are ours.
"""

import hashlib
from collections.abc import Iterator
from enum import StrEnum

from secd.trustlist.record import Function
from secd.trustlist.trust_list import TrustList
from secd.words import FileKind


class Form(StrEnum):
    """Which releases print a listing so."""

    CUCM_8 = "8.x"  # no checksums, header rows 3 to 6 only
    CUCM_10 = "10.x"  # 8.6(2) and later: checksums; every header row (10.0.1 and 10.5.1 shown)


_NO_CTL = (
    "CTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. "
    "to generate the CTL file."
)
_SENTENCES = {
    # 118892, 118893; that 8.6(2) is the first release to print it: seed guide
    "checksum": ("The checksum value of the {kind} file:", "{md5}(MD5)", "{sha1}(SHA1)", ""),
    # seed guide, 118892, 118893
    "length": ("Length of {kind} file: {length}",),
    "modified": ("The {kind} File was last modified on {modified}", ""),
    "parse": ("Parse {kind} File", "----------------", ""),
    "version": ("Version:        {version}", "HeaderLength:   {header_length} (BYTES)", ""),
    "record": ("", "{kind} Record #:{number}", "----"),
    "columns": (
        "BYTEPOS TAG             LENGTH  VALUE",
        "------- ---             ------  -----",
    ),
    "signer": ("This etoken was used to sign the {kind} file.",),
    "no signer": ("This etoken was not used to sign the {kind} file.",),
    "verified": ("", "The {kind} file was verified successfully."),
    "failed": ("", "Verification of the {kind} File Failed"),  # seed guide, quoted in its text
    # 118892
    "no CTL": (_NO_CTL,),
    "no ITL": ("ITL File not found.",),  # ours
    "parse error": ("Error parsing the {kind} File.",),
}

_HEADER_NAMES = {
    3: "SIGNERID",
    4: "SIGNERNAME",
    5: "SERIALNUMBER",
    6: "CANAME",
    7: "SIGNATUREINFO",
    8: "DIGESTALGORTITHM",
    9: "SIGNATUREALGOINFO",
    10: "SIGNATUREALGORTITHM",
    11: "SIGNATUREMODULUS",
    12: "SIGNATURE",
    14: "FILENAME",
    15: "TIMESTAMP",
    28: "SIGNERVERSION",  # ours
}
_RECORD_NAMES = {
    1: "RECORDLENGTH",
    2: "DNSNAME",
    3: "SUBJECTNAME",
    4: "FUNCTION",
    5: "ISSUERNAME",
    6: "SERIALNUMBER",
    7: "PUBLICKEY",
    8: "SIGNATURE",
    9: "CERTIFICATE",
    10: "IPADDRESS",
    11: "CERTIFICATEHASH",  # ours
    12: "HASHALGORITHM",  # ours
}
_FUNCTIONS = {
    Function.SAST: "System Administrator Security Token",
    Function.CCM: "CCM",
    Function.CCM_TFTP: "CCM+TFTP",
    Function.TFTP: "TFTP",
    Function.CAPF: "CAPF",
    Function.APP_SERVER: "APP-SERVER",
    Function.TVS: "TVS",
}
_CONTAINERS = frozenset({3, 7, 9, 16, 17, 21})
_SILENT_IN_HEADER = frozenset({8, 10, 11, 14, 15})  # of these only the length is shown
_SILENT_IN_RECORD = frozenset({7, 8, 10})
_ROWS_OF_CUCM_8 = frozenset({3, 4, 5, 6})


def show_list(
    trust_list: TrustList, kind: FileKind, modified: str, *, verified: bool, form: Form
) -> tuple[str, ...]:
    """Return the lines of `show ctl` or `show itl` after the command itself.

    modified -- when the file last changed, as the server prints it: `Fri Mar 06 21:56:07 CET 2015`.
    verified -- what the last sentence says.
    """
    lines = list(_beginning(trust_list.octets, kind, modified, form))
    lines += _say("parse", kind)
    lines += _header_lines(trust_list, kind, form)
    at = trust_list.file.header_length
    signers = trust_list.signer_records
    for number, record in enumerate(trust_list.records, 1):
        end = at + int.from_bytes(trust_list.octets[at + 3 : at + 5], "big")
        lines += _say("record", kind, number=number)
        lines += _say("columns", kind)
        lines += (_record_row(*tlv) for tlv in _tlvs(trust_list.octets, at, end))
        if record.function == Function.SAST:
            lines += _say("signer" if record in signers else "no signer", kind)
        at = end
    lines += _say("verified" if verified else "failed", kind)
    return tuple(lines)


def show_missing(kind: FileKind) -> tuple[str, ...]:
    """Return what is printed when the server has no such list."""
    return (
        *_say("length", kind, length=0),
        *_say("no CTL" if kind is FileKind.CTL else "no ITL", kind),
        *_say("parse error", kind),
    )


def show_unreadable(octets: bytes, kind: FileKind, modified: str, form: Form) -> tuple[str, ...]:
    """Return what is printed for a file that is no list (inferred: no page shows one)."""
    return (*_beginning(octets, kind, modified, form), *_say("parse error", kind))


def _say(sentence: str, kind: FileKind, **values: str | int) -> Iterator[str]:
    return (line.format(kind=kind, **values) for line in _SENTENCES[sentence])


def _beginning(octets: bytes, kind: FileKind, modified: str, form: Form) -> Iterator[str]:
    if form is Form.CUCM_10:
        md5 = hashlib.md5(octets, usedforsecurity=False).hexdigest()
        sha1 = hashlib.sha1(octets, usedforsecurity=False).hexdigest()
        yield from _say("checksum", kind, md5=md5, sha1=sha1)
    yield from _say("length", kind, length=len(octets))
    yield from _say("modified", kind, modified=modified)


def _header_lines(trust_list: TrustList, kind: FileKind, form: Form) -> Iterator[str]:
    major, minor = trust_list.header.version
    length = trust_list.file.header_length
    yield from _say("version", kind, version=f"{major}.{minor}", header_length=length)
    yield from _say("columns", kind)
    for tag, size, value in _tlvs(trust_list.octets, 10, length, in_header=True):
        if form is Form.CUCM_10 or tag in _ROWS_OF_CUCM_8:
            yield from _header_rows(tag, size, value)


def _header_rows(tag: int, size: int, value: bytes) -> Iterator[str]:
    if tag in _CONTAINERS:
        # The length column is that of the length itself.
        yield _row(tag, _HEADER_NAMES, 2, str(size))
    elif tag == 12:
        yield _row(tag, _HEADER_NAMES, size, "")
        for at in range(0, size, 8):
            yield "".join(f"{octet:<4x}" for octet in value[at : at + 8]).rstrip()
    elif tag in (4, 6):
        yield _row(tag, _HEADER_NAMES, size, _text(value))
    elif tag in _SILENT_IN_HEADER:
        yield _row(tag, _HEADER_NAMES, size, "")
    elif tag == 28:
        yield _row(tag, _HEADER_NAMES, size, f"{value[0]}.{value[1]}")
    else:
        yield _row(tag, _HEADER_NAMES, size, _hex(value, ":"))


def _record_row(tag: int, size: int, value: bytes) -> str:
    if tag in (2, 3, 5):
        shown = _text(value)
    elif tag in _SILENT_IN_RECORD:
        shown = ""
    elif tag == 1:
        shown = str(int.from_bytes(value, "big"))
    elif tag == 4:
        shown = _function(int.from_bytes(value, "big"))
    elif tag == 9:
        sha1 = hashlib.sha1(value, usedforsecurity=False).digest()
        shown = f"{_hex(sha1, ' ')} (SHA1 Hash HEX)"
    else:
        shown = _hex(value, ":")
    return _row(tag, _RECORD_NAMES, size, shown)


def _row(tag: int, names: dict[int, str], size: int, value: str) -> str:
    start = f"{tag:<8}{names.get(tag, 'UNKNOWN')}"
    start = start.ljust(max(24, len(start) // 8 * 8 + 8))
    return f"{start}{size:<8}{value}" if value else f"{start}{size}"


def _tlvs(
    octets: bytes, at: int, end: int, *, in_header: bool = False
) -> Iterator[tuple[int, int, bytes]]:
    """Walk TLVs that the decoder has read: tag, length and value."""
    while at < end:
        tag = octets[at]
        if in_header and tag == 13:
            at += 1
            continue
        size = int.from_bytes(octets[at + 1 : at + 3], "big")
        at += 3
        yield tag, size, octets[at : at + size]
        if not (in_header and tag in _CONTAINERS):
            at += size


def _function(number: int) -> str:
    try:
        return _FUNCTIONS[Function(number)]
    except ValueError:
        return f"function {number}"


def _text(value: bytes) -> str:
    """Return a name without its NUL; what is not printable is escaped, one name stays one line."""
    text = value[:-1].decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _hex(octets: bytes, separator: str) -> str:
    return octets.hex(separator).upper()
