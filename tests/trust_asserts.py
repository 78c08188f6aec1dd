"""What tests ask of a decision about trust."""

from secd.trust import (
    Accept,
    NeedsTVS,
    Reason,
    Refuse,
    Verdict,
)
from secd.words import FileKind


def assert_accepted(verdict: Verdict, reason: Reason, octets: bytes | None = None) -> Accept:
    """Check class, reason and evidence of an acceptance; octets -- of the list to install."""
    assert isinstance(verdict, Accept)
    assert verdict.reason is reason
    assert verdict.evidence.detail == ""
    if octets is not None:
        assert verdict.trust_list is not None
        assert verdict.trust_list.octets == octets
        assert verdict.evidence.file == verdict.trust_list.file
    return verdict


def assert_refused(verdict: Verdict, reason: Reason) -> Refuse:
    """Check class and reason of a refusal, and that it says what failed."""
    assert isinstance(verdict, Refuse)
    assert verdict.reason is reason
    assert " " in verdict.evidence.detail
    return verdict


def assert_asks_tvs(verdict: Verdict, reason: Reason = Reason.SIGNER_UNKNOWN) -> NeedsTVS:
    assert isinstance(verdict, NeedsTVS)
    assert verdict.reason is reason
    return verdict


def listed_in(verdict: Verdict) -> list[tuple[FileKind, int, int | None]]:
    """Return (list, record number, function) of the records that a decision rests on."""
    matches = verdict.evidence.matches
    return [(match.holder, match.number, match.record.function) for match in matches]
