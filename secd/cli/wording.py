"""How the commands word signers, records and decisions for voice engineers."""

import textwrap

from secd.envelope import Component, components_of_untrusted
from secd.errors import MalformedFile
from secd.text import text_of
from secd.trust import Installed, Verdict
from secd.trustlist import Function, Record
from secd.words import FileKind
from statusmsgs import explain_reason

WIDTH = 80
_FUNCTIONS = {
    Function.SAST: "SAST",
    Function.CCM: "CCM",
    Function.CCM_TFTP: "CCM+TFTP",
    Function.TFTP: "TFTP",
    Function.CAPF: "CAPF",
    Function.APP_SERVER: "APP-SERVER",
    Function.TVS: "TVS",
}


def common_name(name: bytes | str) -> str:
    """Return the CN of a name as lists write it (`CN=…;…` or `CN=…,…`), else all of it."""
    text = name if isinstance(name, str) else text_of(name)
    separator = ";" if ";" in text else ","
    for part in text.split(separator):
        if part.lower().startswith("cn="):
            return part[3:].strip('" ')
    return text


def a_model(name: str) -> str:
    """Return a model with its article: a 7961, an 8861."""
    return f"an {name}" if name.startswith("8") else f"a {name}"


def serial_text(serial: bytes) -> str:
    """Return a serial number as the OS Administration page prints it: hex, no separators."""
    return serial.hex().upper() or "(none)"


def function_text(function: int | None) -> str:
    """Return a function in CUCM's words, or its number."""
    return (
        _FUNCTIONS.get(Function(function), str(function))
        if function in _FUNCTIONS
        else ("(none)" if function is None else f"function {function}")
    )


def holdings(installed: Installed) -> list[str]:
    """Return what the phone holds: one line per record that has a certificate."""
    lines = []
    for kind in (FileKind.CTL, FileKind.ITL):
        trust_list = installed.of(kind)
        if trust_list is None:
            lines.append(f"{kind}  (none)")
            continue
        lines += [f"{kind}  {_record_line(record)}" for record in trust_list.records]
    return lines


def wrapped(text: str) -> list[str]:
    """Return a text as lines of at most 80 columns, the further ones indented; paths stay whole."""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def explanation(reason: str) -> list[str]:
    """Return what a reason means and what to do, wrapped."""
    text = explain_reason(reason)
    lines = textwrap.wrap(text.meaning, WIDTH - 2)
    if text.cure:
        lines += textwrap.wrap(f"What to do: {text.cure}", WIDTH - 2)
    return lines


def _record_line(record: Record) -> str:
    function = function_text(record.function)
    if not record.certificate:
        return f"{function:<10}  no certificate  {text_of(record.dns_name or b'')}"
    name = common_name(record.subject or b"")
    return f"{function:<10}  {serial_text(record.serial or b''):<32}  {name}"


def components_of(name: str, verdict: Verdict) -> tuple[Component, ...]:
    """Return what a `.loads` file names; nothing for other files and bodies that are none."""
    file = verdict.evidence.file
    if file is None or not name.lower().endswith(".loads"):
        return ()
    try:
        return components_of_untrusted(file.body)
    except MalformedFile:
        return ()


def component_lines(name: str, verdict: Verdict) -> list[str]:
    """Return one line for each component that a `.loads` file names."""
    return [
        "  names       " + " ".join((component.name, *component.details))
        for component in components_of(name, verdict)
    ]
