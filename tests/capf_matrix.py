"""Operation × authentication × kind of key: what of CAPF was run, and against which judge.

`python tests/capf_matrix.py` writes docs/capf.md; a test compares it and runs every row.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from capf_support import KINDS
from capf_vectors import NAMES, certificate, conversation

from secd.capf import KeyKind, Message, MessageType, Tag, unwrap_certificate_untrusted
from secd.capf.keys import kind_asked

TARGET = Path(__file__).parent.parent / "docs" / "capf.md"
OPERATIONS = ("Install/Upgrade", "Delete", "Troubleshoot", "No Pending Operation")
AUTHENTICATIONS = (
    "By Null String",
    "By Authentication String",
    "By Existing Certificate (Precedence to LSC)",
    "By Existing Certificate (Precedence to MIC)",
)
_NULL, _STRING, _LSC, _MIC = AUTHENTICATIONS
# Conversations that end in a refusal belong to no row.
REFUSED = ("01", "06", "07", "13", "14", "16", "22")
WEAK = "23-install-rsa512-null"  # the phone's end says no: the library makes no such key

_HEAD = """# CAPF: what was run

How a phone gets, renews, shows and loses its LSC; the messages are described in
[formats.md](formats.md). Every row is run by `make test`:

* *our two ends*: `secd/net/capf.py` over TLS, with every proof, against a server made of our own
  server session that checks the proof and certifies the key. Troubleshoot shows the LSC and then
  the MIC. Proofs carry SUDI data, by the MIC.
* *the lab*: the same phone against the CAPF server of `firmware-sim lab` with its store of devices.
  The operation is scheduled before and done afterwards; proofs are judged by subject, issuer, dates
  and signatures. No Pending Operation: nothing is scheduled, however the phone proves itself.
* *capfd and capfc*: the number of a recorded conversation of these open programs that both our ends
  hold octet for octet, signatures verified (`tests/test_capf_vectors.py`). Empty: there is none.

Written by `python tests/capf_matrix.py`; do not edit.

| operation | authentication | key | our two ends | the lab | capfd and capfc |
|---|---|---|---|---|---|
"""
_FOOT = """
Refusals, run in the same ways: unknown device (conversation 01), nothing to delete or to show (06,
07), a wrong and a missing string (13, 14), no certificate (16), an unknown one (22), RSA 512, which
the phone refuses (23). Never met by us: CUCM itself, and a real phone.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One combination. kind -- of the new key; None where none is made."""

    operation: str
    authentication: str
    kind: KeyKind | None


ROWS = [
    Row(operation, authentication, kind)
    for operation in OPERATIONS
    for authentication in AUTHENTICATIONS
    for kind in (KINDS if operation == OPERATIONS[0] else [None])
]


def row_of(name: str) -> Row | None:
    """Return which row a recorded conversation belongs to; None for refusals."""
    if name.startswith(REFUSED) or name == WEAK:
        return None
    messages = [said.message for said in conversation(name)]
    kinds = {message.kind: message for message in messages}
    if MessageType.STORE_CERT_REQ in kinds:
        asked = kinds[MessageType.KEY_GEN_REQ]
        return Row(OPERATIONS[0], _authentication(messages[1]), kind_asked(asked))
    by_type = {MessageType.DELETE_CERT_RES: 1, MessageType.FETCH_CERT_RES: 2}
    number = next((n for kind, n in by_type.items() if kind in kinds), 3)
    return Row(OPERATIONS[number], _authentication(messages[1]), None)


def _authentication(auth_res: Message) -> str:
    wrapped = auth_res.element(Tag.CERTIFICATE)
    if wrapped is not None:
        der = unwrap_certificate_untrusted(wrapped)
        return _MIC if der == certificate("mic") else _LSC
    return _STRING if auth_res.text(Tag.PASSWORD) else _NULL


def document() -> str:
    """Return docs/capf.md."""
    recorded: dict[Row, list[str]] = {}
    for name in NAMES:
        row = row_of(name)
        if row is not None:
            recorded.setdefault(row, []).append(name[:2])
    lines = [
        f"| {row.operation} | {row.authentication} | {row.kind or ''} | yes | yes "
        f"| {', '.join(recorded.get(row, []))} |\n"
        for row in ROWS
    ]
    return _HEAD + "".join(lines) + _FOOT


if __name__ == "__main__":
    sys.exit(0 if TARGET.write_text(document(), encoding="utf-8") else 1)
