"""The boot of a phone in the words of the model: what it must have written by the end, in order.

From docs/decision-table.md (rows C1, C6, C7, L14 to L18, S1, S2, vouchers) and the order that
docs/architecture.md gives: CTL, then ITL, then the configuration. One TFTP server; further files,
HTTP and encrypted files are not here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from fuzz.model import (
    Answer,
    Claim,
    Holder,
    Name,
    Word,
    judge_file,
    judge_list,
    knows_call_manager,
    may_ask,
    wants_signed_files,
)
from fuzz.model_reading import claim_of_file, claim_of_list
from fuzz.naive import Bad

DEFAULT = "XMLDefault.cnf.xml"
ERASED = "erased "  # before CTL or ITL, in what is written


class NoAnswer:
    """The server is not there."""


@dataclass(frozen=True)
class Configured:
    """What a configuration says, as far as trust goes."""

    tvs_servers: tuple[str, ...]
    secure: bool


# What is around a phone: its server, a TVS by its address, and how a configuration is read.
Serve = Callable[[str], bytes | NoAnswer | None]
AskTVS = Callable[[str, Name, tuple[bytes, ...]], Word | None]
ReadConfiguration = Callable[[bytes], Configured | None]


@dataclass(frozen=True)
class Around:
    """What a boot meets. read -- None for XML that is none. rounds -- without CTL, at most."""

    server: str
    serve: Serve
    ask_tvs: AskTVS
    read: ReadConfiguration
    rounds: int


class ModelPhone:
    """One phone through its boots. written -- (kind, octets) of this boot, in order."""

    def __init__(self, device: str, holder: Holder):
        self.device = device
        self.holder = holder
        self.configuration: bytes | None = None
        self.words: tuple[Word, ...] = ()
        self.written: list[tuple[str, bytes]] = []
        self.said: list[tuple[Word, ...]] = []  # all words of TVS, whenever they were written

    def copy(self) -> "ModelPhone":
        """Return another phone that holds the same."""
        other = ModelPhone(self.device, self.holder)
        other.configuration, other.words = self.configuration, self.words
        return other

    def resume(self, written: list[tuple[str, bytes]], booted: "ModelPhone") -> None:
        """Hold what was written before the power failed. It was written in a boot of `booted`."""
        said = iter(booted.said)
        for kind, octets in written:
            if kind in ("CTL", "ITL"):
                self._hold(kind, claim_of_list(octets))
            elif kind in (ERASED + "CTL", ERASED + "ITL"):
                self._hold(kind.removeprefix(ERASED), None)
            elif kind == "words":
                self.words = next(said)
            else:
                self.configuration = octets

    def _hold(self, kind: str, claim: Claim | None) -> None:
        if kind == "CTL":
            self.holder = replace(self.holder, ctl=claim)
        else:
            self.holder = replace(self.holder, itl=claim)

    def reset(self) -> None:
        """Hold nothing: somebody erased the phone by hand."""
        self.holder = replace(self.holder, ctl=None, itl=None)
        self.configuration, self.words = None, ()

    def boot(self, around: Around, now: float) -> None:
        """Boot once, to the end."""
        self.written, self.said = [], []
        stored = None if self.configuration is None else around.read(self.configuration)
        servers = () if stored is None else stored.tvs_servers
        self.holder = replace(self.holder, now=now, has_tvs_servers=bool(servers))
        for attempt in range(around.rounds + 1):
            self._list("CTL", (f"CTL{self.device}.tlv",), around, servers)
            if self.holder.newer:
                names = (f"ITL{self.device}.tlv", "ITLFile.tlv")
                self._list("ITL", names, around, servers)
            self._configure(around, servers)
            now_configured = None if self.configuration is None else around.read(self.configuration)
            if now_configured is None or not now_configured.secure:
                break
            if knows_call_manager(self.holder) or attempt == around.rounds:
                break
            servers = now_configured.tvs_servers
            self.holder = replace(self.holder, has_tvs_servers=bool(servers))

    def _get(self, names: tuple[str, ...], around: Around) -> tuple[str, bytes | NoAnswer | None]:
        """The first of these files that the server has, and its name; None: it has none of them."""
        if not may_ask(self.holder, around.server):
            return "", NoAnswer()
        for name in names:
            found = around.serve(name)
            if found is not None:
                return name, found
        return "", None

    def _list(
        self, kind: str, names: tuple[str, ...], around: Around, servers: tuple[str, ...]
    ) -> None:
        _, octets = self._get(names, around)
        held = self.holder.ctl if kind == "CTL" else self.holder.itl
        doubts = self.holder.doubts
        if isinstance(octets, NoAnswer):
            return  # L18
        if not octets:  # L15 to L17
            if held and (doubts.missing_erases if octets is None else doubts.empty_erases):
                self.written.append((ERASED + kind, b""))
                self._hold(kind, None)
            return
        if doubts.knows_same and held and held.octets == octets:
            return  # L14
        try:
            claim = claim_of_list(octets)
        except Bad:
            return
        answer = judge_list(kind, claim, self.holder, self.words)
        if answer is Answer.ASK:
            words = (self._ask(claim, around, servers), *self.words)
            answer = judge_list(kind, claim, self.holder, words)
        if answer is not Answer.TAKE:
            return
        forgets = self.holder.newer and (kind == "CTL" or doubts.any_list_flushes)
        if held is not None and forgets and self.words:
            self._write_words(())  # before the list
        self.written.append((kind, octets))
        self._hold(kind, claim)

    def _write_words(self, words: tuple[Word, ...]) -> None:
        self.words = words
        self.said.append(words)
        self.written.append(("words", written_names(word.name for word in words)))

    def _configure(self, around: Around, servers: tuple[str, ...]) -> None:
        signed = wants_signed_files(self.holder)
        suffix = ".sgn" if signed else ""
        names = (f"{self.device}.cnf.xml{suffix}", f"{DEFAULT}{suffix}")
        name, octets = self._get(names, around)
        if not isinstance(octets, bytes):
            return
        payload = self._payload(name, octets, around, servers) if signed else octets
        if payload is not None and around.read(payload) is not None:
            self.configuration = payload
            self.written.append(("configuration", payload))

    def _payload(
        self, name: str, octets: bytes, around: Around, servers: tuple[str, ...]
    ) -> bytes | None:
        """What a signed configuration holds; None: it is not trusted."""
        if octets[:3] != b"\1\0\2":
            return None
        try:
            claim = claim_of_file(octets)
        except Bad:
            return None
        answer = judge_file(claim, self.holder, self.words, name)
        if answer is Answer.ASK:
            words = (self._ask(claim, around, servers), *self.words)
            answer = judge_file(claim, self.holder, words, name)
        return claim.body if answer is Answer.TAKE else None

    def _ask(self, claim: Claim, around: Around, servers: tuple[str, ...]) -> Word:
        """Ask one TVS after the other; whatever the first one says counts.

        It is kept if it is good; else only by `remembers_no`, and so is that nobody answered.
        """
        itl = self.holder.itl
        known = () if itl is None else itl.listed
        trusted = tuple(one.certificate for one in known if one.function == 21 and one.certificate)
        for server in servers:
            word = around.ask_tvs(server, claim.signer, trusted)
            if word is not None:
                break
        else:
            word = Word(claim.signer, good=False)
        if word.good or self.holder.doubts.remembers_no:
            others = (one for one in self.words if one.name != word.name)
            self._write_words((*others, word))
        return word


def written_names(names: Iterable[Name]) -> bytes:
    """Return whom TVS spoke of, as one text to compare."""
    return repr(list(names)).encode()
