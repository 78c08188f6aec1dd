"""Strict reading of parsed TOML: every key is known, every value has its type.

It decides nothing about meanings; it only turns a wrong table into a `MalformedTable` that says
where it is wrong.
"""

from collections.abc import Iterator, Mapping

from statusmsgs.errors import MalformedTable

Table = Mapping[str, object]


def refuse_unknown_keys(table: Table, known: frozenset[str], where: str) -> None:
    """Raise `MalformedTable` for a key that no reader of this table would look at."""
    unknown = sorted(set(table) - known)
    if unknown:
        raise MalformedTable(
            where, f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}"
        )


def text_of(table: Table, key: str, where: str, default: str | None = None) -> str:
    """Return the text under key; `MalformedTable` where it is absent without a default."""
    value = table.get(key, default)
    if not isinstance(value, str):
        raise MalformedTable(where, f"{key!r} must be a text, not {value!r}")
    return value


def number_of(table: Table, key: str, where: str) -> int:
    """Return the whole number above zero under key."""
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise MalformedTable(where, f"{key!r} must be a number above zero, not {value!r}")
    return value


def texts_of(table: Table, key: str, where: str) -> tuple[str, ...]:
    """Return the list of texts under key; absent means none."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MalformedTable(where, f"{key!r} must be a list of texts, not {value!r}")
    return tuple(value)


def table_of(table: Table, key: str, where: str) -> Table:
    """Return the sub-table under key; absent means an empty one."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise MalformedTable(where, f"{key!r} must be a table, not {value!r}")
    return value


def tables_of(table: Table, key: str, where: str) -> Iterator[tuple[str, Table]]:
    """Yield each element of an array of tables with its place, for error messages."""
    value = table.get(key, [])
    if not isinstance(value, list):
        raise MalformedTable(where, f"{key!r} must be an array of tables, not {value!r}")
    for number, item in enumerate(value, start=1):
        place = f"{where}, {key} {number}"
        if not isinstance(item, dict):
            raise MalformedTable(place, f"must be a table, not {item!r}")
        yield place, item
