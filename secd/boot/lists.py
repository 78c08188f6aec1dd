"""The trust lists of a booting phone: what decisions about them change and tell.

The decisions are those of `secd.trust`; this module keeps what is held, and turns each decision
into actions and trace events, in the order in which they must happen.
"""

from secd.boot.conclusion import ListOutcome, ListResult, conclude
from secd.boot.judged import acceptance_events, refusal_events
from secd.boot.messages import Action, EraseTrustList, InstallTrustList, StoreVouchers
from secd.models import Model, TVSFlush
from secd.trace import (
    ListErased,
    ListInstalled,
    ListKept,
    ListMissing,
    TraceEvent,
    TVSCacheFlushed,
    TVSVoucherCached,
)
from secd.trust import (
    Accept,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Unchanged,
    Verdict,
    Voucher,
    VoucherOutcome,
    installed_after,
)
from secd.words import FileKind

Told = list[Action | TraceEvent]

COMMON_ITL = "ITLFile.tlv"
_LOCAL_NAMES = {FileKind.CTL: "CTLFile.tlv", FileKind.ITL: COMMON_ITL}


class TrustLists:
    """What the phone holds and what TVS vouched for, through one boot."""

    def __init__(self, model: Model, installed: Installed, vouchers: tuple[Voucher, ...]) -> None:
        self.installed = installed
        self.vouchers = vouchers
        self._model = model
        self._before = installed
        self._results: tuple[ListResult, ...] = ()

    def begin(self) -> None:
        """Begin a round of asking for both lists."""
        self._before, self._results = self.installed, ()

    def conclusion(self) -> list[TraceEvent]:
        """Return what both lists together come to, once they are done."""
        return list(conclude(self._results, self._before, self.installed))

    def remember(self, voucher: Voucher, now_seconds: float) -> Told:
        """Keep an answer of TVS for later questions; a refusal only by the switch.

        It takes the place of what TVS said earlier about the same certificate.
        """
        vouched = voucher.outcome is VoucherOutcome.VOUCHED
        if not vouched and not self._model.switches.tvs_negative_cache:
            return []
        asked = voucher.issuer, voucher.serial
        others = (v for v in self.vouchers if (v.issuer, v.serial) != asked)
        self.vouchers = (*others, voucher)
        stored = StoreVouchers(self.vouchers)
        if not vouched:
            return [stored]
        hours = round((voucher.until_seconds - now_seconds) / 3600)
        return [stored, TVSVoucherCached(voucher.serial.hex().upper(), hours)]

    def judged(self, name: str, octets: bytes, path: str, kind: FileKind, verdict: Verdict) -> Told:
        """Apply the decision about a list that came. path -- where the phone had put it."""
        match verdict:
            case Accept(trust_list=None) | Unchanged(reason=Reason.EMPTY_FILE):
                return self.absent(name, kind, verdict)
            case Accept():
                return self._accepted(name, octets, kind, verdict)
            case Refuse():
                self._note(kind, ListOutcome.FAILED, verdict.reason)
                return list(refusal_events(name, kind, path, verdict))
            case Unchanged():
                return [ListKept(name, kind, verdict.reason)]
            case NeedsTVS():
                raise RuntimeError("a list is judged before TVS was asked about its signer")

    def absent(self, name: str, kind: FileKind, verdict: Accept | Unchanged) -> Told:
        """Apply the decision about a list that the server does not have, or has empty."""
        missing = ListMissing(kind, _LOCAL_NAMES[kind])
        if isinstance(verdict, Unchanged):
            return [ListKept(name, kind, verdict.reason), missing]
        self.installed = installed_after(self.installed, verdict, kind)
        return [EraseTrustList(kind), ListErased(name, kind, verdict.reason), missing]

    def failed(self, name: str, kind: FileKind) -> Told:
        """Take that a list could not be transferred: what is held stays (row L18)."""
        self._note(kind, ListOutcome.FAILED, Reason.TRANSFER_FAILED)
        return [ListKept(name, kind, Reason.TRANSFER_FAILED)]

    def _accepted(self, name: str, octets: bytes, kind: FileKind, verdict: Accept) -> Told:
        first = self.installed.of(kind) is None
        self.installed = installed_after(self.installed, verdict, kind)
        self._note(kind, ListOutcome.FIRST if first else ListOutcome.UPDATED)
        forgets = bool(self.vouchers) and not first and self._flushes(kind)
        return [
            *acceptance_events(name, kind, verdict),
            *([StoreVouchers(())] if forgets else []),
            InstallTrustList(kind, octets),
            ListInstalled(name, kind, first, len(octets), verdict.reason),
            *([] if first else self._flushed(kind)),
        ]

    def _flushes(self, kind: FileKind) -> bool:
        any_list = self._model.switches.tvs_flush is TVSFlush.ANY_LIST
        return self._model.security_by_default and (any_list or kind is FileKind.CTL)

    def _flushed(self, kind: FileKind) -> Told:
        """Forget what TVS vouched for (118893 shows a 7975 doing so after a new CTL)."""
        if not self._flushes(kind):
            return []
        entries = len(self.vouchers)
        self.vouchers = ()
        return [TVSCacheFlushed(entries, kind)]

    def _note(self, kind: FileKind, outcome: ListOutcome, reason: Reason | None = None) -> None:
        self._results = (*self._results, ListResult(kind, outcome, reason))
