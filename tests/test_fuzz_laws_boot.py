"""Laws of fetches and boots: a refusal changes no flash, and everything ends."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.model_driver import Contents, Driver, Surroundings
from fuzz.strategies import NOW, any_file, examples, honest_vouchers, installed, models, vouchers
from fuzz.strategies_lists import ADDRESSES, PAYLOADS, held_lists, signed_files, signed_lists
from secd.boot import (
    AskTVS,
    BootMachine,
    FetchFile,
    FileNotReceived,
    FileReceived,
    Phone,
    TVSServerAnswered,
    TVSServerFailed,
)
from secd.boot.fetch import FetchMachine, State
from secd.configuration import parse_configuration_untrusted
from secd.files.flash import MemoryFlash
from secd.files.store import PhoneStore
from secd.models import Model
from secd.trace import FileRefused, ListKept, Traced
from secd.trust import Context, Installed, Voucher
from secd.words import FileKind, TransferFailure, Transport

LAW = settings(max_examples=examples(30))
# A failing boot has many files to show, which hypothesis warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
DEVICE = "SEP0011215A1AE3"
TRANSPORTS = frozenset(Transport)
ROUNDS = 2
# Two lists by three names, the configuration by two, and four files that it may name.
FILES_OF_A_ROUND = 3 + 2 + 4
SECURE = (
    b"<device><deviceSecurityMode>3</deviceSecurityMode>"
    b"<TVS><members><member><address>10.1.1.1</address></member></members></TVS>"
    b"<sipProfile><dialTemplate>d.xml</dialTemplate></sipProfile></device>"
)

lists = st.one_of(signed_lists(), held_lists())
files = st.one_of(lists, lists, signed_files(), st.sampled_from([*PAYLOADS, SECURE]), any_file)
failures = st.sampled_from(TransferFailure).map(lambda kind: FileNotReceived(kind, 0, kind.value))
answers: st.SearchStrategy[FileReceived | FileNotReceived] = st.one_of(
    files.map(FileReceived), files.map(FileReceived), failures
)
configurations = st.sampled_from([None, PAYLOADS[1], SECURE])
phones = st.builds(
    lambda model, held, stored, words: Phone(
        DEVICE,
        model,
        ADDRESSES,
        held,
        None if stored is None else parse_configuration_untrusted(stored),
        tuple(words),
        ROUNDS,
    ),
    models,
    installed,
    configurations,
    st.lists(vouchers, max_size=2),
)


@dataclass(frozen=True)
class Script:
    """What is answered, in order; afterwards nobody answers any more."""

    answers: tuple[FileReceived | FileNotReceived, ...]
    words: tuple[Voucher, ...]

    def surroundings(self) -> Surroundings:
        """The script from its beginning."""
        answers, words = iter(self.answers), iter(self.words)
        silence = FileNotReceived(TransferFailure.TIMEOUT, 0, "timeout")

        def ask(_: BootMachine, asked: AskTVS) -> TVSServerAnswered | TVSServerFailed:
            word = next(words, None)
            if word is None:
                return TVSServerFailed(asked.server, asked.port, "silence")
            return TVSServerAnswered(word)

        return Surroundings(lambda _: next(answers, silence), ask, TRANSPORTS)


scripts = st.builds(
    lambda given_answers, words: Script(tuple(given_answers), tuple(words)),
    st.lists(answers, max_size=12),
    st.lists(honest_vouchers() | vouchers, max_size=3),
)


def booted(phone: Phone, script: Script) -> Driver:
    flash = MemoryFlash()
    store = PhoneStore(flash, DEVICE, phone.model)
    for kind in (FileKind.CTL, FileKind.ITL):
        held = phone.installed.of(kind)
        if held is not None:
            store.save_list(kind, held.octets)
    driver = Driver(phone, flash, script.surroundings(), NOW)
    attempts = FILES_OF_A_ROUND * len(ADDRESSES) * len(phone.model.transports)
    assert driver.run((ROUNDS + 1) * (attempts + FILES_OF_A_ROUND + 1) + 1)
    return driver


@LAW
@given(phones, scripts)
def test_every_boot_ends_in_as_many_steps_as_there_is_to_ask(phone: Phone, script: Script) -> None:
    assert booted(phone, script).steps


@LAW
@given(phones, scripts)
def test_a_refusal_never_changes_flash(phone: Phone, script: Script) -> None:
    """But for state.toml: what TVS said about a signer is kept, whatever became of the file."""
    for step in booted(phone, script).steps:
        told = [output.event for output in step.outputs if isinstance(output, Traced)]
        if any(isinstance(event, FileRefused | ListKept) for event in told):
            assert _without_state(step.after) == _without_state(step.before)


def _without_state(flash: Contents) -> Contents:
    return {name: octets for name, octets in flash.items() if name != "state.toml"}


@LAW
@given(phones, scripts)
def test_what_is_on_flash_is_what_the_machine_holds(phone: Phone, script: Script) -> None:
    driver = booted(phone, script)
    held = driver.machine.lists.installed
    flash = driver.steps[-1].after
    for name, trust_list in (("CTLFile.tlv", held.ctl), ("ITLFile.tlv", held.itl)):
        assert flash.get(name) == (None if trust_list is None else trust_list.octets)


@LAW
@given(models, st.lists(st.sampled_from(["10.1.1.1", "10.1.1.2", "x"]), max_size=4), st.data())
def test_every_fetch_ends_after_each_server_was_asked_once(
    model: Model, servers: list[str], data: st.DataObject
) -> None:
    fetch = FetchFile("f", FileKind.CTL, model.transports, tuple(servers), "f")
    context = Context(model, FileKind.CTL, NOW)
    numbers = iter(range(1_000_000))
    machine = FetchMachine(fetch, Installed(), context, TRANSPORTS, lambda: next(numbers))
    machine.begin(NOW)
    asked = 0
    while machine.state is not State.ENDED:
        asked += 1
        answer = data.draw(failures)
        machine.not_received(answer, NOW)
    assert asked <= len(servers) * len(model.transports)
    assert machine.result is not None
