"""What one phone says to the files and servers of one node: every answer is `secd.trust`'s.

The phone boots as it does: CTL, ITL, configuration, then CAPF and its call manager. Where a list's
signer is in neither list, it asks the TVS servers of its stored configuration: a node of this
cluster answers, if the certificate that its TVS shows is in the phone's ITL (row T3).
"""

from dataclasses import dataclass

from firmware_sim.administration.checking.site import HeldPhone, RunningNode, Site
from secd.certs import facts_of_untrusted
from secd.configuration import Configuration, parse_configuration_untrusted
from secd.errors import MalformedFile
from secd.models import TVSFlush
from secd.trust import (
    Accept,
    Context,
    Installed,
    NeedsTVS,
    Reason,
    Refuse,
    Unchanged,
    Verdict,
    Voucher,
    VoucherOutcome,
    decide,
    decide_absent,
    decide_peer,
    installed_after,
    signed_files_required,
)
from secd.trustlist import Function, TrustList
from secd.tvs import FOUND, QueryCertificate, Question, TVSAnswer, VerifyCertificate
from secd.words import FileKind

Outcome = Accept | Refuse | Unchanged


@dataclass(frozen=True, slots=True)
class Files:
    """What a phone gets from one node: lists, its configuration, certificates of servers.

    ctl -- None: not found. configuration -- signed, None: not known. callmanager, capf -- DER.
    """

    address: str
    ctl: bytes | None
    itl: bytes
    configuration: bytes | None
    callmanager: bytes
    capf: bytes | None


@dataclass(frozen=True, slots=True)
class PhoneOutcome:
    """What became of everything. after -- what the phone holds then.

    configuration, capf, callmanager -- None: not asked for. stored -- the configuration that the
    phone goes on with.
    """

    ctl: Outcome
    itl: Outcome | None
    configuration: Outcome | None
    capf: Outcome | None
    callmanager: Outcome | None
    after: Installed
    stored: Configuration | None

    @property
    def refuses_list(self) -> bool:
        """Tell whether the phone keeps an older list because it does not trust the new one."""
        return isinstance(self.ctl, Refuse) or isinstance(self.itl, Refuse)


def files_of(one: RunningNode, capf: bytes | None, device: str) -> Files:
    """Return what a device gets from a node as it runs. capf -- what the publisher's CAPF shows."""
    configuration = one.configuration_of(device)
    return Files(one.node.address, one.ctl, one.itl, configuration, one.callmanager, capf)


def judge(site: Site, phone: HeldPhone, files: Files) -> PhoneOutcome:
    """Return what the phone says to what one node has for it."""
    stored = phone.configuration
    wants_capf = stored is not None and bool(stored.capf_servers)
    is_secure = stored is not None and stored.is_secure
    trial = _Trial(site, phone, phone.installed, phone.vouchers, files.address)
    ctl = trial.take(FileKind.CTL, f"CTL{phone.device}.tlv", files.ctl)
    itl = None
    if phone.model.security_by_default:
        itl = trial.take(FileKind.ITL, f"ITL{phone.device}.tlv", files.itl)
    configuration = trial.read(files.configuration)
    return PhoneOutcome(
        ctl,
        itl,
        configuration,
        trial.meet(files.capf, Function.CAPF) if wants_capf else None,
        trial.meet(files.callmanager, Function.CCM) if is_secure else None,
        trial.installed,
        _configuration_in(configuration) or stored,
    )


def _configuration_in(outcome: Outcome | None) -> Configuration | None:
    """Return what an accepted configuration says; None where none was accepted or it is no XML."""
    if not isinstance(outcome, Accept) or outcome.evidence.file is None:
        return None
    try:
        return parse_configuration_untrusted(outcome.evidence.file.body)
    except MalformedFile:
        return None


def md5_matches(held: TrustList | None, served: bytes | None) -> bool:
    """Tell whether a phone holds what is served, octet for octet, as equal checksums say."""
    return held is not None and held.octets == served


