"""The boot of one phone: trust lists, then configuration, as a synchronous machine.

Events go in, an ordered list of actions and trace events comes out; the outside does the actions
in that order before it reports the next event. So a trust list is on flash before the trace says
so, and before the next file is asked for. Decisions are asked of `secd.trust` and nowhere else;
transitions stand in `secd.boot.table`; what a decision changes stands in `secd.boot.lists` and
`secd.boot.configuring`; fetching is `secd.boot.fetch`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.boot.configuring import Configuring, base_name
from secd.boot.fetch import FetchMachine
from secd.boot.further import FurtherFile, FurtherFiles
from secd.boot.judged import envelope_events
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
from secd.boot.query import QueryMachine
from secd.boot.table import Outcome, State, following
from secd.configuration import Configuration, Server
from secd.models import Model
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
    Accept,
    Context,
    Evidence,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Verdict,
    Voucher,
    decide,
    decide_absent,
    decide_peer,
    https_offered,
    signed_files_required,
)
from secd.trustlist import Function
from secd.words import BootOutcome, FileKind, TransferFailure, Transport

Output = Action | Traced

_DEFAULT_CONFIGURATION = "XMLDefault.cnf.xml"


@dataclass(frozen=True, slots=True)
class Phone:
    """What a boot starts from: the phone, and what its flash holds.

    device -- SEP and the MAC address, as in file names. servers -- logical addresses of the TFTP
    servers, primary first. configuration -- the last good one. vouchers -- the TVS cache.
    round_limit -- after how many retries without CTL an observer stops watching a phone that
    would go on for ever; None: never. firmware_key -- the key that firmware is signed with, where
    the user has it. ring_menu -- somebody opens the menu of the rings.
    """

    device: str
    model: Model
    servers: tuple[str, ...]
    installed: Installed = field(default_factory=Installed)
    configuration: Configuration | None = None
    vouchers: tuple[Voucher, ...] = ()
    round_limit: int | None = None
    firmware_key: rsa.RSAPublicKey | None = None
    ring_menu: bool = False


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that came and is being judged. path -- where the phone had put it."""

    file_name: str
    kind: FileKind
    octets: bytes
    server: str
    transport: Transport
    path: str


