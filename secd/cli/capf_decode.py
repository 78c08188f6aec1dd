"""`secd capf decode`: a conversation that was written down, message by message."""

import sys
from pathlib import Path

import click

from secd.capf import Message
from secd.capf.listing import message_name, show_elements, show_message
from secd.capf.transcript import Said, Speaker, read_transcript_untrusted
from secd.cli.inputs import read_file
from secd.errors import MalformedFile

_WRONG = 1
_TITLES = {
    Speaker.SERVER: "-- server to phone",
    Speaker.PHONE: "-- phone to server",
    Speaker.UNKNOWN: "--",
}


@click.command()
@click.argument("file", metavar="FILE.hex", type=click.Path(path_type=Path))
def decode(file: Path) -> None:
    """Print a CAPF conversation message by message, as CUCM's traces decode messages.

    FILE holds hexadecimal octets (what was inside TLS); # begins a comment. A line that begins
    with S->C or C->S says that the server or the phone speaks; without such lines the octets are
    messages one after the other. An authentication string is never shown.

    A CAPF server whose name is "decode" is reached as decode:3804.

    \b
      secd capf decode conversation.hex

    Exit codes: 0 decoded, 1 an octet is wrong (it says which; the messages before it are printed),
    2 unusable input.
    """
    try:
        for said in read_transcript_untrusted(read_file(file).decode("utf-8", "replace")):
            for line in _lines(said):
                click.echo(line)
    except MalformedFile as error:
        click.echo(f"secd: {file}: {error}", err=True)
        sys.exit(_WRONG)


def _lines(said: Said) -> list[str]:
    title, *block = message_as_text(said.message, said.speaker)
    return [f"{title} (octet {said.offset})", *block]


def message_as_text(message: Message, speaker: Speaker) -> list[str]:
    """Return a message under a line that says who speaks, and an empty line."""
    return [_TITLES[speaker], *show_message(message), ""]


def message_as_json(message: Message, speaker: Speaker) -> dict[str, object]:
    """Return a message for machines; the octets of an authentication string are null."""
    return {
        "from": speaker.value,
        "type": message.kind,
        "name": message_name(message.kind),
        "session_id": message.session_id,
        "elements": [
            {
                "tag": element.tag,
                "label": element.label,
                "text": element.text,
                "octets": None if element.octets is None else element.octets.hex(),
            }
            for element in show_elements(message)
        ],
    }
