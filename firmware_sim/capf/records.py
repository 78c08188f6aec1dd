"""What the lab's CAPF knows of a device and is to do with it; values and their texts only.

An administrator schedules one operation for a device, as on CUCM's device page: Install/Upgrade,
Delete, Troubleshoot, or No Pending Operation. It stays scheduled until the phone has reported it
as done, until it expires, or until too many wrong authentication strings came.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from secd.capf import RSA_BITS, Curve, ECKind, KeyKind, Operation, RSAKind
from secd.configuration import CAPFMode
from secd.errors import UnusableInput

# Wrong strings before an operation is withdrawn. Ours: no source names CUCM's limit.
ATTEMPTS: Final = 3
# CUCM's enterprise parameter "CAPF Operation Expires in (days)", by default (?).
EXPIRES_AFTER_SECONDS: Final = 10 * 86_400
DEFAULT_KEY: Final = RSAKind(2048)
_STRING: Final = re.compile(r"[0-9]{4,10}", re.ASCII)  # CUCM takes 4 to 10 digits (CTI guide)

KEY_KINDS: Final[Mapping[str, KeyKind]] = {
    **{f"rsa-{bits}": RSAKind(bits) for bits in RSA_BITS},
    "ec-256": ECKind(Curve.P256),
    "ec-384": ECKind(Curve.P384),
    "ec-521": ECKind(Curve.P521),
}
AUTHENTICATIONS: Final[Mapping[str, CAPFMode]] = {
    "none": CAPFMode.NO_PENDING_OPERATION,
    "string": CAPFMode.AUTHENTICATION_STRING,
    "null": CAPFMode.NULL_STRING,
    "lsc": CAPFMode.EXISTING_CERTIFICATE_LSC,
    "mic": CAPFMode.EXISTING_CERTIFICATE_MIC,
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    "none": Operation.NOTHING,
    "install": Operation.INSTALL,
    "delete": Operation.DELETE,
    "troubleshoot": Operation.FETCH,
}


@dataclass(frozen=True, slots=True)
class CAPFRecord:
    """One device.

    operation, authentication -- what is scheduled, and how the phone is to prove itself.
    key -- what kind of key an Install asks for. string -- the authentication string, empty: none.
    expires_at_seconds -- "Operation Completes By", Unix time; 0: never.
    wrong_strings -- since the string was set. result -- of the last operation, in words.
    lsc -- the LSC issued last (DER), None after Delete. mic -- the MIC (DER), where it is known.
    revision -- counts the changes of this record; 0: it was never stored.
    """

    device: str
    operation: Operation = Operation.NOTHING
    authentication: CAPFMode = CAPFMode.NO_PENDING_OPERATION
    key: KeyKind = DEFAULT_KEY
    string: str = field(default="", repr=False)
    expires_at_seconds: float = 0.0
    wrong_strings: int = 0
    result: str = ""
    lsc: bytes | None = None
    mic: bytes | None = None
    revision: int = 0

    def is_pending(self, now_seconds: float) -> bool:
        """Tell whether there is something to do."""
        return self.operation is not Operation.NOTHING and not self.has_expired(now_seconds)

    def has_expired(self, now_seconds: float) -> bool:
        """Tell whether the operation was not done in time."""
        return 0.0 < self.expires_at_seconds <= now_seconds

    def is_same_task(self, other: "CAPFRecord | None") -> bool:
        """Tell whether the same operation is scheduled, under the same conditions."""
        return other is not None and self._task == other._task  # noqa: SLF001 - another of us

    @property
    def _task(self) -> tuple[object, ...]:
        return (
            self.operation,
            self.authentication,
            self.key,
            self.string,
            self.expires_at_seconds,
        )

    def mode(self, now_seconds: float) -> CAPFMode:
        """Return what the device's configuration says as capfAuthMode."""
        return self.authentication if self.is_pending(now_seconds) else CAPFMode(0)

    @property
    def certificate(self) -> bytes | None:
        """The certificate to which its configuration is encrypted: the LSC, else the MIC."""
        return self.mic if self.lsc is None else self.lsc

    def scheduled(
        self,
        operation: Operation,
        authentication: CAPFMode,
        key: KeyKind,
        expires_at_seconds: float,
    ) -> "CAPFRecord":
        """Return the record with another operation; a string that was set stays.

        Raises UnusableInput for an operation without authentication, or the other way round.
        """
        nothing = operation is Operation.NOTHING
        if nothing is not (authentication is CAPFMode.NO_PENDING_OPERATION):
            raise UnusableInput(
                f"{self.device}: operation {text_of_operation(operation)} does not go with "
                f"authentication {text_of_authentication(authentication)}"
            )
        return replace(
            self,
            operation=operation,
            authentication=authentication,
            key=key,
            expires_at_seconds=0.0 if nothing else expires_at_seconds,
            wrong_strings=0,
            result="",
        )

    def with_string(self, string: str) -> "CAPFRecord":
        """Return the record with a new authentication string.

        Raises UnusableInput, which does not show the string.
        """
        if not _STRING.fullmatch(string):
            raise UnusableInput(f"{self.device}: an authentication string has 4 to 10 digits")
        return replace(self, string=string, wrong_strings=0)

    def with_mic(self, certificate: bytes) -> "CAPFRecord":
        """Return the record with another MIC."""
        return replace(self, mic=certificate)

    def after_wrong_string(self) -> "CAPFRecord":
        """Count a wrong string; after the last one the operation and its string are withdrawn."""
        count = self.wrong_strings + 1
        if count < ATTEMPTS:
            return replace(self, wrong_strings=count)
        return replace(
            self.withdrawn("withdrawn: too many wrong authentication strings"), wrong_strings=count
        )

    def withdrawn(self, result: str) -> "CAPFRecord":
        """Return the record with nothing scheduled; its string is used up."""
        return replace(
            self,
            operation=Operation.NOTHING,
            authentication=CAPFMode.NO_PENDING_OPERATION,
            string="",
            expires_at_seconds=0.0,
            result=result,
        )


def text_of_operation(operation: Operation) -> str:
    """Return the word for it on the command line."""
    return _name_in(OPERATIONS, operation)


def text_of_authentication(authentication: CAPFMode) -> str:
    """Return the word for it on the command line."""
    return _name_in(AUTHENTICATIONS, authentication)


def text_of_key(kind: KeyKind) -> str:
    """Return the word for it on the command line."""
    return _name_in(KEY_KINDS, kind)


def _name_in(names: Mapping[str, object], value: object) -> str:
    return next(name for name, one in names.items() if one == value)
