"""Octets that others sent, as text that is safe to print: in a log, on a terminal, in an error."""


def text_of(name: bytes) -> str:
    """Return a name's octets as text; what is not UTF-8 or not printable is escaped."""
    text = name.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def ascii_of(octets: bytes) -> str:
    """Return octets as one line of ASCII; what is outside of printable ASCII as \\xNN."""
    return "".join(chr(octet) if 0x20 <= octet < 0x7F else f"\\x{octet:02x}" for octet in octets)
