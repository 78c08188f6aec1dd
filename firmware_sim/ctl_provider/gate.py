"""How often an address may try to log in: guessing a password is slow, whoever guesses.

Decided here: an attempt counts before it is checked; five in a quarter of an hour are all that an
address has, until one succeeds. Attempts of more addresses than the table holds wait until others
are forgotten. The numbers are ours. What is right is decided elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

ATTEMPTS: Final = 5
WINDOW_SECONDS: Final = 900.0
_ADDRESSES: Final = 256


@dataclass(slots=True)
class Gate:
    """Attempts by address. clock -- seconds that only grow."""

    clock: Callable[[], float]
    _attempts: dict[str, list[float]] = field(default_factory=dict)

    def begin(self, address: str) -> float:
        """Count an attempt; 0.0: it may be checked, else the seconds until the next one may.

        An attempt that may not be checked does not count.
        """
        now = self.clock()
        self._forget(now - WINDOW_SECONDS)
        attempts = self._attempts.get(address, [])
        if len(attempts) >= ATTEMPTS:
            return attempts[0] + WINDOW_SECONDS - now
        if not attempts and len(self._attempts) >= _ADDRESSES:
            return WINDOW_SECONDS
        self._attempts[address] = [*attempts, now]
        return 0.0

    def succeeded(self, address: str) -> None:
        """Forget the attempts of an address."""
        self._attempts.pop(address, None)

    def _forget(self, until: float) -> None:
        for address, attempts in list(self._attempts.items()):
            kept = [at for at in attempts if at > until]
            if kept:
                self._attempts[address] = kept
            else:
                del self._attempts[address]
