"""A server in a process of its own: `python -m benchmarks.capf_server bare|ec|rsa` prints its port.

bare -- TLS handshakes, nothing else. ec, rsa -- CAPF: an LSC with an EC P-256 or RSA-2048 key for
whoever asks, without any store of devices.
"""

import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from firmware_sim.net.tcp import KernelTCPServerNetwork
from firmware_sim.net.tls import MODERN, TLSServerSettings, serve_tls
from secd.capf import (
    CAPFServerSession,
    ClaimReceived,
    Curve,
    ECKind,
    Identity,
    KeyKind,
    KeyReceived,
    Message,
    RSAKind,
    ServerOutput,
    ServerState,
    Stored,
)
from secd.files.identity import load_identity_untrusted
from secd.net.network import Address
from secd.net.tls_context import TLSIdentity
from secd.net.tls_stream import TLSStream

CAPF_PEM = Path(__file__).parent.parent / "tests" / "vectors" / "capf" / "keys" / "capf.pem"
KINDS: dict[str, KeyKind] = {"ec": ECKind(Curve.P256), "rsa": RSAKind(2048)}


class Server:
    """Gives LSCs with keys of one kind."""

    def __init__(self, kind: KeyKind, ca: Identity) -> None:
        self._kind, self._ca = kind, ca
        self._issuer = x509.load_der_x509_certificate(ca.certificate).subject
        self._numbers = count(1)

    async def serve(self, stream: TLSStream, _: Address) -> None:
        """Hold one session."""
        session = CAPFServerSession(next(self._numbers))
        name = ""
        await stream.send_all(session.start().encode())
        while session.state is not ServerState.ENDED:
            octets = await stream.receive_some()
            if not octets:
                return
            for output in session.receive_octets(octets):
                if isinstance(output, ClaimReceived):
                    name = output.claim.device_name.decode()
                message = self._answer(session, output, name)
                if message is not None:
                    await stream.send_all(message.encode())

    def _answer(
        self, session: CAPFServerSession, output: ServerOutput, name: str
    ) -> Message | None:
        match output:
            case ClaimReceived():
                return session.install(self._kind)
            case KeyReceived(public_key, _):
                return session.store(self._certified(public_key, name))
            case Stored(reason):
                return session.end(reason or 0)
            case _:
                return None

    def _certified(self, public_key: bytes, name: str) -> bytes:
        key = load_der_public_key(public_key)
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise TypeError("phones make RSA and EC keys")
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=365))
        )
        return builder.sign(self._ca.key, hashes.SHA256()).public_bytes(Encoding.DER)


async def _shake_hands(stream: TLSStream, _: Address) -> None:
    """The client says goodbye."""
    await stream.receive_some()


async def main(what: str) -> None:
    """Serve until killed."""
    ca = load_identity_untrusted(CAPF_PEM.read_bytes(), CAPF_PEM.name)
    handler = _shake_hands if what == "bare" else Server(KINDS[what], ca).serve
    settings = TLSServerSettings(MODERN, TLSIdentity((ca.certificate,), ca.key))
    async with trio.open_nursery() as nursery:
        network = KernelTCPServerNetwork()
        address = await nursery.start(serve_tls, network, ("127.0.0.1", 0), settings, handler)
        print(address[1], flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
