"""The network seam: what a transport needs of a network, and which address stands for which.

A transport names the address that it really talks to; what the phone was configured with, trusts
and prints is the *logical* address, and `AddressBook` leads from the one to the other. That is
how a log shows 14.48.44.80 while the server runs on loopback.

Implementations: `secd.net.kernel` and `secd.net.memory`. No trio here: the command line needs the
address book only.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, Self

from secd.errors import SecdError, UnusableInput
from secd.words import TransferFailure

Address = tuple[str, int]  # host (numeric, or a name before it is resolved) and port

TFTP_PORT: Final = 69  # RFC 1350 section 4


class Unreachable(SecdError):  # noqa: N818 - the name is the finding
    """The network knows, without waiting for an answer, that nobody is to be had at `address`.

    reason -- how it knows, in the words of the kernel or the resolver. failure -- what that is to
    a transfer.
    """

    def __init__(
        self,
        address: Address,
        reason: str,
        failure: TransferFailure = TransferFailure.UNREACHABLE,
    ) -> None:
        self.address = address
        self.reason = reason
        self.failure = failure
        super().__init__(f"{address[0]} port {address[1]}: {reason}")


class UDPSocket(Protocol):
    """A UDP socket on a port of its own; one task may wait on it at a time."""

    @property
    def remote(self) -> Address:
        """The address that `open_udp` was given, its name resolved: numeric, as in answers."""
        ...

    def send_to(self, octets: bytes, address: Address) -> None:
        """Send one datagram to a numeric address; it may get lost. Never waits, never raises.

        What the kernel says against it comes out of `receive`.
        """
        ...

    async def receive(self) -> tuple[bytes, Address]:
        """Wait for one datagram and return it with the numeric address of its sender.

        Raises Unreachable, with the address that it is about, as soon as the network knows that
        a datagram sent earlier cannot arrive; the socket stays usable.
        """
        ...

    def receive_nowait(self) -> tuple[bytes, Address] | None:
        """Return a datagram as `receive` does, None when none is there yet.

        Raises Unreachable as `receive` does.
        """
        ...

    def close(self) -> None:
        """Close the socket, at once; not while a task waits in `receive`. Twice is fine."""
        ...

    def __enter__(self) -> Self:
        """Return the socket, which is closed when the block ends."""
        ...

    def __exit__(self, *_: object) -> None: ...


class ByteStream(Protocol):
    """A TCP connection; one task may send and one receive at a time. Trio's own streams fit."""

    async def send_all(self, octets: bytes, /) -> None:
        """Send all octets. Raises trio.BrokenResourceError when the connection is gone."""
        ...

    async def receive_some(self, max_bytes: int, /) -> bytes:
        """Wait for up to max_bytes octets; none: the peer sends no more.

        Raises trio.BrokenResourceError when the connection was reset.
        """
        ...

    async def aclose(self) -> None:
        """Close, at once; twice is fine."""
        ...


class TCPStream(ByteStream, Protocol):
    """What a network opens: it can be closed in one direction too."""

    @property
    def remote(self) -> Address:
        """The address at the other end, numeric."""
        ...

    async def send_eof(self) -> None:
        """Send no more; receiving goes on."""
        ...


class Network(Protocol):
    """Whatever datagrams and connections travel through."""

    async def resolve(self, remote: Address) -> Address:
        """Return `remote` with a numeric address in place of a name.

        Raises Unreachable when the name cannot be resolved.
        """
        ...

    async def open_udp(self, remote: Address) -> UDPSocket:
        """Open a socket of the family that reaches `remote`, whose host may be a name.

        Raises Unreachable when the name cannot be resolved, OSError when this process may open
        no more sockets.
        """
        ...

    async def open_tcp(self, remote: Address) -> TCPStream:
        """Connect to `remote`, whose host may be a name.

        Raises Unreachable when the name cannot be resolved or nobody accepts, OSError when this
        process may open no more sockets. How long to wait is up to the caller.
        """
        ...


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Leads from the logical address (configured, trusted, printed) to the actual one.

    entries -- logical to actual; hosts as `parse_mapping_untrusted` returns them.
    """

    entries: Mapping[Address, Address] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_mappings_untrusted(cls, texts: Iterable[str]) -> Self:
        """Return the book of several `--map` arguments; the last one for an address counts.

        Raises UnusableInput as `parse_mapping_untrusted` does.
        """
        return cls(MappingProxyType(dict(parse_mapping_untrusted(text) for text in texts)))

    def actual(self, host: str, port: int) -> Address:
        """Return where to connect for the logical `host` and `port`: themselves without entry.

        Raises Unreachable for a port without entry on a host of which other ports lead to another
        machine: such a host is not really there, and whoever has its address shall not be asked.
        """
        logical = _canonical(host)
        entry = self.entries.get((logical, port))
        if entry is not None:
            return entry
        if any(of == logical and to[0] != logical for (of, _), to in self.entries.items()):
            raise Unreachable((host, port), f"--map has no entry for port {port} of {host}")
        return host, port

    def address_of(self, name: str, port: int) -> str | None:
        """Return the logical address that leads where this name leads; None without such an entry.

        So a log can print what the phone's DNS would have said.
        """
        actual = self.entries.get((_canonical(name), port))
        for (logical, of_port), to in self.entries.items():
            if to == actual and of_port == port and is_numeric(logical):
                return logical
        return None


def is_numeric(host: str) -> bool:
    """Tell an address from a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_mapping_untrusted(text: str) -> tuple[Address, Address]:
    """Return (logical, actual) of "LOGICAL[:PORT]=ACTUAL[:PORT]".

    The logical port is 69 unless given, the actual port is the logical one unless given. A host
    is a name or an address; an IPv6 address with a port stands in brackets: [2001:db8::1]:69.
    Raises UnusableInput.
    """
    sides = text.split("=")
    if len(sides) != 2:
        raise UnusableInput(f"mapping {text!a} is not LOGICAL[:PORT]=ACTUAL[:PORT]")
    logical = _parse_address(text, sides[0], TFTP_PORT)
    return logical, _parse_address(text, sides[1], logical[1])


_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")


def _parse_address(mapping: str, text: str, default_port: int) -> Address:
    bare = f"[{text}]" if text.count(":") > 1 and "[" not in text else text
    match = _ADDRESS.fullmatch(bare)
    if match is None:
        raise UnusableInput(f"mapping {mapping!a}: {text!a} is not HOST or HOST:PORT")
    ipv6, name, digits = match.groups()
    if ipv6 is not None and not _is_ipv6(ipv6):
        raise UnusableInput(f"mapping {mapping!a}: {ipv6!a} is not an IPv6 address")
    port = int(digits) if digits is not None else default_port
    if not 0 < port < 65536:
        raise UnusableInput(f"mapping {mapping!a}: {port} is not a port (1 to 65535)")
    return _canonical(ipv6 or name), port


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _canonical(host: str) -> str:
    """Return the one spelling of a host: names in lower case, IPv6 addresses compressed."""
    return str(ipaddress.IPv6Address(host)) if ":" in host and _is_ipv6(host) else host.lower()
