"""What the errors of a PKCS#11 library mean to whoever has the token in hand."""

from typing import Final

from pkcs11.exceptions import (
    DeviceError,
    DeviceRemoved,
    GeneralError,
    KeyHandleInvalid,
    MechanismInvalid,
    ObjectHandleInvalid,
    PinExpired,
    PKCS11Error,
    SessionClosed,
    SessionHandleInvalid,
    SlotIDInvalid,
    TokenNotPresent,
    UserPinNotInitialized,
)

# What libraries answer after the token went: by the standard the first ones, in practice any.
_GONE: Final = (
    DeviceRemoved,
    TokenNotPresent,
    SessionHandleInvalid,
    SessionClosed,
    SlotIDInvalid,
    ObjectHandleInvalid,
    KeyHandleInvalid,
    DeviceError,
    GeneralError,
)


def text_of_error(error: PKCS11Error) -> str:
    """Return what happened and what to do, with the library's own name of the error."""
    text = str(error) or type(error).__name__
    match error:
        case PinExpired():
            return f"its PIN has expired; change it with the software of its maker ({text})"
        case UserPinNotInitialized():
            return f"it has no PIN yet; set one with the software of its maker ({text})"
        case MechanismInvalid():
            return f"it does not sign with RSA PKCS#1 v1.5; use another token ({text})"
        case _ if isinstance(error, _GONE):
            return f"it was pulled out, or does not answer; plug it in and begin again ({text})"
        case _:
            return f"the PKCS#11 library refused: {text}"
