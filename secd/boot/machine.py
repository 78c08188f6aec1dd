"""The boot of one phone: trust lists, then configuration, as a synchronous machine.

Events go in, an ordered list of actions and trace events comes out; the outside does the actions
in that order before it reports the next event. So a trust list is on flash before the trace says
so, and before the next file is asked for. Decisions are asked of `secd.trust` and nowhere else;
transitions stand in `secd.boot.table`; what a decision changes stands in `secd.boot.lists` and
`secd.boot.configuring`; fetching is `secd.boot.fetch`.
"""

from collections.abc import Iterable

from secd.boot.configuring import Configuring, base_name
from secd.boot.enrol import EnrolMachine
from secd.boot.enrolling import Enrolling
from secd.boot.fetch import FetchMachine
from secd.boot.further import FurtherFile, FurtherFiles
from secd.boot.judged import envelope_events
from secd.boot.judging import Candidate, Judging
from secd.boot.lists import COMMON_ITL, Told, TrustLists
from secd.boot.messages import (
    Action,
    Event,
    FetchFile,
    FileNotReceived,
    FileReceived,
    Finish,
    PhoneBooted,
    QueryTVS,
    TimerFired,
    TVSServerAnswered,
    TVSServerFailed,
    Wait,
)
from secd.boot.phone import Phone
from secd.boot.query import QueryMachine
from secd.boot.table import Outcome, State, following
from secd.text import text_of
from secd.trace import (
    BootEnded,
    ConfigurationKept,
    ConfigurationMissing,
    ConfigurationNotReceived,
    EnvelopeRead,
    PhoneStarted,
    RetryScheduled,
    Traced,
    TraceEvent,
    TVSQueryEnded,
    TVSQueryStarted,
)
from secd.trust import (
    Evidence,
    NeedsTVS,
    Reason,
    Refuse,
    Verdict,
    decide_absent,
    https_offered,
    signed_files_required,
)
from secd.words import BootOutcome, FileKind, FilePurpose, TransferFailure, Transport

Output = Action | Traced

_DEFAULT_CONFIGURATION = "XMLDefault.cnf.xml"


