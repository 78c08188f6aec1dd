"""The lab's CAPF without its network: who may have what, and what is noted when it is done.

Each step reads the record anew and saves it only if nobody changed it meanwhile; so what an
administrator schedules while a phone is connected wins, and is not mistaken for done.
A wrong string, which anybody can send, does not disturb a phone that knew the right one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from firmware_sim.capf.certificates import LSCSubject, PhoneFacts, issue_lsc
from firmware_sim.capf.judging import CAPFDenied, Inquiry, judge_claim
from firmware_sim.capf.records import EXPIRES_AFTER_SECONDS, CAPFRecord
from firmware_sim.capf.store import CAPFStore
from firmware_sim.cluster.credentials import Credential
from firmware_sim.cluster.state import Device
from secd.capf import CertificateType, Claim, KeyKind, Operation, Reason
from secd.configuration import CAPFMode
from secd.text import text_of


def _forget(_: str, __: CertificateType, ___: bytes) -> None:
    """Nobody keeps what phones show."""


class CAPFCluster(Protocol):
    """What CAPF needs of a cluster: the lab's own, or one that follows its administrators."""

    @property
    def devices(self) -> dict[str, Device]:
        """The phones by their names."""
        ...

    @property
    def capf(self) -> Credential:
        """What signs LSCs."""
        ...

    @property
    def random(self) -> Random:
        """For serials."""
        ...


@dataclass(frozen=True, slots=True)
class CAPFOffice:
    """CAPF of a cluster.

    manufacturers -- certificates (DER) of authorities whose MICs are trusted.
    now -- Unix time. keep -- gets each certificate that Troubleshoot fetched.
    """

    cluster: CAPFCluster
    store: CAPFStore
    manufacturers: Sequence[bytes]
    now: Callable[[], float]
    subject: LSCSubject = LSCSubject.CUCM
    keep: Callable[[str, CertificateType, bytes], None] = _forget

    def judge(self, claim: Claim, session_id: int) -> CAPFRecord:
        """Return what is to be done for a phone.

        Raises CAPFDenied; a wrong authentication string is counted before.
        """
        name = text_of(claim.device_name)
        device = self.cluster.devices.get(name)
        if device is None:
            raise CAPFDenied("no such device", Reason.UNKNOWN_DEVICE)
        phone = PhoneFacts(device.name, device.model)
        authorities = (self.cluster.capf.certificate, *self.manufacturers)
        inquiry = Inquiry(phone, session_id, authorities, self.now())
        while True:
            record = self.store.get(name) or CAPFRecord(name)
            try:
                judge_claim(record, claim, inquiry)
            except CAPFDenied as denied:
                if not denied.wrong_string or self.store.save(record.after_wrong_string()):
                    raise
            else:
                return record

    def certify(self, record: CAPFRecord, public_key: bytes, kind: KeyKind) -> bytes:
        """Return an LSC (DER) for a key. Raises CAPFDenied for a key that was not asked for."""
        if kind != record.key:
            raise CAPFDenied(f"the phone made a key {kind}, asked for was {record.key}")
        phone = PhoneFacts(record.device, self.cluster.devices[record.device].model)
        cluster = self.cluster
        return issue_lsc(cluster.capf, phone, public_key, self.subject, cluster.random, self.now())

    def installed(self, record: CAPFRecord, lsc: bytes) -> CAPFRecord:
        """Note that a phone has stored its LSC; see `_done`."""
        return self._done(record, lambda now: replace(now.withdrawn("upgrade successful"), lsc=lsc))

    def deleted(self, record: CAPFRecord) -> CAPFRecord:
        """Note that a phone has deleted its LSC; see `_done`."""
        return self._done(
            record, lambda now: replace(now.withdrawn("deletion successful"), lsc=None)
        )

    def shown(self, record: CAPFRecord, certificates: dict[CertificateType, bytes]) -> CAPFRecord:
        """Note which certificates a phone has shown; see `_done`. Raises UnusableInput too."""
        for kind, certificate in certificates.items():
            self.keep(record.device, kind, certificate)
        names = ", ".join(kind.name for kind in certificates) or "none"
        return self._done(record, lambda now: now.withdrawn(f"troubleshoot successful: {names}"))

    def failed(self, record: CAPFRecord, why: str) -> None:
        """Note why an operation came to nothing; it stays scheduled."""
        self._change(record, lambda now: replace(now, result=f"failed: {why}"))

    def _done(self, record: CAPFRecord, change: Callable[[CAPFRecord], CAPFRecord]) -> CAPFRecord:
        """Change the record and return it as saved.

        Raises CAPFDenied where something else is scheduled since the phone was judged: another
        connection was faster and used the string up, or the administrator came between.
        """
        done = self._change(record, change)
        if done is None:
            raise CAPFDenied("the operation was changed while it was done")
        return done

    def _change(
        self, record: CAPFRecord, change: Callable[[CAPFRecord], CAPFRecord]
    ) -> CAPFRecord | None:
        """Change the record as it is now, if it still is about the same task; else None."""
        while (now := self.store.get(record.device)) is not None and now.is_same_task(record):
            changed = change(now)
            if self.store.save(changed):
                return replace(changed, revision=changed.revision + 1)
        return None

    def undo(self, before: CAPFRecord, done: CAPFRecord) -> None:
        """Schedule an operation again whose end the phone did not hear, if nothing changed."""
        self.store.save(replace(before, revision=done.revision))

    def device_now(self, device: Device) -> Device:
        """Return a device with what CAPF knows of it: how it is to prove itself, its certificate.

        One of which CAPF knows nothing is returned as it is.
        """
        record = self.store.get(device.name)
        if record is None:
            return device
        certificate = record.certificate or device.certificate
        return replace(device, capf_mode=record.mode(self.now()), certificate=certificate)

    def adopt(self) -> None:
        """Schedule an Install where the cluster's state says capf_mode and CAPF knows nothing."""
        for device in self.cluster.devices.values():
            none = device.capf_mode is CAPFMode.NO_PENDING_OPERATION
            if not none and self.store.get(device.name) is None:
                record = CAPFRecord(device.name)
                until = self.now() + EXPIRES_AFTER_SECONDS
                self.store.save(
                    record.scheduled(Operation.INSTALL, device.capf_mode, record.key, until)
                )
