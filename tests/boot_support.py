"""Drives the boot machine without trio: answers its transfers, keeps its flash, notes what it did.

`RecordingMachine` and `RecordingFetch` note which transitions of the tables were taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from trust_lists import NOW, PUBLISHER, SUBSCRIBER

import secd.boot.fetch as fetching
import secd.boot.table as booting
from secd.boot import (
    Action,
    AskTVS,
    BootMachine,
    CAPFServerFailed,
    EraseLSC,
    EraseTrustList,
    Event,
    FileNotReceived,
    FileReceived,
    Finish,
    Identities,
    InstallLSC,
    InstallTrustList,
    Output,
    Phone,
    PhoneBooted,
    ResumeCAPF,
    StartCAPF,
    StoreConfiguration,
    TimerFired,
    Transfer,
    TVSServerAnswered,
    Wait,
)
from secd.boot.fetch import FetchMachine
from secd.configuration import Configuration, parse_configuration_untrusted
from secd.models import Model
from secd.trace import (
    FileRefused,
    NoTrustListInstalled,
    Traced,
    TraceEvent,
    TrustListsChanged,
    TrustListsFailed,
)
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.words import BootOutcome, FileKind, TransferFailure, Transport

DEVICE = "SEP0011215A1AE3"
CTL, ITL, COMMON_ITL = f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", "ITLFile.tlv"
PLAIN, SIGNED = f"{DEVICE}.cnf.xml", f"{DEVICE}.cnf.xml.sgn"
DEFAULT, DEFAULT_SIGNED = "XMLDefault.cnf.xml", "XMLDefault.cnf.xml.sgn"

TFTP_ONLY = frozenset({Transport.TFTP})
MOST_OUTPUTS = 10_000  # of one boot; a machine that says more than this runs in a circle


def failure(kind: TransferFailure) -> FileNotReceived:
    """A failed transfer, with the error number that a server sends for it."""
    code = {TransferFailure.FILE_NOT_FOUND: 1, TransferFailure.ERROR: 2}.get(kind, 0)
    return FileNotReceived(kind, code, kind.value)


NOT_FOUND = failure(TransferFailure.FILE_NOT_FOUND)
TIMEOUT = failure(TransferFailure.TIMEOUT)
UNREACHABLE = failure(TransferFailure.UNREACHABLE)

Shelf = Mapping[str, bytes | FileNotReceived]
Answer = FileReceived | FileNotReceived
Serve = Callable[[Transfer], Answer]
TVSAnswers = Callable[[AskTVS], Voucher]
CAPFAnswers = Callable[[StartCAPF | ResumeCAPF], Event]
E = TypeVar("E", bound=TraceEvent)
A = TypeVar("A", bound=Action)


def shelf(files: Shelf) -> Serve:
    """Serve files by name, the same on every server and transport."""
    return lambda transfer: answer_of(files.get(transfer.file_name, NOT_FOUND))


def shelves(by_server: Mapping[str, Shelf | FileNotReceived]) -> Serve:
    """Serve files by server; a server that is a failure fails with every file."""

    def serve(transfer: Transfer) -> Answer:
        files = by_server[transfer.server]
        if isinstance(files, FileNotReceived):
            return files
        return answer_of(files.get(transfer.file_name, NOT_FOUND))

    return serve


def answer_of(found: bytes | FileNotReceived) -> Answer:
    return FileReceived(found) if isinstance(found, bytes) else found


def nobody(query: AskTVS) -> Voucher:
    """The TVS of a release without a TVS client."""
    return Voucher(query.issuer, query.serial, VoucherOutcome.UNREACHABLE)


def no_capf(_: StartCAPF | ResumeCAPF) -> Event:
    """CAPF servers that nobody can reach."""
    return CAPFServerFailed("nobody answers")


class RecordingMachine(BootMachine):
    """A boot machine that notes its transitions."""

    def __init__(self, phone: Phone, available: frozenset[Transport]) -> None:
        self.taken: list[tuple[booting.State, booting.Outcome]] = []
        super().__init__(phone, available)

    def _go(self, outcome: booting.Outcome) -> None:
        self.taken.append((self.state, outcome))
        super()._go(outcome)


class RecordingFetch(FetchMachine):
    """A fetch machine that notes its transitions."""

    taken: set[tuple[fetching.State, fetching.Outcome]]

    def _move(self, outcome: fetching.Outcome) -> None:
        self.__dict__.setdefault("taken", set()).add((self.state, outcome))
        super()._move(outcome)


@dataclass
class Boot:
    """A boot that is over. flash -- what was written, by kind; None: erased.

    lsc -- what was done to the LSC.
    """

    machine: RecordingMachine
    outputs: list[Output] = field(default_factory=list)
    flash: dict[FileKind, bytes | None] = field(default_factory=dict)
    configuration: bytes | None = None
    lsc: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names asked for, in order; each once per transfer."""
        return [transfer.file_name for transfer in self.did(Transfer)]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The servers and names asked, in order."""
        return [(transfer.server, transfer.file_name) for transfer in self.did(Transfer)]

    @property
    def outcome(self) -> BootOutcome:
        (finish,) = self.did(Finish)
        return finish.outcome

    @property
    def installed(self) -> Installed:
        return self.machine.lists.installed

    @property
    def conclusions(self) -> list[TraceEvent]:
        """What was told about both lists together."""
        kinds = (TrustListsChanged, TrustListsFailed, NoTrustListInstalled)
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def events(self) -> list[TraceEvent]:
        return [output.event for output in self.outputs if isinstance(output, Traced)]

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Names and reasons of refused files."""
        return [(event.file_name, event.reason) for event in self.told(FileRefused)]

    def did(self, kind: type[A]) -> list[A]:
        return [output for output in self.outputs if isinstance(output, kind)]

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def boot(
    phone: Phone,
    serve: Serve,
    tvs: TVSAnswers = nobody,
    available: frozenset[Transport] = TFTP_ONLY,
    now: float = NOW,
    capf: CAPFAnswers = no_capf,
) -> Boot:
    """Boot to the end; every wait is over at once."""
    done = Boot(RecordingMachine(phone, available))
    event: Event | None = PhoneBooted()
    while event is not None:
        outputs = done.machine.handle(event, now)
        assert_one_question_at_the_end(outputs)
        done.outputs += outputs
        assert len(done.outputs) < MOST_OUTPUTS
        event = None
        for output in outputs:
            event = _perform(output, done, serve, tvs, capf)
    return done


