"""Conversations written down as text: hexadecimal octets, and who said them.

    # a comment
    S->C 01 AUTH_REQ session 1        a line that begins with S->C or C->S says who speaks:
      55 01 00 00 00 01 00 08         the server or the phone (C, the client)
      07 00 01 03  08 00 01 00        hexadecimal octets, blanks where one likes

Without such lines the octets are messages one after the other. What one side says in a row may be
cut anywhere. The transcripts of capfd and capfc in the tests are of this form.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from secd.capf.message import (
    HEADER_BYTES,
    Message,
    decode_message_untrusted,
    message_length_untrusted,
)
from secd.errors import MalformedFile, RemoteProtocolViolation


class Speaker(StrEnum):
    """Who says a message."""

    SERVER = "server"
    PHONE = "phone"
    UNKNOWN = "unknown"


_LONGEST = HEADER_BYTES + 0xFFFF
_HEADINGS = {"S->C": Speaker.SERVER, "C->S": Speaker.PHONE}


@dataclass(frozen=True, slots=True)
class Said:
    """One message. offset -- of its first octet, counted over all octets of the text."""

    speaker: Speaker
    message: Message
    offset: int


@dataclass(slots=True)
class _Turn:
    speaker: Speaker
    offset: int
    octets: bytearray


def read_transcript_untrusted(text: str) -> Iterator[Said]:
    """Read the messages of a transcript, in order.

    Raises MalformedFile at the first octet that is wrong (counted from 0 over all octets of the
    text), after the messages before it; where the text is no hexadecimal, before any.
    """
    for turn in _turns_untrusted(text):
        yield from _messages_untrusted(turn)


def _turns_untrusted(text: str) -> list[_Turn]:
    turns = [_Turn(Speaker.UNKNOWN, 0, bytearray())]
    offset = 0
    for number, line in enumerate(text.splitlines(), start=1):
        speaker = _HEADINGS.get(line[:4])
        if speaker is not None:
            if speaker is not turns[-1].speaker:
                turns.append(_Turn(speaker, offset, bytearray()))
            continue
        try:
            octets = bytes.fromhex(line.partition("#")[0])
        except ValueError:
            raise MalformedFile(
                f"line {number} is neither hexadecimal octets nor a comment", offset
            ) from None
        turns[-1].octets += octets
        offset += len(octets)
    if not offset:
        raise MalformedFile("there are no octets")
    return turns


def _messages_untrusted(turn: _Turn) -> Iterator[Said]:
    at = 0
    while at < len(turn.octets):
        begin = turn.offset + at
        message = _message_untrusted(bytes(turn.octets[at : at + _LONGEST]), begin)
        yield Said(turn.speaker, message, begin)
        at += len(message.encode())


def _message_untrusted(octets: bytes, begin: int) -> Message:
    """Read the message that the octets begin with; `begin` is where that is."""
    try:
        if len(octets) < HEADER_BYTES:
            raise RemoteProtocolViolation("the octets end inside a header", len(octets))
        length = message_length_untrusted(octets[:HEADER_BYTES])
        if length > len(octets):
            raise RemoteProtocolViolation(
                f"the octets end inside a message of {length}", len(octets)
            )
        return decode_message_untrusted(octets[:length])
    except RemoteProtocolViolation as error:
        raise MalformedFile(str(error), begin + (error.offset or 0)) from None