@dataclass(slots=True)
class _Trial:
    """A phone on its way through the files of one node."""

    site: Site
    phone: HeldPhone
    installed: Installed
    vouchers: tuple[Voucher, ...]
    address: str

    def take(self, kind: FileKind, name: str, octets: bytes | None) -> Outcome:
        """Judge a list; an accepted one is installed before the next is judged (TR49)."""
        context = self._context(kind, name)
        if octets is None:
            return decide_absent(self.installed, Reason.FILE_NOT_FOUND, context)
        outcome = self._decide(octets, context)
        if isinstance(outcome, Accept):
            self.installed = installed_after(self.installed, outcome, kind)
            if self.phone.model.switches.tvs_flush is TVSFlush.ANY_LIST or kind is FileKind.CTL:
                self.vouchers = ()
        return outcome

    def read(self, octets: bytes | None) -> Outcome | None:
        """Judge the signed configuration, if this phone asks for a signed one (row C1)."""
        if octets is None or not signed_files_required(self.installed):
            return None
        return self._decide(
            octets, self._context(FileKind.SIGNED, f"{self.phone.device}.cnf.xml.sgn")
        )

    def meet(self, certificate: bytes | None, function: Function) -> Outcome | None:
        """Judge what a server shows in its handshake."""
        if certificate is None:
            return None
        context = self._context(FileKind.PLAIN, "")
        verdict = decide_peer(self.installed, certificate, function, context, self.vouchers)
        if not isinstance(verdict, NeedsTVS):
            return verdict
        facts = facts_of_untrusted(certificate)  # decide_peer has read it
        question = VerifyCertificate(certificate)
        voucher = self._ask(question, facts.issuer.encode(), facts.serial)
        verdict = decide_peer(self.installed, certificate, function, context, (voucher,))
        return _settled(verdict)

    def _decide(self, octets: bytes, context: Context) -> Outcome:
        verdict = decide(self.installed, octets, context, self.vouchers)
        if not isinstance(verdict, NeedsTVS):
            return verdict
        file = verdict.evidence.file
        if file is None:
            raise RuntimeError("TVS is wanted for a signer that nobody named")
        signer = file.header.signer
        question = QueryCertificate(signer.name, signer.issuer, signer.serial)
        voucher = self._ask(question, signer.issuer, signer.serial)
        return _settled(decide(self.installed, octets, context, (voucher,)))

    def _ask(self, question: Question, issuer: bytes, serial: bytes) -> Voucher:
        stored = self.phone.configuration
        context = self._context(FileKind.PLAIN, "")
        for server in () if stored is None else stored.tvs_servers:
            node = self.site.find(server.address)
            if node is None:
                continue
            shown = decide_peer(self.installed, node.tvs, Function.TVS, context)
            if isinstance(shown, Accept):
                return self._voucher(issuer, serial, node.tvs_answer(question))
        return Voucher(issuer, serial, VoucherOutcome.UNREACHABLE)

    def _voucher(self, issuer: bytes, serial: bytes, answer: TVSAnswer) -> Voucher:
        if answer.status != FOUND:
            return Voucher(issuer, serial, VoucherOutcome.DENIED)
        until = self.site.now_seconds + answer.lifetime_seconds
        return Voucher(
            issuer,
            serial,
            VoucherOutcome.VOUCHED,
            answer.certificate,
            answer.functions,
            until,
        )

    def _context(self, kind: FileKind, name: str) -> Context:
        stored = self.phone.configuration
        servers = () if stored is None else stored.tvs_servers
        return Context(
            self.phone.model,
            kind,
            self.site.now_seconds,
            requested_name=name,
            server_address=self.address,
            tvs_servers=tuple(server.address for server in servers),
        )


def _settled(verdict: Verdict) -> Outcome:
    """Return a verdict after TVS was asked: there is nothing left to ask."""
    if isinstance(verdict, NeedsTVS):
        raise RuntimeError("TVS was asked, and the phone wants to ask again")
    return verdict
