"""What a firmware file says: the component files that a `.loads` body names.

Cisco's firmware files (`.loads`, `.sbn`, `.sb2`, `.zz.sgn`) carry the same envelope as everything
else, version 1.1, SHA-1, without a timestamp, under a placeholder for a signer
(`CN=someSigner;OU=someOrgUnit;O=someOrg`, serial 12 34 56 78 90 ab cd ef): `SignedFile.is_firmware`
tells them by it. The key behind it is not public. So there is nothing here that could say
"verified": such a file can be read, no more. Whether a phone loads it is not decided here.

The body of a `.loads` file is a short text that names the component files, one a line:

    # a comment
    jar41sccp.8-5-2TH1-9.sbn
    cnu41.8-5-2TH1-9.sbn 1234567 0123456789abcdef0123456789abcdef
    #+ dsp41.8-5-2TH1-9.sbn

Lines end in CRLF or LF, the last one may lack its end, blanks may trail. Some lines add size and
MD5; no published text says how the two are written, so they are handed on as words. A line `#+`
still names a component. Source: files of Cisco's firmware releases 7 to 14.
"""

from dataclasses import dataclass

from secd.errors import MalformedFile

# The `.loads` files seen have below 1 KB; a body that is longer is another kind of file.
MAX_LOADS_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Component:
    """One component file. details -- the words behind its name, where size and MD5 stand."""

    name: str
    details: tuple[str, ...]


def components_of_untrusted(loads_body: bytes) -> tuple[Component, ...]:
    """Return the components that the body of a `.loads` file names, in its order.

    Raises MalformedFile for a body that is too long or not printable ASCII.
    """
    if len(loads_body) > MAX_LOADS_BYTES:
        raise MalformedFile(f"a .loads body above {MAX_LOADS_BYTES} octets is none")
    components = []
    for number, line in enumerate(loads_body.split(b"\n"), 1):
        words = _words(line, number)
        if words:
            components.append(Component(words[0], tuple(words[1:])))
    return tuple(components)


def _words(line: bytes, number: int) -> list[str]:
    text = line.decode("ascii", "replace").rstrip().replace("\t", " ")
    if not (text.isascii() and text.isprintable()):
        raise MalformedFile(f"line {number} of the .loads body is not printable ASCII")
    if text.startswith("#+"):
        text = text.removeprefix("#+")
    elif text.startswith("#"):
        return []
    return text.split()
