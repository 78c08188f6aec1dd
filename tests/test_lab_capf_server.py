"""The lab's CAPF server: what is scheduled is done, and noted once the phone has said so."""

import pytest
import trio
from capf_lab import (
    DEVICE,
    LATER,
    MODEL,
    NOW,
    SMALL,
    Memory,
    Phone,
    Pooled,
    a_lab,
    mic,
    own_lsc,
)
from trio.testing import MockClock

from firmware_sim.capf import ATTEMPTS, LSCSubject
from firmware_sim.server_events import (
    CAPFCertificateGenerated,
    CAPFConnectionAccepted,
    CAPFEventReceived,
    CAPFHandshakeDone,
    CAPFMessage,
    CAPFMessageReceived,
    CAPFOperationDone,
    CAPFUpgradeSuccessful,
)
from secd.capf import (
    Applicant,
    CertificateType,
    Curve,
    ECKind,
    KeyKind,
    Operation,
    PrivateKey,
    RSAKind,
    kind_of_untrusted,
    public_octets,
)
from secd.certs import facts_of_untrusted, load_certificate_untrusted
from secd.configuration import CAPFMode

NULL, STRING = CAPFMode.NULL_STRING, CAPFMode.AUTHENTICATION_STRING
INSTALL, DELETE, FETCH = Operation.INSTALL, Operation.DELETE, Operation.FETCH
KINDS = [SMALL, RSAKind(2048), ECKind(Curve.P256), ECKind(Curve.P384), ECKind(Curve.P521)]
STRING_APPLICANT = Applicant(DEVICE, "123456")


# --- operations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_an_lsc_of_each_kind(kind: KeyKind, autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, NULL, kind)
    async with lab.serving(Memory()) as server:
        ended = await Phone(server).converse()
    assert ended.done
    assert ended.install is not None
    assert kind_of_untrusted(public_octets(ended.install.key)) == kind
    record = lab.record()
    assert (record.operation, record.authentication) == (Operation.NOTHING, CAPFMode(0))
    assert (record.lsc, record.result) == (ended.install.certificate, "upgrade successful")


@pytest.mark.parametrize(
    ("style", "common_name", "serial_number"),
    [
        (LSCSubject.CUCM, f"CP-{MODEL}-{DEVICE}", "PID:CP-7961 SN:FCH215A1AE3"),
        (LSCSubject.DEVICE_NAME, DEVICE, None),
    ],
)
def test_both_subjects_of_an_lsc(
    style: LSCSubject, common_name: str, serial_number: str | None
) -> None:
    lab = a_lab()
    lsc = own_lsc(lab, style=style).certificate
    certificate = load_certificate_untrusted(lsc)
    issuer = load_certificate_untrusted(lab.cluster.capf.certificate)
    certificate.verify_directly_issued_by(issuer)
    assert facts_of_untrusted(lsc).common_name == common_name
    texts = {part.oid._name: part.value for part in certificate.subject}
    assert texts.get("serialNumber") == serial_number
    assert (texts["organizationName"], texts["organizationalUnitName"]) == ("Cisco", "TAC")
    assert certificate.signature_hash_algorithm is not None
    assert certificate.signature_hash_algorithm.name == "sha256"
    assert [one.oid._name for one in certificate.extensions] == [
        "basicConstraints",
        "keyUsage",
        "subjectAltName",
        "extendedKeyUsage",
    ]


async def test_an_lsc_is_deleted(autojump_clock: MockClock) -> None:
    lab = a_lab()
    held = own_lsc(lab)
    lab.schedule(DELETE, NULL)
    async with lab.serving(Memory()) as server:
        ended = await Phone(server).converse(Applicant(DEVICE, lsc=held.certificate))
    assert (ended.operation, ended.erase, ended.done) == (DELETE, True, True)
    assert (lab.record().operation, lab.record().lsc) == (Operation.NOTHING, None)


