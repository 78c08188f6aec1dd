"""Whom a phone trusts: pure decisions, the rules being those of docs/decision-table.md."""

from secd.trust.decide import decide, decide_absent, installed_after
from secd.trust.files import signed_files_required
from secd.trust.peers import decide_peer, decide_pinned, https_offered, knows_call_manager
from secd.trust.reasons import Reason
from secd.trust.servers import decide_server
from secd.trust.signers import verifies_itself
from secd.trust.values import (
    Accept,
    Context,
    Decision,
    Evidence,
    Installed,
    Match,
    NeedsTVS,
    Refuse,
    Unchanged,
    Verdict,
    Voucher,
    VoucherOutcome,
)

__all__ = [
    "Accept",
    "Context",
    "Decision",
    "Evidence",
    "Installed",
    "Match",
    "NeedsTVS",
    "Reason",
    "Refuse",
    "Unchanged",
    "Verdict",
    "Voucher",
    "VoucherOutcome",
    "decide",
    "decide_absent",
    "decide_peer",
    "decide_pinned",
    "decide_server",
    "https_offered",
    "installed_after",
    "knows_call_manager",
    "signed_files_required",
    "verifies_itself",
]
