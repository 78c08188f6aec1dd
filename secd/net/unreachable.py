"""Error numbers of the kernel in words that do not depend on the libc."""

import errno
from typing import Final

_REASONS: Final = {
    errno.ECONNREFUSED: "nobody listens on this port",
    errno.EHOSTUNREACH: "no route to this host",
    errno.ENETUNREACH: "no route to this network",
    errno.ETIMEDOUT: "no answer",
}


def unreachable_reason(number: int | None, otherwise: str = "not sent") -> str:
    """Return why a peer cannot be reached. otherwise -- for numbers that have no words here."""
    name = errno.errorcode.get(number or 0, str(number))
    return f"{_REASONS.get(number or 0, otherwise)} ({name})"
