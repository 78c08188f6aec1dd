"""The phone's whole TVS client against a foreign TLS server that demands a certificate.

The server is Python's own `ssl` with CERT_REQUIRED, in a thread; what it says inside of TLS is the
lab's answer. `openssl s_server` does the same for the handshake alone (test_net_tls_loopback).
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import VECTORS
from tls_support import mic
from tvs_client_support import ANSWER, ANY, HOST, PORT, Phone

from secd.files.identity import load_identity_untrusted
from secd.net.kernel import KernelNetwork
from secd.net.network import Address, AddressBook
from secd.net.own_certificate import OwnCertificate
from secd.net.tls_context import TLSIdentity
from secd.net.tvs import TVSFailed
from secd.tvs import TVSServerSession
from secd.words import CertificateKind

TVS = VECTORS / "certs" / "tvs.pem"
PATIENCE_SECONDS = 10.0


@dataclass
class Foreign:
    """What the server heard. shown -- the certificate of the client, DER."""

    address: Address
    shown: list[bytes | None] = field(default_factory=list)


@contextmanager
def demanding(issuers: Path, version: ssl.TLSVersion) -> Iterator[Foreign]:
    """Serve one client, which has to show a certificate that one of these vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("AES256-SHA:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(TVS)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(issuers)

    def converse() -> None:
        with suppress(ssl.SSLError, OSError):  # the phone hears of it, and the test of the phone
            plain, _ = listener.accept()
            plain.settimeout(PATIENCE_SECONDS)
            with context.wrap_socket(plain, server_side=True) as client:
                server.shown.append(client.getpeercert(binary_form=True))
                session = TVSServerSession()
                for request in session.receive_octets(client.recv(4096)):
                    client.sendall(session.answer(request, ANSWER))

    with socket.create_server(ANY) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        host, port = listener.getsockname()
        server = Foreign((host, port))
        thread = threading.Thread(target=converse)
        thread.start()
        yield server
        thread.join()


def phone(server: Foreign, model: str, own: OwnCertificate | None) -> Phone:
    book = AddressBook({(HOST, PORT): server.address})
    return Phone(KernelNetwork(), book, model, own=own)


def held(name: str) -> tuple[Path, OwnCertificate]:
    """Return one of a phone's certificates: its file, and what the phone shows."""
    path = VECTORS / f"{name}.pem"
    identity = load_identity_untrusted(path.read_bytes(), name)
    tls = TLSIdentity((identity.certificate,), identity.key)
    kind = CertificateKind.MIC if name.endswith("mic") else CertificateKind.LSC
    return path, OwnCertificate(kind, tls)


@pytest.mark.parametrize(
    ("model", "version"), [("7975", ssl.TLSVersion.TLSv1), ("8861", ssl.TLSVersion.TLSv1_2)]
)
@pytest.mark.parametrize("name", ["certs/mic", "capf/keys/lsc-rsa", "capf/keys/lsc-ec"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated:DeprecationWarning")
async def test_the_phone_shows_what_is_demanded(
    model: str, version: ssl.TLSVersion, name: str
) -> None:
    path, own = held(name)
    with demanding(path, version) as server:
        assert await phone(server, model, own).ask() == ANSWER
    assert server.shown == [own.identity.chain[0]]


@pytest.mark.parametrize("own", [None, mic()], ids=["none", "of another manufacturer"])
async def test_a_phone_that_cannot_show_it_gets_no_answer(own: OwnCertificate | None) -> None:
    path, _ = held("capf/keys/lsc-rsa")
    with (
        demanding(path, ssl.TLSVersion.TLSv1_2) as server,
        pytest.raises(TVSFailed, match="the TLS handshake failed") as failed,
    ):
        await phone(server, "8861", own).ask()
    assert server.shown == []
    assert ("alert 40" if own is None else "alert 48") in str(failed.value)
