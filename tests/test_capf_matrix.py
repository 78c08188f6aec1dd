"""docs/capf.md, row by row: it says what is run here, and no more."""

from random import Random

import pytest
from capf_lab import CAPFLab, Memory, Phone, a_lab, mic, own_lsc
from capf_matrix import (
    AUTHENTICATIONS,
    OPERATIONS,
    REFUSED,
    ROWS,
    TARGET,
    Row,
    document,
    row_of,
)
from capf_support import DEVICE, STRING, Job, OneKey, holder, serving
from capf_vectors import NAMES, certificate, identity
from tls_support import pin
from trio.testing import MockClock

from secd.boot.enrolling import Identities, applicant_for
from secd.capf import Curve, ECKind, Identity, Operation, RSAKind, kind_of_untrusted, public_octets
from secd.configuration import CAPFMode
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.identity import LSCFile
from secd.net.capf import CAPFClient
from secd.net.memory import MemoryNetwork
from secd.net.network import AddressBook

SERVER = ("10.1.1.1", 3804)
JOBS = dict(zip(OPERATIONS, ("install", "delete", "fetch", "nothing"), strict=True))
SCHEDULED = dict(
    zip(
        OPERATIONS,
        (Operation.INSTALL, Operation.DELETE, Operation.FETCH, Operation.NOTHING),
        strict=True,
    )
)
MODES = dict.fromkeys(AUTHENTICATIONS, 2) | {
    AUTHENTICATIONS[1]: 1,
    AUTHENTICATIONS[2]: 3,
    AUTHENTICATIONS[3]: 4,
}


def test_the_page_is_what_the_rows_say() -> None:
    assert TARGET.read_text() == document(), "run: python tests/capf_matrix.py"


def test_every_recorded_conversation_has_its_row_or_is_a_refusal() -> None:
    without = [name for name in NAMES if row_of(name) is None]
    assert len(without) == len(REFUSED) + 1
    assert {row_of(name) for name in NAMES if name not in without} <= set(ROWS)


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row.operation}-{row.authentication}-{row.kind}"
)
async def test_a_row(row: Row, autojump_clock: MockClock) -> None:
    mode, kind = MODES[row.authentication], row.kind or ECKind(Curve.P256)
    held = Identities(holder(ECKind(Curve.P384)), identity("mic"))
    applicant = applicant_for(DEVICE, held, mode, STRING if mode == 1 else "")
    assert applicant is not None
    proofs = {3: held.lsc, 4: held.mic}
    proof = proofs.get(mode)
    job = Job(
        JOBS[row.operation],
        kind,
        STRING.encode() if mode == 1 else b"",
        None if proof is None else proof.certificate,
        sudi=proof is not None,
        also_mic=True,
    )
    network, flash = MemoryNetwork(Random(1)), MemoryFlash()
    client = CAPFClient(
        network,
        AddressBook(),
        model_catalogue().find("8861").tls,
        pin(certificate("capf")),
        OneKey(),
        LSCFile(flash),
        lambda _: None,
    )
    async with serving(network, SERVER, job) as server:
        ended = await client.converse(*SERVER, applicant)
    assert ended.done
    assert server.failures == []
    match ended.operation:
        case Operation.INSTALL:
            LSCFile(flash).commit()
            lsc = LSCFile(flash).load()
            assert lsc is not None
            assert [lsc.certificate] == job.issued
            assert kind_of_untrusted(public_octets(lsc.key)) == row.kind
            assert job.finished == ["install"]
        case Operation.DELETE:
            assert (ended.erase, job.finished) == (True, ["delete"])
        case Operation.FETCH:
            assert job.shown == [applicant.lsc, applicant.mic]
        case Operation.NOTHING:
            assert row.operation == OPERATIONS[3]


@pytest.fixture
def lab_and_lsc() -> tuple[CAPFLab, Identity]:
    lab = a_lab()
    return lab, own_lsc(lab, ECKind(Curve.P384))


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row.operation}-{row.authentication}-{row.kind}"
)
async def test_a_row_in_the_lab(
    row: Row, lab_and_lsc: tuple[CAPFLab, Identity], autojump_clock: MockClock
) -> None:
    (lab, lsc), mode = lab_and_lsc, CAPFMode(MODES[row.authentication])
    operation, kind = SCHEDULED[row.operation], row.kind or ECKind(Curve.P256)
    typed = STRING if mode is CAPFMode.AUTHENTICATION_STRING else ""
    held = Identities(lsc, mic())
    applicant = applicant_for(DEVICE, held, mode, typed)
    assert applicant is not None
    shown: list[bytes] = []
    lab.keep(lambda _, __, certificate: shown.append(certificate))
    if operation is not Operation.NOTHING:
        lab.schedule(operation, mode, kind, string=typed)
    async with lab.serving(Memory()) as server:
        ended = await Phone(server, keys=OneKey()).converse(applicant)
    assert (ended.done, ended.operation) == (True, operation)
    assert lab.record().operation is Operation.NOTHING  # done, and not to be done again
    match operation:
        case Operation.INSTALL:
            assert ended.install is not None
            assert lab.record().lsc == ended.install.certificate
            assert kind_of_untrusted(public_octets(ended.install.key)) == row.kind
        case Operation.DELETE:
            assert ended.erase
        case Operation.FETCH:
            assert shown == [applicant.lsc, applicant.mic]
        case Operation.NOTHING:
            assert server.refusals == [(0, "no operation is pending")]


def test_the_kinds_are_all_there_are() -> None:
    assert len([row for row in ROWS if row.kind == RSAKind(2048)]) == len(AUTHENTICATIONS)
    assert len(ROWS) == 4 * 7 + 3 * 4
