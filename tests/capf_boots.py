"""CAPF servers for the boot machine: what they say to a phone, without a network."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from trust_lists import identity as cluster_identity
from trust_lists import issued

from secd.boot import CAPFSessionEnded, Event, Identities, ResumeCAPF, StartCAPF
from secd.capf import CAPFEnded, Identity, Operation

SERVER, SECOND = "10.1.1.1", "10.1.1.2"


@cache
def own(name: str, *, curve: bool = False) -> Identity:
    """A certificate of the phone, self-signed for want of a better issuer."""
    if curve:
        key = ec.generate_private_key(ec.SECP256R1())
        return Identity(issued(name, key).certificate, key)
    made = cluster_identity(name)
    return Identity(made.certificate, made.rsa_key)


def rsa_key_of(held: Identity) -> rsa.RSAPrivateKey:
    assert isinstance(held.key, rsa.RSAPrivateKey)
    return held.key


LSC, NEW_LSC, MIC = own("LSC"), own("NEW-LSC"), own("MIC")
EC_LSC = own("EC-LSC", curve=True)
BOTH = Identities(LSC, MIC)


def installs(lsc: Identity = NEW_LSC) -> CAPFEnded:
    return CAPFEnded(Operation.INSTALL, 1, lsc)


DELETES = CAPFEnded(Operation.DELETE, 1, erase=True)
NOTHING = CAPFEnded(Operation.NOTHING, 0)
FETCHES = CAPFEnded(Operation.FETCH, 0)
BUSY = CAPFEnded(Operation.NOTHING, None)


def refuses(reason: int) -> CAPFEnded:
    return CAPFEnded(Operation.NOTHING, reason)


class Servers:
    """Answers one connection after the other; the last answer is given again. Notes the calls."""

    def __init__(self, *answers: Event | CAPFEnded) -> None:
        self.asked: list[StartCAPF] = []
        self.resumed: list[ResumeCAPF] = []
        self._answers = list(answers)

    def __call__(self, start: StartCAPF | ResumeCAPF) -> Event:
        if isinstance(start, StartCAPF):
            self.asked.append(start)
        else:
            self.resumed.append(start)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return CAPFSessionEnded(answer) if isinstance(answer, CAPFEnded) else answer

    @property
    def addresses(self) -> list[str]:
        return [start.server for start in self.asked]
