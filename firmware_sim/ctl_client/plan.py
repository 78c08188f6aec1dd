"""What a CTL Client does: which records the new CTL has and which token signs it, or why not.

    no CTL, or one without tokens    every given token is listed, the first one signs
    a CTL made with tokens           those in it stay unless removed, given ones come behind them;
                                     the first given one that is in it signs, and one there must be

A CTL has two tokens at least, so that losing one loses nothing (seed guide, steps 1 and 4). Tokens
are those SAST records that name no server. Going from a tokenless CTL to tokens is like making a
new one (?): phones ask TVS about the token (118893). Nothing is written or signed here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from firmware_sim.cluster import CTL_FILE, ListedCertificate, listed_token, token_name
from firmware_sim.cluster.lists import token_ctl_records
from firmware_sim.cluster.signing import sign_list_elsewhere
from firmware_sim.ctl_client.facts import ClusterFacts
from firmware_sim.ctl_provider.messages import CTL_LIMIT_BYTES
from secd.certs import facts_of_untrusted, rsa_key_of_untrusted
from secd.crypto import MODULUS_CODES, Digest
from secd.errors import MalformedFile, UnsupportedKey
from secd.trust import verifies_itself
from secd.trustlist import Function, Record, decode_trust_list_untrusted

_LEAST_TOKENS: Final = 2


class Action(StrEnum):
    """What the administrator chose (seed guide, step 4)."""

    MIXED = "set-mixed-mode"
    NON_SECURE = "set-non-secure-mode"
    UPDATE = "update"


class Why(StrEnum):
    """Why a CTL Client refuses; the words stand in texts.toml."""

    NOT_IN_MIXED_MODE = "not_in_mixed_mode"
    NO_CTL_IN_MIXED_MODE = "no_ctl_in_mixed_mode"
    NO_CTL = "no_ctl"
    CTL_UNREADABLE = "ctl_unreadable"
    TOKEN_NOT_IN_CTL = "token_not_in_ctl"  # noqa: S105 - no password
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_NOT_VALID_YET = "token_not_valid_yet"  # noqa: S105
    TOKEN_UNUSABLE = "token_unusable"  # noqa: S105
    TOKEN_TWICE = "token_twice"  # noqa: S105
    NO_SUCH_TOKEN = "no_such_token"  # noqa: S105
    TOKEN_SIGNS = "token_signs"  # noqa: S105
    TOO_FEW_TOKENS = "too_few_tokens"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A CTL Client will not. values -- what its text needs."""

    why: Why
    values: dict[str, str] = field(default_factory=dict)


class Part(StrEnum):
    """What becomes of a token."""

    SIGNS = "signs"
    KEPT = "kept"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class PlannedToken:
    """A token in the old or the new CTL. certificate -- DER."""

    name: str
    part: Part
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """A CTL that can be signed.

    signer -- as lists write it, and key_bits of its modulus. mixed -- the mode after it; None: as
    it is. tokens -- all that are concerned. cluster -- as it is after it.
    phones_know_signer -- False where there is a former CTL that does not list it.
    """

    records: tuple[Record, ...]
    signer: ListedCertificate
    key_bits: int
    mixed: bool | None
    tokens: tuple[PlannedToken, ...]
    cluster: ClusterFacts
    phones_know_signer: bool

    def make_ctl(self, now_seconds: int, sign: Callable[[bytes], bytes]) -> bytes:
        """Return the signed CTL. Raises what `sign` raises."""
        return sign_list_elsewhere(
            CTL_FILE, self.records, self.signer, self.key_bits, Digest.SHA1, now_seconds, sign
        )


def plan(
    cluster: ClusterFacts,
    action: Action,
    tokens: Sequence[bytes],
    removed: Sequence[str],
    now_seconds: int,
) -> Plan | Refusal:
    """Plan a CTL. tokens -- certificates (DER) at hand. removed -- names of listed tokens."""
    return _refusal_of_action(cluster, action) or _plan(
        cluster, action, tokens, removed, now_seconds
    )


def _refusal_of_action(cluster: ClusterFacts, action: Action) -> Refusal | None:
    if action is Action.NON_SECURE and not cluster.mixed_mode:
        return Refusal(Why.NOT_IN_MIXED_MODE)
    if cluster.publisher.ctl is None and action is not Action.MIXED:
        return Refusal(Why.NO_CTL_IN_MIXED_MODE if cluster.mixed_mode else Why.NO_CTL)
    return None


def _plan(
    cluster: ClusterFacts,
    action: Action,
    tokens: Sequence[bytes],
    removed: Sequence[str],
    now_seconds: int,
) -> Plan | Refusal:
    held = _tokens_in(cluster.publisher.ctl)
    if isinstance(held, Refusal):
        return held
    for number, certificate in enumerate(tokens):
        refusal = _refusal_of_token(certificate, tokens[:number], now_seconds)
        if refusal is not None:
            return refusal
    listed = [one.certificate for one in held]
    signing = next((one for one in tokens if one in listed or not listed), None)
    if signing is None:
        names = ", ".join(name_of(one) for one in listed)
        return Refusal(Why.TOKEN_NOT_IN_CTL, {"tokens": names})
    chosen = _chosen(held, tokens, removed, signing)
    if isinstance(chosen, Refusal):
        return chosen
    known = cluster.publisher.ctl is None or signing in listed
    return _planned(cluster, action, chosen, signing, known)


