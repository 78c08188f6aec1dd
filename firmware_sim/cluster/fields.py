"""Reading the fields of a table that somebody may have edited: each is what it must be, or named.

What the fields mean is decided in `tables`.
"""

from collections.abc import Mapping
from enum import Enum
from ipaddress import ip_address
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from secd.certs import load_certificate_untrusted
from secd.errors import MalformedFile, UnusableInput

E = TypeVar("E", bound=Enum)


class Fields:
    """The fields of one table; every reading raises UnusableInput when the field is not so.

    place -- in front of the key in errors.
    """

    def __init__(self, table: Mapping[str, object], known: frozenset[str], place: str) -> None:
        self._table = table
        self._place = place
        unknown = sorted(table.keys() - known)
        if unknown:
            raise UnusableInput(f"{place}{unknown[0]} is not known here")

    def text(self, key: str) -> str:
        """Return a text."""
        value = self._table.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def ip_address(self, key: str) -> str:
        """Return a numeric address as it is written."""
        value = self.text(key)
        try:
            ip_address(value)
        except ValueError:
            raise self._wrong(key, "an IP address") from None
        return value

    def number(self, key: str) -> int:
        """Return a number, not negative."""
        value = self._table.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(key, "a number")
        return value

    def truth(self, key: str) -> bool:
        """Return true or false."""
        value = self._table.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def member(self, key: str, kind: type[E]) -> E:
        """Return a member of an enum; names in any case."""
        members = {member.name.lower(): member for member in kind}
        value = members.get(self.text(key).lower())
        if value is None:
            raise self._wrong(key, f"one of {', '.join(sorted(members))}")
        return value

    def tables(self, key: str) -> list[tuple[str, dict[str, object]]]:
        """Return the tables of an array with their places; an absent one is empty."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._wrong(key, f"tables, each headed [[{key}]]")
        return [(f"{key} {number}:", one) for number, one in enumerate(value, 1)]

    def certificate(self, key: str) -> bytes | None:
        """Return the DER of a certificate (PEM), or None for an empty text."""
        text = self.text(key)
        if not text:
            return None
        try:
            loaded = x509.load_pem_x509_certificate(text.encode())
            der = loaded.public_bytes(Encoding.DER)
            load_certificate_untrusted(der)
        except (ValueError, MalformedFile):
            raise self._wrong(key, "a certificate (PEM) or empty") from None
        return der

    def _wrong(self, key: str, wanted: str) -> UnusableInput:
        return UnusableInput(f"{self._place}{key} must be {wanted}")
