"""The configuration of a booting phone: what decisions about it change and tell.

A configuration that is refused, broken or missing changes nothing: the last good one stays in use
(79xx guides: files that fail authentication are not written to flash).
"""

from secd.boot.enrolling import Identities
from secd.boot.judged import acceptance_events, refusal_events
from secd.boot.lists import Told
from secd.boot.messages import StoreConfiguration
from secd.capf import Identity
from secd.configuration import Configuration, parse_configuration_untrusted
from secd.errors import MalformedFile
from secd.models import Model
from secd.trace import ConfigurationAccepted, ConfigurationRefused
from secd.trust import (
    Accept,
    Evidence,
    Installed,
    Reason,
    Refuse,
    Verdict,
    knows_call_manager,
)
from secd.words import FileKind, Transport


class Configuring:
    """The configuration in use through one boot. fresh -- it was accepted in this boot."""

    def __init__(self, configuration: Configuration | None, model: Model) -> None:
        self.current = configuration
        self._model = model
        self.fresh = False
        self.decryption_failed = False

    def judged(
        self, asked: str, kind: FileKind, transport: Transport, path: str, verdict: Verdict
    ) -> Told:
        """Apply the decision about a configuration that came, its XML included."""
        if isinstance(verdict, Refuse):
            self.decryption_failed = verdict.reason is Reason.DECRYPT_FAILED
            return self._refused(asked, kind, path, verdict)
        if not isinstance(verdict, Accept):
            raise RuntimeError(f"a configuration cannot be {type(verdict).__name__}")
        try:
            configuration = parse_configuration_untrusted(verdict.payload)
        except MalformedFile as error:
            evidence = Evidence(str(error), verdict.evidence.file)
            unreadable = Refuse(Reason.CONFIGURATION_UNREADABLE, evidence)
            return self._refused(asked, kind, path, unreadable)
        self.current, self.fresh = configuration, True
        return [
            *acceptance_events(asked, kind, verdict),
            StoreConfiguration(verdict.payload),
            ConfigurationAccepted(asked, base_name(asked), kind, transport, verdict.reason),
        ]

    def lacks_call_manager(self, installed: Installed) -> bool:
        """Tell whether the mode is secure while no list can authenticate a call manager."""
        secure = self.current is not None and self.current.is_secure
        return secure and not knows_call_manager(installed, self._model.switches)

    def key_identity(self, identities: Identities) -> Identity | None:
        """Return the certificate that the configuration in use says the next one is encrypted to.

        None where it is not encrypted, or to none that the phone holds (security guide: certHash
        equal, then `.enc.sgn` is asked for).
        """
        if self.current is None or not self.current.encrypted:
            return None
        return identities.matching(self.current.certificate_hash)

    @staticmethod
    def _refused(asked: str, kind: FileKind, path: str, verdict: Refuse) -> Told:
        detail = verdict.evidence.detail
        return [
            *refusal_events(asked, kind, path, verdict),
            ConfigurationRefused(asked, base_name(asked), verdict.reason, detail),
        ]


def base_name(asked: str) -> str:
    """Return the name of a configuration without the suffixes of its envelope."""
    return asked.removesuffix(".sgn").removesuffix(".enc")
