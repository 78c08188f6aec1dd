"""One connection of a CTL Client to a CTL Provider: TLS, requests, and whose fault it is.

What is asked is decided by `ctl_client`. No phone trusts anything here: a client knows a provider
by the fingerprint that its administrator has confirmed, and says so in the words that every TLS
stream takes (`PeerVerdict`).
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, TypeVar

import trio

from firmware_sim.ctl_provider.messages import Answer, Refused, Request
from firmware_sim.ctl_provider.session import ClientSession
from firmware_sim.net.ctl_provider_server import PROVIDER_PROFILE
from secd.errors import RemoteProtocolViolation, SecdError
from secd.net.network import Address, AddressBook, Network, Unreachable
from secd.net.tls import connect_tls
from secd.net.tls_errors import CertificateRefused, TLSError
from secd.net.tls_stream import TLSStream, Verify
from secd.text import text_of
from secd.trust import Accept, Evidence, Reason, Refuse
from secd.trust.peers import PeerVerdict

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 20.0  # a password, a full disk, a wrong login take their time
_READ_BYTES: Final = 16 * 1024
_GoodAnswer = TypeVar("_GoodAnswer", bound=Answer)


class ProviderUnreachable(SecdError):  # noqa: N818 - the name is the finding
    """A node's provider cannot be had, or broke off; the message names the node."""


class ProviderRefused(SecdError):  # noqa: N818
    """A node's provider refuses, or is not the one that it should be; the message names it."""


async def certificate_shown(network: Network, book: AddressBook, host: str, port: int) -> bytes:
    """Return the certificate (DER) that a provider shows; nothing is said to it.

    Raises ProviderUnreachable.
    """
    stream = await connect(network, book, host, (host, port), _any)
    try:
        return stream.peer_certificate or b""
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()


async def connect(
    network: Network, book: AddressBook, name: str, address: Address, verify: Verify
) -> TLSStream:
    """Connect to the provider of the node `name`; `verify` judges its certificate.

    Raises ProviderUnreachable, ProviderRefused.
    """
    try:
        with trio.fail_after(_CONNECT_SECONDS):
            stream = await network.open_tcp(book.actual(*address))
            return await connect_tls(stream, PROVIDER_PROFILE, verify)
    except trio.TooSlowError:
        raise ProviderUnreachable(f"{name}: no TLS session within 10 s") from None
    except Unreachable as error:
        raise ProviderUnreachable(f"{name}: {error.reason}") from None
    except CertificateRefused:
        raise ProviderRefused(
            f"{name}: shows another certificate than it should; if its CallManager was restarted "
            "just now, begin anew"
        ) from None
    except (TLSError, OSError) as error:
        raise ProviderUnreachable(f"{name}: {error}") from None


@dataclass(slots=True)
class Conversation:
    """One connection to a node's provider."""

    name: str
    stream: TLSStream
    session: ClientSession = field(default_factory=ClientSession)

    async def ask(self, request: Request, wanted: type[_GoodAnswer]) -> _GoodAnswer:
        """Return the answer. Raises ProviderUnreachable, ProviderRefused."""
        what = type(request).__name__
        try:
            with trio.fail_after(_ANSWER_SECONDS):
                answer = await self._exchange(request)
        except trio.TooSlowError:
            raise ProviderUnreachable(f"{self.name}: does not answer to {what}") from None
        except (TLSError, RemoteProtocolViolation) as error:
            raise ProviderUnreachable(f"{self.name}: {what}: {error}") from None
        if isinstance(answer, Refused):
            raise ProviderRefused(f"{self.name}: {text_of(answer.text.encode())}")
        if not isinstance(answer, wanted):
            raise TypeError(f"a session took {answer!r} for an answer to {what}")
        return answer

    async def _exchange(self, request: Request) -> Answer:
        await self.stream.send_all(self.session.ask(request))
        answer = None
        while answer is None:
            octets = await self.stream.receive_some(_READ_BYTES)
            if not octets:
                raise RemoteProtocolViolation("the provider closed the connection")
            answer = self.session.receive_octets(octets)
        return answer


def _any(_: bytes) -> PeerVerdict:
    return Accept(Reason.PEER_LISTED)


def pinned(fingerprint: bytes) -> Verify:
    """Take the certificate with this SHA-256 and no other."""

    def judge(certificate: bytes) -> PeerVerdict:
        if hashlib.sha256(certificate).digest() == fingerprint:
            return Accept(Reason.PEER_LISTED)
        return Refuse(Reason.PEER_NOT_LISTED, Evidence("not the certificate that was told"))

    return judge
