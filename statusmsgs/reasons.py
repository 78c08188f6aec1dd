"""What the reason of a decision means to a voice engineer, and what to do about it.

    [reasons.NAME]   meaning, cure, source

The keys are the names of the reasons; whether the table has one for each is held by a test. The
numbers that CAPF ends a session with have a file of the same form.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from statusmsgs.certainty import require_source
from statusmsgs.parsing import Table, refuse_unknown_keys, table_of, text_of

REASON_KEYS = frozenset({"meaning", "cure", "source"})


@dataclass(frozen=True, slots=True)
class ReasonText:
    """meaning -- one sentence. cure -- what to do in CUCM or on the phone; may be empty."""

    meaning: str
    cure: str


@dataclass(frozen=True, slots=True)
class ReasonTexts:
    """The texts of all reasons, by the reason's name in capitals."""

    texts: Mapping[str, ReasonText]

    def explain(self, reason: str) -> ReasonText:
        """Return the text of a reason; KeyError where the table has none."""
        return self.texts[reason.upper()]


def parse_reasons(file: Table, where: str) -> ReasonTexts:
    """Read the file of reasons; `MalformedTable` names file, reason and rule."""
    refuse_unknown_keys(file, frozenset({"reasons"}), where)
    reasons = table_of(file, "reasons", where)
    return ReasonTexts({name: _parse_reason(reasons, name, where) for name in reasons})


def _parse_reason(reasons: Table, name: str, where: str) -> ReasonText:
    place = f"{where}, reason {name}"
    reason = table_of(reasons, name, where)
    refuse_unknown_keys(reason, REASON_KEYS, place)
    require_source(reason, place)
    return ReasonText(text_of(reason, "meaning", place), text_of(reason, "cure", place))