class BootMachine:
    """Boots one phone once.

    lists, configuring, further -- what the phone holds by now, and asks for still.
    available -- the transports that the outside can do.
    """

    def __init__(self, phone: Phone, available: frozenset[Transport]) -> None:
        self.state = State.OFF
        self.lists = TrustLists(phone.model, phone.installed, phone.vouchers)
        self.configuring = Configuring(phone.configuration, phone.model)
        self.further = FurtherFiles(phone.model, ring_menu=phone.ring_menu)
        self._phone = phone
        self._model = phone.model
        self._available = available
        self._id = phone.model.first_task_id - 1
        self._now_seconds = 0.0
        self._outputs: list[Output] = []
        self._fetch: FetchMachine | None = None
        self._query: QueryMachine | None = None
        self._candidate: _Candidate | None = None
        self._rounds = 0

    def handle(self, event: Event, now_seconds: float) -> list[Output]:
        """Take one event and return what is to be done and told, in order.

        now_seconds -- wall clock, Unix time. Raises RuntimeError for an event that does not
        belong to the state: a bug of the caller.
        """
        self._now_seconds = now_seconds
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
                self._tell(self.lists.conclusion())
                self._request_file(f"{device}.cnf.xml", destinations.configuration)
            case State.REQUEST_DEFAULT_CONFIGURATION:
                self._request_file(_DEFAULT_CONFIGURATION, destinations.configuration)
            case State.REQUEST_FURTHER_FILE:
                self._request_further(self.further.next())
            case State.WAIT_FOR_CTL:
                self._rounds += 1
                pause = self._model.retry_seconds
                self._tell([RetryScheduled(self._rounds, pause), Wait(pause)])
            case State.REGISTER | State.STOPPED:
                self._tell([BootEnded(self.outcome), Finish(self.outcome)])
            case _:  # the ASK_TVS states: their action carries the question, see _judge
                pass

    def _request_file(self, name: str, pattern: str) -> None:
        """Ask for a configuration or further file, with `.sgn` where row C1 says so."""
        signed = signed_files_required(self.lists.installed)
        kind = FileKind.SIGNED if signed else FileKind.PLAIN
        self._request(f"{name}.sgn" if signed else name, kind, pattern)

    def _request_further(self, file: FurtherFile) -> None:
        """Ask for a further file; firmware has an envelope of its own and may have its own host."""
        pattern = self._model.destinations.further
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
        context = self._context(kind, name)
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
                    _Candidate(
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
                missing = failure is TransferFailure.FILE_NOT_FOUND
                if fetch.kind.is_list:
                    self._list_not_received(fetch, missing, failure)
                elif self.further.current is not None:
                    self._tell(self.further.missing(fetch.file_name))
                    self._go(self._after_files())
                else:
                    self._configuration_not_received(fetch, failure)

    def _judge(self, candidate: _Candidate) -> None:
        verdict = self._decide(candidate, self.lists.vouchers)
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
            signer.name, signer.issuer, signer.serial, self._tvs_servers, self._next_id()
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
        verdict = self._decide(candidate, (voucher, *self.lists.vouchers))
        if isinstance(verdict, NeedsTVS):
            # An answer to another question, or one that has run out already, is no answer: it
            # is not remembered either.
            detail = "TVS answered another question than the one asked, or with a dead voucher"
            verdict = Refuse(Reason.TVS_UNREACHABLE, Evidence(detail, verdict.evidence.file))
        else:
            self._tell(self.lists.remember(voucher, self._now_seconds))
        self._judged(candidate, verdict, envelope_told=True)

    def judge_tvs_server(self, certificate: bytes) -> Accept | Refuse | NeedsTVS:
        """Judge the certificate that a TVS server shows in its handshake (row T3)."""
        context = self._context(FileKind.PLAIN, "")
        return decide_peer(self.lists.installed, certificate, Function.TVS, context)

    def judge_file_server(self, certificate: bytes) -> Accept | Refuse | NeedsTVS:
        """Judge the certificate that an HTTPS file server shows in its handshake (row T5)."""
        context = self._context(FileKind.PLAIN, "")
        return decide_peer(self.lists.installed, certificate, Function.TFTP, context)

    def _decide(self, candidate: _Candidate, vouchers: tuple[Voucher, ...]) -> Verdict:
        context = self._context(
            candidate.kind, candidate.file_name, candidate.server, candidate.transport
        )
        return decide(self.lists.installed, candidate.octets, context, vouchers)

    def _judged(
        self, candidate: _Candidate, verdict: Verdict, *, envelope_told: bool = False
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

    def _list_not_received(self, fetch: FetchFile, missing: bool, failure: TransferFailure) -> None:
        name, kind = fetch.file_name, fetch.kind
        if missing and kind is FileKind.ITL and name != COMMON_ITL:
            self._go(Outcome.NOT_FOUND)
            return
        if missing:
            absent = decide_absent(
                self.lists.installed, Reason.FILE_NOT_FOUND, self._context(kind, name)
            )
            self._tell(self.lists.absent(name, kind, absent))
        elif failure is not TransferFailure.NOT_AUTHORIZED:
            self._tell(self.lists.failed(name, kind))
        self._list_done(kind)

    def _list_done(self, kind: FileKind) -> None:
        no_itl = kind is FileKind.CTL and not self._model.security_by_default
        self._go(Outcome.DONE_WITHOUT_ITL if no_itl else Outcome.DONE)

    def _configuration_not_received(self, fetch: FetchFile, failure: TransferFailure) -> None:
        missing = failure is TransferFailure.FILE_NOT_FOUND
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
        self._go(self._after_files())

    def _after_files(self) -> Outcome:
        return Outcome.MORE_FILES if self.further.left else Outcome.DONE

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
        if not self.configuring.fresh:
            return BootOutcome.BOOTED_OLD_CONFIGURATION
        return BootOutcome.BOOTED

    @property
    def _tvs_servers(self) -> tuple[Server, ...]:
        """Those of the stored configuration: a moved phone asks its old ones (213407, 118893)."""
        stored = self.configuring.current
        return () if stored is None else stored.tvs_servers

    def _context(
        self, kind: FileKind, name: str, server: str = "", channel: Transport = Transport.TFTP
    ) -> Context:
        return Context(
            self._model,
            kind,
            self._now_seconds,
            requested_name=name,
            server_address=server,
            channel=channel,
            tvs_servers=tuple(server.address for server in self._tvs_servers),
            firmware_key=self._phone.firmware_key,
        )

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
