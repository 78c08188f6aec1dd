"""A phone's CAPF client over TLS, in the network in memory."""

from dataclasses import dataclass, field
from random import Random

import pytest
from capf_support import DEVICE, OneKey
from capf_vectors import certificate
from tls_support import pin

from secd.capf import (
    Applicant,
    CAPFEnded,
    Curve,
    ECKind,
)
from secd.files.data import model_catalogue
from secd.files.flash import MemoryFlash
from secd.files.identity import LSCFile
from secd.net.capf import CAPFClient, CAPFFailed
from secd.net.keys import KeySource
from secd.net.memory import MemoryNetwork
from secd.net.network import Address, AddressBook, Network
from secd.net.tls_stream import Verify
from secd.trace import (
    TLSPurpose,
    TraceEvent,
)

HOST, PORT = "10.1.1.1", 3804


ANY: Address = ("127.0.0.1", 0)
NUMBERS = (TLSPurpose.CAPF, HOST, PORT, 1, 1)
APPLICANT = Applicant(DEVICE)
EC = ECKind(Curve.P256)
PATIENCE_SECONDS = 30.0


@dataclass
class Phone:
    """A CAPF client, the flash it stages in, and all that it told."""

    network: Network
    book: AddressBook = field(default_factory=AddressBook)
    verify: Verify = field(default_factory=lambda: pin(certificate("capf")))
    keys: KeySource = field(default_factory=OneKey)
    model: str = "8861"
    flash: MemoryFlash = field(default_factory=MemoryFlash)
    told: list[TraceEvent] = field(default_factory=list)
    seen: list[tuple[bool, int]] = field(default_factory=list)

    async def apply(self, applicant: Applicant = APPLICANT) -> CAPFEnded:
        client = CAPFClient(
            self.network,
            self.book,
            model_catalogue().find(self.model).tls,
            self.verify,
            self.keys,
            LSCFile(self.flash),
            self.told.append,
            lambda message, by_phone: self.seen.append((by_phone, message.kind)),
        )
        return await client.converse(HOST, PORT, applicant)

    async def failure(self, kind: type[CAPFFailed] = CAPFFailed) -> str:
        with pytest.raises(CAPFFailed) as caught:
            await self.apply()
        assert type(caught.value) is kind
        assert self.flash.names() == frozenset()  # neither LSC nor a staged one
        return str(caught.value)


def in_memory() -> MemoryNetwork:
    return MemoryNetwork(Random(1))


def led_to(address: Address) -> AddressBook:
    return AddressBook({(HOST, PORT): address})