def _tokens_in(ctl: bytes | None) -> list[ListedCertificate] | Refusal:
    """Return the tokens of a CTL as they stand in it; a phone compares those octets."""
    if ctl is None:
        return []
    try:
        trust_list = decode_trust_list_untrusted(ctl)
    except MalformedFile as error:
        return Refusal(Why.CTL_UNREADABLE, {"error": str(error)})
    if not verifies_itself(trust_list):
        return Refusal(Why.CTL_UNREADABLE, {"error": "its signature does not verify"})
    return [
        ListedCertificate(
            record.subject or b"",
            record.issuer or b"",
            record.serial or b"",
            record.public_key or b"",
            record.signature or b"",
            record.certificate,
        )
        for record in trust_list.records
        if record.function == Function.SAST and not record.dns_name and record.certificate
    ]


def _refusal_of_token(
    certificate: bytes, before: Sequence[bytes], now_seconds: int
) -> Refusal | None:
    try:
        facts = facts_of_untrusted(certificate)
        bits = rsa_key_of_untrusted(certificate).key_size
    except (MalformedFile, UnsupportedKey) as error:
        return Refusal(Why.TOKEN_UNUSABLE, {"token": name_of(certificate), "error": str(error)})
    values = {"token": name_of(certificate)}
    if bits not in MODULUS_CODES:
        return Refusal(Why.TOKEN_UNUSABLE, values | {"error": f"its key has {bits} bits"})
    if now_seconds > facts.not_after_seconds:
        return Refusal(Why.TOKEN_EXPIRED, values | {"seconds": str(int(facts.not_after_seconds))})
    if now_seconds < facts.not_before_seconds:
        seconds = str(int(facts.not_before_seconds))
        return Refusal(Why.TOKEN_NOT_VALID_YET, values | {"seconds": seconds})
    return Refusal(Why.TOKEN_TWICE, values) if certificate in before else None


def _chosen(
    held: Sequence[ListedCertificate],
    tokens: Sequence[bytes],
    removed: Sequence[str],
    signing: bytes,
) -> list[tuple[ListedCertificate, Part]] | Refusal:
    """Return every token that is concerned, in the order of the list."""
    chosen: list[tuple[ListedCertificate, Part]] = []
    names = [name_of(one.certificate) for one in held]
    for name in removed:
        if name not in names:
            return Refusal(Why.NO_SUCH_TOKEN, {"token": name, "tokens": ", ".join(names) or "none"})
        if name == name_of(signing):
            return Refusal(Why.TOKEN_SIGNS, {"token": name})
    for name, one in zip(names, held, strict=True):
        signs = one.certificate == signing
        part = Part.REMOVED if name in removed else Part.SIGNS if signs else Part.KEPT
        chosen.append((one, part))
    listed = {one.certificate for one in held}
    for certificate in tokens:
        if certificate not in listed:
            part = Part.SIGNS if certificate == signing else Part.ADDED
            chosen.append((listed_token(certificate), part))
    count = sum(part is not Part.REMOVED for _, part in chosen)
    if count < _LEAST_TOKENS:
        return Refusal(Why.TOO_FEW_TOKENS, {"count": str(count)})
    return chosen


def _planned(
    cluster: ClusterFacts,
    action: Action,
    chosen: Sequence[tuple[ListedCertificate, Part]],
    signing: bytes,
    phones_know_signer: bool,
) -> Plan | Refusal:
    mixed = {Action.MIXED: True, Action.NON_SECURE: False, Action.UPDATE: None}[action]
    after = cluster if mixed is None else replace(cluster, mixed_mode=mixed)
    stay = [one for one, part in chosen if part is not Part.REMOVED]
    planned = Plan(
        token_ctl_records(after, stay),
        next(one for one in stay if one.certificate == signing),
        rsa_key_of_untrusted(signing).key_size,
        mixed,
        tuple(PlannedToken(name_of(c.certificate), part, c.certificate) for c, part in chosen),
        after,
        phones_know_signer,
    )
    size = len(planned.make_ctl(0, lambda _: bytes(planned.key_bits // 8)))
    if size > CTL_LIMIT_BYTES:
        return Refusal(Why.TOO_LARGE, {"size": str(size), "limit": str(CTL_LIMIT_BYTES)})
    return planned


def name_of(certificate: bytes) -> str:
    """Return a token's name, `ADN4e31f914`, or the serial number of a certificate without one."""
    try:
        return token_name(certificate) or facts_of_untrusted(certificate).serial.hex().upper()
    except MalformedFile:
        return "a token"
