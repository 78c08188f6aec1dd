"""The phone's own certificates through one boot: when it turns to CAPF, and what that changes.

A phone turns to CAPF at most once in a boot (?), when its configuration says so:

    capfAuthMode 2, 3 or 4        an operation is scheduled
    encrConfig, and certHash is   "different or blank: the phone starts CAPF" (security guide);
    that of none of its           capfAuthMode 1 excepted, which waits for somebody who types
    certificates                  the authentication string
    the encrypted configuration   the start reasons of Cisco's open SIP stack name it too
    could not be decrypted

In a secure mode this comes before registration, else after it (security guide). An LSC that came or
went makes the phone ask for its configuration again (Cisco's open SIP stack).
"""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.boot.enrol import Application, EnrolMachine
from secd.boot.lists import Told
from secd.boot.messages import EraseLSC, InstallLSC
from secd.capf import (
    Applicant,
    CAPFEnded,
    Identity,
    Operation,
    kind_of_untrusted,
    public_octets,
)
from secd.certs import facts_of_untrusted
from secd.configuration import CAPFMode, Configuration
from secd.trace import (
    CAPFNoValidServer,
    EnrolmentEnded,
    EnrolmentStarted,
    LSCErased,
    LSCInstalled,
)
from secd.words import CertificateKind, EnrolmentCause, EnrolmentOutcome

_DONE = {
    Operation.NOTHING: EnrolmentOutcome.NOTHING_SCHEDULED,
    Operation.INSTALL: EnrolmentOutcome.INSTALLED,
    Operation.DELETE: EnrolmentOutcome.DELETED,
    Operation.FETCH: EnrolmentOutcome.FETCHED,
}
_FAILURES = frozenset(
    {
        EnrolmentOutcome.REFUSED,
        EnrolmentOutcome.NO_CERTIFICATE,
        EnrolmentOutcome.NO_VALID_SERVER,
        EnrolmentOutcome.UNREACHABLE,
    }
)


@dataclass(frozen=True, slots=True)
class Identities:
    """The certificates with keys that a phone holds."""

    lsc: Identity | None = None
    mic: Identity | None = None

    @property
    def preferred(self) -> tuple[CertificateKind, Identity] | None:
        """What the phone shows to a TLS server that asks: the LSC takes the MIC's place."""
        if self.lsc is not None:
            return CertificateKind.LSC, self.lsc
        return None if self.mic is None else (CertificateKind.MIC, self.mic)

    def matching(self, certificate_hash: str) -> Identity | None:
        """Return the one that a configuration is encrypted to: `certHash`, MD5 of the DER.

        Only an RSA key can unwrap the file's key, so no other one counts.
        """
        for identity in (self.lsc, self.mic):
            if identity is not None and isinstance(identity.key, rsa.RSAPrivateKey):
                digest = hashlib.md5(identity.certificate, usedforsecurity=False)
                if digest.hexdigest() == certificate_hash:
                    return identity
        return None


def applicant_for(
    device: str, held: Identities, capf_auth_mode: int, string: str = ""
) -> Applicant | None:
    """Return who applies, and how he proves it; None: By Existing Certificate, and he has none.

    capf_auth_mode -- as in the configuration (`CAPFMode`); only By Existing Certificate proves
    anything by a certificate.
    """
    proof = None
    if capf_auth_mode in (
        CAPFMode.EXISTING_CERTIFICATE_LSC,
        CAPFMode.EXISTING_CERTIFICATE_MIC,
    ):
        lsc_first = capf_auth_mode == CAPFMode.EXISTING_CERTIFICATE_LSC
        proof = (held.lsc or held.mic) if lsc_first else (held.mic or held.lsc)
        if proof is None:
            return None
    rsa_held = (
        identity
        for identity in (held.mic, proof)
        if identity is not None and isinstance(identity.key, rsa.RSAPrivateKey)
    )
    return Applicant(
        device,
        string,
        proof,
        # The open capfc shows SUDI data beside every proof; which certificate a phone takes
        # for it no source says (?): here the one that was made with the phone.
        None if proof is None else next(rsa_held, None),
        None if held.lsc is None else held.lsc.certificate,
        None if held.mic is None else held.mic.certificate,
    )