class BootMachine:
    """Boots one phone once.

    lists, configuring, further, enrolling -- what the phone holds by now, and asks for still.
    judging -- what it is judged with; TLS handshakes ask it too.
    available -- the transports that the outside can do.
    """

    def __init__(self, phone: Phone, available: frozenset[Transport]) -> None:
        self.state = State.OFF
        self.lists = TrustLists(phone.model, phone.installed, phone.vouchers)
        self.configuring = Configuring(phone.configuration, phone.model)
        self.further = FurtherFiles(phone.model, ring_menu=phone.ring_menu)
        self.enrolling = Enrolling(phone.device, phone.identities)
        self.judging = Judging(phone, self.lists, self.configuring, self.enrolling)
        self._phone = phone
        self._model = phone.model
        self._available = available
        self._id = phone.model.first_task_id - 1
        self._now_seconds = 0.0
        self._outputs: list[Output] = []
        self._fetch: FetchMachine | None = None
        self._query: QueryMachine | None = None
        self._candidate: Candidate | None = None
        self._rounds = 0

    def handle(self, event: Event, now_seconds: float) -> list[Output]:
        """Take one event and return what is to be done and told, in order.

        now_seconds -- wall clock, Unix time. Raises RuntimeError for an event that does not
        belong to the state: a bug of the caller.
        """
        self._now_seconds = self.judging.now_seconds = now_seconds
        self._outputs = []
        match event:
            case PhoneBooted() if self.state is State.OFF:
                phone = self._phone
                self._tell([PhoneStarted(phone.device, phone.model.name, phone.model.load)])
                self._go(Outcome.POWERED)
            case FileReceived() if self._fetch is not None:
                self._outputs += self._fetch.received(event, now_seconds)
                self._settle(self._fetch)
            case FileNotReceived() if self._fetch is not None:
                self._outputs += self._fetch.not_received(event, now_seconds)
                self._settle(self._fetch)
            case _ if (enrol := self.enrolling.machine) is not None:
                self._tell(enrol.handle(event))
                self._settle_enrolment(enrol)
            case TVSServerAnswered() if self._query is not None:
                self._tell(self._query.answered(event))
                self._settle_query(self._query)
            case TVSServerFailed() if self._query is not None:
                self._tell(self._query.failed(event))
                self._settle_query(self._query)
            case TimerFired() if self.state is State.WAIT_FOR_CTL:
                self._go(Outcome.TIME_OVER)
            case _:
                raise RuntimeError(f"{type(event).__name__} cannot happen in {self.state.name}")
        return self._outputs

    def _go(self, outcome: Outcome) -> None:
        """Move to the state that follows, and do what entering it means."""
        self.state = following(self.state, outcome)
        device, destinations = self._phone.device, self._model.destinations
        match self.state:
            case State.REQUEST_CTL:
                self.lists.begin()
                self._request(f"CTL{device}.tlv", FileKind.CTL, destinations.ctl)
            case State.REQUEST_ITL:
                self._request(f"ITL{device}.tlv", FileKind.ITL, destinations.itl)
            case State.REQUEST_COMMON_ITL:
                self._request(COMMON_ITL, FileKind.ITL, destinations.itl)
            case State.REQUEST_CONFIGURATION:
                self._request_configuration(f"{device}.cnf.xml", destinations.configuration)
            case State.REQUEST_UNENCRYPTED_CONFIGURATION:
                self._request_file(f"{device}.cnf.xml", destinations.configuration)
            case State.REQUEST_DEFAULT_CONFIGURATION:
                self._request_file(_DEFAULT_CONFIGURATION, destinations.configuration)
            case State.REQUEST_FURTHER_FILE:
                self._request_further(self.further.next())
            case State.WAIT_FOR_CTL:
                self._rounds += 1
                pause = self._model.retry_seconds
                self._tell([RetryScheduled(self._rounds, pause), Wait(pause)])
            case State.ENROL_LSC:
                self._enrol(before_registration=True)
            case State.REGISTER if self.enrolling.due is not None:
                self._go(Outcome.LSC_DUE)
            case State.ENROL_LSC_REGISTERED:
                self._enrol(before_registration=False)
            case State.REGISTER | State.STAY_REGISTERED | State.STOPPED:
                self._tell([BootEnded(self.outcome), Finish(self.outcome)])
            case _:  # the ASK_TVS states: their action carries the question, see _judge
                pass

    def _request_configuration(self, name: str, pattern: str) -> None:
        """Ask for the configuration, encrypted where the one in use says that it is (row C8)."""
        if self.configuring.key_identity(self.enrolling.identities) is None:
            self._request_file(name, pattern)
        else:
            self._request(f"{name}.enc.sgn", FileKind.ENCRYPTED, pattern)

    def _request_file(self, name: str, pattern: str) -> None:
        """Ask for a configuration or further file, with `.sgn` where row C1 says so."""
        signed = signed_files_required(self.lists.installed)
        kind = FileKind.SIGNED if signed else FileKind.PLAIN
        self._request(f"{name}.sgn" if signed else name, kind, pattern)

    def _request_further(self, file: FurtherFile) -> None:
        """Ask for a further file; firmware has an envelope of its own and may have its own host."""
        soft_keys = file.purpose is FilePurpose.SOFT_KEYS
        destinations = self._model.destinations
        pattern = destinations.soft_keys if soft_keys else destinations.further
        if file.purpose.is_firmware:
            self._request(file.name, FileKind.FIRMWARE, pattern, self.further.servers)
        else:
            self._request_file(file.name, pattern)

    def _request(
        self, name: str, kind: FileKind, pattern: str, servers: tuple[str, ...] = ()
    ) -> None:
        path = pattern.replace("{name}", base_name(name))
        offered = https_offered(self.lists.installed, self._model) and not kind.is_list
        transports = tuple(
            transport
            for transport in self._model.transports
            if transport is not Transport.HTTPS or (offered and self.further.current is None)
        )
        fetch = FetchFile(name, kind, transports, servers or self._phone.servers, path)
        context = self.judging.context(kind, name)
        self._fetch = machine = FetchMachine(
            fetch, self.lists.installed, context, self._available, self._next_id
        )
        self._outputs += machine.begin(self._now_seconds)
        self._settle(machine)

    def _settle(self, machine: FetchMachine) -> None:
        """Go on once a fetch has ended, one way or the other."""
        fetch = machine.fetch
        match machine.result:
            case FileReceived(octets):
                self._fetch = None
                self._judge(
                    Candidate(
                        fetch.file_name,
                        fetch.kind,
                        octets,
                        machine.server,
                        machine.transport,
                        fetch.destination,
                    )
                )
            case FileNotReceived(failure):
                self._fetch = None
                if fetch.kind.is_list:
                    self._list_not_received(fetch, machine.server, failure)
                elif self.further.current is not None:
                    self._tell(self.further.missing(fetch.file_name))
                    self._go(self._after_files())
                else:
                    self._configuration_not_received(fetch, failure)

    def _judge(self, candidate: Candidate) -> None:
        verdict = self.judging.decide(candidate, self.lists.vouchers)
        file = verdict.evidence.file
        if not isinstance(verdict, NeedsTVS) or file is None:
            self._judged(candidate, verdict)
            return
        self._candidate = candidate
        name, signer = candidate.file_name, file.header.signer
        asked = TVSQueryStarted(name, text_of(signer.name), signer.serial.hex().upper())
        self._tell([*envelope_events(name, candidate.kind, verdict), asked])
        self._go(Outcome.TVS_NEEDED)
        query = QueryTVS(
            signer.name, signer.issuer, signer.serial, self.judging.tvs_servers, self._next_id()
        )
        self._query = machine = QueryMachine(query)
        self._tell(machine.begin())
        self._settle_query(machine)

    def _settle_query(self, machine: QueryMachine) -> None:
        """Go on once TVS has answered, or nobody has."""
        candidate = self._candidate
        if machine.result is None or candidate is None:
            return
        self._query = self._candidate = None
        voucher = machine.result
        self._tell([TVSQueryEnded(candidate.file_name, voucher.outcome)])
        verdict = self.judging.decide(candidate, (voucher, *self.lists.vouchers))
        if isinstance(verdict, NeedsTVS):
            # An answer to another question, or one that has run out already, is no answer: it
            # is not remembered either.
            detail = "TVS answered another question than the one asked, or with a dead voucher"
            verdict = Refuse(Reason.TVS_UNREACHABLE, Evidence(detail, verdict.evidence.file))
        else:
            self._tell(self.lists.remember(voucher, self._now_seconds))
        self._judged(candidate, verdict, envelope_told=True)

    def _judged(
        self, candidate: Candidate, verdict: Verdict, *, envelope_told: bool = False
    ) -> None:
        name, kind, path = candidate.file_name, candidate.kind, candidate.path
        self._next_id()  # judging is another thread than fetching (213407, 214535)
        if kind.is_list:
            told = self.lists.judged(name, candidate.octets, path, kind, verdict)
            self._tell(_told_once(told) if envelope_told else told)
            self._list_done(kind)
        elif self.further.current is not None:
            told = self.further.judged(name, kind, path, verdict)
            self._tell(_told_once(told) if envelope_told else told)
            self._go(self._after_files())
        else:
            told = self.configuring.judged(name, kind, candidate.transport, path, verdict)
            self._tell(_told_once(told) if envelope_told else told)
            self._configured()

    def _list_not_received(self, fetch: FetchFile, server: str, failure: TransferFailure) -> None:
        name, kind = fetch.file_name, fetch.kind
        missing = failure is TransferFailure.FILE_NOT_FOUND
        if missing and kind is FileKind.ITL and name != COMMON_ITL:
            self._go(Outcome.NOT_FOUND)
            return
        if missing:
            absent = decide_absent(
                self.lists.installed,
                Reason.FILE_NOT_FOUND,
                self.judging.context(kind, name, server),
            )
            self._tell(self.lists.absent(name, kind, absent))
        elif failure is not TransferFailure.NOT_AUTHORIZED:
            self._tell(self.lists.failed(name, kind))
        self._list_done(kind)

    def _list_done(self, kind: FileKind) -> None:
        no_itl = kind is FileKind.CTL and not self._model.security_by_default
        if no_itl or kind is FileKind.ITL:
            self._tell(self.lists.conclusion())
        self._go(Outcome.DONE_WITHOUT_ITL if no_itl else Outcome.DONE)

    def _configuration_not_received(self, fetch: FetchFile, failure: TransferFailure) -> None:
        missing = failure is TransferFailure.FILE_NOT_FOUND
        if missing and fetch.kind is FileKind.ENCRYPTED:
            self._go(Outcome.NOT_ENCRYPTED)
            return
        if missing and not fetch.file_name.startswith(_DEFAULT_CONFIGURATION):
            self._go(Outcome.NOT_FOUND)
            return
        if missing:
            self._tell([ConfigurationMissing(f"{self._phone.device}.cnf.xml")])
        else:
            self._tell([ConfigurationNotReceived(fetch.file_name, failure)])
        self._configured()

    def _configured(self) -> None:
        if self.configuring.current is None:
            self._go(Outcome.UNUSABLE)
            return
        if not self.configuring.fresh:
            self._tell([ConfigurationKept(f"{self._phone.device}.cnf.xml")])
        lacks = self.configuring.lacks_call_manager(self.lists.installed)
        if lacks and self._may_retry():
            self._go(Outcome.CTL_NEEDED)
            return
        if self.configuring.fresh:
            self._tell(self.further.name(self.configuring.current))
        self.enrolling.consider(self.configuring.current, self.configuring.decryption_failed)
        self._go(self._after_files())

    def _after_files(self) -> Outcome:
        if self.further.left:
            return Outcome.MORE_FILES
        secure = self.configuring.current is not None and self.configuring.current.is_secure
        return Outcome.LSC_NEEDED if secure and self.enrolling.due is not None else Outcome.DONE

    def _enrol(self, *, before_registration: bool) -> None:
        """Turn to CAPF."""
        self._tell(
            self.enrolling.begin(self.judging.application(self._next_id()), before_registration)
        )
        if self.enrolling.machine is None:
            self._go(Outcome.DONE)
        else:
            self._settle_enrolment(self.enrolling.machine)

    def _settle_enrolment(self, machine: EnrolMachine) -> None:
        """Go on once CAPF is done with: an LSC that changed makes the phone ask again."""
        if not machine.over:
            return
        if machine.voucher is not None:
            self._tell(self.lists.remember(machine.voucher, self._now_seconds))
        held = self.enrolling.identities.lsc
        self._tell(self.enrolling.settle(machine))
        if self.enrolling.identities.lsc is held:
            self._go(Outcome.DONE)
        else:
            self.further.current = None
            self._go(Outcome.LSC_CHANGED)

    def _may_retry(self) -> bool:
        limits = (self._model.secure_no_ctl_retries, self._phone.round_limit)
        return all(limit is None or self._rounds < limit for limit in limits)

    @property
    def outcome(self) -> BootOutcome:
        """How the boot ended; it means nothing before it has."""
        if self.state is State.STOPPED:
            return BootOutcome.NO_CONFIGURATION
        if self.configuring.lacks_call_manager(self.lists.installed):
            return BootOutcome.NO_CTL_IN_SECURE_MODE
        if self.enrolling.lacks_lsc(self.configuring.current):
            return BootOutcome.NO_LSC_IN_SECURE_MODE
        if not self.configuring.fresh:
            return BootOutcome.BOOTED_OLD_CONFIGURATION
        return BootOutcome.BOOTED

    def _next_id(self) -> int:
        self._id += 1
        return self._id

    def _tell(self, items: Iterable[Action | TraceEvent]) -> None:
        for item in items:
            if isinstance(item, TraceEvent):
                self._outputs.append(Traced(self._now_seconds, self._id, 0, item))
            else:
                self._outputs.append(item)


def _told_once(told: Told) -> Told:
    """Leave out that the envelope was read: it was, before TVS was asked (214535)."""
    return told[1:] if told and isinstance(told[0], EnvelopeRead) else told