async def test_nothing_to_delete_stays_scheduled(autojump_clock: MockClock) -> None:
    lab = a_lab()
    before = lab.schedule(DELETE, NULL)
    async with lab.serving(Memory()) as server:
        ended = await Phone(server).converse()
    assert ended.reason == 7
    assert lab.record().is_same_task(before)
    assert lab.record().result == "failed: the phone did not delete its certificate (reason 7)"


@pytest.mark.parametrize(
    ("lsc", "has_mic", "result"),
    [(True, True, "LSC, MIC"), (False, True, "MIC"), (True, False, "LSC"), (False, False, "none")],
)
async def test_troubleshoot_fetches_both_certificates(
    lsc: bool, has_mic: bool, result: str, autojump_clock: MockClock
) -> None:
    lab = a_lab()
    kept: list[tuple[str, CertificateType, bytes]] = []
    lab.keep(lambda device, kind, certificate: kept.append((device, kind, certificate)))
    held, own = own_lsc(lab).certificate, mic().certificate
    lab.schedule(FETCH, NULL)
    applicant = Applicant(DEVICE, lsc=held if lsc else None, mic=own if has_mic else None)
    async with lab.serving(Memory()) as server:
        ended = await Phone(server).converse(applicant)
    assert (ended.operation, ended.reason) == (FETCH, 0)
    assert lab.record().result == f"troubleshoot successful: {result}"
    wanted = [(DEVICE, CertificateType.LSC, held)] if lsc else []
    wanted += [(DEVICE, CertificateType.MIC, own)] if has_mic else []
    assert kept == wanted


async def test_nothing_pending_unknown_and_expired(autojump_clock: MockClock) -> None:
    lab = a_lab()
    async with lab.serving(Memory()) as server:
        assert (await Phone(server).converse()).reason == 0
        assert (await Phone(server).converse(Applicant("SEP000000000009"))).reason == 9
        lab.schedule(INSTALL, NULL, until=NOW)
        assert (await Phone(server).converse()).reason == 0
        lab.schedule(INSTALL, NULL, until=NOW + 1)
        assert (await Phone(server).converse()).reason == 1
    assert server.refusals == [
        (0, "no operation is pending"),
        (9, "no such device"),
        (0, "the operation has expired"),
    ]


async def test_the_trace_of_an_install(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, NULL)
    async with lab.serving(Memory()) as server:
        await Phone(server).converse()
    accepted = server.seen[0]
    phone = (1, accepted.phone_address, accepted.phone_port)
    unknown, known = (*phone, "UNKNOWN"), (*phone, DEVICE)
    assert server.seen == [
        CAPFConnectionAccepted(*phone),
        CAPFHandshakeDone(*phone),
        CAPFMessage(*unknown, "AUTH_REQ"),
        CAPFMessageReceived(*unknown),
        CAPFMessage(*unknown, "AUTH_RES"),
        CAPFEventReceived(*unknown, "AUTH_RES", "AWAIT_AUTH_RES"),
        CAPFMessage(*known, "KEY_GEN_REQ"),
        CAPFMessageReceived(*known),
        CAPFMessage(*known, "REQ_IN_PROGRESS"),
        CAPFEventReceived(*known, "REQUEST_IN_PROGRESS", "AWAIT_KEY_GEN_RES"),
        CAPFMessageReceived(*known),
        CAPFMessage(*known, "KEY_GEN_RES"),
        CAPFEventReceived(*known, "KEY_GEN_RES", "AWAIT_KEY_GEN_RES"),
        CAPFCertificateGenerated(*known),
        CAPFMessage(*known, "STORE_CERT_REQ"),
        CAPFMessageReceived(*known),
        CAPFMessage(*known, "STORE_CERT_RES"),
        CAPFEventReceived(*known, "STORE_CERT_RES", "AWAIT_STORE_CERT_RES"),
        CAPFMessage(*known, "END_SESSION"),
        CAPFUpgradeSuccessful(*known),
    ]