def outcome_of(ended: CAPFEnded) -> EnrolmentOutcome:
    """Return what a session came to."""
    return _DONE[ended.operation] if ended.done else EnrolmentOutcome.REFUSED


class Enrolling:
    """What the phone holds by now, and the application that runs. due -- why one is due."""

    def __init__(self, device: str, identities: Identities) -> None:
        self.identities = identities
        self.due: EnrolmentCause | None = None
        self.outcome: EnrolmentOutcome | None = None
        self.machine: EnrolMachine | None = None
        self._device = device

    def consider(self, configuration: Configuration, decryption_failed: bool) -> None:
        """Settle whether an application is due, once the configuration in use is known."""
        if self.outcome is None:
            self.due = self._cause(configuration, decryption_failed)

    def _cause(
        self, configuration: Configuration, decryption_failed: bool
    ) -> EnrolmentCause | None:
        if _waits_for_string(configuration):
            return None
        if decryption_failed:
            return EnrolmentCause.DECRYPTION_FAILED
        if configuration.capf_auth_mode:
            return EnrolmentCause.SCHEDULED
        matching = self.identities.matching(configuration.certificate_hash)
        if configuration.encrypted and matching is None:
            return EnrolmentCause.CERTIFICATE_HASH
        return None

    def begin(self, application: Application, before: bool) -> Told:
        """Begin the application that is due. before -- it comes before registration.

        `machine` is None afterwards where the phone has no certificate to prove itself with.
        """
        if self.due is None:
            raise RuntimeError("no application to CAPF is due")
        started = EnrolmentStarted(self.due, before)
        self.due = None
        if application.applicant is None:
            return [started, *self._end(EnrolmentOutcome.NO_CERTIFICATE)]
        self.machine = machine = EnrolMachine(application, application.applicant)
        return [started, *machine.begin()]

    def applicant(self, configuration: Configuration, string: str = "") -> Applicant | None:
        """Return who applies, and how he proves it; None where he cannot."""
        mode = configuration.capf_auth_mode
        return applicant_for(self._device, self.identities, mode, string)

    def settle(self, machine: EnrolMachine) -> Told:
        """Take how an application ended."""
        self.machine = None
        ended = machine.ended
        if ended is None:
            if machine.untrusted:
                outcome = EnrolmentOutcome.NO_VALID_SERVER
                return [CAPFNoValidServer(), *self._end(outcome)]
            return self._end(EnrolmentOutcome.UNREACHABLE)
        told = self._change(ended)
        return [*told, *self._end(outcome_of(ended), ended.refused, ended.reason)]

    def lacks_lsc(self, configuration: Configuration | None) -> bool:
        """Tell whether a secure mode waits for an LSC that CAPF did not give.

        "Authenticated or encrypted: CAPF first, no registration until the LSC is in"; with an
        authentication string nobody asks CAPF before somebody types it (CUCM security guide).
        """
        if configuration is None or not configuration.is_secure:
            return False
        wanted = self.outcome in _FAILURES or _waits_for_string(configuration)
        return wanted and self.identities.lsc is None

    def _change(self, ended: CAPFEnded) -> Told:
        if ended.install is not None:
            renewed = self.identities.lsc is not None
            self.identities = Identities(ended.install, self.identities.mic)
            facts = facts_of_untrusted(ended.install.certificate)
            kind = kind_of_untrusted(public_octets(ended.install.key))
            serial = facts.serial.hex().upper()
            installed = LSCInstalled(facts.subject, facts.issuer, serial, str(kind), renewed)
            return [InstallLSC(), installed]
        if ended.erase:
            self.identities = Identities(None, self.identities.mic)
            return [EraseLSC(), LSCErased()]
        return []

    def _end(self, outcome: EnrolmentOutcome, detail: str = "", reason: int | None = None) -> Told:
        self.outcome = outcome
        return [EnrolmentEnded(outcome, -1 if reason is None else reason, detail)]


def _waits_for_string(configuration: Configuration) -> bool:
    return configuration.capf_auth_mode == CAPFMode.AUTHENTICATION_STRING
