"""Histories of clusters and phones: what is installed is what the model of trust allows."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware_sim.cluster import CTLKind, Release, SecurityMode
from firmware_sim.cluster.signing import sign_file, sign_list_elsewhere
from firmware_sim.tvs import Entry
from fuzz.model_world import ADDRESSES, ATTACKER, MODELS, SUBSCRIBER, World
from fuzz.strategies import examples
from fuzz.strategies_switches import switches
from secd.crypto import Digest
from secd.errors import MalformedFile
from secd.models import Switches
from secd.trustlist import Record, decode_trust_list_untrusted

YEAR = 365 * 86400
LISTS = ("CTLFile.tlv", "ITLFile.tlv")
RELEASES = [Release(8, 6, 2), Release(10, 0, 1), Release(10, 5, 2), Release(11, 5, 1)]
RELEASES += [Release(12, 0, 1)]
POISONED = (
    b"<device><TVS><members><member><address>"
    + ATTACKER.encode()
    + b"</address></member></members></TVS></device>"
)

cluster_numbers = st.integers(0, 1)
phone_numbers = st.integers(0, len(MODELS) - 1)
names = st.sampled_from(LISTS)
choices = st.integers(0, 99)  # of whatever there is, counted round


class Histories(RuleBasedStateMachine):
    """Rules are what administrators, attackers and accidents do; every boot is compared."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.turn = 0

    # Administrators

    @rule(number=cluster_numbers, what=st.sampled_from(["callmanager", "tvs", "both"]))
    def renew_certificates_of_a_server(self, number: int, what: str) -> None:
        for each in ("callmanager", "tvs") if what == "both" else (what,):
            self.world.renew(self.world.clusters[number], each)

    @rule(number=cluster_numbers, what=st.sampled_from(["capf", "itl_recovery"]))
    def renew_certificates_of_a_cluster(self, number: int, what: str) -> None:
        self.world.renew(self.world.clusters[number], what)

    @rule(number=cluster_numbers, release=st.sampled_from(RELEASES))
    def upgrade(self, number: int, release: Release) -> None:
        self.world.clusters[number].release = release

    @rule(
        number=cluster_numbers,
        kind=st.sampled_from([None, *CTLKind]),
        mixed=st.booleans(),
        secure=st.sampled_from([SecurityMode.NON_SECURE] * 3 + [SecurityMode.ENCRYPTED]),
    )
    def change_the_mode(
        self, number: int, kind: CTLKind | None, mixed: bool, secure: SecurityMode
    ) -> None:
        cluster = self.world.clusters[number]
        cluster.ctl, cluster.mixed_mode = kind, mixed
        for device in cluster.devices.values():
            device.security_mode = secure

    @rule(number=cluster_numbers, lost=st.booleans())
    def sign_with_the_other_token(self, number: int, lost: bool) -> None:
        cluster = self.world.clusters[number]
        if lost:
            new = self.world.authority.issue_token("ADN0000beef")
            cluster.tokens[cluster.signing_token] = new
        else:
            cluster.signing_token = 1 - cluster.signing_token

    @rule(number=cluster_numbers, rollback=st.booleans())
    def prepare_for_rollback(self, number: int, rollback: bool) -> None:
        self.world.clusters[number].rollback = rollback

    @rule(number=cluster_numbers, digest=st.sampled_from([Digest.SHA1, Digest.SHA512]))
    def change_the_digest(self, number: int, digest: Digest) -> None:
        self.world.clusters[number].digest = digest

    @rule(number=cluster_numbers, choice=choices, functions=st.sampled_from([{0}, {3}, {0, 3}]))
    def import_a_certificate_of_the_other_cluster(
        self, number: int, choice: int, functions: set[int]
    ) -> None:
        other = self.world.clusters[1 - number]
        known = [other.itl_recovery, other.publisher.callmanager]
        known += [token.credential for token in other.tokens]
        entry = Entry(known[choice % len(known)], frozenset(functions))
        self.world.directories[number].imported.append(entry)

    @rule(phone=phone_numbers, server=st.sampled_from(ADDRESSES))
    def move_a_phone(self, phone: int, server: str) -> None:
        self.world.phones[phone].server = server

    @rule(phone=phone_numbers, habits=switches)
    def a_phone_gets_a_load_of_other_habits(self, phone: int, habits: Switches) -> None:
        self.world.switch(self.world.phones[phone], habits)

    @rule(phone=phone_numbers)
    def erase_a_phone(self, phone: int) -> None:
        self.world.erase(self.world.phones[phone])

    # Accidents

    @rule(address=st.sampled_from([*ADDRESSES, SUBSCRIBER]), up=st.booleans(), tvs=st.booleans())
    def a_server_fails_or_returns(self, address: str, up: bool, tvs: bool) -> None:
        down = self.world.tvs_down if tvs else self.world.down
        (down.discard if up else down.add)(address)

    @rule(number=cluster_numbers, name=names)
    def a_list_is_not_renewed(self, number: int, name: str) -> None:
        self._override(number, name, self._current(number, name))

    @rule(number=cluster_numbers, what=st.sampled_from(["callmanager", "itl_recovery"]))
    def a_certificate_is_renewed_and_no_list(self, number: int, what: str) -> None:
        for name in LISTS:
            self.a_list_is_not_renewed(number, name)
        self.world.renew(self.world.clusters[number], what)

    @rule(number=cluster_numbers)
    def all_files_are_made_anew(self, number: int) -> None:
        self.world.clusters[number].overrides.clear()
        self.world.missing.clear()

    @rule(number=cluster_numbers, name=names, place=st.integers(0, 5000), mask=st.integers(0, 255))
    def a_list_is_spoilt(self, number: int, name: str, place: int, mask: int) -> None:
        """One octet is wrong; where the mask is 0 the file ends there."""
        octets = self._current(number, name)
        at = place % (len(octets) + 1)
        wrong = bytes(octet ^ mask for octet in octets[at : at + 1])
        self._override(
            number, name, octets[:at] + wrong + octets[at + 1 :] if mask else octets[:at]
        )

    @rule(number=cluster_numbers, name=names, other=cluster_numbers, taken=names)
    def a_list_is_swapped_for_another(self, number: int, name: str, other: int, taken: str) -> None:
        self._override(number, name, self._current(other, taken))

    @rule(number=cluster_numbers, name=names, empty=st.booleans())
    def a_list_is_lost(self, number: int, name: str, empty: bool) -> None:
        if empty:
            self._override(number, name, b"")
        else:
            self.world.missing.add((ADDRESSES[number], name[:3]))

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.world.wait(hours * 3600)

    @rule(years=st.integers(1, 3))
    def certificates_grow_old(self, years: int) -> None:
        """They live five years; only some phones mind."""
        self.world.wait(years * YEAR)

    # Attackers, and whoever has a key

    @rule(
        number=cluster_numbers,
        name=names,
        taken=names,
        named=choices,
        key=st.none() | choices,
        extra=st.sampled_from([None, 0, 2, 21]),
    )
    def a_list_is_signed_again(
        self, number: int, name: str, taken: str, named: int, key: int | None, extra: int | None
    ) -> None:
        """By anyone, naming anyone, perhaps with a record more for the one who is named."""
        known = self.world.credentials()
        signer = known[named % len(known)]
        holder = signer if key is None else known[key % len(known)]
        records = _records(self._current(number, taken))
        if extra is not None:
            records += (_record(extra, signer.certificate, signer.issuer, signer.serial),)
        octets = sign_list_elsewhere(
            name,
            records,
            signer,
            signer.key.key_size,
            Digest.SHA1,
            1,
            lambda signed: holder.sign(signed, 1),
        )
        self._override(number, name, octets)

    @rule(number=cluster_numbers, phone=phone_numbers, key=choices, signed=st.booleans())
    def a_configuration_names_the_attackers_tvs(
        self, number: int, phone: int, key: int, signed: bool
    ) -> None:
        name = f"{self.world.phones[phone].device}.cnf.xml"
        known = self.world.credentials()
        signer = known[key % len(known)]
        octets = sign_file(name, POISONED, signer, Digest.SHA1, 1) if signed else POISONED
        self._override(number, f"{name}.sgn" if signed else name, octets)

    # Phones

    @rule(phone=phone_numbers)
    def boot_a_phone(self, phone: int) -> None:
        self.world.boot(self.world.phones[phone])

    @rule()
    def boot_all_phones(self) -> None:
        for pair in self.world.phones:
            self.world.boot(pair)

    @rule(phone=phone_numbers, cut_after=st.integers(0, 60))
    def the_power_fails_during_a_boot(self, phone: int, cut_after: int) -> None:
        self.world.boot(self.world.phones[phone], cut_after)

    @invariant()
    def somebody_boots_every_now_and_then(self) -> None:
        """So that few steps of a history are without consequence."""
        self.turn += 1
        self.world.boot(self.world.phones[self.turn % len(MODELS)])

    @invariant()
    def what_is_installed_is_what_the_model_allows(self) -> None:
        for pair in self.world.phones:
            self.world.check(pair)

    def _current(self, number: int, name: str) -> bytes:
        found = self.world.serve(ADDRESSES[number], "", name)
        return found if isinstance(found, bytes) else b""

    def _override(self, number: int, name: str, octets: bytes) -> None:
        self.world.clusters[number].overrides[name] = octets


def _records(octets: bytes) -> tuple[Record, ...]:
    try:
        return decode_trust_list_untrusted(octets).records
    except MalformedFile:
        return ()


def _record(function: int, certificate: bytes, issuer: bytes, serial: bytes) -> Record:
    return Record(
        function, issuer=issuer, serial=serial, certificate=certificate, layout=(4, 5, 6, 9)
    )


# Long: a tenth of what one law gets, of 50 steps each.
TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=examples(100) // 10, stateful_step_count=50 if examples(0) else 25
)
