"""The door of a soft token's file: what somebody put in the place of a token."""

import re

from firmware_sim.tokens.file_format import (
    Contents,
    body_of,
    decode_token_untrusted,
    encode,
    head,
)
from firmware_sim.tokens.interface import ATTEMPTS
from firmware_sim.tokens.pkcs8 import check_key_untrusted
from secd.errors import MalformedFile

_LEFT = re.compile(rb"[^\n]*\n[^\n]*: (\d\d)\n")


def token_file(octets: bytes) -> None:
    """Read a file as it is, and with a digest that fits: else the digest stops all damage."""
    found = _read(octets)
    said = _LEFT.match(octets)
    if said is not None:
        body = body_of(octets)
        repaired = _read(head(int(said[1]), body) + body)
        assert found is None or repaired == found


def _read(octets: bytes) -> Contents | None:
    try:
        contents = decode_token_untrusted(octets)
    except MalformedFile as error:
        assert str(error).isprintable()
        return None
    assert 0 <= contents.left <= ATTEMPTS
    assert (contents.key is None) == (contents.left == 0)
    if contents.key is not None:
        check_key_untrusted(contents.key)
    assert decode_token_untrusted(encode(contents)) == contents
    return contents
