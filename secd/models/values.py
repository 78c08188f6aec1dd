"""The values of a model as its data files write them: each with a certainty and a source.

    NAME = { value = ..., sure = "A", source = "..." }

`sure` is A (a Cisco document or a capture), B (field reports, tools that work with real phones),
C (inferred) or ? (no source settles it: the value is our default). The readers turn a value into
the type of the model's field and refuse every other; they know no model.
"""

from collections.abc import Callable, Mapping

from secd.errors import UnusableInput
from secd.models.model import Destinations, Generation, Model, TFTPOptions
from secd.models.tls import TLSProfile, TLSVersion
from secd.words import Transport

Table = Mapping[str, object]
Values = Mapping[str, object]

UNLIMITED = "unlimited"
CERTAINTIES = ("A", "B", "C", "?")


def parse_values(table: Table, where: str) -> dict[str, object]:
    """Read a table of values; raises UnusableInput that names the place and the rule."""
    return {name: _parse_value(name, entry, f"{where}, {name}") for name, entry in table.items()}


def build_model(name: str, generation: Generation, load: str, values: Values, where: str) -> Model:
    """Put a model together from its values; each of them must be there.

    The switches of the decision table are not data of models yet: every model has the defaults,
    because no source says in what a model departs from them.
    """
    missing = sorted(set(READERS) - set(values))
    if missing:
        raise UnusableInput(f"{where}: no value for {missing[0]!r}")
    return Model(
        name=name,
        generation=generation,
        load=load,
        security_by_default=truth(values["security_by_default"], where),
        protocols=texts(values["protocols"], where),
        digests=frozenset(numbers(values["digests"], where)),
        modulus_bits=frozenset(numbers(values["modulus_bits"], where)),
        itl_limit_bytes=number(values["itl_limit_bytes"], where),
        size_limit_bytes=number(values["size_limit_bytes"], where),
        firmware_limit_bytes=number(values["firmware_limit_bytes"], where),
        printed_limit_bytes=number(values["printed_limit_bytes"], where),
        secure_no_ctl_retries=retries(values["secure_no_ctl_retries"], where),
        retry_seconds=seconds(values["retry_seconds"], where),
        transports=transports(values["transports"], where),
        tls=_tls(values, where),
        tftp=_tftp(values, where),
        destinations=_destinations(values, where),
        console_family=text(values["console_family"], where),
        status_family=text(values["status_family"], where),
        worker_id=number(values["worker_id"], where),
        locale_archive=archive(values["locale_archive"], where),
        ring_lists=texts(values["ring_lists"], where),
        first_task_id=number(values["first_task_id"], where),
    )


