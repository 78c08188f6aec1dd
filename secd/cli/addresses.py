"""Addresses that the user names: as the phone knows them, and where they really are."""

from typing import TYPE_CHECKING

from secd.errors import UnusableInput

if TYPE_CHECKING:
    from secd.net.network import AddressBook

_SERVER_LIMIT = 2  # primary and secondary


def split_port(text: str) -> tuple[str, str]:
    """Return host and port of HOST[:PORT]; no port: an empty one. IPv6 with a port in brackets."""
    has_port = text.count(":") == 1 or (text.startswith("[") and not text.endswith("]"))
    host, _, port = text.rpartition(":") if has_port else (text, "", "")
    return host.strip("[]"), port


def parse_server(text: str, default_port: int) -> tuple[str, int]:
    """Return host and port of HOST[:PORT]. Raises UnusableInput."""
    host, port = split_port(text)
    if not host:
        raise UnusableInput(f"{text!r} names no host")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UnusableInput(f"{text!r}: {port!r} is not a port (1 to 65535)")
    return host, int(port or default_port)


def tftp_servers(
    servers: tuple[str, ...], mappings: tuple[str, ...]
) -> "tuple[tuple[str, ...], AddressBook]":
    """Return the servers as the phone knows them, and where they really are.

    A port given with a server says where the server really is; the phone knows port 69 only.
    Raises UnusableInput.
    """
    from secd.net.network import AddressBook

    if len(servers) > _SERVER_LIMIT:
        raise UnusableInput(f"--tftp is given {len(servers)} times, a phone knows two servers")
    logical: list[str] = []
    entries: dict[str, str] = {}
    for server in servers:
        host, port = split_port(server)
        if not host:
            raise UnusableInput(f"--tftp {server!r} names no host")
        if port and entries.get(host, server) != server:
            raise UnusableInput(
                f"--tftp gives {host} two ports, but to a phone it is one server: "
                "give them different addresses, and say with --map where these really are"
            )
        logical.append(host)
        if port:
            entries[host] = server
    actual = (f"{host}={server}" for host, server in entries.items())
    return tuple(logical), AddressBook.from_mappings_untrusted((*actual, *mappings))
