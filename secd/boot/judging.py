"""Who is judged with what: the contexts in which a boot asks `secd.trust`.

Nothing is decided here. Files are judged through `decide`, the servers of TLS handshakes through
`decide_peer`, always with what the phone holds at that moment.
"""

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import rsa

from secd.boot.configuring import Configuring
from secd.boot.enrol import Application
from secd.boot.enrolling import Enrolling
from secd.boot.lists import TrustLists
from secd.boot.phone import Phone
from secd.configuration import Server
from secd.trust import (
    Accept,
    Context,
    NeedsTVS,
    Reason,
    Refuse,
    Verdict,
    Voucher,
    decide,
    decide_peer,
)
from secd.trustlist import Function
from secd.words import FileKind, Transport


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that came and is being judged. path -- where the phone had put it."""

    file_name: str
    kind: FileKind
    octets: bytes
    server: str
    transport: Transport
    path: str


class Judging:
    """Asks for decisions about one phone. now_seconds -- Unix time of the event being handled."""

    def __init__(
        self, phone: Phone, lists: TrustLists, configuring: Configuring, enrolling: Enrolling
    ) -> None:
        self.now_seconds = 0.0
        self._phone = phone
        self._lists = lists
        self._configuring = configuring
        self._enrolling = enrolling

    def decide(self, candidate: Candidate, vouchers: tuple[Voucher, ...]) -> Verdict:
        """Judge a file.

        An encrypted one is opened by the key that fits, of LSC and MIC: the configuration that
        says to which it is encrypted is older than the file, and an LSC may have come since (?).
        """
        context = self.context(
            candidate.kind, candidate.file_name, candidate.server, candidate.transport
        )
        verdict = decide(self._lists.installed, candidate.octets, context, vouchers)
        for key in self._other_keys(context):
            if verdict.reason is not Reason.DECRYPT_FAILED:
                break
            again = replace(context, device_key=key)
            verdict = decide(self._lists.installed, candidate.octets, again, vouchers)
        return verdict

    def tvs_server(self, certificate: bytes) -> Accept | Refuse | NeedsTVS:
        """Judge the certificate that a TVS server shows in its handshake (row T3)."""
        return self._peer(certificate, Function.TVS)

    def file_server(self, certificate: bytes) -> Accept | Refuse | NeedsTVS:
        """Judge the certificate that an HTTPS file server shows in its handshake (row T5)."""
        return self._peer(certificate, Function.TFTP)

    def capf_server(self, certificate: bytes) -> Accept | Refuse | NeedsTVS:
        """Judge the certificate that a CAPF server shows in its handshake (row T2)."""
        if self._enrolling.machine is None:
            raise RuntimeError("no CAPF server was asked")
        return self._enrolling.machine.judge(certificate)

    def application(self, task: int, string: str = "") -> Application:
        """Return what an application to CAPF rests on.

        task -- the number its events carry. string -- the authentication string, if one was typed.
        """
        stored = self._configuring.current
        if stored is None:
            raise RuntimeError("no configuration names a CAPF server")
        return Application(
            self._enrolling.applicant(stored, string),
            stored.capf_servers,
            self._lists.installed,
            self._lists.vouchers,
            self.context(FileKind.PLAIN, ""),
            self.tvs_servers,
            task,
        )

    @property
    def tvs_servers(self) -> tuple[Server, ...]:
        """Those of the stored configuration: a moved phone asks its old ones (213407, 118893)."""
        stored = self._configuring.current
        return () if stored is None else stored.tvs_servers

    def context(
        self, kind: FileKind, name: str, server: str = "", channel: Transport = Transport.TFTP
    ) -> Context:
        """Return the context of a decision about a file of this kind and name."""
        return Context(
            self._phone.model,
            kind,
            self.now_seconds,
            requested_name=name,
            server_address=server,
            channel=channel,
            tvs_servers=tuple(server.address for server in self.tvs_servers),
            firmware_key=self._phone.firmware_key,
            device_key=self._device_key() if kind is FileKind.ENCRYPTED else None,
        )

    def _peer(self, certificate: bytes, function: Function) -> Accept | Refuse | NeedsTVS:
        context = self.context(FileKind.PLAIN, "")
        return decide_peer(self._lists.installed, certificate, function, context)

    def _other_keys(self, context: Context) -> list[rsa.RSAPrivateKey]:
        """Return what else may open a file that the phone asked for as an encrypted one."""
        if context.device_key is None:
            return []
        held = self._enrolling.identities
        keys = [identity.key for identity in (held.lsc, held.mic) if identity is not None]
        rsa_keys = [key for key in keys if isinstance(key, rsa.RSAPrivateKey)]
        return [key for key in rsa_keys if key is not context.device_key]

    def _device_key(self) -> rsa.RSAPrivateKey | None:
        identity = self._configuring.key_identity(self._enrolling.identities)
        return identity.key if identity and isinstance(identity.key, rsa.RSAPrivateKey) else None