def truth(value: object, where: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise _wrong(where, "true or false", value)
    return value


def number(value: object, where: str) -> int:
    """Return a whole number from zero up."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(where, "a number from 0 up", value)
    return value


def seconds(value: object, where: str) -> float:
    """Return a time above zero, in seconds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e6:
        raise _wrong(where, "a number of seconds above 0", value)
    return float(value)


def text(value: object, where: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise _wrong(where, "a text", value)
    return value


def texts(value: object, where: str) -> tuple[str, ...]:
    """Return a list of texts, at least one."""
    if not isinstance(value, list) or not value:
        raise _wrong(where, "a list of texts", value)
    return tuple(text(item, where) for item in value)


def numbers(value: object, where: str) -> tuple[int, ...]:
    """Return a list of numbers, at least one."""
    if not isinstance(value, list) or not value:
        raise _wrong(where, "a list of numbers", value)
    return tuple(number(item, where) for item in value)


def retries(value: object, where: str) -> int | None:
    """Return a number of retries; None for `unlimited`."""
    return None if value == UNLIMITED else number(value, where)


def transports(value: object, where: str) -> tuple[Transport, ...]:
    """Return the transports in the order tried."""
    names = texts(value, where)
    try:
        return tuple(Transport(name) for name in names)
    except ValueError:
        raise _wrong(where, f"some of {', '.join(Transport)}", value) from None


def tls_versions(value: object, where: str) -> tuple[TLSVersion, TLSVersion]:
    """Return the lowest and the highest protocol version."""
    order = list(TLSVersion)
    try:
        lowest, highest = (TLSVersion(name) for name in texts(value, where))
    except ValueError:  # another number of them, or an unknown one
        raise _wrong(where, f"the lowest and the highest of {', '.join(order)}", value) from None
    if order.index(lowest) > order.index(highest):
        raise _wrong(where, "the lowest version before the highest", value)
    return lowest, highest


def archive(value: object, where: str) -> str:
    """Return a file name that may hold `{protocol}` and no other place, or nothing."""
    if not isinstance(value, str) or "{" in value.replace("{protocol}", ""):
        raise _wrong(where, "a file name with no place but {protocol}", value)
    return value


def path_pattern(value: object, where: str) -> str:
    """Return a path on the phone that may hold `{name}` and no other place."""
    pattern = text(value, where)
    if "{" in pattern.replace("{name}", "") or "}" in pattern.replace("{name}", ""):
        raise _wrong(where, "a path with no place but {name}", value)
    return pattern


READERS: Mapping[str, Callable[[object, str], object]] = {
    "security_by_default": truth,
    "protocols": texts,
    "digests": numbers,
    "modulus_bits": numbers,
    "itl_limit_bytes": number,
    "size_limit_bytes": number,
    "firmware_limit_bytes": number,
    "printed_limit_bytes": number,
    "secure_no_ctl_retries": retries,
    "retry_seconds": seconds,
    "transports": transports,
    "tls_versions": tls_versions,
    "tls_ciphers": texts,
    "tls_tolerates_weak": truth,
    "tftp_block_bytes": number,
    "tftp_window_blocks": number,
    "tftp_transfer_size": truth,
    "tftp_timeout_option_seconds": number,
    "retransmit_seconds": seconds,
    "retransmissions": number,
    "destination_ctl": path_pattern,
    "destination_itl": path_pattern,
    "destination_configuration": path_pattern,
    "destination_soft_keys": path_pattern,
    "destination_further": path_pattern,
    "console_family": text,
    "status_family": text,
    "worker_id": number,
    "locale_archive": archive,
    "ring_lists": texts,
    "first_task_id": number,
}


def _parse_value(name: str, entry: object, where: str) -> object:
    if name not in READERS:
        raise UnusableInput(f"{where}: no such value; known: {', '.join(sorted(READERS))}")
    if not isinstance(entry, dict) or set(entry) != {"value", "sure", "source"}:
        raise UnusableInput(f"{where}: must be {{ value, sure, source }}")
    if entry["sure"] not in CERTAINTIES:
        raise _wrong(where, f"sure as one of {', '.join(CERTAINTIES)}", entry["sure"])
    text(entry["source"], f"{where}, source")
    READERS[name](entry["value"], where)
    return entry["value"]


def _tls(values: Values, where: str) -> TLSProfile:
    lowest, highest = tls_versions(values["tls_versions"], where)
    return TLSProfile(
        lowest,
        highest,
        ciphers=texts(values["tls_ciphers"], where),
        tolerates_weak=truth(values["tls_tolerates_weak"], where),
    )


def _tftp(values: Values, where: str) -> TFTPOptions:
    return TFTPOptions(
        block_bytes=number(values["tftp_block_bytes"], where),
        window_blocks=number(values["tftp_window_blocks"], where),
        transfer_size=truth(values["tftp_transfer_size"], where),
        timeout_option_seconds=number(values["tftp_timeout_option_seconds"], where),
        retransmit_seconds=seconds(values["retransmit_seconds"], where),
        retransmissions=number(values["retransmissions"], where),
    )


def _destinations(values: Values, where: str) -> Destinations:
    return Destinations(
        ctl=path_pattern(values["destination_ctl"], where),
        itl=path_pattern(values["destination_itl"], where),
        configuration=path_pattern(values["destination_configuration"], where),
        soft_keys=path_pattern(values["destination_soft_keys"], where),
        further=path_pattern(values["destination_further"], where),
    )


def _wrong(where: str, expected: str, value: object) -> UnusableInput:
    return UnusableInput(f"{where}: must be {expected}, not {value!r}")