async def test_sessions_are_counted(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(DELETE, NULL)
    held = Applicant(DEVICE, lsc=own_lsc(lab).certificate)
    async with lab.serving(Memory()) as server:
        await Phone(server).converse(Applicant("SEP000000000009"))
        await Phone(server).converse(held)
    assert [e.request_number for e in server.seen if isinstance(e, CAPFHandshakeDone)] == [1, 2]
    [done] = [e for e in server.seen if isinstance(e, CAPFOperationDone)]
    assert (done.request_number, done.operation) == (2, "delete")


# --- authentication strings -----------------------------------------------------------------------


async def test_a_string_is_used_once(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, STRING, string="123456")
    async with lab.serving(Memory()) as server:
        assert (await Phone(server).converse(STRING_APPLICANT)).reason == 1
        lab.schedule(INSTALL, STRING)
        assert (await Phone(server).converse(STRING_APPLICANT)).reason == 7
    assert server.refusals == [(7, "no authentication string is set")]


async def test_wrong_strings_are_counted_and_then_withdraw_it(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, STRING, string="123456")
    async with lab.serving(Memory()) as server:
        for wrong in ("", "12345", "1234567")[:ATTEMPTS]:
            assert (await Phone(server).converse(Applicant(DEVICE, wrong))).reason == 7
        assert (await Phone(server).converse(STRING_APPLICANT)).reason == 0
    record = lab.record()
    assert (record.operation, record.string, record.lsc) == (Operation.NOTHING, "", None)
    assert record.result == "withdrawn: too many wrong authentication strings"


async def test_a_wrong_string_before_the_right_one(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, STRING, string="123456")
    async with lab.serving(Memory()) as server:
        assert (await Phone(server).converse(Applicant(DEVICE, "654321"))).reason == 7
        assert lab.record().wrong_strings == 1
        assert (await Phone(server).converse(STRING_APPLICANT)).reason == 1


async def test_two_phones_with_one_string_get_one_certificate(autojump_clock: MockClock) -> None:
    """And somebody who guesses meanwhile does not disturb the one who knows it."""
    lab = a_lab()
    lab.schedule(INSTALL, STRING, string="123456")
    slow = Slow()
    reasons: list[int | None] = []
    async with lab.serving(Memory()) as server:

        async def enrol() -> None:
            reasons.append((await Phone(server, keys=slow).converse(STRING_APPLICANT)).reason)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(enrol)
            nursery.start_soon(enrol)
            await trio.sleep(1)
            assert (await Phone(server).converse(Applicant(DEVICE, "0000"))).reason == 7
            slow.ready.set()
    assert sorted(reasons, key=str) == [1, 7]
    assert server.refusals[-1] == (7, "the operation was changed while it was done")
    assert lab.record().result == "upgrade successful"


class Slow:
    """Keys that are made when told."""

    def __init__(self) -> None:
        self.ready = trio.Event()

    async def make(self, kind: KeyKind) -> PrivateKey:
        await self.ready.wait()
        return await Pooled().make(kind)


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [RSAKind(2048), ECKind(Curve.P384)], ids=str)
@pytest.mark.parametrize("made_kind", [SMALL, ECKind(Curve.P256)], ids=str)
async def test_a_key_of_another_kind_is_not_certified(
    asked: KeyKind, made_kind: KeyKind, autojump_clock: MockClock
) -> None:
    class Other:
        async def make(self, _: KeyKind) -> PrivateKey:
            return await Pooled().make(made_kind)

    lab = a_lab()
    task = lab.schedule(INSTALL, NULL, asked)
    async with lab.serving(Memory()) as server:
        assert (await Phone(server, keys=Other()).converse()).reason == 7
    assert server.refusals == [(7, f"the phone made a key {made_kind}, asked for was {asked}")]
    assert lab.record().is_same_task(task)
    assert lab.record().lsc is None


async def test_an_old_phone_by_tls_1_0(autojump_clock: MockClock) -> None:
    lab = a_lab()
    lab.schedule(INSTALL, NULL, until=LATER)
    async with lab.serving(Memory()) as server:
        phone = Phone.old(server)
        assert (await phone.converse()).done
