"""The lab's CAPF without its network: what is scheduled, who may have it, certificates."""

from firmware_sim.capf.certificates import (
    LSCSubject,
    PhoneFacts,
    issue_lsc,
    make_manufacturer,
    make_mic,
)
from firmware_sim.capf.judging import CAPFDenied, Inquiry, judge_claim
from firmware_sim.capf.office import CAPFOffice
from firmware_sim.capf.records import (
    ATTEMPTS,
    AUTHENTICATIONS,
    EXPIRES_AFTER_SECONDS,
    KEY_KINDS,
    OPERATIONS,
    CAPFRecord,
    text_of_authentication,
    text_of_key,
    text_of_operation,
)
from firmware_sim.capf.store import CAPFStore, StoreUnusable

__all__ = [
    "ATTEMPTS",
    "AUTHENTICATIONS",
    "EXPIRES_AFTER_SECONDS",
    "KEY_KINDS",
    "OPERATIONS",
    "CAPFDenied",
    "CAPFOffice",
    "CAPFRecord",
    "CAPFStore",
    "Inquiry",
    "LSCSubject",
    "PhoneFacts",
    "StoreUnusable",
    "issue_lsc",
    "judge_claim",
    "make_manufacturer",
    "make_mic",
    "text_of_authentication",
    "text_of_key",
    "text_of_operation",
]
