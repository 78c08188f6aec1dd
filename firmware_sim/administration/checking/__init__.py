"""Whether a cluster and its phones are in step, and what to do about it: the seed's checklist."""

from firmware_sim.administration.checking.advice import Step, StepKind, advise
from firmware_sim.administration.checking.findings import Finding, FindingKind, is_in_step
from firmware_sim.administration.checking.judging import Files, PhoneOutcome, judge
from firmware_sim.administration.checking.report import Report, make_report
from firmware_sim.administration.checking.site import HeldPhone, RunningNode, Site

__all__ = [
    "Files",
    "Finding",
    "FindingKind",
    "HeldPhone",
    "PhoneOutcome",
    "Report",
    "RunningNode",
    "Site",
    "Step",
    "StepKind",
    "advise",
    "is_in_step",
    "judge",
    "make_report",
]
