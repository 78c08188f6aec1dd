"""Everything that can go wrong, on one screen, ordered by whose fault it is.

A refusal to trust is not here: it is a value (`secd.trust.Refuse`), because it is the product.
Calling things in the wrong order is a plain `RuntimeError`: a bug of ours.

    SecdError
    ├── MalformedFile             the octets of a file do not follow its format
    ├── RemoteProtocolViolation   the octets of a peer do not follow its protocol
    ├── SignatureInvalid          right format, wrong signature
    ├── UnsupportedKey            a key or algorithm that cannot be used here
    ├── DecryptionFailed          one answer for every way decryption can fail
    └── UnusableInput             what the user gave cannot be used
        └── FlashUnusable         the flash directory is foreign, in use or unwritable
"""


class SecdError(Exception):
    """The root of every error that this project raises on purpose."""


class MalformedFile(SecdError):  # noqa: N818 - the name is the finding
    """A file breaks its format.

    check -- which rule was broken, as a sentence.
    offset -- the octet of the file at which it shows, or None where no single octet is to blame.
    """

    def __init__(self, check: str, offset: int | None = None) -> None:
        self.check = check
        self.offset = offset
        super().__init__(check if offset is None else f"octet {offset}: {check}")


class RemoteProtocolViolation(SecdError):  # noqa: N818
    """A peer on the network broke its protocol; the message names the rule.

    offset -- the octet of the message at which it shows, or None where no single one is to blame.
    """

    def __init__(self, rule: str, offset: int | None = None) -> None:
        self.offset = offset
        super().__init__(rule)


class SignatureInvalid(SecdError):  # noqa: N818
    """The signature was not made over these octets by this key."""


class UnsupportedKey(SecdError):  # noqa: N818
    """A key, curve, digest or certificate that cannot be used for this purpose."""


class DecryptionFailed(SecdError):  # noqa: N818
    """Decryption failed; deliberately without saying at which step (no decryption oracle)."""


class UnusableInput(SecdError):  # noqa: N818
    """What the user named (a file, a directory, an address) cannot be used; says what to do."""


class FlashUnusable(UnusableInput):
    """The phone's flash directory is another phone's, in use, of a later format or unwritable."""