def assert_one_question_at_the_end(outputs: list[Output]) -> None:
    """The outside waits for one thing at a time, and only once all else is done."""
    places = [
        number
        for number, output in enumerate(outputs, start=1)
        if isinstance(output, Transfer | AskTVS | StartCAPF | ResumeCAPF | Wait | Finish)
    ]
    assert places == [len(outputs)]


def _perform(
    output: Output, done: Boot, serve: Serve, tvs: TVSAnswers, capf: CAPFAnswers
) -> Event | None:
    match output:
        case InstallTrustList(kind, octets):
            done.flash[kind] = octets
        case EraseTrustList(kind):
            done.flash[kind] = None
        case StoreConfiguration(octets):
            done.configuration = octets
        case Transfer():
            return serve(output)
        case AskTVS():
            return TVSServerAnswered(tvs(output))
        case StartCAPF() | ResumeCAPF():
            return capf(output)
        case InstallLSC():
            done.lsc.append("installed")
        case EraseLSC():
            done.lsc.append("erased")
        case Wait():
            return TimerFired()
        case _:
            pass
    return None


# What phones start from


def phone(
    model: Model,
    *servers: str,
    installed: Installed | None = None,
    configuration: bytes | None = None,
    vouchers: tuple[Voucher, ...] = (),
    round_limit: int | None = 3,
    identities: Identities | None = None,
) -> Phone:
    """A phone with the flash that the test wants; one server, the publisher, unless named."""
    return Phone(
        DEVICE,
        model,
        servers or (PUBLISHER,),
        installed or Installed(),
        parsed(configuration) if configuration else None,
        vouchers,
        round_limit,
        identities=identities or Identities(),
    )


def after(done: Boot, model: Model, *servers: str) -> Phone:
    """The phone of a boot that is over, about to boot again."""
    machine = done.machine
    kept = machine.configuring.current
    lists = machine.lists
    return Phone(DEVICE, model, servers or (PUBLISHER,), lists.installed, kept, lists.vouchers, 3)


def parsed(octets: bytes) -> Configuration:
    return parse_configuration_untrusted(octets)


def xml(
    mode: int = 1,
    tvs: str = "",
    load: str = "",
    capf: tuple[str, ...] = (),
    capf_mode: int = 0,
    certificate_hash: str = "",
    encrypted: bool = False,
) -> bytes:
    """A configuration with a security mode, a TVS server and, to tell it apart, a load.

    capf -- addresses of CAPF servers.
    """
    member = f"<member priority='0'><address>{tvs}</address></member>" if tvs else ""
    servers = "".join(f"<capf><processNodeName>{name}</processNodeName></capf>" for name in capf)
    return (
        f"<device><deviceSecurityMode>{mode}</deviceSecurityMode>"
        f"<TVS><members>{member}</members></TVS>"
        f"<capfAuthMode>{capf_mode}</capfAuthMode><capfList>{servers}</capfList>"
        f"<certHash>{certificate_hash}</certHash><encrConfig>{str(encrypted).lower()}</encrConfig>"
        f"<loadInformation>{load}</loadInformation></device>"
    ).encode()


BOTH = (PUBLISHER, SUBSCRIBER)
