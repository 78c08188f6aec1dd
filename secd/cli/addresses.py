"""Addresses that the user names: as the phone knows them, and where they really are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secd.net.network import AddressBook


def split_port(text: str) -> tuple[str, str]:
    """Return host and port of HOST[:PORT]; no port: an empty one. IPv6 with a port in brackets."""
    has_port = text.count(":") == 1 or (text.startswith("[") and not text.endswith("]"))
    host, _, port = text.rpartition(":") if has_port else (text, "", "")
    return host.strip("[]"), port


def tftp_servers(
    servers: tuple[str, ...], mappings: tuple[str, ...]
) -> "tuple[tuple[str, ...], AddressBook]":
    """Return the servers as the phone knows them, and where they really are.

    A port given with a server says where the server really is; the phone knows port 69 only.
    Raises UnusableInput.
    """
    from secd.net.network import AddressBook

    logical, entries = [], []
    for server in servers:
        host, port = split_port(server)
        logical.append(host)
        if port:
            entries.append(f"{host}={server}")
    return tuple(logical), AddressBook.from_mappings_untrusted((*entries, *mappings))
